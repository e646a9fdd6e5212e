//! A record as what is given in a test of a rule file.

use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use super::edit::whole;
use crate::record::names::is_plain;
use crate::record::quotes::quotes_any;
use crate::record::{Record, time, trim};

/// Most leaves that are given.
const MOST_LEAVES: usize = 64;

/// Most bytes of samples that are given; of more, none are.
const MOST_BYTES: usize = 4_000;

/// Longest list that is made for its last item.
const MOST_ITEMS: usize = 64;

/// Fields that hold the time of a record.
const TIMES: [&str; 3] = ["ts", "timestamp", "created_at"];

/// Fields that hold numbers alone.
const NUMBERS: [&str; 3] = ["physics", "financial", "metrics"];

/// A record as the `given` of a test: its numbers, its labels and its time, and its answers if they are short. Read as
/// a test is, it is a record with those. Its id is left out. Without `texts`, so are its answers, and what repeats them or
/// its prompt.
pub fn given(record: &Record, texts: bool) -> Value {
    let numbers = record.numbers.iter().map(|(name, value)| (name.as_str(), whole(&(*value).into()), true));
    let hidden: Vec<Arc<str>> = match texts {
        true => Vec::new(),
        false => record.samples.iter().chain(&record.prompt).filter(|text| !trim(text).is_empty()).cloned().collect(),
    };
    let kept = record.labels.iter().filter(|(_, text)| !quotes_any(text, &hidden));
    let labels = kept.map(|(name, text)| (name.as_str(), Value::from(&**text), false));
    let mut leaves: Vec<(&str, Value, bool)> = numbers.chain(labels).collect();
    // Whatever has to be left out, the time stays.
    leaves.sort_by_key(|(path, ..)| !TIMES.contains(path));
    let tells = |(path, value, _): &&(&str, Value, bool)| TIMES.contains(path) && told(value) == record.ts;
    let mut root = Value::Mapping(Mapping::new());
    let mut left = MOST_LEAVES;
    if let (Some(ts), None) = (record.ts, leaves.iter().find(tells)) {
        put(&mut root, &[Key::Name("ts".to_owned())], ts.to_string().into());
        left -= 1;
    }
    for (path, value, is_number) in leaves {
        if left == 0 {
            break;
        }
        if let Some(path) = keys(path).filter(|path| may_stand(path, is_number))
            && put(&mut root, &path, value)
        {
            left -= 1;
        }
    }
    let bytes: usize = record.samples.iter().map(|sample| sample.len()).sum();
    if texts && !record.samples.is_empty() && bytes <= MOST_BYTES {
        let samples = record.samples.iter().map(|sample| Value::from(&**sample)).collect();
        put(&mut root, &[Key::Name("samples".to_owned())], Value::Sequence(samples));
    }
    root
}

/// The time that a value tells.
fn told(value: &Value) -> Option<jiff::Timestamp> {
    match value {
        Value::String(text) => time::parse(text),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| time::from_epoch(number.as_f64()?), time::from_epoch_int)
        }
        _ => None,
    }
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Name(String),
    Item(usize),
}

/// The steps of a path such as `metrics["value at risk"]` or `items[0].price`; `None` if it is none.
fn keys(path: &str) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            if inner.starts_with('"') {
                let mut read = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                keys.push(Key::Name(read.next()?.ok()?));
                rest = inner.get(read.byte_offset()..)?.strip_prefix(']')?;
            } else {
                let (number, behind) = inner.split_once(']')?;
                keys.push(Key::Item(number.parse().ok()?));
                rest = behind;
            }
        } else {
            let plain = if keys.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            if !is_plain(&plain[..end]) {
                return None;
            }
            keys.push(Key::Name(plain[..end].to_owned()));
            rest = &plain[end..];
        }
    }
    Some(keys)
}

/// Whether the reader takes such a leaf there.
fn may_stand(path: &[Key], is_number: bool) -> bool {
    let Some(Key::Name(first)) = path.first() else { return false };
    match first.as_str() {
        "samples" => false,
        "id" => path.len() > 1,
        "latency_ms" => path.len() == 1 && is_number,
        first if NUMBERS.contains(&first) => is_number && matches!(path, [_, Key::Name(_)]),
        _ => true,
    }
}

