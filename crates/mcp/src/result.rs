//! What a tool gave.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

use crate::clean;
use crate::limits::{LINE_CHARS_MAX, RESULT_BYTES_MAX};

/// What a tool gave: a stranger's data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// Its structured content.
    pub structured: Option<Value>,
    /// Its texts, one after the other; what is no text is named in brackets.
    pub text: String,
    /// Whether the tool says that it failed.
    pub is_error: bool,
    /// Whether the text was cut.
    pub is_cut: bool,
}

impl ToolResult {
    /// The structured content as JSON, else the text.
    #[must_use]
    pub fn output(&self) -> String {
        match &self.structured {
            Some(value) => value.to_string(),
            None => self.text.clone(),
        }
    }

    pub(crate) fn read(result: CallToolResult) -> Self {
        let mut text = String::new();
        let mut is_cut = false;
        for block in &result.content {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&clean::kept(&shown(block)));
            if text.len() > RESULT_BYTES_MAX {
                text.truncate(text.floor_char_boundary(RESULT_BYTES_MAX));
                is_cut = true;
                break;
            }
        }
        let structured = result.structured_content.map(|mut value| {
            clean::value(&mut value);
            value
        });
        Self { structured, text, is_error: result.is_error == Some(true), is_cut }
    }
}

fn shown(block: &ContentBlock) -> String {
    let bytes = |base64: &str| base64.len() / 4 * 3;
    let line = |text: &str| clean::line(text, LINE_CHARS_MAX);
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[image {}, {} bytes]", line(&image.mime_type), bytes(&image.data)),
        ContentBlock::Audio(audio) => format!("[audio {}, {} bytes]", line(&audio.mime_type), bytes(&audio.data)),
        ContentBlock::ResourceLink(link) => format!("[{}]", line(&link.uri)),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, blob, .. } => {
                format!("[{}, {} bytes]", line(uri), bytes(blob))
            }
            _ => "[a resource of an unknown kind]".to_owned(),
        },
        _ => "[content of an unknown kind]".to_owned(),
    }
}
