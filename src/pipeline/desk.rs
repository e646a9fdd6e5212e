//! Whoever answers the screen's questions about what is kept: a thread for each lane, so that a long look over
//! everything never keeps the record in front, or the rules that are being written, waiting.

mod costs;
mod explain;
mod save;
mod sift;
mod trial;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::audit::Reasons;
use super::spawn;
use crate::analysis::{chart, contrast, series};
use crate::clock::SharedClock;
use crate::message::Update;
use crate::message::channel::{Closed, Receiver, Sender, WhenFull, channel};
use crate::message::desk::{Desk, Lane, Taken, Work};
use crate::message::inquiry::{Finding, Inquiry, Which};

/// What was made for questions that may come again is kept for as long as somebody asks at least this often.
const IDLE: Duration = Duration::from_secs(15);

/// Answers that may wait for the screen.
const ANSWERS: usize = 4;

/// Answers questions from now on, until the desk is closed. The answers come by a way of their own: that nothing comes
/// from the pipeline any more must show, whoever still asks.
///
/// # Errors
/// When no thread can be had.
pub fn start(desk: &Desk, reasons: &Reasons, clock: &SharedClock) -> std::io::Result<Receiver<Update>> {
    let (updates, answers) = channel("answers", ANSWERS, WhenFull::Block, clock);
    for lane in Lane::ALL {
        let (desk, updates) = (desk.clone(), updates.clone());
        let mut clerk = Clerk::new(reasons.clone(), Arc::clone(clock));
        let name = match lane {
            Lane::Look => "look",
            Lane::Count => "count",
            Lane::Try => "try",
        };
        spawn(name, move || while let Ok(true) = clerk.turn(&desk, lane, &updates) {})?;
    }
    Ok(answers)
}

/// One who answers.
pub struct Clerk {
    sift: sift::Sifting,
    trial: trial::Trying,
    reasons: Reasons,
    clock: SharedClock,
}

impl Clerk {
    /// One who knows nothing yet.
    pub fn new(reasons: Reasons, clock: SharedClock) -> Self {
        Self { sift: sift::Sifting::default(), trial: trial::Trying::default(), reasons, clock }
    }

    /// Waits for a question and answers it; false when none will come.
    fn turn(&mut self, desk: &Desk, lane: Lane, updates: &Sender<Update>) -> Result<bool, Closed> {
        match desk.wait(lane, IDLE) {
            Work::Closed => return Ok(false),
            Work::Nothing => self.forget(),
            Work::Do(taken) => {
                if let Some(found) = self.answer(*taken) {
                    updates.send(Update::Found(Box::new(found)))?;
                }
            }
        }
        Ok(true)
    }

    /// Lets go of what was made for questions that have not come again: it holds records that may have gone.
    fn forget(&mut self) {
        self.trial.forget();
    }

    /// The answer; `None` if nobody waits for it any more.
    pub fn answer(&mut self, taken: Taken) -> Option<Finding> {
        let Taken { inquiry, cancel } = taken;
        let cancel: &AtomicBool = &cancel;
        Some(match inquiry {
            Inquiry::Sift { number, filter, key, from, view } => {
                Finding::Sifted(self.sift.sift(number, (filter, key), from, &view, cancel)?)
            }
            Inquiry::Chart { number, window, columns, key, series, view } => {
                let series = series.as_ref().map(|(key, name)| (&**key, &**name));
                let found = chart::chart(&view, window, columns, key.as_deref(), series, cancel).ok()?;
                Finding::Chart(number, Arc::new(found))
            }
            Inquiry::Series { key, name, view } => {
                Finding::Series(Arc::new(series::series(&view, &key, &name, cancel).ok()?))
            }
            Inquiry::Explain { row, rules, view, whole } => {
                Finding::Explained(Arc::new(explain::explain(&row, &rules, whole.then_some(&view))))
            }
            Inquiry::Differs { which, view } => {
                let found = match &which {
                    Which::Since(onset, _) => contrast::contrast(&view, &contrast::since(*onset), cancel),
                    Which::Among(selected, _) => contrast::contrast(&view, &contrast::among(&view, selected), cancel),
                };
                Finding::Differs(which, Arc::new(found.ok()?))
            }
            Inquiry::Costs { rules, view } => {
                Finding::Costs(Arc::new(costs::costs(&rules, &view, cancel, &*self.clock)?))
            }
            Inquiry::Trial(trial) => Finding::Trial(Arc::new(self.trial.run(*trial, cancel, &*self.clock)?)),
            Inquiry::Suggest(wanted) => {
                let found = self.trial.suggest(&wanted, cancel)?;
                Finding::Suggested(wanted.rule, wanted.bound, wanted.rate, found)
            }
            Inquiry::Save(save) => Finding::Saved(save.revision, save::save(&save, &self.reasons)),
        })
    }
}
