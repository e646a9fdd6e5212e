//! Which file it is, whatever it is called: device, inode and first bytes, hashed. And whether it is still what it was.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::content::Content;

/// First bytes that count, at most to the end of the first line: enough to tell logs apart whose records all begin alike.
pub const FIRST_BYTES: usize = 1_024;

/// Bytes before a place that must still be there for the place to mean anything.
pub const BEFORE_BYTES: usize = 64;

/// A few bytes, known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// How many.
    pub bytes: u32,
    /// Beginning of their SHA-256.
    pub hash: u64,
}

impl Fingerprint {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let hash = hash[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        Self { bytes: bytes.len() as u32, hash }
    }

    /// Of the bytes before `offset`, as far as there are any; `None` for what is packed, which does not change.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn before(content: &mut Content, offset: u64) -> io::Result<Option<Self>> {
        if content.is_packed() {
            return Ok(None);
        }
        let mut bytes = [0u8; BEFORE_BYTES];
        let count = offset.min(BEFORE_BYTES as u64);
        let read = content.fill_at(&mut bytes[..count as usize], offset - count)?;
        Ok(Some(Self::of(&bytes[..read])))
    }

    /// Whether the bytes from `start` on are these.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn holds(&self, content: &mut Content, start: u64) -> io::Result<bool> {
        let mut bytes = [0u8; FIRST_BYTES];
        let bytes = &mut bytes[..(self.bytes as usize).min(FIRST_BYTES)];
        let read = content.fill_at(bytes, start)?;
        Ok(Self::of(&bytes[..read]) == *self)
    }

    /// Whether the bytes that end before `offset` are these.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn holds_before(&self, content: &mut Content, offset: u64) -> io::Result<bool> {
        match offset.checked_sub(u64::from(self.bytes)) {
            Some(start) => self.holds(content, start),
            None => Ok(false),
        }
    }
}

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Device and inode.
    pub inode: (u64, u64),
    /// First bytes, at most to the end of the first line.
    pub first: Fingerprint,
    /// How often the file was written anew with the same first bytes.
    pub generation: u32,
    /// All of it, hashed: what verdicts carry.
    pub hash: Arc<str>,
}

impl Identity {
    /// The identity of a file; `None` while there is too little of it: less than [`FIRST_BYTES`] of an unfinished first
    /// line, unless the file is `whole` and will not grow.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn of(content: &mut Content, whole: bool) -> io::Result<Option<Self>> {
        let mut first = [0u8; FIRST_BYTES];
        let read = content.fill_at(&mut first, 0)?;
        let end = first[..read].iter().position(|b| *b == b'\n');
        if read == 0 || (end.is_none() && read < FIRST_BYTES && !whole) {
            return Ok(None);
        }
        Ok(Some(Self::new(content.inode()?, &first[..end.unwrap_or(read)])))
    }

    fn new(inode: (u64, u64), first: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(inode.0.to_le_bytes());
        hash.update(inode.1.to_le_bytes());
        hash.update(first);
        let hash: String = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { inode, first: Fingerprint::of(first), generation: 0, hash: hash.into() }
    }

    /// Whether a text is such a hash: streams have none, and are called by their names.
    pub fn is_hash(text: &str) -> bool {
        let name = text.split('-').next().unwrap_or_default();
        name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The same file, written anew with the same first bytes: another identity.
    pub fn again(&self) -> Self {
        let generation = self.generation + 1;
        let name = self.hash.split('-').next().unwrap_or_default();
        Self { generation, hash: format!("{name}-{generation}").into(), ..self.clone() }
    }

    /// Whether an open file still begins as it did. One that was rewritten in place does not.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn holds(&self, content: &mut Content) -> io::Result<bool> {
        self.first.holds(content, 0)
    }
}
