//! What a former run has written: the output itself says which records have their verdict, to the last line.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::file::{FileMark, rotated};

/// Verdicts whose records are judged once more for what the engines learned from them; past it the oldest are left out.
const REBUILD: usize = 200_000;

/// A verdict that stands in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The record's number.
    pub seq: u64,
    /// Identity of its file.
    pub file: Arc<str>,
    /// Offset of its line.
    pub offset: u64,
    /// Its index in the line.
    pub part: u32,
}

/// What stands in the outputs beyond a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// Number of the next record, if any verdict was found.
    pub seq: Option<u64>,
    /// By file, line and part of the last record with a verdict: those before it have theirs too.
    pub judged: HashMap<Arc<str>, (u64, u32)>,
    /// The verdicts, oldest first.
    pub verdicts: VecDeque<Judged>,
    /// Reports of refused lines, and how often each stands there.
    pub rejected: HashMap<Vec<u8>, u32>,
    /// Up to this event time, lines of counts are written.
    pub summed: Option<Timestamp>,
    /// What the operator should know.
    pub notices: Vec<String>,
}

/// A line of counts.
#[derive(Deserialize)]
struct Counts {
    v: u32,
    summary: Summed,
}

#[derive(Deserialize)]
struct Summed {
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Line<'a> {
    v: u32,
    seq: u64,
    #[serde(borrow)]
    file: std::borrow::Cow<'a, str>,
    offset: u64,
    part: u32,
}

impl Past {
    /// Reads what was written to `output` after `mark`, to `rejected` after `rejected_mark`. Without marks, everything.
    ///
    /// # Errors
    /// When a file can't be read, or the output holds something else than verdicts (`InvalidData`).
    pub fn read(
        (output, mark): (&Path, Option<FileMark>),
        (rejected, rejected_mark): (&Path, Option<FileMark>),
    ) -> io::Result<Self> {
        let mut past = Self::default();
        let mut first = mark.is_none();
        let mut names: HashMap<String, Arc<str>> = HashMap::new();
        let missing = each_line(output, mark, |text| match serde_json::from_slice::<Line<'_>>(text) {
            Ok(line) if line.v == 1 => {
                first = false;
                let file = match names.get(&*line.file) {
                    Some(file) => Arc::clone(file),
                    None => Arc::clone(names.entry(line.file.to_string()).or_insert_with(|| (&*line.file).into())),
                };
                past.verdict(Judged { seq: line.seq, file, offset: line.offset, part: line.part });
                Ok(())
            }
            _ if serde_json::from_slice::<Counts>(text).is_ok_and(|counts| {
                past.summed = past.summed.max(counts.summary.until);
                counts.v == 1
            }) =>
            {
                first = false;
                Ok(())
            }
            _ if first => Err(io::Error::new(io::ErrorKind::InvalidData, "it holds something else than verdicts")),
            _ => Ok(()),
        })?;
        past.notices.extend(missing);
        each_line(rejected, rejected_mark, |text| {
            *past.rejected.entry(text.to_vec()).or_default() += 1;
            Ok(())
        })?;
        Ok(past)
    }

    fn verdict(&mut self, judged: Judged) {
        self.seq = self.seq.max(Some(judged.seq + 1));
        let last = self.judged.entry(Arc::clone(&judged.file)).or_default();
        *last = (judged.offset, judged.part).max(*last);
        self.verdicts.push_back(judged);
        if self.verdicts.len() > REBUILD {
            self.verdicts.pop_front();
        }
    }
}

