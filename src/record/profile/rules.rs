//! Rules for a start: limits from where the numbers of a log lie.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Write;

use super::config::{comment, scalar, whole};
use super::fields::NumberField;
use super::{Findings, words};
use crate::humanize;
use crate::sanitize;
use crate::verdict::json;

/// Rules of a file.
const RULES: usize = 12;

/// Numbers from which limits are made, and different ones among them.
const ENOUGH: (u64, u64) = (10, 5);

/// Longest id, bytes; an id may have 100.
const ID: usize = 60;

/// Why a number is no behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its name says so.
    Name,
    /// It is a time.
    Time,
    /// It is an id.
    Id,
    /// It only grows.
    Counter,
    /// It is always about the same.
    Constant,
    /// It is an element of a list.
    Element,
}

/// Why a number is no behaviour, if it is not.
pub(super) fn doubt(field: &NumberField) -> Option<Doubt> {
    let many = field.count >= 20;
    // Times since 1970 of the years 2001 to 2100, in seconds, milli-, micro- and nanoseconds.
    let epoch = [1.0, 1e3, 1e6, 1e9].iter().any(|unit| field.min >= 1e9 * unit && field.max <= 4.1e9 * unit);
    // Energies in joules are far apart too: what stands among the measurements is one.
    let measured = ["metrics.", "metrics[", "physics.", "financial."].iter().any(|group| field.name.starts_with(group));
    let each_another = field.integral && field.distinct * 100 >= field.count * 95 && !measured;
    if is_element(&field.name) {
        Some(Doubt::Element)
    } else if words::is_no_behaviour(&field.name) {
        Some(Doubt::Name)
    } else if epoch {
        Some(Doubt::Time)
    } else if field.distinct < ENOUGH.1 {
        Some(Doubt::Constant)
    } else if many && field.grows && field.distinct * 2 >= field.count {
        Some(Doubt::Counter)
    } else if many && each_another && field.min >= 0.0 && field.p50 - field.min > 1e6 {
        Some(Doubt::Id)
    } else {
        None
    }
}

