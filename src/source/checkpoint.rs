//! What survives the end of the process: how far each file was judged, how long the outputs were, what the engines knew.
//!
//! A checkpoint is one file, replaced as a whole. Its first line names version and SHA-256 of the second: what does not
//! fit is set aside under another name, never half believed.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ledger::Marks;

/// Version of the form. One that is not this is not read.
pub const VERSION: u32 = 2;

/// Whose checkpoint it is: what is read and where verdicts go, as absolute paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Sorted.
    pub sources: Vec<String>,
    /// `None` without an output.
    pub output: Option<String>,
}

impl Key {
    /// The name of its file.
    pub fn name(&self) -> String {
        let text = serde_json::json!([self.sources, self.output]).to_string();
        hex(&Sha256::digest(text)[..12])
    }
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose it is.
    pub key: Key,
    /// Number of the next record.
    pub seq: u64,
    /// Files and places.
    pub marks: Marks,
    /// Verdicts that stand in the output beyond the places of `marks`: by file, line and part of the last.
    pub judged: HashMap<String, (u64, u32)>,
    /// What the sources were found to be, and what was begun of them; the parser's own business.
    pub reading: serde_json::Value,
    /// How far the outputs were written; the sink's own business.
    pub written: serde_json::Value,
    /// What the engines know; their own business.
    pub engines: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Head {
    watcher_checkpoint: u32,
    sha256: String,
}

/// Where a checkpoint is kept.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    key: Key,
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// There was no checkpoint.
    Nothing,
    /// This one.
    Checkpoint(Box<Checkpoint>),
    /// One that can't be used; why, and where it was put.
    SetAside {
        /// What is wrong with it.
        why: String,
        /// Its new name.
        path: PathBuf,
    },
}

impl Store {
    /// The place of a checkpoint in a folder.
    pub fn new(folder: &Path, key: Key) -> Self {
        Self { path: folder.join(format!("{}.json", key.name())), key }
    }

    /// Whose checkpoint is kept here.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the checkpoint; sets one aside that can't be used.
    ///
    /// # Errors
    /// When it can't be read or set aside: then it is not known whether there was one.
    pub fn load(&self) -> io::Result<Found> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        match self.parse(&text) {
            Ok(checkpoint) => Ok(Found::Checkpoint(Box::new(checkpoint))),
            Err(why) => {
                let path = self.free_name();
                fs::rename(&self.path, &path)?;
                Ok(Found::SetAside { why, path })
            }
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Checkpoint, String> {
        let mut lines = text.splitn(2, |byte| *byte == b'\n');
        let (head, body) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let head: Head = serde_json::from_slice(head).map_err(|_| "it is no checkpoint".to_owned())?;
        if head.watcher_checkpoint != VERSION {
            return Err(format!("it has version {}, this program writes {VERSION}", head.watcher_checkpoint));
        }
        if head.sha256 != hex(&Sha256::digest(body)) {
            return Err("it is damaged: its checksum does not fit".into());
        }
        let checkpoint: Checkpoint = serde_json::from_slice(body).map_err(|error| format!("it is damaged: {error}"))?;
        if checkpoint.key != self.key {
            return Err("it belongs to other sources or another output".into());
        }
        Ok(checkpoint)
    }

    fn free_name(&self) -> PathBuf {
        let name = |n: u32| self.path.with_extension(format!("json.set-aside-{n}"));
        (1..1_000).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
    }

    /// Puts a checkpoint in the place of the last one, at once. `durable`: it outlives a loss of power.
    ///
    /// # Errors
    /// When it can't be written; the last one is still there then.
    pub fn save(&self, checkpoint: &Checkpoint, durable: bool) -> io::Result<()> {
        let body = serde_json::to_vec(checkpoint).map_err(io::Error::other)?;
        let head = Head { watcher_checkpoint: VERSION, sha256: hex(&Sha256::digest(&body)) };
        let mut text = serde_json::to_vec(&head).map_err(io::Error::other)?;
        text.push(b'\n');
        text.extend_from_slice(&body);
        let new = self.path.with_extension("json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&new, &self.path)
    }

    /// Forgets the checkpoint.
    ///
    /// # Errors
    /// When it is there and can't be removed.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(output: &str) -> Key {
        Key { sources: vec!["/a".into()], output: Some(output.into()) }
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            key: key("/o"),
            seq: 7,
            marks: Marks::default(),
            judged: HashMap::from([("f".to_owned(), (3, 0))]),
            reading: serde_json::json!({"sources": []}),
            written: serde_json::json!({"bytes": 30}),
            engines: serde_json::json!({"drift": [0.1, 1e-300]}),
        }
    }

    fn set_aside(store: &Store) -> String {
        match store.load().unwrap() {
            Found::SetAside { why, path } => {
                assert!(path.exists() && !store.path().exists());
                why
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), key("/o"));
        assert!(matches!(store.load().unwrap(), Found::Nothing));
        store.save(&checkpoint(), true).unwrap();
        assert!(matches!(store.load().unwrap(), Found::Checkpoint(found) if *found == checkpoint()));
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(store.path()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_does_not_fit_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path(), key("/o"));
        store.save(&checkpoint(), false).unwrap();
        let good = fs::read_to_string(store.path()).unwrap();
        for (text, want) in [
            ("".to_owned(), "no checkpoint"),
            ("garbage\n{}".to_owned(), "no checkpoint"),
            (good[..good.len() - 5].to_owned(), "checksum"),
            (good.replace("\"seq\":7", "\"seq\":8"), "checksum"),
            (good.replace("\"watcher_checkpoint\":2", "\"watcher_checkpoint\":99"), "version 99"),
        ] {
            fs::write(store.path(), text).unwrap();
            assert!(set_aside(&store).contains(want), "{want}");
            assert!(matches!(store.load().unwrap(), Found::Nothing));
        }
        let other = Store { path: store.path.clone(), key: key("/other") };
        other.save(&checkpoint(), false).unwrap();
        assert!(set_aside(&other).contains("other sources"));
    }
}
