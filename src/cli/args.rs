//! What can stand on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::clock::{Clock, SystemClock};
use crate::config::{Preset, formats};
use crate::engine::drift::Which;
use crate::engine::drift::budget::FalseAlarms;
use crate::engine::embedding::select::Choice;
use crate::humanize;
use crate::message::replay::{Speed, Target};
use crate::record;
use crate::record::format::Format;
use crate::source::From;

use super::fail_on::Condition;

/// Terminal dashboard that validates what AI agents are about to do.
#[derive(Debug, Parser)]
#[command(name = "watcher", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, ClapArgs)]
pub(super) struct Common {
    /// Configuration file instead of ~/.config/watcher/config.yaml
    #[arg(long, global = true, value_name = "FILE", env = "WATCHER_CONFIG")]
    pub config: Option<PathBuf>,
    /// From findings to advice: calibrated (default) or protocol
    #[arg(long, global = true, env = "WATCHER_POLICY", value_parser = word(&Preset::WORDS))]
    pub policy: Option<Preset>,
    /// What compares the answers: auto (default), onnxruntime, portable, lexical, none
    #[arg(long, global = true, env = "WATCHER_BACKEND", value_parser = word(&Choice::WORDS))]
    pub backend: Option<Choice>,
    /// ONNX Runtime's library, for the fast backend
    #[arg(long, global = true, value_name = "PATH", env = "ORT_DYLIB_PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Folder with model.onnx and tokenizer.json instead of the embedded model
    #[arg(long, global = true, value_name = "DIR", env = "WATCHER_MODEL")]
    pub model: Option<PathBuf>,
    /// Embedding workers; default: all cores, one less while a screen is up
    #[arg(long, global = true, value_name = "N", env = "WATCHER_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Theme of the screen: dark, light, high-contrast, terminal, nord, or one of your own
    #[arg(long, global = true, value_name = "NAME", env = "WATCHER_THEME")]
    pub theme: Option<String>,
    /// Rules: a file, or a folder of *.yaml
    #[arg(long, global = true, value_name = "PATH", env = "WATCHER_RULES")]
    pub rules: Option<PathBuf>,
    /// Label that makes the group key, such as agent_id
    #[arg(long, global = true, value_name = "PATH")]
    pub key: Vec<String>,
    /// What the lines are: auto (default), native, generic, openai, otel, langfuse, verdict
    #[arg(long, global = true, value_parser = word(&formats::WORDS))]
    pub format: Option<Wanted>,
    /// Where fields stand in any other log: samples=$.answers[*].text,prompt=$.question,latency_ms=$.took*1000
    #[arg(long, global = true, value_name = "FIELD=PATH,...")]
    pub map: Option<String>,
    /// Join records with one answer each that have the same value here, such as trace_id or prompt
    #[arg(long, global = true, value_name = "PATH")]
    pub group_by: Option<String>,
    /// Answers that complete a group; default 16
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64))]
    pub group_count: Option<u16>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Dashboard on logs as they grow: files, patterns such as 'logs/*.ndjson', or - for standard input
    Watch(Watch),
    /// Judge a log from its start, as fast as it goes
    Replay(Replay),
    /// The sample traffic, written live to a temporary log and tailed: nothing to configure
    Demo(Demo),
    /// What is in a log: its format, fields and numbers, and how it can be watched
    Inspect(Inspect),
    /// Check, test, explain and try out constraint rules
    Rules {
        #[command(subcommand)]
        what: RulesWhat,
    },
    /// The drift engine on any series: a column of a CSV file, or the texts of a log
    Drift(Drift),
    /// What this machine sustains: embeddings, rules, drift, the whole way of a record
    Bench(Bench),
    /// Choose or install ONNX Runtime, for the fast backend; everything works without it
    Setup(SetupWhat),
    /// The configuration in force, the keys, the theme
    Config {
        #[command(subcommand)]
        what: Option<ConfigWhat>,
    },
    /// Whether those who are to be told of alerts can be reached, and what is silenced
    Alert {
        #[command(subcommand)]
        what: AlertWhat,
    },
    /// What of this machine works: terminal, model, files, clock, limits
    Doctor {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Completions for a shell, on standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, on standard output
    Man,
}

