//! The verdict store: what the first pass over a log came to, so that any place of it can be shown at once, backwards
//! too, and a second opening need not judge again.
//!
//! ```text
//! header     magic, version
//! chunk      keyframes: everything on the screen as it was before the chunk's first row, once a judgement   (zstd)
//!            rows: records and their verdicts, at most 2,048                                                 (zstd)
//! …
//! index      where the chunks are, their times, the marks of all rows                                        (zstd)
//! trailer    place and length of the index, magic
//! ```
//!
//! It is written under another name and gets its own when it is whole, so a store that is there is complete. It holds
//! texts: it is for its owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::record::Record;
use crate::verdict::Verdict;

const MAGIC: &[u8; 16] = b"watcher replay 1";

/// What a frame may unpack to at most, bytes. A chunk ends at [`super::first_pass::CHUNK_BYTES`] long before.
const FRAME: usize = 1 << 30;

/// Speed before size: a chunk is packed while the log is judged, and unpacked while somebody waits.
const LEVEL: i32 = 1;

/// A record, and its verdicts by judgement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// What came in.
    pub record: Arc<Record>,
    /// What came out.
    pub verdicts: Vec<Arc<Verdict>>,
}

/// Where a chunk's parts are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// First byte of the keyframes.
    pub at: u64,
    /// Bytes of the keyframes.
    pub keyframes: u32,
    /// Bytes of the rows, which follow.
    pub rows: u32,
}

/// Name of the store for what decides over the verdicts: the log itself, rules, policy, backend, formats, bounds.
pub fn name<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A store that is being written.
#[derive(Debug)]
pub struct Writer {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    end: u64,
    most: u64,
}

/// Why nothing more is stored.
#[derive(Debug, thiserror::Error)]
pub enum Full {
    /// The bound is reached.
    #[error("what is kept of it has reached `replay.store_bytes` ({0} bytes)")]
    Bound(u64),
    /// The disk does not take it.
    #[error("its verdict store can't be written: {0}")]
    Io(#[from] io::Error),
}

impl Writer {
    /// Begins a store of at most so many bytes. Older stores in the folder make room for it.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn create(folder: &Path, name: &str, most: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let most = most - sweep(folder, most / 2)?.min(most);
        let target = folder.join(format!("{name}.store"));
        let path = folder.join(format!("{name}.{}.part", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        (&file).write_all(MAGIC)?;
        Ok(Self { file: Arc::new(file), path, target, end: MAGIC.len() as u64, most })
    }

    /// The file, to read from while it is written.
    pub fn reader(&self) -> Reader {
        Reader { file: Arc::clone(&self.file), path: None }
    }

    /// Appends a chunk.
    ///
    /// # Errors
    /// When there is no more room: nothing of it counts then.
    pub fn chunk(&mut self, keyframes: &[Vec<u8>], rows: &[Judged]) -> Result<Place, Full> {
        let (keyframes, rows) = (pack(&keyframes)?, pack(&rows)?);
        let bytes = (keyframes.len() + rows.len()) as u64;
        if self.end + bytes > self.most {
            return Err(Full::Bound(self.most));
        }
        let place = Place { at: self.end, keyframes: keyframes.len() as u32, rows: rows.len() as u32 };
        self.file.write_all_at(&keyframes, self.end)?;
        self.file.write_all_at(&rows, self.end + keyframes.len() as u64)?;
        self.end += bytes;
        Ok(place)
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.end
    }

    /// Closes it with its index; it has its name from here on.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish<I: Serialize>(self, index: &I) -> Result<(), Full> {
        let index = pack(index)?;
        let mut tail = index;
        let length = tail.len() as u64;
        tail.extend(self.end.to_le_bytes());
        tail.extend(length.to_le_bytes());
        tail.extend(MAGIC);
        self.file.write_all_at(&tail, self.end)?;
        fs::rename(&self.path, &self.target)?;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After `finish` there is nothing of that name any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Reads chunks.
#[derive(Debug, Clone)]
pub struct Reader {
    file: Arc<File>,
    /// Of a store that an earlier opening has written.
    path: Option<PathBuf>,
}

/// Opens a store that an earlier opening has written, with its index; `None` when there is none, or none of use.
pub fn open<I: DeserializeOwned>(folder: &Path, name: &str, now: Timestamp) -> Option<(Reader, I)> {
    let path = folder.join(format!("{name}.store"));
    let file = File::open(&path).ok()?;
    match read_index(&file) {
        Ok(index) => {
            // What was used last goes last.
            let _ = file.set_modified(std::time::SystemTime::from(now));
            Some((Reader { file: Arc::new(file), path: Some(path) }, index))
        }
        Err(why) => {
            tracing::warn!("{}: {why}; the log is judged again", path.display());
            let _ = fs::remove_file(&path);
            None
        }
    }
}

fn read_index<I: DeserializeOwned>(file: &File) -> io::Result<I> {
    let mut head = [0; MAGIC.len()];
    file.read_exact_at(&mut head, 0)?;
    let mut tail = [0; 16 + MAGIC.len()];
    let length = file.metadata()?.len();
    let trailer = length.checked_sub(tail.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
    file.read_exact_at(&mut tail, trailer)?;
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| tail[at + byte]));
    let (at, bytes) = (number(0), number(8));
    let whole = at.checked_add(bytes).and_then(|end| end.checked_add(tail.len() as u64)) == Some(length);
    if &head != MAGIC || &tail[16..] != MAGIC || !whole || bytes > FRAME as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a whole verdict store"));
    }
    read(file, at, bytes as usize)
}

impl Reader {
    /// It was found to be damaged: the next opening is to judge again.
    pub fn discard(&self) {
        self.path.iter().for_each(|path| drop(fs::remove_file(path)));
    }

