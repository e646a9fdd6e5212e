//! Configuration: command line > environment > file > built-in.
//!
//! The built-in values are `sample-data/config.yaml` itself, which documents every key: there is no second list of
//! defaults that could differ from it.

mod drift;
pub mod formats;
pub mod keeping;
pub mod notify;
pub mod paths;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::drift as engine_drift;
use crate::engine::embedding::earlier;
use crate::engine::embedding::pool;
use crate::engine::embedding::select::Choice;
use crate::history::Retention;
use crate::humanize;
use crate::record::Limits;
use crate::verdict::Action;
use crate::verdict::policy::Policy;
use crate::yaml::{Diagnostic, Doc, Node};

use formats::Formats;
use keeping::Keeping;
use notify::Notify;

/// The documented defaults.
pub const BUILT_IN: &str = include_str!("../sample-data/config.yaml");

/// Which characters the screen uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolSet {
    /// What the terminal and the locale allow.
    Auto,
    /// Unicode.
    Unicode,
    /// ASCII.
    Ascii,
}

/// All settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What compares the answers.
    pub backend: Choice,
    /// ONNX Runtime's library.
    pub onnxruntime: Option<PathBuf>,
    /// A model's folder.
    pub model: Option<PathBuf>,
    /// Embedding workers; 0 = by the cores.
    pub threads: usize,
    /// The preset's name.
    pub preset: Preset,
    /// Confidence lost per violation.
    pub violation_penalty: f64,
    /// Confidence from which the level is GREEN.
    pub green: f64,
    /// Confidence from which the level is YELLOW.
    pub yellow: f64,
    /// Score above which a person should look.
    pub review_score: Option<f64>,
    /// Engine time that counts as slow, ms.
    pub latency_guard_ms: Option<f64>,
    /// Advice when an engine failed.
    pub on_unscored: Action,
    /// Labels that make the group key.
    pub key: Vec<String>,
    /// Rules.
    pub rules: Option<PathBuf>,
    /// Bounds on a record.
    pub limits: Limits,
    /// How lines are read.
    pub formats: Formats,
    /// What the screen keeps.
    pub retention: Retention,
    /// Most that a packed file may unpack to, bytes.
    pub unpacked_bytes: u64,
    /// Size of an output past which it rotates, bytes.
    pub output_max_bytes: Option<u64>,
    /// Only verdicts with a finding are written.
    pub only_findings: bool,
    /// Bounds of the embedding pool.
    pub pool: pool::Options,
    /// Each embedding worker keeps to one core.
    pub pin_workers: bool,
    /// Bounds of what is remembered of earlier answers.
    pub earlier: earlier::Options,
    /// Bounds of the drift engine.
    pub drift: engine_drift::Options,
    /// What is kept of the traffic beyond the screen.
    pub keeping: Keeping,
    /// Whom alerts are told.
    pub notify: Notify,
    /// Theme.
    pub theme: String,
    /// Characters.
    pub symbols: SymbolSet,
    /// Whether the mouse is asked for; `None` = unless the terminal is reached over SSH or tmux.
    pub mouse: Option<bool>,
    /// Times are shown in this machine's zone instead of UTC.
    pub local_time: bool,
    /// The screen changes by itself at most twice a second.
    pub reduced_motion: bool,
    /// Records read back at the start.
    pub read_back: u64,
    /// The user's own keys: an action's name and its keys.
    pub keys: Vec<(String, Vec<String>)>,
}

/// A preset of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The default.
    Calibrated,
    /// What the Python engines do.
    Protocol,
}

impl Preset {
    /// The contract's words.
    pub const WORDS: [(&str, Self); 2] = [("calibrated", Self::Calibrated), ("protocol", Self::Protocol)];
}

const ACTIONS: [(&str, Action); 4] =
    [("ALLOW", Action::Allow), ("CAUTION", Action::Caution), ("REVIEW", Action::Review), ("BLOCK", Action::Block)];

const SYMBOLS: [(&str, SymbolSet); 3] =
    [("auto", SymbolSet::Auto), ("unicode", SymbolSet::Unicode), ("ascii", SymbolSet::Ascii)];

