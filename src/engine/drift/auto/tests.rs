use super::*;
use crate::engine::drift::noise::noise;

/// Gaussian rows around a level each, in runs of so many.
fn levels(seed: u64, runs: &[(usize, f64)]) -> Vec<f64> {
    let mut normal = noise(seed);
    runs.iter().flat_map(|(rows, level)| (0..*rows).map(|_| level + normal()).collect::<Vec<_>>()).collect()
}

fn feed(auto: &mut Auto, first: u64, at: impl Fn(u64) -> Option<i64>, rows: &[f64]) -> Vec<Reading> {
    let limits = Thresholds::default();
    let row = |(seq, value): (u64, &f64)| Row { seq: Seq(seq), at: at(seq), value: *value };
    (first..).zip(rows).map(|pair| auto.observe(row(pair), &limits)).collect()
}

fn readings(rows: &[f64]) -> Vec<Reading> {
    feed(&mut Auto::new(Setting::default()), 0, |_| None, rows)
}

fn alarms(readings: &[Reading]) -> Vec<(usize, Option<Direction>)> {
    let alarms = readings.iter().enumerate().filter(|(_, reading)| reading.alarm);
    alarms.map(|(index, reading)| (index, reading.direction)).collect()
}

#[test]
fn a_shift_is_reported_once_with_onset_direction_and_size() {
    for (seed, shift) in [(1, 2.0), (2, -2.0), (3, 4.0), (4, -3.0)] {
        let rows: Vec<f64> = levels(seed, &[(300, 0.0), (300, shift)]).iter().map(|row| 500.0 + 10.0 * row).collect();
        let readings = readings(&rows);
        let found = alarms(&readings);
        assert!(found.len() == 1 && (302..325).contains(&found[0].0), "{shift}: {found:?}");
        let reading = readings[found[0].0];
        assert_eq!(reading.direction, Some(if shift > 0.0 { Direction::Up } else { Direction::Down }));
        assert!(reading.onset.unwrap().0.abs_diff(300) <= 6, "{reading:?}");
        assert!((reading.size.unwrap() / 10.0 - shift).abs() < 1.0, "{reading:?}");
        assert!((reading.baseline.unwrap() - 500.0).abs() < 5.0 && reading.score >= 0.5, "{reading:?}");
        assert_eq!((reading.state, readings[299].state), (DriftState::Drift, DriftState::Stable));
    }
}

#[test]
fn spread_and_a_rate_and_a_constant_that_change_are_reported() {
    let mut normal = noise(3);
    let wider: Vec<f64> = (0..500).map(|k| normal() * if k < 300 { 1.0 } else { 3.0 }).collect();
    let rarer: Vec<f64> = (0..500).map(|k| f64::from(normal() > if k < 300 { 1.645 } else { 0.3 })).collect();
    let other: Vec<f64> = (0..500).map(|k| if k < 300 { 5.0 } else { 4.0 }).collect();
    let expected = [(&wider, Direction::Wider, 40), (&rarer, Direction::Up, 60), (&other, Direction::Down, 6)];
    for (rows, direction, within) in expected {
        let found = alarms(&readings(rows));
        let is = |(at, is): &(usize, _)| (300..300 + within).contains(at) && *is == Some(direction);
        assert!(found.first().is_some_and(is), "{direction:?}: {found:?}");
    }
    let found = readings(&other);
    let reading = found[alarms(&found)[0].0];
    assert_eq!((reading.onset, reading.baseline), (Some(Seq(300)), Some(5.0)));
    assert!((reading.size.unwrap() + 1.0).abs() < 0.3, "{reading:?}");
}

#[test]
fn states_follow_one_another() {
    let readings = readings(&levels(5, &[(300, 0.0), (500, 5.0)]));
    let state = |index: usize| readings[index].state;
    assert!((0..98).all(|index| state(index) == DriftState::WarmUp) && readings[50].baseline.is_none());
    assert_eq!([100, 200, 310, 500, 799].map(state), {
        use DriftState::{Drift, Stable};
        [Stable, Stable, Drift, Drift, Stable]
    });
    // As the normal level, the new one is the baseline.
    assert!((readings[799].baseline.unwrap() - 5.0).abs() < 0.5 && readings[400].baseline.unwrap().abs() < 0.5);
    assert_eq!((readings[799].onset, readings[799].direction, readings[799].size), (None, None, None));
}

