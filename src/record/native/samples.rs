//! The `samples` of a record: a list of strings, read up to its bounds.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{Draft, Limits, prefix};

/// Reads the list into a draft.
pub(super) struct SamplesSeed<'a> {
    pub draft: &'a mut Draft,
    pub limits: &'a Limits,
}

impl SamplesSeed<'_> {
    fn wrong<E: de::Error>(found: &str) -> E {
        E::custom(format!("samples must be a list of strings, found {found}"))
    }
}

impl<'de> DeserializeSeed<'de> for SamplesSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SamplesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("samples as a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while self.draft.samples.len() < self.limits.samples {
            let index = self.draft.samples.len();
            match list.next_element_seed(SampleSeed { index, limit: self.limits.sample_bytes })? {
                Some((text, cut)) => {
                    self.draft.samples.push(text);
                    self.draft.truncated |= cut;
                }
                None => return Ok(()),
            }
        }
        let mut index = self.draft.samples.len();
        while list.next_element_seed(SampleSeed { index, limit: 0 })?.is_some() {
            self.draft.truncated = true;
            index += 1;
        }
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Err(Self::wrong("null"))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Err(Self::wrong("a string"))
    }
}

/// One sample: its text, cut at the limit, and whether it was cut.
struct SampleSeed {
    index: usize,
    limit: usize,
}

impl<'de> DeserializeSeed<'de> for SampleSeed {
    type Value = (Arc<str>, bool);
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SampleSeed {
    type Value = (Arc<str>, bool);

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "samples[{}] as a string", self.index)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let kept = prefix(text, self.limit);
        Ok((kept.into(), kept.len() < text.len()))
    }
}
