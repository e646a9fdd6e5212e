//! Rule files on the disk: a file, or all `*.yaml` of a folder.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::rules::schema::Source;
use crate::yaml::MAX_BYTES;

/// Most files of a folder.
const MOST_FILES: usize = 256;

/// What of the files can be seen without reading them: as long as it is the same, so are they.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces(Vec<(PathBuf, u64, u64, i64, i64)>);

/// The files that a path stands for, in the order of their names.
///
/// # Errors
/// Which path can't be used, and why.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, String> {
    let files = if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|error| wrong(path, &error.to_string()))?;
        let yaml = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // Editors keep what they are about to write beside it, under a hidden name.
            !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"))
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(yaml).collect();
        files.sort();
        files
    } else {
        vec![path.to_owned()]
    };
    match files.len() {
        0 => Err(wrong(path, "no *.yaml file is in it")),
        n if n > MOST_FILES => Err(wrong(path, &format!("{n} files are in it, at most {MOST_FILES} are read"))),
        _ => Ok(files),
    }
}

/// Reads all files that a path stands for.
///
/// # Errors
/// Which file can't be read, and why.
pub fn read(path: &Path) -> Result<Vec<Source>, String> {
    list(path)?.iter().map(|file| read_one(file)).collect()
}

fn read_one(file: &Path) -> Result<Source, String> {
    let fault = |why: &str| wrong(file, why);
    // A pipe would have to be waited for.
    let meta = fs::metadata(file).map_err(|error| fault(&error.to_string()))?;
    if !meta.is_file() {
        return Err(fault("it is not a regular file"));
    }
    if meta.len() > MAX_BYTES as u64 {
        return Err(fault(&format!("it has {} bytes, at most {MAX_BYTES} are read", meta.len())));
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile: one byte more than is allowed shows that, and is refused where the text is read.
    let most = MAX_BYTES as u64 + 1;
    let opened = fs::File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes));
    opened.map_err(|error| fault(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fault(&format!("byte {} is not UTF-8", at + 1))
    })?;
    Ok(Source { name: file.display().to_string(), text })
}

fn wrong(path: &Path, why: &str) -> String {
    format!("{}: {why}", path.display())
}

/// What can be seen of the files of a path without reading them.
pub fn traces(path: &Path) -> Traces {
    let trace = |file: PathBuf| {
        let meta = fs::metadata(&file).ok()?;
        Some((file, meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    };
    Traces(list(path).unwrap_or_default().into_iter().filter_map(trace).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_yaml_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().contains("no *.yaml file is in it"));
        for name in ["b.yaml", "a.yml", ".c.yaml.swp", ".d.yaml", "e.txt"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let texts: Vec<String> = read(dir.path()).unwrap().into_iter().map(|source| source.text).collect();
        assert_eq!(texts, ["a.yml", "b.yaml"]);
        let before = traces(dir.path());
        assert_eq!(before, traces(dir.path()));
        fs::write(dir.path().join("b.yaml"), "longer than before").unwrap();
        assert_ne!(before, traces(dir.path()));
        fs::write(dir.path().join("b.yaml"), [b'a', 0xff]).unwrap();
        assert!(read(dir.path()).unwrap_err().ends_with("b.yaml: byte 2 is not UTF-8"));
        assert!(read(&dir.path().join("none.yaml")).unwrap_err().contains("none.yaml"));
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("not a regular file"));
    }
}
