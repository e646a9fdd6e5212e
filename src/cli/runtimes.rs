//! `watcher setup`: which ONNX Runtime is used, if any. Everything works without one; with one it is faster.
//!
//! A library is looked for where watcher installs one, in the installed Pythons and in the system's folders. Each is
//! tried in a process of its own, since a process can load only one, and since a broken one may take it down. What is
//! chosen is written into the configuration; nothing is used that was only found.

mod edit;
mod find;
mod install;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::args::SetupWhat;
use super::setup::Setup;
use super::{Failure, say};
use crate::clock::{Clock, SystemClock};
use crate::engine::embedding::model::{Backend, ModelFiles};
use crate::engine::embedding::onnxruntime::OnnxRuntime;
use crate::engine::embedding::select::Choice;
use crate::engine::embedding::tokenize::TextTokenizer;
use crate::sanitize;
use find::Found;

/// A text of about twenty tokens, to see what a library can do.
const TRIAL: &str = "Sell 400 shares of NVDA at 131.20 to get under the limit.";

/// Runs of it; the fastest counts.
const RUNS: usize = 20;

/// How long a library may take to load and run at most, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

/// Runs the command.
pub(super) fn run(setup: &Setup, what: &SetupWhat) -> Result<(), Failure> {
    if let Some(library) = &what.probe {
        return probe(setup, library);
    }
    if what.none {
        return record(setup, None);
    }
    if let Some(file) = &what.from {
        return install_from(setup, file);
    }
    if what.install {
        return install_with_pip(setup);
    }
    let found = find::all(setup.paths.as_ref());
    if let Some(wanted) = &what.choose {
        return choose(setup, &found, wanted);
    }
    let tried: Vec<Result<String, String>> = found.iter().map(|found| try_out(setup, &found.library)).collect();
    say(&table(setup, &found, &tried))?;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    ask(setup, &found)
}

fn table(setup: &Setup, found: &[Found], tried: &[Result<String, String>]) -> String {
    let in_use = setup.config.onnxruntime.as_deref();
    let mut text = match in_use {
        Some(path) => format!("ONNX Runtime in use: {}\n\n", sanitize::line(&path.display().to_string())),
        None => "No ONNX Runtime is in use: the embedded backend compares the answers.\n\n".to_owned(),
    };
    if found.is_empty() {
        text += "None was found on this machine.\n";
    }
    for (number, (found, tried)) in (1..).zip(found.iter().zip(tried)) {
        let mark = if in_use == Some(&*found.library) { "*" } else { " " };
        let path = found.library.display().to_string();
        let how = match tried {
            Ok(how) => how.clone(),
            Err(why) => format!("does not run: {why}"),
        };
        text +=
            &format!("{mark} {number}  {} ({})\n      {}\n", sanitize::line(&path), found.place, sanitize::line(&how));
    }
    text += "\n  watcher setup --use NUMBER|PATH   use one of them\n";
    text += "  watcher setup --install           install one with pip\n";
    text +=
        "  watcher setup --from FILE         install one from a wheel, an archive or a library (without a network)\n";
    text += "  watcher setup --none              use the embedded backend\n";
    text
}

/// Lets the user choose at the terminal.
fn ask(setup: &Setup, found: &[Found]) -> Result<(), Failure> {
    say("\nWhich one? A number, i to install one, or Enter to leave all as it is: ")?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::Input(format!("standard input: {error}")))?;
    match answer.trim() {
        "" => Ok(()),
        "i" => install_with_pip(setup),
        number => choose(setup, found, number),
    }
}

/// A number of the list, or a path.
fn choose(setup: &Setup, found: &[Found], wanted: &str) -> Result<(), Failure> {
    let library = match wanted.parse::<usize>() {
        Ok(number) => number.checked_sub(1).and_then(|index| found.get(index)).map(|found| found.library.clone()),
        Err(_) => Some(PathBuf::from(wanted)),
    };
    let missing = || Failure::Usage(format!("there is no number {wanted} in the list; `watcher setup` shows it"));
    take(setup, &library.ok_or_else(missing)?)
}

/// Uses a library from now on, if it runs.
fn take(setup: &Setup, library: &Path) -> Result<(), Failure> {
    let wrong = |why: String| Failure::Input(format!("{}: {why}", library.display()));
    let library = library.canonicalize().map_err(|error| wrong(error.to_string()))?;
    let how = try_out(setup, &library).map_err(|why| wrong(format!("it does not run: {why}")))?;
    say(&format!("{}\n  {how}\n", sanitize::line(&library.display().to_string())))?;
    record(setup, Some(&library))
}

