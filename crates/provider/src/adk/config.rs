//! How an instance of the provider is set up.

use serde::{Deserialize, Serialize};

use super::choose::Models;
use crate::planner;

/// Rounds of look-ups that an agent may make for one draft when nobody says otherwise. Enough to search
/// for tools, read two of them and a template; a model that still looks around then goes in circles.
const LOOKUPS_DEFAULT: u32 = 4;
/// Rounds of look-ups that can be configured at most: each is a request that costs the whole prompt.
const LOOKUPS_MAX: u32 = 16;
/// How much a prompt says about tools, templates and the like when nobody says otherwise: some two
/// thousand tokens, which a small model still reads in seconds.
const CONTEXT_BYTES_DEFAULT: usize = 8 * 1024;
/// Less than this holds no tool's parameters.
const CONTEXT_BYTES_MIN: usize = 1024;
/// More than this is more than any task needs.
const CONTEXT_BYTES_MAX: usize = 256 * 1024;

/// An instance of the provider, as the configuration file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdkConfig {
    /// The name that requests use.
    pub name: String,
    /// The model for everything; the first one that is configured when absent. `builtin/planner` means
    /// the built-in planner.
    pub model: Option<String>,
    /// Another model for first drafts.
    pub generator: Option<String>,
    /// Another model for mending drafts and for `/refine`.
    pub refiner: Option<String>,
    /// Rounds of look-ups for one draft; 0: none, and first drafts are held to a schema as well.
    pub lookups_max: u32,
    /// How much a prompt says about tools, templates and the like, in bytes.
    pub context_bytes_max: usize,
    /// Whether a model is shown what the built-in planner makes of the task.
    pub offer_plan: bool,
}

impl Default for AdkConfig {
    fn default() -> Self {
        Self {
            name: "adk".to_owned(),
            model: None,
            generator: None,
            refiner: None,
            lookups_max: LOOKUPS_DEFAULT,
            context_bytes_max: CONTEXT_BYTES_DEFAULT,
            offer_plan: false,
        }
    }
}

/// A configuration names a model that is not configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider {provider} is to use the model {model}, which is not configured; there is {known}")]
pub struct UnknownModel {
    pub provider: String,
    pub model: String,
    /// Those that are, for people.
    pub known: String,
}

impl AdkConfig {
    /// Looks whether every model that is named exists, and brings numbers into their bounds.
    pub(super) fn checked(mut self, models: &dyn Models) -> Result<Self, UnknownModel> {
        let names = [&self.model, &self.generator, &self.refiner];
        let unknown = |name: &&String| name.as_str() != planner::MODEL && models.model(name).is_none();
        if let Some(model) = names.into_iter().flatten().find(unknown) {
            let (provider, model) = (self.name.clone(), model.clone());
            let known = super::choose::listed(models);
            return Err(UnknownModel { provider, model, known });
        }
        self.lookups_max = self.lookups_max.min(LOOKUPS_MAX);
        self.context_bytes_max = self.context_bytes_max.clamp(CONTEXT_BYTES_MIN, CONTEXT_BYTES_MAX);
        Ok(self)
    }
}
