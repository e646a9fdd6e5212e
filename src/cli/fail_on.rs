//! `--fail-on`: which findings make the exit code 1.

use std::str::FromStr;

use crate::stats::summary::Summary;
use crate::verdict::Severity;

/// A count or a share of the records.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Count(u64),
    Percent(f64),
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Severity(Severity),
    Risk(f64, Amount),
    Unscored(Amount),
    Rejected(Amount),
    NoData,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kind = match text {
            "critical" => Kind::Severity(Severity::Critical),
            "warning" => Kind::Severity(Severity::Warning),
            "no-data" => Kind::NoData,
            _ => compared(text).ok_or_else(|| {
                "critical, warning, no-data, risk>0.5, risk>0.5:1%, unscored>5%, rejected>0".to_owned()
            })?,
        };
        Ok(Self { text: text.to_owned(), kind })
    }
}

fn compared(text: &str) -> Option<Kind> {
    let (what, limit) = text.split_once('>')?;
    match what {
        "risk" => {
            let (limit, most) = limit.split_once(':').unwrap_or((limit, "0"));
            let limit = limit.parse().ok().filter(|limit| (0.0..=1.0).contains(limit))?;
            Some(Kind::Risk(limit, amount(most)?))
        }
        "unscored" => amount(limit).map(Kind::Unscored),
        "rejected" => amount(limit).map(Kind::Rejected),
        _ => None,
    }
}

fn amount(text: &str) -> Option<Amount> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|p: &f64| p.is_finite() && *p >= 0.0).map(Amount::Percent),
        None => text.parse().ok().map(Amount::Count),
    }
}

fn exceeds(found: u64, of: u64, most: Amount) -> bool {
    match most {
        Amount::Count(count) => found > count,
        Amount::Percent(percent) => of > 0 && found as f64 * 100.0 > percent * of as f64,
    }
}

impl Condition {
    /// The limit of risk that it is about.
    pub fn risk_limit(&self) -> Option<f64> {
        match self.kind {
            Kind::Risk(limit, _) => Some(limit),
            _ => None,
        }
    }

    /// What was found, if the condition holds.
    pub fn finding(&self, summary: &Summary) -> Option<String> {
        let (found, holds) = match self.kind {
            Kind::Severity(severity) => {
                let found = summary.severities[severity as usize];
                (found, found > 0)
            }
            Kind::Risk(limit, most) => {
                let found = summary.risk_above(limit);
                (found, exceeds(found, summary.records, most))
            }
            Kind::Unscored(most) => (summary.unscored, exceeds(summary.unscored, summary.records, most)),
            Kind::Rejected(most) => {
                (summary.rejected, exceeds(summary.rejected, summary.records + summary.rejected, most))
            }
            Kind::NoData => {
                let idle = summary.fared.iter().filter(|rule| rule.no_data.is_some());
                let idle: Vec<&str> = idle.map(|rule| &*rule.rule).collect();
                return (!idle.is_empty()).then(|| format!("{}: rules without data: {}", self.text, idle.join(", ")));
            }
        };
        holds.then(|| format!("{}: {found} of {}", self.text, summary.records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_decided() {
        let mut summary = Summary::default();
        (summary.records, summary.rejected, summary.unscored, summary.severities) = (100, 1, 6, [3, 2, 0]);
        let holds = |text: &str| text.parse::<Condition>().unwrap().finding(&summary).is_some();
        assert!(!holds("critical") && holds("warning"));
        assert!(holds("unscored>5%") && !holds("unscored>6%") && holds("unscored>5"));
        assert!(holds("rejected>0") && !holds("rejected>1"));
        assert!(!holds("risk>0.5") && !holds("risk>0.5:1%") && !holds("no-data"));
        for wrong in ["", "risk", "risk>2", "risk>0.5:x", "unscored>-1%", "critcal", "rejected>NaN%"] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }
}
