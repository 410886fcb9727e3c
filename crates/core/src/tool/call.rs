//! From a tool and its parameters to an action.

use serde_json::{Map, Value};

use super::definition::{ArgvItem, Builtin, CodeLanguage, HttpForm, Runs, Tool};
use super::effects::{name, raise};
use super::parameters::{self, escape, kind_of, text_of};
use super::split::{self, Segment, Word};
use super::{arguments, builtin, code, mcp};
use crate::Diagnostic;
use crate::plan::{Argument, JsonTemplate, PlannedAction, PlannedBody, PlannedHttp, Script};
use crate::workflow::document::Effects;
use crate::workflow::reference::{Template, TemplatePiece};

/// Reads the references of a call: knows the names of the workflow and collects the findings.
pub trait Reader {
    /// A text that becomes one data item; a name that means nothing is an error.
    fn template(&mut self, text: &str, path: &str) -> Template;
    /// A URL, in which values are percent-encoded.
    fn url(&mut self, text: &str, path: &str) -> Template;
    /// A program text, in which a value never becomes code.
    fn script(&mut self, text: &str, interpreter: &[String], path: &str) -> Script;
    /// Whether a text such as `{{name}}` is a reference here, and not, say, a Go template.
    fn knows(&self, text: &str) -> bool;
    /// Takes a finding.
    fn report(&mut self, finding: Diagnostic);
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `None` when a finding forbids it.
    pub action: Option<PlannedAction>,
    pub effects: Effects,
    /// Why it has these effects, the strongest reason last.
    pub reasons: Vec<String>,
}

impl Tool {
    /// Turns parameters into an action. `path` is the JSON pointer of the parameters; every finding goes
    /// to the reader.
    pub fn call(&self, parameters: &Map<String, Value>, path: &str, reader: &mut dyn Reader) -> Call {
        let mut reasons = Vec::new();
        let is_foreign = matches!(self.runs, Runs::Mcp(_));
        if !is_foreign && !parameters::check(self, parameters, path, reader) {
            reasons.push(format!("the parameters of `{}` are wrong", self.name));
            return Call { action: None, effects: self.effects, reasons };
        }
        let mut caller = Caller { tool: self, parameters, path, reader, words: Vec::new(), failed: false };
        let action = match &self.runs {
            Runs::Program { argv, stdin } => caller.program(argv, stdin.as_deref()),
            Runs::Script { interpreter, parameter } => caller.script(interpreter, parameter),
            Runs::Http(form) => caller.http_form(form),
            Runs::Builtin(Builtin::Http) => builtin::http(&mut caller),
            Runs::Builtin(Builtin::Wait) => builtin::wait(&mut caller),
            Runs::Builtin(Builtin::File) => builtin::file(&mut caller),
            Runs::Mcp(form) => mcp::call(form, &mut caller),
        };
        let (words, failed) = (std::mem::take(&mut caller.words), caller.failed);
        let effects = match (&self.runs, &action) {
            (Runs::Builtin(_), Some(action)) => builtin::effects(self, action, &mut reasons),
            _ => self.effects_of(&words, &mut reasons),
        };
        if let Some((command, help)) = self.unknown_command(&words).filter(|_| action.is_some()) {
            let message = format!("`{}` has no `{command}` that is known", self.name);
            reader.report(Diagnostic::warning("unknown_command", format!("{path}/command"), message).help(help));
        }
        let effects = self.query_effects(parameters, effects, &mut reasons);
        Call { action: action.filter(|_| !failed), effects, reasons }
    }

    /// A query that only reads is known by its first word and by having no second statement.
    fn query_effects(
        &self,
        parameters: &Map<String, Value>,
        mut effects: Effects,
        reasons: &mut Vec<String>,
    ) -> Effects {
        let Runs::Program { argv, .. } = &self.runs else { return effects };
        let query = argv.iter().find_map(|item| match item {
            ArgvItem::Code { parameter, language: CodeLanguage::Psql | CodeLanguage::MySql } => {
                parameters.get(parameter)?.as_str()
            }
            _ => None,
        });
        let Some(query) = query else { return effects };
        let upper = query.trim().trim_end_matches(';').to_uppercase();
        let mut words = upper.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let first = words.clone().next().unwrap_or_default();
        const WRITES: [&str; 17] = [
            "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "TRUNCATE", "GRANT", "REVOKE", "CALL", "DO",
            "COPY", "INTO", "MERGE", "EXECUTE", "SET", "LOCK",
        ];
        let has_function = upper.contains('(') && !only_aggregates(&upper);
        let is_plain = !upper.contains(';') && !upper.contains('\\') && !words.any(|word| WRITES.contains(&word));
        if is_plain && !has_function && matches!(first, "SELECT" | "SHOW" | "EXPLAIN" | "VALUES" | "DESCRIBE") {
            reasons.clear();
            reasons.push(format!("`{}` with a query that only selects", self.name));
            return Effects::Read;
        }
        if ["DROP", "TRUNCATE", "DELETE"].iter().any(|word| upper.split_whitespace().any(|other| other == *word)) {
            raise(&mut effects, reasons, Effects::Destructive, "the query deletes or drops something");
        }
        effects
    }
}

