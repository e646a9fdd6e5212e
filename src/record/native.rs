//! The native format: one JSON object a line, walked once, straight into a [`Record`].

mod keys;
mod samples;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::draft::{Draft, Maker, keep};
use super::names::{Names, Place};
pub(super) use keys::Key;
use keys::Seen;
use samples::SamplesSeed;

use super::{LABEL_BYTES, Limits, Origin, Record, Reject, Seq, prefix, time};

/// Reads one line (without its newline).
///
/// # Errors
/// The place and the reason, when the line is not JSON, not an object, has a key twice, or a wrong type in a named field.
pub fn read(maker: &mut Maker, raw: &[u8]) -> Result<Draft, Reject> {
    // The check that fails early is the faster one, and nearly all lines pass it.
    let text = std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    let mut draft = maker.draft();
    draft.lossy = matches!(text, Cow::Owned(_));
    let mut json = serde_json::Deserializer::from_str(&text);
    let walk = Walk { names: &mut maker.names, limits: &maker.limits, draft: &mut draft };
    TopSeed { walk }.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| reject(&e))?;
    Ok(draft)
}

/// Turns lines of a log that is all native into records.
#[derive(Debug)]
pub struct Parser(Maker);

impl Parser {
    /// A parser that groups by the first of `key_paths` that a record has; by the default labels if there are none.
    pub fn new(limits: Limits, key_paths: &[String]) -> Self {
        Self(Maker::new(limits, key_paths))
    }

    /// Reads one line (without its newline).
    ///
    /// # Errors
    /// As [`read`].
    pub fn parse(&mut self, seq: Seq, origin: Origin, raw: Bytes) -> Result<Record, Reject> {
        let draft = read(&mut self.0, &raw)?;
        Ok(Record { seq, ..self.0.record(draft, origin, raw) })
    }
}

/// The error's own words, without the position that `serde_json` writes behind them.
pub(super) fn reject(error: &serde_json::Error) -> Reject {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let words = text.strip_suffix(&position).unwrap_or(&text);
    let reason = if error.is_data() { words.to_owned() } else { format!("not JSON: {words}") };
    Reject { column: error.column().max(1), reason }
}

/// What a top-level field is used for besides being a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    Id(u8),
    Time(u8),
    Prompt(u8),
    Latency,
}

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Anything,
    /// An object of numbers, or null.
    Numbers,
    /// A number or null.
    Number,
}

struct Walk<'a> {
    names: &'a mut Names,
    limits: &'a Limits,
    draft: &'a mut Draft,
}

impl Walk<'_> {
    fn reborrow(&mut self) -> Walk<'_> {
        Walk { names: self.names, limits: self.limits, draft: self.draft }
    }

    fn number(&mut self, place: &Place, role: Role, value: f64) {
        match role {
            Role::Id(rank) => keep(&mut self.draft.id, rank, value.to_string().into()),
            Role::Time(rank) => {
                if let Some(ts) = time::from_epoch(value) {
                    keep(&mut self.draft.ts, rank, ts);
                }
            }
            Role::Latency => self.draft.latency_ms = Some(value),
            Role::None | Role::Prompt(_) => {}
        }
        if self.draft.numbers.len() < self.limits.numbers {
            self.draft.numbers.push((self.names.name(place), value));
        } else {
            self.draft.truncated = true;
        }
    }

    fn text(&mut self, place: &Place, role: Role, value: &str) {
        match role {
            Role::Id(rank) => keep(&mut self.draft.id, rank, prefix(value, LABEL_BYTES).into()),
            Role::Time(rank) => {
                if let Some(ts) = time::parse(value) {
                    keep(&mut self.draft.ts, rank, ts);
                }
            }
            Role::Prompt(rank) => {
                let kept = prefix(value, self.limits.sample_bytes);
                self.draft.truncated |= kept.len() < value.len();
                keep(&mut self.draft.prompt, rank, kept.into());
            }
            Role::None | Role::Latency => {}
        }
        if value.len() > LABEL_BYTES {
            return;
        }
        if self.draft.labels.len() < self.limits.numbers {
            self.draft.labels.push((self.names.name(place), value.into()));
        } else {
            self.draft.truncated = true;
        }
    }
}

struct TopSeed<'a> {
    walk: Walk<'a>,
}

impl<'de> DeserializeSeed<'de> for TopSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        // Not `deserialize_map`: that would also take what is not an object without naming it.
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TopSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Seen::default();
        while let Some(Key(key)) = map.next_key()? {
            let place = self.walk.names.child(&Place::ROOT, &key);
            seen.check(&place, &key)?;
            let (role, expect) = match &*key {
                "samples" => {
                    map.next_value_seed(SamplesSeed { draft: self.walk.draft, limits: self.walk.limits })?;
                    continue;
                }
                "id" => (Role::Id(0), Expect::Anything),
                "request_id" => (Role::Id(1), Expect::Anything),
                "ts" => (Role::Time(0), Expect::Anything),
                "timestamp" => (Role::Time(1), Expect::Anything),
                "created_at" => (Role::Time(2), Expect::Anything),
                "prompt" => (Role::Prompt(0), Expect::Anything),
                "input" => (Role::Prompt(1), Expect::Anything),
                "latency_ms" => (Role::Latency, Expect::Number),
                "physics" | "financial" | "metrics" => (Role::None, Expect::Numbers),
                _ => (Role::None, Expect::Anything),
            };
            map.next_value_seed(Leaf { walk: self.walk.reborrow(), place, depth: 2, role, expect })?;
        }
        Ok(())
    }
}

