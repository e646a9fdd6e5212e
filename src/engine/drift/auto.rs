//! The detector of a series: all scalar layers, and what they say together.
//!
//! A value passes the layers in this order: `season` takes the course of the day out · `spike` scores it alone ·
//! `stuck` counts its repetitions · `reference` maps it to a normal score · `scan` looks for a change of level or
//! spread, `shape` for one of shape. Whatever finds a change first reports it; the others begin again with it, so that
//! one incident is one alarm.

use serde::{Deserialize, Serialize};

use super::budget::Thresholds;
use super::incident::Incident;
use super::long_run::LongRun;
use super::recent::Recent;
use super::regime::{Finding, Regime, What};
use super::scan::low;
use super::season::Season;
use super::spike::Spike;
use super::stuck::Stuck;
use super::{Baseline, Detector, DetectorState, Reading, Row, Which};
use crate::record::Seq;
use crate::verdict::{Direction, DriftState};

/// Rows from which the first regime is known.
const WARM_UP: usize = 100;

/// Rows from which a regime after a change is known.
const ANEW: usize = 50;

/// Rows that are kept once the first regime is known.
const RECENT: usize = 64;

/// Rows within which whatever is found belongs to the incident before.
pub const MERGE: u32 = 50;

/// Part of a threshold from which on a change is suspected.
pub const SUSPECT: f32 = 0.75;

/// Part of a threshold that the warm-up may not exceed: it is no regime then, but a course of which more must be seen.
const UNEVEN: f32 = 0.6;

/// Rows that an uneven warm-up is prolonged by.
const PROLONGED: u32 = 400;

/// Rows after which a new level is the normal one: as many as the regime before it had, within these bounds.
const SETTLED: (f64, f64) = (200.0, 2_000.0);

/// Rows for which a series is called recovered.
const RECOVERED: u32 = 50;

/// Alarms above which thresholds rise: a series that changes all the time is not news.
const PATIENCE: f32 = 2.5;

/// What each alarm above that adds to the thresholds, as a part of them.
const IMPATIENCE: f32 = 0.3;

/// Rows over which alarms are counted for that.
const FATIGUE: f32 = 1_000.0;

/// What the detector is doing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
enum Phase {
    /// Gets to know the first regime.
    #[default]
    WarmUp,
    /// Compares with the regime.
    Watching,
    /// Has reported a change and gets to know what came after it.
    Learning,
    /// Has reported a change from a pinned regime and waits for it to come back.
    Away,
}

/// What may be asked of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Only a change of level in this direction is reported; all are without one.
    pub only: Option<Direction>,
    /// Whether the course of the day may be subtracted.
    pub season: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self { only: None, season: true }
    }
}

/// The detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Auto {
    setting: Setting,
    phase: Phase,
    recent: Recent,
    regime: Option<Regime>,
    spike: Spike,
    stuck: Stuck,
    season: Option<Box<Season>>,
    incident: Option<Incident>,
    /// Rows since the onset that are known, while learning.
    learned: u32,
    /// Rows for which nothing is reported yet: the warm-up was uneven.
    silent: u32,
    fatigue: f32,
    ratio: f32,
    pinned: bool,
    /// Where the stuck run began.
    run_start: Seq,
}

impl Auto {
    /// A detector without history.
    pub fn new(setting: Setting) -> Self {
        Self {
            setting,
            phase: Phase::WarmUp,
            recent: Recent::new(WARM_UP),
            regime: None,
            spike: Spike::default(),
            stuck: Stuck::default(),
            season: None,
            incident: None,
            learned: 0,
            silent: 0,
            fatigue: 0.0,
            ratio: 0.0,
            pinned: false,
            run_start: Seq(0),
        }
    }

    /// Takes the course of the day out, where it is known. Whether it came into force, or out of it, with this row.
    fn without_season(&mut self, row: Row) -> (f64, bool) {
        // A row without a time counts as coming with the one before it.
        let at = row.at.or_else(|| self.season.as_ref().and_then(|season| season.latest()));
        let Some(at) = at.filter(|_| self.setting.season) else { return (row.value, false) };
        let season = self.season.get_or_insert_default();
        let before = season.in_force();
        let rest = season.rest(at, row.value);
        let after = season.in_force();
        (if after { rest } else { row.value }, before != after)
    }