const MOUSE: [(&str, Option<bool>); 3] = [("auto", None), ("on", Some(true)), ("off", Some(false))];

const ZONES: [(&str, bool); 2] = [("utc", false), ("local", true)];

const ONLY: [(&str, bool); 2] = [("all", false), ("findings", true)];

/// The top-level keys, in the order of the file.
const KEYS: [&str; 30] = [
    "backend",
    "onnxruntime",
    "model",
    "threads",
    "policy",
    "key",
    "rules",
    "format",
    "map",
    "group",
    "stream",
    "limits",
    "retention",
    "output",
    "embedding",
    "drift",
    "series",
    "content",
    "redact",
    "capture",
    "replay",
    "notify",
    "targets",
    "theme",
    "symbols",
    "mouse",
    "time_zone",
    "reduced_motion",
    "read_back",
    "keys",
];

/// A number between 0 and 1.
fn share(node: &Node<'_>) -> Option<f64> {
    let number = node.number()?;
    if (0.0..=1.0).contains(&number) {
        return Some(number);
    }
    node.fault(format!("expected a number from 0 to 1, found {number}"), None);
    None
}

/// A span of time such as `2s`, at least a millisecond.
fn span(node: &Node<'_>) -> Option<Duration> {
    let text = node.string()?;
    let found = humanize::parse_span(text).filter(|span| *span >= Duration::from_millis(1));
    if found.is_none() {
        node.fault(format!("expected a span of time such as 2s or 500ms, found `{text}`"), None);
    }
    found
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

impl Config {
    /// The built-in values.
    ///
    /// # Errors
    /// Never in a released build: a test reads the same file.
    pub fn built_in() -> Result<Self, Vec<Diagnostic>> {
        let empty = Self {
            backend: Choice::Auto,
            onnxruntime: None,
            model: None,
            threads: 0,
            preset: Preset::Calibrated,
            violation_penalty: f64::NAN,
            green: f64::NAN,
            yellow: f64::NAN,
            review_score: None,
            latency_guard_ms: None,
            on_unscored: Action::Review,
            key: Vec::new(),
            rules: None,
            limits: Limits::default(),
            formats: Formats::default(),
            retention: Retention { bytes: 0, rows: 0 },
            unpacked_bytes: 0,
            output_max_bytes: None,
            only_findings: false,
            pool: pool::Options { cache_bytes: 0, queue: 0, max_wait: Duration::ZERO, deadline: Duration::ZERO },
            pin_workers: false,
            earlier: earlier::Options { window: Duration::ZERO, answers: 0, bytes: 0 },
            drift: engine_drift::Options::default(),
            keeping: Keeping::default(),
            notify: Notify::default(),
            theme: String::new(),
            symbols: SymbolSet::Auto,
            mouse: None,
            local_time: false,
            reduced_motion: false,
            read_back: 0,
            keys: Vec::new(),
        };
        empty.overlaid("built-in", BUILT_IN)
    }

    /// The built-in values, with those of a file in their place.
    ///
    /// # Errors
    /// Every fault of the file, or that it can't be read.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = path.to_string_lossy();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("can't be read: {error}");
            vec![Diagnostic { file: name.as_ref().into(), text: "".into(), span: 0..0, message, help: None }]
        })?;
        Self::built_in()?.overlaid(&name, &text)
    }

    /// These values, with those of a text in their place.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn overlaid(mut self, name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let doc = Doc::parse(name, text).map_err(|fault| vec![fault])?;
        self.read(&doc.root());
        doc.finish(self)
    }

    fn read(&mut self, root: &Node<'_>) {
        root.only(&KEYS);
        let path = |key: &str| root.get(key).and_then(|n| n.string()).map(PathBuf::from);
        set(&mut self.backend, root.get("backend").and_then(|n| n.word(&Choice::WORDS)));
        self.onnxruntime = path("onnxruntime").or(self.onnxruntime.take());
        self.model = path("model").or(self.model.take());
        self.rules = path("rules").or(self.rules.take());
        let whole = |node: Option<Node<'_>>, range| node.and_then(|n| n.whole(range));
        set(&mut self.threads, whole(root.get("threads"), 0..=1024).map(|n| n as usize));
        if let Some(policy) = root.get("policy") {
            self.read_policy(&policy);
        }
        if let Some(key) = root.get("key").and_then(|n| n.list()) {
            self.key = key.iter().filter_map(|n| n.string()).map(str::to_owned).collect();
        }
        self.formats.read(root);
        self.read_bounds(root);
        drift::read(&mut self.drift, root);
        self.keeping.read(root);
        self.notify.read(root);
        set(&mut self.theme, root.get("theme").and_then(|n| n.string()).map(str::to_owned));
        set(&mut self.symbols, root.get("symbols").and_then(|n| n.word(&SYMBOLS)));
        set(&mut self.mouse, root.get("mouse").and_then(|n| n.word(&MOUSE)));
        set(&mut self.local_time, root.get("time_zone").and_then(|n| n.word(&ZONES)));
        set(&mut self.reduced_motion, root.get("reduced_motion").and_then(|n| n.boolean()));
        set(&mut self.read_back, whole(root.get("read_back"), 0..=100_000_000));
        for (action, keys) in root.get("keys").map(|n| n.entries()).unwrap_or_default() {
            let keys = keys.list().unwrap_or_default();
            let keys = keys.iter().filter_map(|n| n.string()).map(str::to_owned).collect();
            self.keys.push((action.to_owned(), keys));
        }
    }

    fn read_policy(&mut self, policy: &Node<'_>) {
        policy.only(&[
            "preset",
            "violation_penalty",
            "green",
            "yellow",
            "review_score",
            "latency_guard_ms",
            "on_unscored",
        ]);
        set(&mut self.preset, policy.get("preset").and_then(|n| n.word(&Preset::WORDS)));
        set(&mut self.violation_penalty, policy.get("violation_penalty").and_then(|n| share(&n)));
        set(&mut self.green, policy.get("green").and_then(|n| share(&n)));
        set(&mut self.yellow, policy.get("yellow").and_then(|n| share(&n)));
        if let Some(node) = policy.get("review_score") {
            self.review_score = share(&node);
        }
        if let Some(node) = policy.get("latency_guard_ms") {
            self.latency_guard_ms = node.number().filter(|ms| *ms >= 0.0);
        }
        set(&mut self.on_unscored, policy.get("on_unscored").and_then(|n| n.word(&ACTIONS)));
    }

    fn read_bounds(&mut self, root: &Node<'_>) {
        let bound = |section: &str, key: &str, range| {
            root.get(section).and_then(|n| n.get(key)).and_then(|n| n.whole(range)).map(|n| n as usize)
        };
        let sections: [(&str, &[&str]); 4] = [
            ("limits", &["line_bytes", "samples", "sample_bytes", "numbers", "depth", "unpacked_bytes"]),
            ("retention", &["bytes", "rows"]),
            ("output", &["max_bytes", "only"]),
            (
                "embedding",
                &[
                    "cache_bytes",
                    "queue",
                    "max_wait",
                    "deadline",
                    "pin_workers",
                    "history_window",
                    "history_answers",
                    "history_bytes",
                ],
            ),
        ];
        for (section, keys) in sections {
            if let Some(node) = root.get(section) {
                node.only(keys);
            }
        }
        set(&mut self.limits.line_bytes, bound("limits", "line_bytes", 1..=1 << 30));
        set(&mut self.limits.samples, bound("limits", "samples", 1..=64));
        set(&mut self.limits.sample_bytes, bound("limits", "sample_bytes", 1..=16 << 20));
        set(&mut self.limits.numbers, bound("limits", "numbers", 1..=65_536));
        // serde_json itself goes no deeper than 128.
        set(&mut self.limits.depth, bound("limits", "depth", 1..=120));
        set(&mut self.retention.bytes, bound("retention", "bytes", 1 << 20..=64 << 30));
        set(&mut self.retention.rows, bound("retention", "rows", 1_000..=100_000_000));
        set(&mut self.unpacked_bytes, bound("limits", "unpacked_bytes", 1 << 20..=1 << 50).map(|n| n as u64));
        if let Some(most) = root.get("output").and_then(|n| n.get("max_bytes")) {
            self.output_max_bytes = most.whole(1 << 16..=1 << 50);
        }
        set(&mut self.only_findings, root.get("output").and_then(|n| n.get("only")).and_then(|n| n.word(&ONLY)));
        let span = |key: &str| root.get("embedding").and_then(|n| n.get(key)).and_then(|n| span(&n));
        set(&mut self.pool.cache_bytes, bound("embedding", "cache_bytes", 1 << 20..=16 << 30).map(|n| n as u64));
        set(&mut self.pool.queue, bound("embedding", "queue", 1..=1 << 20));
        set(&mut self.pool.max_wait, span("max_wait"));
        set(&mut self.pool.deadline, span("deadline"));
        let pin = root.get("embedding").and_then(|n| n.get("pin_workers")).and_then(|n| n.boolean());
        set(&mut self.pin_workers, pin);
        set(&mut self.earlier.window, span("history_window"));
        set(&mut self.earlier.answers, bound("embedding", "history_answers", 0..=15));
        set(&mut self.earlier.bytes, bound("embedding", "history_bytes", 0..=1 << 30));
    }

    /// The policy that these values make.
    pub fn policy(&self) -> Policy {
        let preset = match self.preset {
            Preset::Calibrated => Policy::calibrated(),
            Preset::Protocol => Policy::protocol(),
        };
        Policy {
            violation_penalty: self.violation_penalty,
            green: self.green,
            yellow: self.yellow,
            review_score: self.review_score.unwrap_or(preset.review_score),
            latency_guard_ms: self.latency_guard_ms.or(preset.latency_guard_ms),
            on_unscored: self.on_unscored,
            ..preset
        }
    }

    /// Embedding workers: as many as the process may use cores, one less while a screen is up.
    pub fn workers(&self, screen: bool) -> usize {
        // `available_parallelism` respects the affinity mask and the cgroup's quota.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self.threads {
            0 if screen => cores.saturating_sub(1).max(1),
            0 => cores,
            wanted => wanted,
        }
    }

    /// The values in force, as a file that could be read again.
    pub fn to_yaml(&self) -> String {
        let word =
            |words: &[(&'static str, Choice)]| words.iter().find(|(_, c)| *c == self.backend).map_or("", |w| w.0);
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let path = |path: &Option<PathBuf>| path.as_ref().map_or("null".into(), |p| quoted(&p.to_string_lossy()));
        let list = |items: &[String]| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ");
        let preset = Preset::WORDS.iter().find(|(_, p)| *p == self.preset).map_or("", |w| w.0);
        let mouse = MOUSE.iter().find(|(_, mouse)| *mouse == self.mouse).map_or("", |w| w.0);
        let zone = if self.local_time { "local" } else { "utc" };
        let symbols = SYMBOLS.iter().find(|(_, s)| *s == self.symbols).map_or("", |w| w.0);
        let keys: Vec<String> =
            self.keys.iter().map(|(action, keys)| format!("{}: [{}]", quoted(action), list(keys))).collect();
        let policy = self.policy();
        format!(
            "backend: {}\nonnxruntime: {}\nmodel: {}\nthreads: {}\npolicy:\n  preset: {preset}\n  violation_penalty: {}\n  green: {}\n  yellow: {}\n  review_score: {}\n  latency_guard_ms: {}\n  on_unscored: {}\nkey: [{}]\nrules: {}\n{}limits:\n  line_bytes: {}\n  samples: {}\n  sample_bytes: {}\n  numbers: {}\n  depth: {}\n  unpacked_bytes: {}\nretention:\n  bytes: {}\n  rows: {}\noutput:\n  max_bytes: {}\n  only: {}\nembedding:\n  cache_bytes: {}\n  queue: {}\n  max_wait: {}ms\n  deadline: {}ms\n  pin_workers: {}\n  history_window: {}ms\n  history_answers: {}\n  history_bytes: {}\n{}{}{}theme: {}\nsymbols: {symbols}\nmouse: {mouse}\ntime_zone: {zone}\nreduced_motion: {}\nread_back: {}\nkeys: {{{}}}\n",
            word(&Choice::WORDS),
            path(&self.onnxruntime),
            path(&self.model),
            self.threads,
            policy.violation_penalty,
            policy.green,
            policy.yellow,
            policy.review_score,
            policy.latency_guard_ms.map_or("null".to_owned(), |ms| ms.to_string()),
            policy.on_unscored.word(),
            list(&self.key),
            path(&self.rules),
            self.formats.to_yaml(),
            self.limits.line_bytes,
            self.limits.samples,
            self.limits.sample_bytes,
            self.limits.numbers,
            self.limits.depth,
            self.unpacked_bytes,
            self.retention.bytes,
            self.retention.rows,
            self.output_max_bytes.map_or("null".to_owned(), |bytes| bytes.to_string()),
            if self.only_findings { "findings" } else { "all" },
            self.pool.cache_bytes,
            self.pool.queue,
            self.pool.max_wait.as_millis(),
            self.pool.deadline.as_millis(),
            self.pin_workers,
            self.earlier.window.as_millis(),
            self.earlier.answers,
            self.earlier.bytes,
            drift::to_yaml(&self.drift),
            self.keeping.to_yaml(),
            self.notify.to_yaml(),
            quoted(&self.theme),
            self.reduced_motion,
            self.read_back,
            keys.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_sound_and_equal_to_the_library_s_defaults() {
        let config = Config::built_in().unwrap();
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.formats, Formats::default());
        assert_eq!(config.drift, engine_drift::Options::default());
        assert_eq!(config.pool, pool::Options::default());
        assert_eq!(config.earlier, earlier::Options::default());
        assert_eq!(config.keeping, Keeping::default());
        assert_eq!(config.notify, Notify::default());
        assert_eq!(config.policy(), Policy::calibrated());
        let protocol = Config { preset: Preset::Protocol, ..config };
        assert_eq!(protocol.policy(), Policy::protocol());
    }

    #[test]
    fn every_key_of_the_shipped_file_is_read() {
        // A value that is wrong is found, so each key of the file is looked at.
        for line in BUILT_IN.lines().filter(|line| !line.starts_with('#') && line.contains(':')) {
            let (key, value) = line.split_once(':').unwrap();
            if value.trim().is_empty() || key.contains('#') {
                continue;
            }
            let broken = BUILT_IN.replacen(line, &format!("{key}: [[wrong]]"), 1);
            assert!(Config::built_in().unwrap().overlaid("t", &broken).is_err(), "{key} is not read");
        }
    }

    #[test]
    fn faults_have_places_and_mends() {
        let text = "bakend: lexical\nlimits: {samples: 0}\npolicy: {green: 2}\n";
        let faults = Config::built_in().unwrap().overlaid("c.yaml", text).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "c.yaml:1:1: unknown key `bakend` (did you mean `backend`?)",
                "c.yaml:2:19: expected a whole number from 1 to 64, found the number 0",
                "c.yaml:3:17: expected a number from 0 to 1, found 2"
            ]
        );
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let text = "format: openai\nmap: {samples: '$.a[\"x,y\"]'}\ngroup: {by: trace_id, count: 3}\nbackend: lexical\nkey: [a, 'b\"c']\nkeys: {freeze: [p]}\npolicy: {preset: protocol}\n\
                    drift: {detector: zscore, false_alarms: 2/day}\n\
                    series: {latency_ms: {direction: up, season: none, false_alarms: 1/5000}, 'a b': {watch: false}}\n";
        let config = Config::built_in().unwrap().overlaid("c", text).unwrap();
        let again = Config::built_in().unwrap().overlaid("shown", &config.to_yaml()).unwrap();
        assert_eq!(again.policy(), config.policy());
        assert_eq!(Config { review_score: None, latency_guard_ms: None, ..again }, config);
    }
}
