//! From command line, environment and files to what the library is started with.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::args::{Common, Run};
use super::journal::ToJournal;
use super::outputs::Outputs;
use super::{Failure, report};
use crate::app::themes::Themes;
use crate::config::paths::Paths;
use crate::config::{Config, SymbolSet};
use crate::engine::constraints::accept;
use crate::engine::embedding::model::ModelFiles;
use crate::engine::embedding::select;
use crate::engine::embedding::tokenize::TextTokenizer;
use crate::history::Retention;
use crate::pipeline::{Input, Options, recording, rule_files, rules_watch, silencing};
use crate::record::Names;
use crate::redact::Redact;
use crate::rules::schema::Source;
use crate::rules::{RuleSet, expr};
use crate::sink::lock::Lock;
use crate::source::From;
use crate::state::log::Journal;
use crate::ui::theme::{Depth, Symbols, Theme};
use crate::verdict::json;

/// The rules that are used when there are none.
pub(super) const DEFAULT_RULES: (&str, &str) =
    ("llm-service.yaml (embedded)", include_str!("../../sample-data/rules/llm-service.yaml"));

/// What is kept without a screen, for those who are told of alerts.
const TOLD: Retention = Retention { bytes: 4 << 20, rows: 2_000 };

/// A log file over this size is started anew, bytes.
const LOG_BYTES: u64 = 8 << 20;

/// Everything but the sources.
pub(super) struct Setup {
    pub config: Config,
    pub paths: Option<Paths>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// The theme was named on the command line.
    pub theme_named: bool,
    /// What is logged, for the screen.
    pub journal: Journal,
    /// The log file is to be opened anew.
    pub reopen_log: Arc<AtomicBool>,
    /// Writes the rest of the log when it goes.
    _log: Option<WorkerGuard>,
}

/// How a pipeline is to run.
pub(super) struct Mode {
    pub inputs: Vec<Input>,
    pub from: From,
    pub follow: bool,
    pub live: bool,
    pub screen: bool,
    /// Checkpoints are made, and gone on from where `from` says so.
    pub checkpoints: bool,
    /// A checkpoint that is there is forgotten.
    pub fresh: bool,
    /// Where verdicts go, and whether a file that is there may be replaced.
    pub output: Option<Output>,
    /// Limits of risk that the summary counts by.
    pub risk_limits: Vec<f64>,
    /// What the engines know at the start.
    pub engines: Option<serde_json::Value>,
    /// How records are captured.
    pub capture: Option<recording::Options>,
    /// Somebody is told of alerts, whether there is a screen or not.
    pub tells: bool,
}

impl Mode {
    /// Once over what is there, without a screen.
    pub fn once(inputs: Vec<Input>) -> Self {
        Self {
            inputs,
            from: From::Start,
            follow: false,
            live: false,
            screen: false,
            checkpoints: false,
            fresh: false,
            output: None,
            risk_limits: Vec::new(),
            engines: None,
            capture: None,
            tells: false,
        }
    }
}

/// The rules at the start.
pub(super) struct Rules {
    pub set: Arc<RuleSet>,
    /// What the operator should know of them.
    pub notes: Vec<String>,
    /// Where they are from, unless they are built in.
    pub path: Option<PathBuf>,
}

impl Rules {
    /// Rules that are built in.
    pub fn built_in(set: Arc<RuleSet>) -> Self {
        Self { set, notes: Vec::new(), path: None }
    }
}

/// What a pipeline is started with.
pub(super) struct Ready {
    pub options: Options,
    /// Held as long as the run lasts.
    pub _locks: Vec<Lock>,
    /// What the operator should know.
    pub notices: Vec<String>,
}

/// Where verdicts go.
pub(super) struct Output {
    pub path: PathBuf,
    pub replace: bool,
    pub options: json::Options,
}

impl Output {
    /// What a run asked for.
    pub fn of(run: &Run, replace: bool) -> Option<Self> {
        // Which verdicts are written is a matter of the configuration.
        let options = json::Options { timing: !run.no_timing, full: run.full, findings: false };
        let path = run.output.clone()?;
        Some(Self { path, replace, options })
    }
}

