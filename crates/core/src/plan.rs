//! A plan: a validated workflow with its parameters, ready to run. It is the first record of every
//! run, so it holds all that the run will ever need: no later upgrade or edit of the catalogue changes
//! a run that began. Only `workflow::plan` makes one (tests build small ones by hand).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Millis;
use crate::workflow::document::{Budget, ContinueOn, Effects, OnFailure, Retry, RollbackWhen};
use crate::workflow::reference::{Reference, Template};

/// A validated workflow with resolved parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    pub name: String,
    /// The canonical document, for people and for `retry`.
    pub document: Value,
    /// Declared ones with their defaults, and those that were only passed in. Secret ones are absent.
    pub parameters: Map<String, Value>,
    /// Names of parameters whose values are sealed: shown nowhere.
    pub secret_parameters: Vec<String>,
    pub env: IndexMap<String, Template>,
    pub preconditions: Vec<PlannedPrecondition>,
    /// In document order; `needs` may point forwards and backwards but never round in a circle.
    pub steps: Vec<PlannedStep>,
    pub handlers: PlannedHandlers,
    pub on_failure: OnFailure,
    pub max_active_steps: u32,
    pub timeout_ms: Option<Millis>,
    pub outputs: IndexMap<String, OutputSource>,
    pub budget: Option<Budget>,
    pub files: IndexMap<String, String>,
    pub runner: String,
    /// What the caller passed as `context`; expressions see it under that name.
    pub context: Map<String, Value>,
    /// Who wrote it, when it was composed from words for this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composed: Option<ComposedBy>,
}

/// Who composed a plan, and what that took of models: nothing where rules did it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComposedBy {
    pub provider: String,
    pub model: String,
    /// Requests to models.
    pub calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// US dollars; 0 for models without a price.
    pub cost_usd: f64,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedStep {
    pub name: String,
    /// Indices of the steps that must have ended before this one starts.
    pub needs: Vec<u32>,
    /// A CEL expression over `params env steps run context item`; false skips the step.
    pub condition: Option<String>,
    pub preconditions: Vec<PlannedPrecondition>,
    pub action: PlannedAction,
    pub env: IndexMap<String, Template>,
    pub dir: Option<Template>,
    pub runner: String,
    /// The variable that later steps know the output by.
    pub output: Option<String>,
    pub outputs: IndexMap<String, String>,
    /// How many bytes of standard output become the output.
    pub output_bytes_max: u64,
    pub retry: Retry,
    pub timeout_ms: Option<Millis>,
    pub grace_ms: Millis,
    pub stop_signal: i32,
    pub continue_on: ContinueOn,
    pub foreach: Option<PlannedForeach>,
    pub repeat: Option<PlannedRepeat>,
    pub rollback: Option<PlannedRollback>,
    pub effects: Effects,
    pub stdout: Option<Template>,
    pub stderr: Option<Template>,
}

impl Default for PlannedStep {
    fn default() -> Self {
        Self {
            name: String::new(),
            needs: Vec::new(),
            condition: None,
            preconditions: Vec::new(),
            action: PlannedAction::Wait { duration: Template::text("0") },
            env: IndexMap::new(),
            dir: None,
            runner: "local".to_owned(),
            output: None,
            outputs: IndexMap::new(),
            output_bytes_max: crate::limits::OUTPUT_BYTES_UNUSED as u64,
            retry: Retry {
                max_attempts: 1,
                delay_ms: 0,
                backoff: 1.0,
                max_delay_ms: None,
                jitter: 0.0,
                on: Vec::new(),
            },
            timeout_ms: None,
            grace_ms: crate::limits::GRACE_MS_DEFAULT,
            stop_signal: 15,
            continue_on: ContinueOn::default(),
            foreach: None,
            repeat: None,
            rollback: None,
            effects: Effects::Unknown,
            stdout: None,
            stderr: None,
        }
    }
}