/// Whether every function in a query is one that computes only.
fn only_aggregates(upper: &str) -> bool {
    const PURE: [&str; 17] = [
        "COUNT", "SUM", "MIN", "MAX", "AVG", "NOW", "COALESCE", "LOWER", "UPPER", "LENGTH", "ROUND", "IN", "AND", "OR",
        "WHERE", "VERSION", "VALUES",
    ];
    upper.match_indices('(').all(|(at, _)| {
        let before = upper[..at].trim_end();
        let start = before
            .rfind(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .map_or(0, |at| at + 1);
        let word = &before[start..];
        word.is_empty() || PURE.contains(&word)
    })
}

/// One call while it is being read.
pub(super) struct Caller<'a> {
    pub(super) tool: &'a Tool,
    pub(super) parameters: &'a Map<String, Value>,
    pub(super) path: &'a str,
    pub(super) reader: &'a mut dyn Reader,
    /// The words of the command, from which the effects are told.
    pub(super) words: Vec<Word>,
    pub(super) failed: bool,
}

impl<'a> Caller<'a> {
    pub(super) fn given(&self, name: &str) -> Option<&'a Value> {
        self.parameters.get(name).filter(|value| !value.is_null())
    }

    /// A parameter as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.given(name).map(text_of)
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}/{}", self.path, escape(name))
    }

    /// A parameter as a template that is one data item.
    pub(super) fn template(&mut self, name: &str) -> Option<Template> {
        let (text, path) = (self.text(name)?, self.path_of(name));
        Some(self.reader.template(&text, &path))
    }

    pub(super) fn error(&mut self, code: &str, path: String, message: String, help: &str) {
        self.failed = true;
        self.reader.report(Diagnostic::error(code, path, message).help(help));
    }

    fn script(&mut self, interpreter: &[String], parameter: &str) -> Option<PlannedAction> {
        let text = self.text(parameter)?;
        let path = self.path_of(parameter);
        let script = self.reader.script(&text, interpreter, &path);
        Some(PlannedAction::Script { interpreter: interpreter.to_vec(), script })
    }

    fn program(&mut self, argv: &[ArgvItem], stdin: Option<&str>) -> Option<PlannedAction> {
        let program = self.tool.program.clone()?;
        let mut args = Vec::new();
        let mut input = stdin.and_then(|parameter| self.template(parameter));
        for item in argv {
            match item {
                ArgvItem::Word(word) => self.word(word, false, &mut args),
                ArgvItem::Group(words) => {
                    if words
                        .iter()
                        .filter_map(|word| arguments::placeholder(word))
                        .all(|one| self.given(one.name).is_some())
                    {
                        for word in words {
                            self.word(word, true, &mut args);
                        }
                    }
                }
                ArgvItem::If { parameter, words } => {
                    if self.given(parameter) == Some(&Value::Bool(true)) {
                        args.extend(words.iter().map(|word| arguments::literal(word)));
                        self.words.extend(words.iter().map(|word| arguments::literal_word(word)));
                    }
                }
                ArgvItem::Value(parameter) => {
                    let value = self.template(parameter).unwrap_or_else(|| Template::text(""));
                    args.push(Argument { value, dash_allowed: true, optional: false });
                }
                ArgvItem::Code { parameter, language } => {
                    if let Some(text) = self.text(parameter) {
                        let more = self.code(parameter, &text, *language, &mut args);
                        input = more.or(input);
                    }
                }
            }
        }
        let (program, args) = match &self.tool.through {
            Some(text) => {
                let mut all = vec![arguments::literal("-c"), arguments::literal(text), arguments::literal(&program)];
                all.append(&mut args);
                ("sh".to_owned(), all)
            }
            None => (program, args),
        };
        let (tool, install_hint) = (self.tool.name.clone(), self.tool.install_hint.clone());
        Some(PlannedAction::Program { tool, program, args, stdin: input, install_hint })
    }

    /// Adds the arguments of a code parameter; gives what goes to standard input instead.
    fn code(
        &mut self,
        parameter: &str,
        text: &str,
        language: CodeLanguage,
        args: &mut Vec<Argument>,
    ) -> Option<Template> {
        let path = self.path_of(parameter);
        let segments = split::segments(text, &|text| self.reader.knows(text));
        let code = match code::replace(language, &segments) {
            Ok(code) => code,
            Err((message, help)) => {
                self.error("reference_in_code", path, message, help);
                return None;
            }
        };
        if language == CodeLanguage::RemoteShell || language == CodeLanguage::MySql {
            args.push(arguments::literal(&code.text));
        }
        for (variable, reference) in &code.variables {
            let value = self.reader.template(reference, &path);
            let (words, value): (&[&str], Template) = match language {
                CodeLanguage::Jq => (&["--arg", variable.as_str()], value),
                CodeLanguage::Psql => (&["-v"], arguments::prefixed(&format!("{variable}="), value)),
                CodeLanguage::RemoteShell | CodeLanguage::MySql => (&[variable.as_str()], value),
            };
            args.extend(words.iter().map(|word| arguments::literal(word)));
            args.push(Argument { value, dash_allowed: true, optional: false });
        }
        match language {
            CodeLanguage::Jq => {
                args.push(arguments::literal(&code.text));
                None
            }
            CodeLanguage::Psql => Some(Template::text(code.text)),
            CodeLanguage::RemoteShell | CodeLanguage::MySql => None,
        }
    }

    /// Adds one item of the argument template, when its parameter is there.
    fn word(&mut self, word: &str, in_group: bool, args: &mut Vec<Argument>) {
        let Some(place) = arguments::placeholder(word) else {
            self.words.push(arguments::literal_word(word));
            args.push(arguments::literal(word));
            return;
        };
        let Some(value) = self.given(place.name) else { return };
        let path = self.path_of(place.name);
        match (place.is_many, value) {
            (true, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.item(&place, &text_of(item), &format!("{path}/{index}"), args);
                }
            }
            (true, other) => self.command(place.name, &text_of(other), &path, args),
            (false, other) => {
                let before = args.len();
                self.item(&place, &text_of(other), &path, args);
                if let Some(argument) = args.get_mut(before) {
                    argument.optional = !in_group && place.is_bare() && !self.is_required(place.name);
                }
            }
        }
    }

    fn is_required(&self, name: &str) -> bool {
        let required = self.tool.parameters.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|one| one == name))
    }

    /// Adds one value as one argument.
    fn item(&mut self, place: &arguments::Placeholder<'_>, text: &str, path: &str, args: &mut Vec<Argument>) {
        let dash_allowed = self.tool.is_dash_allowed(place.name);
        if place.before.is_empty() && text.starts_with('-') && !dash_allowed {
            let message = format!(
                "`{}` begins with `-`, so `{}` would take it for an option",
                parameters::shortened(text),
                self.tool.name
            );
            self.error(
                "dash_value",
                path.to_owned(),
                message,
                "write the option into `command`, or begin the value otherwise (`./-name`)",
            );
            return;
        }
        let mut value = self.reader.template(text, path);
        if !place.before.is_empty() {
            value = arguments::prefixed(place.before, value);
        }
        if !place.after.is_empty() {
            value.pieces.push(TemplatePiece::Text(place.after.to_owned()));
        }
        let segments = vec![Segment::Literal(format!("{}{text}{}", place.before, place.after))];
        self.words.push(Word { segments, quoted: true });
        args.push(Argument { value, dash_allowed, optional: false });
    }

    /// Splits a command and adds its words.
    fn command(&mut self, name: &str, text: &str, path: &str, args: &mut Vec<Argument>) {
        let split = split::words(text, &|text| self.reader.knows(text));
        let mut words = match split {
            Ok(words) => words,
            Err(quote) => {
                let message = format!("`{name}` has a {quote} that is never closed");
                self.error("unclosed_quote", path.to_owned(), message, "close it, or write `\\` before it");
                return;
            }
        };
        if words.first().and_then(Word::literal).is_some_and(|first| Some(&first) == self.tool.program.as_ref()) {
            words.remove(0);
        }
        if words.is_empty() {
            self.error(
                "missing_parameter",
                path.to_owned(),
                format!("`{name}` is empty"),
                "write what the tool should do",
            );
            return;
        }
        if let Some((message, help)) = arguments::shell_syntax(&words) {
            self.error("shell_syntax", path.to_owned(), message, help);
            return;
        }
        if let Some(reference) = arguments::reference_in_code(&words) {
            let message = format!("`{reference}` would become code of the program that the command starts");
            let help = "pass it as an argument after the code: `sh -c 'echo \"$1\"' sh ${name}`";
            self.error("reference_in_code", path.to_owned(), message, help);
            return;
        }
        let mut is_free = false;
        for word in &words {
            let mut value = Template::default();
            for segment in &word.segments {
                match segment {
                    // An empty text before a reference would hide that the value comes first.
                    Segment::Literal(text) if text.is_empty() && word.has_reference() => {}
                    Segment::Literal(text) => value.pieces.push(TemplatePiece::Text(text.clone())),
                    Segment::Reference(text) => value.pieces.append(&mut self.reader.template(text, path).pieces),
                }
            }
            args.push(Argument { value, dash_allowed: is_free, optional: false });
            let is_plain = word.literal().is_some_and(|text| !text.starts_with('-'));
            is_free |= is_plain && self.tool.is_dash_allowed(name);
        }
        self.words.extend(words);
    }

    fn http_form(&mut self, form: &HttpForm) -> Option<PlannedAction> {
        let (text, path) = (self.text(&form.url)?, self.path_of(&form.url));
        let url = self.reader.url(&text, &path);
        let headers = match &form.headers {
            Some(parameter) => self.pairs(parameter),
            None => Vec::new(),
        };
        let body = form.body.as_ref().and_then(|body| self.fill(body)).map(PlannedBody::Json);
        self.words.push(arguments::literal_word(&form.method));
        Some(PlannedAction::Http(PlannedHttp {
            method: form.method.clone(),
            url,
            headers,
            query: Vec::new(),
            body,
            expect_status: Vec::new(),
            redirect_hosts: Vec::new(),
            timeout_ms: None,
        }))
    }

    /// The entries of a parameter that is an object of texts.
    pub(super) fn pairs(&mut self, parameter: &str) -> Vec<(String, Template)> {
        let Some(Value::Object(entries)) = self.given(parameter) else { return Vec::new() };
        let path = self.path_of(parameter);
        let read = |(key, value): (&String, &Value)| {
            let path = format!("{path}/{}", escape(key));
            (key.clone(), self.reader.template(&text_of(value), &path))
        };
        entries.iter().map(read).collect()
    }

    /// Fills in a value of the catalogue; `None` when its parameter is absent.
    fn fill(&mut self, form: &Value) -> Option<JsonTemplate> {
        match form {
            Value::String(text) => match arguments::placeholder(text) {
                Some(place) => {
                    let (value, path) = (self.given(place.name)?, self.path_of(place.name));
                    Some(json_template(value, &path, self.reader))
                }
                None => Some(JsonTemplate::Literal(form.clone())),
            },
            Value::Object(entries) => {
                let entries = entries.iter().filter_map(|(key, value)| Some((key.clone(), self.fill(value)?)));
                Some(JsonTemplate::Object(entries.collect()))
            }
            other => Some(JsonTemplate::Literal(other.clone())),
        }
    }
}

