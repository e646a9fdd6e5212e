//! The meaning of texts: one field of a log of JSON lines.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::{End, Input, Output, TIMES, Told, missing};
use crate::cli::Failure;
use crate::cli::args::Drift;
use crate::cli::setup::Setup;
use crate::engine::drift::budget::Thresholds;
use crate::engine::drift::meaning::Meaning;
use crate::engine::embedding::model::{Embedder, Vector};
use crate::engine::embedding::select::{self, Choice, select};
use crate::engine::embedding::tokenize::TextTokenizer;
use crate::record::{Seq, trim};
use crate::sanitize;

/// Texts that a worker has at once.
const PIECE: usize = 16;

/// Longest line, bytes.
const LINE: u64 = 64 << 20;

/// A line of the log.
struct Line {
    stamp: String,
    text: Option<String>,
    /// What is wrong with it.
    fault: Option<String>,
}

/// What turns texts into vectors, one for each thread.
struct Embedders<'a> {
    tokenizer: &'a TextTokenizer,
    sessions: Vec<Box<dyn Embedder>>,
}

impl Embedders<'_> {
    /// The vectors of texts, in their order; each text alone, so that its neighbours don't matter.
    fn embed(&mut self, texts: &[Option<&str>]) -> Vec<Option<Result<Vector, String>>> {
        let share = texts.len().div_ceil(self.sessions.len().max(1)).max(1);
        let tokenizer = self.tokenizer;
        let one = |session: &mut Box<dyn Embedder>, text: &str| {
            let ids = tokenizer.ids(text).map_err(|error| error.to_string())?;
            session.embed(&ids).map_err(|error| error.to_string())
        };
        std::thread::scope(|scope| {
            let work: Vec<_> = texts
                .chunks(share)
                .zip(&mut self.sessions)
                .map(|(texts, session)| {
                    scope
                        .spawn(move || texts.iter().map(|text| text.map(|text| one(session, text))).collect::<Vec<_>>())
                })
                .collect();
            let died = |_| vec![Some(Err("the embedding worker died".to_owned()))];
            work.into_iter().flat_map(|thread| thread.join().unwrap_or_else(died)).collect()
        })
    }
}

/// Watches the texts; what the user should know at the end.
pub(super) fn run(
    setup: &Setup,
    args: &Drift,
    field: &str,
    mut input: Input,
    out: &mut Output,
    limits: &Thresholds,
) -> Result<Vec<String>, End> {
    let path = Path::parse(field)?;
    let config = &setup.config;
    if matches!(config.backend, Choice::Lexical | Choice::None) {
        let why = "--text needs a model: --backend auto, portable or onnxruntime";
        return Err(Failure::Usage(why.into()).into());
    }
    let (onnxruntime, model) = (config.onnxruntime.clone(), config.model.clone());
    let selected = select(&select::Options { backend: config.backend, onnxruntime, model });
    let mut notes = selected.warnings;
    let Some((backend, tokenizer)) = &selected.ready.model else {
        return Err(Failure::Usage(format!("--text needs a model: {}", notes.join("; "))).into());
    };
    let sessions: Result<Vec<_>, _> = (0..config.workers(false)).map(|_| backend.session()).collect();
    let sessions = sessions.map_err(|error| Failure::Input(format!("the model: {error}")))?;
    let mut embedders = Embedders { tokenizer, sessions };
    let mut reader =
        BufReader::with_capacity(1 << 16, std::mem::replace(&mut input.reader, Box::new(std::io::empty())));
    let mut meaning = Meaning::new(true);
    let (mut row, mut bytes, mut faults, mut first) = (0u64, 0u64, 0u64, None);
    out.header()?;
    loop {
        let most = PIECE * embedders.sessions.len();
        let lines = read(&mut reader, most, &path, args.time.as_deref(), &mut bytes);
        let lines = lines.map_err(|error| input.failed(&error))?;
        if lines.is_empty() {
            break;
        }
        let texts: Vec<Option<&str>> = lines.iter().map(|line| line.text.as_deref()).collect();
        for (line, vector) in lines.iter().zip(embedders.embed(&texts)) {
            let mut fault = line.fault.clone();
            let (reading, value) = match (vector, &line.text) {
                (Some(Ok(vector)), Some(text)) => {
                    let words = text.split_whitespace().count();
                    let reading = meaning.observe(Seq(row), &vector, words, limits);
                    (reading, super::rounded(f64::from(meaning.ratio())))
                }
                (Some(Err(why)), _) => {
                    fault = Some(why);
                    (missing(), String::new())
                }
                _ => (missing(), String::new()),
            };
            if let Some(fault) = fault {
                faults += 1;
                first.get_or_insert_with(|| format!("row {row}: {fault}"));
            }
            if reading.alarm {
                notes.extend(meaning.moved().map(|moved| told(row, &reading.onset, &moved)));
            }
            let counted = row.to_string();
            let stamp = if line.stamp.is_empty() { &counted } else { &line.stamp };
            out.row(&Told { timestamp: stamp.as_bytes(), value: value.as_bytes() }, &reading)?;
            row += 1;
        }
        out.bar.set_position(bytes);
        out.finish()?;
    }
    notes.extend(first.map(|first| format!("rows without a text that count as missing: {faults}, first {first}")));
    Ok(notes)
}