/// What about alerts.
#[derive(Debug, Subcommand)]
pub(super) enum AlertWhat {
    /// Sends a test to all targets of the configuration, or to those that are named
    Test {
        /// Targets, by their names
        targets: Vec<String>,
    },
    /// The silences that act now
    List,
}

/// What is done with rules.
#[derive(Debug, Subcommand)]
pub(super) enum RulesWhat {
    /// Whether rules are sound, and all that is wrong with them; runs their tests too
    Check(RulesCheck),
    /// Run the tests in rule files, and show what none of them touched
    Test(RulesTest),
    /// One rule on one record: every part of it with its value
    Explain(RulesExplain),
    /// What other rules would have found in a log
    Backtest(RulesBacktest),
    /// The JSON Schema of a rule file, for editors
    Schema,
}

/// `rules check`
#[derive(Debug, ClapArgs)]
pub(super) struct RulesCheck {
    /// Files and folders, read as one set; default: the rules in force
    pub paths: Vec<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `rules test`
#[derive(Debug, ClapArgs)]
pub(super) struct RulesTest {
    /// Files and folders, read as one set; default: the rules in force
    pub paths: Vec<PathBuf>,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// A report in JUnit's form
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// `rules explain`
#[derive(Debug, ClapArgs)]
pub(super) struct RulesExplain {
    /// Id of the rule
    pub rule: String,
    /// A record: JSON, a file (its last record), FILE:LINE (with what came before it), or - for standard input
    pub record: String,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `rules backtest`
#[derive(Debug, ClapArgs)]
pub(super) struct RulesBacktest {
    /// The rules as they are: a file or a folder
    pub old: PathBuf,
    /// The rules as they might be
    pub new: PathBuf,
    /// The log
    pub log: PathBuf,
    /// Records to show for each rule that changes
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `inspect`
#[derive(Debug, ClapArgs)]
pub(super) struct Inspect {
    /// The log; - is standard input. Of a long one the beginning and the end are read
    pub file: PathBuf,
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// Write a configuration for this log; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub starter_config: Option<PathBuf>,
    /// Write rules with limits from the log's own quantiles; - is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "starter_config"])]
    pub starter_rules: Option<PathBuf>,
}

/// `drift`
#[derive(Debug, ClapArgs)]
pub(super) struct Drift {
    /// CSV with a header, or with --text one JSON object a line; .gz and .zst are unpacked, - is standard input
    pub file: PathBuf,
    /// Column of the values; default: the only one that is no time
    #[arg(long, value_name = "COLUMN", conflicts_with = "text")]
    pub value: Option<String>,
    /// Column of the time; default: the first of timestamp, time, ts, date, t, else rows are counted
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Watch the meaning of texts: the field they stand in, such as answer or samples[0]
    #[arg(long, value_name = "FIELD")]
    pub text: Option<String>,
    /// auto (all layers), or zscore (the all-time z-score, for comparison)
    #[arg(long, default_value = "auto", value_parser = word(&Which::WORDS))]
    pub detector: Which,
    /// False alarms that are put up with: one in so many rows
    #[arg(long, value_name = "1/ROWS", default_value = "1/10000")]
    pub false_alarms: FalseAlarms,
    /// Where the CSV goes; default: standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `bench`
#[derive(Debug, ClapArgs)]
pub(super) struct Bench {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// `setup`
#[derive(Debug, ClapArgs)]
#[group(multiple = false)]
pub(super) struct SetupWhat {
    /// Use one of the list, or a library
    #[arg(long = "use", value_name = "NUMBER|PATH")]
    pub choose: Option<String>,
    /// Install one with pip
    #[arg(long)]
    pub install: bool,
    /// Install one from a wheel, a release's .tgz or a library
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Use the embedded backend
    #[arg(long)]
    pub none: bool,
    /// Try a library in this process
    #[arg(long, hide = true, value_name = "PATH")]
    pub probe: Option<PathBuf>,
}

/// What of the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigWhat {
    /// All values in force
    Show,
    /// All actions with their keys
    Keys,
    /// The theme in force
    Theme,
}

/// `watch`
#[derive(Debug, ClapArgs)]
pub(super) struct Watch {
    /// Files, patterns, or -
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// Where to start: start, end, checkpoint (where the last run has ended), last:N (lines), since:2h or
    /// since:2026-02-17T12:00:00Z. Default: last:10000 with a screen, checkpoint without
    #[arg(long, value_parser = from)]
    pub from: Option<From>,
    /// Forget the checkpoint of these sources and this output
    #[arg(long)]
    pub fresh: bool,
    /// Answer /healthz and /metrics (Prometheus) here; a port alone is of this machine only
    #[arg(long, value_name = "ADDR", requires = "headless")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub capture: Capture,
    #[command(flatten)]
    pub screen: Screen,
    #[command(flatten)]
    pub run: Run,
}

/// `demo`
#[derive(Debug, ClapArgs)]
pub(super) struct Demo {
    #[command(flatten)]
    pub capture: Capture,
    #[command(flatten)]
    pub screen: Screen,
}

/// What the commands with a screen share.
#[derive(Debug, Default, Clone, Copy, ClapArgs)]
pub(super) struct Screen {
    /// Rules can be edited and tried out on the screen, and are not written
    #[arg(long)]
    pub read_only: bool,
}

/// What is captured from the start.
#[derive(Debug, Default, ClapArgs)]
pub(super) struct Capture {
    /// Keep records, verdicts and all that happens in a file that `watcher replay` opens
    #[arg(long, value_name = "FILE.wcap")]
    pub capture: Option<PathBuf>,
    /// Captures hold no prompts and answers: neither that file nor those that rules begin
    #[arg(long)]
    pub no_text: bool,
}

/// `replay`
#[derive(Debug, ClapArgs)]
pub(super) struct Replay {
    /// The log, or a capture (.wcap)
    pub file: PathBuf,
    /// How fast, as a multiple of the pace at which the records came: 0.1 to 1000, or max (default)
    #[arg(long, value_name = "N|max", conflicts_with = "headless")]
    pub speed: Option<Speed>,
    /// Begin here and pause: 02:57, 2026-02-17T02:57:00Z, 40%, '#1200'
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, conflicts_with = "headless")]
    pub at: Option<Target>,
    /// List only what fits: text, /regex/, field:value, or an expression such as 'metrics.cost > 3 && key == "a"'
    #[arg(long, value_name = "FILTER", conflicts_with = "headless")]
    pub filter: Option<String>,
    /// Skip the silence between records that lie far apart
    #[arg(long, conflicts_with = "headless")]
    pub skip_gaps: bool,
    /// Tell the targets of the configuration of what the log's alerts were, too
    #[arg(long, requires = "headless")]
    pub alerts: bool,
    /// Judge again by these rules too, and show what they change
    #[arg(long, value_name = "PATH")]
    pub compare: Option<PathBuf>,
    #[command(flatten)]
    pub screen: Screen,
    #[command(flatten)]
    pub run: Run,
}

/// What `watch` and `replay` share.
#[derive(Debug, ClapArgs)]
pub(super) struct Run {
    /// No screen: verdicts to --output, a summary at the end
    #[arg(long)]
    pub headless: bool,
    /// Verdicts, one JSON object a line; - is standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List every series in a verdict, not only those that moved
    #[arg(long, requires = "headless")]
    pub full: bool,
    /// Leave the timings out: the same input gives the same bytes
    #[arg(long, requires = "headless")]
    pub no_timing: bool,
    /// Form of the summary
    #[arg(long, requires = "headless", value_enum, default_value_t = SummaryForm::Text)]
    pub summary: SummaryForm,
    /// End with code 1 on findings: critical, warning, risk>0.5:1%, unscored>5%, rejected>0, no-data
    #[arg(long, requires = "headless", value_name = "LIST", value_delimiter = ',')]
    pub fail_on: Vec<Condition>,
}

/// Form of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SummaryForm {
    /// For people, on standard error
    Text,
    /// For programs, on standard output unless that is the output
    Json,
}

/// A format, or `None` to find out. (Two options in one another mean something else to clap.)
type Wanted = Option<Format>;

type Words<T> = &'static [(&'static str, T)];

