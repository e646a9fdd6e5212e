//! Faults that were there once, layer by layer, so that they stay mended.
use super::super::budget::{FalseAlarms, Rate};
use super::super::long_run::LongRun;
use super::super::reference::Reference;
use super::*;
use crate::engine::drift::noise::noise;

fn feed(
    auto: &mut Auto,
    first: u64,
    at: impl Fn(u64) -> Option<i64>,
    rows: impl IntoIterator<Item = f64>,
) -> Vec<Reading> {
    let limits = Thresholds::default();
    (first..).zip(rows).map(|(seq, value)| auto.observe(Row { seq: Seq(seq), at: at(seq), value }, &limits)).collect()
}

fn run(rows: impl IntoIterator<Item = f64>) -> Vec<Reading> {
    feed(&mut Auto::new(Setting::default()), 0, |_| None, rows)
}

fn alarms(readings: &[Reading]) -> Vec<(usize, DriftState, Option<Direction>)> {
    readings.iter().enumerate().filter(|(_, r)| r.alarm).map(|(k, r)| (k, r.state, r.direction)).collect()
}

// long_run
#[test]
fn a_constant_that_falls_is_found_as_one_that_rises() {
    for to in [6.0, 4.0] {
        let found = alarms(&run((0..500).map(|k| if k < 300 { 5.0 } else { to })));
        assert!(found.first().is_some_and(|found| found.0 < 306), "{to}: {found:?}");
    }
}

#[test]
fn b01b_what_never_happened_is_found_after_few_events_however_long_it_never_did() {
    for before in [200, 1_000, 5_000, 20_000] {
        let found = alarms(&run((0..before + 100).map(|k| f64::from(u8::from(k >= before)))));
        assert!(found.first().is_some_and(|found| found.0 < before + 6), "{before}: {found:?}");
    }
}

#[test]
fn b01c_a_statistic_without_variance_has_factor_one() {
    let mut long_run = LongRun::default();
    (0..5_000).for_each(|_| long_run.push([0.0; 2]));
    assert_eq!([0, 1].map(|s| long_run.factor(s, 0.0, 0.0)), [1.0; 2]);
}

// stuck
#[test]
fn one_percent_of_ones_are_not_stuck() {
    let mut wrong = 0;
    for seed in 0..200 {
        let (mut normal, mut stuck) = (noise(seed), Stuck::default());
        wrong += (0..5_000).filter(|_| stuck.observe(f64::from(normal() > 2.326), 1e4)).count();
    }
    assert!(wrong <= 5, "{wrong} of 200 series");
}

#[test]
fn b02b_a_constant_after_a_constant_is_not_stuck() {
    let readings = run((0..3_000).map(|k| if k < 150 { 5.0 } else { 7.0 }));
    assert!(readings.iter().all(|reading| reading.state != DriftState::Stuck), "{:?}", alarms(&readings));
}

#[test]
fn b02c_a_step_function_is_not_stuck() {
    let readings = run((0..5_000).map(|k: i32| f64::from((k as f64).sqrt() as i32 / 5)));
    assert!(readings.iter().all(|reading| reading.state != DriftState::Stuck), "{:?}", alarms(&readings));
}

// auto with stuck
#[test]
fn freezing_and_thawing_is_one_alarm() {
    let mut double = Vec::new();
    for seed in 0..20 {
        let mut normal = noise(seed);
        let rows: Vec<f64> = (0..900)
            .map(|k| {
                if (300..600).contains(&k) {
                    normal();
                    0.7
                } else {
                    normal()
                }
            })
            .collect();
        let found = alarms(&run(rows));
        if found.len() != 1 {
            double.push((seed, found));
        }
    }
    assert!(double.len() <= 1, "{} {:?}", double.len(), double.first());
}

#[test]
fn b03b_freezing_at_an_unusual_value_is_one_alarm() {
    let mut double = Vec::new();
    for seed in 0..20 {
        let mut normal = noise(seed);
        let rows: Vec<f64> = (0..600).map(|k| if k >= 300 { 4.0 } else { normal() }).collect();
        let found = alarms(&run(rows));
        if found.len() != 1 {
            double.push((seed, found));
        }
    }
    assert!(double.len() <= 1, "{} {:?}", double.len(), double.first());
}