    /// The series is seen without the course of the day from now on, or with it again: its regime begins anew.
    fn change_of_season(&mut self, seq: Seq, value: f64) {
        let rests = self.season.as_ref().filter(|season| season.in_force()).map(|season| season.rests());
        let rests = rests.unwrap_or_default();
        self.incident = None;
        self.silent = 0;
        if rests.len() >= ANEW {
            // They are what is left of the rows that were the newest; rows of before an alarm have lost their Seq.
            let rows = std::mem::replace(&mut self.recent, Recent::new(RECENT)).with_seqs();
            let oldest = rows.first().map_or(seq, |row| row.0);
            let lost = rests.len().saturating_sub(rows.len());
            let seqs = std::iter::repeat_n(oldest, lost)
                .chain(rows.iter().map(|row| row.0).skip(rows.len() - (rests.len() - lost)));
            rests.iter().zip(seqs).for_each(|(rest, seq)| self.recent.push(seq, *rest));
            self.recent.push(seq, value);
            self.begin(LongRun::default());
        } else {
            self.recent.keep(0, RECENT);
            (self.phase, self.learned, self.regime) = (Phase::Learning, 0, None);
        }
    }

    /// A regime begins with the rows that are kept.
    fn begin(&mut self, dependence: LongRun) {
        self.regime = Some(Regime::new(&self.recent, dependence));
        self.phase = Phase::Watching;
    }

    /// The regime that follows the present one begins.
    fn begin_next(&mut self) {
        let dependence = self.regime.as_ref().map(Regime::dependence).unwrap_or_default();
        self.begin(dependence);
    }

    /// Notes a change; how many of the newest rows are of the new regime.
    fn note(&mut self, finding: &Finding, row: Row) -> usize {
        let Some(regime) = &mut self.regime else { return 0 };
        let change = &finding.change;
        regime.without(change, &self.recent);
        let size = regime.size(finding, &self.recent);
        let up = change.shift > 0.0;
        let direction = match finding.what {
            What::Level | What::Above if up => Direction::Up,
            What::Below if !up => Direction::Up,
            What::Level | What::Above | What::Below => Direction::Down,
            What::Spread if up => Direction::Wider,
            What::Spread => Direction::Narrower,
            What::Shape => Direction::Shape,
        };
        let shift = if finding.what == What::Level { change.shift } else { 0.0 };
        self.incident = Some(Incident {
            direction,
            size,
            onset: Seq(row.seq.0.saturating_sub(u64::from(low(row.seq.0).wrapping_sub(change.onset)))),
            baseline: regime.baseline(),
            spread: regime.spread(),
            rows: 0,
            settled: regime.rows().clamp(SETTLED.0, SETTLED.1) as u32,
            what: finding.what,
            moved: change.shift,
            shift,
            back: if self.pinned { change.shift } else { shift },
            back_rows: 0,
            over: false,
            quiet: false,
        });
        if let (Some(season), Some(size), What::Level) = (&mut self.season, size, finding.what) {
            season.moved(size);
        }
        change.rows as usize
    }

    /// Reports a change and begins again after it.
    fn alarm(&mut self, finding: &Finding, row: Row) {
        let since = self.note(finding, row);
        self.fatigue += 1.0;
        if self.pinned {
            self.phase = Phase::Away;
            return;
        }
        self.recent.keep(since, RECENT);
        self.learned = since as u32;
        self.phase = Phase::Learning;
        if since >= ANEW {
            self.begin_next();
        }
    }

    fn is_reported(&self, incident: &Incident) -> bool {
        self.setting.only.is_none_or(|only| only == incident.direction)
    }

    /// Whether a change from a pinned regime is over with this row.
    fn is_back_to_pinned(&mut self, value: f64, limits: &Thresholds) -> bool {
        let (Some(incident), Some(regime)) = (&mut self.incident, &mut self.regime) else { return true };
        let over = incident.follow_pinned(regime, value, limits);
        if over && (incident.quiet || incident.is_beyond()) {
            self.incident = None;
        }
        over
    }

