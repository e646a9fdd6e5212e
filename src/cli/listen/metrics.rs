//! The counters in Prometheus' text format 0.0.4. Their names are public interface.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::collections::HashSet;
use std::fmt::Write;

use super::Held;
use crate::message::{HealthReport, RuleCount, SourceReport, SourceState, StageReport};
use crate::verdict::Action;

/// Series of one name at most: a folder of many logs or rules must not flood whoever collects them.
const SERIES: usize = 200;

/// Values of one name: its labels, and the value.
type Series = Vec<(Vec<(&'static str, String)>, f64)>;

/// What is written, and what was left out of it.
#[derive(Default)]
struct Page {
    text: String,
    left_out: Series,
}

impl Page {
    /// A name with all its series; nothing where there are none.
    fn family(&mut self, name: &'static str, kind: &str, help: &str, series: Series) {
        if series.is_empty() {
            return;
        }
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let mut shown = HashSet::new();
        let mut left_out = 0;
        for (labels, value) in series {
            let labels: Vec<String> =
                labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            // What differed only in what must not be shown is one series now, and one that comes twice spoils the page.
            if shown.len() == SERIES || shown.contains(&labels) {
                left_out += 1;
                continue;
            }
            let _ = writeln!(self.text, "{name}{labels} {value}");
            shown.insert(labels);
        }
        if left_out > 0 {
            self.left_out.push((vec![("name", name.to_owned())], f64::from(left_out)));
        }
    }

    fn counter(&mut self, name: &'static str, help: &str, series: Series) {
        self.family(name, "counter", help, series);
    }

    fn gauge(&mut self, name: &'static str, help: &str, series: Series) {
        self.family(name, "gauge", help, series);
    }
}

/// A label's value between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn one(value: f64) -> Series {
    vec![(Vec::new(), value)]
}

fn labelled<'a, T: 'a>(
    label: &'static str,
    items: impl IntoIterator<Item = T>,
    of: impl Fn(T) -> (String, f64),
) -> Series {
    let series = |item| {
        let (text, value) = of(item);
        (vec![(label, text)], value)
    };
    items.into_iter().map(series).collect()
}

/// All that is known.
pub(super) fn text(held: &Held, up: bool) -> String {
    let mut page = Page::default();
    page.gauge("watcher_up", "1 while /healthz says ok, else 0.", one(f64::from(u8::from(up))));
    let health = held.health.as_ref();
    let build = vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("rules", health.map(|health| health.rules.short_revision().to_owned()).unwrap_or_default()),
        ("backend", held.backend.as_ref().map(|label| held.shown(label)).unwrap_or_default()),
    ];
    page.gauge("watcher_build_info", "Always 1. What runs, by which rules.", vec![(build, 1.0)]);
    if let Some(health) = health {
        page.counter("watcher_records_total", "Records judged.", one(health.judged as f64));
        let help = "Records whose verdicts another instance has given.";
        page.counter("watcher_given_total", help, one(health.given as f64));
    }
    page.counter("watcher_rejected_total", "Lines refused.", one(held.rejected as f64));
    if let Some(actions) = held.actions {
        let series = labelled("action", Action::ALL, |action| (action.word().into(), actions[action as usize] as f64));
        page.counter("watcher_verdicts_total", "Records by what is advised.", series);
    }
    if let Some(health) = health {
        rules(&mut page, held, health);
        stages(&mut page, health);
        embedding(&mut page, health);
    }
    sources(&mut page, held);
    if let Some(health) = health {
        bounds(&mut page, health);
    }
    notices(&mut page, held);
    if let Some(event) = health.and_then(|health| health.event) {
        let seconds = event.as_millisecond() as f64 / 1e3;
        page.gauge("watcher_event_time_seconds", "Event time of the newest record, since the epoch.", one(seconds));
    }
    let left_out = std::mem::take(&mut page.left_out);
    page.gauge("watcher_series_left_out", "Series of a name that are not shown: over 200, or alike.", left_out);
    page.text
}

fn rules(page: &mut Page, held: &Held, health: &HealthReport) {
    let of = |count: fn(&RuleCount) -> u64| {
        let rules = health.rules.rules.iter().zip(&health.counts);
        labelled("rule", rules, |(rule, counts)| (held.shown(&rule.id), count(counts) as f64))
    };
    let help = "Records that breached the rule, since it is in force.";
    page.counter("watcher_rule_hits_total", help, of(|counts| counts.hits));
    let help = "Records on which the rule was evaluated, since it is in force.";
    page.counter("watcher_rule_evaluated_total", help, of(|counts| counts.evaluated));
}

