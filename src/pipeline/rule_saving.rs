//! Rule files written to the disk: all of them or none, each as a whole, and only over what was read before.
//!
//! What is new is written beside each file and takes its place by renaming: whoever reads, at whatever moment, finds
//! the old file or the new one. Files that were renamed before another could not be get back what they held.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::rules::draft::difference;
use crate::yaml::MAX_BYTES;

/// Most bytes of a file that are read, to find out whether it is what was read before.
const MOST_BYTES: u64 = 16 * MAX_BYTES as u64;

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Where.
    pub path: PathBuf,
    /// What it held when it was read; empty for one that is to be new.
    pub base: String,
    /// What it is to hold.
    pub text: String,
}

/// Why nothing was written.
#[derive(Debug, Error)]
pub(super) enum SaveError {
    /// A file does not hold any more what was read.
    #[error("{path}: it has changed since it was read", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is different, as `diff -u` writes it.
        theirs: String,
        /// What it holds now; `None` if it is gone.
        now: Option<String>,
    },
    /// A file is nothing that rules are written to.
    #[error("{path}: {why}", path = path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why, in words.
        why: &'static str,
    },
    /// The system did not take it.
    #[error("{path}: {doing}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// A file could be given neither its new content nor its old one.
    #[error("{why}; {path} holds the new rules, and can't get the old ones back: {error}", path = path.display())]
    Half {
        /// Why it was given up.
        why: Box<SaveError>,
        /// The file that was written.
        path: PathBuf,
        /// What the system says.
        error: Box<SaveError>,
    },
}

/// Writes all files, or none.
///
/// # Errors
/// Which file has changed, and how; or which could not be written, and why. Then all are as they were.
pub(super) fn save(changes: &[Change]) -> Result<(), SaveError> {
    let targets: Vec<Target<'_>> = changes.iter().map(Target::find).collect::<Result<_, _>>()?;
    let checked: Vec<Option<Metadata>> = targets.iter().map(Target::check).collect::<Result<_, _>>()?;
    let written = targets.iter().zip(checked).map(|(target, meta)| target.beside(&target.change.text, meta.as_ref()));
    let written: Vec<NamedTempFile> = written.collect::<Result<_, _>>()?;
    for (at, (target, file)) in targets.iter().zip(written).enumerate() {
        if let Err(why) = target.check().and_then(|_| target.replace(file)) {
            return Err(put_back(&targets[..at], why));
        }
    }
    targets.iter().for_each(Target::sync);
    Ok(())
}

/// Gives files that were written what they held before.
fn put_back(targets: &[Target<'_>], why: SaveError) -> SaveError {
    for target in targets.iter().rev() {
        if let Err(error) = target.put_back() {
            return SaveError::Half { why: Box::new(why), path: target.change.path.clone(), error: Box::new(error) };
        }
        target.sync();
    }
    why
}

/// A file that is to be written: where it lies, behind all links.
struct Target<'a> {
    change: &'a Change,
    path: PathBuf,
    /// It was not there.
    new: bool,
}

