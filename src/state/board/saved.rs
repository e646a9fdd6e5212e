//! A board as bytes: what its rows have led to, without what follows from the rest and without the rows themselves.

use flate2::Crc;

use super::Board;

/// Goes up with every change of what is saved.
const VERSION: u8 = 2;

/// Longest board that is read, bytes: that of most series, keys and alerts takes a tenth of it.
const LONGEST: usize = 64 << 20;

impl Board {
    /// All of it but the records, as bytes. Equal boards give equal bytes.
    pub fn save(&self) -> Vec<u8> {
        // Nothing in a board can be refused; if something were, `load` would refuse what is then no board.
        let mut bytes = postcard::to_extend(self, vec![VERSION]).unwrap_or_default();
        bytes.extend(sum(&bytes).to_le_bytes());
        bytes
    }

    /// A board from its bytes. [`Self::arrange`] makes it ready to be shown.
    ///
    /// # Errors
    /// In words, why these bytes are not of a board of this version.
    pub fn load(bytes: &[u8]) -> Result<Self, String> {
        let damaged = |why: &dyn std::fmt::Display| format!("the saved board is damaged: {why}");
        if bytes.len() > LONGEST {
            return Err(damaged(&"it is too long"));
        }
        let (body, held) = bytes.split_last_chunk().ok_or_else(|| damaged(&"it is cut short"))?;
        if sum(body) != u32::from_le_bytes(*held) {
            return Err(damaged(&"its checksum is another"));
        }
        let Some((&VERSION, body)) = body.split_first() else {
            return Err("the saved board is of another version".to_owned());
        };
        let board: Self = postcard::from_bytes(body).map_err(|error| damaged(&error))?;
        let sound = board.alerts.is_sound() && board.agents.is_sound() && board.sources.is_sound();
        if sound { Ok(board) } else { Err(damaged(&"it holds more than a board can")) }
    }
}

/// The checksum that stands behind a board.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
