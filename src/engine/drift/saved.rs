//! What the engine knows, across the end of the process.
//!
//! A checkpoint is JSON, and a detector some hundred numbers: each is packed (postcard, in base64), which is a fifth as
//! long as its numbers would be and has every bit of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DetectorState;
use super::budget::Rate;
use super::series::{Drift, Key, Series, Watch};
use super::watched::Sanity;
use crate::record::Seq;

/// Version of [`Saved`]: it goes up with every change of a detector's fields.
const VERSION: u32 = 2;

/// The state of the engine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Saved {
    version: u32,
    evicted: u64,
    rate: Rate,
    /// Records so far: thresholds follow the rate once in a number of them.
    records: u64,
    rows_per_alarm: f64,
    keys: Vec<SavedKey>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedKey {
    key: Arc<str>,
    last: Seq,
    series: Vec<(Arc<str>, Option<Seq>, String)>,
    /// A packed [`Meaning`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
}

/// A series, as it is packed.
#[derive(Serialize, Deserialize)]
enum Packed {
    Watched(DetectorState, Option<Sanity>),
    Skipped(String),
}

/// Why a series is not watched, where the reason of a former version is not among today's.
const SKIPPED: &str = "an earlier run found that it is no behaviour";

fn pack(watch: &Watch) -> String {
    let packed = match watch {
        Watch::Yes(detector, sanity) => Packed::Watched(detector.save(), sanity.clone()),
        Watch::No(why) => Packed::Skipped((*why).to_owned()),
    };
    encode(&packed)
}

fn encode<T: Serialize>(packed: &T) -> String {
    STANDARD_NO_PAD.encode(postcard::to_allocvec(packed).unwrap_or_default())
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("the drift engine's state is damaged: {error}");
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| damaged(&error))?;
    postcard::from_bytes(&bytes).map_err(|error| damaged(&error))
}

fn unpack(text: &str) -> Result<Watch, String> {
    match decode(text)? {
        Packed::Watched(state, sanity) => Ok(Watch::Yes(state.restore(), sanity)),
        Packed::Skipped(_) => Ok(Watch::No(SKIPPED)),
    }
}

impl Drift {
    /// What it knows.
    pub fn save(&self) -> Saved {
        let series = |series: &Series| (Arc::clone(&series.name), series.last, pack(&series.watch));
        let key = |(key, state): (&Arc<str>, &Key)| SavedKey {
            key: Arc::clone(key),
            last: state.last,
            series: state.series.iter().map(series).collect(),
            meaning: state.meaning.as_deref().map(encode),
        };
        let keys = self.keys.iter().map(key).collect();
        let (records, rows_per_alarm) = (self.records, self.rows_per_alarm());
        Saved { version: VERSION, evicted: self.evicted, rate: self.rate, records, rows_per_alarm, keys }
    }

    /// Goes on from what another engine knew. `same_scores`: the same backend and model computes the divergence; its
    /// series start anew otherwise.
    ///
    /// # Errors
    /// When it has another version, or is damaged; the engine begins anew then.
    pub fn restore(&mut self, saved: Saved, same_scores: bool) -> Result<(), String> {
        if saved.version != VERSION {
            return Err(format!(
                "the drift engine's state has version {}, this program knows {VERSION}",
                saved.version
            ));
        }
        (self.evicted, self.rate, self.records) = (saved.evicted, saved.rate, saved.records);
        let kept = |name: &str| same_scores || !name.starts_with("divergence.");
        for SavedKey { key, last, series, meaning } in saved.keys.into_iter().take(self.admission.options.keys) {
            let meaning = meaning.filter(|_| same_scores && self.meanings < self.admission.options.embedding_keys);
            let meaning = meaning.map(|packed| decode(&packed)).transpose()?;
            self.meanings += usize::from(meaning.is_some());
            let mut held = Key { series: Vec::new(), last, records: 0, meaning };
            for (name, last, packed) in series.into_iter().filter(|(name, ..)| kept(name)) {
                held.series.push(self.admission.again(name, unpack(&packed)?, last, &self.common));
            }
            held.series.truncate(self.admission.options.series);
            self.admission.total += held.series.len();
            self.keys.insert(key, held);
        }
        self.admission.go_on_with(saved.rows_per_alarm);
        Ok(())
    }
}
