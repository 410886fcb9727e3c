//! The one model that every dialect is normalised into. Strings are still raw text here: references
//! in them are read when the workflow becomes a [`crate::plan::Plan`].

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Millis;

/// A workflow document in canonical form. Serialises to the canonical keys; absent parts are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub name: String,
    pub description: Option<String>,
    pub version: Option<String>,
    pub params: IndexMap<String, Param>,
    pub env: IndexMap<String, String>,
    pub runner: Option<String>,
    pub timeout_ms: Option<Millis>,
    pub kind: Kind,
    pub max_active_steps: Option<u32>,
    pub preconditions: Vec<Precondition>,
    pub steps: Vec<Step>,
    pub handlers: Handlers,
    pub on_failure: Option<OnFailure>,
    pub budget: Option<Budget>,
    pub secrets: Vec<String>,
    pub tags: Vec<String>,
    /// Name -> a string with references, or an expression written `= cel`.
    pub outputs: IndexMap<String, String>,
    /// A cron phrase. Kept with the workflow; this version does not fire schedules and says so.
    pub schedule: Option<String>,
    /// Files written into the run's working directory before the first step: name -> content.
    pub files: IndexMap<String, String>,
    /// Which spelling the document was written in; decides how forgiving references are.
    pub dialect: Dialect,
}

/// Which of the three accepted spellings a document uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Ours: `{name, steps: [{name, tool, parameters}]}` and the canonical keys.
    #[default]
    Canonical,
    /// The original SDK's and Dagu's camelCase, and the spellings of its documentation.
    Imported,
}

/// How steps without `depends` are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Each follows the one before it.
    #[default]
    Chain,
    /// They are free.
    Graph,
}

/// What a failure of a step that nothing excuses does to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Running steps end, the others are skipped, the run fails.
    #[default]
    Stop,
    /// Steps that don't depend on it go on; the run fails at the end.
    Continue,
    /// As stop, then what succeeded is taken back.
    Rollback,
}

/// A declared parameter of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Param {
    #[serde(rename = "type")]
    pub kind: Option<ParamType>,
    pub description: Option<String>,
    pub default: Option<Value>,
    pub required: bool,
    #[serde(rename = "enum")]
    pub choices: Vec<Value>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<String>,
    pub secret: bool,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    /// A second name that references may use.
    pub id: Option<String>,
    pub description: Option<String>,
    /// `None`: by the workflow's kind. `Some(vec![])`: explicitly free.
    pub depends: Option<Vec<String>>,
    /// A CEL expression; false skips the step.
    pub condition: Option<String>,
    pub preconditions: Vec<Precondition>,
    pub action: Option<Action>,
    pub env: IndexMap<String, String>,
    pub dir: Option<String>,
    pub runner: Option<String>,
    /// The name under which later steps refer to the trimmed standard output.
    pub output: Option<String>,
    /// Name -> expression over this step's `output`, `exit_code`, `json`.
    pub outputs: IndexMap<String, String>,
    pub retry: Option<Retry>,
    pub timeout_ms: Option<Millis>,
    pub continue_on: ContinueOn,
    pub foreach: Option<Foreach>,
    pub repeat: Option<Repeat>,
    pub rollback: Option<Rollback>,
    /// What the author says the step does; may raise, never lower, what the catalogue says.
    pub effects: Option<Effects>,
    /// Files that standard output and error are copied to.
    pub stdout: Option<String>,
    pub stderr: Option<String>,
    /// The signal that asks the step to end, `SIGTERM` when absent.
    pub signal_on_stop: Option<String>,
}

