//! Keys of JSON objects: read without a copy, and never twice in one object.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};

use super::{Place, prefix};

/// The keys that an object has shown so far.
#[derive(Default)]
pub(super) struct Seen {
    few: Vec<usize>,
    many: HashSet<usize>,
    foreign: HashSet<Box<str>>,
}

impl Seen {
    const FEW: usize = 16;

    fn first_time(&mut self, place: &Place, key: &str) -> bool {
        match place {
            Place::Foreign(_) | Place::Nowhere => self.foreign.insert(key.into()),
            Place::Known(node) if self.few.contains(node) => false,
            Place::Known(node) if self.few.len() < Self::FEW => {
                self.few.push(*node);
                true
            }
            Place::Known(node) => self.many.insert(*node),
        }
    }

    /// Refuses a key that was there already.
    pub fn check<E: de::Error>(&mut self, place: &Place, key: &str) -> Result<(), E> {
        if self.first_time(place, key) {
            return Ok(());
        }
        Err(E::custom(format!("the key {:?} stands twice in one object", prefix(key, 80))))
    }
}

/// A key as it stands in the input: borrowed when it has no escapes.
pub(in crate::record) struct Key<'de>(pub Cow<'de, str>);

impl<'de> de::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(v.to_owned())))
            }
        }
        json.deserialize_str(KeyVisitor)
    }
}