    /// The screen as it was before a chunk, by judgement.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn keyframes(&self, place: Place) -> io::Result<Vec<Vec<u8>>> {
        read(&self.file, place.at, place.keyframes as usize)
    }

    /// The rows of a chunk.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn rows(&self, place: Place) -> io::Result<Vec<Judged>> {
        read(&self.file, place.at + u64::from(place.keyframes), place.rows as usize)
    }
}

fn pack<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let plain = postcard::to_allocvec(value).map_err(io::Error::other)?;
    let mut packer = zstd::bulk::Compressor::new(LEVEL)?;
    packer.include_checksum(true)?;
    let mut packed = (plain.len() as u64).to_le_bytes().to_vec();
    packed.extend(packer.compress(&plain)?);
    Ok(packed)
}

fn read<T: DeserializeOwned>(file: &File, at: u64, bytes: usize) -> io::Result<T> {
    let mut packed = vec![0; bytes];
    file.read_exact_at(&mut packed, at)?;
    let (length, packed) = packed.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let plain = zstd::bulk::decompress(packed, length.min(FRAME))?;
    postcard::from_bytes(&plain).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Removes the stores that were not used for longest until the rest has at most so many bytes, and what a crash has left.
/// What is left, bytes.
fn sweep(folder: &Path, most: u64) -> io::Result<u64> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let (path, Ok(meta)) = (entry.path(), entry.metadata()) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("store") => found.push((meta.modified().ok(), meta.len(), path)),
            Some("part") if !is_being_written(&path) => drop(fs::remove_file(path)),
            _ => {}
        }
    }
    found.sort();
    let mut held: u64 = found.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in found {
        if held <= most {
            break;
        }
        // Whoever reads it has it open: it goes when they are done.
        fs::remove_file(path)?;
        held -= bytes;
    }
    Ok(held)
}

/// `NAME.PID.part`, and that process still lives.
fn is_being_written(path: &Path) -> bool {
    let pid = path.file_stem().and_then(|stem| Path::new(stem).extension()).and_then(|pid| pid.to_str()?.parse().ok());
    let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(error) if error == rustix::io::Errno::SRCH)
}