/// Whether there is an index in the path.
fn is_element(name: &str) -> bool {
    name.split('[').skip(1).any(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

/// Bounds on one number.
#[derive(Debug, Clone, PartialEq, Default)]
struct Bounds {
    min: Option<f64>,
    warn_min: Option<f64>,
    warn_max: Option<f64>,
    max: Option<f64>,
}

impl Bounds {
    /// Beyond which none of what was seen lies, the milder ones but 1 in 100.
    fn of(field: &NumberField) -> Self {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let above =
            |value: f64| finite(value).filter(|value| *value > 0.0).and_then(|value| rounded_up(value, field.integral));
        let (mut warn_max, mut max) = (above(field.p99 * 1.2), above(field.max * 2.0));
        let (mut warn_min, mut min) = (above(-field.p1 * 1.2), above(-field.min * 2.0));
        if words::is_share(&field.name) && field.min >= 0.0 && field.max <= 1.0 {
            max = Some(1.0);
        }
        if field.min >= 0.0 {
            (min, warn_min) = (Some(0.0), None);
        }
        if field.max <= 0.0 {
            (max, warn_max) = (Some(0.0), None);
        }
        // A warning comes before the limit.
        warn_max = warn_max.filter(|warn| max.is_none_or(|max| *warn < max));
        warn_min = warn_min.filter(|warn| min.is_none_or(|min| *warn < min));
        let below = |value: Option<f64>| value.map(|value| if value == 0.0 { 0.0 } else { -value });
        Self { min: below(min), warn_min: below(warn_min), warn_max, max }
    }

    fn in_words(&self) -> String {
        let named = [("min", self.min), ("warn_min", self.warn_min), ("warn_max", self.warn_max), ("max", self.max)];
        named.iter().filter_map(|(name, bound)| Some(format!(", {name}: {}", plain((*bound)?)))).collect()
    }

    /// A value that lies beyond one of them.
    fn breach(&self) -> Option<f64> {
        let beyond = match (self.max, self.min) {
            (Some(max), _) if max > 0.0 => max * 2.0,
            (_, Some(min)) if min < 0.0 => min * 2.0,
            (Some(_), _) => 1.0,
            (_, Some(_)) => -1.0,
            _ => return None,
        };
        Some(beyond).filter(|beyond| beyond.is_finite())
    }
}

/// The next number of two digits that is not below a positive one.
fn rounded_up(value: f64, integral: bool) -> Option<f64> {
    let exponent = value.log10().floor() as i32 - 1;
    let step = 10f64.powi(exponent);
    let digits = value / step;
    if !digits.is_finite() {
        return None;
    }
    // A value that is such a number but for its last bit is that number. By way of a text: multiplied it would be one
    // with seventeen digits.
    let near = format!("{}e{exponent}", (digits - 1e-9).ceil()).parse::<f64>().ok()?;
    let whole = if integral { near.ceil() } else { near };
    Some(whole).filter(|whole| whole.is_finite() && *whole > 0.0)
}

/// A number as YAML and JSON read it.
fn plain(value: f64) -> String {
    let mut out = Vec::new();
    json::number(&mut out, value);
    String::from_utf8_lossy(&out).into_owned()
}

/// A rule file with limits for the log `file` that the findings are of.
pub fn starter_rules(findings: &Findings, file: &str) -> String {
    let mut out = format!(
        "# Rules for a start, from {} records of\n#   {}\n\
         # What was seen passes; the limits say nothing about what is right: look at each, and move it to where you\n\
         # would want to know.\n\
         # warn_max: the 99th percentile and a fifth more, a note; max: twice the largest, a warning.\nversion: 1\n\nrules:",
        whole(findings.records),
        comment(file)
    );
    let chosen = chosen(findings);
    let disagree = findings.with_several > 0;
    if chosen.is_empty() && !disagree {
        out.push_str(" []\n");
        return out;
    }
    let mut rules: Vec<String> = chosen.iter().map(Chosen::yaml).collect();
    if disagree {
        rules.push(format!(
            "  # divergence.risk: how likely it is that the first answer is not supported by the others, from 0 to 1.\n  \
             - id: {DISAGREE}\n    desc: The answers to one request contradict one another ({} records have several)\n    \
             require: 'divergence.risk <= 0.5'\n    message: 'answers disagree: risk {{divergence.risk:.2}}'\n    severity: warning\n",
            whole(findings.with_several)
        ));
    }
    let _ = write!(out, "\n{}", rules.join("\n"));
    let tested = chosen.iter().find_map(Chosen::test);
    let of_risk = || {
        let test = |name: &str, risk: f64, outcome: &str| {
            format!(
                "  - name: {name}\n    given: {{divergence: {{risk: {risk}}}}}\n    expect: {{{DISAGREE}: {outcome}}}\n"
            )
        };
        test("answers that agree", 0.1, "ok") + &test("answers that contradict one another", 0.51, "warning")
    };
    if let Some(tests) = tested.or_else(|| disagree.then(of_risk)) {
        let _ = write!(out, "\ntests:\n{tests}");
    }
    out
}

/// The id of the rule on the answers themselves.
const DISAGREE: &str = "samples-disagree";

/// A number that gets a rule.
struct Chosen<'f> {
    id: String,
    path: String,
    keys: Vec<String>,
    field: &'f NumberField,
    bounds: Bounds,
}

fn chosen(findings: &Findings) -> Vec<Chosen<'_>> {
    let latency = findings.latency.iter();
    let mut fields: Vec<&NumberField> = findings.numbers.iter().filter(|field| field.name != "latency_ms").collect();
    // Costs and tokens of most records say more than the rest; of two names for one number the contract's is taken.
    let known = |field: &NumberField| words::unit(&field.name).is_some() && field.count * 2 >= findings.records;
    fields.sort_by_key(|field| (!known(field), Reverse(field.count), !field.name.starts_with("metrics.")));
    let mut ids: HashSet<String> = HashSet::from([DISAGREE.to_owned()]);
    let mut rules: Vec<Chosen<'_>> = Vec::new();
    for field in latency.chain(fields) {
        if rules.len() + 1 >= RULES {
            break;
        }
        let told = rules.iter().any(|rule| is_same(rule.field, field))
            || (field.name != "latency_ms" && findings.latency.is_some() && words::is_latency(&field.name));
        let Some((path, keys)) = path(&field.name) else { continue };
        let bounds = Bounds::of(field);
        if told || field.count < ENOUGH.0 || doubt(field).is_some() || bounds.breach().is_none() {
            continue;
        }
        let id = id(&field.name, &mut ids);
        rules.push(Chosen { id, path, keys, field, bounds });
    }
    rules
}

/// Whether it is the same number under another name: many logs hold `ms` and the record's `latency_ms` is made of it.
pub(super) fn is_same(a: &NumberField, b: &NumberField) -> bool {
    NumberField { name: String::new(), ..a.clone() } == NumberField { name: String::new(), ..b.clone() }
}

