//! `watcher rules backtest OLD NEW LOG`: what the new rules would have found, rule by rule, and on which records.

use std::sync::Arc;
use std::time::Duration;

use super::over_log::{needs_engines, rows};
use crate::cli::args::RulesBacktest;
use crate::cli::comparison::{Comparison, json, judge, text};
use crate::cli::setup::{Rules, Setup};
use crate::cli::{Failure, say};
use crate::history::Row;
use crate::pipeline::judge::{Arrival, Texts};

pub(super) fn run(setup: &Setup, what: &RulesBacktest) -> Result<(), Failure> {
    let (old, new) = (super::accepted(&what.old)?, super::accepted(&what.new)?);
    let engines = needs_engines(&old) || needs_engines(&new);
    let mut judge = judge(setup, &new);
    let mut found = Comparison::of(&old, &new);
    let each = |row: &Row| {
        let arrival = Arrival { read_at: Duration::ZERO, embedding_us: 0, otherwise: None, shed: false };
        let texts = Texts { known: Some(&row.verdict.divergence), ..Texts::default() };
        let now = judge.judge(&row.record, texts, arrival).verdict;
        found.add(row, &now, what.examples);
        true
    };
    let seen = rows(setup, Rules::built_in(Arc::clone(&old)), &what.log, engines, each)?;
    say(&if what.json { format!("{}\n", json(&found, &seen)) } else { text(&found, &seen, (&old, &new), engines) })
}
