//! What holds for every log, however hostile, in each format. Each check says whether at least one record came of it.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use watcher::record::draft::Maker;
use watcher::record::format::Format;
use watcher::record::json::Json;
use watcher::record::reader::{Choice, Found, Layout, Line, Options, Reader, Resumed, Sniffer};
use watcher::record::{LABEL_BYTES, Limits, Origin, Record, prefix};
use watcher::verdict::{json, read};

/// Small, so that few bytes exceed them.
const LIMITS: Limits = Limits { line_bytes: 64 << 10, samples: 4, sample_bytes: 256, numbers: 24, depth: 8 };

/// Lines of the contract's own records.
pub fn native(data: &[u8]) -> bool {
    log(data, Options { format: Some(Format::Native), ..Options::default() })
}

/// Lines of any JSON; the first one is a `--map` text when it begins so.
pub fn generic(data: &[u8]) -> bool {
    let (first, rest) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let mut options = Options { format: Some(Format::Generic), ..Options::default() };
    if !first.starts_with(b"samples=") {
        return log(data, options);
    }
    let Ok(mapping) = String::from_utf8_lossy(first).parse() else { return false };
    options.mapping = Some(Arc::new(mapping));
    log(rest, options)
}

/// Lines of chat completions, whole and as streams.
pub fn openai(data: &[u8]) -> bool {
    log(data, Options { format: Some(Format::Openai), ..Options::default() })
}

/// Lines of OTLP.
pub fn otel(data: &[u8]) -> bool {
    log(data, Options { format: Some(Format::Otel), ..Options::default() })
}

/// Lines of Langfuse.
pub fn langfuse(data: &[u8]) -> bool {
    log(data, Options { format: Some(Format::Langfuse), ..Options::default() })
}

/// Lines of anything, in anything.
pub fn envelope(data: &[u8]) -> bool {
    log(data, Options::default())
}

/// Lines of verdicts: what is read of one is written, and read again the same.
pub fn verdict(data: &[u8]) -> bool {
    let found = log(data, Options { format: Some(Format::Verdict), ..Options::default() });
    for line in lines(data) {
        let text = String::from_utf8_lossy(&line.raw);
        let Some(verdict) = Json::parse(&text).ok().and_then(|json| read::read(&json).ok()) else { continue };
        for (timing, full) in [(true, true), (false, false)] {
            let options = json::Options { timing, full, ..json::Options::default() };
            let once = written(&verdict, options);
            let again = read::read(&Json::parse(&once).unwrap()).unwrap_or_else(|fault| panic!("{fault}: {once}"));
            assert_eq!(written(&again, options), once);
        }
    }
    found
}

fn written(verdict: &watcher::verdict::Verdict, options: json::Options) -> String {
    let mut out = Vec::new();
    json::write(&mut out, verdict, options);
    String::from_utf8(out).unwrap()
}

/// The lines of a file, as the source hands them over.
fn lines(data: &[u8]) -> Vec<Line> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for raw in data.split(|byte| *byte == b'\n') {
        let origin = Origin { source: "fuzz".into(), file: "0".into(), offset, line: None, part: 0 };
        offset += raw.len() as u64 + 1;
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if !raw.trim_ascii().is_empty() && raw.len() <= LIMITS.line_bytes {
            lines.push(Line { raw: Bytes::copy_from_slice(raw), origin, read_ts: None });
        }
    }
    lines
}

fn log(data: &[u8], options: Options) -> bool {
    let lines = lines(data);
    let mut sniffer = Sniffer::new(&options, LIMITS.line_bytes);
    let choice = lines.iter().find_map(|line| sniffer.line(&line.raw)).unwrap_or_else(|| sniffer.settle());
    let run = Run { options: Arc::new(options), choice: Arc::new(choice), maker: Maker::new(LIMITS, &[]) };
    let found = run.clone().whole(&lines);
    let records: Vec<&Record> = found.iter().filter_map(record).collect();
    records.iter().for_each(|record| valid(record));
    assert_eq!(told(&run.clone().whole(&lines)), told(&found), "another answer the second time");
    for cut in [lines.len() / 2, lines.len() / 3] {
        if let Some(parts) = run.clone().in_two(&lines, cut) {
            assert_eq!(told(&parts), told(&found), "another answer when reading was interrupted at line {cut}");
        }
    }
    for what in &found {
        if let Found::Record(record, None) = what
            && run.choice.layout == Layout::Lines
            && lines.iter().any(|line| (line.origin.offset, &line.raw) == (record.origin.offset, &record.raw))
        {
            run.clone().read_again(record);
        }
    }
    !records.is_empty() || found.iter().any(|found| matches!(found, Found::Verdict(..)))
}