impl Chosen<'_> {
    fn unit(&self) -> Option<&'static str> {
        words::unit(&self.field.name)
    }

    fn yaml(&self) -> String {
        let unit = self.unit().map(|unit| format!(", unit: {}", scalar(unit))).unwrap_or_default();
        let (path, bounds) = (scalar(&self.path), self.bounds.in_words());
        format!(
            "  - id: {}\n    desc: {}\n    limit: {{field: {path}{bounds}{unit}}}\n    severity: warning\n",
            self.id,
            self.desc()
        )
    }

    /// From what the limits come.
    fn desc(&self) -> String {
        let field = self.field;
        let unit = self.unit().map(|unit| format!(" {unit}")).unwrap_or_default();
        let number = |value: f64| humanize::number(readable(value));
        format!(
            "From {} records, of which half are up to {} and 99 in 100 up to {}; {} to {}{unit}",
            whole(field.count),
            number(field.p50),
            number(field.p99),
            number(field.min),
            number(field.max)
        )
    }

    /// A record that passes and one that does not; `None` if no record of a test can be made of the path.
    fn test(&self) -> Option<String> {
        let groups = ["metrics", "physics", "financial"];
        let first = self.keys.first()?;
        let sound = match self.keys.len() {
            1 => !groups.contains(&first.as_str()),
            2 => first != "latency_ms",
            _ => first != "latency_ms" && !groups.contains(&first.as_str()),
        };
        if !sound {
            return None;
        }
        let given = |value: f64| {
            let open: String = self.keys.iter().map(|key| format!("{{{}: ", scalar(key))).collect();
            format!("{open}{}{}", plain(value), "}".repeat(self.keys.len()))
        };
        let test = |name: &str, value: f64, outcome: &str| {
            format!("  - name: {name}\n    given: {}\n    expect: {{{}: {outcome}}}\n", given(value), self.id)
        };
        let (usual, beyond) = ("what half of the records do not exceed", "far beyond what was seen");
        Some(test(usual, self.field.p50, "ok") + &test(beyond, self.bounds.breach()?, "warning"))
    }
}

/// Four digits are enough to read, but a count stands as it is.
fn readable(value: f64) -> f64 {
    if value.fract() == 0.0 && value.abs() < 1e9 { value } else { format!("{value:.3e}").parse().unwrap_or(value) }
}

/// The path of a number as rules name it, and its keys; `None` also for what means something else in a rule.
fn path(name: &str) -> Option<(String, Vec<String>)> {
    // What the engines find, and fields of the catalogue that are texts.
    const OTHER: [&str; 13] = [
        "divergence",
        "confidence",
        "drift",
        "window",
        "samples",
        "key",
        "id",
        "agent_id",
        "model",
        "tenant_id",
        "intent",
        "prompt_version",
        "prompt",
    ];
    written(name).filter(|(_, keys)| keys.first().is_some_and(|first| !OTHER.contains(&first.as_str())))
}

/// A canonical path as rules and the configuration's `key` are written, and its keys; `None` if it can't be.
pub(super) fn written(name: &str) -> Option<(String, Vec<String>)> {
    // Words that a path can't begin with as they are.
    const WORDS: [&str; 7] = ["in", "true", "false", "not", "null", "and", "or"];
    let keys = keys(name)?;
    let first = keys.first()?;
    // The texts of rules have fewer escapes than JSON.
    let odd = |key: &String| key.contains(|c: char| sanitize::is_unsafe(c) || matches!(c, '"' | '\\'));
    if keys.iter().any(odd) || name.len() > super::super::LABEL_BYTES {
        return None;
    }
    let path = if name.starts_with('[') {
        format!("${name}")
    } else if WORDS.contains(&first.as_str()) {
        format!("$.{name}")
    } else {
        name.to_owned()
    };
    Some((path, keys))
}

/// The keys of a canonical path without indices.
fn keys(name: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut texts = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            let key = texts.next()?.ok()?;
            rest = quoted.get(texts.byte_offset()..)?.strip_prefix(']')?;
            keys.push(key);
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (key, behind) = plain.split_at(end);
            if key.is_empty() {
                return None;
            }
            keys.push(key.to_owned());
            rest = behind;
        }
    }
    Some(keys)
}

/// A new id: the words of the name with `-` between them.
fn id(name: &str, known: &mut HashSet<String>) -> String {
    let name = name.strip_prefix("metrics.").unwrap_or(name);
    let ascii = |word: String| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let words = words::of(name).into_iter().map(ascii).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    let cut = super::super::prefix(&joined, ID).trim_end_matches('-');
    // An id that YAML would read as a number or a truth value.
    let base = if scalar(cut) == cut { cut.to_owned() } else { format!("field-{cut}") };
    let base = base.trim_end_matches('-').to_owned();
    let numbered = (2..).map(|n: u32| format!("{base}-{n}"));
    let id = std::iter::once(base.clone()).chain(numbered).find(|id| !known.contains(id)).unwrap_or(base);
    known.insert(id.clone());
    id
}

#[cfg(test)]
mod tests;