// reference
#[test]
fn rows_at_both_ends_of_the_numbers_have_finite_scores() {
    for mut rows in [vec![-1.7e308, 1.7e308], vec![-1.7e308, -1.7e308, 0.0, 1.7e308, 1.7e308]] {
        let reference = Reference::new(&mut rows);
        assert!(reference.centre.is_finite() && reference.spread.is_finite(), "{reference:?}");
        assert!([-1.7e308, 0.0, 1.7e308].iter().all(|value| reference.score(*value).is_finite()));
    }
}

#[test]
fn b04b_readings_are_finite_whatever_comes() {
    for seed in 0..200 {
        let mut normal = noise(seed);
        let of = [1.7e308, -1.7e308, 1e300, 0.0, -0.0, 5e-324, -1e-310, 1.0, 1e9, f64::MIN_POSITIVE];
        let rows: Vec<f64> = (0..700).map(|_| of[(normal().abs() * 1e4) as usize % (1 + seed as usize % 10)]).collect();
        let at = |seq: u64| (seed % 2 == 0).then_some(seq as i64 * 1_800_000);
        let mut auto = Auto::new(Setting::default());
        for reading in feed(&mut auto, 0, at, rows) {
            let all = [Some(reading.score), Some(reading.z), reading.baseline, reading.spread, reading.size];
            assert!(all.into_iter().flatten().all(f64::is_finite), "{seed} {reading:?}");
        }
        let json = serde_json::to_string(&auto.save()).unwrap();
        let again = serde_json::from_str::<DetectorState>(&json);
        assert!(
            again.is_ok(),
            "{seed}: {:?} {}",
            again.as_ref().err(),
            &json[again.as_ref().err().unwrap().column() - 300..][..310]
        );
    }
}

// season
const TEN_MINUTES: i64 = 600_000;

fn course(k: u64, normal: f64) -> f64 {
    5.0 * (k as f64 * std::f64::consts::TAU / 144.0).sin() + normal
}

fn at(seq: u64) -> Option<i64> {
    Some(seq as i64 * TEN_MINUTES)
}

#[test]
fn when_the_course_ends_the_regime_is_not_made_of_rows_of_long_ago() {
    let (mut normal, mut auto) = (noise(1), Auto::new(Setting::default()));
    // A level that moved by 30 on the way, and was adopted; then the course of the day ends.
    let level = |k: u64| if k < 144 * 10 { 0.0 } else { 30.0 };
    feed(&mut auto, 0, at, (0..144 * 25).map(|k| course(k, normal()) + level(k)));
    assert!(auto.season.as_ref().unwrap().in_force());
    let mut out = None;
    for k in 144 * 25..144 * 60 {
        let reading = feed(&mut auto, k, at, [30.0 + 3.0 * normal()])[0];
        if out.is_none() && !auto.season.as_ref().unwrap().in_force() {
            out = Some(k);
        }
        if out.is_some_and(|out| k < out + 150) {
            assert!(!reading.alarm && reading.baseline.is_none_or(|b| (b - 30.0).abs() < 10.0), "{k} {reading:?}");
        }
    }
    assert!(out.is_some());
}

#[test]
fn one_row_from_the_future_does_not_end_the_course_of_the_day_for_ever() {
    let (mut normal, mut season) = (noise(2), Season::default());
    for k in 0..144 * 40u64 {
        let time = if k == 100 { 4_000_000_000_000 } else { k as i64 * TEN_MINUTES };
        season.rest(time, course(k, normal()));
    }
    assert!(season.in_force(), "{season:?}");
}

#[test]
fn one_outlier_does_not_spoil_the_course_of_the_day() {
    for (row, outlier) in [(30, 1e300), (300, 1e300), (144 * 6, 1e300), (144 * 6, 1e4)] {
        let (mut normal, mut season) = (noise(3), Season::default());
        let (mut worst, mut sum) = (0f64, 0.0);
        for k in 0..144 * 16u64 {
            let value = if k == row { outlier } else { course(k, normal()) };
            let rest = season.rest(k as i64 * TEN_MINUTES, value);
            if k > 144 * 9 {
                worst = worst.max(rest.abs());
                sum += rest.abs() / (144.0 * 7.0);
            }
        }
        assert!(season.in_force() && worst < 15.0 && sum < 2.0, "{row} {outlier}: {worst} {sum}");
    }
}