#[test]
fn a_second_change_is_a_second_alarm() {
    let found = alarms(&readings(&levels(6, &[(300, 0.0), (120, 4.0), (200, -1.0)])));
    assert!(found.len() == 2 && (420..432).contains(&found[1].0), "{found:?}");
    assert_eq!([found[0].1, found[1].1], [Some(Direction::Up), Some(Direction::Down)]);
}

#[test]
fn what_is_soon_back_has_recovered_without_another_alarm() {
    let readings = readings(&levels(7, &[(300, 0.0), (15, 5.0), (300, 0.0)]));
    assert_eq!(alarms(&readings).len(), 1, "{:?}", alarms(&readings));
    let recovered: Vec<usize> = (0..readings.len()).filter(|k| readings[*k].state == DriftState::Recovered).collect();
    assert!((316..345).contains(&recovered[0]) && recovered.len() as u32 <= RECOVERED + 1, "{recovered:?}");
    assert_eq!(readings[500].state, DriftState::Stable);
    assert!(readings[500].baseline.unwrap().abs() < 0.5);
}

#[test]
fn scale_offset_and_sign_change_no_alarm() {
    let rows = levels(8, &[(250, 0.0), (150, 3.0), (250, -2.0), (200, -2.5)]);
    let expected = alarms(&readings(&rows));
    assert!(expected.len() >= 2);
    for (a, b) in [(1.0, 1e5), (1e-6, 0.0), (3e7, -1.0), (1e-3, 1e9), (-3.0, 0.0), (-3.0, 40.0)] {
        let mapped: Vec<f64> = rows.iter().map(|row| a * row + b).collect();
        let mirrored = |direction| match direction {
            Some(Direction::Up) if a < 0.0 => Some(Direction::Down),
            Some(Direction::Down) if a < 0.0 => Some(Direction::Up),
            other => other,
        };
        let found: Vec<_> = alarms(&readings(&mapped)).iter().map(|(at, d)| (*at, mirrored(*d))).collect();
        assert_eq!(found, expected, "{a} {b}");
    }
}

#[test]
fn what_is_saved_at_any_row_goes_on_the_same() {
    let mut rows = levels(9, &[(250, 0.0), (30, 4.0), (120, 0.0), (150, 3.0)]);
    rows.extend([1e300, 0.5, -1e300]);
    rows.extend([0.5; 40]);
    rows.extend(levels(10, &[(60, 0.5)]).iter().map(|row| row.round()));
    let at = |seq: u64| (seq % 9 != 3).then_some(seq as i64 * 3_600_000 / 2);
    let limits = Thresholds::default();
    let mut whole = Auto::new(Setting::default());
    let expected = feed(&mut whole, 0, at, &rows);
    let mut auto = Auto::new(Setting::default());
    for (index, value) in rows.iter().enumerate() {
        let json = serde_json::to_string(&auto.save()).unwrap();
        let binary = postcard::to_allocvec(&auto.save()).unwrap();
        let from_json: DetectorState = serde_json::from_str(&json).unwrap();
        assert!(from_json == auto.save(), "row {index}");
        let DetectorState::Auto(next) = postcard::from_bytes(&binary).unwrap() else { panic!("another detector") };
        auto = *next;
        let row = Row { seq: Seq(index as u64), at: at(index as u64), value: *value };
        assert_eq!(auto.observe(row, &limits), expected[index], "row {index}");
    }
    assert!(auto == whole);
}

#[test]
fn one_absurd_value_is_no_drift_and_hides_none() {
    for outlier in [1e300, -1e300, 1e6] {
        let mut rows = levels(11, &[(400, 0.0), (100, 3.0)]);
        rows[250] = outlier;
        let readings = readings(&rows);
        let found = alarms(&readings);
        assert!(found.len() == 1 && (402..412).contains(&found[0].0), "{outlier}: {found:?}");
        assert!(readings.iter().all(|reading| reading.score.is_finite() && reading.z.is_finite()));
    }
}

#[test]
fn a_counter_and_its_reset_end_in_a_finite_number_of_alarms() {
    let rows: Vec<f64> = (0..3_000).map(|k| f64::from(k % 1_000)).collect();
    let readings = readings(&rows);
    assert!(readings.iter().all(|reading| reading.score.is_finite() && reading.z.is_finite()));
    assert!(alarms(&readings).len() <= 30, "{:?}", alarms(&readings).len());
}