/// A value somewhere in the record.
struct Leaf<'a> {
    walk: Walk<'a>,
    place: Place,
    depth: usize,
    role: Role,
    expect: Expect,
}

impl Leaf<'_> {
    fn wrong<E: de::Error>(&mut self, found: &str) -> E {
        let name = self.walk.names.name(&self.place);
        let want = if self.expect == Expect::Numbers { "an object of numbers" } else { "a finite number" };
        E::custom(format!("{} must be {want} or null, found {found}", prefix(name.as_str(), 120)))
    }

    fn below(&self) -> Expect {
        if self.expect == Expect::Numbers { Expect::Number } else { Expect::Anything }
    }
}

impl<'de> DeserializeSeed<'de> for Leaf<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.depth > self.walk.limits.depth || matches!(self.place, Place::Nowhere) {
            self.walk.draft.truncated = true;
            return json.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Leaf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_f64<E: de::Error>(mut self, value: f64) -> Result<(), E> {
        if self.expect == Expect::Numbers {
            return Err(self.wrong("a number"));
        }
        self.walk.number(&self.place, self.role, value);
        Ok(())
    }

    fn visit_i64<E: de::Error>(mut self, value: i64) -> Result<(), E> {
        match self.role {
            Role::Id(rank) => keep(&mut self.walk.draft.id, rank, value.to_string().into()),
            Role::Time(rank) => {
                if let Some(ts) = time::from_epoch_int(value) {
                    keep(&mut self.walk.draft.ts, rank, ts);
                }
            }
            _ => return self.visit_f64(value as f64),
        }
        self.walk.number(&self.place, Role::None, value as f64);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_str<E: de::Error>(mut self, value: &str) -> Result<(), E> {
        if self.expect != Expect::Anything {
            return Err(self.wrong("a string"));
        }
        self.walk.text(&self.place, self.role, value);
        Ok(())
    }

    fn visit_bool<E: de::Error>(mut self, value: bool) -> Result<(), E> {
        if self.expect != Expect::Anything {
            return Err(self.wrong("a boolean"));
        }
        self.walk.text(&self.place, Role::None, if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        if self.expect != Expect::Anything {
            return Err(self.wrong("a list"));
        }
        let mut index = 0;
        // Names of elements past the limit are of no use: nothing that stands there is kept.
        while index <= self.walk.limits.numbers {
            let place = self.walk.names.element(&self.place, index);
            let leaf = Leaf {
                walk: self.walk.reborrow(),
                place,
                depth: self.depth + 1,
                role: Role::None,
                expect: Expect::Anything,
            };
            if list.next_element_seed(leaf)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
        self.walk.draft.truncated = true;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        if self.expect == Expect::Number {
            return Err(self.wrong("an object"));
        }
        let mut seen = Seen::default();
        let expect = self.below();
        while let Some(Key(key)) = map.next_key()? {
            let place = self.walk.names.child(&self.place, &key);
            seen.check(&place, &key)?;
            let walk = self.walk.reborrow();
            map.next_value_seed(Leaf { walk, place, depth: self.depth + 1, role: Role::None, expect })?;
        }
        Ok(())
    }
}

/// The event time of a line that is a record, if it has one.
pub fn time_of(line: &[u8]) -> Option<Timestamp> {
    let record = Parser::new(Limits::default(), &[]).parse(Seq(0), Origin::nowhere(), Bytes::copy_from_slice(line));
    record.ok().and_then(|record| record.ts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Record, Reject> {
        parse_bytes(line.as_bytes())
    }

    fn parse_bytes(line: &[u8]) -> Result<Record, Reject> {
        let origin = Origin { source: "log".into(), file: "f".into(), offset: 7, line: Some(1), part: 0 };
        Parser::new(Limits::default(), &[]).parse(Seq(0), origin, Bytes::copy_from_slice(line))
    }

    #[test]
    fn a_full_record() {
        let record = parse(
            r#"{"request_id":"r1","created_at":1771331696789,"agent_id":"a","model":"m","input":"why?",
                "samples":["x","y"],"physics":{"energy_in":1,"energy_out":null},"metrics":{" Pa ":2.5,"VaR":-1},
                "latency_ms":12,"extra":{"deep":[{"n":7}],"ok":true}}"#,
        )
        .unwrap();
        assert_eq!((&*record.id, &*record.key), ("r1", "a"));
        assert_eq!(record.ts.unwrap().to_string(), "2026-02-17T12:34:56.789Z");
        assert_eq!(record.prompt.as_deref(), Some("why?"));
        assert_eq!(record.samples.len(), 2);
        assert_eq!(record.latency_ms, Some(12.0));
        let numbers: Vec<_> = record.numbers.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        assert_eq!(
            numbers[1..],
            [
                ("physics.energy_in", 1.0),
                ("metrics.pa", 2.5),
                ("metrics.var", -1.0),
                ("latency_ms", 12.0),
                ("extra.deep[0].n", 7.0)
            ]
        );
        assert_eq!(record.label("extra.ok").map(|v| &**v), Some("true"));
    }

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        for text in ["100.00000000000001", "5e-324", "0.1", "9007199254740993.0", "-1.7976931348623157e308"] {
            let record = parse(&format!("{{\"x\":{text}}}")).unwrap();
            assert_eq!(record.number("x"), Some(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn any_object_is_a_record() {
        let record = parse("{}").unwrap();
        assert_eq!((&*record.id, &*record.key), ("log#7", "default"));
        assert!(record.ts.is_none() && record.samples.is_empty());
    }

    #[test]
    fn named_fields_win_over_their_older_names() {
        let record = parse(r#"{"timestamp":"2020-01-01T00:00:00Z","request_id":"b","id":"a","ts":0}"#).unwrap();
        assert_eq!((&*record.id, record.ts.unwrap().as_second()), ("a", 0));
    }

    #[test]
    fn faults_are_named_with_their_column() {
        let cases = [
            ("[1]", "invalid type: sequence, expected a JSON object"),
            ("nonsense", "not JSON: expected ident"),
            ("{\"a\":1", "not JSON: EOF while parsing an object"),
            ("{\"a\":1} {}", "not JSON: trailing characters"),
            ("{\"a\":1,\"a\":2}", "the key \"a\" stands twice in one object"),
            ("{\"x\":{\"a\":1,\"a\":2}}", "the key \"a\" stands twice in one object"),
            ("{\"samples\":\"one\"}", "samples must be a list of strings, found a string"),
            ("{\"samples\":[\"one\",2]}", "invalid type: integer `2`, expected samples[1] as a string"),
            ("{\"metrics\":{\"Temp\":\"hot\"}}", "metrics.temp must be a finite number or null, found a string"),
            ("{\"physics\":5}", "physics must be an object of numbers or null, found a number"),
            ("{\"latency_ms\":true}", "latency_ms must be a finite number or null, found a boolean"),
            ("{\"metrics\":{\"p\":1e999}}", "not JSON: number out of range"),
            ("{\"metrics\":{\"p\":NaN}}", "not JSON: expected value"),
        ];
        for (line, reason) in cases {
            let reject = parse(line).unwrap_err();
            assert_eq!(reject.reason, reason, "{line}");
            assert!(reject.column >= 1 && reject.column <= line.len() + 1, "{line}: {}", reject.column);
        }
    }

    #[test]
    fn what_exceeds_a_limit_is_cut_and_marked() {
        let many = format!("{{\"samples\":[{}]}}", vec!["\"s\""; 40].join(","));
        let record = parse(&many).unwrap();
        assert_eq!((record.samples.len(), record.truncated), (16, true));
        let long = format!("{{\"samples\":[\"{}\"]}}", "é".repeat(40_000));
        let record = parse(&long).unwrap();
        assert_eq!((record.samples[0].len(), record.truncated), (65_536, true));
        let wide = format!("{{\"list\":[{}]}}", vec!["1"; 5_000].join(","));
        let record = parse(&wide).unwrap();
        assert_eq!((record.numbers.len(), record.truncated), (512, true));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(parse(&deep).unwrap().truncated);
        assert!(!parse("{\"samples\":[\"s\"]}").unwrap().truncated);
    }

    #[test]
    fn absurd_keys_cost_no_more_than_they_weigh() {
        let key = "k".repeat(100_000);
        let leaves: Vec<String> = (0..400).map(|i| format!("\"a{i}\":1")).collect();
        let record = parse(&format!("{{\"{key}\":{{{}}},\"x\":1}}", leaves.join(","))).unwrap();
        assert_eq!((record.numbers.len(), record.truncated), (1, true));
        assert!(record.footprint() < 2 * record.raw.len());
        assert!(parse(&format!("{{\"{key}\":1,\"{key}\":2}}")).is_err());
    }

    #[test]
    fn every_string_is_a_label() {
        let record = parse(r#"{"id":"i","ts":"2026-02-17T12:34:56Z","prompt":"p","agent-id":"odd"}"#).unwrap();
        for (path, want) in [("id", "i"), ("prompt", "p"), ("[\"agent-id\"]", "odd")] {
            assert_eq!(record.label(path).map(|v| &**v), Some(want), "{path}");
        }
        assert_eq!(Names::canonical("agent-id"), "[\"agent-id\"]");
        assert_eq!(Names::canonical("metrics.Foo"), "metrics.foo");
    }

    #[test]
    fn invalid_utf8_is_replaced_and_marked() {
        let record = parse_bytes(b"{\"samples\":[\"a\xffb\"]}").unwrap();
        assert_eq!((&*record.samples[0], record.lossy), ("a\u{fffd}b", true));
    }
}
