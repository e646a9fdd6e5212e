//! A JSON value as it stands in the input: keys in their order, texts borrowed where they can be, and no key twice in
//! one object. For the formats whose fields lie too deep to be met in one walk.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Reject, native::reject, prefix};

/// Nesting that is looked into; OTLP puts a message's text 24 levels deep.
const DEPTH: usize = 64;

/// Values that one line may hold: each costs some 40 bytes, ten times what a `0,` takes in the line.
const VALUES: usize = 500_000;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`, or what lies too deep.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction that fits.
    Whole(i64),
    /// Any other number; finite.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object; no key stands in it twice.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Json<'a> {
    /// Reads one value.
    ///
    /// # Errors
    /// The place and the reason, when the text is not JSON, has a key twice in one object, or holds absurdly many values.
    pub fn parse(text: &'a str) -> Result<Self, Reject> {
        let mut json = serde_json::Deserializer::from_str(text);
        let mut left = VALUES;
        let value = Seed { depth: 0, left: &mut left }.deserialize(&mut json);
        value.and_then(|value| json.end().map(|()| value)).map_err(|error| reject(&error))
    }

    /// The value of a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The first of several keys that holds something.
    pub fn first(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().find_map(|key| self.get(key).filter(|value| **value != Self::Null))
    }

    /// The keys and values of an object; of anything else none.
    pub fn entries(&self) -> &[(Cow<'a, str>, Self)] {
        if let Self::Object(entries) = self { entries } else { &[] }
    }

    /// The elements of a list; of anything else none.
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, also of a text that is one: protobuf's JSON writes 64-bit integers as texts.
    pub fn lenient_number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
            _ => self.number(),
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

struct Seed<'b> {
    depth: usize,
    /// Values that may still come.
    left: &'b mut usize,
}

impl Seed<'_> {
    fn below(&mut self) -> Seed<'_> {
        Seed { depth: self.depth + 1, left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.depth > DEPTH {
            return json.deserialize_ignored_any(IgnoredAny).map(|_| Json::Null);
        }
        *self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| de::Error::custom(format!("more than {VALUES} values in one line")))?;
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Json::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.below())? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        let mut many = std::collections::HashSet::new();
        while let Some(super::native::Key(key)) = map.next_key()? {
            // A set costs more than looking through a few keys.
            let known = match entries.len() {
                0..32 => entries.iter().any(|(name, _)| *name == key),
                _ => {
                    if many.is_empty() {
                        many.extend(entries.iter().map(|(name, _)| name.clone()));
                    }
                    !many.insert(key.clone())
                }
            };
            if known {
                return Err(de::Error::custom(format!("the key {:?} stands twice in one object", prefix(&key, 80))));
            }
            let value = map.next_value_seed(self.below())?;
            entries.push((key, value));
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_kinds_are_kept() {
        let json = Json::parse(r#"{"b":[1,2.5,"x\n",null,true],"a":{"n":"17"}}"#).unwrap();
        assert_eq!(json.entries()[0].0, "b");
        let kinds = [Json::Whole(1), Json::Number(2.5), Json::Text("x\n".into()), Json::Null, Json::Bool(true)];
        assert_eq!(json.get("b").unwrap().items(), kinds);
        assert_eq!(json.at(&["a", "n"]).and_then(Json::lenient_number), Some(17.0));
        assert_eq!(json.at(&["a", "n"]).and_then(Json::number), None);
        assert_eq!(json.first(&["no", "a"]), json.get("a"));
    }

    #[test]
    fn a_key_twice_is_refused_among_few_and_among_many() {
        let many: Vec<String> = (0..100).map(|i| format!("\"k{i}\":1")).collect();
        assert!(Json::parse(&format!("{{{}}}", many.join(","))).is_ok());
        for text in [r#"{"a":1,"\u0061":2}"#.to_owned(), format!("{{{},\"k99\":2}}", many.join(","))] {
            let reject = Json::parse(&text).unwrap_err();
            assert!(reject.reason.contains("stands twice"), "{}", reject.reason);
        }
    }

    #[test]
    fn depth_and_width_are_bounded() {
        let deep = format!("{{\"a\":{}1{},\"b\":2}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Json::parse(&deep).unwrap().get("b"), Some(&Json::Whole(2)));
        let wide = format!("[{}0]", "0,".repeat(VALUES));
        assert!(Json::parse(&wide).unwrap_err().reason.contains("values in one line"));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for text in ["", "{", "{\"a\":1} {}", "nope", "{\"a\":NaN}", "{\"a\":1e999}"] {
            let reject = Json::parse(text).unwrap_err();
            assert!(reject.column >= 1 && reject.reason.starts_with("not JSON"), "{text}: {}", reject.reason);
        }
    }
}
