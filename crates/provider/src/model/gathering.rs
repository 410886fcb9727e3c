//! An answer while it comes in.

use serde_json::{Map, Value};

use super::failure::Failed;
use super::limits;
use super::port::{Finish, ToolCall};

/// How calls are named for which the vendor gave no id; such ids are not sent back to it where it can
/// do without.
const OWN_ID: &str = "partita_call_";

/// What has come of an answer.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    pub(super) text: String,
    /// Characters of thoughts, for estimating.
    pub(super) thought_chars: u64,
    calls: Vec<PartialCall>,
    /// What the model or the vendor said instead of an answer.
    pub(super) refusal: String,
    /// Why it ended, once that was said.
    pub(super) finish: Option<Finish>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    /// The vendor said that nothing more will come.
    pub(super) done: bool,
    /// At least one event was of the vendor's protocol.
    pub(super) begun: bool,
    /// How much of the text was looked at for circles.
    looked_at: usize,
}

/// A piece of an answer that can be shown at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Thought(String),
}

/// A call that is still being written.
#[derive(Debug, Default)]
struct PartialCall {
    place: u64,
    id: String,
    name: String,
    arguments: String,
    /// Arguments that came whole.
    whole: Option<Value>,
    signature: Option<String>,
}

/// A piece of a call.
#[derive(Debug, Default)]
pub(super) struct CallPiece<'a> {
    /// Which call of the answer it belongs to.
    pub(super) place: u64,
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
    pub(super) whole: Option<Value>,
    pub(super) signature: Option<&'a str>,
}

impl Gathering {
    /// Takes a piece of text.
    pub(super) fn say(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.text.push_str(text);
            pieces.push(Piece::Text(text.to_owned()));
        }
    }

    /// Whether the text has come to repeat itself over and over, as small models do until somebody stops them: its end is
    /// one piece of text several times. Looked for from time to time, since most answers never do.
    pub(super) fn goes_in_circles(&mut self) -> bool {
        let text = self.text.as_bytes();
        if text.len() < self.looked_at + limits::CIRCLE_BYTES / 2 || text.len() < limits::CIRCLE_BYTES {
            return false;
        }
        self.looked_at = text.len();
        let end = &text[text.len() - limits::CIRCLE_BYTES..];
        (1..=limits::CIRCLE_BYTES / limits::CIRCLE_TIMES).any(|length| end[length..] == end[..end.len() - length])
    }

    /// Takes a piece of a thought.
    pub(super) fn think(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.thought_chars += text.chars().count() as u64;
            pieces.push(Piece::Thought(text.to_owned()));
        }
    }

    /// Takes a piece of a call.
    ///
    /// # Errors
    ///
    /// When there are more calls than we read.
    pub(super) fn call(&mut self, piece: CallPiece<'_>) -> Result<(), Failed> {
        let found = self.calls.iter().position(|call| call.place == piece.place);
        let index = match found {
            Some(index) => index,
            None if self.calls.len() == limits::CALLS_MAX => {
                return Err(Failed::unusable(format!("more than {} calls of tools at once", limits::CALLS_MAX)));
            }
            None => {
                self.calls.push(PartialCall { place: piece.place, ..PartialCall::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[index];
        if call.id.is_empty() {
            piece.id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            piece.name.clone_into(&mut call.name);
        }
        call.arguments.push_str(piece.arguments);
        call.whole = piece.whole.or_else(|| call.whole.take());
        call.signature = piece.signature.map(str::to_owned).or_else(|| call.signature.take());
        Ok(())
    }

    /// The place after the last call, for vendors that don't number them.
    pub(super) fn next_place(&self) -> u64 {
        self.calls.last().map_or(0, |call| call.place + 1)
    }

    /// The place of the last call.
    pub(super) fn last_place(&self) -> u64 {
        self.calls.last().map_or(0, |call| call.place)
    }

    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Characters that the model wrote.
    pub(super) fn chars(&self) -> u64 {
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        self.text.chars().count() as u64 + self.thought_chars + calls as u64
    }

    /// The calls, whole. Those without an id get one that is new in a chat with so many earlier calls.
    pub(super) fn calls(&self, earlier: usize) -> Vec<ToolCall> {
        let calls = self.calls.iter().enumerate();
        calls
            .map(|(index, call)| {
                let id = if call.id.is_empty() { format!("{OWN_ID}{}", earlier + index) } else { call.id.clone() };
                let arguments = call.whole.clone().unwrap_or_else(|| read_arguments(&call.arguments));
                ToolCall { id, name: call.name.clone(), arguments, signature: call.signature.clone() }
            })
            .collect()
    }
}

/// Whether the vendor knows this id.
pub(super) fn is_vendors_id(id: &str) -> bool {
    !id.is_empty() && !id.starts_with(OWN_ID)
}

fn read_arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