fn record(found: &Found) -> Option<&Record> {
    if let Found::Record(record, _) = found { Some(record) } else { None }
}

/// A record keeps to the bounds, and what it has can be shown and computed with.
fn valid(record: &Record) {
    assert!(record.samples.len() <= LIMITS.samples, "{} samples", record.samples.len());
    assert!(record.samples.iter().all(|text| text.len() <= LIMITS.sample_bytes), "a sample is too long");
    assert!(record.prompt.as_ref().is_none_or(|text| text.len() <= LIMITS.sample_bytes), "the prompt is too long");
    assert!(record.numbers.len() <= LIMITS.numbers && record.labels.len() <= LIMITS.numbers, "too many leaves");
    assert!(record.numbers.iter().all(|(_, number)| number.is_finite()), "{:?}", record.numbers);
    assert!(record.latency_ms.is_none_or(f64::is_finite), "{:?}", record.latency_ms);
    assert!(record.labels.iter().all(|(_, label)| label.len() <= LABEL_BYTES), "a label is too long");
    assert!(record.id.len() <= LABEL_BYTES + 64, "the id is too long");
}

/// What is found, in words that can be compared. Where values do not keep to lines, what is no value may be told
/// otherwise when reading is interrupted within one.
fn told(found: &[Found]) -> Vec<String> {
    let is_value = |found: &&Found| matches!(found, Found::Record(..) | Found::Verdict(..));
    found.iter().filter(is_value).map(|found| format!("{found:?}")).collect()
}

#[derive(Debug)]
struct Run {
    options: Arc<Options>,
    choice: Arc<Choice>,
    maker: Maker,
}

impl Clone for Run {
    /// With names of its own: what was read before must not matter.
    fn clone(&self) -> Self {
        let (options, choice) = (Arc::clone(&self.options), Arc::clone(&self.choice));
        Self { options, choice, maker: Maker::new(LIMITS, &[]) }
    }
}

impl Run {
    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.options), Arc::clone(&self.choice), LIMITS.line_bytes)
    }

    fn whole(mut self, lines: &[Line]) -> Vec<Found> {
        let (mut reader, mut found) = (self.reader(), Vec::new());
        for line in lines {
            reader.line(&mut self.maker, line.clone(), &mut |what| found.push(what));
        }
        reader.finish(&mut self.maker, &mut |what| found.push(what));
        found
    }

    /// What two readers find, the second of which goes on where the first has ended.
    fn in_two(mut self, lines: &[Line], cut: usize) -> Option<Vec<Found>> {
        let (mut first, mut found) = (self.reader(), Vec::new());
        for line in &lines[..cut] {
            first.line(&mut self.maker, line.clone(), &mut |what| found.push(what));
        }
        let saved = first.save()?;
        let through = lines.get(cut)?.origin.offset;
        let open: HashSet<(u64, u32)> = first.unfinished().map(|part| (part.offset, part.part)).collect();
        let again = first.unfinished().filter(|part| !part.carried);
        let from = again.map(|part| part.offset).min().unwrap_or(through);
        let (mut second, mut maker) = (self.reader(), Maker::new(LIMITS, &[]));
        second.restore(saved);
        second.resume("0".into(), Resumed { through, open, done: HashSet::new() });
        for line in lines.iter().filter(|line| line.origin.offset >= from) {
            second.line(&mut maker, line.clone(), &mut |what| found.push(what));
        }
        second.finish(&mut maker, &mut |what| found.push(what));
        Some(found)
    }

    /// A record that is a line by itself is found in that line again.
    fn read_again(self, record: &Record) {
        let origin = Origin { part: 0, ..record.origin.clone() };
        let found = self.whole(&[Line { raw: record.raw.clone(), origin, read_ts: None }]);
        let same =
            |found: &Found| matches!(found, Found::Record(again, _) if format!("{again:?}") == format!("{record:?}"));
        assert!(found.iter().any(same), "{} is not in its line again", prefix(&format!("{record:?}"), 2_000));
    }
}