impl Setup {
    /// Reads configuration and command line.
    pub fn read(common: &Common) -> Result<Self, Failure> {
        let paths = Paths::find();
        let file = common.config.clone().or_else(|| paths.as_ref().and_then(Paths::config_file));
        let config = match &file {
            Some(file) => Config::load(file),
            None => Config::built_in(),
        };
        let mut config = config.map_err(|faults| Failure::Usage(report::faults(&faults)))?;
        let over = |target: &mut Option<PathBuf>, given: &Option<PathBuf>| {
            if given.is_some() {
                target.clone_from(given);
            }
        };
        over(&mut config.onnxruntime, &common.onnxruntime);
        over(&mut config.model, &common.model);
        over(&mut config.rules, &common.rules);
        config.backend = common.backend.unwrap_or(config.backend);
        config.preset = common.policy.unwrap_or(config.preset);
        config.threads = common.threads.map_or(config.threads, usize::from);
        if let Some(theme) = &common.theme {
            config.theme.clone_from(theme);
        }
        if !common.key.is_empty() {
            config.key.clone_from(&common.key);
        }
        if let Some(format) = common.format {
            config.formats.options.format = format;
        }
        if let Some(map) = &common.map {
            config.formats.set_map(map).map_err(|why| Failure::Usage(format!("--map: {why}")))?;
        }
        config.formats.group.by = common.group_by.clone().or(config.formats.group.by.take());
        config.formats.group.count = common.group_count.map_or(config.formats.group.count, usize::from);
        config.key = config.key.iter().map(|path| key_path(path)).collect();
        let journal = Journal::default();
        let reopen_log = Arc::new(AtomicBool::new(false));
        let log = start_log(paths.as_ref(), &journal, (config.keeping.redact(), Arc::clone(&reopen_log)));
        Ok(Self { config, paths, file, theme_named: common.theme.is_some(), journal, reopen_log, _log: log })
    }

    /// Where the operator's own rules are, if there are any.
    pub fn rules_path(&self) -> Option<PathBuf> {
        self.config.rules.clone().or_else(|| self.paths.as_ref().and_then(Paths::rules_dir))
    }

    /// The rules in force, and what to say about them.
    pub fn rules(&self) -> Result<Rules, Failure> {
        let path = self.rules_path();
        let (sources, mut notes) = match &path {
            Some(path) => (rule_files::read(path).map_err(|why| Failure::Usage(format!("rules: {why}")))?, Vec::new()),
            None => {
                let (name, text) = DEFAULT_RULES;
                let source = Source { name: name.into(), text: text.into() };
                (vec![source], vec![format!("no rules of your own were found: using {name}")])
            }
        };
        let set = compile(&sources)?;
        notes.extend(set.notes.iter().map(|note| format!("note: {note}")));
        Ok(Rules { set, notes, path })
    }

    /// What the library needs to run. Opens the outputs, so it comes after everything that can be at fault.
    pub fn options(&self, rules: Rules, mode: Mode) -> Result<Ready, Failure> {
        let config = &self.config;
        self.check_model()?;
        let Outputs { sink, own, store, resume, locks, notices, .. } =
            Outputs::open(&mode, config, self.paths.as_ref(), rules.path.as_deref())?;
        let options = Options {
            inputs: mode.inputs,
            from: mode.from,
            follow: mode.follow,
            live: mode.live,
            limits: config.limits,
            formats: Arc::new(config.formats.options()),
            key_paths: config.key.clone(),
            rules: rules.set,
            // The wall clock must not enter a replay: its rules are those of its start.
            rules_watch: rules.path.filter(|_| mode.live).map(|path| rules_watch::Options {
                path,
                audit: self.paths.as_ref().map(|paths| paths.state.join("audit.ndjson")),
            }),
            policy: config.policy(),
            embedding: select::Options {
                backend: config.backend,
                onnxruntime: config.onnxruntime.clone(),
                model: config.model.clone(),
            },
            pool: config.pool,
            pinned: config.pin_workers,
            earlier: config.earlier,
            threads: config.workers(mode.screen),
            drift: config.drift.clone(),
            retention: match (mode.screen, mode.tells) {
                (true, _) => Some(config.retention),
                // Only what alerts are about has to be at hand.
                (false, true) => Some(TOLD),
                (false, false) => None,
            },
            risk_limits: mode.risk_limits,
            sink,
            own,
            unpacked_bytes: config.unpacked_bytes,
            store,
            resume,
            engines: mode.engines,
            capture: mode.capture,
            keep_texts: self.config.keeping.is_open(),
            redact: Arc::new(self.config.keeping.redact()),
            silences: self
                .paths
                .as_ref()
                .filter(|_| mode.live)
                .map(|paths| silencing::Options { path: paths.state.join("silences.json") }),
        };
        Ok(Ready { options, _locks: locks, notices })
    }

    /// A model that was asked for by name and is none is a mistake, not a reason for something weaker.
    fn check_model(&self) -> Result<(), Failure> {
        let Some(dir) = self.config.model.as_ref().filter(|_| !self.config.backend.is_cheap()) else { return Ok(()) };
        let sound = ModelFiles::from_dir(dir)
            .and_then(|files| TextTokenizer::with_length(&files.tokenizer, files.interface.tokens).map(drop));
        sound.map_err(|why| {
            let dir = crate::sanitize::line(&dir.display().to_string()).into_owned();
            Failure::Usage(format!(
                "--model {dir}: {why}\na folder with model.onnx (or onnx/model.onnx) and tokenizer.json is needed; without --model the embedded model is used"
            ))
        })
    }