fn stages(page: &mut Page, health: &HealthReport) {
    let of = |value: fn(&StageReport) -> f64| {
        labelled("stage", &health.stages, |stage| (stage.name.to_owned(), value(stage)))
    };
    page.gauge("watcher_stage_depth", "Batches that wait before the stage.", of(|stage| stage.depth as f64));
    page.counter("watcher_stage_passed_total", "Batches that went through.", of(|stage| stage.passed as f64));
    page.counter("watcher_stage_dropped_total", "Batches that were dropped.", of(|stage| stage.dropped as f64));
    let help = "Time that the batches have waited, all together.";
    page.counter("watcher_stage_wait_seconds_total", help, of(|stage| stage.waited_us as f64 / 1e6));
}

fn embedding(page: &mut Page, health: &HealthReport) {
    let pool = &health.pool;
    let mut counter = |name, help, value: u64| page.counter(name, help, one(value as f64));
    counter("watcher_embedding_texts_total", "Texts computed.", pool.done);
    counter("watcher_embedding_shed_total", "Records compared by words only, for want of time.", pool.shed);
    counter("watcher_cache_hits_total", "Texts found in the cache.", pool.hits);
    counter("watcher_cache_misses_total", "Texts not found in the cache.", pool.misses);
}

fn sources(page: &mut Page, held: &Held) {
    let of = |value: fn(&SourceReport) -> f64| {
        labelled("source", held.sources.values(), |source| (held.shown(&source.name), value(source)))
    };
    page.counter("watcher_source_read_bytes_total", "Bytes read.", of(|source| source.read as f64));
    page.gauge(
        "watcher_source_behind_bytes",
        "Bytes that are there and not read yet.",
        of(|source| source.behind as f64),
    );
    let up = |source: &SourceReport| {
        f64::from(u8::from(matches!(source.state, SourceState::Reading | SourceState::Following)))
    };
    page.gauge("watcher_source_up", "1 while the source is read or followed, else 0.", of(up));
}

fn bounds(page: &mut Page, health: &HealthReport) {
    let used = labelled("bound", &health.bounds, |bound| (bound.name.to_owned(), bound.used as f64));
    page.gauge("watcher_bound_used", "What is used of something that is bounded: bytes, or how many.", used);
    let limits = health.bounds.iter().filter_map(|bound| Some((bound.name, bound.most?)));
    let limits = labelled("bound", limits, |(name, most)| (name.to_owned(), most as f64));
    page.gauge("watcher_bound_limit", "How much of it may be used.", limits);
}

