//! One writer at a time: a lock that ends with the process, whatever ends that.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// A lock; it is given back when this goes.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum Locked {
    /// Somebody else has it: what they wrote into it.
    By(String),
    /// The file can't be made or locked.
    Failed(io::Error),
}

impl Lock {
    /// Takes the lock at `path` and writes into it who has it.
    ///
    /// # Errors
    /// Who has it already, or why it can't be taken.
    pub fn take(path: &Path, who: &str) -> Result<Self, Locked> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = file.map_err(Locked::Failed)?;
        if !try_lock(&file).map_err(Locked::Failed)? {
            let mut holder = Vec::new();
            let _ = (&file).take(1_000).read_to_end(&mut holder);
            return Err(Locked::By(String::from_utf8_lossy(&holder).trim().to_owned()));
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(who.as_bytes()))
            .map_err(Locked::Failed)?;
        Ok(Self { _file: file })
    }
}

/// Locks an open file; whether it was free.
///
/// # Errors
/// When the system can't tell.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        // A file system without locks: better unlocked than not at all.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::take(&path, "process 17").unwrap();
        assert!(matches!(Lock::take(&path, "process 18"), Err(Locked::By(who)) if who == "process 17"));
        drop(first);
        assert!(Lock::take(&path, "process 18").is_ok());
    }
}