fn install_from(setup: &Setup, file: &Path) -> Result<(), Failure> {
    let wrong = |why: anyhow::Error| Failure::Input(format!("{}: {why:#}", file.display()));
    let library = install::from_file(file, &data_dir(setup)?, &|library| try_out(setup, library)).map_err(wrong)?;
    take(setup, &library)
}

fn install_with_pip(setup: &Setup) -> Result<(), Failure> {
    let library = install::with_pip(&data_dir(setup)?, &|library| try_out(setup, library))
        .map_err(|why| Failure::Input(format!("{why:#}")))?;
    take(setup, &library)
}

fn data_dir(setup: &Setup) -> Result<PathBuf, Failure> {
    let none = || Failure::Usage("there is no home directory: set HOME or XDG_DATA_HOME".into());
    Ok(setup.paths.as_ref().ok_or_else(none)?.runtimes())
}

/// Writes the choice into the configuration.
fn record(setup: &Setup, library: Option<&Path>) -> Result<(), Failure> {
    let none = || Failure::Usage("there is no home directory: name a file with --config".into());
    let default = || setup.paths.as_ref().map(|paths| paths.config.join("config.yaml"));
    let file = setup.file.clone().or_else(default).ok_or_else(none)?;
    edit::set_onnxruntime(&file, library).map_err(|why| Failure::Input(format!("{}: {why:#}", file.display())))?;
    let file = sanitize::line(&file.display().to_string()).into_owned();
    say(&match library {
        Some(_) => format!("written into {file}: `auto` uses it from now on\n"),
        None => format!("written into {file}: the embedded backend is used from now on\n"),
    })?;
    // What stands above the file in the order of precedence still wins.
    if let Some(over) = std::env::var_os("ORT_DYLIB_PATH").filter(|over| library.map(Path::as_os_str) != Some(over)) {
        let over = sanitize::line(&over.to_string_lossy()).into_owned();
        say(&format!("but ORT_DYLIB_PATH names {over}, and the environment wins: unset it\n"))?;
    }
    match setup.config.backend {
        Choice::Auto | Choice::OnnxRuntime => Ok(()),
        _ => say("but the configuration names another `backend`: set it to auto\n"),
    }
}

/// Runs a library in a process of its own: what it can do, or why it can't.
pub(super) fn try_out(setup: &Setup, library: &Path) -> Result<String, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(this);
    // What matters of the configuration is passed on.
    command.arg("setup").arg("--probe").arg(library).arg("--config").arg("/dev/null");
    if let Some(model) = &setup.config.model {
        command.arg("--model").arg(model);
    }
    let output = output_within(command, PATIENCE)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let why = text(&output.stderr);
    let last = why.lines().next().unwrap_or_default().trim_start_matches("watcher: ").to_owned();
    Err(if last.is_empty() { format!("it ends with {}", output.status) } else { last })
}

/// Runs a command that may hang.
fn output_within(mut command: Command, most: Duration) -> Result<Output, String> {
    let said = |error: std::io::Error| error.to_string();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(said)?;
    let clock = SystemClock::new();
    // A child that says more than a pipe holds would wait for its reader: it is not one of ours then.
    while child.try_wait().map_err(said)?.is_none() {
        if clock.elapsed() > most {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it takes longer than {} s", most.as_secs()));
        }
        std::thread::sleep(LOOK);
    }
    child.wait_with_output().map_err(said)
}

/// The child's part: loads the library, embeds a text, says how long that takes.
fn probe(setup: &Setup, library: &Path) -> Result<(), Failure> {
    let wrong = |why: String| Failure::Input(why);
    let files = match &setup.config.model {
        Some(dir) => ModelFiles::from_dir(dir).map_err(|e| wrong(e.to_string()))?,
        None => ModelFiles::embedded().ok_or_else(|| wrong("no model: name one with --model DIR".into()))?,
    };
    let files = Arc::new(files);
    let tokens =
        TextTokenizer::with_length(&files.tokenizer, files.interface.tokens).map_err(|e| wrong(e.to_string()))?;
    let ids = tokens.ids(TRIAL).map_err(|e| wrong(e.to_string()))?;
    let backend = OnnxRuntime::load(library, &files).map_err(|e| wrong(e.to_string()))?;
    let mut session = backend.session().map_err(|e| wrong(e.to_string()))?;
    let clock = SystemClock::new();
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = clock.elapsed();
        session.embed(&ids).map_err(|e| wrong(e.to_string()))?;
        best = best.min((clock.elapsed() - start).as_secs_f64() * 1e3);
    }
    let version = crate::engine::embedding::onnxruntime::version().unwrap_or_else(|| "of unknown version".into());
    let mut out = std::io::stdout();
    let written =
        writeln!(out, "ONNX Runtime {version}: runs the model, {best:.1} ms for {} tokens on one core", ids.len());
    written.map_err(|error| wrong(error.to_string()))
}