/// A drift in words.
fn told(row: u64, onset: &Option<Seq>, moved: &crate::verdict::Moved) -> String {
    let rows = |seqs: &[Seq]| seqs.iter().map(|seq| seq.0.to_string()).collect::<Vec<_>>().join(", ");
    let since = onset.map(|onset| format!(" since row {}", onset.0)).unwrap_or_default();
    let (before, after) = (rows(&moved.before), rows(&moved.after));
    format!("row {row}: drift in meaning{since}; what moved most: from rows {before} to rows {after}")
}

/// The next lines, up to so many.
fn read(
    reader: &mut BufReader<Box<dyn Read>>,
    most: usize,
    path: &Path,
    time: Option<&str>,
    bytes: &mut u64,
) -> std::io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut raw = Vec::new();
    while lines.len() < most {
        raw.clear();
        let taken = Read::take(&mut *reader, LINE).read_until(b'\n', &mut raw)? as u64;
        *bytes += taken;
        if taken == 0 {
            break;
        }
        if raw.trim_ascii().is_empty() {
            continue;
        }
        lines.push(line(&raw, path, time));
        if reader.buffer().is_empty() {
            // What is there is worked on while more comes.
            break;
        }
    }
    Ok(lines)
}

fn line(raw: &[u8], path: &Path, time: Option<&str>) -> Line {
    let missing = |fault: String| Line { stamp: String::new(), text: None, fault: Some(fault) };
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let value: Value = match serde_json::from_slice(raw) {
        Ok(value) => value,
        Err(error) => return missing(format!("no JSON: {error}")),
    };
    let stamp = time.into_iter().chain(TIMES).find_map(|name| value.get(name));
    let stamp = match stamp {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let (text, fault) = match path.find(&value) {
        Some(Value::String(text)) if !trim(text).is_empty() => (Some(text.clone()), None),
        Some(Value::String(_)) => (None, Some("the text is blank".to_owned())),
        Some(Value::Null) | None => (None, Some("no such field".to_owned())),
        Some(_) => (None, Some("the field is no text".to_owned())),
    };
    Line { stamp, text, fault }
}

/// Where a text stands in a record: `answer`, `response.text`, `samples[0]`.
struct Path(Vec<Step>);

enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            let text = sanitize::line(text);
            Failure::Usage(format!("--text {text}: expected a field such as answer, response.text or samples[0]"))
        };
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            } else if rest.is_empty() {
                return Err(wrong());
            }
            while let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
                steps.push(Step::Index(index.parse().map_err(|_| wrong())?));
                rest = after;
            }
            if !rest.is_empty() {
                return Err(wrong());
            }
        }
        Ok(Self(steps))
    }

    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }
}
