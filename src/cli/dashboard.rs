//! Commands with a screen: `watch` and `demo`; `replay` has a file of its own.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::Failure;
use super::args::{Demo as DemoArgs, Run, Screen, Watch};
use super::couriers::{self, Couriers};
use super::headless::LAST_WORDS;
use super::setup::{self, Mode, Output, Rules, Setup};
use super::{alert, captures};
use crate::app::keymap::{Keymap, Keys};
use crate::app::{App, End, handover, terminal};
use crate::clock::{SharedClock, SystemClock};
use crate::config::keeping::Content;
use crate::engine::embedding::select::Choice;
use crate::message::channel::Receiver;
use crate::message::desk::Desk;
use crate::message::notice::Rings;
use crate::message::{Orders, Update};
use crate::pipeline::demo::{self, Demo};
use crate::pipeline::{Handle, Input, Pipeline, desk, spawn};
use crate::rules::schema::Source;
use crate::source::From;
use crate::state::session::SavedSession;
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
        engines: None,
        capture: captures::options(&setup, &watch.capture, "LIVE", &watch.sources)?,
        tells: true,
    };
    show(&setup, Look { word: "LIVE", live: true, screen: watch.screen }, rules, mode)
}

/// `watcher demo`
pub(super) fn demo(setup: Setup, demo: &DemoArgs) -> Result<(), Failure> {
    need_terminal()?;
    let source = Source { name: "watcher-protocol.yaml (embedded)".into(), text: demo::RULES.into() };
    let rules = match setup.config.rules {
        Some(_) => setup.rules()?,
        None => Rules::built_in(setup::compile(&[source])?),
    };
    let traffic = Demo::start(SystemClock::shared()).context("writing the sample log")?;
    let inputs = vec![Input::Files(traffic.log())];
    let capture = captures::options(&setup, &demo.capture, "DEMO", &[traffic.log()])?;
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
        engines: None,
        capture,
        tells: true,
    };
    show(&setup, Look { word: "DEMO", live: true, screen: demo.screen }, rules, mode)
}

pub(super) fn output(run: &Run, replace: bool) -> Result<Option<Output>, Failure> {
    if run.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(Failure::Usage(
            "standard output is the screen: name a file for --output, or add --headless".into(),
        ));
    }
    Ok(Output::of(run, replace))
}

pub(super) fn need_terminal() -> Result<(), Failure> {
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
        Ok(meta) if meta.is_file() && captures::is_capture(path) => Ok(Input::Capture(path.to_owned())),
        // A named pipe, as in `watcher replay <(zcat log.gz)`, is read as it comes.
        Ok(meta) if !meta.is_file() && !meta.is_dir() => Ok(Input::Stream(path.to_owned())),
        Ok(_) => Ok(Input::Files(path.to_owned())),
        Err(_) => match glob::Pattern::new(&path.to_string_lossy()) {
            Ok(_) => Ok(Input::Files(path.to_owned())),
            Err(error) => Err(Failure::Usage(format!("{} is neither a file nor a pattern: {error}", path.display()))),
        },
    }
}

/// What the screen is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// What the header says.
    pub word: &'static str,
    /// Time goes on when nothing comes.
    pub live: bool,
    /// What was asked for.
    pub screen: Screen,
}

fn show(setup: &Setup, look: Look, rules: Rules, mode: Mode) -> Result<(), Failure> {
    captures::refuse(&mode.inputs)?;
    let clock: SharedClock = SystemClock::shared();
    let unknown = alert::unknown_targets(setup, &rules.set);
    let rules = Rules { notes: rules.notes.into_iter().chain(unknown).collect(), ..rules };
    let note = rules.notes.first().map(|note| match rules.notes.len() {
        1 => note.clone(),
        n => format!("{note} (and {} more: watcher rules check)", n - 1),
    });
    let mut app = app(setup, look, &clock)?;
    // The demo neither reads nor writes the session.
    if look.word == "LIVE" {
        restore(&mut app, setup);
    }
    app.state.telling.who = alert::who();
    app.state.telling.begin(couriers::options(setup, look.word));
    app.courier = Some(Box::new(Couriers::start(setup, &clock)?));
    app.state.view.note = note;
    let ready = setup.options(rules, mode)?;
    if !ready.notices.is_empty() {
        app.state.view.note = Some(ready.notices.join("; "));
    }
    let (options, desk) = (ready.options, app.desk.clone());
    run(app, move || {
        let pipeline = Pipeline::start(options, Arc::clone(&clock)).context("starting the engines")?;
        let answers = desk::start(&desk, &pipeline.reasons(), &clock).context("answering the screen")?;
        let (updates, handle) = pipeline.split();
        Ok(Running { answers, updates, orders: handle.orders(), handle: Some(handle) })
    })
}

