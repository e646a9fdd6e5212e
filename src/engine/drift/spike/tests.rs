use super::Spike;

/// Deterministic numbers, about normal with deviation 1.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 33) as u32) / f64::from(1_u32 << 31)
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

fn noise(seed: u64, rows: usize) -> Vec<f64> {
    let mut source = Noise(seed);
    (0..rows).map(|_| source.normal()).collect()
}

fn scores(series: &[f64]) -> Vec<f64> {
    let mut spike = Spike::default();
    series.iter().map(|&value| spike.observe(value)).collect()
}

fn alarms(scores: &[f64]) -> usize {
    scores.iter().filter(|&&score| score >= 0.5).count()
}

#[test]
fn quiet_on_noise_and_season() {
    for seed in 1..9 {
        let plain = noise(seed, 5000);
        assert!(alarms(&scores(&plain)) <= 2, "noise {seed}");
        let day: Vec<f64> = (0_u32..).zip(&plain).map(|(i, x)| x + 4.0 * (f64::from(i) / 45.0).sin()).collect();
        assert!(alarms(&scores(&day)) <= 2, "season {seed}");
    }
}

#[test]
fn one_spike_is_seen_and_only_it() {
    let mut series = noise(3, 3000);
    series[2000] += 10.0;
    let found = scores(&series);
    assert!(found[2000] > 0.5);
    assert_eq!(alarms(&found), 1);
}

#[test]
fn scale_shift_and_sign_do_not_matter() {
    let mut series = noise(5, 2000);
    series[1200] += 9.0;
    series[1500..1510].fill(7.0);
    let plain = scores(&series);
    for (factor, shift) in [(1e-3, 1e3), (-1.0, 0.0), (1e250, 0.0), (1e-250, 0.0), (-7e5, 3e6)] {
        let moved: Vec<f64> = series.iter().map(|x| factor * x + shift).collect();
        for (row, (a, b)) in plain.iter().zip(scores(&moved)).enumerate() {
            assert!((a - b).abs() < 1e-3, "{factor} {shift} row {row}: {a} {b}");
        }
    }
    let fine: Vec<f64> = series.iter().map(|x| 1e9 + 1e-3 * x).collect();
    let worst = plain.iter().zip(scores(&fine)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 0.05, "{worst}");
}

#[test]
fn always_finite_and_in_range() {
    let extremes = [0.0, 1e300, -1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -0.0, 1.0, 1e-320, 1e9];
    let mut source = Noise(11);
    for start in 0..extremes.len() {
        let mut spike = Spike::default();
        for row in 0..4000 {
            let wild = source.uniform() < 0.1 || row == 0;
            let pick = extremes[(start + row * 7 + usize::from(source.uniform() < 0.5)) % extremes.len()];
            let score = spike.observe(if wild { pick } else { source.normal() });
            assert!((0.0..=1.0).contains(&score), "row {row}: {score}");
        }
    }
}

#[test]
fn a_huge_outlier_hides_no_later_one() {
    let mut series = noise(7, 4000);
    series[1500] = 1e300;
    series[2200] += 15.0;
    let found = scores(&series);
    assert!(found[1500] >= 0.5 && found[2200] >= 0.5, "{} {}", found[1500], found[2200]);
    let mut flat = vec![4.0; 3000];
    flat[1000] = 1e300;
    flat[1800] = 9.0;
    let found = scores(&flat);
    assert!(found[1000] >= 0.5 && found[1800] >= 0.5, "{} {}", found[1000], found[1800]);
}

#[test]
fn constant_series_alarms_at_the_other_value_only() {
    let mut series = vec![7.25; 3000];
    assert_eq!(alarms(&scores(&series)), 0);
    for row in (500..3000).step_by(100) {
        series[row] = 9.0;
    }
    let found = scores(&series);
    assert!(found[500] >= 0.5);
    assert!(alarms(&found) <= 4, "{}", alarms(&found));
    assert_eq!(alarms(&found[1000..]), 0);
}

#[test]
fn a_lasting_shift_is_news_for_a_few_rows() {
    let mut series = noise(9, 4000);
    series[2000..].iter_mut().for_each(|x| *x += 12.0);
    let found = scores(&series);
    assert!(found[2000] >= 0.5);
    assert!(alarms(&found) <= 5, "{}", alarms(&found));
}

#[test]
fn nothing_alarms_at_the_start() {
    for seed in 1..40 {
        assert_eq!(alarms(&scores(&noise(seed, 50))), 0, "{seed}");
    }
}

#[test]
fn a_restored_state_goes_on_identically() {
    let mut series = noise(13, 1200);
    series[700] = 1e6;
    series[900] = 1e300;
    let mut spike = Spike::default();
    for (row, &value) in series.iter().enumerate() {
        let text = serde_json::to_string(&spike).unwrap();
        let mut restored: Spike = serde_json::from_str(&text).unwrap();
        assert_eq!(restored, spike, "row {row}");
        assert_eq!(restored.observe(value), spike.observe(value), "row {row}");
    }
}
