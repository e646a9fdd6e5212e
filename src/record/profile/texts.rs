//! Which texts of a log may be its answers and its questions.

use std::fmt::Write;

use foldhash::HashMap;

use super::super::json::Json;
use super::super::{generic, messages, names, prefix};
use super::sketch::{Distinct, hash};
use super::words;
use super::{MOST, cut};

/// Nesting that is looked into.
const DEPTH: usize = 32;

/// Elements of a list that are looked at.
const ELEMENTS: usize = 256;

/// Longest text that is opened as JSON.
const OPENED: usize = 256 << 10;

/// Characters of an example.
const EXAMPLE: usize = 80;

/// Candidates that are told.
const TOLD: usize = 24;

/// What the texts at a path are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guess {
    /// The answers of a model.
    Samples,
    /// The question.
    Prompt,
}

/// Texts at one path of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct TextField {
    /// The path as `--map` reads it: `$.data.answers[*].text`.
    pub path: String,
    /// How many texts there are.
    pub count: u64,
    /// How many objects have one or more.
    pub objects: u64,
    /// Most that one object has.
    pub most: u64,
    /// Mean length in characters.
    pub mean_chars: f64,
    /// Share of different texts, 0 to 1; about, where there are many.
    pub distinct: f64,
    /// What they are taken for.
    pub guess: Option<Guess>,
    /// Two of them, cut. Foreign, as they stand.
    pub examples: Vec<String>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The last name of the path that says something.
    name: String,
    count: u64,
    chars: u64,
    /// Texts of several words.
    prose: u64,
    distinct: Distinct,
    objects: u64,
    most: u64,
    /// The last object that had one, and how many it had.
    inside: (u64, u64),
    /// Messages of a conversation.
    roles: bool,
    examples: Vec<String>,
}

/// All texts of a log, by path.
#[derive(Debug, Default)]
pub(super) struct Texts {
    seen: HashMap<Box<str>, Seen>,
    objects: u64,
}

impl Texts {
    /// Takes one object.
    pub fn object(&mut self, json: &Json<'_>) {
        self.objects += 1;
        let mut path = String::from("$");
        self.walk(json, &mut path, "", 0, 0);
    }

    fn walk(&mut self, json: &Json<'_>, path: &mut String, name: &str, depth: usize, opened: usize) {
        if depth > DEPTH || path.len() > names::MAX_PATH {
            return;
        }
        let end = path.len();
        match json {
            Json::Text(text) => {
                let inner = text.trim_start();
                if opened < 2
                    && inner.len() <= OPENED
                    && inner.starts_with(['{', '['])
                    && let Ok(inner @ (Json::Object(_) | Json::List(_))) = Json::parse(inner)
                {
                    return self.walk(&inner, path, name, depth + 1, opened + 1);
                }
                // A log of bare texts has no path to map.
                if path != "$" {
                    self.text(path, name, text, false);
                }
            }
            // The question among the messages of a conversation is the last of the user: that is for `--map` to find.
            Json::List(items) if items.iter().any(|item| item.get("role").is_some()) && path != "$" => {
                if let Some(text) = messages::asked(json) {
                    self.text(path, name, &text, true);
                }
            }
            Json::List(items) => {
                path.push_str("[*]");
                items.iter().take(ELEMENTS).for_each(|item| self.walk(item, path, name, depth + 1, opened));
            }
            Json::Object(entries) => {
                for (key, value) in entries {
                    if step(path, key) {
                        let name = if words::is_container(key) { name } else { &**key };
                        self.walk(value, path, name, depth + 1, opened);
                    }
                    path.truncate(end);
                }
            }
            _ => {}
        }
        path.truncate(end);
    }

    fn text(&mut self, path: &str, name: &str, text: &str, roles: bool) {
        if !self.seen.contains_key(path) {
            if self.seen.len() >= MOST {
                return;
            }
            self.seen.insert(path.into(), Seen { name: prefix(name, 80).to_owned(), roles, ..Seen::default() });
        }
        let Some(seen) = self.seen.get_mut(path) else { return };
        seen.count += 1;
        seen.chars += text.chars().count() as u64;
        seen.prose += u64::from(is_prose(text));
        seen.distinct.add(hash(text));
        if seen.inside.0 != self.objects {
            seen.inside = (self.objects, 0);
            seen.objects += 1;
        }
        seen.inside.1 += 1;
        seen.most = seen.most.max(seen.inside.1);
        if seen.examples.len() < 2 && !text.trim().is_empty() {
            let example = cut(text, EXAMPLE);
            if !seen.examples.contains(&example) {
                seen.examples.push(example);
            }
        }
    }

