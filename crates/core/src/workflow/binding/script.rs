//! Values in program text: through the environment, or as escaped data inside quotes.

use super::value::text_of;
use super::{BindError, Environment, Scope, push};
use crate::plan::{Script, ScriptPiece};
use crate::task::{Text, TextPiece};
use crate::workflow::reference::Reference;

/// The text of a script; values that come through the environment are added to it.
pub(super) fn bind(script: &Script, scope: &Scope<'_>, env: &mut Environment) -> Result<Text, BindError> {
    let mut pieces = Vec::new();
    for piece in &script.pieces {
        match piece {
            ScriptPiece::Text(text) => push(&mut pieces, text),
            ScriptPiece::Variable { variable, reference } => {
                env.insert(variable.clone(), value(reference, scope)?);
                push(&mut pieces, &format!("${{{variable}}}"));
            }
            ScriptPiece::Bound { variable, reference } => {
                // What the step declares under this name is the value already.
                if !env.contains_key(variable) {
                    env.insert(variable.clone(), value(reference, scope)?);
                }
            }
            ScriptPiece::SingleQuoted { reference } => {
                push(&mut pieces, &plain(reference, scope)?.replace('\'', "'\\''"));
            }
            ScriptPiece::HereDocument { reference, terminator } => {
                let text = plain(reference, scope)?;
                if text.lines().any(|line| line.trim_start_matches('\t') == terminator) {
                    return Err(BindError::new(format!(
                        "a value holds `{terminator}` on a line of its own, which would end the here-document it stands in"
                    )));
                }
                push(&mut pieces, &text);
            }
        }
    }
    Ok(Text { pieces })
}

fn value(reference: &Reference, scope: &Scope<'_>) -> Result<Text, BindError> {
    let text = text_of(reference, scope)?;
    let nul = |piece: &TextPiece| matches!(piece, TextPiece::Plain(text) if text.contains('\0'));
    if text.pieces.iter().any(nul) {
        return Err(BindError::new("a value holds a NUL character, which can't be passed to a process"));
    }
    Ok(text)
}

fn plain(reference: &Reference, scope: &Scope<'_>) -> Result<String, BindError> {
    let secret = || BindError::new("a secret can't stand inside quotes of a script: use double quotes");
    value(reference, scope)?.as_plain().ok_or_else(secret)
}
