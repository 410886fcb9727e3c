//! Parameters that models write: those that nothing uses, and values that nobody said.

use regex::Regex;
use serde_json::Value;

use super::literal::defaults;

/// Values that are right for want of another, and surprise nobody.
const HARMLESS: [&str; 10] = ["default", "latest", "main", "localhost", "127.0.0.1", "/", ".", "true", "false", "root"];

/// Leaves out parameters that nothing in a draft refers to, and says which.
pub(crate) fn without_unused(document: &mut Value) -> Option<String> {
    let names: Vec<String> = match document.get("params")? {
        Value::Object(params) => params.keys().cloned().collect(),
        Value::Array(params) => params.iter().filter_map(|param| Some(param["name"].as_str()?.to_owned())).collect(),
        _ => return None,
    };
    let mut rest = document.clone();
    rest["params"] = Value::Null;
    let text = rest.to_string();
    let is_used = |name: &String| {
        Regex::new(&format!(r"(?:\$|\{{\s*\.?|\bparams\.|\bparams\[\\?['\x22]){}\b", regex::escape(name)))
            .is_ok_and(|reference| reference.is_match(&text))
    };
    // A default may refer to another parameter.
    let among = document["params"].to_string();
    let unused: Vec<String> =
        names.into_iter().filter(|name| !is_used(name) && !among.contains(&format!("${{{name}}}"))).collect();
    match document.get_mut("params")? {
        Value::Object(params) => params.retain(|name, _| !unused.contains(name)),
        Value::Array(params) => {
            params.retain(|param| !param["name"].as_str().is_some_and(|name| unused.iter().any(|it| it == name)));
        }
        _ => {}
    }
    let unused: Vec<String> = unused.into_iter().map(|name| format!("`{name}`")).collect();
    (!unused.is_empty()).then(|| format!("left out parameters that nothing uses: {}", unused.join(", ")))
}

/// Defaults of a draft that stand nowhere in what was said, each as a sentence for people.
pub(crate) fn not_said(document: &Value, said: &str) -> Vec<String> {
    let said = said.to_lowercase();
    let is_said = |value: &str| {
        let value = value.to_lowercase();
        let mut words = value.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
        HARMLESS.contains(&value.as_str()) || said.contains(&value) || words.all(|word| said.contains(word))
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let made_up = defaults(&document["params"]).into_iter().filter(|(_, value)| !is_said(&text(value)));
    made_up
        .map(|(name, value)| {
            format!("`{}` for `{name}` is the model's choice: nothing that was asked says it.", text(&value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nothing_uses_is_left_out() {
        let params = json!({"a": {"default": 1}, "b": {"default": "${c}"}, "c": {}, "d": {}, "e": {}, "ab": {}});
        let steps = json!([{"name": "s", "command": "echo ${a} $b", "if": "params.d == 'x' && params['e'] == 1"}]);
        let mut document = json!({"params": params, "steps": steps});
        let note = without_unused(&mut document).unwrap();
        assert!(note.ends_with(": `ab`"), "{note}");
        assert_eq!(document["params"].as_object().unwrap().len(), 5);
        assert_eq!(without_unused(&mut document), None);
        for reference in ["{{a}}", "{{ .a }}", "${{ a }}", "${{ params.a }}", "${a}", "$a"] {
            let mut document =
                json!({"params": {"a": {}}, "steps": [{"name": "s", "command": format!("echo {reference}")}]});
            assert_eq!(without_unused(&mut document), None, "{reference}");
        }
        let mut list = json!({"params": [{"name": "a"}, {"name": "x"}], "steps": steps});
        without_unused(&mut list);
        assert_eq!(list["params"], json!([{"name": "a"}]));
    }

    #[test]
    fn values_that_nobody_said_are_told() {
        let document = json!({"params": {
            "app": {"default": "myapp"}, "image": {"default": "web:v2"}, "namespace": {"default": "default"},
            "replicas": {"type": "integer", "default": 5}, "open": {"required": true},
        }});
        let told = not_said(&document, "Deploy Web:v2");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("`myapp` for `app`") && told[1].contains("`5` for `replicas`"), "{told:?}");
    }
}