/// A parser for one of several words.
fn word<T: Copy + Send + Sync + 'static>(
    words: Words<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let known = || words.iter().map(|(word, _)| *word);
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let near = crate::yaml::did_you_mean(text, known()).unwrap_or_default();
            format!("one of {}. {near}", known().collect::<Vec<_>>().join(", "))
        })
    }
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "start" => Ok(From::Start),
        "end" => Ok(From::End),
        "checkpoint" => Ok(From::Checkpoint),
        _ => {
            let last = || text.strip_prefix("last:")?.parse().ok().map(From::Last);
            let wanted = || "start, end, checkpoint, last:N, since:2h or since:2026-02-17T12:00:00Z".to_owned();
            last().or_else(|| since(text.strip_prefix("since:")?)).ok_or_else(wanted)
        }
    }
}

/// A moment, or a span that ends now.
fn since(text: &str) -> Option<From> {
    let ago = || SystemClock::new().now().checked_sub(humanize::parse_span(text)?).ok();
    record::time::parse(text).or_else(ago).map(From::Since)
}

/// `watcher FILE` is `watcher watch FILE`: puts the command in where none stands.
pub(super) fn with_default_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let command = Args::command();
    let takes_value = |name: &str| {
        command.get_arguments().any(|arg| {
            let long = arg.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long));
            long && arg.get_action().takes_values()
        })
    };
    let mut index = 1;
    while let Some(text) = arguments.get(index).map(|argument| argument.to_string_lossy().into_owned()) {
        match text.as_str() {
            "-h" | "--help" | "-V" | "--version" => return arguments,
            "-" => break,
            option if option.starts_with('-') => index += 1 + usize::from(takes_value(option)),
            name if command.get_subcommands().any(|sub| sub.get_name() == name) => return arguments,
            _ => break,
        }
    }
    // Options alone are no command line to put a command into: clap says what is missing.
    if arguments.len() > 1 && index < arguments.len() {
        arguments.insert(1, "watch".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Args {
        let words = line.split(' ').map(OsString::from).collect();
        Args::try_parse_from(with_default_command(words)).unwrap()
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn watch_is_the_default() {
        for line in [
            "watcher a.ndjson",
            "watcher --theme light a.ndjson",
            "watcher -",
            "watcher watch a.ndjson",
            "watcher a --from end",
        ] {
            assert!(matches!(read(line).command, Command::Watch(_)), "{line}");
        }
        for line in ["watcher demo", "watcher --theme light demo", "watcher --backend=lexical demo"] {
            assert!(matches!(read(line).command, Command::Demo(_)), "{line}");
        }
        assert!(matches!(read("watcher replay x --headless").command, Command::Replay(_)));
        assert_eq!(with_default_command(vec!["watcher".into()]).len(), 1);
    }

    #[test]
    fn starts() {
        assert_eq!((from("start"), from("end"), from("last:5")), (Ok(From::Start), Ok(From::End), Ok(From::Last(5))));
        assert_eq!(from("checkpoint"), Ok(From::Checkpoint));
        let Ok(From::Since(ago)) = from("since:2h") else { panic!("since:2h") };
        assert!((7_190..7_210).contains(&SystemClock::new().now().duration_since(ago).as_secs()));
        let time = "2026-02-17T12:00:00Z";
        assert_eq!(from(&format!("since:{time}")), Ok(From::Since(time.parse().unwrap())));
        for wrong in ["last:x", "since:", "since:never", "since:-2h", "begin"] {
            assert!(from(wrong).is_err(), "{wrong}");
        }
    }
}
