//! Where questions wait for whoever answers them: a place for each kind, in which a later one takes the place of an
//! earlier one. Who works on that one is told that nobody waits for it any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::inquiry::Inquiry;

/// Who answers what: a question never waits for one of another lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What the list and the record in front need at once.
    Look,
    /// What walks over all that is kept.
    Count,
    /// Rules that are being written.
    Try,
}

impl Lane {
    /// All.
    pub const ALL: [Self; 3] = [Self::Look, Self::Count, Self::Try];

    /// The places that it looks after, the most urgent first.
    fn places(self) -> std::ops::Range<usize> {
        match self {
            Self::Look => 0..2,
            Self::Count => 2..6,
            Self::Try => 6..8,
        }
    }
}

const PLACES: usize = 8;

fn place(inquiry: &Inquiry) -> Option<usize> {
    Some(match inquiry {
        Inquiry::Explain { .. } => 0,
        Inquiry::Sift { .. } => 1,
        Inquiry::Chart { .. } => 2,
        Inquiry::Series { .. } => 3,
        Inquiry::Differs { .. } => 4,
        Inquiry::Costs { .. } => 5,
        Inquiry::Trial(_) => 6,
        Inquiry::Suggest(_) => 7,
        Inquiry::Save(_) => return None,
    })
}

/// Where questions wait.
#[derive(Clone, Default)]
pub struct Desk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    places: [Option<Inquiry>; PLACES],
    /// Set when what is being worked on is not wanted any more.
    at_work: [Arc<AtomicBool>; PLACES],
    /// Files that are to be written: each of them counts.
    saves: Vec<Inquiry>,
    closed: bool,
}

/// A question that was taken, and whether anybody still waits for the answer.
pub struct Taken {
    /// The question.
    pub inquiry: Inquiry,
    /// Nobody does.
    pub cancel: Arc<AtomicBool>,
}

/// What there is to do.
pub enum Work {
    /// This.
    Do(Box<Taken>),
    /// Nothing for now.
    Nothing,
    /// Nothing any more.
    Closed,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks. An earlier question of this kind is not wanted any more.
    pub fn ask(&self, inquiry: Inquiry) {
        let mut waiting = self.lock();
        match place(&inquiry) {
            Some(at) => {
                waiting.at_work[at].store(true, Ordering::Relaxed);
                waiting.places[at] = Some(inquiry);
            }
            None => waiting.saves.push(inquiry),
        }
        self.0.news.notify_all();
    }

    /// Takes what a lane is to do next, without waiting for it.
    pub fn take(&self, lane: Lane) -> Work {
        Self::next(&mut self.lock(), lane)
    }

    fn next(waiting: &mut Waiting, lane: Lane) -> Work {
        if waiting.closed {
            return Work::Closed;
        }
        let cancel = Arc::new(AtomicBool::new(false));
        if lane == Lane::Try && !waiting.saves.is_empty() {
            let inquiry = waiting.saves.remove(0);
            return Work::Do(Box::new(Taken { inquiry, cancel }));
        }
        for at in lane.places() {
            if let Some(inquiry) = waiting.places[at].take() {
                waiting.at_work[at] = Arc::clone(&cancel);
                return Work::Do(Box::new(Taken { inquiry, cancel }));
            }
        }
        Work::Nothing
    }

    /// Waits for what a lane is to do next, but not for longer than `most`.
    pub fn wait(&self, lane: Lane, most: Duration) -> Work {
        let mut waiting = self.lock();
        match Self::next(&mut waiting, lane) {
            Work::Nothing => {}
            found => return found,
        }
        let (mut waiting, _) = self.0.news.wait_timeout(waiting, most).unwrap_or_else(PoisonError::into_inner);
        Self::next(&mut waiting, lane)
    }

    /// Nobody asks any more.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.at_work.iter().for_each(|cancel| cancel.store(true, Ordering::Relaxed));
        self.0.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::View;
    use crate::record::Seq;

    fn sift(number: u64) -> Inquiry {
        Inquiry::Sift { number, filter: None, key: None, from: Seq(0), view: View::default() }
    }

    #[test]
    fn the_latest_question_counts_and_the_one_at_work_is_told() {
        let desk = Desk::default();
        (1..4).for_each(|number| desk.ask(sift(number)));
        let Work::Do(taken) = desk.take(Lane::Look) else { panic!("something waits") };
        assert!(matches!(taken.inquiry, Inquiry::Sift { number: 3, .. }));
        assert!(!taken.cancel.load(Ordering::Relaxed) && matches!(desk.take(Lane::Look), Work::Nothing));
        assert!(matches!(desk.take(Lane::Count), Work::Nothing));
        desk.ask(sift(4));
        assert!(taken.cancel.load(Ordering::Relaxed));
        desk.close();
        assert!(matches!(desk.wait(Lane::Look, Duration::MAX), Work::Closed));
    }

    #[test]
    fn every_file_is_written() {
        use super::super::inquiry::Save;
        let desk = Desk::default();
        (0..2).for_each(|revision| {
            desk.ask(Inquiry::Save(Box::new(Save { revision, files: Vec::new(), reason: None })));
        });
        for want in 0..2 {
            let Work::Do(taken) = desk.take(Lane::Try) else { panic!("something waits") };
            assert!(matches!(taken.inquiry, Inquiry::Save(save) if save.revision == want));
        }
    }
}
