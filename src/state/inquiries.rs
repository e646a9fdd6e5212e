//! What the screen wants to know of what is kept, asked once before each drawing, and what is found.

use std::sync::Arc;

use jiff::Timestamp;

use super::AppState;
use super::view::{Overlay, Screen};
use crate::message::RuleSet;
use crate::message::inquiry::contrast::Contrast;
use crate::message::inquiry::series::SeriesReport;
use crate::message::inquiry::{Costs, Explained, Finding, Inquiry, Which};
use crate::record::Seq;

/// How often a series is counted anew, ms.
const REFRESH_MS: i128 = 1_000;

/// Records that can be selected one by one for what differs.
const AMONG: usize = 100_000;

/// Key and name of a series.
type Id = (Arc<str>, Arc<str>);

/// What was found of what is in front.
#[derive(Debug, Clone, Default)]
pub struct Found {
    explained: Option<Arc<Explained>>,
    /// Which record, by which rules, and whether all that came before it is at hand.
    asked_to_explain: Option<(Seq, Arc<str>, bool)>,
    series: Option<Arc<SeriesReport>>,
    asked_for_series: Option<(Id, Seq, Timestamp)>,
    /// What differs between which records and the others; `None` while it is being found out.
    pub differs: Option<(Which, Option<Arc<Contrast>>)>,
    differs_asked: bool,
    differs_later: bool,
    /// What each rule costs.
    pub costs: Option<Arc<Costs>>,
    costs_of: Option<Arc<str>>,
}

impl AppState {
    /// What is to be asked.
    pub fn take_inquiries(&mut self) -> Vec<Inquiry> {
        let asked = [
            self.ask_to_explain(),
            self.ask_to_sift(),
            self.ask_for_chart(),
            self.ask_for_series(),
            self.ask_what_differs(),
            self.ask_for_costs(),
            self.ask_for_trial(),
        ];
        asked.into_iter().flatten().chain(std::mem::take(&mut self.asks)).collect()
    }

    /// Takes in what was found.
    pub(super) fn found(&mut self, finding: Finding) {
        match finding {
            Finding::Sifted(found) => self.sift.take(found),
            Finding::Chart(number, chart) => self.charts.take(number, chart),
            Finding::Series(report) => self.found.series = Some(report),
            Finding::Explained(explained) => self.found.explained = Some(explained),
            Finding::Differs(which, contrast) => {
                if let Some((wanted, held)) = &mut self.found.differs
                    && *wanted == which
                {
                    *held = Some(contrast);
                }
            }
            Finding::Costs(costs) => self.found.costs = Some(costs),
            Finding::Trial(report) => self.tried(report),
            Finding::Suggested(rule, bound, rate, found) => self.suggested(&rule, bound, rate, found),
            Finding::Saved(revision, result) => self.saved(revision, result),
        }
    }

    /// Why the rules say of the selected record what they say, once that is known.
    pub fn explained(&self) -> Option<&Explained> {
        let seq = self.listing().row()?.verdict.seq;
        let asked = self.found.asked_to_explain.as_ref().map(|(_, rules, _)| rules);
        let fits = |found: &&Explained| found.seq == seq && asked == Some(&found.revision);
        self.found.explained.as_deref().filter(fits)
    }

    fn ask_to_explain(&mut self) -> Option<Inquiry> {
        if self.view.screen != Screen::Records {
            return None;
        }
        let row = self.listing().row()?.clone();
        let rules = match &self.replayed_by {
            None => Arc::clone(&self.status.health.as_ref()?.rules),
            Some(rules) if rules.revision == row.verdict.rules => Arc::clone(rules),
            // What was seen at the time went by rules that are not at hand: others would contradict it.
            Some(_) => Arc::new(RuleSet::empty()),
        };
        // A list that is narrowed is not what the windows were over.
        let whole = self.replay.as_ref().is_none_or(|replay| replay.filter.is_none());
        let wanted = (row.verdict.seq, Arc::clone(&rules.revision), whole);
        if self.found.asked_to_explain.as_ref() == Some(&wanted) {
            return None;
        }
        self.found.asked_to_explain = Some(wanted);
        Some(Inquiry::Explain { row, rules, view: self.board().records.history().clone(), whole })
    }