/// What was there last time is there again.
fn restore(app: &mut App, setup: &Setup) {
    let Some(path) = setup.paths.as_ref().map(|paths| paths.state.join("session.json")) else { return };
    match std::fs::read_to_string(&path).map(|text| SavedSession::parse(&text)) {
        Ok(Ok(saved)) => {
            let theme = saved.theme.clone().filter(|_| !setup.theme_named);
            app.state.restore(saved);
            if let Some(theme) = theme.filter(|theme| *theme != app.themes.current()) {
                app.choose_theme(&theme);
            }
        }
        Ok(Err(why)) => app.state.view.note = Some(format!("{}: {why}: it begins anew", path.display())),
        Err(_) => {}
    }
    app.session = Some(path);
}

/// The screen's side of a command.
pub(super) fn app(setup: &Setup, look: Look, clock: &SharedClock) -> Result<App, Failure> {
    let keys = if look.word == "REPLAY" { Keys::Replay } else { Keys::Live };
    let keymap = Keymap::new(&setup.config.keys, keys).map_err(Failure::Usage)?;
    let theme = setup.theme()?;
    let options = Options {
        review_score: setup.config.policy().review_score,
        mode: look.word,
        live: look.live,
        read_only: look.screen.read_only,
    };
    let mut state = AppState::new(options, clock.now());
    state.view.hints = Arc::clone(&keymap.hints);
    let reports = handover::Options {
        folder: setup.paths.as_ref().map(|paths| paths.state.join("reports")),
        never_text: setup.config.keeping.content == Content::Off,
        redact: Arc::new(setup.config.keeping.redact()),
        file: None,
        words: words(setup),
    };
    let remote = setup::is_remote();
    let mouse = setup.config.mouse.unwrap_or(!remote);
    let themes = setup.themes();
    state.view.themes = themes.names();
    state.view.theme = themes.current().to_owned();
    state.view.mouse = mouse;
    state.view.local_time = setup.config.local_time;
    state.view.never_text = setup.config.keeping.content == Content::Off;
    state.view.masked = setup.config.keeping.content != Content::Show;
    Ok(App {
        state,
        theme,
        themes,
        keymap,
        clock: Arc::clone(clock),
        orders: Orders::default(),
        desk: Desk::default(),
        journal: setup.journal.clone(),
        remote,
        mouse,
        reduced_motion: setup.config.reduced_motion,
        reports,
        session: None,
        courier: None,
        rings: Rings::default(),
    })
}

/// The words of the command line that a command needs to come to the same verdicts.
fn words(setup: &Setup) -> Vec<String> {
    let rules = setup.config.rules.as_ref().map(|path| path.to_string_lossy().into_owned());
    let backend = Choice::WORDS.iter().find(|(_, choice)| *choice == setup.config.backend);
    let backend = backend.filter(|(_, choice)| *choice != Choice::Auto).map(|(word, _)| (*word).to_owned());
    let option = |name: &str, value: Option<String>| value.map(|value| [name.to_owned(), value]);
    [option("--rules", rules), option("--backend", backend)].into_iter().flatten().flatten().collect()
}

/// What works behind the screen.
pub(super) struct Running {
    /// What was asked at the desk.
    pub answers: Receiver<Update>,
    pub updates: Receiver<Update>,
    pub orders: Orders,
    /// Ends what judges.
    pub handle: Option<Handle>,
}

/// Shows a screen until the user leaves. What is behind it is started once its first frame stands.
pub(super) fn run(mut app: App, start: impl FnOnce() -> Result<Running, Failure>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    let mut guard = terminal::Guard::new(app.mouse, |pump| spawn("terminal", move || pump.run()).map(drop))?;
    let desk = app.desk.clone();
    // The first frame stands before anything is loaded.
    app.draw(guard.terminal()).context("drawing")?;
    let Running { answers, updates, orders, handle } = start()?;
    app.orders = orders;
    let end = runtime.block_on(app.run(&mut guard, updates, answers));
    drop(guard);
    desk.close();
    handle.iter().for_each(|handle| handle.finish(LAST_WORDS));
    // Whatever still waits for the outside ends with the process.
    runtime.shutdown_background();
    match end? {
        End::Quit => Ok(()),
        End::Lost => Err(Failure::Internal(anyhow::anyhow!("the engines ended without being asked: a bug"))),
    }
}