/// What a step does, with references parsed and tools resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// A program text handed to an interpreter (`["sh"]`, `["bash", "-e"]`, `["python3"]`).
    Script {
        interpreter: Vec<String>,
        script: Script,
    },
    /// A program with arguments; no shell anywhere. `tool` is the catalogue's name for it.
    Program {
        tool: String,
        program: String,
        args: Vec<Argument>,
        stdin: Option<Template>,
        install_hint: Option<String>,
    },
    Http(PlannedHttp),
    /// Waits for a duration (`30s`, `5m`, ISO 8601 or seconds). No process.
    Wait {
        duration: Template,
    },
    /// Reads, writes, appends to, copies, moves or deletes a file without a shell.
    File {
        operation: FileOperation,
        path: Template,
        content: Option<Template>,
        to: Option<Template>,
    },
    /// Calls a tool of an MCP server that the operator configured under this name.
    Mcp {
        server: String,
        tool: String,
        /// An object; a string that is one whole reference takes the value with its JSON type.
        arguments: JsonTemplate,
    },
    /// Asks a person. Decided by the run itself; no runner sees it.
    Approval {
        message: Template,
        timeout_ms: Option<Millis>,
    },
}

/// What the `file` tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOperation {
    Read,
    Write,
    Append,
    Copy,
    Move,
    Delete,
    MakeDirectory,
    Exists,
}

/// One argument of a program. The template was split off before any value is bound, so a value is
/// always within one argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    pub value: Template,
    /// Whether a bound value may begin with `-`; a literal always may.
    #[serde(default)]
    pub dash_allowed: bool,
    /// Left out altogether when the value is empty (an optional parameter that has none).
    #[serde(default)]
    pub optional: bool,
}

/// A program text in which values never become code: they come in through the environment, or, in
/// imported dialects, as escaped data inside quotes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Script {
    pub pieces: Vec<ScriptPiece>,
}

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptPiece {
    Text(String),
    /// The shell itself expands the environment variable `variable`, which holds the value. The piece
    /// is written into the text as `${variable}`.
    Variable {
        variable: String,
        reference: Reference,
    },
    /// The value is in the environment under `variable`, and the text already names it: adds nothing.
    Bound {
        variable: String,
        reference: Reference,
    },
    /// Inside single quotes: the value is written with `'` as `'\''`.
    SingleQuoted {
        reference: Reference,
    },
    /// Inside a quoted here-document: written as it is; an attempt whose value holds the terminator
    /// on a line of its own fails instead of running.
    HereDocument {
        reference: Reference,
        terminator: String,
    },
}

/// A request, with references parsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedHttp {
    pub method: String,
    /// References in it are percent-encoded when they are bound, but for one that makes up the whole base.
    pub url: Template,
    pub headers: Vec<(String, Template)>,
    pub query: Vec<(String, Template)>,
    pub body: Option<PlannedBody>,
    pub expect_status: Vec<u16>,
    pub redirect_hosts: Vec<String>,
    pub timeout_ms: Option<Millis>,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedBody {
    Text(Template),
    /// A JSON value whose strings may hold references; a string that is one whole reference takes
    /// the value with its JSON type.
    Json(JsonTemplate),
}

/// A JSON value whose strings are templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonTemplate {
    Literal(Value),
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

/// A precondition, with references parsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedPrecondition {
    /// Carried out as a `Check` attempt.
    Command {
        script: Script,
    },
    Match {
        value: Template,
        expected: String,
    },
}

/// One attempt for each item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedForeach {
    pub items: ItemSource,
    pub max_active: u32,
}

/// Where the items come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSource {
    List(Vec<JsonTemplate>),
    Reference(Reference),
    Expression(String),
}

/// The action again and again. Exactly the conditions that are set are looked at after each success;
/// all must say "go on".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRepeat {
    pub while_: Option<String>,
    pub until: Option<String>,
    pub exit_codes: Vec<i32>,
    pub until_match: Option<(Template, String)>,
    pub limit: u32,
    pub delay_ms: Millis,
}

/// How a step is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRollback {
    pub action: PlannedAction,
    pub retry: Retry,
    pub timeout_ms: Option<Millis>,
    pub when: RollbackWhen,
}

/// Handlers, each a step without dependencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedHandlers {
    pub success: Option<PlannedStep>,
    pub failure: Option<PlannedStep>,
    pub cancel: Option<PlannedStep>,
    pub exit: Option<PlannedStep>,
}

/// Where an output of the run comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputSource {
    Template(Template),
    Expression(String),
}