/// Reads the references in the strings of a JSON value.
pub fn json_template(value: &Value, path: &str, reader: &mut dyn Reader) -> JsonTemplate {
    match value {
        Value::String(text) => {
            let template = reader.template(text, path);
            if template.pieces.iter().any(|piece| matches!(piece, TemplatePiece::Reference(_))) {
                JsonTemplate::Text(template)
            } else {
                JsonTemplate::Literal(value.clone())
            }
        }
        Value::Array(items) => {
            let read = |(index, item): (usize, &Value)| json_template(item, &format!("{path}/{index}"), reader);
            JsonTemplate::List(items.iter().enumerate().map(read).collect())
        }
        Value::Object(entries) => {
            let read = |(key, value): (&String, &Value)| {
                (key.clone(), json_template(value, &format!("{path}/{}", escape(key)), reader))
            };
            JsonTemplate::Object(entries.iter().map(read).collect())
        }
        other => JsonTemplate::Literal(other.clone()),
    }
}

/// The phrase for a tool that has one effect whatever its parameters are.
pub(super) fn fixed(tool: &Tool, reasons: &mut Vec<String>, effects: Effects, what: &str) -> Effects {
    reasons.push(format!("`{}` {what} {}", tool.name, name(effects)));
    effects
}

/// A finding for a literal value that is no such thing.
pub(super) fn not_a(what: &str, value: &Value) -> String {
    format!("`{}` is no {what} but a {}", parameters::shortened(&text_of(value)), kind_of(value))
}
