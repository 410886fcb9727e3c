//! What the vendors' APIs want to read, and what they write.

use super::config::Vendor;

/// The shapes of API that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    OpenAi,
    Anthropic,
    Gemini,
}

impl Wire {
    /// The shape that a vendor's API has.
    pub(super) fn of(vendor: Vendor) -> Self {
        match vendor {
            Vendor::Anthropic => Self::Anthropic,
            Vendor::Gemini => Self::Gemini,
            Vendor::OpenAi
            | Vendor::Together
            | Vendor::Groq
            | Vendor::DeepSeek
            | Vendor::Ollama
            | Vendor::OpenAiCompatible => Self::OpenAi,
        }
    }
}
