//! Which file it is, whatever it is called: device, inode and first bytes, hashed.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// First bytes that count: less than any record that is worth a line has, so that a growing file keeps its identity.
pub const FIRST_BYTES: usize = 32;

/// The identity of an open file; `None` while it is too short to have one.
///
/// # Errors
/// When the file can't be read.
pub fn of(file: &File) -> std::io::Result<Option<Arc<str>>> {
    let meta = file.metadata()?;
    let mut first = [0u8; FIRST_BYTES];
    let read = file.read_at(&mut first, 0)?;
    if read == 0 {
        return Ok(None);
    }
    // A file of a few bytes is known by its first line, as far as it goes.
    let line = first[..read].iter().position(|b| *b == b'\n').unwrap_or(read);
    let mut hash = Sha256::new();
    hash.update(meta.dev().to_le_bytes());
    hash.update(meta.ino().to_le_bytes());
    hash.update(&first[..line]);
    Ok(Some(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()))
}
