//! `-p name=value`: text becomes a value of the type that the workflow declares.

use serde_json::{Map, Value};

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// One `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err("expected name=value".to_owned()),
        }
    }
}

/// Values for a workflow: by the declared type where there is one, else as JSON where it is JSON.
pub(crate) fn typed(assignments: &[Assignment], workflow: Option<&Value>) -> Result<Map<String, Value>, CliError> {
    let mut values = Map::new();
    for Assignment { name, value } in assignments {
        let declared = workflow.and_then(|workflow| workflow["params"].get(name));
        let declared_type = declared.and_then(|param| param["type"].as_str());
        values.insert(name.clone(), one(name, value, declared_type, declared)?);
    }
    Ok(values)
}

fn one(name: &str, text: &str, declared_type: Option<&str>, declared: Option<&Value>) -> Result<Value, CliError> {
    let json = serde_json::from_str::<Value>(text).ok();
    match declared_type {
        Some("string") => Ok(Value::String(text.to_owned())),
        Some(wanted) => json.ok_or_else(|| {
            CliError::new(ExitCode::Usage, format!("parameter `{name}` is of type {wanted}, `{text}` is not"))
                .hint("Write numbers and true or false as they are; lists and objects as JSON in quotes.")
        }),
        // A default of type text means text, so that `version=1.10` keeps its zero.
        None if declared.is_some_and(|param| param.is_string() || param["default"].is_string()) => {
            Ok(Value::String(text.to_owned()))
        }
        None => Ok(json.filter(|value| !value.is_null()).unwrap_or_else(|| Value::String(text.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_takes_the_declared_type() {
        let workflow = json!({"params": {"tag": {"type": "string"}, "n": {"type": "integer"}, "v": "1.0"}});
        let texts = ["tag=1.10", "n=3", "v=2", "free=[1]", "word=a=b"];
        let assignments: Vec<Assignment> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let values = typed(&assignments, Some(&workflow)).unwrap();
        assert_eq!(Value::Object(values), json!({"tag": "1.10", "n": 3, "v": "2", "free": [1], "word": "a=b"}));
        let wrong = typed(&["n=many".parse().unwrap()], Some(&workflow)).unwrap_err();
        assert_eq!(wrong.message, "parameter `n` is of type integer, `many` is not");
        assert!("=x".parse::<Assignment>().is_err());
    }
}