    /// What became of the series in front, once that is known.
    pub fn series_report(&self) -> Option<&SeriesReport> {
        let shown = self.shown_series()?;
        self.found.series.as_deref().filter(|report| report.key == shown.key && report.name == shown.name)
    }

    fn ask_for_series(&mut self) -> Option<Inquiry> {
        if self.view.screen != Screen::Drift {
            return None;
        }
        let view = self.board().records.history();
        let newest = view.len().checked_sub(1).and_then(|at| view.get(at))?.verdict.seq;
        let view = view.clone();
        let id = self.shown_series().map(|series| (Arc::clone(&series.key), Arc::clone(&series.name)))?;
        let due = match &self.found.asked_for_series {
            Some((of, seen, at)) if *of == id => {
                *seen != newest && self.now.duration_since(*at).as_millis() >= REFRESH_MS
            }
            _ => true,
        };
        if !due {
            return None;
        }
        self.found.asked_for_series = Some((id.clone(), newest, self.now));
        Some(Inquiry::Series { key: id.0, name: id.1, view })
    }

    fn ask_for_costs(&mut self) -> Option<Inquiry> {
        if self.view.screen != Screen::Rules {
            return None;
        }
        let rules = Arc::clone(&self.status.health.as_ref()?.rules);
        let view = self.board().records.history();
        if view.is_empty() || self.found.costs_of.as_ref() == Some(&rules.revision) {
            return None;
        }
        let view = view.clone();
        self.found.costs_of = Some(Arc::clone(&rules.revision));
        Some(Inquiry::Costs { rules, view })
    }

    /// Compares records with the others: those that the list is narrowed to, those that are marked, or all since the
    /// onset of the drift in front.
    pub fn ask_differs(&mut self) {
        // What fits is being looked for still: it is asked once that is known.
        let looking = self.sift.filters() && self.sift.counts().1 == 0 && self.sift.fault().is_none();
        self.found.differs_later = looking && !self.board().records.history().is_empty() && !self.is_replay();
        if self.found.differs_later {
            return;
        }
        let which = self.in_question();
        let Some(which) = which else {
            self.view.note =
                Some("mark records, filter the list, or choose a series in drift: then D says what differs".into());
            return;
        };
        self.found.differs = Some((which, None));
        self.found.differs_asked = false;
        self.view.overlay = Overlay::Differs { scroll: 0 };
    }

    /// The records in question, by what the operator looks at.
    fn in_question(&self) -> Option<Which> {
        if self.sift.filters() && !self.is_replay() {
            let fits = self.sift.fits();
            let text = format!("the {} records that fit {}", fits.len(), self.sift.filter().unwrap_or_default());
            return (!fits.is_empty()).then(|| Which::Among(fits.iter().copied().take(AMONG).collect(), text));
        }
        if self.view.screen == Screen::Records && self.marks.own.len() > 1 {
            let marked: Vec<Seq> = self.marks.own.iter().map(|mark| mark.seq).collect();
            let text = format!("the {} marked records", marked.len());
            return Some(Which::Among(marked, text));
        }
        let onset = |series: &super::drift::Series| Some((series.report.onset?, series.name.to_string()));
        let drift = self.shown_series().and_then(onset).or_else(|| self.series().find_map(onset));
        if let Some((seq, name)) = drift {
            return Some(Which::Since(seq, format!("all since the onset of {name}")));
        }
        if self.marks.own.len() > 1 {
            let marked: Vec<Seq> = self.marks.own.iter().map(|mark| mark.seq).collect();
            return Some(Which::Among(marked, format!("the {} marked records", self.marks.own.len())));
        }
        // From the selected record on.
        let selected = self.board().records.selected()?;
        let id = &self.listing().row()?.record.id;
        Some(Which::Since(selected, format!("all from {id} on")))
    }

    fn ask_what_differs(&mut self) -> Option<Inquiry> {
        if self.found.differs_later {
            self.ask_differs();
        }
        let (which, None) = self.found.differs.as_ref()? else { return None };
        if std::mem::replace(&mut self.found.differs_asked, true) {
            return None;
        }
        Some(Inquiry::Differs { which: which.clone(), view: self.board().records.history().clone() })
    }
}