#[test]
fn clocks_that_stand_still_or_jump_change_nothing() {
    let rows = levels(13, &[(300, 0.0), (200, 3.0)]);
    let expected = alarms(&readings(&rows));
    let far = |seq: u64| Some(if seq % 50 == 7 { i64::MAX } else { seq as i64 * 1_000 });
    let back = |seq: u64| Some(if seq.is_multiple_of(2) { i64::MIN } else { 0 });
    let jumps = |seq: u64| Some(seq as i64 * 1_000 + if seq > 150 { 9 * 86_400_000 } else { 0 });
    let still = |_| Some(0i64);
    for at in [&still as &dyn Fn(u64) -> Option<i64>, &far, &back, &jumps] {
        assert_eq!(alarms(&feed(&mut Auto::new(Setting::default()), 0, at, &rows)), expected);
    }
}

#[test]
fn a_course_of_the_day_is_no_drift_and_a_change_of_level_under_it_is() {
    let mut normal = noise(14);
    let at = |seq: u64| Some(seq as i64 * 600_000);
    let course = |k: u64| 4.0 * (k as f64 * std::f64::consts::TAU / 144.0).sin() + if k < 144 * 20 { 0.0 } else { 4.0 };
    let rows: Vec<f64> = (0..144 * 21).map(|k| course(k) + normal()).collect();
    let readings = feed(&mut Auto::new(Setting::default()), 0, at, &rows);
    let late: Vec<_> = alarms(&readings).into_iter().filter(|(index, _)| *index > 144 * 8).collect();
    assert!(late.len() == 1 && (2_880..2_900).contains(&late[0].0) && late[0].1 == Some(Direction::Up), "{late:?}");
}

#[test]
fn only_the_direction_that_is_asked_for_is_reported() {
    let rows = levels(15, &[(300, 0.0), (300, -3.0), (300, 0.0)]);
    let mut auto = Auto::new(Setting { only: Some(Direction::Up), season: true });
    let readings = feed(&mut auto, 0, |_| None, &rows);
    let found = alarms(&readings);
    assert!(found.len() == 1 && (602..612).contains(&found[0].0), "{found:?}");
    assert!(readings[..600].iter().all(|reading| reading.state != DriftState::Drift));
}

#[test]
fn a_pinned_baseline_stays_until_the_values_are_back() {
    let mut auto = Auto::new(Setting::default());
    feed(&mut auto, 0, |_| None, &levels(16, &[(300, 0.0)]));
    auto.pin();
    let away = feed(&mut auto, 300, |_| None, &levels(17, &[(5_000, 3.0)]));
    assert!(alarms(&away).len() == 1 && away[10..].iter().all(|reading| reading.state == DriftState::Drift));
    assert!(away[4_999].baseline.unwrap().abs() < 0.5);
    let back = feed(&mut auto, 5_300, |_| None, &levels(18, &[(400, 0.0)]));
    let recovered = back.iter().position(|reading| reading.state == DriftState::Recovered).unwrap();
    assert!(recovered < 120 && alarms(&back).is_empty() && back[399].state == DriftState::Stable, "{recovered}");
}

#[test]
fn what_is_reset_warms_up_again() {
    let mut auto = Auto::new(Setting::default());
    feed(&mut auto, 0, |_| None, &levels(19, &[(300, 0.0), (20, 5.0)]));
    auto.pin();
    auto.reset();
    let readings = feed(&mut auto, 320, |_| None, &levels(20, &[(300, 5.0)]));
    assert!(readings[..98].iter().all(|reading| reading.state == DriftState::WarmUp && reading.baseline.is_none()));
    assert!(alarms(&readings).is_empty() && readings[150].state == DriftState::Stable && !auto.pinned);
}

#[test]
fn false_alarms_are_few() {
    for kind in 0..3 {
        let mut count = 0;
        for seed in 0..20 {
            let (mut normal, mut last) = (noise(1_000 + seed), 0.0);
            let rows: Vec<f64> = (0..1_500)
                .map(|_| match kind {
                    0 => normal(),
                    1 => {
                        last = 0.7 * last + normal();
                        last
                    }
                    _ => f64::from(normal() > 1.645),
                })
                .collect();
            count += alarms(&readings(&rows)).len();
        }
        assert!(count <= 3, "{kind}: {count}");
    }
}