/// Gives every whole line behind the mark, with its end; says so when what was marked is gone.
fn each_line(
    path: &Path,
    mark: Option<FileMark>,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Option<String>> {
    let (files, notice) = chain(path, mark);
    let mut line = Vec::new();
    for (path, start) in files {
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if !file.metadata()?.is_file() {
            continue;
        }
        file.seek(SeekFrom::Start(start))?;
        let mut file = BufReader::with_capacity(256 << 10, file);
        loop {
            line.clear();
            // The last line is whole or it goes when the file is opened for writing.
            if file.read_until(b'\n', &mut line)? == 0 || !line.ends_with(b"\n") {
                break;
            }
            take(&line)?;
        }
    }
    Ok(notice)
}

/// The files that were written from the mark on, oldest first, each with the place to begin.
fn chain(path: &Path, mark: Option<FileMark>) -> (Vec<(PathBuf, u64)>, Option<String>) {
    let mut files: Vec<PathBuf> = rotated(path).into_iter().map(|(_, file)| file).collect();
    files.push(path.to_owned());
    let all = |files: &[PathBuf]| files.iter().map(|file| (file.clone(), 0)).collect::<Vec<_>>();
    let Some(mark) = mark else { return (all(&files), None) };
    let found = files.iter().enumerate().find_map(|(index, file)| {
        let meta = std::fs::metadata(file).ok()?;
        ((meta.dev(), meta.ino()) == mark.inode).then_some((index, meta.len()))
    });
    match found {
        Some((index, length)) => {
            let mut chain = all(&files[index..]);
            chain[0].1 = mark.bytes.min(length);
            let cut = length < mark.bytes;
            let shown = files[index].display();
            (chain, cut.then(|| format!("{shown}: {} bytes of verdicts were removed from it", mark.bytes - length)))
        }
        // It was moved away: what stands under its name now was written later, if at all.
        None => (vec![(path.to_owned(), 0)], None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::{Existing, Lines};
    use super::*;

    fn line(seq: u64, file: &str, offset: u64) -> String {
        format!("{{\"v\":1,\"seq\":{seq},\"id\":\"x\",\"file\":\"{file}\",\"offset\":{offset},\"part\":0}}\n")
    }

    #[test]
    fn what_was_written_after_the_mark_is_found_whatever_the_files_are_called() {
        let dir = tempfile::tempdir().unwrap();
        let (out, bad) = (dir.path().join("out"), dir.path().join("bad"));
        let mut lines = Lines::open(&out, Existing::Replace, Some(150)).unwrap();
        let mut mark = None;
        for seq in 0..9 {
            lines.push(line(seq, if seq % 2 == 0 { "a" } else { "b" }, seq * 10).as_bytes());
            lines.flush().unwrap();
            if seq == 3 {
                mark = lines.mark();
            }
        }
        std::fs::write(&bad, "one\none\ntwo\ntorn").unwrap();
        let past = Past::read((&out, mark), (&bad, None)).unwrap();
        assert_eq!(past.seq, Some(9));
        assert_eq!(past.verdicts.iter().map(|judged| judged.seq).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
        assert_eq!((past.judged["a"].0, past.judged["b"].0), (80, 70));
        assert_eq!((past.rejected[&b"one\n"[..]], past.rejected[&b"two\n"[..]], past.rejected.len()), (2, 1, 2));
        assert_eq!(Past::read((&out, None), (&bad, None)).unwrap().verdicts.len(), 9);
    }

    #[test]
    fn an_output_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (out, bad) = (dir.path().join("out"), dir.path().join("bad"));
        assert_eq!(Past::read((&out, None), (&bad, None)).unwrap(), Past::default());
        std::fs::write(&out, "my diary\n").unwrap();
        assert_eq!(Past::read((&out, None), (&bad, None)).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_was_removed_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (out, bad) = (dir.path().join("out"), dir.path().join("bad"));
        std::fs::write(&out, line(0, "a", 0)).unwrap();
        let meta = std::fs::metadata(&out).unwrap();
        let mark = FileMark { inode: (meta.dev(), meta.ino()), bytes: 5_000 };
        let past = Past::read((&out, Some(mark)), (&bad, None)).unwrap();
        assert!(past.notices[0].contains("removed") && past.verdicts.is_empty());
    }
}
