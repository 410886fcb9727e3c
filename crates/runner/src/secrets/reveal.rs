//! Puts secrets into the texts of a task and remembers which were used, so that they can be masked.

use partita_core::task::{Text, TextPiece};

use super::{Patterns, Secrets};

/// A task refers to a secret that nobody set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the secret `{name}` is not set: set PARTITA_SECRET_{name} for the server, or add it to its secrets file")]
pub(crate) struct NoSuchSecret {
    pub(crate) name: String,
}

/// Turns texts into plain strings.
pub(crate) struct Revealer<'a> {
    secrets: &'a dyn Secrets,
    revealed: Vec<String>,
}

impl<'a> Revealer<'a> {
    /// Nothing is revealed yet.
    pub(crate) fn new(secrets: &'a dyn Secrets) -> Self {
        Self { secrets, revealed: Vec::new() }
    }

    /// The text with its secrets in place.
    pub(crate) fn text(&mut self, text: &Text) -> Result<String, NoSuchSecret> {
        let mut plain = String::new();
        for piece in &text.pieces {
            match piece {
                TextPiece::Plain(text) => plain.push_str(text),
                TextPiece::Secret(name) => {
                    let value = self.secrets.get(name).ok_or_else(|| NoSuchSecret { name: name.clone() })?;
                    plain.push_str(&value);
                    if !self.revealed.contains(&value) {
                        self.revealed.push(value);
                    }
                }
            }
        }
        Ok(plain)
    }

    /// The text with its secrets in place, when there is one.
    pub(crate) fn optional(&mut self, text: Option<&Text>) -> Result<Option<String>, NoSuchSecret> {
        text.map(|text| self.text(text)).transpose()
    }

    /// How to recognise all that was revealed.
    pub(crate) fn patterns(&self) -> Patterns {
        Patterns::of(&self.revealed)
    }
}
