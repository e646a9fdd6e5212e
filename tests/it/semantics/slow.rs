//! A slow evaluator of expressions, written from the definition of the language alone, and makers of random expressions
//! and records. The fast one must agree with it; on the part of the language that is CEL, so must the `cel` crate.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use watcher::rules::expr::{Ast, Binary, Kind};

/// A record as the evaluator sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slow {
    /// Numbers by path.
    pub numbers: BTreeMap<String, f64>,
    /// Texts by path; a bool is the text `true` or `false`.
    pub texts: BTreeMap<String, String>,
    /// The answers; empty: the record has none.
    pub samples: Vec<String>,
}

/// What an expression comes to. `None` is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A number.
    Number(Option<f64>),
    /// True or false.
    Bool(Option<bool>),
    /// A text.
    Text(Option<String>),
    /// No value can be given: a division by zero, a NaN, or parts that do not fit together.
    Error,
}

/// What the surroundings want of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A text.
    Text,
}

/// What an expression comes to.
pub fn eval(ast: &Ast, record: &Slow, want: Want) -> Outcome {
    let scope = Scope { record, names: Vec::new() };
    match want {
        Want::Number => scope.number(ast).map_or(Outcome::Error, Outcome::Number),
        Want::Bool => scope.truth(ast).map_or(Outcome::Error, Outcome::Bool),
        Want::Text => scope.text(ast).map_or(Outcome::Error, Outcome::Text),
    }
}

/// The error state.
struct Broken;

/// A value, missing, or an error.
///
/// Operators find all their operands with `?` before they ask whether one is missing: so an error wins over missing.
type Found<T> = Result<Option<T>, Broken>;

/// A record, and the names that `all` and `exists` give to an answer.
struct Scope<'a> {
    record: &'a Slow,
    names: Vec<(&'a str, &'a str)>,
}

impl<'a> Scope<'a> {
    fn answer(&self, name: &str) -> Option<&'a str> {
        self.names.iter().rev().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    fn number(&self, ast: &'a Ast) -> Found<f64> {
        match &ast.kind {
            Kind::Number(value) => Ok(Some(*value)),
            Kind::Field(name) => Ok(self.field_number(name)),
            Kind::Negate(part) => Ok(self.number(part)?.map(|value| -value)),
            Kind::Binary(op, left, right) => self.arithmetic(*op, left, right),
            Kind::Choose(condition, yes, no) => match self.truth(condition)? {
                Some(true) => self.number(yes),
                Some(false) => self.number(no),
                None => Ok(None),
            },
            Kind::Call(name, arguments) => self.number_call(name, arguments),
            Kind::Text(_) | Kind::Bool(_) | Kind::List(_) | Kind::Not(_) => Err(Broken),
        }
    }

    fn field_number(&self, name: &str) -> Option<f64> {
        if self.answer(name).is_some() {
            return None;
        }
        let answers = self.record.samples.len();
        let counted = (name == "samples.n").then_some(answers as f64);
        self.record.numbers.get(name).copied().or(counted)
    }

    fn arithmetic(&self, op: Binary, left: &'a Ast, right: &'a Ast) -> Found<f64> {
        let (Some(left), Some(right)) = (self.number(left)?, self.number(right)?) else { return Ok(None) };
        let value = match op {
            Binary::Add => left + right,
            Binary::Subtract => left - right,
            Binary::Multiply => left * right,
            Binary::Divide | Binary::Remainder if right == 0.0 => return Err(Broken),
            Binary::Divide => left / right,
            // The sign is that of the dividend, as Rust has it.
            Binary::Remainder => left % right,
            _ => return Err(Broken),
        };
        if value.is_nan() { Err(Broken) } else { Ok(Some(value)) }
    }

