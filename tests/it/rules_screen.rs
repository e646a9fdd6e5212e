//! The list of rules, in every state it can be in.

use std::sync::Arc;

use watcher::message::{HealthReport, NoData, PoolCounts, RuleCount, RulesReport, Update};
use watcher::rules::RuleSet;
use watcher::rules::schema::{Source, load};
use watcher::verdict::{Observed, Severity, Violation, ViolationState};

use crate::screens::{NOW, app, press, screen, with_traffic_of};
use crate::support::repo;

fn desk() -> Arc<RuleSet> {
    let text = std::fs::read_to_string(repo("sample-data/rules/trading-desk.yaml")).unwrap();
    Arc::new(load(&[Source { name: "trading-desk.yaml".into(), text }]).unwrap())
}

fn health(rules: &Arc<RuleSet>) -> HealthReport {
    let count = |index: u64| RuleCount {
        records: 12_400,
        evaluated: if index == 3 { 0 } else { 12_400 - 1_000 * index },
        present: 12_400 - 1_100 * index,
        hits: index * index,
        pending: u64::from(index == 7) * 3,
        excepted: u64::from(index == 1) * 12,
        errors: u64::from(index == 4),
        groups: u64::from(index == 6) * 41,
        evicted: u64::from(index == 6) * 7,
        cut: 0,
    };
    HealthReport {
        stages: Vec::new(),
        pool: PoolCounts::default(),
        rules: Arc::clone(rules),
        counts: (0..rules.rules.len() as u64).map(count).collect(),
        no_data: vec![NoData {
            rule: 3,
            why: "metrics.order_value never seen, did you mean `metrics.ordervalue`?".into(),
        }],
        watched: Default::default(),
        bounds: Vec::new(),
        judged: 12_400,
        given: 0,
        skipped: Default::default(),
        event: None,
        checkpoint: None,
        at: NOW.parse().unwrap(),
    }
}

fn told(rules: &Arc<RuleSet>, fault: Option<&str>, change: Option<&str>) -> Update {
    let own = |text: &str| text.to_owned();
    let at = NOW.parse().unwrap();
    Update::Rules(RulesReport { rules: Arc::clone(rules), fault: fault.map(own), change: change.map(own), at })
}

#[test]
fn before_the_first_counters_it_says_so() {
    let mut app = app();
    press(&mut app, "3");
    assert!(screen(&mut app, 80, 24).contains("the rules are being read"));
}

#[test]
fn every_rule_with_how_it_stands() {
    let rules = desk();
    let mut app = with_traffic_of(40);
    app.state.apply(Update::Health(health(&rules)));
    let violation = Violation {
        rule: "max-loss".into(),
        severity: Severity::Critical,
        field: "financial.proposed_loss".into(),
        message: "too much".into(),
        observed: Observed::Number(-12_000.0),
        limit: Some(-10_000.0),
        state: ViolationState::Firing,
        silenced_by: None,
    };
    let at = app.state.event_time();
    app.state.board_mut().alerts.violation(&"agent-1".into(), at, &violation);
    app.state.tick(NOW.parse().unwrap());
    press(&mut app, "3");
    insta::assert_snapshot!("rules_160x45", screen(&mut app, 160, 45));
    insta::assert_snapshot!("rules_80x24", screen(&mut app, 80, 24));
    // The list scrolls to its end and no further.
    press(&mut app, "j j j j j j j j j j j j j j j j");
    assert!(screen(&mut app, 80, 12).contains("leverage-drift"));
    press(&mut app, "q");
    assert!(screen(&mut app, 160, 45).contains("Violations"));
}

