//! What is made of the records that are kept, when somebody asks: charts of a time, what became of a series, what
//! differs between records, which bound to choose, in which words answers differ. Pure: what asks and what waits is
//! elsewhere.
//!
//! Everything that looks at all rows can take seconds on a full history, so it looks now and then whether the result is
//! still wanted.

pub mod chart;
pub mod contrast;
pub mod series;
pub mod suggest;
pub mod words;

use std::sync::atomic::{AtomicBool, Ordering};

pub use crate::engine::constraints::backtest::Cancelled;

/// Rows between two looks at whether the result is still wanted.
const PATIENCE: usize = 256;

/// Whether the row at `index` is still to be looked at.
fn go_on(index: usize, cancel: &AtomicBool) -> Result<(), Cancelled> {
    if index.is_multiple_of(PATIENCE) && cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
}

#[cfg(test)]
mod testing {
    //! Rows for the tests.

    use std::sync::Arc;

    use bytes::Bytes;
    use jiff::Timestamp;

    use crate::history::Row;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};
    use crate::verdict::{DriftReport, DriftState, Severity, Verdict, Violation, ViolationState};

    /// The time `second` seconds after the epoch.
    pub fn at(second: u64) -> Timestamp {
        Timestamp::from_second(second as i64).unwrap()
    }

    /// A row of a line, as many seconds after the epoch as its number; `judge` says what was found on it.
    pub fn row(seq: u64, line: &str, judge: impl FnOnce(&mut Verdict)) -> Row {
        let mut parser = Parser::new(Limits::default(), &[]);
        let record = parser.parse(Seq(seq), Origin::nowhere(), Bytes::copy_from_slice(line.as_bytes())).unwrap();
        let mut verdict = Verdict::unjudged(&record);
        verdict.ts = Some(at(seq));
        judge(&mut verdict);
        Row { record: Arc::new(record), verdict: Arc::new(verdict), other: None }
    }

    /// What is said of a series that is as it was.
    pub fn report(series: &str, value: f64) -> DriftReport {
        DriftReport { value, ..DriftReport::absent(series.into(), DriftState::Stable) }
    }

    /// A breach of a rule.
    pub fn breach(rule: &str, state: ViolationState) -> Violation {
        Violation {
            rule: rule.into(),
            severity: Severity::Warning,
            field: "".into(),
            message: String::new(),
            observed: crate::verdict::Observed::Missing,
            limit: None,
            state,
            silenced_by: None,
        }
    }
}
