//! What each source was found to be, and what is begun of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::message::FormatReport;
use crate::pipeline::Options;
use crate::record::Record;
use crate::record::draft::Maker;
use crate::record::reader::{self, Choice, Found, Line, Reader, Resumed, Saved, Sniffer, Unfinished};
use crate::source::checkpoint::Checkpoint;
use crate::source::{LineBatch, Place};

/// A source that is quiet for so long is what it seems.
pub const QUIET: Duration = Duration::from_millis(200);

/// How often event time goes on by itself, while a source is quiet.
const IDLE: Duration = Duration::from_millis(500);

/// What a new process needs of the sources.
#[derive(Debug, Default)]
pub struct Carry {
    sources: Vec<(Arc<str>, Saved)>,
    unfinished: Vec<Unfinished>,
    /// By file, what a former run has judged and this one has not come to yet.
    resumed: HashMap<Arc<str>, Resumed>,
    /// Records whose verdicts a former run has written, and that have not come again yet.
    pub known: HashMap<Spot, u64>,
}

impl Carry {
    /// What a former run has carried.
    pub fn of(checkpoint: Option<&Checkpoint>) -> Self {
        let Reading { sources, files, known } = Reading::of(checkpoint);
        Self {
            sources: sources.into_iter().map(|(name, saved)| (name.into(), saved)).collect(),
            unfinished: Vec::new(),
            resumed: files.into_iter().map(|(file, resumed)| (file.into(), resumed)).collect(),
            known: known.into_iter().map(|(file, offset, part, seq)| ((file.into(), offset, part), seq)).collect(),
        }
    }

    /// The same, with what was found to be known.
    pub fn with_known(&self, other: &Self) -> Self {
        let (sources, unfinished) = (self.sources.clone(), self.unfinished.clone());
        Self { sources, unfinished, resumed: self.resumed.clone(), known: other.known.clone() }
    }

    /// Where the first unfinished part of a file stands: reading begins there.
    pub fn begin(&self, file: &str) -> Option<Place> {
        let of_file = self.unfinished.iter().filter(|part| *part.file == *file && !part.carried);
        let first = of_file.min_by_key(|part| part.offset)?;
        Some(Place { offset: first.offset, line: first.line, before: None })
    }

    /// What stands in a checkpoint. `read` says how far each file was read, `done` what was judged beyond that.
    pub fn saved(&self, read: &[(&Arc<str>, u64)], done: &HashMap<Arc<str>, Vec<(u64, u32)>>) -> Reading {
        // What a former run has said of lines that are still to come goes on to be so.
        let mut files: HashMap<&str, Resumed> = self.resumed.iter().map(|(file, r)| (&**file, r.clone())).collect();
        for (file, read) in read {
            let resumed = files.entry(file).or_default();
            resumed.through = resumed.through.max(*read);
            resumed.open.retain(|(offset, _)| *offset >= *read);
        }
        for part in &self.unfinished {
            if let Some(resumed) = files.get_mut(&*part.file) {
                resumed.open.insert((part.offset, part.part));
            }
        }
        for (file, done) in done {
            let resumed = files.entry(file).or_default();
            resumed.open.retain(|part| !done.contains(part));
            resumed.done.extend(done);
        }
        let sources = self.sources.iter().map(|(name, saved)| (name.to_string(), saved.clone())).collect();
        // Where nothing is begun, the place in the file says it all.
        let plain = |file: &str, r: &Resumed| {
            let read = read.iter().find(|(held, _)| ***held == *file).map_or(0, |(_, read)| *read);
            r.open.is_empty() && r.done.is_empty() && r.through <= read
        };
        let files = files.into_iter().filter(|(file, resumed)| !plain(file, resumed));
        let judged = |(file, offset, part): &Spot| done.get(file).is_some_and(|done| done.contains(&(*offset, *part)));
        let known = self.known.iter().filter(|(spot, _)| !judged(spot));
        let known = known.map(|((file, offset, part), seq)| (file.to_string(), *offset, *part, *seq)).collect();
        Reading { sources, files: files.map(|(file, resumed)| (file.to_owned(), resumed)).collect(), known }
    }
}

/// What a checkpoint keeps of the sources.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Reading {
    sources: HashMap<String, Saved>,
    files: HashMap<String, Resumed>,
    known: Vec<(String, u64, u32, u64)>,
}

impl Reading {
    fn of(checkpoint: Option<&Checkpoint>) -> Self {
        checkpoint.and_then(|found| Self::deserialize(&found.reading).ok()).unwrap_or_default()
    }
}

/// What is to be done with lines.
pub enum Stand {
    /// They can be read.
    Ready(Vec<LineBatch>),
    /// They can be read now, with those that waited; what the source was found to be.
    Decided(Vec<LineBatch>, FormatReport),
    /// It is not clear yet what they are.
    Waiting,
}

enum Source {
    Undecided { sniffer: Box<Sniffer>, held: Vec<LineBatch>, since: Duration },
    Reading { reader: Box<Reader>, last: Duration },
}