#[test]
fn a_version_that_does_not_hold_stays_in_sight() {
    let rules = desk();
    let mut app = with_traffic_of(40);
    app.state.apply(Update::Health(health(&rules)));
    let fault = "trading-desk.yaml:12:30: unknown key `mni` (did you mean `min`?) (and 2 more)";
    app.state.apply(told(&rules, Some(fault), None));
    assert!(screen(&mut app, 160, 45).contains("new rules do not hold"));
    assert!(screen(&mut app, 80, 24).contains("do not hold"));
    press(&mut app, "3");
    insta::assert_snapshot!("rules_fault_120x30", screen(&mut app, 120, 30));
    app.state.apply(told(&rules, None, None));
    assert!(screen(&mut app, 120, 30).contains("the files hold again"));
    app.state.apply(told(&rules, None, Some("max-loss changed; 4 added")));
    assert!(screen(&mut app, 120, 30).contains("max-loss changed; 4 added"));
    for (width, height) in [(1, 1), (20, 5), (60, 15), (300, 100)] {
        screen(&mut app, width, height);
    }
}

/// A shadow's breach is in the verdict and in the list of rules, and rings nowhere.
#[test]
fn a_shadow_rings_nowhere() {
    let mut app = with_traffic_of(1);
    let before = app.state.board().alerts.iter().count();
    let at = app.state.event_time();
    let violation = Violation {
        rule: "unknown-model".into(),
        severity: Severity::Warning,
        field: "model".into(),
        message: "x".into(),
        observed: Observed::Missing,
        limit: None,
        state: ViolationState::Shadow,
        silenced_by: None,
    };
    app.state.board_mut().alerts.violation(&"agent-1".into(), at, &violation);
    app.state.tick(NOW.parse().unwrap());
    assert_eq!(app.state.board().alerts.iter().count(), before);
    assert!(!violation.counts());
}

/// `keep_firing` holds an alert for as long as the rule says, `cooldown` makes a renewed one the same.
#[test]
fn alerts_keep_quiet_as_a_rule_asks() {
    let text = "version: 1\nrules:\n  - {id: kept, limit: {field: x, max: 1}, keep_firing: 5m, cooldown: 20m}\n  - {id: plain, limit: {field: x, max: 1}}\n";
    let rules = Arc::new(load(&[Source { name: "r".into(), text: text.into() }]).unwrap());
    let mut app = with_traffic_of(1);
    app.state.apply(Update::Health(health(&rules)));
    let at = |minutes: i64| app.state.event_time().checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    let times: Vec<jiff::Timestamp> = (0..60).map(at).collect();
    let alerts = &mut app.state.board_mut().alerts;
    let fire = |alerts: &mut watcher::state::alerts::Alerts, minute: usize| {
        alerts.hear(times[minute]);
        for rule in ["kept", "plain"] {
            let violation = Violation {
                rule: rule.into(),
                severity: Severity::Warning,
                field: "x".into(),
                message: "x".into(),
                observed: Observed::Number(2.0),
                limit: Some(1.0),
                state: ViolationState::Firing,
                silenced_by: None,
            };
            alerts.violation(&"k".into(), times[minute], &violation);
        }
    };
    let states = |alerts: &mut watcher::state::alerts::Alerts, minute: usize| -> Vec<(String, String, u64)> {
        alerts.refresh(times[minute]);
        let own = alerts.iter().filter(|alert| ["kept", "plain"].contains(&&*alert.cause));
        let mut own: Vec<_> = own.map(|a| (a.cause.to_string(), format!("{:?}", a.state), a.count)).collect();
        own.sort();
        own
    };
    let pair = |kept: (&str, u64), plain: (&str, u64)| {
        vec![("kept".to_owned(), kept.0.to_owned(), kept.1), ("plain".to_owned(), plain.0.to_owned(), plain.1)]
    };
    fire(alerts, 0);
    assert_eq!(states(alerts, 3), pair(("Firing", 1), ("Resolved", 1)));
    assert_eq!(states(alerts, 6), pair(("Resolved", 1), ("Resolved", 1)));
    fire(alerts, 10);
    assert_eq!(states(alerts, 10), pair(("Firing", 2), ("Firing", 1)));
}
