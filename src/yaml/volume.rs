//! What a file amounts to once its aliases are put in, counted before any of it is kept: a few lines can stand for more
//! than there is memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::MAX_BYTES;

/// Whether a text amounts to more than any text without aliases could. What is no YAML at all is left to the parser.
pub(super) fn is_too_large(text: &str) -> bool {
    let volume = Volume::default();
    volume.deserialize(serde_yaml::Deserializer::from_str(text)).is_err() && volume.is_full()
}

/// Counts values and texts.
#[derive(Default)]
struct Volume {
    values: Cell<usize>,
    bytes: Cell<usize>,
}

/// Most values and most bytes of texts that a file may amount to: no file without aliases can have more.
const MOST_VALUES: usize = MAX_BYTES / 2;
const MOST_TEXT: usize = 2 * MAX_BYTES;

impl Volume {
    fn is_full(&self) -> bool {
        self.values.get() > MOST_VALUES || self.bytes.get() > MOST_TEXT
    }

    fn add<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
        if self.is_full() { Err(E::custom("too much")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &Volume {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Volume {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.add(0)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.add(0)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.add(0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.add(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.add(0)?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.add(0)?;
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (_, content) = data.variant::<IgnoredAny>()?;
        content.newtype_variant_seed(self)
    }
}
