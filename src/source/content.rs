//! The bytes of a file: as they stand, or unpacked on the way (gzip, zstd), told by the first bytes and not by the name.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Largest window that a zstd stream may ask for, as a power of two: 128 MiB of memory.
const ZSTD_WINDOW: u32 = 27;

/// What is inside an open file.
pub enum Content {
    /// Read where one likes.
    Plain(File),
    /// Read from the start on.
    Packed(Box<Packed>),
}

/// A packed file, and how far it was unpacked.
pub struct Packed {
    file: Arc<File>,
    zstd: bool,
    stream: Option<Box<dyn Read + Send>>,
    /// Bytes unpacked so far.
    position: u64,
    /// Bytes unpacked at most.
    bound: u64,
    consumed: Arc<AtomicU64>,
}

impl Content {
    /// Opens a regular file. A packed one gives at most `bound` bytes.
    ///
    /// # Errors
    /// When it can't be opened, or is something else.
    pub fn open(path: &Path, bound: u64) -> io::Result<Self> {
        // Asked before opening: to open a pipe would wait for its writer.
        let meta = std::fs::metadata(path)?;
        if meta.is_dir() {
            return Err(io::Error::other("it is a folder; name the files in it, or a pattern such as folder/*.ndjson"));
        }
        if !meta.is_file() {
            return Err(io::Error::other("it is no regular file; pipe it in: watcher - < PATH"));
        }
        let file = File::open(path)?;
        let mut magic = [0u8; 4];
        let read = file.read_at(&mut magic, 0)?;
        let zstd = magic[..read].starts_with(&ZSTD);
        if !zstd && !magic[..read].starts_with(&GZIP) {
            return Ok(Self::Plain(file));
        }
        let packed = Packed { file: Arc::new(file), zstd, stream: None, position: 0, bound, consumed: Arc::default() };
        Ok(Self::Packed(Box::new(packed)))
    }

    /// Whether it is unpacked on the way. What is packed does not grow.
    pub fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    fn file(&self) -> &File {
        match self {
            Self::Plain(file) => file,
            Self::Packed(packed) => &packed.file,
        }
    }

    /// Device and inode.
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn inode(&self) -> io::Result<(u64, u64)> {
        self.file().metadata().map(|meta| (meta.dev(), meta.ino()))
    }

    /// Whether no name leads to it any more.
    pub fn is_removed(&self) -> bool {
        self.file().metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn size(&self) -> io::Result<u64> {
        self.file().metadata().map(|meta| meta.len())
    }

    /// Last change, s and ns.
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn modified(&self) -> io::Result<(i64, i64)> {
        self.file().metadata().map(|meta| (meta.mtime(), meta.mtime_nsec()))
    }

    /// Bytes on disk that were not read yet, when reading has come to `position`.
    pub fn behind(&self, position: u64) -> u64 {
        let read = match self {
            Self::Plain(_) => position,
            Self::Packed(packed) => packed.consumed.load(Ordering::Relaxed),
        };
        self.size().map_or(0, |size| size.saturating_sub(read))
    }

    /// Reads from `position`; 0 at the end.
    ///
    /// # Errors
    /// When it can't be read or unpacked, or unpacks to more than it may.
    pub fn read_at(&mut self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(buffer, position),
            Self::Packed(packed) => packed.read_at(buffer, position),
        }
    }

    /// Fills the buffer as far as there are bytes.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn fill_at(&mut self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                // What could be read is given first: the fault comes again with the next bytes.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Packed {
    fn start(&mut self) -> io::Result<()> {
        self.position = 0;
        self.consumed.store(0, Ordering::Relaxed);
        let packed = BufReader::with_capacity(
            64 << 10,
            At { file: Arc::clone(&self.file), position: 0, consumed: Arc::clone(&self.consumed) },
        );
        self.stream = Some(if self.zstd {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        } else {
            Box::new(MultiGzDecoder::new(packed))
        });
        Ok(())
    }

    fn read_at(&mut self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        if self.stream.is_none() || position < self.position {
            self.start()?;
        }
        let mut skipped = [0u8; 16 << 10];
        while self.position < position {
            let most = skipped.len().min((position - self.position) as usize);
            if self.read(&mut skipped[..most])? == 0 {
                return Ok(0);
            }
        }
        self.read(buffer)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let read = match stream.read(buffer) {
            Ok(read) => read,
            Err(error) => {
                // It may still be being written: the next look starts over.
                self.stream = None;
                return Err(io::Error::new(error.kind(), format!("can't be unpacked: {error}")));
            }
        };
        self.position += read as u64;
        if self.position > self.bound {
            let bound = self.bound;
            return Err(io::Error::other(format!("unpacks to more than {bound} bytes (limits.unpacked_bytes)")));
        }
        Ok(read)
    }
}

/// A reader with a place of its own in a shared file.
struct At {
    file: Arc<File>,
    position: u64,
    consumed: Arc<AtomicU64>,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        self.consumed.store(self.position, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: &[u8], text: &[u8]) -> Content {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, bytes).unwrap();
        let mut content = Content::open(&path, 1 << 20).unwrap();
        assert!(content.is_packed());
        let mut all = vec![0; text.len() + 10];
        assert_eq!(content.fill_at(&mut all, 0).unwrap(), text.len());
        assert_eq!(&all[..text.len()], text);
        content
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_read_at_any_place() {
        let text: Vec<u8> = (0..50_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let two = [gzip(&text[..1_000]), gzip(&text[1_000..])].concat();
        for bytes in [gzip(&text), two, zstd::encode_all(&text[..], 1).unwrap()] {
            let mut content = packed(&bytes, &text);
            let mut piece = [0; 8];
            for at in [100_000, 4, 0, 150_000] {
                assert_eq!(content.fill_at(&mut piece, at as u64).unwrap(), 8);
                assert_eq!(piece, text[at..at + 8]);
            }
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bomb.gz");
        std::fs::write(&path, gzip(&vec![b'\n'; 4 << 20])).unwrap();
        let mut content = Content::open(&path, 1 << 20).unwrap();
        let mut buffer = vec![0; 2 << 20];
        let error = content.fill_at(&mut buffer, 0).unwrap_err();
        assert!(error.to_string().contains("limits.unpacked_bytes"), "{error}");
    }

    #[test]
    fn what_is_cut_short_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.gz");
        let whole = gzip(&[b'x'; 100_000]);
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut content = Content::open(&path, 1 << 20).unwrap();
        let read = content.fill_at(&mut vec![0; 200_000], 0).unwrap();
        assert!((10_000..100_000).contains(&read), "what can be unpacked is read: {read}");
        let error = content.fill_at(&mut vec![0; 200_000], read as u64).unwrap_err();
        assert!(error.to_string().contains("can't be unpacked"), "{error}");
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(content.fill_at(&mut vec![0; 200_000], 0).unwrap(), 100_000, "complete by now");
    }
}