    /// The candidates, best first.
    pub fn finish(self) -> Vec<TextField> {
        let mut found: Vec<(Rank, TextField)> =
            self.seen.into_iter().filter_map(|(path, seen)| judge(path, seen)).collect();
        by_nature(&mut found, self.objects);
        found.sort_by(|(a, x), (b, y)| {
            let guess = |field: &TextField| field.guess.map_or(2, |guess| guess as u8);
            guess(x)
                .cmp(&guess(y))
                .then_with(|| a.cmp(b))
                // Several in one object are the answers that can be compared.
                .then_with(|| (y.most > 1).cmp(&(x.most > 1)))
                .then_with(|| y.objects.cmp(&x.objects))
                .then_with(|| y.mean_chars.total_cmp(&x.mean_chars))
                .then_with(|| x.path.cmp(&y.path))
        });
        found.truncate(TOLD);
        found.into_iter().map(|(_, field)| field).collect()
    }
}

/// How sure a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A usual name.
    Named,
    /// A word of the name.
    Alike,
    /// No name that says anything.
    Nature,
    /// A name that says that it is something else.
    Other,
}

fn judge(path: Box<str>, seen: Seen) -> Option<(Rank, TextField)> {
    let count = seen.count.max(1) as f64;
    let (mean, prose) = (seen.chars as f64 / count, seen.prose as f64 / count);
    let distinct = (seen.distinct.count() as f64 / count).min(1.0);
    let usual = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(&seen.name));
    let (rank, guess) = if usual(&generic::ANSWERS) || usual(&generic::ANSWER) {
        (Rank::Named, Some(Guess::Samples))
    } else if usual(&generic::PROMPT) {
        (Rank::Named, Some(Guess::Prompt))
    } else {
        match (words::is_other(&seen.name), words::of_answers(&seen.name), words::of_prompts(&seen.name)) {
            (true, ..) => (Rank::Other, None),
            (_, true, _) => (Rank::Alike, Some(Guess::Samples)),
            (_, _, true) => (Rank::Alike, Some(Guess::Prompt)),
            _ => (Rank::Nature, None),
        }
    };
    // Names such as `user` and `result` are used for ids and states too; short answers are often no prose.
    let vague = ["user", "result", "results", "assistant", "input", "output"].contains(&seen.name.as_str());
    let sound = seen.roles || prose >= 0.3 || (!vague && rank == Rank::Named && mean >= 1.0);
    let guess = guess.filter(|_| sound);
    if guess.is_none() && !(mean >= 16.0 && prose >= 0.5 && (distinct >= 0.2 || seen.count < 10)) {
        return None;
    }
    let field = TextField {
        path: path.into(),
        count: seen.count,
        objects: seen.objects,
        most: seen.most,
        mean_chars: mean,
        distinct,
        guess,
        examples: seen.examples,
    };
    Some((rank, field))
}

/// Where no name tells the answers, or the question, the nature of the texts does: answers are the longest that are
/// nearly all different, the question is the longest of those that are left.
fn by_nature(found: &mut [(Rank, TextField)], objects: u64) {
    for guess in [Guess::Samples, Guess::Prompt] {
        if found.iter().any(|(_, field)| field.guess == Some(guess)) {
            continue;
        }
        let fit = |rank: Rank, field: &TextField| {
            rank == Rank::Nature
                && field.guess.is_none()
                && field.objects * 2 >= objects
                && field.path.matches("[*]").nth(2).is_none()
                && field.distinct >= 0.3
                && (guess == Guess::Samples || field.most == 1)
        };
        let best = found.iter_mut().filter(|(rank, field)| fit(*rank, field)).max_by(|(_, a), (_, b)| {
            // Several in one object are answers rather than anything else.
            let several = |field: &TextField| field.most > 1;
            several(a)
                .cmp(&several(b))
                .then_with(|| (a.mean_chars * a.objects as f64).total_cmp(&(b.mean_chars * b.objects as f64)))
                .then_with(|| b.path.cmp(&a.path))
        });
        if let Some((_, field)) = best {
            field.guess = Some(guess);
        }
    }
}