    fn number_call(&self, name: &str, arguments: &'a [Ast]) -> Found<f64> {
        match (name, arguments) {
            ("size", [Ast { kind: Kind::Field(field), .. }]) if field == "samples" && self.answer(field).is_none() => {
                Ok(Some(self.record.samples.len() as f64))
            }
            ("size", [part]) => Ok(self.text(part)?.map(|text| text.chars().count() as f64)),
            ("abs", [part]) => Ok(self.number(part)?.map(f64::abs)),
            // Half away from zero, as Rust has it.
            ("round", [part]) => Ok(self.number(part)?.map(f64::round)),
            ("min" | "max", [_, ..]) => {
                let found = arguments.iter().map(|part| self.number(part)).collect::<Result<Vec<_>, _>>()?;
                let values: Option<Vec<f64>> = found.into_iter().collect();
                let better = if name == "min" { f64::min } else { f64::max };
                Ok(values.and_then(|values| values.into_iter().reduce(better)))
            }
            _ => Err(Broken),
        }
    }

    fn text(&self, ast: &'a Ast) -> Found<String> {
        match &ast.kind {
            Kind::Text(text) => Ok(Some(text.clone())),
            Kind::Field(name) => {
                let field = || self.record.texts.get(name).map(String::as_str);
                Ok(self.answer(name).or_else(field).map(str::to_owned))
            }
            Kind::Choose(condition, yes, no) => match self.truth(condition)? {
                Some(true) => self.text(yes),
                Some(false) => self.text(no),
                None => Ok(None),
            },
            Kind::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("lower", [part]) => Ok(self.text(part)?.map(|text| text.to_lowercase())),
                _ => Err(Broken),
            },
            _ => Err(Broken),
        }
    }

    fn truth(&self, ast: &'a Ast) -> Found<bool> {
        match &ast.kind {
            Kind::Bool(value) => Ok(Some(*value)),
            Kind::Field(_) => Ok(self.text(ast)?.and_then(|text| text.parse().ok())),
            Kind::Not(part) => Ok(self.truth(part)?.map(|value| !value)),
            Kind::Choose(condition, yes, no) => match self.truth(condition)? {
                Some(true) => self.truth(yes),
                Some(false) => self.truth(no),
                None => Ok(None),
            },
            Kind::Binary(op, left, right) => self.relation(*op, left, right),
            Kind::Call(name, arguments) => self.truth_call(name, arguments),
            Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Negate(_) => Err(Broken),
        }
    }

    fn relation(&self, op: Binary, left: &'a Ast, right: &'a Ast) -> Found<bool> {
        let compare = |holds: fn(&f64, &f64) -> bool| {
            let (left, right) = (self.number(left)?, self.number(right)?);
            Ok(left.zip(right).map(|(left, right)| holds(&left, &right)))
        };
        match op {
            Binary::And => decide([self.truth(left), self.truth(right)], false),
            Binary::Or => decide([self.truth(left), self.truth(right)], true),
            Binary::Equal => self.equal(left, right),
            Binary::NotEqual => Ok(self.equal(left, right)?.map(|equal| !equal)),
            Binary::Less => compare(f64::lt),
            Binary::LessEqual => compare(f64::le),
            Binary::Greater => compare(f64::gt),
            Binary::GreaterEqual => compare(f64::ge),
            Binary::In => self.member(left, right),
            _ => Err(Broken),
        }
    }

    /// The side whose type is known decides what the other one is read as.
    fn equal(&self, left: &'a Ast, right: &'a Ast) -> Found<bool> {
        match self.known(left).or_else(|| self.known(right)) {
            Some(Want::Number) => Ok(same(&self.number(left)?, &self.number(right)?)),
            Some(Want::Text) => Ok(same(&self.text(left)?, &self.text(right)?)),
            Some(Want::Bool) => Ok(same(&self.truth(left)?, &self.truth(right)?)),
            None => self.equal_unknown(left, right),
        }
    }

    /// Two fields of which nothing is known but what the record has.
    fn equal_unknown(&self, left: &'a Ast, right: &'a Ast) -> Found<bool> {
        let (left_number, right_number) = (self.number(left)?, self.number(right)?);
        let (left_text, right_text) = (self.text(left)?, self.text(right)?);
        let left_there = left_number.is_some() || left_text.is_some();
        let right_there = right_number.is_some() || right_text.is_some();
        let alike = same(&left_number, &right_number).or(same(&left_text, &right_text));
        Ok(alike.or((left_there && right_there).then_some(false)))
    }

    fn member(&self, part: &'a Ast, list: &'a Ast) -> Found<bool> {
        let Kind::List(items) = &list.kind else { return Err(Broken) };
        let want = self.known(part).or_else(|| items.iter().find_map(|item| self.known(item)));
        let missing = match want {
            Some(Want::Number) => self.number(part)?.is_none(),
            Some(Want::Text) => self.text(part)?.is_none(),
            Some(Want::Bool) => self.truth(part)?.is_none(),
            None => self.number(part)?.is_none() && self.text(part)?.is_none(),
        };
        if missing { Ok(None) } else { decide(items.iter().map(|item| self.equal(part, item)), true) }
    }

    fn truth_call(&self, name: &str, arguments: &'a [Ast]) -> Found<bool> {
        match (name, arguments) {
            ("has", [Ast { kind: Kind::Field(field), .. }]) => Ok(Some(self.has(field))),
            ("contains", [text, part]) => self.two_texts(text, part, |text, part| text.contains(part)),
            ("startsWith", [text, part]) => self.two_texts(text, part, |text, part| text.starts_with(part)),
            ("endsWith", [text, part]) => self.two_texts(text, part, |text, part| text.ends_with(part)),
            ("matches", [text, Ast { kind: Kind::Text(pattern), .. }]) => {
                let regex = regex::Regex::new(pattern).map_err(|_| Broken)?;
                Ok(self.text(text)?.map(|text| regex.is_match(&text)))
            }
            ("all" | "exists", [samples, Ast { kind: Kind::Field(variable), .. }, condition]) => {
                if !matches!(&samples.kind, Kind::Field(field) if field == "samples") {
                    return Err(Broken);
                }
                self.answers(variable, condition, name == "exists")
            }
            _ => Err(Broken),
        }
    }

    fn has(&self, field: &str) -> bool {
        let answers = field == "samples" && !self.record.samples.is_empty();
        let text = self.answer(field).is_some() || self.record.texts.contains_key(field);
        answers || text || self.field_number(field).is_some()
    }

    fn two_texts(&self, text: &'a Ast, part: &'a Ast, holds: fn(&str, &str) -> bool) -> Found<bool> {
        let (text, part) = (self.text(text)?, self.text(part)?);
        Ok(text.zip(part).map(|(text, part)| holds(&text, &part)))
    }

    /// `all` is a long `&&`, `exists` a long `||`.
    fn answers(&self, variable: &'a str, condition: &'a Ast, decisive: bool) -> Found<bool> {
        if self.record.samples.is_empty() {
            return Ok(None);
        }
        let of = |text: &'a String| {
            let mut names = self.names.clone();
            names.push((variable, text));
            Scope { record: self.record, names }.truth(condition)
        };
        decide(self.record.samples.iter().map(of), decisive)
    }

    /// The type of an expression, where it does not hang on the record.
    fn known(&self, ast: &Ast) -> Option<Want> {
        match &ast.kind {
            Kind::Number(_) | Kind::Negate(_) => Some(Want::Number),
            Kind::Text(_) => Some(Want::Text),
            Kind::Bool(_) | Kind::Not(_) => Some(Want::Bool),
            Kind::List(_) => None,
            Kind::Field(name) if self.answer(name).is_some() => Some(Want::Text),
            Kind::Field(name) => known_field(name),
            Kind::Binary(op, ..) => Some(match op {
                Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => Want::Number,
                _ => Want::Bool,
            }),
            Kind::Choose(_, yes, no) => self.known(yes).or_else(|| self.known(no)),
            Kind::Call(name, _) => Some(match name.as_str() {
                "size" | "abs" | "min" | "max" | "round" => Want::Number,
                "lower" => Want::Text,
                _ => Want::Bool,
            }),
        }
    }
}

