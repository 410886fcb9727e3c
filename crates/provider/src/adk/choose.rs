//! Which model a request is for.

use std::sync::Arc;

use super::config::AdkConfig;
use crate::model::{Gateway, Model};
use crate::planner;
use crate::provider::DraftError;

/// The models that are configured.
pub trait Models: Send + Sync {
    /// A model by the name that requests use.
    fn model(&self, name: &str) -> Option<Arc<dyn Model>>;

    /// The names of all, the default first.
    fn names(&self) -> Vec<String>;
}

/// No model at all; the built-in planner does everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModels;

impl Models for NoModels {
    fn model(&self, _name: &str) -> Option<Arc<dyn Model>> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Models for Gateway {
    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        Self::model(self, name)
    }

    fn names(&self) -> Vec<String> {
        Self::names(self)
    }
}

/// What an agent is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Makes a first draft.
    Generator,
    /// Mends a draft, or changes a workflow.
    Refiner,
}

/// Who does the work.
pub(super) enum Author {
    /// Says by itself when a model was asked for.
    Planner,
    Model(Arc<dyn Model>),
}

/// Finds who does the work: what the request says, else what the instance is set up with, else the
/// first model that is configured, else the planner.
pub(super) fn author(
    requested: Option<&str>,
    role: Role,
    config: &AdkConfig,
    models: &dyn Models,
) -> Result<Author, DraftError> {
    let names = models.names();
    if let Some(requested) = requested.map(str::trim).filter(|requested| !requested.is_empty()) {
        if requested == planner::MODEL || names.is_empty() {
            return Ok(Author::Planner);
        }
        return models.model(requested).map(Author::Model).ok_or_else(|| no_such(requested, models));
    }
    let own = match role {
        Role::Generator => config.generator.as_ref(),
        Role::Refiner => config.refiner.as_ref(),
    };
    let Some(name) = own.or(config.model.as_ref()).or(names.first()) else {
        return Ok(Author::Planner);
    };
    if name == planner::MODEL {
        return Ok(Author::Planner);
    }
    models.model(name).map(Author::Model).ok_or_else(|| no_such(name, models))
}

fn no_such(model: &str, models: &dyn Models) -> DraftError {
    DraftError::NoSuchModel { model: model.to_owned(), help: format!("there is {}", listed(models)) }
}

/// The models that exist, for people.
pub(super) fn listed(models: &dyn Models) -> String {
    let mut names = models.names();
    names.push(planner::MODEL.to_owned());
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