    /// One row of a regime that is known, or is to be. Whether it is the first of a newly reported change.
    fn watch(&mut self, row: Row, value: f64, limits: &Thresholds) -> bool {
        if self.phase != Phase::Watching {
            self.ratio = 0.0;
        }
        match self.phase {
            Phase::WarmUp => {
                if self.recent.len() >= WARM_UP {
                    self.begin(LongRun::default());
                    self.recent.keep(RECENT, RECENT);
                    // A trend, or a part of a daily course, is no regime to compare with.
                    let uneven = self.regime.as_mut().is_some_and(|regime| regime.is_uneven(limits, UNEVEN));
                    self.silent = if uneven { PROLONGED } else { 0 };
                }
                false
            }
            Phase::Away => {
                if self.is_back_to_pinned(value, limits) {
                    self.phase = Phase::Watching;
                }
                false
            }
            Phase::Learning => {
                self.learned = self.learned.saturating_add(1);
                let score = self.regime.as_ref().and_then(|regime| regime.score(value));
                if let (Some(incident), Some(score)) = (&mut self.incident, score)
                    && incident.follow(score)
                {
                    self.phase = Phase::Watching;
                } else if self.learned as usize >= ANEW {
                    self.begin_next();
                }
                false
            }
            Phase::Watching => {
                if let Some(regime) = &mut self.regime {
                    regime.feed(row.seq, value);
                }
                self.compare(row, limits)
            }
        }
    }

    /// Looks for a change in the rows so far. Whether there is one to report.
    fn compare(&mut self, row: Row, limits: &Thresholds) -> bool {
        if self.incident.is_some_and(|incident| incident.rows < MERGE) {
            self.ratio = 0.0;
            return false;
        }
        if !self.regime.as_ref().is_some_and(Regime::is_due) && self.silent != 1 {
            self.silent = self.silent.saturating_sub(1);
            return false;
        }
        let patience = 1.0 + IMPATIENCE * (self.fatigue - PATIENCE).max(0.0);
        if let (1, Some(regime)) = (self.silent, &mut self.regime) {
            regime.look_at_all();
        }
        let found = self.regime.as_ref().and_then(|regime| regime.look(limits, patience));
        self.ratio = found.map_or(0.0, |finding| finding.ratio);
        if self.silent > 0 {
            self.silent -= 1;
            if self.silent == 0 && self.ratio >= 1.0 {
                // Not one regime after all: what came last is the first.
                self.begin_next();
            }
            self.ratio = 0.0;
            return false;
        }
        if self.ratio < 1.0 {
            return false;
        }
        // Boundaries that were not due may tell better where it began.
        let finding = self.regime.as_mut().and_then(|regime| {
            regime.look_at_all();
            regime.look(limits, patience)
        });
        let Some(finding) = finding.filter(|again| again.ratio >= 1.0).or(found) else { return false };
        if self.fatigue == 0.0 && self.regime.as_ref().is_some_and(|regime| regime.began_before(&finding.change)) {
            // The warm-up was uneven, and it only shows now.
            if finding.change.rows >= RECENT as f32 {
                self.begin_next();
            } else {
                self.silent = PROLONGED;
            }
            self.ratio = 0.0;
            return false;
        }
        let before = self.incident.filter(|incident| !incident.over);
        self.alarm(&finding, row);
        if let (Some(before), Some(now)) = (before, &mut self.incident)
            && now.continues(&before)
        {
            return false;
        }
        if self.incident.is_some_and(|incident| self.is_reported(&incident)) {
            return true;
        }
        // The way back to a pinned regime is followed all the same.
        self.ratio = 0.0;
        self.incident = self.incident.filter(|_| self.pinned).map(|incident| Incident { quiet: true, ..incident });
        false
    }