#[test]
fn the_seqs_of_what_is_left_are_those_of_its_rows() {
    let (mut normal, mut auto) = (noise(4), Auto::new(Setting::default()));
    for k in 0..144 * 6u64 {
        // One of five keys that take turns.
        let before = auto.season.as_ref().is_some_and(|season| season.in_force());
        let row = Row { seq: Seq(5 * k), at: at(k), value: course(k, normal()) };
        auto.observe(row, &Thresholds::default());
        if !before && auto.season.as_ref().unwrap().in_force() {
            let rows = auto.recent.with_seqs();
            assert_eq!(rows.last().unwrap().0, Seq(5 * k), "the row itself is learned");
            assert_eq!(rows[rows.len() - 2].0, Seq(5 * k - 5), "and the one before it has its own Seq");
            return;
        }
    }
    panic!("never in force");
}

// budget
#[test]
fn one_record_from_the_future_does_not_make_the_thresholds_rise_for_ever() {
    let mut rate = Rate::default();
    for second in 0..2_000_000i64 {
        rate.observe(Some(if second == 5_000 { 4_000_000_000_000 } else { second * 1_000 }), 2);
    }
    let rows = rate.rows_per_alarm(FalseAlarms::DEFAULT);
    assert!((rows / 1_209_600.0 - 1.0).abs() < 0.2, "{rows}");
}

// auto: pin
#[test]
fn a_pinned_series_that_reports_one_direction_is_not_deaf_after_the_other() {
    let mut normal = noise(5);
    let mut auto = Auto::new(Setting { only: Some(Direction::Up), season: true });
    feed(&mut auto, 0, |_| None, (0..300).map(|_| normal()));
    auto.pin();
    feed(&mut auto, 300, |_| None, (0..300).map(|_| normal() - 4.0));
    let found = alarms(&feed(&mut auto, 600, |_| None, (0..300).map(|_| normal() + 4.0)));
    assert!(found.len() == 1 && found[0].0 < 40, "{found:?}");
}

