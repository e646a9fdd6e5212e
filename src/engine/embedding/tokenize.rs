//! Text to token ids.

use tokenizers::{Tokenizer, TruncationParams};

use super::model::ModelError;

/// Tokens of a text that the model reads, with the two that frame it; the rest is cut.
pub const MAX_TOKENS: usize = 256;

/// The model's own tokenizer, set to truncate at [`MAX_TOKENS`] and to pad nothing.
pub struct TextTokenizer {
    inner: Tokenizer,
}

impl TextTokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_bytes(json: &[u8]) -> Result<Self, ModelError> {
        Self::with_length(json, MAX_TOKENS)
    }

    /// The same, for a model that reads `tokens` tokens.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn with_length(json: &[u8], tokens: usize) -> Result<Self, ModelError> {
        let unreadable = |e: tokenizers::Error| ModelError::Unreadable { what: "tokenizer.json", why: e.to_string() };
        let mut inner = Tokenizer::from_bytes(json).map_err(unreadable)?;
        // The file carries settings of another use: padding to 128, truncation at 128.
        inner.with_padding(None);
        let truncation = TruncationParams { max_length: tokens, ..TruncationParams::default() };
        inner.with_truncation(Some(truncation)).map_err(unreadable)?;
        Ok(Self { inner })
    }

    /// Token ids of a text, framed; at most [`MAX_TOKENS`].
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        // 256 tokens need at most a few KiB of text; handing over 64 KiB would only cost time. Word pieces of more
        // than 100 letters become one [UNK] token, so the bound has room for words of that length.
        let text = crate::record::prefix(text, MAX_TOKENS * 128);
        let encoding = self.inner.encode_fast(text, true).map_err(|e| ModelError::Run(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }
}