fn known_field(name: &str) -> Option<Want> {
    let of_series = |end| name.starts_with("drift.") && name.ends_with(end);
    let number = ["physics.", "financial.", "metrics.", "divergence."].iter().any(|start| name.starts_with(start))
        || ["latency_ms", "confidence.score", "samples.n", "window.value"].contains(&name)
        || of_series(".score");
    let labels = ["id", "agent_id", "model", "tenant_id", "intent", "prompt_version", "key"];
    let text = labels.contains(&name) || of_series(".state");
    if number { Some(Want::Number) } else { text.then_some(Want::Text) }
}

fn same<T: PartialEq>(left: &Option<T>, right: &Option<T>) -> Option<bool> {
    left.as_ref().zip(right.as_ref()).map(|(left, right)| left == right)
}

/// `&&` (false decides) and `||` (true decides): one decisive part is enough; then an error wins, then missing.
fn decide(parts: impl IntoIterator<Item = Found<bool>>, decisive: bool) -> Found<bool> {
    let (mut broken, mut missing) = (false, false);
    for part in parts {
        match part {
            Ok(Some(value)) if value == decisive => return Ok(Some(decisive)),
            Ok(Some(_)) => {}
            Ok(None) => missing = true,
            Err(Broken) => broken = true,
        }
    }
    if broken { Err(Broken) } else { Ok((!missing).then_some(!decisive)) }
}

