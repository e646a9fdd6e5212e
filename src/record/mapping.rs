//! `--map`: where the fields of a record stand in a log of any other shape.
//!
//! `samples=$.data.answers[*].text,prompt=$.data.question,latency_ms=$.took*1000`. A path is a JSONPath of names,
//! indices and `[*]`; a text on the way that holds JSON is opened.

use std::str::FromStr;

use super::draft::Pieces;
use super::json::Json;
use super::{generic, messages, time};

/// Values that one path may select.
const MOST: usize = 1_024;

/// Fields that a record has by name; all others are numbers and labels.
const TARGETS: [&str; 10] =
    ["samples", "prompt", "id", "ts", "latency_ms", "agent_id", "model", "tenant_id", "intent", "prompt_version"];

/// Where fields stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping(Vec<Field>);

#[derive(Debug, Clone, PartialEq)]
struct Field {
    target: String,
    path: Vec<Step>,
    factor: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    All,
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields: Vec<Field> = Vec::new();
        for part in split(text) {
            let (target, path) = part.split_once('=').ok_or_else(|| {
                format!(
                    "`{part}`: expected FIELD=PATH such as samples=$.answers (fields: {}, metrics.NAME)",
                    TARGETS.join(", ")
                )
            })?;
            let target = target.trim();
            let known = TARGETS.contains(&target)
                || ["metrics.", "physics.", "financial."].iter().any(|p| target.starts_with(p));
            if target.is_empty() || !known {
                let near = crate::yaml::did_you_mean(target, TARGETS.into_iter()).unwrap_or_default();
                return Err(format!(
                    "`{target}` is no field of a record: {}, metrics.NAME. {near}",
                    TARGETS.join(", ")
                ));
            }
            if fields.iter().any(|field| field.target == target) {
                return Err(format!("`{target}` is mapped twice"));
            }
            let (path, factor) = factor(path.trim())?;
            fields.push(Field { target: target.to_owned(), path: steps(path)?, factor });
        }
        if fields.is_empty() { Err("expected FIELD=PATH such as samples=$.answers".into()) } else { Ok(Self(fields)) }
    }
}

/// The parts between commas; commas inside brackets belong to a name.
pub fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(move |c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// A path and what its numbers are multiplied by.
fn factor(text: &str) -> Result<(&str, f64), String> {
    match text.rsplit_once('*') {
        Some((path, number)) if !number.is_empty() && !number.starts_with(']') => {
            let factor = number.trim().parse().ok().filter(|factor: &f64| factor.is_finite());
            factor.map(|factor| (path.trim(), factor)).ok_or_else(|| format!("`{number}` is no number to multiply by"))
        }
        _ => Ok((text, 1.0)),
    }
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("`{text}` is no path: write $.name.name, $.list[0], $.list[*].name or $[\"odd name\"]");
    if text.contains('/') && !text.contains('[') {
        return Err(format!("`{text}` is no path: to divide, multiply by a fraction, as in $.took*0.001"));
    }
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            if let Some(quoted) = inner.strip_prefix(['"', '\'']) {
                let quote = if inner.starts_with('"') { "\"]" } else { "']" };
                let (key, behind) = quoted.split_once(quote).ok_or_else(wrong)?;
                steps.push(Step::Key(key.to_owned()));
                rest = behind;
                continue;
            }
            let (inside, behind) = inner.split_once(']').ok_or_else(wrong)?;
            steps.push(match inside.trim() {
                "*" => Step::All,
                index => Step::Index(index.parse().map_err(|_| wrong())?),
            });
            rest = behind;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (key, behind) = name.split_at(end);
            if key.is_empty() {
                return Err(wrong());
            }
            steps.push(if key == "*" { Step::All } else { Step::Key(key.to_owned()) });
            rest = behind;
        }
    }
    if steps.is_empty() { Err(wrong()) } else { Ok(steps) }
}

/// Hands over what a path selects.
fn select(json: &Json<'_>, path: &[Step], left: &mut usize, found: &mut dyn FnMut(&Json<'_>)) {
    let Some((step, rest)) = path.split_first() else {
        if *left > 0 && *json != Json::Null {
            *left -= 1;
            found(json);
        }
        return;
    };
    if json.text().is_some() {
        return messages::embedded(json, |inner| {
            if inner.text().is_none() {
                select(inner, path, left, found);
            }
        });
    }
    match step {
        Step::Key(key) => json.get(key).into_iter().for_each(|value| select(value, rest, left, found)),
        Step::Index(index) => json.items().get(*index).into_iter().for_each(|value| select(value, rest, left, found)),
        Step::All => {
            json.items().iter().for_each(|value| select(value, rest, left, found));
            json.entries().iter().for_each(|(_, value)| select(value, rest, left, found));
        }
    }
}