impl<'a> Target<'a> {
    fn find(change: &'a Change) -> Result<Self, SaveError> {
        let failed = |error| SaveError::Io { path: change.path.clone(), doing: "looking for it", error };
        match fs::canonicalize(&change.path) {
            Ok(path) => Ok(Self { change, path, new: false }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            // A link to what is not there yet is no place to write to.
            Err(_) if change.path.is_symlink() => {
                Err(SaveError::Unfit { path: change.path.clone(), why: "it is a link to a file that is not there" })
            }
            Err(_) => Ok(Self { change, path: change.path.clone(), new: true }),
        }
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> SaveError {
        let path = self.change.path.clone();
        move |error| SaveError::Io { path: path.clone(), doing, error }
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Whether the file holds what was read. What the system knows of it; `None` if it is to be new.
    fn check(&self) -> Result<Option<Metadata>, SaveError> {
        let unfit = |why| SaveError::Unfit { path: self.change.path.clone(), why };
        let meta = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if self.change.base.is_empty() { Ok(None) } else { Err(self.changed(None)) };
            }
            other => other.map_err(self.failed("looking at it"))?,
        };
        if !meta.is_file() {
            return Err(unfit("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(self.failed("reading it"))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unfit("it has changed since it was read, and is too large for rules now"));
        }
        let now = String::from_utf8(bytes)
            .map_err(|_| unfit("it has changed since it was read, and is not UTF-8 any more"))?;
        if now == self.change.base { Ok(Some(meta)) } else { Err(self.changed(Some(now))) }
    }

    fn changed(&self, now: Option<String>) -> SaveError {
        let name = self.change.path.display().to_string();
        let theirs = difference(&name, &self.change.base, now.as_deref().unwrap_or_default());
        SaveError::Changed { path: self.change.path.clone(), theirs, now }
    }

    /// A file beside it that holds a text; it goes by itself unless it takes a place.
    fn beside(&self, text: &str, old: Option<&Metadata>) -> Result<NamedTempFile, SaveError> {
        let write = || -> io::Result<NamedTempFile> {
            // Whoever reads the folder's rules passes over hidden files.
            let mut file = tempfile::Builder::new().prefix(".watcher-").suffix(".tmp").tempfile_in(self.folder())?;
            file.write_all(text.as_bytes())?;
            if let Some(old) = old {
                // Only who may give files away can keep their owner; the group is often one's own.
                let _ = fchown(file.as_file(), None, Some(old.gid()));
                let _ = fchown(file.as_file(), Some(old.uid()), None);
                file.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
            }
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(self.failed("writing beside it"))
    }

    fn replace(&self, file: NamedTempFile) -> Result<(), SaveError> {
        // What has come to be at the place of a new file since is somebody's.
        let placed = if self.new { file.persist_noclobber(&self.path) } else { file.persist(&self.path) };
        placed.map(drop).map_err(|fault| self.failed("putting it in its place")(fault.error))
    }

    fn put_back(&self) -> Result<(), SaveError> {
        if self.new {
            return fs::remove_file(&self.path).map_err(self.failed("removing it"));
        }
        let meta = fs::metadata(&self.path).map_err(self.failed("looking at it"))?;
        self.replace(self.beside(&self.change.base, Some(&meta))?)
    }

    /// Makes sure that the renaming outlives a loss of power. The files are in their places whatever comes of it.
    fn sync(&self) {
        if let Err(error) = File::open(self.folder()).and_then(|folder| folder.sync_all()) {
            tracing::warn!("{}: the folder could not be synced: {error}", self.folder().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path, base: &str, text: &str) -> Change {
        Change { path: path.to_owned(), base: base.to_owned(), text: text.to_owned() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_stays_a_link_and_the_mode_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("rules.yaml"));
        fs::create_dir(&real).unwrap();
        let target = real.join("a.yaml");
        fs::write(&target, "old\n").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real/a.yaml", &link).unwrap();
        let new = dir.path().join("new.yaml");
        save(&[change(&link, "old\n", "new\n"), change(&new, "", "fresh\n")]).unwrap();
        assert!(link.is_symlink());
        assert_eq!(
            (fs::read_to_string(&target).unwrap(), fs::read_to_string(&new).unwrap()),
            ("new\n".into(), "fresh\n".into())
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&target), mode(&new)), (0o640, 0o600));
        assert_eq!((names(&real), names(dir.path()).len()), (vec!["a.yaml".to_owned()], 3));
    }

    #[test]
    fn what_another_has_written_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.yaml"), dir.path().join("b.yaml"));
        fs::write(&a, "one\n").unwrap();
        fs::write(&b, "theirs\n").unwrap();
        let refused = save(&[change(&a, "one\n", "two\n"), change(&b, "base\n", "mine\n")]).unwrap_err();
        assert!(refused.to_string().ends_with("b.yaml: it has changed since it was read"));
        let SaveError::Changed { path, theirs, now } = refused else { panic!("it has changed") };
        assert_eq!((path, now.as_deref()), (b.clone(), Some("theirs\n")));
        assert!(theirs.contains("\n-base\n+theirs\n"), "{theirs}");
        assert_eq!((fs::read_to_string(&a).unwrap(), names(dir.path()).len()), ("one\n".into(), 2));
        assert!(matches!(save(&[change(&b, "", "mine\n")]), Err(SaveError::Changed { now: Some(_), .. })));
        let gone = dir.path().join("gone.yaml");
        assert!(matches!(save(&[change(&gone, "x", "y")]), Err(SaveError::Changed { now: None, .. })));
    }

    #[test]
    fn all_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let a = dir.path().join("a.yaml");
        fs::write(&a, "one\n").unwrap();
        let nowhere = dir.path().join("none/b.yaml");
        assert!(matches!(save(&[change(&a, "one\n", "two\n"), change(&nowhere, "", "b")]), Err(SaveError::Io { .. })));
        assert_eq!((fs::read_to_string(&a).unwrap(), names(dir.path())), ("one\n".into(), vec!["a.yaml".to_owned()]));
        // The same file by another name: it has changed once its first change is in its place.
        let again = dir.path().join("link.yaml");
        std::os::unix::fs::symlink("a.yaml", &again).unwrap();
        let both = [change(&a, "one\n", "two\n"), change(&again, "one\n", "three\n")];
        assert!(matches!(save(&both), Err(SaveError::Changed { .. })));
        assert_eq!((fs::read_to_string(&a).unwrap(), names(dir.path()).len()), ("one\n".into(), 2));
        assert!(matches!(save(&[change(dir.path(), "x", "y")]), Err(SaveError::Unfit { .. })));
    }
}