/// Operators a random expression is deep.
const DEPTH: usize = 6;

/// Number fields that may be there; `d` never is.
const NUMBER_FIELDS: [&str; 4] = ["a", "b", "c", "metrics.p"];
/// Text fields that may be there; `u` never is.
const TEXT_FIELDS: [&str; 2] = ["s", "t"];
/// Fields whose type is not known from their name.
const BARE_FIELDS: [&str; 7] = ["a", "b", "c", "d", "s", "t", "u"];
const NUMBERS: [&str; 13] = ["0", "1", "-1", "7", "3", "2.5", "-2.5", ".5", "1e3", "1e308", "1e-300", "2s", "500ms"];
const TEXTS: [&str; 9] =
    ["\"\"", "\"gpt-4o\"", "'gpt'", "\"4o\"", "\"Zürich\"", "'ü'", "\"it's\"", "\"a\\tb\"", "r'\\d'"];
const NUMBER_LISTS: [&str; 4] = ["[1]", "[0, 2.5, -1]", "[7, 3, 1e308, 1e-300]", "[500ms, 1000, 0.5]"];
const TEXT_LISTS: [&str; 3] = ["[\"gpt-4o\"]", "['Zürich', \"it's\", \"\"]", "['a', 'gpt', r'\\d']"];
const REGEXES: [&str; 7] = ["r'^gpt'", "r\"\\d+\"", "r'(?i)^ZÜ'", "'o$'", "r''", "r'^(a|it)'", "\"^\\\\w+-4o$\""];
/// What a record may hold; texts that are also answers.
const CONTENTS: [&str; 9] = ["", "gpt-4o", "GPT-4o-mini", "gpt", "Zürich", "it's", "a\tb", "\\d", "🙂 ünï 4o"];
const AWKWARD: [f64; 9] = [0.0, -0.0, 1.0, -1.0, 2.5, 1e308, 1e-300, 7.0, 3.0];

/// The CEL of numbers: all of them doubles.
const CEL_NUMBERS: [&str; 9] = ["0.0", "1.0", "-1.0", "7.0", "2.5", ".5", "1e3", "1e-300", "1000.0"];
const CEL_DIVISORS: [&str; 4] = ["2.0", "-3.0", "0.5", "7.0"];
const CEL_LISTS: [&str; 3] = ["[1.0]", "[0.0, 2.5, -1.0]", "[7.0, 3.0, 1e-300]"];

type Text = BoxedStrategy<String>;

/// Makers of expressions of each type, all equally deep at most.
#[derive(Clone)]
struct Level {
    number: Text,
    text: Text,
    truth: Text,
}

