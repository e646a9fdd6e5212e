//! Commands with a screen: `watch`, `replay`, `demo`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::Failure;
use super::args::{Replay, Run, Watch};
use super::headless::LAST_WORDS;
use super::setup::{self, Mode, Output, Rules, Setup};
use crate::app::keymap::Keymap;
use crate::app::{App, End, terminal};
use crate::clock::{SharedClock, SystemClock};
use crate::message::Orders;
use crate::pipeline::demo::{self, Demo};
use crate::pipeline::{Input, Pipeline};
use crate::rules::schema::Source;
use crate::source::From;
use crate::state::{AppState, Options};

/// `watcher watch SOURCE...`
pub(super) fn watch(setup: Setup, watch: &Watch) -> Result<(), Failure> {
    need_terminal()?;
    let rules = setup.rules()?;
    let mode = Mode {
        inputs: inputs(&watch.sources)?,
        from: watch.from.unwrap_or(From::Last(setup.config.read_back)),
        follow: true,
        live: true,
        screen: true,
        // Two people may look at one log: only who writes, or goes on from a checkpoint, has it alone.
        checkpoints: watch.run.output.is_some() || watch.from == Some(From::Checkpoint),
        fresh: watch.fresh,
        output: output(&watch.run, false)?,
        risk_limits: Vec::new(),
    };
    show(&setup, "LIVE", rules, mode)
}

/// `watcher replay FILE`
pub(super) fn replay(setup: Setup, replay: &Replay) -> Result<(), Failure> {
    need_terminal()?;
    let rules = setup.rules()?;
    if replay.file.as_os_str() != "-" {
        need_file(&replay.file)?;
    }
    let mode = Mode {
        inputs: inputs(std::slice::from_ref(&replay.file))?,
        from: From::Start,
        follow: false,
        live: false,
        screen: true,
        checkpoints: false,
        fresh: false,
        output: output(&replay.run, true)?,
        risk_limits: Vec::new(),
    };
    show(&setup, "REPLAY", rules, mode)
}

/// `watcher demo`
pub(super) fn demo(setup: Setup) -> Result<(), Failure> {
    need_terminal()?;
    let source = Source { name: "watcher-protocol.yaml (embedded)".into(), text: demo::RULES.into() };
    let rules = match setup.config.rules {
        Some(_) => setup.rules()?,
        None => Rules::built_in(setup::compile(&[source])?),
    };
    let demo = Demo::start(SystemClock::shared()).context("writing the sample log")?;
    let inputs = vec![Input::Files(demo.log())];
    let mode = Mode {
        inputs,
        from: From::Start,
        follow: true,
        live: true,
        screen: true,
        checkpoints: false,
        fresh: false,
        output: None,
        risk_limits: Vec::new(),
    };
    show(&setup, "DEMO", rules, mode)
}

fn output(run: &Run, replace: bool) -> Result<Option<Output>, Failure> {
    if run.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(Failure::Usage(
            "standard output is the screen: name a file for --output, or add --headless".into(),
        ));
    }
    Ok(Output::of(run, replace))
}

fn need_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::Usage("the dashboard needs a terminal; without one add --headless (and --output FILE or -)".into()))
}

/// A replay of nothing is a mistake of the command line; watching waits for its files.
pub(super) fn need_file(file: &PathBuf) -> Result<(), Failure> {
    match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(meta) if meta.is_dir() => Err(Failure::Input(format!("{} is a folder, not a log", file.display()))),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Input(format!("{}: {error}", file.display()))),
    }
}

/// What is read, from what was named.
pub(super) fn inputs(sources: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for source in sources {
        let input = if source.as_os_str() != "-" {
            file_input(source)?
        } else if std::io::stdin().is_terminal() {
            return Err(Failure::Usage(
                "`-` reads standard input, which is the keyboard here: pipe a log into it".into(),
            ));
        } else {
            Input::Stdin
        };
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
    Ok(inputs)
}

fn file_input(path: &Path) -> Result<Input, Failure> {
    match std::fs::metadata(path) {
        // A named pipe, as in `watcher replay <(zcat log.gz)`, is read as it comes.
        Ok(meta) if !meta.is_file() && !meta.is_dir() => Ok(Input::Stream(path.to_owned())),
        Ok(_) => Ok(Input::Files(path.to_owned())),
        Err(_) => match glob::Pattern::new(&path.to_string_lossy()) {
            Ok(_) => Ok(Input::Files(path.to_owned())),
            Err(error) => Err(Failure::Usage(format!("{} is neither a file nor a pattern: {error}", path.display()))),
        },
    }
}

fn show(setup: &Setup, word: &'static str, rules: Rules, mode: Mode) -> Result<(), Failure> {
    let keymap = Keymap::new(&setup.config.keys).map_err(Failure::Usage)?;
    let theme = setup.theme()?;
    let clock: SharedClock = SystemClock::shared();
    let options = Options { review_score: setup.config.policy().review_score, mode: word, live: mode.live };
    let mut state = AppState::new(options, clock.now());
    state.view.hints = Arc::clone(&keymap.hints);
    state.view.note = rules.notes.first().map(|note| match rules.notes.len() {
        1 => note.clone(),
        n => format!("{note} (and {} more: watcher rules check)", n - 1),
    });
    let mut app =
        App { state, theme, keymap, clock: Arc::clone(&clock), remote: setup::is_remote(), orders: Orders::default() };
    let ready = setup.options(rules, mode)?;
    if !ready.notices.is_empty() {
        app.state.view.note = Some(ready.notices.join("; "));
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    let mut guard = terminal::Guard::new()?;
    // The first frame stands before anything is loaded.
    app.draw(guard.terminal()).context("drawing")?;
    let pipeline = Pipeline::start(ready.options, clock).context("starting the engines")?;
    let (updates, handle) = pipeline.split();
    app.orders = handle.orders();
    let end = runtime.block_on(app.run(&mut guard, updates));
    drop(guard);
    handle.finish(LAST_WORDS);
    // Whatever still waits for the outside ends with the process.
    runtime.shutdown_background();
    match end? {
        End::Quit => Ok(()),
        End::Lost => Err(Failure::Internal(anyhow::anyhow!("the engines ended without being asked: a bug"))),
    }
}
