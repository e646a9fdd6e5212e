use super::super::fields::NumberField;
use super::*;

fn field(name: &str, [min, p50, p99, max]: [f64; 4]) -> NumberField {
    let integral = [min, p50, p99, max].iter().all(|value| value.fract() == 0.0);
    NumberField {
        name: name.to_owned(),
        count: 1_000,
        min,
        p1: min,
        p50,
        p99,
        max,
        distinct: 300,
        integral,
        grows: false,
    }
}

fn findings(numbers: Vec<NumberField>) -> Findings {
    let latency = numbers.iter().find(|field| field.name == "latency_ms").cloned();
    Findings { records: 1_000, with_several: 900, numbers, latency, ..Findings::default() }
}

#[test]
fn two_digits_and_never_below() {
    for (value, want) in [(744.0, 750.0), (120.0, 120.0), (0.001_21, 0.0013), (9.4, 9.4), (9.41, 9.5), (1e300, 1e300)] {
        assert_eq!(rounded_up(value, false), Some(want), "{value}");
    }
    assert_eq!((rounded_up(3.6, true), rounded_up(f64::MAX, false)), (Some(4.0), None));
    assert_eq!(rounded_up(f64::MIN_POSITIVE / 4.0, false).map(|tiny| tiny > 0.0), None);
    let mut value = 1e-300;
    while value < 1e300 {
        let up = rounded_up(value, false).unwrap();
        assert!(up >= value * (1.0 - 1e-9) && up <= value * 1.11, "{value} {up}");
        value *= 1.37e3;
    }
}

#[test]
fn bounds_lie_beyond_what_was_seen() {
    let bounds = |values| Bounds::of(&field("x", values)).in_words();
    assert_eq!(bounds([100.0, 620.0, 1_900.0, 2_310.0]), ", min: 0, warn_max: 2300, max: 4700");
    assert_eq!(bounds([-9_000.0, -2_500.0, -100.0, -1.0]), ", min: -18000, warn_min: -11000, max: 0");
    assert_eq!(bounds([-2.0, 0.5, 3.5, 4.0]), ", min: -4, warn_min: -2.4, warn_max: 4.2, max: 8");
    assert_eq!(bounds([0.0, 0.0, 0.0, 7.0]), ", min: 0, max: 14");
    assert_eq!(Bounds::of(&field("a.score", [0.1, 0.5, 0.7, 0.9])).in_words(), ", min: 0, warn_max: 0.84, max: 1");
    assert_eq!(Bounds::of(&field("x", [f64::MIN, 0.0, 1.0, f64::MAX])).in_words(), ", warn_max: 2");
}

#[test]
fn a_file_of_rules() {
    let copy = field("ms", [100.0, 620.0, 1_900.0, 2_310.0]);
    let numbers = vec![
        copy.clone(),
        field("score", [0.1, 0.5, 0.7, 0.9]),
        field("metrics.cost_usd", [1e-4, 1e-3, 0.01, 0.02]),
        NumberField { name: "latency_ms".into(), ..copy },
    ];
    let text = starter_rules(&findings(numbers), "a\u{1b}[2J.ndjson");
    let want = "version: 1

rules:
  - id: latency-ms
    desc: From 1,000 records, of which half are up to 620 and 99 in 100 up to 1,900; 100 to 2,310 ms
    limit: {field: latency_ms, min: 0, warn_max: 2300, max: 4700, unit: ms}
    severity: warning

  - id: cost-usd
    desc: From 1,000 records, of which half are up to 0.001 and 99 in 100 up to 0.01; 0.0001 to 0.02 USD
    limit: {field: metrics.cost_usd, min: 0, warn_max: 0.012, max: 0.04, unit: USD}
    severity: warning

  - id: score
    desc: From 1,000 records, of which half are up to 0.5 and 99 in 100 up to 0.7; 0.1 to 0.9
    limit: {field: score, min: 0, warn_max: 0.84, max: 1}
    severity: warning

  # divergence.risk: how likely it is that the first answer is not supported by the others, from 0 to 1.
  - id: samples-disagree
    desc: The answers to one request contradict one another (900 records have several)
    require: 'divergence.risk <= 0.5'
    message: 'answers disagree: risk {divergence.risk:.2}'
    severity: warning

tests:
  - name: what half of the records do not exceed
    given: {latency_ms: 620}
    expect: {latency-ms: ok}
  - name: far beyond what was seen
    given: {latency_ms: 9400}
    expect: {latency-ms: warning}
";
    assert!(text.ends_with(want), "{text}");
    assert!(text.starts_with("# Rules for a start, from 1,000 records of\n#   a␛[2J.ndjson\n"));
    assert!(crate::yaml::Doc::parse("rules.yaml", &text).is_ok());
}