#[test]
fn a_pinned_series_recovers_from_whatever_it_was() {
    type Draw = fn(f64, bool) -> f64;
    let kinds: [(&str, Draw); 5] = [
        ("spread", |z, away| if away { 4.0 * z } else { z }),
        ("narrower", |z, away| if away { 0.2 * z } else { z }),
        ("rate", |z, away| f64::from(z > if away { 0.0 } else { 1.645 })),
        ("small", |z, away| z + if away { 0.6 } else { 0.0 }),
        ("constant", |_, away| if away { 3.0 } else { 5.0 }),
    ];
    let mut wrong = Vec::new();
    for (kind, draw) in kinds {
        let (mut normal, mut auto) = (noise(6), Auto::new(Setting { season: false, only: None }));
        feed(&mut auto, 0, |_| None, (0..1_000).map(|_| draw(normal(), false)));
        auto.pin();
        let away = feed(&mut auto, 1_000, |_| None, (0..500).map(|_| draw(normal(), true)));
        let back = feed(&mut auto, 1_500, |_| None, (0..1_000).map(|_| draw(normal(), false)));
        if alarms(&away).is_empty() || back[999].state != DriftState::Stable {
            wrong.push((kind, alarms(&away), back[999].state));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_is_pinned_soon_after_an_alarm_is_made_of_enough_rows() {
    let mut wrong = 0;
    for seed in 0..20 {
        let (mut normal, mut auto) = (noise(seed), Auto::new(Setting::default()));
        feed(&mut auto, 0, |_| None, (0..300).map(|_| normal()));
        let mut k = 300;
        while !feed(&mut auto, k, |_| None, [normal() + 5.0])[0].alarm {
            k += 1;
        }
        auto.pin();
        let readings = feed(&mut auto, k + 1, |_| None, (0..400).map(|_| normal() + 5.0));
        wrong += usize::from(readings.iter().any(|reading| reading.state == DriftState::Drift));
    }
    assert!(wrong <= 1, "{wrong} of 20");
}

#[test]
fn b12c_its_spread_is_known_too_and_what_leaves_it_is_found() {
    let mut wrong = 0;
    for seed in 0..20 {
        for twice in [false, true] {
            let (mut normal, mut auto) = (noise(seed), Auto::new(Setting::default()));
            feed(&mut auto, 0, |_| None, (0..300).map(|_| normal()));
            if twice {
                auto.pin();
            }
            let mut k = 300;
            while !feed(&mut auto, k, |_| None, [normal() + 5.0])[0].alarm {
                k += 1;
            }
            auto.pin();
            let readings = feed(&mut auto, k + 1, |_| None, (0..400).map(|_| normal() + 5.0));
            let spread = readings[399].spread.unwrap();
            let found = feed(&mut auto, k + 401, |_| None, (0..100).map(|_| normal() + 2.0));
            let pinned = (0.6..1.6).contains(&spread) && alarms(&readings).is_empty();
            wrong += usize::from(!pinned || alarms(&found).len() != 1 || found[99].state != DriftState::Drift);
        }
    }
    assert!(wrong <= 4, "{wrong} of 40");
}

#[test]
fn b12b_a_pin_in_the_warm_up_counts() {
    let (mut normal, mut auto) = (noise(7), Auto::new(Setting::default()));
    feed(&mut auto, 0, |_| None, (0..50).map(|_| normal()));
    auto.pin();
    feed(&mut auto, 50, |_| None, (0..300).map(|_| normal()));
    let away = feed(&mut auto, 350, |_| None, (0..3_000).map(|_| normal() + 4.0));
    assert_eq!(away[2_999].state, DriftState::Drift);
}

// auto: seq
#[test]
fn seqs_that_begin_again_are_no_panic() {
    let (mut normal, mut auto) = (noise(8), Auto::new(Setting::default()));
    feed(&mut auto, 1_000_000, |_| None, (0..302).map(|k| normal() + if k < 300 { 0.0 } else { 5.0 }));
    assert_eq!(alarms(&feed(&mut auto, 0, |_| None, (0..30).map(|_| normal() + 5.0))).len(), 1);
}

// auto: uneven warm-up
#[test]
fn an_uneven_warm_up_is_no_alarm_and_hides_none_for_long() {
    let (mut late, mut deaf) = (0, 0);
    for seed in 0..40 {
        let mut normal = noise(seed);
        let step = 1.0 + 0.05 * f64::from(seed as u32);
        let level = |k: i32| {
            if k < 50 {
                0.0
            } else if k < 900 {
                step
            } else {
                step + 4.0
            }
        };
        let rows: Vec<f64> = (0..1_000).map(|k| level(k) + normal()).collect();
        let found = alarms(&run(rows));
        late += usize::from(found.iter().any(|found| found.0 < 900 && found.0 >= 200));
        deaf += usize::from(!found.iter().any(|found| (900..920).contains(&found.0)));
    }
    assert!(late <= 2 && deaf <= 2, "alarms for the warm-up: {late}, not found later: {deaf} of 40");
}

#[test]
fn an_excursion_of_any_length_is_at_most_two_alarms() {
    let mut counts = Vec::new();
    for length in (10..=80).step_by(5) {
        let total: usize = (0..10u64)
            .map(|seed| {
                let mut normal = noise(seed);
                let rows: Vec<f64> =
                    (0..900).map(|k| normal() + if (300..300 + length).contains(&k) { 4.0 } else { 0.0 }).collect();
                alarms(&run(rows)).len()
            })
            .sum();
        counts.push((length, total as f64 / 10.0));
    }
    assert!(counts.iter().all(|(_, count)| *count <= 2.2), "{counts:?}");
}

// auto, since the ratio outlives its row
#[test]
fn a_value_that_froze_is_not_scored_by_the_change_before() {
    let (mut normal, mut auto) = (noise(10), Auto::new(Setting::default()));
    feed(&mut auto, 0, |_| None, (0..300).map(|_| normal()));
    for k in 300..600 {
        let reading = feed(&mut auto, k, |_| None, [4.0])[0];
        assert!(reading.alarm || auto.ratio < 1.0, "{k} {reading:?}");
    }
}

#[test]
fn while_nothing_is_reported_nothing_scores_as_an_alarm() {
    for seed in 0..20 {
        let (mut normal, mut auto) = (noise(seed), Auto::new(Setting::default()));
        for k in 0..600 {
            let reading = feed(&mut auto, k, |_| None, [normal() + if k < 60 { 0.0 } else { 3.0 }])[0];
            assert!(reading.alarm || auto.ratio < 1.0, "{seed} {k} {reading:?}");
        }
    }
}
