//! Files beside a log: what it was called before, copies of it, and strangers.

use std::fs::{DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ledger::is_sibling_name;

/// Ends of names that no rotation gives: locks, notes and half-written files beside a log, and other logs.
const NOT_LOGS: [&str; 26] = [
    "lock", "lck", "pid", "tmp", "temp", "part", "partial", "swp", "swo", "swx", "idx", "pos", "offset", "sha256",
    "err", "error", "errors", "stderr", "out", "stdout", "warn", "warnings", "debug", "trace", "access", "verdicts",
];

/// Files looked at in a folder, of those that may be wanted; past it the rest is left alone.
const MOST: usize = 65_536;

/// A file beside a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Where it lies.
    pub path: PathBuf,
    /// Device and inode.
    pub inode: (u64, u64),
    /// Last change, s and ns.
    pub modified: (i64, i64),
}

/// The folders in which a log's earlier files may lie: its own, and that of the file a link points to.
fn folders(path: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut found = vec![(folder(path), path.to_owned())];
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    if let (true, Ok(target)) = (is_link, path.canonicalize()) {
        found.push((folder(&target), target));
    }
    found
}

/// When a folder of the log changed last; the same as long as nothing in it was made, renamed or removed.
pub fn folder_changes(path: &Path) -> Vec<(i64, i64)> {
    let changed = |(folder, _): &(PathBuf, PathBuf)| {
        std::fs::metadata(folder).map_or((0, 0), |meta| (meta.mtime(), meta.mtime_nsec()))
    };
    folders(path).iter().map(changed).collect()
}

/// The regular files that are called as rotation calls them, oldest first.
pub fn rotated(path: &Path) -> Vec<Sibling> {
    let mut found = Vec::new();
    for (folder, log) in folders(path) {
        let wanted = |file: &Path| is_sibling_name(&log, file) && is_log(file);
        each_file(&folder, wanted, |file, meta| found.push(sibling(file, meta)));
    }
    found.sort_by(|a, b| (a.modified, &b.path).cmp(&(b.modified, &a.path)));
    found
}

/// Where a file of this inode lies now, if it is still in a folder of the log or where it lay.
pub fn of_inode(path: &Path, lay: &Path, inode: (u64, u64)) -> Option<PathBuf> {
    let is_it = |file: &Path| std::fs::metadata(file).is_ok_and(|meta| (meta.dev(), meta.ino()) == inode);
    if let Some(known) = [path, lay].into_iter().find(|file| is_it(file)) {
        return Some(known.to_owned());
    }
    let mut found = None;
    for (folder, _) in folders(path).into_iter().chain(lay.parent().map(|folder| (folder.to_owned(), lay.to_owned()))) {
        each_file(
            &folder,
            |_| true,
            |file, meta| {
                if (meta.dev(), meta.ino()) == inode && found.is_none() {
                    found = Some(file.to_owned());
                }
            },
        );
    }
    found
}

fn each_file(folder: &Path, wanted: impl Fn(&Path) -> bool, mut take: impl FnMut(&Path, &Metadata)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    // `./log` and `log` are one name: what the user wrote is what a pattern is compared with.
    let plain = folder == Path::new(".");
    let path = |entry: &DirEntry| if plain { PathBuf::from(entry.file_name()) } else { entry.path() };
    for entry in entries.flatten().filter(|entry| wanted(&path(entry))).take(MOST) {
        let path = path(&entry);
        if let Ok(meta) = entry.metadata()
            && meta.is_file()
        {
            take(&path, &meta);
        }
    }
}

fn is_log(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let name = path.to_string_lossy();
    !name.ends_with('~') && !NOT_LOGS.contains(&ending)
}

fn sibling(path: &Path, meta: &Metadata) -> Sibling {
    Sibling { path: path.to_owned(), inode: (meta.dev(), meta.ino()), modified: (meta.mtime(), meta.mtime_nsec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_told_from_others_and_come_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in [
            "log.2.gz",
            "log.1",
            "log-20260101",
            "log",
            "log.lock",
            "log.errors",
            "log-errors",
            "logs",
            "other.1",
            "log.1~",
            ".log.swp",
        ] {
            std::fs::write(path(name), name).unwrap();
        }
        std::fs::create_dir(path("log.d")).unwrap();
        let mut names: Vec<_> = rotated(&path("log")).into_iter().map(|s| s.path).collect();
        names.sort();
        assert_eq!(names, [path("log-20260101"), path("log.1"), path("log.2.gz")]);
    }

    #[test]
    fn a_file_is_found_by_its_inode_whatever_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let (log, other) = (dir.path().join("log"), dir.path().join("elsewhere"));
        std::fs::write(&log, "x").unwrap();
        let meta = std::fs::metadata(&log).unwrap();
        std::fs::rename(&log, &other).unwrap();
        assert_eq!(of_inode(&log, &log, (meta.dev(), meta.ino())), Some(other));
        assert_eq!(of_inode(&log, &log, (meta.dev(), 0)), None);
    }
}
