//! What planning takes and gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plan::Plan;
use crate::tool::Catalogue;
use crate::workflow::document::{Effects, OnFailure};
use crate::workflow::parse::Places;
use crate::{Diagnostic, Millis};

/// What planning has to know besides the workflow.
#[derive(Clone, Copy)]
pub struct PlanRequest<'a> {
    pub catalogue: &'a Catalogue,
    /// Values for the workflow's parameters.
    pub parameters: &'a Map<String, Value>,
    /// Free facts that expressions see as `context`.
    pub context: &'a Map<String, Value>,
    /// Names of runners that exist, with their aliases.
    pub runners: &'a BTreeSet<String>,
    /// Whether a program is installed where steps run; only warnings depend on it.
    pub installed: &'a dyn Fn(&str) -> bool,
    /// Variables of the server that `${env.X}` may see without being declared.
    pub visible_env: &'a BTreeMap<String, String>,
    /// What the caller asks for; beats the document.
    pub on_failure: Option<OnFailure>,
    pub timeout_ms: Option<Millis>,
    pub runner: Option<&'a str>,
    /// Where values stand, when the document came as text.
    pub places: Option<&'a Places>,
    pub purpose: Purpose,
}

impl<'a> PlanRequest<'a> {
    /// A request in which nothing is given, every program is installed, and `local` is the only runner: what
    /// a place that runs nothing begins with.
    #[must_use]
    pub fn lenient(catalogue: &'a Catalogue, purpose: Purpose) -> Self {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        static LOCAL: LazyLock<BTreeSet<String>> = LazyLock::new(|| BTreeSet::from(["local".to_owned()]));
        static NO_VARIABLES: BTreeMap<String, String> = BTreeMap::new();
        Self {
            catalogue,
            parameters: &NOTHING,
            context: &NOTHING,
            runners: &LOCAL,
            installed: &|_| true,
            visible_env: &NO_VARIABLES,
            on_failure: None,
            timeout_ms: None,
            runner: None,
            places: None,
            purpose,
        }
    }
}

/// What a plan is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at: required parameters may be missing.
    Validate,
    /// To run: every parameter must have its value.
    Execute,
}

/// A plan, or why there is none.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// Present exactly when no issue is an error.
    pub plan: Option<Plan>,
    pub issues: Vec<Diagnostic>,
    pub suggestions: Vec<String>,
    /// In document order.
    pub risk: Vec<StepRisk>,
}

impl Planned {
    /// Whether there is nothing that forbids a run.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.plan.is_some()
    }
}

/// What a step may do to the world, and why we think so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRisk {
    pub step: String,
    pub effects: Effects,
    pub reasons: Vec<String>,
}