    fn state(&self, score: f64) -> DriftState {
        let warm = self.regime.is_some() && self.silent == 0;
        match self.incident.filter(|incident| !incident.quiet) {
            _ if self.stuck.is_stuck() => DriftState::Stuck,
            Some(incident) if !incident.over => DriftState::Drift,
            Some(_) => DriftState::Recovered,
            None if !warm => DriftState::WarmUp,
            None if score >= 0.5 || self.ratio >= SUSPECT => DriftState::Suspect,
            None => DriftState::Stable,
        }
    }

    fn reading(&self, row: Row, value: f64, alarm: bool, spike: f64) -> Reading {
        let change = f64::from(0.5 * self.ratio * if self.ratio < 1.0 { self.ratio } else { 1.0 });
        let score = spike.max(change).clamp(0.0, 1.0);
        let state = self.state(score);
        let incident = self.incident.filter(|incident| !incident.over && !incident.quiet);
        let (baseline, spread) = match (incident, &self.regime) {
            (Some(incident), _) => (Some(incident.baseline), Some(incident.spread)),
            (None, Some(regime)) => (Some(regime.baseline()), Some(regime.spread())),
            (None, None) => (None, None),
        };
        let z = match (baseline, spread) {
            (Some(baseline), Some(spread)) => ((value - baseline) / spread).clamp(-1e6, 1e6),
            _ => 0.0,
        };
        let onset = if state == DriftState::Stuck { Some(self.run_start) } else { incident.map(|i| i.onset) };
        Reading {
            state,
            alarm,
            score,
            z,
            // In terms of the value that came in: what the hour adds is added again.
            baseline: baseline.map(|baseline| (baseline + (row.value - value)).clamp(f64::MIN, f64::MAX)),
            spread,
            direction: incident.map(|incident| incident.direction),
            size: incident.and_then(|incident| incident.size),
            onset,
        }
    }

    /// Time passes for the incident.
    fn age(&mut self) {
        self.fatigue *= 1.0 - 1.0 / FATIGUE;
        let Some(incident) = &mut self.incident else { return };
        incident.rows = incident.rows.saturating_add(1);
        let settled = !self.pinned && incident.rows > incident.settled;
        if settled || (incident.over && incident.rows > RECOVERED) {
            self.incident = None;
        }
    }
}

impl Detector for Auto {
    fn observe(&mut self, row: Row, limits: &Thresholds) -> Reading {
        self.age();
        let (value, changed) = self.without_season(row);
        let spike = self.spike.observe(value);
        let stuck = self.stuck.observe(row.value, limits.rows);
        // A change that was reported since it froze is the same incident.
        let mut alarm =
            stuck && self.incident.is_none_or(|incident| incident.over || incident.rows >= self.stuck.run());
        if self.stuck.run() == 1 {
            self.run_start = row.seq;
        }
        if changed {
            self.change_of_season(row.seq, value);
            self.ratio = 0.0;
        } else if self.phase == Phase::WarmUp || !self.stuck.is_suspect() {
            // A value that froze teaches nothing.
            self.recent.push(row.seq, value);
            alarm |= self.watch(row, value, limits);
        } else {
            self.ratio = 0.0;
        }
        self.reading(row, value, alarm, spike)
    }

    fn save(&self) -> DetectorState {
        DetectorState::Auto(Box::new(self.clone()))
    }

    fn which(&self) -> Which {
        Which::Auto
    }

    fn ask(&mut self, setting: Setting) {
        if !setting.season && self.season.take().is_some_and(|season| season.in_force()) {
            self.reset();
        }
        self.setting = setting;
    }
}

impl Baseline for Auto {
    fn pin(&mut self) {
        let away = self.incident.take().map_or(RECENT, |incident| incident.rows as usize + 1).min(RECENT);
        if self.phase == Phase::Away {
            // What is now is meant, not what was before the change.
            self.recent.keep(away, RECENT);
            (self.phase, self.learned) = (Phase::Learning, away as u32);
        }
        self.pinned = true;
    }

    fn reset(&mut self) {
        *self = Self { season: self.season.take(), ..Self::new(self.setting) };
    }
}

#[cfg(test)]
mod mended;
#[cfg(test)]
mod tests;
