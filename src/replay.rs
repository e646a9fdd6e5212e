//! Replay: a log, or a capture, that can be played, scrubbed and judged again.
//!
//! ```text
//! log ─► pipeline ─► first_pass ──► store    chunks of rows, keyframes of the screen, an index      (a file)
//!                     (judges once)   │
//! keys ─► orders ─► player ◄──────────┘ chunks ─► Shown ─► screen
//! ```
//!
//! The first pass judges the log once, in the background; the player looks up what is shown at a place, so that it is
//! the same however it was reached. Beside the judgement of today there may be another one of each record: as it was
//! seen when it was captured, or by other rules; `differences` says where they differ and why.

pub mod chunks;
pub mod differences;
pub mod first_pass;
pub mod index;
pub mod player;
pub mod store;

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::message::channel::{Receiver, Sender, WhenFull, channel};
use crate::message::{EngineReport, EngineState, Orders, Update};
use crate::pipeline::judge::Judge;
use crate::pipeline::{Handle, Options as Input, Pipeline};
use crate::verdict::EngineKind;

use first_pass::{FirstPass, Other, Told};
use index::{Index, Shared};
use player::{Player, Start, Track};
use store::Writer;

/// Updates that may wait for the screen.
const UPDATES: usize = 4;

/// Where verdict stores are kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The folder.
    pub folder: PathBuf,
    /// The name of this log's.
    pub name: String,
    /// Bytes of all of them together.
    pub bytes: u64,
    /// One that is there may be used.
    pub reuse: bool,
    /// It is of use for another opening.
    pub lasting: bool,
}

/// A replay that is to begin.
pub struct Options {
    /// What judges the log.
    pub input: Input,
    /// Where the verdicts are kept.
    pub kept: Kept,
    /// The verdicts that were given when it was captured.
    pub seen: Other,
    /// What judges each record again, by other rules.
    pub compare: Option<Judge>,
    /// The judgements, in their order: the first pass, the other rules, as seen.
    pub tracks: Vec<Track>,
    /// Score above which the answers disagree.
    pub review_score: f64,
    /// Where it begins, and how fast.
    pub start: Start,
}

/// A running replay.
pub struct Replay {
    /// What happens.
    pub updates: Receiver<Update>,
    /// Where wishes go.
    pub orders: Orders,
    /// Ends the first pass, if there is one.
    pub handle: Option<Handle>,
}

/// Starts a replay.
///
/// # Errors
/// In words, when it can't be: no place for the verdicts, no threads, a filter that is none.
pub fn start(options: Options, clock: SharedClock) -> Result<Replay, String> {
    let (out, updates) = channel("updates", UPDATES, WhenFull::Block, &clock);
    let orders = Orders::default();
    let kept = &options.kept;
    let open = || store::open::<(Index, Told)>(&kept.folder, &kept.name, clock.now());
    if let Some((reader, (index, told))) = if kept.reuse { open() } else { None } {
        let shared = Shared::whole(index, reader);
        let player = Player::new(shared, options.tracks.clone(), options.start, orders.clone(), Arc::clone(&clock))?;
        let rules = Arc::clone(&options.tracks[0].rules);
        let health = told.health(&rules, clock.now());
        spawn("replay", move || {
            let state = EngineState::Running { label: told.label, warnings: Vec::new() };
            let known = [
                Update::Engine(EngineReport { kind: EngineKind::Embedding, state }),
                Update::Health(health),
                Update::Rejected { count: told.rejected, shown: Vec::new() },
                Update::CaughtUp,
            ];
            let known = known.into_iter().filter(|update| !matches!(update, Update::Rejected { count: 0, .. }));
            if known.into_iter().all(|update| out.send(update).is_ok()) {
                play(player, &out);
            }
        })?;
        return Ok(Replay { updates, orders, handle: None });
    }
    let writer = Writer::create(&kept.folder, &kept.name, kept.bytes)
        .map_err(|error| format!("{}: no place for what is judged: {error}", kept.folder.display()))?;
    let shared = Shared::new(Some(writer.reader()));
    let player =
        Player::new(shared.clone(), options.tracks.clone(), options.start, orders.clone(), Arc::clone(&clock))?;
    let setup = first_pass::Setup {
        writer,
        lasting: options.kept.lasting,
        seen: options.seen,
        compare: options.compare,
        review_score: options.review_score,
        rules: Arc::clone(&options.input.rules),
    };
    let pass = FirstPass::new(setup, shared.clone(), orders.clone());
    let pipeline = Pipeline::start(options.input, Arc::clone(&clock)).map_err(|error| format!("starting: {error}"))?;
    let (judged, handle) = pipeline.split();
    let screen = out.clone();
    spawn("first-pass", move || pass.run(&judged, &screen))?;
    spawn("replay", move || play(player, &out))?;
    Ok(Replay { updates, orders, handle: Some(handle) })
}

/// Plays until nobody looks.
fn play(mut player: Player, out: &Sender<Update>) {
    let orders = player.orders().clone();
    loop {
        let mut sent = Ok(());
        let wait = player.turn(&mut |update| sent = sent.and_then(|()| out.send(update)));
        if sent.is_err() {
            return;
        }
        orders.wait(wait);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    crate::pipeline::spawn(name, work).map(drop).map_err(|error| format!("starting a thread: {error}"))
}
