//! A timeline as a store has it, before it is known to be one.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, de};

use super::Timeline;

/// Most buckets that are read: one that holds a histogram grows a thousandfold from a few bytes.
const MOST: usize = 1_024;

/// Widest bucket, s, and the time farthest from the epoch that one begins at: all time that there is, and some.
const FARTHEST_S: i64 = 1 << 40;

/// The fields of a [`Timeline`].
#[derive(Deserialize)]
#[serde(bound = "B: Deserialize<'de>")]
pub(super) struct Saved<B> {
    capacity: usize,
    width_s: i64,
    first: i64,
    #[serde(deserialize_with = "buckets")]
    buckets: VecDeque<B>,
}

impl<B> TryFrom<Saved<B>> for Timeline<B> {
    type Error = &'static str;

    fn try_from(saved: Saved<B>) -> Result<Self, Self::Error> {
        let Saved { capacity, width_s, first, buckets } = saved;
        let start = first.checked_mul(width_s).and_then(i64::checked_abs);
        let sound = (2..=MOST).contains(&capacity)
            && buckets.len() <= capacity
            && (1..=FARTHEST_S).contains(&width_s)
            && start.is_some_and(|start| start <= FARTHEST_S);
        if sound { Ok(Self { capacity, width_s, first, buckets }) } else { Err("a timeline that none could be") }
    }
}

fn buckets<'de, D: Deserializer<'de>, B: Deserialize<'de>>(from: D) -> Result<VecDeque<B>, D::Error> {
    from.deserialize_seq(Buckets(PhantomData))
}

struct Buckets<B>(PhantomData<B>);

impl<'de, B: Deserialize<'de>> de::Visitor<'de> for Buckets<B> {
    type Value = VecDeque<B>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST} buckets")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut buckets = VecDeque::new();
        while let Some(bucket) = list.next_element()? {
            if buckets.len() == MOST {
                return Err(de::Error::invalid_length(MOST + 1, &self));
            }
            buckets.push_back(bucket);
        }
        Ok(buckets)
    }
}
