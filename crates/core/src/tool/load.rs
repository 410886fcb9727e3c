//! Reading tools from YAML, with the place of every finding.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::arguments::placeholder;
use super::definition::{ArgvItem, Builtin, CodeLanguage, HttpForm, Runs, Tool};
use super::parameters::{kind_of, shortened};
use crate::Diagnostic;
use crate::limits::NAME_CHARS_MAX;
use crate::workflow::document::Effects;
use crate::workflow::planning::nearest;

/// A catalogue file: `tools:` with a list, or the list alone.
#[derive(Deserialize)]
struct File {
    tools: Vec<Spanned<Entries>>,
}

type Entries = IndexMap<String, Spanned<Value>>;

/// The keys of a tool.
const KEYS: [&str; 15] = [
    "name",
    "description",
    "parameters",
    "effects",
    "commands",
    "commands_complete",
    "flags",
    "value_flags",
    "runs",
    "runs_code",
    "through",
    "program",
    "install",
    "rollback",
    "examples",
];

/// Reads every tool of a text, and notes all that is wrong.
pub(super) fn tools(text: &str) -> (Vec<Tool>, Vec<Diagnostic>) {
    let entries = serde_saphyr::from_str::<File>(text)
        .map(|file| file.tools)
        .or_else(|error| serde_saphyr::from_str::<Vec<Spanned<Entries>>>(text).map_err(|_| error));
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let (line, column) = error.location().map_or((1, 1), |at| (small(at.line()), small(at.column())));
            let message =
                format!("the catalogue can't be read: {}", error.to_string().lines().next().unwrap_or_default());
            let help = "write `tools:` with a list of tools, each with `name`, `description`, `parameters`, `effects` and `runs`";
            return (Vec::new(), vec![Diagnostic::error("invalid_catalogue", "", message).at(line, column).help(help)]);
        }
    };
    let (mut tools, mut findings) = (Vec::<Tool>::new(), Vec::new());
    for (index, entries) in entries.iter().enumerate() {
        let place = (small(entries.referenced.line()), small(entries.referenced.column()));
        let mut loader = Loader { entries: &entries.value, index, place, findings: &mut findings };
        let Some(tool) = loader.tool() else { continue };
        if tools.iter().any(|other| other.name == tool.name) {
            loader.wrong("name", format!("two tools are called `{}`", tool.name), "give each a name of its own");
        }
        tools.push(tool);
    }
    (tools, findings)
}

fn small(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(1)
}

struct Loader<'a> {
    entries: &'a Entries,
    index: usize,
    place: (u32, u32),
    findings: &'a mut Vec<Diagnostic>,
}

