//! Verdicts that another instance has given: shown with their texts where these can be read here.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::pipeline::{Input, Options};
use crate::record::draft::{Entry, Maker};
use crate::record::reader::{self, Found, Line, Reader, Sniffer};
use crate::record::{Limits, Origin, Record};
use crate::source::content::Content;
use crate::verdict::Verdict;

/// Bytes read of a log for one record, first and if that is not enough; one that was put together from more lines is
/// shown without its texts.
const PIECES: [usize; 2] = [16 << 10, 256 << 10];

/// Logs that are held open.
const LOGS: usize = 64;

/// Finds what verdicts are about.
pub struct Given {
    patterns: Vec<PathBuf>,
    /// Keys are told apart by host.
    several: bool,
    limits: Limits,
    options: Arc<reader::Options>,
    logs: HashMap<(Arc<str>, Arc<str>), Option<Content>>,
    hosts: HashMap<Arc<str>, Option<Arc<str>>>,
}

impl Given {
    pub fn new(options: &Options) -> Self {
        let files = options.inputs.iter().filter_map(|input| match input {
            Input::Files(path) => Some(path.clone()),
            Input::Stream(_) | Input::Stdin | Input::Capture(_) => None,
        });
        let patterns: Vec<PathBuf> = files.collect();
        let several = patterns.len() > 1 || patterns.iter().any(|pattern| has_wildcards(&pattern.to_string_lossy()));
        // Verdicts are of logs in any format but their own.
        let formats = reader::Options { format: None, mapping: options.formats.mapping.clone(), ..Default::default() };
        Self {
            patterns,
            several,
            limits: options.limits,
            options: Arc::new(formats),
            logs: HashMap::new(),
            hosts: HashMap::new(),
        }
    }

    /// The record that a verdict is about: with its texts and numbers if its log is here, else what the verdict says.
    pub fn record(&mut self, maker: &mut Maker, verdict: &Verdict, raw: Bytes, source: &Arc<str>) -> Record {
        let host = match self.hosts.get(source) {
            Some(host) => host.clone(),
            None => {
                let host = host(source, &self.patterns);
                self.hosts.insert(Arc::clone(source), host.clone());
                host
            }
        };
        let found = self.look_up(maker, verdict, source);
        let mut draft = maker.draft();
        draft.id = Some((0, Arc::clone(&verdict.id)));
        draft.ts = verdict.ts.map(|ts| (0, ts));
        if let Some(found) = found {
            draft.prompt = found.prompt.map(|prompt| (0, prompt));
            draft.samples = found.samples;
            draft.latency_ms = found.latency_ms;
            draft.numbers = found.numbers;
            draft.labels = found.labels;
        }
        let mut entry = Entry::resume(maker, draft);
        if let Some(host) = &host {
            entry.label(&["host"], host);
        }
        entry.label(&["source"], &verdict.origin.source);
        let draft = entry.done();
        let key = match (&host, self.several) {
            (Some(host), true) => format!("{host}/{}", verdict.key).into(),
            _ => Arc::clone(&verdict.key),
        };
        Record { key, ..maker.record(draft, verdict.origin.clone(), raw) }
    }

    fn look_up(&mut self, maker: &mut Maker, verdict: &Verdict, beside: &Arc<str>) -> Option<Record> {
        let key = (Arc::clone(&verdict.origin.source), Arc::clone(beside));
        if self.logs.len() >= LOGS && !self.logs.contains_key(&key) {
            self.logs.clear();
        }
        self.logs.entry(key.clone()).or_insert_with(|| open(&verdict.origin.source, beside));
        PIECES.iter().find_map(|bytes| {
            let log = self.logs.get_mut(&key)?.as_mut()?;
            let mut piece = vec![0; *bytes];
            let read = log.fill_at(&mut piece, verdict.origin.offset).ok()?;
            piece.truncate(read);
            self.look_in(maker, verdict, &piece)
        })
    }