fn notices(page: &mut Page, held: &Held) {
    let firing = held.alerts.iter().map(|firing| {
        let labels = vec![("cause", held.shown(&firing.cause)), ("severity", firing.severity.word().to_owned())];
        (labels, firing.count as f64)
    });
    page.gauge("watcher_alerts_firing", "Alerts that fire.", firing.collect());
    let sent = held.notices.iter().map(|sent| {
        let labels = vec![("target", held.shown(&sent.target)), ("result", held.shown(&sent.result))];
        (labels, sent.count as f64)
    });
    page.counter("watcher_notices_total", "Notices to a target, by what became of them.", sent.collect());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::super::{Firing, Gauges, Sent};
    use super::*;
    use crate::clock::ManualClock;
    use crate::message::{Bound, EngineReport, EngineState, PoolCounts, Update};
    use crate::redact::Redact;
    use crate::rules::schema::Source;
    use crate::stats::summary::{Skipped, Summary};
    use crate::verdict::{EngineKind, Severity};

    const RULES: &str = "version: 1\nrules:\n  - {id: energy, limit: {field: physics.energy_out, max: 100}}\n";

    /// All that a run tells once.
    fn told() -> [Update; 7] {
        let source = Source { name: "r.yaml".into(), text: RULES.into() };
        let rules = Arc::new(crate::engine::constraints::accept(&[source]).unwrap());
        let now = "2026-02-17T12:34:56.789Z".parse().unwrap();
        let stage = |name, passed| StageReport {
            name,
            depth: 2,
            capacity: 16,
            passed,
            dropped: 0,
            waited_us: 1_500_000,
            blocked: 0,
        };
        let health = HealthReport {
            stages: vec![stage("lines", 9)],
            pool: PoolCounts { done: 30, shed: 1, hits: 4, misses: 26, ..PoolCounts::default() },
            rules,
            counts: vec![RuleCount { records: 12, evaluated: 11, hits: 3, ..RuleCount::default() }],
            no_data: Vec::new(),
            watched: Box::default(),
            bounds: vec![
                Bound { name: "text cache", used: 512, most: Some(1_024), bytes: true },
                Bound { name: "process", used: 1 << 40, most: None, bytes: true },
            ],
            judged: 12,
            given: 2,
            skipped: Skipped::default(),
            event: Some(now),
            checkpoint: None,
            at: now,
        };
        let source = |name: &str, state| {
            Update::Source(SourceReport { name: name.into(), state, read: 4_096, behind: 10, at: now })
        };
        let running = EngineState::Running { label: "MiniLM int8 · portable".into(), warnings: Vec::new() };
        [
            Update::Engine(EngineReport { kind: EngineKind::Embedding, state: running }),
            Update::Health(health),
            Update::Rejected { count: 1, shown: Vec::new() },
            source("a \"b\"\\c.ndjson", SourceState::Following),
            source("token-1.ndjson", SourceState::Waiting("no".into())),
            // With what must not be shown taken out, it is the same as the one before.
            source("token-2.ndjson", SourceState::Following),
            Update::CaughtUp,
        ]
    }

    #[test]
    fn a_page_is_exact() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let gauges = Gauges::new(clock, true, Redact::new(&["token-.".into()]).unwrap());
        told().iter().for_each(|update| gauges.apply(update));
        gauges.set_alerts(vec![Firing { cause: "@drift".into(), severity: Severity::Warning, count: 2 }]);
        gauges.set_notices(vec![Sent { target: "ops".into(), result: "failed".into(), count: 4 }]);
        let page = gauges.metrics();
        let revision = page.split("rules=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(revision.len(), 7);
        let page = page.replace(revision, "REVISION").replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let values: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "watcher_up 1",
                "watcher_build_info{version=\"VERSION\",rules=\"REVISION\",backend=\"MiniLM int8 · portable\"} 1",
                "watcher_records_total 12",
                "watcher_given_total 2",
                "watcher_rejected_total 1",
                "watcher_rule_hits_total{rule=\"energy\"} 3",
                "watcher_rule_evaluated_total{rule=\"energy\"} 11",
                "watcher_stage_depth{stage=\"lines\"} 2",
                "watcher_stage_passed_total{stage=\"lines\"} 9",
                "watcher_stage_dropped_total{stage=\"lines\"} 0",
                "watcher_stage_wait_seconds_total{stage=\"lines\"} 1.5",
                "watcher_embedding_texts_total 30",
                "watcher_embedding_shed_total 1",
                "watcher_cache_hits_total 4",
                "watcher_cache_misses_total 26",
                "watcher_source_read_bytes_total{source=\"a \\\"b\\\"\\\\c.ndjson\"} 4096",
                "watcher_source_read_bytes_total{source=\"[redacted].ndjson\"} 4096",
                "watcher_source_behind_bytes{source=\"a \\\"b\\\"\\\\c.ndjson\"} 10",
                "watcher_source_behind_bytes{source=\"[redacted].ndjson\"} 10",
                "watcher_source_up{source=\"a \\\"b\\\"\\\\c.ndjson\"} 1",
                "watcher_source_up{source=\"[redacted].ndjson\"} 0",
                "watcher_bound_used{bound=\"text cache\"} 512",
                "watcher_bound_used{bound=\"process\"} 1099511627776",
                "watcher_bound_limit{bound=\"text cache\"} 1024",
                "watcher_alerts_firing{cause=\"@drift\",severity=\"warning\"} 2",
                "watcher_notices_total{target=\"ops\",result=\"failed\"} 4",
                "watcher_event_time_seconds 1771331696.789",
                "watcher_series_left_out{name=\"watcher_source_read_bytes_total\"} 1",
                "watcher_series_left_out{name=\"watcher_source_behind_bytes\"} 1",
                "watcher_series_left_out{name=\"watcher_source_up\"} 1",
            ]
        );
        for line in values {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(page.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let gauges = Gauges::new(clock, true, Redact::default());
        let page = gauges.metrics();
        assert!(!page.contains("watcher_records_total") && !page.contains("watcher_verdicts_total"), "{page}");
        let mut summary = Summary::default();
        summary.actions = [5, 0, 0, 2];
        gauges.apply(&Update::Finished(Box::new(summary)));
        let page = gauges.metrics();
        for line in ["{action=\"ALLOW\"} 5\n", "{action=\"CAUTION\"} 0\n", "{action=\"BLOCK\"} 2\n"] {
            assert!(page.contains(&format!("watcher_verdicts_total{line}")), "{page}");
        }
    }

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.gauge("x", "Help.", labelled("path", ["a\\b\"c\nd"], |text| (text.to_owned(), 0.5)));
        assert_eq!(page.text, "# HELP x Help.\n# TYPE x gauge\nx{path=\"a\\\\b\\\"c\\nd\"} 0.5\n");
    }

    #[test]
    fn no_name_has_more_series_than_it_may() {
        let mut page = Page::default();
        page.gauge("x", "Help.", labelled("n", 0..SERIES + 3, |n| (n.to_string(), 1.0)));
        assert_eq!(page.text.lines().count(), SERIES + 2);
        assert_eq!(page.left_out, [(vec![("name", "x".to_owned())], 3.0)]);
        page.counter("y", "Help.", Vec::new());
        assert!(!page.text.contains('y'), "a name without series is not there");
    }
}
