//! What models are told: the texts, and the fences that keep data apart from them.

mod fence;

pub(crate) use fence::{Fence, tame};

/// The language and its rules; `FENCE` in it stands for the fence.
pub(crate) const AUTHOR: &str = include_str!("author.md");
/// What to do with a task.
pub(crate) const GENERATE: &str = include_str!("generate.md");
/// What is said about look-ups to a model that may make them.
pub(crate) const LOOK_UP: &str = include_str!("look_up.md");
/// What to do with a draft and its findings.
pub(crate) const MEND: &str = include_str!("mend.md");
pub(crate) const ANEW: &str = include_str!("anew.md");
/// What to do with a workflow and its requirements.
pub(crate) const REFINE: &str = include_str!("refine.md");
/// What to do with what changes made of a workflow, and with its findings.
pub(crate) const CHANGE_DRAFT: &str = include_str!("change_draft.md");
/// What to do when an answer could not be read, or spoke of what is not there.
pub(crate) const CHANGE_AGAIN: &str = include_str!("change_again.md");
/// What to do when mending brought the same draft again.
pub(crate) const CHANGE_ANEW: &str = include_str!("change_anew.md");
