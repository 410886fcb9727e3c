//! What the catalogue says about one tool.

use serde_json::Value;

use super::mcp::McpForm;
use crate::workflow::document::Effects;

/// One entry of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON Schema of the parameters: `type`, `properties`, `required`, `enum`, `minimum`, `maximum`,
    /// `pattern`, `items`, `anyOf` of `required` lists, and our
    /// `x-dash-allowed` (a value may begin with `-`) and `x-literal` (no references, since it is code).
    pub parameters: Value,
    /// What it does at worst, before a sub-command is known.
    pub effects: Effects,
    /// The program it needs, and how to get it.
    pub program: Option<String>,
    pub install_hint: Option<String>,
    /// How a step with this tool is usually taken back; one line for people.
    pub rollback_hint: Option<String>,
    /// Parameters that show how it is used.
    pub examples: Vec<Value>,
    /// What each sub-command does: its words, and the effects.
    pub commands: Vec<(Vec<String>, Effects)>,
    /// How many leading words of a command `commands` has all there are of: with another one, a command is
    /// most likely a mistake. 0 where the list is only of the usual ones.
    pub commands_complete: usize,
    /// What an option raises the effects to.
    pub flags: Vec<(String, Effects)>,
    /// Options that take the next word as their value.
    pub value_flags: Vec<String>,
    /// Whether it carries out code that its parameters hold, which needs the scope `execute:code`.
    pub runs_code: bool,
    /// A fixed text for `sh -c`, which gets the arguments as `$1`, `$2` … and starts the program.
    pub through: Option<String>,
    pub runs: Runs,
}

/// How a call becomes an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs {
    /// A program. Each item is a word with `<parameter>` in it, and is left out when the parameter is
    /// absent; `<parameter...>` becomes several words.
    Program {
        argv: Vec<ArgvItem>,
        stdin: Option<String>,
    },
    /// A program text, in the parameter of that name.
    Script {
        interpreter: Vec<String>,
        parameter: String,
    },
    /// A fixed request, filled in from the parameters.
    Http(HttpForm),
    Builtin(Builtin),
    /// A call of a tool of an MCP server.
    Mcp(McpForm),
}

/// One item of an argument template.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgvItem {
    Word(String),
    /// Words that are there together or not at all.
    Group(Vec<String>),
    /// Words that are there when a boolean parameter is true.
    If {
        parameter: String,
        words: Vec<String>,
    },
    /// Exactly one argument, empty when the parameter is absent; only for a text that reads `$1`, `$2` ….
    Value(String),
    /// A parameter that holds text in a language, whose references become data of that language.
    Code {
        parameter: String,
        language: CodeLanguage,
    },
}

/// A language in which a parameter is code, with a way to take values as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeLanguage {
    /// A shell at the other end, which gets values as quoted assignments.
    RemoteShell,
    /// `psql`, which gets values by `-v` and the text on its standard input.
    Psql,
    /// MySQL, which gets values as hexadecimal literals.
    MySql,
    /// `jq`, which gets values by `--arg`.
    Jq,
}

/// A request that the catalogue describes.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpForm {
    pub method: String,
    /// The parameter that holds the URL.
    pub url: String,
    /// The parameter that holds further headers.
    pub headers: Option<String>,
    /// A JSON value; a string `<parameter>` stands for the parameter's value and is left out with it.
    pub body: Option<Value>,
}

/// A tool whose call this program understands by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Http,
    Wait,
    File,
}

/// Whether values under this schema are read as code and so take no reference.
pub(super) fn is_literal(schema: &Value) -> bool {
    schema.get("x-literal").and_then(Value::as_bool) == Some(true)
}

impl Tool {
    /// Whether a parameter is read as code and so takes no reference.
    #[must_use]
    pub fn is_literal(&self, parameter: &str) -> bool {
        self.parameter(parameter).is_some_and(is_literal)
    }

    /// The schema of one parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.get("properties")?.get(name)
    }

    /// The names of all parameters, in the order of the catalogue.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|all| all.keys().map(String::as_str))
    }

    /// Whether a value bound to this parameter may begin with `-`.
    #[must_use]
    pub fn is_dash_allowed(&self, name: &str) -> bool {
        self.parameter(name).and_then(|schema| schema.get("x-dash-allowed")).and_then(Value::as_bool).unwrap_or(false)
    }
}