/// Whether a text has several words; scripts without spaces count by their letters.
fn is_prose(text: &str) -> bool {
    text.split_whitespace().nth(2).is_some()
        || text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).nth(5).is_some()
}

/// Puts a key behind a path as `--map` reads it; false if it can't be written there.
fn step(path: &mut String, key: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '@');
    if !key.is_empty() && key.chars().all(plain) {
        let _ = write!(path, ".{key}");
        return true;
    }
    // What separates fields, selects, and multiplies there.
    if key.contains(['[', ']', '*']) || key.chars().any(char::is_control) {
        return false;
    }
    let quote = if key.contains('"') { '\'' } else { '"' };
    if key.contains(quote) {
        return false;
    }
    let _ = write!(path, "[{quote}{key}{quote}]");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: impl IntoIterator<Item = String>) -> Vec<TextField> {
        let mut texts = Texts::default();
        lines.into_iter().for_each(|line| texts.object(&Json::parse(&line).unwrap()));
        texts.finish()
    }

    fn guesses(fields: &[TextField]) -> Vec<(&str, Option<Guess>)> {
        fields.iter().map(|field| (field.path.as_str(), field.guess)).collect()
    }

    #[test]
    fn usual_names_deep_down_and_inside_texts() {
        let line = |n: u32| {
            format!(
                r#"{{"data":{{"answers":[{{"text":"The sum is {n} today."}},{{"text":"It makes {n} in all."}}],"question":"What is the sum of {n}?"}},
                "user":"u-{n}","state":"ok","wrapped":"{{\"completion\":\"Well, it is {n} again.\"}}"}}"#
            )
        };
        let fields = found((0..20).map(line));
        let (samples, prompt) = (Some(Guess::Samples), Some(Guess::Prompt));
        assert_eq!(
            guesses(&fields),
            [("$.data.answers[*].text", samples), ("$.wrapped.completion", samples), ("$.data.question", prompt)]
        );
        assert_eq!((fields[0].count, fields[0].objects, fields[0].most, fields[0].distinct), (40, 20, 2, 1.0));
        assert_eq!(fields[0].examples, ["The sum is 0 today.", "It makes 0 in all."]);
        // The same path works where it is meant to.
        let map = format!("samples={},prompt={}", fields[0].path, fields[2].path);
        assert!(map.parse::<super::super::super::mapping::Mapping>().is_ok());
    }

    #[test]
    fn without_names_it_is_by_nature() {
        let line = |n: u32| {
            format!(
                r#"{{"a b":"How much is {n} and {n}?","c":["That would be {n}, as far as I can tell from what I know.","It is {n}, and that is all that I know about it."],
                "system":"You are a friendly assistant of the bank and you never give advice.","id":"4f1e-{n}"}}"#
            )
        };
        let fields = found((0..20).map(line));
        assert_eq!(guesses(&fields), [("$.c[*]", Some(Guess::Samples)), ("$[\"a b\"]", Some(Guess::Prompt))]);
        assert!("samples=$.c[*],prompt=$[\"a b\"]".parse::<super::super::super::mapping::Mapping>().is_ok());
    }

    #[test]
    fn a_conversation_is_one_candidate() {
        let line = r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is the time now?"}],
            "choices":[{"message":{"role":"assistant","content":"It is ten past four."}}],"user":"agent-8"}"#;
        let fields = found([line.to_owned()]);
        assert_eq!(
            guesses(&fields),
            [("$.choices[*].message.content", Some(Guess::Samples)), ("$.messages", Some(Guess::Prompt))]
        );
        assert_eq!(fields[1].examples, ["What is the time now?"]);
    }

    #[test]
    fn odd_keys_and_floods_do_no_harm() {
        let many =
            (0..5_000).map(|n| format!("\"k{n}\":\"one two three four five six seven\"")).collect::<Vec<_>>().join(",");
        let deep = format!("{}\"a b c\"{}", "{\"a\":".repeat(60), "}".repeat(60));
        let mut texts = Texts::default();
        for line in
            [format!("{{{many}}}"), deep, r#"{"a*[":"x y z","":"x y z","\"'":"x y z"}"#.into(), "[\"x y z\"]".into()]
        {
            texts.object(&Json::parse(&line).unwrap());
        }
        assert_eq!(texts.seen.len(), MOST);
        assert!(texts.finish().len() <= TOLD);
    }
}