fn word(words: &[&'static str]) -> Text {
    select(words.to_vec()).prop_map(str::to_owned).boxed()
}

fn one(choices: Vec<(u32, Text)>) -> Text {
    Union::new_weighted(choices).boxed()
}

/// With brackets around it or not: what binds tighter is for the parser to say.
fn operator(left: &Text, operators: &[&'static str], right: &Text) -> Text {
    let bracketed = prop::bool::weighted(0.7);
    (left.clone(), select(operators.to_vec()), right.clone(), bracketed)
        .prop_map(
            |(left, op, right, bracketed)| {
                if bracketed { format!("({left} {op} {right})") } else { format!("{left} {op} {right}") }
            },
        )
        .boxed()
}

/// Both sides in brackets.
fn closed(left: &Text, operators: &[&'static str], right: &Text) -> Text {
    (left.clone(), select(operators.to_vec()), right.clone())
        .prop_map(|(left, op, right)| format!("({left}) {op} ({right})"))
        .boxed()
}

/// The side whose type is known may be the left or the right one.
fn either_way(left: &Text, operators: &[&'static str], right: &Text) -> Text {
    one(vec![(1, closed(left, operators, right)), (1, closed(right, operators, left))])
}

fn choice(condition: &Text, part: &Text) -> Text {
    (condition.clone(), part.clone(), part.clone())
        .prop_map(|(condition, yes, no)| format!("(({condition}) ? ({yes}) : ({no}))"))
        .boxed()
}

/// A call as a function or as a method.
fn call(names: &[&'static str], receiver: &Text, rest: &Text) -> Text {
    (select(names.to_vec()), receiver.clone(), rest.clone(), any::<bool>())
        .prop_map(|(name, receiver, rest, method)| match (method, rest.is_empty()) {
            (false, true) => format!("{name}({receiver})"),
            (false, false) => format!("{name}({receiver}, {rest})"),
            (true, _) => method_call(name, &receiver, &rest),
        })
        .boxed()
}

/// A call as a method only.
fn method(names: &[&'static str], receiver: &Text, rest: &Text) -> Text {
    (select(names.to_vec()), receiver.clone(), rest.clone())
        .prop_map(|(name, receiver, rest)| method_call(name, &receiver, &rest))
        .boxed()
}

fn method_call(name: &str, receiver: &str, rest: &str) -> String {
    let path = receiver.starts_with(char::is_alphabetic)
        && receiver.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    if path { format!("{receiver}.{name}({rest})") } else { format!("({receiver}).{name}({rest})") }
}

fn wrap(before: &'static str, part: &Text, after: &'static str) -> Text {
    part.clone().prop_map(move |part| format!("{before}{part}{after}")).boxed()
}

fn nothing() -> Text {
    Just(String::new()).boxed()
}

fn leaves() -> Level {
    // What is never there is rare: a missing part makes most of what is around it missing.
    let number = one(vec![(20, word(&NUMBER_FIELDS)), (1, word(&["d"])), (10, word(&NUMBERS))]);
    let text = one(vec![(20, word(&TEXT_FIELDS)), (1, word(&["u"])), (10, word(&TEXTS))]);
    let has = [&NUMBER_FIELDS[..], &["d", "t", "u", "flag"]].concat();
    let truth = one(vec![(2, word(&["flag", "true", "false"])), (1, wrap("has(", &word(&has), ")"))]);
    Level { number, text, truth }
}

/// One operator above `below`. `answers`: what may stand in `samples.all`; without it this is such a condition itself,
/// where `s` is the answer.
fn above(below: &Level, answers: Option<&Level>) -> Level {
    let Level { number, text, truth } = below;
    let more = (number.clone(), proptest::option::of(number.clone()))
        .prop_map(|(second, third)| third.map_or(second.clone(), |third| format!("{second}, {third}")))
        .boxed();
    let known_number = one(vec![
        (2, word(&NUMBERS)),
        (1, word(&["metrics.p"])),
        (1, closed(number, &["+", "-", "*"], number)),
        (1, call(&["abs", "round"], number, &nothing())),
    ]);
    let known_text = one(vec![(2, word(&TEXTS)), (1, call(&["lower"], text, &nothing()))]);
    let comparison = operator(number, &["<", "<=", ">", ">="], number);
    let mut truths = vec![
        (3, truth.clone()),
        (2, wrap("!(", truth, ")")),
        (3, comparison.clone()),
        (5, operator(truth, &["&&", "||"], truth)),
        (2, choice(truth, truth)),
        (2, either_way(number, &["==", "!="], &known_number)),
        (2, either_way(text, &["==", "!="], &known_text)),
        (1, either_way(truth, &["==", "!="], &comparison)),
        (1, operator(number, &["in"], &word(&NUMBER_LISTS))),
        (1, operator(text, &["in"], &word(&TEXT_LISTS))),
        (2, call(&["contains", "startsWith", "endsWith"], text, text)),
        (1, call(&["matches"], text, &word(&REGEXES))),
    ];
    if let Some(answers) = answers {
        truths.push((2, operator(&word(&BARE_FIELDS), &["==", "!="], &word(&BARE_FIELDS))));
        truths.push((1, word(&["flag == flag", "flag != flag", "has(s)"])));
        truths.push((2, wrap("samples.all(s, ", &answers.truth, ")")));
        truths.push((2, wrap("samples.exists(s, ", &answers.truth, ")")));
    }
    let numbers = vec![
        (4, number.clone()),
        (5, operator(number, &["+", "-", "*", "/", "%"], number)),
        (1, wrap("-(", number, ")")),
        (1, call(&["abs", "round"], number, &nothing())),
        (2, call(&["min", "max"], number, &more)),
        (1, call(&["size"], text, &nothing())),
        (1, word(&["size(samples)", "samples.size()"])),
        (1, choice(truth, number)),
    ];
    let texts = vec![(4, text.clone()), (1, call(&["lower"], text, &nothing())), (1, choice(truth, text))];
    Level { number: one(numbers), text: one(texts), truth: one(truths) }
}

/// Well-typed expressions that are true, false, missing or an error, in the language's own words.
pub fn expression() -> impl Strategy<Value = String> {
    let (mut outside, mut inside) = (leaves(), leaves());
    for _ in 0..DEPTH {
        outside = above(&outside, Some(&inside));
        inside = above(&inside, None);
    }
    outside.truth
}

fn number_value() -> BoxedStrategy<f64> {
    prop_oneof![4 => select(AWKWARD.to_vec()), 1 => -1e6..1e6_f64, 1 => prop::num::f64::NORMAL].boxed()
}

fn content() -> BoxedStrategy<String> {
    select(CONTENTS.to_vec()).prop_map(str::to_owned).boxed()
}

fn contents() -> BoxedStrategy<Vec<String>> {
    prop::collection::vec(content(), 0..6).boxed()
}

fn of_parts(numbers: [Option<f64>; 4], texts: [Option<String>; 2], flag: Option<bool>, samples: Vec<String>) -> Slow {
    let there = ["a", "b", "c", "metrics.p"].into_iter().zip(numbers);
    let numbers = there.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let texts = ["s", "t"].into_iter().zip(texts).chain([("flag", flag.map(|flag| flag.to_string()))]);
    let texts = texts.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Slow { numbers, texts, samples }
}

/// Records for [`expression`], with any of the fields there or not.
pub fn record() -> impl Strategy<Value = Slow> {
    let there = |part: BoxedStrategy<f64>| proptest::option::weighted(0.93, part);
    let numbers = [(); 4].map(|()| there(number_value()));
    let texts = [(); 2].map(|()| proptest::option::weighted(0.93, content()));
    let flag = proptest::option::weighted(0.93, any::<bool>());
    (numbers, texts, flag, contents())
        .prop_map(|(numbers, texts, flag, samples)| of_parts(numbers, texts, flag, samples))
}

/// Records for [`cel_expression`]: all fields are there, and no number is so large that a product of them overflows
/// (CEL goes on with a NaN, which is an error here).
pub fn cel_record() -> impl Strategy<Value = Slow> {
    let small = AWKWARD.into_iter().filter(|value| *value < 1e300).collect::<Vec<_>>();
    let number = prop_oneof![4 => select(small), 1 => -1e6..1e6_f64].boxed();
    let numbers = [(); 4].map(|()| number.clone());
    let samples = prop::collection::vec(content(), 1..4);
    (numbers, [content(), content()], any::<bool>(), samples)
        .prop_map(|(numbers, texts, flag, samples)| of_parts(numbers.map(Some), texts.map(Some), Some(flag), samples))
}

fn cel_leaves() -> Level {
    let number = one(vec![(2, word(&NUMBER_FIELDS)), (1, word(&CEL_NUMBERS))]);
    let text = one(vec![(2, word(&TEXT_FIELDS)), (1, word(&TEXTS))]);
    let truth = word(&["flag", "true", "false", "has(metrics.p)"]);
    Level { number, text, truth }
}

fn cel_above(below: &Level, answers: Option<&Level>) -> Level {
    let Level { number, text, truth } = below;
    let size = one(vec![(2, call(&["size"], text, &nothing())), (1, word(&["size(samples)"]))]);
    let comparisons = ["<", "<=", ">", ">=", "==", "!="];
    let known_truth = closed(number, &["<", ">="], number);
    let mut truths = vec![
        (3, truth.clone()),
        (2, wrap("!(", truth, ")")),
        (4, operator(number, &comparisons[..4], number)),
        // Two bare fields of one type are equal in CEL as they are here, so neither side has to be known.
        (2, closed(number, &comparisons[4..], number)),
        (2, closed(text, &comparisons[4..], text)),
        (1, either_way(truth, &comparisons[4..], &known_truth)),
        (6, operator(truth, &["&&", "||"], truth)),
        (2, choice(truth, truth)),
        (1, operator(number, &["in"], &word(&CEL_LISTS))),
        (1, operator(text, &["in"], &word(&TEXT_LISTS))),
        // A size is an int there: compared with a double it is the same, added to one it is an error.
        (1, operator(&size, &comparisons[..4], &word(&CEL_NUMBERS))),
        (2, method(&["contains", "startsWith", "endsWith"], text, text)),
        (1, call(&["matches"], text, &word(&REGEXES))),
    ];
    if let Some(answers) = answers {
        truths.push((2, wrap("samples.all(s, ", &answers.truth, ")")));
        truths.push((2, wrap("samples.exists(s, ", &answers.truth, ")")));
    }
    let numbers = vec![
        (4, number.clone()),
        (5, operator(number, &["+", "-", "*"], number)),
        (1, operator(number, &["/"], &word(&CEL_DIVISORS))),
        (1, wrap("-(", number, ")")),
        (1, choice(truth, number)),
    ];
    let texts = vec![(4, text.clone()), (1, choice(truth, text))];
    Level { number: one(numbers), text: one(texts), truth: one(truths) }
}

/// Expressions that mean the same in CEL, for records of [`cel_record`].
///
/// Left out, as the crate has other rules or none: `%` on doubles, a division by zero (it is infinite there), `has` of
/// a name without a dot, durations, `abs min max round lower`, `contains startsWith endsWith` as functions.
pub fn cel_expression() -> impl Strategy<Value = String> {
    let (mut outside, mut inside) = (cel_leaves(), cel_leaves());
    for _ in 0..DEPTH {
        outside = cel_above(&outside, Some(&inside));
        inside = cel_above(&inside, None);
    }
    outside.truth
}

/// What the `cel` crate makes of an expression; `None` when it gives an error, or no bool.
pub fn in_cel(text: &str, record: &Slow) -> Option<bool> {
    let mut context = cel::Context::default();
    let mut groups: BTreeMap<&str, HashMap<String, f64>> = BTreeMap::new();
    for (path, value) in &record.numbers {
        match path.split_once('.') {
            Some((group, name)) => {
                groups.entry(group).or_default().insert(name.to_owned(), *value);
            }
            None => context.add_variable_from_value(path.as_str(), *value),
        }
    }
    for (group, members) in groups {
        context.add_variable_from_value(group, members);
    }
    for (name, text) in &record.texts {
        match text.parse::<bool>() {
            Ok(flag) => context.add_variable_from_value(name.as_str(), flag),
            Err(_) => context.add_variable_from_value(name.as_str(), text.clone()),
        }
    }
    context.add_variable_from_value("samples", record.samples.clone());
    match cel::Program::compile(text).ok()?.execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        _ => None,
    }
}
