//! The verdict of a record: the contract's line, and what stands beside it.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::{SAMPLES, entries, few, sizes, texts, time};
use crate::record::json::Json;
use crate::record::{Origin, Record, Seq};
use crate::verdict::read::fields::Fields;
use crate::verdict::read::{Most, read_most};
use crate::verdict::{Basis, Contradiction, DriftReport, DriftState, Moved, Verdict, json};

/// What answers may contradict each other in. A word that is not known here becomes the last.
const KINDS: [&str; 6] = ["number", "date", "name", "polarity", "symbol", "other"];

/// Reads the verdict on a record.
pub(super) fn read(contract: &Json<'_>, more: &Fields<'_, '_>, record: &Record) -> Result<Verdict, String> {
    let mut verdict = read_most(contract, Most::ALL)?;
    if verdict.seq != record.seq {
        return Err(format!("the verdict is on another record, {}", verdict.seq));
    }
    verdict.at = time(more, "at")?;
    // The contract's line does not tell the number of the log's line.
    let line = Origin { line: None, ..record.origin.clone() };
    if verdict.origin == line {
        verdict.origin.line = record.origin.line;
    }
    series(&mut verdict.drift, more)?;
    if let Basis::History(earlier) = &mut verdict.divergence.basis {
        *earlier = match more.get("basis_texts") {
            Some(_) => texts(more, "basis_texts")?.into(),
            None if more.get("basis_sizes").is_some() => sizes(more, "basis_sizes")?.into(),
            None => Arc::new([]),
        };
    }
    let found = few(more, "contradictions", SAMPLES)?.iter().map(contradiction);
    verdict.divergence.contradictions =
        found.collect::<Option<_>>().ok_or_else(|| more.fault("contradictions", "pairs of places in two answers"))?;
    Ok(verdict)
}

/// Of reports with the same name, the first counts.
fn series(reports: &mut [DriftReport], more: &Fields<'_, '_>) -> Result<(), String> {
    let mut firsts: HashMap<Arc<str>, usize> = HashMap::with_capacity(reports.len());
    for (index, report) in reports.iter().enumerate() {
        firsts.entry(Arc::clone(&report.series)).or_insert(index);
    }
    let unknown = |key: &str| more.fault(key, "series that the verdict reports");
    for alarm in texts(more, "alarms")? {
        reports[*firsts.get(&alarm).ok_or_else(|| unknown("alarms"))?].alarm = true;
    }
    for (name, pair) in entries(more, "values")? {
        let report = &mut reports[*firsts.get(&**name).ok_or_else(|| unknown("values"))?];
        let (value, spread) = match pair.items() {
            [value, Json::Null] => (value.number(), None),
            [value, spread @ (Json::Whole(_) | Json::Number(_))] => (value.number(), spread.number()),
            _ => (None, None),
        };
        fed(report, value.ok_or_else(|| more.fault("values", "pairs of a value and a spread"))?, spread);
    }
    for (name, lists) in entries(more, "moved")? {
        let report = &mut reports[*firsts.get(&**name).ok_or_else(|| unknown("moved"))?];
        let moved = match lists.items() {
            [before, after] => seqs(before).zip(seqs(after)),
            _ => None,
        };
        let (before, after) = moved.ok_or_else(|| more.fault("moved", "two lists of records"))?;
        report.moved = Some(Arc::new(Moved { before, after }));
    }
    Ok(())
}

/// Puts in the value that was fed. The size that was written stays: the baseline is rounded, so that the distance from
/// it may come out otherwise.
fn fed(report: &mut DriftReport, value: f64, spread: Option<f64>) {
    let short = |report: &DriftReport| report.size().map(|size| json::rounded(size, 1e6));
    let written = short(report);
    (report.value, report.spread) = (value, spread);
    if report.state != DriftState::Drift && report.onset.is_none() {
        report.size = None;
    }
    if short(report) != written {
        report.size = written;
    }
}

fn seqs(list: &Json<'_>) -> Option<Vec<Seq>> {
    let Json::List(items) = list else { return None };
    let seq = |item: &Json<'_>| if let Json::Whole(seq) = item { u64::try_from(*seq).ok().map(Seq) } else { None };
    items.iter().map(seq).collect()
}

fn contradiction(found: &Json<'_>) -> Option<Contradiction> {
    let [Json::Text(kind), left, right] = found.items() else { return None };
    let kind = KINDS.into_iter().find(|known| known == kind).unwrap_or("other");
    Some(Contradiction { kind, sides: [side(left)?, side(right)?] })
}

fn side(found: &Json<'_>) -> Option<(usize, Option<Range<usize>>)> {
    let [index, span] = found.items() else { return None };
    let span = match (span, span.items()) {
        (Json::Null, _) => None,
        (_, [start, end]) => Some(whole(start)?..whole(end)?),
        _ => return None,
    };
    Some((whole(index)?, span))
}

/// Small: places are added to and compared.
fn whole(found: &Json<'_>) -> Option<usize> {
    if let Json::Whole(value) = found { u32::try_from(*value).ok().map(|value| value as usize) } else { None }
}