#[test]
fn what_is_no_behaviour_gets_no_rule() {
    let of = |name: &str, values| field(name, values);
    let numbers = vec![
        of("request_id", [1.0, 5.0, 9.0, 9.0]),
        of("choices[0].p", [0.1, 0.2, 0.3, 0.4]),
        of("when", [1.77e9, 1.78e9, 1.79e9, 1.8e9]),
        of("divergence.risk", [0.1, 0.2, 0.3, 0.4]),
        of("model", [1.0, 2.0, 3.0, 4.0]),
        NumberField { grows: true, distinct: 1_000, ..of("total", [1.0, 500.0, 990.0, 1_000.0]) },
        NumberField { distinct: 1_000, ..of("customer", [1.0, 5e8, 9e9, 9.9e9]) },
        NumberField { distinct: 2, ..of("n", [1.0, 3.0, 5.0, 5.0]) },
        NumberField { count: 9, ..of("few", [1.0, 3.0, 5.0, 5.0]) },
    ];
    assert!(chosen(&findings(numbers)).is_empty());
    let none = starter_rules(&Findings::default(), "x");
    assert!(none.ends_with("rules: []\n") && crate::yaml::Doc::parse("rules.yaml", &none).is_ok());
}

#[test]
fn odd_paths_are_written_as_rules_read_them() {
    let written = |name: &str| path(name).map(|(path, keys)| (scalar(&path), keys));
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(written("a.b_c"), Some(("a.b_c".into(), keys(&["a", "b_c"]))));
    assert_eq!(written("[\"it's\"].x"), Some(("'$[\"it''s\"].x'".into(), keys(&["it's", "x"]))));
    assert_eq!(
        written("metrics[\"value at risk\"]"),
        Some(("'metrics[\"value at risk\"]'".into(), keys(&["metrics", "value at risk"])))
    );
    assert_eq!(written("in.x"), Some(("'$.in.x'".into(), keys(&["in", "x"]))));
    assert_eq!(written("größe").map(|(path, _)| path), Some("'größe'".into()));
    for name in ["", "[\"a\\\"b\"]", "[\"\\u0001\"]", "[\"open", "[0]", "a..b", "samples.n", "x\u{202e}"] {
        assert_eq!(written(name), None, "{name}");
    }
    let mut known = HashSet::new();
    let ids: Vec<String> = ["metrics.A b", "a_b", "9", "größe", "日本", "[\"--\"]", "true"]
        .iter()
        .map(|name| id(name, &mut known))
        .collect();
    assert_eq!(ids, ["a-b", "a-b-2", "field-9", "gre", "field", "field-2", "field-true"]);
    assert!(id(&"x_".repeat(500), &mut known).len() <= ID);
}

#[test]
fn there_are_at_most_twelve_rules_and_tests_only_of_what_can_be_one() {
    let many = (0..40).map(|n| field(&format!("metrics.deep.x{n}y"), [0.5 + f64::from(n), 20.0, 30.5, 90.0])).collect();
    let text = starter_rules(&findings(many), "x");
    assert_eq!(text.matches("- id: ").count(), RULES);
    assert!(text.contains("given: {divergence: {risk: 0.51}}"));
}
