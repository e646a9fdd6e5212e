//! Triples of answers, and how far their facts are to disagree: `tests/data/facts.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use serde::Deserialize;
use watcher::engine::embedding::TextFeatures;
use watcher::engine::embedding::divergence::score;

use crate::support::repo;

#[derive(Deserialize)]
struct Scenario {
    name: String,
    kind: String,
    band: String,
    samples: Vec<Arc<str>>,
}

impl Scenario {
    fn facts(&self) -> f64 {
        let texts: Vec<TextFeatures> = self.samples.iter().map(|text| TextFeatures::of_words(text)).collect();
        let found = score(&self.samples, &texts.iter().collect::<Vec<_>>(), &"lexical".into()).unwrap();
        found.facts.unwrap()
    }

    fn band(&self) -> std::ops::RangeInclusive<f64> {
        match self.band.as_str() {
            "agree" => 0.0..=0.15,
            "weak" => 0.0..=0.4,
            "differ" => 0.5..=1.0,
            other => panic!("{}: no band is called {other}", self.name),
        }
    }
}

/// A contradiction is called from 0.5 on. What is missed is listed, so that a change shows what it gains and loses.
#[test]
fn facts_are_told_apart() {
    let text = fs::read_to_string(repo("tests/data/facts.yaml")).unwrap();
    let scenarios: Vec<Scenario> = serde_yaml::from_str(&text).unwrap();
    assert!(scenarios.len() >= 150);
    let (mut called, mut right, mut wanted) = (0, 0, 0);
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut outside = Vec::new();
    for scenario in &scenarios {
        let facts = scenario.facts();
        let (differs, says) = (scenario.band == "differ", facts >= 0.5);
        (called, wanted) = (called + usize::from(says), wanted + usize::from(differs));
        right += usize::from(says && differs);
        let kind = kinds.entry(&scenario.kind).or_default();
        kind.1 += 1;
        if scenario.band().contains(&facts) {
            kind.0 += 1;
        } else {
            outside.push(format!("{} ({}) {facts:.2}: {:?}", scenario.name, scenario.band, scenario.samples));
        }
    }
    let (precision, recall) = (right as f64 / called as f64, right as f64 / wanted as f64);
    println!("{} scenarios: precision {precision:.3}, recall {recall:.3}", scenarios.len());
    println!("within their band, by kind: {kinds:?}");
    println!("{}", outside.join("\n"));
    assert!(precision >= 0.97 && recall >= 0.95, "precision {precision:.3}, recall {recall:.3}");
    assert!(outside.len() * 20 <= scenarios.len(), "{} of {} outside their band", outside.len(), scenarios.len());
}