/// Reads one value.
pub fn read(json: &Json<'_>, mapping: &Mapping, into: &mut Pieces<'_>) {
    let mut entry = into.entry();
    generic::leaves(&mut entry, json);
    for field in &mapping.0 {
        let (mut left, mut first) = (MOST, Some(()));
        select(json, &field.path, &mut left, &mut |value| {
            let number = || value.lenient_number().map(|number| number * field.factor);
            match &*field.target {
                "samples" if matches!(value, Json::List(_)) => {
                    generic::texts(value).iter().for_each(|text| entry.sample(text));
                }
                "samples" => messages::content(value).into_iter().for_each(|text| entry.sample(&text)),
                "prompt" => messages::asked(value).into_iter().for_each(|text| entry.prompt(&text)),
                "ts" => entry.time(time::of(value)),
                "latency_ms" => number().filter(|_| first.take().is_some()).into_iter().for_each(|ms| {
                    entry.forget(&["latency_ms"]);
                    entry.latency_ms(ms);
                }),
                "id" => text(value).into_iter().for_each(|id| entry.id(&id)),
                target => {
                    let path: Vec<&str> = target.splitn(2, '.').collect();
                    if first.take().is_some() {
                        // A field of the same name, which this one is not.
                        entry.forget(&path);
                    }
                    match (number(), path.len()) {
                        (Some(number), 2) => entry.number(&path, number),
                        _ => text(value).into_iter().for_each(|value| entry.label(&path, &value)),
                    }
                }
            }
        });
    }
    // What was not told is found by the usual names; what was told is nowhere else.
    let told: Vec<&str> = mapping.0.iter().map(|field| &*field.target).collect();
    generic::fields(&mut entry, json, &told);
    let draft = entry.done();
    into.whole(draft);
}

fn text(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.to_string()),
        Json::Whole(number) => Some(number.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::Maker;
    use super::super::{Limits, Origin, Record};
    use super::*;

    fn record(mapping: &str, text: &str) -> Record {
        let mut maker = Maker::new(Limits::default(), &[]);
        let mut into = Pieces::new(&mut maker);
        read(&Json::parse(text).unwrap(), &mapping.parse().unwrap(), &mut into);
        let draft = into.found.remove(0).draft;
        maker.record(draft, Origin::nowhere(), "".into())
    }

    #[test]
    fn fields_are_found_where_they_are_told_to_be() {
        let record = record(
            r#"samples=$.data.list[*].t,prompt=data["the, question"],latency_ms=$.took*1000,metrics.score=$.s[1],agent_id=$.who,ts=$.at,id=n"#,
            r#"{"data":{"list":[{"t":"a"},{"t":"b"},{}],"the, question":"why?"},"took":0.5,"s":[1,2],"who":"x","at":1771331696,"n":7,"answer":"never"}"#,
        );
        assert_eq!(record.samples.iter().map(|s| &**s).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((record.prompt.as_deref(), record.latency_ms), (Some("why?"), Some(500.0)));
        assert_eq!((record.number("metrics.score"), &*record.key, &*record.id), (Some(2.0), "x", "7"));
        assert_eq!(record.ts.unwrap().as_second(), 1_771_331_696);
    }

    #[test]
    fn what_was_told_is_not_guessed() {
        let record = record("samples=$.no,latency_ms=$.no,agent_id=$.who", r#"{"answers":["a"],"ms":5,"who":"w"}"#);
        assert_eq!((record.samples.len(), record.latency_ms, &*record.key), (0, None, "w"));
    }

    #[test]
    fn json_inside_texts_is_opened_on_the_way() {
        let record = record("samples=$.body.answer", r#"{"body":"{\"answer\":\"a\"}"}"#);
        assert_eq!(&*record.samples[0], "a");
    }

    #[test]
    fn what_is_told_stands_instead_of_a_field_of_that_name() {
        let record = record(
            "samples=$.a,agent_id=$.who,latency_ms=$.took*1000,metrics.x=$.y[*]",
            r#"{"a":"b","agent_id":"other","who":"w","latency_ms":5,"took":1,"metrics":{"x":9},"y":[1,2]}"#,
        );
        assert_eq!((&*record.key, record.latency_ms, record.number("latency_ms")), ("w", Some(1000.0), Some(1000.0)));
        assert_eq!(record.number("metrics.x"), Some(1.0));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, want) in [
            ("", "expected FIELD=PATH"),
            ("samples", "expected FIELD=PATH"),
            ("sample=$.a", "did you mean `samples`"),
            ("samples=$.a,samples=$.b", "mapped twice"),
            ("samples=$", "is no path"),
            ("samples=$.a[x]", "is no path"),
            ("samples=$.a..b", "is no path"),
            ("latency_ms=$.a*x", "no number to multiply by"),
            ("latency_ms=$.a/1000", "multiply by a fraction"),
        ] {
            let error = text.parse::<Mapping>().unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