/// What a step does; each step has exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Tool {
        tool: String,
        parameters: Map<String, Value>,
    },
    /// A line (or more) for a shell.
    Command {
        command: String,
        shell: Option<String>,
    },
    /// A program text for `interpreter` (a shell when absent, else e.g. `python3`; a `#!` line wins).
    Script {
        script: String,
        interpreter: Option<String>,
    },
    Http(Box<Http>),
    Approval(Approval),
    Container {
        image: String,
        command: Option<String>,
    },
    /// Not carried out by this version: validation says so.
    Workflow {
        workflow: String,
        parameters: Map<String, Value>,
    },
    /// Not carried out by this version: validation says so.
    Agent {
        config: Map<String, Value>,
    },
    /// An executor of an imported dialect that this version doesn't carry out: validation says so.
    Unsupported {
        executor: String,
        config: Map<String, Value>,
    },
}

/// A request over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Http {
    pub url: String,
    pub method: Option<String>,
    pub headers: IndexMap<String, String>,
    pub query: IndexMap<String, String>,
    /// Text as it is, or any other JSON value as JSON.
    pub body: Option<Value>,
    /// Status codes that count as success; any 2xx when empty.
    pub expect_status: Vec<u16>,
    /// Hosts that a redirect may lead to, besides the one asked.
    pub redirect_hosts: Vec<String>,
    pub timeout_ms: Option<Millis>,
}

/// A question to a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub message: Option<String>,
    pub timeout_ms: Option<Millis>,
}

/// What must hold for a step (or a workflow) to start; otherwise it is skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// A shell command that must exit with 0.
    Command { command: String },
    /// A string with references that must equal `expected` (`re:` begins a regular expression).
    Match { condition: String, expected: String },
}

/// When and how often a failed attempt is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Counts the first try.
    pub max_attempts: u32,
    pub delay_ms: Millis,
    /// The factor from one delay to the next; 1 keeps it the same.
    pub backoff: f64,
    pub max_delay_ms: Option<Millis>,
    /// The part of each delay that is random, 0 to 1.
    pub jitter: f64,
    /// Only these outcomes are tried again; all when empty.
    pub on: Vec<RetryOn>,
}

/// A kind of outcome that is worth another try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    Failure,
    Timeout,
    Lost,
    ExitCode(i32),
}

/// Which failures of a step don't count against the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContinueOn {
    pub failure: bool,
    pub skipped: bool,
    pub exit_code: Vec<i32>,
    /// Substrings of the output, or regular expressions after `re:`.
    pub output: Vec<String>,
    /// The step then counts as a success.
    pub mark_success: bool,
}

/// One attempt for each item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreach {
    pub items: Items,
    /// How many items may be active at a time.
    pub max_active: Option<u32>,
}

/// Where the items come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    List(Vec<Value>),
    /// A string with one reference whose value is a JSON list, or text split at white space.
    Reference(String),
    /// A CEL expression that gives a list.
    Expression(String),
}

/// The step's action again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Goes on while this CEL expression holds.
    pub while_: Option<String>,
    /// Goes on until this CEL expression holds.
    pub until: Option<String>,
    /// Goes on while the last exit code is one of these (imported dialects).
    pub exit_codes: Vec<i32>,
    /// A string with references that ends the repetition when it matches (imported dialects).
    pub until_match: Option<(String, String)>,
    pub limit: Option<u32>,
    pub delay_ms: Millis,
}

/// How a step that succeeded is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    pub action: Action,
    pub retry: Option<Retry>,
    pub timeout_ms: Option<Millis>,
    pub when: RollbackWhen,
}

/// Which steps a rollback takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackWhen {
    /// Only steps that succeeded.
    #[default]
    Succeeded,
    /// Also steps that started and then failed or were lost.
    Started,
}

/// Steps that run when the run's fate is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Handlers {
    pub success: Option<Box<Step>>,
    pub failure: Option<Box<Step>>,
    pub cancel: Option<Box<Step>>,
    pub exit: Option<Box<Step>>,
}

/// Bounds on what a run may use up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub tokens: Option<u64>,
    pub seconds: Option<f64>,
    pub cost_usd: Option<f64>,
}

/// What a step does to the world, from harmless to unknowable. Ordered by risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Write,
    /// Nobody can tell beforehand: shell text, scripts.
    #[default]
    Unknown,
    /// Destroys something.
    Destructive,
}