/// Puts a leaf in its place, unless something stands there; whether it was put.
fn put(at: &mut Value, path: &[Key], value: Value) -> bool {
    let Some((key, rest)) = path.split_first() else {
        let free = at.is_null();
        if free {
            *at = value;
        }
        return free;
    };
    let below = match key {
        Key::Name(name) => {
            if at.is_null() {
                *at = Value::Mapping(Mapping::new());
            }
            let Some(map) = at.as_mapping_mut() else { return false };
            map.entry(name.as_str().into()).or_insert(Value::Null)
        }
        // Items that are not there are nothing, and the others keep their number.
        Key::Item(index) => {
            if at.is_null() {
                *at = Value::Sequence(Vec::new());
            }
            let Some(list) = at.as_sequence_mut().filter(|_| *index < MOST_ITEMS) else { return false };
            if list.len() <= *index {
                list.resize(index + 1, Value::Null);
            }
            &mut list[*index]
        }
    };
    put(below, rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::native::Parser;
    use crate::record::{Limits, Origin, Seq};
    use crate::rules::edit::RuleText;
    use crate::rules::schema::{Source, load};

    fn read(line: &str) -> Record {
        let mut parser = Parser::new(Limits::default(), &[]);
        parser.parse(Seq(0), Origin::nowhere(), bytes::Bytes::from(line.to_owned())).unwrap()
    }

    /// Through a rule file and back.
    fn back(record: &Record) -> Record {
        const RULES: &str = "version: 1\nrules:\n  - id: a\n    limit: {field: x, min: 0}\n";
        let file = RuleText::parse("f", RULES).ok().unwrap();
        let text = file.with_test("it", &given(record, true), &[("a", "ok")]).unwrap();
        let set = load(&[Source { name: "f".into(), text }]).unwrap();
        (*set.tests[0].given[0]).clone()
    }

    /// Numbers and labels.
    type Leaves = (Vec<(String, f64)>, Vec<(String, String)>);

    fn leaves(record: &Record) -> Leaves {
        let mut numbers: Vec<_> = record.numbers.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        let mut labels: Vec<_> =
            record.labels.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        numbers.sort_by(|a, b| a.0.cmp(&b.0));
        labels.sort();
        (numbers, labels)
    }

    #[test]
    fn what_is_given_reads_back() {
        let line = r#"{"ts":"2026-02-17T12:34:56Z","agent_id":"a-7","desk":"yes","ok":true,"code":"007","latency_ms":812.5,
            "metrics":{"Value At Risk":-12000,"p":1e-9},"items":[{"price":1},{"price":2.5,"note":"x: #\u0001 é"}],
            "odd.name":{"9":3,"":4},"n":null,"prompt":"Sell?","samples":["Sell 5,000\nshares","Hold"]}"#;
        let record = read(line);
        let again = back(&record);
        assert_eq!(leaves(&again), leaves(&record));
        assert_eq!((again.ts, &again.samples, again.latency_ms), (record.ts, &record.samples, record.latency_ms));
        let timed = read(r#"{"id":"r1","timestamp":1771331696,"x":1}"#);
        let again = back(&timed);
        assert_eq!((again.ts, leaves(&again).0), (timed.ts, leaves(&timed).0));
        assert!(leaves(&again).1.is_empty() && &*again.id != "r1");
    }

    #[test]
    fn without_texts_nothing_of_them_is_given() {
        let record = read(
            r#"{"agent_id":"a-7","x":1,"prompt":"Sell the Alpha fund?","note":"asked: Sell the Alpha fund?",
            "samples":["Sell 5,000 shares","Hold"],"answer":"Sell 5,000 shares"}"#,
        );
        let text = serde_yaml::to_string(&given(&record, false)).unwrap();
        assert_eq!(text, "x: 1\nagent_id: a-7\n");
        let whole = serde_yaml::to_string(&given(&record, true)).unwrap();
        assert!(["Alpha", "asked", "Hold", "answer"].iter().all(|part| whole.contains(part)), "{whole}");
    }

    #[test]
    fn what_is_given_is_bounded() {
        let many: Vec<String> = (0..200).map(|n| format!("\"k{n}\":{n}")).collect();
        let line = format!(r#"{{{},"samples":["{}"],"ts":"2026-02-17T12:34:56Z"}}"#, many.join(","), "x".repeat(5_000));
        let value = given(&read(&line), true);
        let map = value.as_mapping().unwrap();
        assert_eq!(map.len(), MOST_LEAVES);
        assert!(map.contains_key("ts") && map.contains_key("k0") && !map.contains_key("samples"));
        assert_eq!(
            (keys("a[99].b"), keys("…")),
            (Some(vec![Key::Name("a".into()), Key::Item(99), Key::Name("b".into())]), None)
        );
    }
}