impl Loader<'_> {
    fn wrong(&mut self, key: &str, message: impl Into<String>, help: &str) {
        let (line, column) = self
            .entries
            .get(key)
            .map_or(self.place, |value| (small(value.referenced.line()), small(value.referenced.column())));
        let path = format!("/tools/{}/{key}", self.index);
        self.findings.push(Diagnostic::error("invalid_tool", path, message).at(line, column).help(help));
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|value| &value.value).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)?.clone() {
            Value::String(text) => Some(text.trim().to_owned()),
            other => {
                self.wrong(key, format!("`{key}` must be a text, not a {}", kind_of(&other)), "put it into quotes");
                None
            }
        }
    }

    fn count(&mut self, key: &str) -> usize {
        let Some(value) = self.get(key).cloned() else { return 0 };
        value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_else(|| {
            self.wrong(key, format!("`{key}` must be a whole number"), "write a number, such as 1");
            0
        })
    }

    fn needed(&mut self, key: &str) -> String {
        if self.get(key).is_none() {
            self.wrong(key, format!("the tool has no `{key}`"), &format!("add `{key}`"));
        }
        self.text(key).unwrap_or_default()
    }

    fn tool(&mut self) -> Option<Tool> {
        let before = self.findings.len();
        let unknown: Vec<String> = self.entries.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            let help = match nearest(&key, KEYS.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are: {}", KEYS.join(", ")),
            };
            self.wrong(&key, format!("a tool has no key `{key}`"), &help);
        }
        let name = self.needed("name");
        let is_name = |character: char| character.is_ascii_alphanumeric() || "_-./:".contains(character);
        if !name.is_empty() && (name.chars().count() > NAME_CHARS_MAX || !name.chars().all(is_name)) {
            self.wrong(
                "name",
                format!("`{}` can't be the name of a tool", shortened(&name)),
                "use letters, digits, `-`, `_`, `.`, `/`",
            );
        }
        let parameters = self.schema();
        let tool = Tool {
            name,
            description: self.needed("description"),
            effects: self.effects(),
            program: self.text("program"),
            install_hint: self.text("install"),
            rollback_hint: self.text("rollback"),
            examples: self.examples(),
            commands: self.commands(),
            commands_complete: self.count("commands_complete"),
            flags: self.flags(),
            value_flags: self.texts("value_flags"),
            runs_code: self.get("runs_code").and_then(Value::as_bool).unwrap_or(false),
            through: self.text("through"),
            runs: self.runs(&parameters)?,
            parameters,
        };
        if matches!(tool.runs, Runs::Program { .. }) && tool.program.is_none() {
            self.wrong("program", "a tool that runs a program needs its name", "add `program`");
        }
        (self.findings.len() == before).then_some(tool)
    }

    fn schema(&mut self) -> Value {
        let schema = self.get("parameters").cloned().unwrap_or_else(|| serde_json::json!({"type": "object"}));
        if !schema.is_object() {
            self.wrong(
                "parameters",
                "`parameters` must be a JSON Schema of an object",
                "write `type: object` and `properties`",
            );
        } else if !jsonschema::meta::is_valid(&schema) {
            self.wrong("parameters", "`parameters` is no valid JSON Schema", "look at the keywords under `parameters`");
        }
        let patterns: Vec<String> = schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(_, property)| property.get("pattern")?.as_str().map(str::to_owned))
            .collect();
        for pattern in patterns {
            if regex::Regex::new(&pattern).is_err() {
                self.wrong("parameters", format!("`{pattern}` is no regular expression"), "mend the pattern");
            }
        }
        schema
    }

    fn effects(&mut self) -> Effects {
        let word = self.needed("effects");
        self.effects_word("effects", &word)
    }

    fn effects_word(&mut self, key: &str, word: &str) -> Effects {
        match word {
            "read" => Effects::Read,
            "write" => Effects::Write,
            "unknown" => Effects::Unknown,
            "destructive" => Effects::Destructive,
            other => {
                if !other.is_empty() {
                    self.wrong(key, format!("`{other}` is no effect"), "use read, write, unknown or destructive");
                }
                Effects::Unknown
            }
        }
    }

    /// `read: [get, describe]`: the effects, and the sub-commands that have them.
    fn grouped(&mut self, key: &str) -> Vec<(String, Effects)> {
        let Some(groups) = self.get(key).cloned() else { return Vec::new() };
        let Some(groups) = groups.as_object() else {
            self.wrong(key, format!("`{key}` must map effects to lists"), "write `read: [get, describe]`");
            return Vec::new();
        };
        let mut found = Vec::new();
        for (word, list) in groups {
            let effects = self.effects_word(key, word);
            match list.as_array() {
                Some(list) if list.iter().all(Value::is_string) => {
                    found.extend(list.iter().filter_map(Value::as_str).map(|text| (text.to_owned(), effects)));
                }
                _ => {
                    self.wrong(key, format!("`{key}.{word}` must be a list of texts"), "write `read: [get, describe]`")
                }
            }
        }
        found
    }

    fn commands(&mut self) -> Vec<(Vec<String>, Effects)> {
        let words =
            |(text, effects): (String, Effects)| (text.split_whitespace().map(str::to_owned).collect(), effects);
        self.grouped("commands").into_iter().map(words).collect()
    }

    fn flags(&mut self) -> Vec<(String, Effects)> {
        self.grouped("flags")
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.get(key).cloned() else { return Vec::new() };
        match texts(&value) {
            Some(texts) => texts,
            None => {
                self.wrong(key, format!("`{key}` must be a list of texts"), "write `[\"--one\", \"--two\"]`");
                Vec::new()
            }
        }
    }

    fn examples(&mut self) -> Vec<Value> {
        let Some(value) = self.get("examples").cloned() else { return Vec::new() };
        match value {
            Value::Array(examples) if examples.iter().all(Value::is_object) => examples,
            _ => {
                self.wrong("examples", "`examples` must be a list of parameters", "write `[{command: get pods}]`");
                Vec::new()
            }
        }
    }

    fn runs(&mut self, schema: &Value) -> Option<Runs> {
        let Some(runs) = self.get("runs").cloned() else {
            self.wrong(
                "runs",
                "the tool has no `runs`",
                "add `runs: {argv: […]}`, `{script: …}`, `{http: …}` or `{builtin: …}`",
            );
            return None;
        };
        let read = match (runs.get("argv"), runs.get("script"), runs.get("http"), runs.get("builtin")) {
            (Some(argv), None, None, None) => argv_items(argv).map(|argv| Runs::Program {
                argv,
                stdin: runs.get("stdin").and_then(Value::as_str).map(str::to_owned),
            }),
            (None, Some(parameter), None, None) => parameter.as_str().map(|parameter| Runs::Script {
                interpreter: runs.get("interpreter").and_then(texts).unwrap_or_else(|| vec!["sh".to_owned()]),
                parameter: parameter.to_owned(),
            }),
            (None, None, Some(form), None) => http_form(form).map(Runs::Http),
            (None, None, None, Some(name)) => match name.as_str() {
                Some("http") => Some(Runs::Builtin(Builtin::Http)),
                Some("wait") => Some(Runs::Builtin(Builtin::Wait)),
                Some("file") => Some(Runs::Builtin(Builtin::File)),
                _ => None,
            },
            _ => None,
        };
        if read.is_none() {
            self.wrong("runs", "`runs` can't be read", "write exactly one of `argv: […]`, `script: parameter`, `http: {method, url, body}`, `builtin: http|wait|file`");
        }
        let read = read?;
        for name in mentioned(&read) {
            if schema.get("properties").and_then(|all| all.get(&name)).is_none() {
                self.wrong(
                    "runs",
                    format!("`runs` names the parameter `{name}`, which `parameters` doesn't have"),
                    "declare it under `parameters.properties`",
                );
            }
        }
        Some(read)
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn argv_items(argv: &Value) -> Option<Vec<ArgvItem>> {
    argv.as_array()?.iter().map(argv_item).collect()
}

fn argv_item(item: &Value) -> Option<ArgvItem> {
    match item {
        Value::String(word) => Some(ArgvItem::Word(word.clone())),
        Value::Array(_) => texts(item).map(ArgvItem::Group),
        Value::Object(entries) => {
            let text = |key: &str| entries.get(key).and_then(Value::as_str).map(str::to_owned);
            if let Some(parameter) = text("if") {
                return Some(ArgvItem::If { parameter, words: texts(entries.get("add")?)? });
            }
            if let Some(parameter) = text("value") {
                return Some(ArgvItem::Value(parameter));
            }
            let language = match text("language")?.as_str() {
                "remote-shell" => CodeLanguage::RemoteShell,
                "psql" => CodeLanguage::Psql,
                "mysql" => CodeLanguage::MySql,
                "jq" => CodeLanguage::Jq,
                _ => return None,
            };
            Some(ArgvItem::Code { parameter: text("code")?, language })
        }
        _ => None,
    }
}

fn http_form(form: &Value) -> Option<HttpForm> {
    let text = |key: &str| form.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(HttpForm {
        method: text("method")?,
        url: text("url")?,
        headers: text("headers"),
        body: form.get("body").cloned(),
    })
}

/// The parameters that `runs` names.
fn mentioned(runs: &Runs) -> Vec<String> {
    let mut names = Vec::new();
    let mut word = |text: &str| names.extend(placeholder(text).map(|place| place.name.to_owned()));
    match runs {
        Runs::Program { argv, stdin } => {
            for item in argv {
                match item {
                    ArgvItem::Word(text) => word(text),
                    ArgvItem::Group(texts) => texts.iter().for_each(|text| word(text)),
                    ArgvItem::If { parameter, .. } | ArgvItem::Value(parameter) | ArgvItem::Code { parameter, .. } => {
                        word(&format!("<{parameter}>"));
                    }
                }
            }
            names.extend(stdin.clone());
        }
        Runs::Script { parameter, .. } => names.push(parameter.clone()),
        Runs::Http(form) => {
            names.push(form.url.clone());
            names.extend(form.headers.clone());
        }
        Runs::Builtin(_) | Runs::Mcp(_) => {}
    }
    names
}