/// Where a record stands: its file, line and part.
pub type Spot = (Arc<str>, u64, u32);

/// All sources of a run.
pub struct Sources {
    options: Arc<reader::Options>,
    line_bytes: usize,
    sources: HashMap<Arc<str>, Source>,
    saved: HashMap<String, Saved>,
    resumed: HashMap<Arc<str>, Resumed>,
    /// Checkpoints are made.
    kept: bool,
    /// What the last carry said is still so.
    unchanged: bool,
    /// When quiet sources were looked for last.
    looked: Duration,
    /// By source, how far a file was read where that was no place to go on from.
    withheld: HashMap<Arc<str>, (Arc<str>, Place)>,
}

impl Sources {
    pub fn new(options: &Options) -> Self {
        let reading = Reading::of(options.resume.checkpoint.as_deref());
        Self {
            options: Arc::clone(&options.formats),
            line_bytes: options.limits.line_bytes,
            sources: HashMap::new(),
            saved: reading.sources,
            resumed: reading.files.into_iter().map(|(file, resumed)| (file.into(), resumed)).collect(),
            kept: options.store.is_some(),
            unchanged: false,
            looked: Duration::ZERO,
            withheld: HashMap::new(),
        }
    }

    /// All sources, by name.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.sources.keys().cloned().collect();
        names.sort();
        names
    }

    /// Takes lines of a source.
    pub fn add(&mut self, batch: LineBatch, now: Duration) -> Stand {
        let name = Arc::clone(&batch.source);
        if !self.sources.contains_key(&name) {
            if let Some(saved) = self.saved.remove(&*name).filter(|saved| self.fits(&saved.choice)) {
                let report = self.begin(&name, saved.choice.clone(), now);
                if let Some(Source::Reading { reader, .. }) = self.sources.get_mut(&name) {
                    reader.restore(saved);
                }
                return Stand::Decided(vec![batch], report);
            }
            let sniffer = Box::new(Sniffer::new(&self.options, self.line_bytes));
            self.sources.insert(Arc::clone(&name), Source::Undecided { sniffer, held: Vec::new(), since: now });
        }
        let choice = match self.sources.get_mut(&name) {
            Some(Source::Undecided { sniffer, held, since }) => {
                let choice = batch
                    .lines
                    .iter()
                    .filter(|span| span.too_long.is_none())
                    .find_map(|span| sniffer.line(&batch.data[span.start..span.end]));
                held.push(batch);
                *since = now;
                choice
            }
            _ => return Stand::Ready(vec![batch]),
        };
        match choice.and_then(|choice| self.decided(&name, choice, now)) {
            Some((batches, report)) => Stand::Decided(batches, report),
            None => Stand::Waiting,
        }
    }

    /// Whether what was found out in a former run is what the user wants now.
    fn fits(&self, choice: &Choice) -> bool {
        self.options.format.is_none_or(|format| format == choice.format)
    }

    fn begin(&mut self, name: &Arc<str>, choice: Choice, now: Duration) -> FormatReport {
        let choice = Arc::new(choice);
        let reader = Box::new(Reader::new(Arc::clone(&self.options), Arc::clone(&choice), self.line_bytes));
        self.sources.insert(Arc::clone(name), Source::Reading { reader, last: now });
        self.unchanged = false;
        FormatReport { source: Arc::clone(name), choice }
    }

    fn decided(&mut self, name: &Arc<str>, choice: Choice, now: Duration) -> Option<(Vec<LineBatch>, FormatReport)> {
        let Some(Source::Undecided { held, .. }) = self.sources.remove(name) else { return None };
        Some((held, self.begin(name, choice, now)))
    }

    /// Decides on a source now, if that was not done.
    pub fn decide(&mut self, name: &Arc<str>) -> Option<(Vec<LineBatch>, FormatReport)> {
        let Some(Source::Undecided { sniffer, since, .. }) = self.sources.get(name) else { return None };
        let (choice, since) = (sniffer.settle(), *since);
        self.decided(name, choice, since)
    }

    /// Decides on those that have been quiet for long enough.
    pub fn settle(&mut self, now: Duration, enough: impl Fn(Duration) -> bool) -> Vec<(Vec<LineBatch>, FormatReport)> {
        let waits = |source: &Source| matches!(source, Source::Undecided { since, .. } if enough(now - *since));
        let quiet: Vec<Arc<str>> =
            self.sources.iter().filter(|(_, source)| waits(source)).map(|(name, _)| Arc::clone(name)).collect();
        quiet.iter().filter_map(|name| self.decide(name)).collect()
    }

    /// How long to wait for lines before something else is to be done; `None` if there is nothing else.
    pub fn patience(&self) -> Option<Duration> {
        let wants = |source: &Source| match source {
            Source::Undecided { .. } => Some(QUIET),
            Source::Reading { reader, .. } => reader.is_open().then_some(IDLE),
        };
        self.sources.values().filter_map(wants).min()
    }

    /// Whether it is time to look for sources that are quiet.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let due = now - self.looked >= QUIET && self.patience().is_some();
        if due {
            self.looked = now;
        }
        due
    }

    /// The sources with something begun that are quiet, and for how long.
    pub fn idle(&self, now: Duration) -> Vec<(Arc<str>, SignedDuration)> {
        let quiet = |(name, source): (&Arc<str>, &Source)| match source {
            Source::Reading { reader, last } if reader.is_open() && now - *last >= IDLE => {
                Some((Arc::clone(name), SignedDuration::try_from(now - *last).ok()?))
            }
            _ => None,
        };
        self.sources.iter().filter_map(quiet).collect()
    }

    /// Event time of a source goes on by so much.
    pub fn advance(&mut self, name: &Arc<str>, by: SignedDuration, maker: &mut Maker, found: &mut Vec<Found>) {
        if let Some(Source::Reading { reader, .. }) = self.sources.get_mut(name) {
            reader.advance(maker, by, &mut |what| found.push(what));
        }
    }

    /// A source has come to its end: what is begun of it is closed, and it is forgotten.
    pub fn finish(&mut self, name: &Arc<str>, maker: &mut Maker, found: &mut Vec<Found>) {
        if let Some(Source::Reading { mut reader, .. }) = self.sources.remove(name) {
            reader.finish(maker, &mut |what| found.push(what));
            self.unchanged = false;
        }
    }

    /// Reads a line of a source that is decided on.
    pub fn read(&mut self, maker: &mut Maker, line: Line, found: &mut Vec<Found>) {
        if let Some(Source::Reading { reader, .. }) = self.sources.get_mut(&line.origin.source) {
            if !self.resumed.is_empty()
                && let Some(resumed) = self.resumed.remove(&line.origin.file)
            {
                reader.resume(Arc::clone(&line.origin.file), resumed);
            }
            reader.line(maker, line, &mut |what| found.push(what));
        }
    }

    /// A batch has been read.
    pub fn came(&mut self, batch: &LineBatch) {
        if let Some(Source::Reading { last, .. }) = self.sources.get_mut(&batch.source) {
            *last = batch.read_at;
        }
    }

    /// Whether records of a source may be put together from several lines.
    pub fn joins(&self, name: &Arc<str>) -> bool {
        matches!(self.sources.get(name), Some(Source::Reading { reader, .. }) if reader.joins())
    }

    /// The records of one line, read by itself; none where several lines make a record.
    pub fn alone(&self, maker: &mut Maker, line: Line) -> Vec<Record> {
        let choice = match self.saved.get(&*line.origin.source).filter(|saved| self.fits(&saved.choice)) {
            Some(saved) => saved.choice.clone(),
            None => {
                let mut sniffer = Sniffer::new(&self.options, self.line_bytes);
                sniffer.line(&line.raw).unwrap_or_else(|| sniffer.settle())
            }
        };
        let mut reader = Reader::new(Arc::clone(&self.options), Arc::new(choice), self.line_bytes);
        let mut records = Vec::new();
        if !reader.joins() {
            reader.line(maker, line, &mut |found| {
                if let Found::Record(record, None) = found {
                    records.push(record);
                }
            });
        }
        records
    }

    /// How far a source was read where that was no place to go on from: closing what is begun may make it one.
    pub fn withheld(&self, name: &Arc<str>) -> Option<(Arc<str>, Place)> {
        self.withheld.get(name).cloned()
    }

    /// Where a new process can go on behind a batch, and what it needs for that.
    pub fn carry(&mut self, batch: &LineBatch, known: &HashMap<Spot, u64>) -> (Option<Place>, Option<Arc<Carry>>) {
        let end = (!batch.file.is_empty()).then(|| batch.end.clone());
        if !self.kept {
            return (end, None);
        }
        let mut carry = Carry { resumed: self.resumed.clone(), known: known.clone(), ..Carry::default() };
        let mut plain = self.resumed.is_empty() && known.is_empty();
        // Sources that have not spoken yet are still what they were.
        let silent = self.saved.iter().map(|(name, saved)| (name.as_str().into(), saved.clone()));
        carry.sources.extend(silent);
        for (name, source) in &self.sources {
            let Source::Reading { reader, .. } = source else { continue };
            let Some(saved) = reader.save() else {
                if let Some(end) = end {
                    self.withheld.insert(Arc::clone(&batch.source), (Arc::clone(&batch.file), end));
                }
                return (None, None);
            };
            carry.resumed.extend(reader.resumed().map(|(file, resumed)| (Arc::clone(file), resumed.clone())));
            plain &= saved.is_plain() && !reader.is_open() && reader.resumed().next().is_none();
            carry.sources.push((Arc::clone(name), saved));
            carry.unfinished.extend(reader.unfinished());
        }
        self.withheld.remove(&batch.source);
        plain &= carry.unfinished.iter().all(|part| part.carried);
        let known = std::mem::replace(&mut self.unchanged, plain);
        (end, (!(known && plain)).then(|| Arc::new(carry)))
    }
}