    /// Looks for the record of a verdict in the part of its log that begins with it.
    fn look_in(&self, maker: &mut Maker, verdict: &Verdict, piece: &[u8]) -> Option<Record> {
        let lines: Vec<&[u8]> = piece.split(|byte| *byte == b'\n').collect();
        let mut sniffer = Sniffer::new(&self.options, self.limits.line_bytes);
        let choice = lines.iter().find_map(|line| sniffer.line(line)).unwrap_or_else(|| sniffer.settle());
        let mut reader = Reader::new(Arc::clone(&self.options), Arc::new(choice), self.limits.line_bytes);
        let mut offset = verdict.origin.offset;
        let mut found = None;
        for line in lines {
            let origin = Origin { offset, part: 0, line: None, ..verdict.origin.clone() };
            offset += line.len() as u64 + 1;
            let line = Line { raw: Bytes::copy_from_slice(line), origin, read_ts: None };
            reader.line(maker, line, &mut |what| {
                if let Found::Record(record, _) = what
                    && (record.origin.offset, record.origin.part) == (verdict.origin.offset, verdict.origin.part)
                {
                    found = Some(record);
                }
            });
            // A line that can say nothing of the record any more is not read.
            if found.is_some() || !reader.joins() {
                break;
            }
        }
        // Another file of the same name has another record there.
        found.filter(|record| record.id == verdict.id)
    }
}

/// Opens the log that a verdict names: beside the verdicts, or as it was named. Only files: what a line in a log names
/// must not be able to make this wait.
fn open(source: &str, beside: &str) -> Option<Content> {
    let named = Path::new(source);
    let folder = Path::new(beside).parent().unwrap_or(Path::new(""));
    let places = [Some(folder.join(named)), named.file_name().map(|name| folder.join(name)), Some(named.to_owned())];
    let is_file = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let path = places.into_iter().flatten().find(is_file)?;
    // To look something up in a packed file is to unpack it from the start, each time.
    Content::open(&path, u64::MAX).ok().filter(|content| !content.is_packed())
}

fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The host that verdicts are from: what the first wildcard in the pattern stands for, else the folder of the file.
fn host(source: &str, patterns: &[PathBuf]) -> Option<Arc<str>> {
    let path = Path::new(source);
    let parts: Vec<Component<'_>> = path.components().collect();
    let of_pattern = |pattern: &PathBuf| {
        let pattern: Vec<Component<'_>> = pattern.components().collect();
        let fits = pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(pattern, part)| {
                let part = part.as_os_str().to_string_lossy();
                glob::Pattern::new(&pattern.as_os_str().to_string_lossy()).is_ok_and(|pattern| pattern.matches(&part))
            });
        let index = pattern.iter().position(|part| has_wildcards(&part.as_os_str().to_string_lossy()))?;
        let last = index + 1 == parts.len();
        let name = if last { path.file_stem()? } else { parts.get(index)?.as_os_str() };
        fits.then(|| name.to_string_lossy().into_owned())
    };
    let folder = || Some(path.parent()?.file_name()?.to_string_lossy().into_owned());
    patterns.iter().find_map(of_pattern).or_else(folder).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_the_wildcard_stands_for() {
        let patterns = |text: &str| vec![PathBuf::from(text)];
        let host = |source: &str, pattern: &str| super::host(source, &patterns(pattern)).map(|host| host.to_string());
        assert_eq!(host("host1/verdicts.ndjson", "host*/verdicts.ndjson").as_deref(), Some("host1"));
        assert_eq!(host("/logs/eu/a/v.ndjson", "/logs/*/a/v.ndjson").as_deref(), Some("eu"));
        assert_eq!(host("out/web-3.ndjson", "out/*.ndjson").as_deref(), Some("web-3"));
        assert_eq!(host("eu-1/v.ndjson", "eu-1/v.ndjson").as_deref(), Some("eu-1"));
        assert_eq!(host("v.ndjson", "v.ndjson"), None);
    }
}
