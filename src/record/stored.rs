//! How the line of a record is written down beside its fields, and read again.

use std::fmt;

use bytes::Bytes;
use serde::{Deserializer, Serializer, de};

/// Writes the bytes as such.
///
/// # Errors
/// What the format's own writer refuses.
pub fn serialize<S: Serializer>(raw: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(raw)
}

/// Reads them again.
///
/// # Errors
/// What are no bytes.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    from.deserialize_bytes(Raw)
}

struct Raw;

impl de::Visitor<'_> for Raw {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a line")
    }

    fn visit_bytes<E: de::Error>(self, raw: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(raw))
    }

    fn visit_byte_buf<E: de::Error>(self, raw: Vec<u8>) -> Result<Bytes, E> {
        Ok(raw.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::super::names::{Names, Place};
    use super::super::{Name, Origin, Record, Seq};

    fn text() -> impl Strategy<Value = Arc<str>> {
        ".{0,20}".prop_map(Arc::from)
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let ts = option::of(any::<i64>().prop_map(|ns| Timestamp::from_nanosecond(ns.into()).unwrap()));
        let place = (any::<u64>(), text(), ts, text(), any::<u64>(), option::of(any::<u64>()), any::<u32>());
        let said = (option::of(text()), vec(text(), 0..4), option::of(any::<f64>()), any::<(bool, bool)>());
        let numbers = vec((".{0,300}".prop_map(Name::foreign), proptest::num::f64::ANY), 0..6);
        let labels = vec((text().prop_map(Name::foreign), text()), 0..6);
        (place, said, numbers, labels, vec(any::<u8>(), 0..200)).prop_map(|(place, said, numbers, labels, raw)| {
            let (seq, id, ts, key, offset, line, part) = place;
            let (prompt, samples, latency_ms, (truncated, lossy)) = said;
            let origin = Origin { source: Arc::clone(&key), file: Arc::clone(&id), offset, line, part };
            let raw = raw.into();
            let seq = Seq(seq);
            Record { seq, id, ts, key, prompt, samples, latency_ms, numbers, labels, truncated, lossy, origin, raw }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in any_record()) {
            let bytes = postcard::to_allocvec(&record).unwrap();
            let back: Record = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{record:?}"));
            prop_assert_eq!(postcard::to_allocvec(&back).unwrap(), bytes, "NaN to the last bit");
        }

        #[test]
        fn damage_is_refused_or_read(record in any_record(), at in any::<usize>(), with in any::<u8>()) {
            let mut bytes = postcard::to_allocvec(&record).unwrap();
            let at = at % bytes.len();
            prop_assert!(postcard::from_bytes::<Record>(&bytes[..at]).is_err());
            bytes[at] = with;
            let _ = postcard::from_bytes::<Record>(&bytes);
        }
    }

    #[test]
    fn names_that_are_alike_share_their_text() {
        // The root is in the table before other tests fill it.
        let root = Names::default().name(&Place::ROOT);
        let bytes = postcard::to_allocvec(&root).unwrap();
        let names: [Name; 2] = std::array::from_fn(|_| postcard::from_bytes(&bytes).unwrap());
        assert!(names.iter().all(|name| Arc::ptr_eq(name.shared(), root.shared())));
        assert_eq!((names[0].footprint(), names[0].id()), (0, None));
    }
}
