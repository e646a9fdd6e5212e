//! Drift in what answers mean, on streams written for it, through the real model.

use std::collections::HashMap;

use watcher::engine::drift::auto::Auto;
use watcher::engine::drift::budget::Thresholds;
use watcher::engine::drift::meaning::Meaning;
use watcher::engine::embedding::model::Vector;
use watcher::engine::embedding::select::{Choice, Options, select};
use watcher::record::Seq;

use crate::streams::{Answer, CHANGE, CHANGES, Pool, Texts, calm, changed, pool};

type Vectors = HashMap<String, Vec<Vector>>;

/// The vectors of all texts, by list.
fn embed(pool: &Pool) -> Vectors {
    let ready = select(&Options { backend: Choice::Portable, onnxruntime: None, model: None }).ready;
    let (backend, tokenizer) = ready.model.unwrap();
    let lists: Vec<&Texts> =
        [&pool.topics, &pool.refusals, &pool.templates, &pool.languages, &pool.short].into_iter().flatten().collect();
    let vectors = |lists: &[&Texts]| -> Vec<(String, Vec<Vector>)> {
        let mut session = backend.session().unwrap();
        let mut vector = |text: &String| session.embed(&tokenizer.ids(text).unwrap()).unwrap();
        lists.iter().map(|list| (list.name.clone(), list.texts.iter().map(&mut vector).collect())).collect()
    };
    let (one, two) = lists.split_at(lists.len() / 3);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| vectors(two));
        vectors(one).into_iter().chain(other.join().unwrap()).collect()
    })
}

/// The row of the first alarm.
fn first_alarm(stream: &[Answer<'_>], vectors: &Vectors) -> Option<usize> {
    let limits = Thresholds::default();
    let mut meaning = Meaning::new(true);
    stream.iter().position(|(list, index)| {
        let words = list.texts[*index].split(' ').count();
        meaning.observe(Seq(*index as u64), &vectors[&list.name][*index], words, &limits).alarm
    })
}

#[test]
fn changes_of_meaning_are_found_and_calm_streams_are_not_alarmed_on() {
    let yaml = include_str!("../data/text_streams.yaml");
    let topics = ["billing-support", "parcel-tracking", "general-knowledge"];
    let mut pool = pool(yaml, 410, |name| topics.contains(&name));
    // Each text takes the model some milliseconds: one list of each kind is enough here, the bench takes them all.
    pool.templates.truncate(1);
    for lists in [&mut pool.languages, &mut pool.short] {
        lists.retain(|list| list.topic == topics[0]);
        lists.truncate(1);
    }
    let vectors = embed(&pool);
    let calm_alarms = (0..12).filter(|seed| {
        let topic = &pool.topics[*seed as usize % pool.topics.len()];
        first_alarm(&calm(topic, *seed), &vectors).is_some()
    });
    assert!(calm_alarms.count() <= 1);
    let (mut found, mut delay, mut streams) = (0, 0, 0);
    for kind in CHANGES {
        for seed in 0..3u64 {
            let stream = changed(&pool, 0, kind, seed * 31 + 5).unwrap();
            streams += 1;
            let start = if kind == "topic, gradual" { CHANGE - 50 } else { CHANGE };
            if let Some(row) = first_alarm(&stream, &vectors).filter(|row| *row >= start) {
                (found, delay) = (found + 1, delay + row - start);
            }
        }
    }
    assert!(found * 10 >= streams * 9, "{found} of {streams} found");
    assert!(delay <= found * 35, "{delay} texts over {found} streams");
}

#[test]
fn what_moved_most_is_told_and_the_state_goes_on_as_if_nothing_had_been() {
    // Two groups of directions; no model is needed for this.
    let vector = |seed: u64, side: usize| -> Vec<f32> {
        let mut random = crate::streams::Random(seed);
        let mut vector: Vec<f32> =
            (0..48).map(|k| (random.uniform() - 0.5 + f64::from(u8::from(k == side))) as f32).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vector
    };
    let limits = Thresholds::default();
    let mut whole = Meaning::new(true);
    let mut again = None;
    let mut alarms = Vec::new();
    for row in 0..300u64 {
        if row == 170 {
            let text = serde_json::to_string(&whole).unwrap();
            again = Some(serde_json::from_str::<Meaning>(&text).unwrap());
        }
        let vector = vector(row, usize::from(row >= 180));
        let reading = whole.observe(Seq(row), &vector, 20, &limits);
        if let Some(again) = &mut again {
            assert_eq!(again.observe(Seq(row), &vector, 20, &limits), reading, "{row}");
        }
        if reading.alarm {
            alarms.push((row, reading.onset, whole.moved().unwrap()));
        }
    }
    let [(row, onset, moved)] = &alarms[..] else { panic!("{alarms:?}") };
    assert!((181..215).contains(row), "{row}");
    assert!((175..=190).contains(&onset.unwrap().0), "{onset:?}");
    assert!(!moved.before.is_empty() && moved.before.iter().all(|seq| seq.0 < 185), "{moved:?}");
    assert!(!moved.after.is_empty() && moved.after.iter().all(|seq| seq.0 >= 178), "{moved:?}");
}

/// The scalar detectors hold no more than they should.
#[test]
fn a_series_takes_little_more_than_two_kilobytes() {
    // 64 values of ten bytes are kept beside it.
    assert!(size_of::<Auto>() + 64 * 10 <= 2_300, "{}", size_of::<Auto>());
}
