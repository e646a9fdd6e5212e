//! Files that the operator asks for: what was copied, a patch. For their reader alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The file that holds what was copied last.
const COPIED: &str = "copied.txt";

/// Writes what was copied beside the reports; says where it went.
pub(super) fn copied(what: &str, text: &str, sent: bool, folder: Option<&Path>) -> Result<String, String> {
    let clipboard = if sent { "to the clipboard" } else { "not to the clipboard, which takes no more than 74 kB" };
    let Some(folder) = folder else { return Ok(format!("{what}: {clipboard}")) };
    let path = folder.join(COPIED);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    match made.and_then(|()| put(&path, text, false)) {
        Ok(()) => Ok(format!("{what}: {clipboard}, and to {}", path.display())),
        Err(error) => Ok(format!("{what}: {clipboard}; not to {}: {error}", path.display())),
    }
}

/// Writes a file that is not there yet: nothing is lost by a name that was used before.
pub(super) fn write_new(what: &str, path: &Path, text: &str) -> Result<String, String> {
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match put(path, text, true) {
        Ok(()) => Ok(format!("{what} is in {}", shown.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already: name another file", shown.display()))
        }
        Err(error) => Err(format!("{what} was not written to {}: {error}", shown.display())),
    }
}

/// Writes a file whole or not at all, over one that is there.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::Builder::new().prefix(".session").tempfile_in(folder)?;
    file.write_all(text)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn put(path: &Path, text: &str, new: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match new {
        true => options.create_new(true),
        false => options.create(true).truncate(true),
    };
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_but_what_was_copied_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.patch");
        assert!(write_new("the patch", &path, "one").unwrap().contains("rules.patch"));
        assert!(write_new("the patch", &path, "two").unwrap_err().contains("name another file"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        let folder = dir.path().join("reports");
        for text in ["first, longer", "second"] {
            assert!(copied("the id", text, true, Some(&folder)).unwrap().contains("copied.txt"));
        }
        assert_eq!(std::fs::read_to_string(folder.join(COPIED)).unwrap(), "second");
    }
}
