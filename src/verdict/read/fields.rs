//! The keys of an object in a line, and what is said when one of them is not as it should be.

use std::fmt;
use std::sync::Arc;

use crate::record::json::Json;
use crate::record::prefix;

/// Bytes of a wrong text that are shown.
const SHOWN: usize = 40;

/// Where an object stands in the line.
#[derive(Clone, Copy)]
pub(crate) enum Within {
    /// It is the line.
    Line,
    /// At a key.
    Key(&'static str),
    /// In the list at a key.
    Item(&'static str, usize),
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line => Ok(()),
            Self::Key(key) => f.write_str(key),
            Self::Item(key, index) => write!(f, "{key}[{index}]"),
        }
    }
}

/// An object of the line.
pub(crate) struct Fields<'j, 'a> {
    json: &'j Json<'a>,
    within: Within,
}

impl<'j, 'a> Fields<'j, 'a> {
    /// The line.
    pub fn of(json: &'j Json<'a>) -> Result<Self, String> {
        Self::within(json, Within::Line)
    }

    /// An object inside it.
    pub fn within(json: &'j Json<'a>, within: Within) -> Result<Self, String> {
        if json.is_object() {
            return Ok(Self { json, within });
        }
        let place = match within {
            Within::Line => "the line".to_owned(),
            within => format!("`{within}`"),
        };
        Err(format!("{place}: expected an object, found {}", kind(Some(json))))
    }

    /// What stands at a key, if it is not null.
    pub fn get(&self, key: &str) -> Option<&'j Json<'a>> {
        self.json.get(key).filter(|value| **value != Json::Null)
    }

    /// What is wrong at a key.
    pub fn fault(&self, key: &str, want: impl fmt::Display) -> String {
        let dot = if matches!(self.within, Within::Line) { "" } else { "." };
        format!("`{}{dot}{key}`: expected {want}, found {}", self.within, kind(self.json.get(key)))
    }

    /// A text, cut.
    pub fn text(&self, key: &str, bytes: usize) -> Result<Arc<str>, String> {
        let found = self.get(key).and_then(Json::text);
        found.map(|text| prefix(text, bytes).into()).ok_or_else(|| self.fault(key, "a text"))
    }

    /// A text that may be missing.
    pub fn text_or(&self, key: &str, bytes: usize, otherwise: &str) -> Result<Arc<str>, String> {
        if self.get(key).is_some() { self.text(key, bytes) } else { Ok(otherwise.into()) }
    }

    /// A number that may be missing.
    pub fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let Some(found) = self.get(key) else { return Ok(None) };
        found.number().map(Some).ok_or_else(|| self.fault(key, "a number or null"))
    }

    /// A number of which null says that it was not finite; 0 where the key is missing.
    pub fn figure(&self, key: &str) -> Result<f64, String> {
        match self.json.get(key) {
            None => Ok(0.0),
            Some(_) => self.number(key).map(|number| number.unwrap_or(f64::NAN)),
        }
    }

    /// A whole number.
    pub fn whole<T: TryFrom<i64>>(&self, key: &str) -> Result<T, String> {
        self.maybe_whole(key)?.ok_or_else(|| self.fault(key, "a whole number"))
    }

    /// A whole number that may be missing.
    pub fn maybe_whole<T: TryFrom<i64>>(&self, key: &str) -> Result<Option<T>, String> {
        let Some(found) = self.get(key) else { return Ok(None) };
        let whole = match found {
            Json::Whole(value) => T::try_from(*value).ok(),
            _ => None,
        };
        let bits = size_of::<T>() * 8;
        whole.map(Some).ok_or_else(|| self.fault(key, format_args!("a whole number from 0 up, of {bits} bits at most")))
    }

    /// One of several words.
    pub fn word<T: Copy>(&self, key: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T, String> {
        let found = self.get(key).and_then(Json::text);
        let known = found.and_then(|found| all.iter().find(|one| word(**one) == found));
        known.copied().ok_or_else(|| {
            let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
            match &words[..] {
                [one] => self.fault(key, one),
                _ => self.fault(key, format_args!("one of {}", words.join(", "))),
            }
        })
    }

    /// An object.
    pub fn object(&self, key: &'static str) -> Result<Self, String> {
        let found = self.get(key).ok_or_else(|| self.fault(key, "an object"))?;
        Self::within(found, Within::Key(key))
    }

    /// A list.
    pub fn list(&self, key: &str) -> Result<&'j [Json<'a>], String> {
        match self.get(key) {
            Some(Json::List(items)) => Ok(items),
            _ => Err(self.fault(key, "a list")),
        }
    }
}

fn kind(json: Option<&Json<'_>>) -> String {
    match json {
        None => "nothing".into(),
        Some(Json::Null) => "null".into(),
        Some(Json::Bool(value)) => value.to_string(),
        Some(Json::Whole(value)) => value.to_string(),
        Some(Json::Number(value)) => format!("{value:?}"),
        Some(Json::Text(text)) => format!("{:?}", prefix(text, SHOWN)),
        Some(Json::List(_)) => "a list".into(),
        Some(Json::Object(_)) => "an object".into(),
    }
}
