//! Which file it is, whatever it is called: device, inode and first bytes, hashed.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// First bytes that count, at most to the end of the first line: enough to tell logs apart whose records all begin alike.
pub const FIRST_BYTES: usize = 1_024;

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Device and inode.
    pub inode: (u64, u64),
    /// First bytes, at most to the end of the first line.
    first: Vec<u8>,
    /// All of it, hashed: what verdicts carry.
    pub hash: Arc<str>,
}

impl Identity {
    /// The identity of an open file; `None` while there is too little of it: less than [`FIRST_BYTES`] of an unfinished
    /// first line, unless the file is `whole` and will not grow.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn of(file: &File, whole: bool) -> std::io::Result<Option<Self>> {
        let meta = file.metadata()?;
        let mut first = [0u8; FIRST_BYTES];
        let read = file.read_at(&mut first, 0)?;
        let end = first[..read].iter().position(|b| *b == b'\n');
        if read == 0 || (end.is_none() && read < FIRST_BYTES && !whole) {
            return Ok(None);
        }
        let first = first[..end.unwrap_or(read)].to_vec();
        let mut hash = Sha256::new();
        hash.update(meta.dev().to_le_bytes());
        hash.update(meta.ino().to_le_bytes());
        hash.update(&first);
        let hash: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(Self { inode: (meta.dev(), meta.ino()), first, hash: hash.into() }))
    }

    /// Whether the open file still begins as it did. One that was rewritten in place does not.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn holds(&self, file: &File) -> std::io::Result<bool> {
        let mut first = vec![0u8; self.first.len()];
        let read = file.read_at(&mut first, 0)?;
        Ok(first[..read] == self.first)
    }
}