    /// The theme in force, with the colours and characters that the terminal has.
    pub fn theme(&self) -> Result<Theme, Failure> {
        let theme = self.theme_text().and_then(|(name, text)| {
            Theme::parse(&name, &text).map_err(|faults| Failure::Usage(report::faults(&faults)))
        })?;
        Ok(theme.with_depth(terminal_depth()).with_symbols(self.symbols()))
    }

    fn symbols(&self) -> Symbols {
        let unicode = match self.config.symbols {
            SymbolSet::Unicode => true,
            SymbolSet::Ascii => false,
            SymbolSet::Auto => terminal_shows_unicode(),
        };
        if unicode { Symbols::UNICODE } else { Symbols::ASCII }
    }

    /// All themes, as this terminal shows them.
    pub fn themes(&self) -> Themes {
        let folder = self.paths.as_ref().map(|paths| paths.config.join("themes"));
        Themes::new(folder, (terminal_depth(), self.symbols()), self.config.theme.clone())
    }

    /// Name and text of the theme: the user's own first.
    pub fn theme_text(&self) -> Result<(String, String), Failure> {
        let name = &self.config.theme;
        let shipped = crate::ui::theme::SHIPPED;
        let own_dir = self.paths.as_ref().map(|paths| paths.config.join("themes"));
        let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.');
        if let Some(path) =
            own_dir.filter(|_| plain).map(|dir| dir.join(format!("{name}.yaml"))).filter(|p| p.is_file())
        {
            let text = fs::read_to_string(&path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
            return Ok((path.display().to_string(), text));
        }
        if let Some((known, text)) = shipped.iter().find(|(known, _)| known == name) {
            return Ok(((*known).to_owned(), (*text).to_owned()));
        }
        let near = crate::yaml::did_you_mean(name, shipped.iter().map(|(known, _)| *known)).unwrap_or_default();
        let known: Vec<&str> = shipped.iter().map(|(known, _)| *known).collect();
        Err(Failure::Usage(format!("there is no theme `{name}`: shipped are {}. {near}", known.join(", "))))
    }
}

/// Compiles and tests rules, or says all that is wrong with them.
pub(super) fn compile(sources: &[Source]) -> Result<Arc<RuleSet>, Failure> {
    accept(sources).map(Arc::new).map_err(|faults| Failure::Usage(report::faults(&faults)))
}

/// Logs go to a file of their own, never to the screen. Without a place for it there is no log.
fn start_log(
    paths: Option<&Paths>,
    journal: &Journal,
    (redact, reopen): (Redact, Arc<AtomicBool>),
) -> Option<WorkerGuard> {
    let paths = paths?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&paths.state).ok()?;
    let path = paths.log();
    let large = fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_BYTES);
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).append(!large).truncate(large).mode(0o600);
    // Written by a thread of its own: a slow disk must not hold up a record.
    let file = options.open(&path).ok()?;
    let (writer, guard) = tracing_appender::non_blocking(Redacting { file, path, redact, reopen });
    let level = std::env::var("WATCHER_LOG").ok().and_then(|level| level.parse().ok());
    let level = LevelFilter::from_level(level.unwrap_or(tracing::Level::INFO));
    let file = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let logger = tracing_subscriber::registry().with(level).with(file).with(ToJournal::new(journal.clone()));
    // A second logger in one process (tests) is of no use and no harm.
    let _ = tracing::subscriber::set_global_default(logger);
    Some(guard)
}

/// A log without what the patterns find. It gets whole lines.
struct Redacting {
    file: fs::File,
    path: PathBuf,
    redact: Redact,
    reopen: Arc<AtomicBool>,
}

impl io::Write for Redacting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.reopen.swap(false, Ordering::Relaxed)
            && let Ok(file) = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)
        {
            self.file = file;
        }
        if self.redact.is_empty() {
            return self.file.write(line);
        }
        self.file.write_all(self.redact.text(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn terminal_depth() -> Depth {
    let term = set("TERM").unwrap_or_default();
    if set("NO_COLOR").is_some() || term == "dumb" {
        Depth::None
    } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
        Depth::True
    } else if term.contains("256color") {
        Depth::Indexed
    } else {
        Depth::Sixteen
    }
}

/// A path as people write it (`agent-id`, `metrics.Foo`, `labels["a b"]`), as the records' names have it.
fn key_path(text: &str) -> String {
    match expr::parse(text) {
        Ok(expr::Ast { kind: expr::Kind::Field(path), .. }) => path,
        _ => Names::canonical(text),
    }
}

/// Whether the terminal is reached over SSH or shared in tmux or screen.
pub(super) fn is_remote() -> bool {
    ["SSH_CONNECTION", "SSH_TTY", "TMUX", "STY"].iter().any(|name| set(name).is_some())
}

/// The Linux console has no braille, and a locale that names another character set means it.
pub(super) fn terminal_shows_unicode() -> bool {
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let utf8 = locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    utf8 && set("TERM").as_deref() != Some("linux")
}
