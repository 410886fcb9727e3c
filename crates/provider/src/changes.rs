//! Changes to a workflow, as authors write them: only what is new or other. Everything else stays as it is by itself,
//! and nobody has to write a long workflow again to add a step.
//!
//! ```json
//! {
//!   "steps": [{"name": "check", "after": "deploy", "tool": "http", "parameters": {"url": "${url}"}}],
//!   "remove": ["old_step", "deploy.retry", "params.old"],
//!   "params": {"url": {"required": true}},
//!   "on_failure": "rollback"
//! }
//! ```

use std::collections::BTreeSet;

use partita_core::Diagnostic;
use serde_json::{Map, Value, json};

/// Keys that say what a step does; a step that does something else has none of the others any more.
const ACTIONS: [&str; 9] =
    ["tool", "command", "script", "http", "approval", "container", "workflow", "agent", "executor"];
/// Keys that go with an action.
const BESIDE: [&str; 3] = ["parameters", "shell", "interpreter"];
/// Keys of a workflow that are taken over as they are.
const WHOLE: [&str; 7] = ["name", "description", "on_failure", "schedule", "timeout", "max_concurrent", "env"];

/// The workflow with the changes made.
///
/// # Errors
///
/// When a change speaks of a step that is not there.
pub(crate) fn apply(workflow: &Value, changes: &Value) -> Result<Value, Vec<Diagnostic>> {
    let mut changed = workflow.clone();
    let mut faults = Vec::new();
    for key in WHOLE {
        if let Some(value) = changes.get(key) {
            changed[key] = value.clone();
        }
    }
    for key in ["params", "handlers"] {
        merge(&mut changed, key, changes.get(key));
    }
    let mut steps = changed["steps"].as_array().cloned().unwrap_or_default();
    let given = last_of_each(changes["steps"].as_array().map(Vec::as_slice).unwrap_or_default());
    let is_old = |(_, step): &(usize, Value)| steps.iter().any(|known| known["name"] == step["name"]);
    let (old, new): (Vec<_>, Vec<_>) = given.iter().cloned().partition(is_old);
    for (_, step) in old {
        if let Some(known) = steps.iter_mut().find(|known| known["name"] == step["name"]) {
            change_step(known, &step);
        }
    }
    for (at, step) in new {
        if let Err(fault) = add_step(&mut steps, step, at) {
            faults.push(fault);
        }
    }
    changed["steps"] = Value::Array(steps);
    let mut removed = BTreeSet::new();
    for (at, name) in changes["remove"].as_array().into_iter().flatten().enumerate() {
        let name = name.as_str().unwrap_or_default();
        // What is given is meant to be there, and nothing goes twice.
        if given.iter().any(|(_, step)| step["name"] == name) || !removed.insert(name) {
            continue;
        }
        if !remove(&mut changed, name) {
            faults.push(unknown(&format!("changes.remove[{at}]"), name, &changed));
        }
    }
    if faults.is_empty() { Ok(changed) } else { Err(faults) }
}

/// The steps that are given, with their places; of those that are there several times the last.
fn last_of_each(given: &[Value]) -> Vec<(usize, Value)> {
    let is_last = |at: usize, step: &Value| !given[at + 1..].iter().any(|later| later["name"] == step["name"]);
    given.iter().enumerate().filter(|(at, step)| is_last(*at, step)).map(|(at, step)| (at, step.clone())).collect()
}

/// Words of a requirement that may ask to remove something.
const GIVES_UP: [&str; 22] = [
    "remove",
    "delete",
    "drop",
    "without",
    "no longer",
    "instead",
    "replace",
    "get rid",
    "simplif",
    "merge",
    "only",
    "skip",
    "don't",
    "do not",
    "not ",
    "stop ",
    "leave out",
    "fewer",
    "shorten",
    "unused",
    "redundant",
    "combine",
];

/// Leaves out of `remove` what no requirement speaks of, by its name or with a word that gives something up. Gives their
/// names, for people; `None` when there are none.
pub(crate) fn keep_what_nobody_gives_up<'a>(
    changes: &mut Value,
    requirements: impl Iterator<Item = &'a String>,
) -> Option<String> {
    let requirements: Vec<String> = requirements.map(|text| text.to_lowercase()).collect();
    if requirements.iter().any(|text| GIVES_UP.iter().any(|word| text.contains(word))) {
        return None;
    }
    let remove = changes.get_mut("remove")?.as_array_mut()?;
    let is_named = |name: &Value| {
        let name = name.as_str().unwrap_or_default().to_lowercase();
        let step = name.split('.').next().unwrap_or_default().replace(['_', '-'], " ");
        requirements.iter().any(|text| has_words(&text.replace(['_', '-'], " "), &step))
    };
    let (named, kept): (Vec<Value>, Vec<Value>) = std::mem::take(remove).into_iter().partition(is_named);
    *remove = named;
    let kept: BTreeSet<String> = kept.iter().filter_map(|name| Some(format!("`{}`", name.as_str()?))).collect();
    (!kept.is_empty()).then(|| kept.into_iter().collect::<Vec<_>>().join(", "))
}

/// Whether words stand in a text as whole ones: `deploy` is not in `deployment`.
fn has_words(text: &str, words: &str) -> bool {
    let is_border = |it: Option<char>| it.is_none_or(|it| !it.is_alphanumeric());
    text.match_indices(words).any(|(at, found)| {
        is_border(text[..at].chars().next_back()) && is_border(text[at + found.len()..].chars().next())
    })
}

/// Entries by name; one that is there already gets the keys that are given.
fn merge(workflow: &mut Value, key: &str, given: Option<&Value>) {
    let Some(given) = given.and_then(Value::as_object).filter(|given| !given.is_empty()) else { return };
    if !workflow[key].is_object() {
        workflow[key] = json!({});
    }
    for (name, value) in given {
        match (workflow[key].get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(value)) if key == "params" => known.extend(value.clone()),
            _ => workflow[key][name] = value.clone(),
        }
    }
}

/// Gives a step the keys that its change has.
fn change_step(step: &mut Value, change: &Value) {
    let (Some(step), Some(change)) = (step.as_object_mut(), change.as_object()) else { return };
    if ACTIONS.iter().any(|action| change.contains_key(*action)) {
        step.retain(|key, _| !ACTIONS.contains(&key.as_str()) && !BESIDE.contains(&key.as_str()));
    }
    let places = ["after", "before"];
    step.extend(
        change
            .iter()
            .filter(|(key, _)| !places.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone())),
    );
}

/// Puts a new step where it says: right after or before another, else behind what it waits for, else at the end.
fn add_step(steps: &mut Vec<Value>, mut step: Value, at: usize) -> Result<(), Diagnostic> {
    let Some(keys) = step.as_object_mut() else {
        steps.push(step);
        return Ok(());
    };
    let mut place = |key: &str| keys.remove(key).and_then(|name| Some(name.as_str()?.to_owned()));
    let (after, before) = (place("after"), place("before"));
    let says_depends = keys.contains_key("depends");
    let position = |name: &str| steps.iter().position(|step| step["name"] == name);
    let found = |key: &str, name: &str| {
        position(name).ok_or_else(|| unknown(&format!("changes.steps[{at}].{key}"), name, &json!({"steps": steps})))
    };
    let name = step["name"].clone();
    if let Some(next) = before {
        let at = found("before", &next)?;
        let needs = steps[at].get("depends").cloned();
        if !says_depends {
            if let Some(needs) = needs {
                step["depends"] = needs;
            }
            if steps[at].get("depends").is_some() {
                steps[at]["depends"] = json!([name]);
            }
        }
        steps.insert(at, step);
        return Ok(());
    }
    if let Some(former) = after {
        let at = found("after", &former)?;
        if !says_depends {
            // Whoever waited for the former one now waits for this one, which waits for it.
            for other in steps.iter_mut().filter_map(|other| other["depends"].as_array_mut()) {
                for need in other.iter_mut().filter(|need| **need == former) {
                    *need = name.clone();
                }
            }
            step["depends"] = json!([former]);
        }
        steps.insert(at + 1, step);
        return Ok(());
    }
    let needs: BTreeSet<&str> = step["depends"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let last = steps.iter().rposition(|other| other["name"].as_str().is_some_and(|name| needs.contains(name)));
    let place = last.map_or(steps.len(), |last| last + 1);
    // Between steps that only stand in their order, a step that waits for less would make the next one wait for less, too.
    let is_ordered = steps.get(place).is_some_and(|next| next.get("depends").is_none());
    steps.insert(if is_ordered { steps.len() } else { place }, step);
    Ok(())
}

/// Removes a step, a step's key, a parameter or a handler; `false` when there is no such thing.
fn remove(workflow: &mut Value, name: &str) -> bool {
    if let Some((owner, key)) = name.split_once('.') {
        let entries = match owner {
            "params" | "handlers" => workflow[owner].as_object_mut(),
            step => {
                let mut steps = workflow["steps"].as_array_mut().into_iter().flatten();
                steps.find(|known| known["name"] == step).and_then(Value::as_object_mut)
            }
        };
        return entries.is_some_and(|entries: &mut Map<String, Value>| entries.remove(key).is_some());
    }
    let Some(steps) = workflow["steps"].as_array_mut() else { return false };
    let Some(at) = steps.iter().position(|step| step["name"] == name) else { return false };
    let removed = steps.remove(at);
    let needs: Vec<Value> = match removed["depends"].as_array() {
        Some(needs) => needs.clone(),
        None => at.checked_sub(1).map(|before| steps[before]["name"].clone()).into_iter().collect(),
    };
    for other in steps.iter_mut().filter_map(|other| other["depends"].as_array_mut()) {
        if let Some(at) = other.iter().position(|need| *need == name) {
            other.remove(at);
            let missing: Vec<Value> = needs.iter().filter(|need| !other.contains(need)).cloned().collect();
            other.splice(at..at, missing);
        }
    }
    true
}

fn unknown(path: &str, name: &str, workflow: &Value) -> Diagnostic {
    let names: Vec<&str> =
        workflow["steps"].as_array().into_iter().flatten().filter_map(|step| step["name"].as_str()).collect();
    Diagnostic::error("unknown_step", path, format!("there is no step `{name}`"))
        .help(format!("the steps are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of any shape, with the words that mean something here.
    fn anything() -> impl Strategy<Value = Value> {
        let word = proptest::sample::select(vec![
            "one",
            "two",
            "three",
            "new",
            "name",
            "steps",
            "after",
            "before",
            "depends",
            "remove",
            "params",
            "handlers",
            "tool",
            "command",
            "parameters",
            "one.retry",
            "params.a",
            "on_failure",
        ]);
        let leaf =
            prop_oneof![Just(Value::Null), Just(json!(1)), Just(json!(true)), word.clone().prop_map(Value::from)];
        leaf.prop_recursive(4, 48, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((word.clone(), inner), 0..6)
                    .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        /// Whatever a model writes is made, or told as a fault; and every step that nobody removes is still there.
        #[test]
        fn changes_of_any_shape_are_made_or_told(steps in anything(), remove in anything(), params in anything(), more in anything()) {
            let mut changes = json!({"steps": steps, "remove": remove, "params": params, "handlers": more});
            keep_what_nobody_gives_up(&mut changes, std::iter::once(&"Add monitoring".to_owned()));
            match apply(&explicit(), &changes) {
                Ok(changed) => {
                    let there = changed["steps"].as_array().cloned().unwrap_or_default();
                    for name in ["one", "two", "three"] {
                        prop_assert!(there.iter().any(|step| step["name"] == name), "{name} is gone: {changes}");
                    }
                }
                Err(faults) => prop_assert!(faults.iter().all(|fault| fault.help.is_some())),
            }
            prop_assert!(apply(&explicit(), &more).is_ok_and(|changed| changed.is_object()) || more.is_object());
        }
    }

    fn names(workflow: &Value) -> Vec<&str> {
        workflow["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
    }

    fn explicit() -> Value {
        json!({
            "name": "w", "params": {"a": {"type": "string", "default": "x"}},
            "steps": [
                {"name": "one", "depends": [], "command": "a"},
                {"name": "two", "depends": ["one"], "command": "b", "retry": {"max_attempts": 2}},
                {"name": "three", "depends": ["two"], "tool": "http", "parameters": {"url": "u"}},
            ],
        })
    }

    #[test]
    fn what_is_given_changes_and_the_rest_stays() {
        let changes = json!({
            "on_failure": "rollback", "params": {"a": {"default": "y"}, "b": {"required": true}},
            "handlers": {"failure": {"name": "tell", "command": "t"}},
            "steps": [{"name": "two", "tool": "wait", "parameters": {"duration": "1s"}}],
        });
        let changed = apply(&explicit(), &changes).unwrap();
        assert_eq!(changed["params"], json!({"a": {"type": "string", "default": "y"}, "b": {"required": true}}));
        assert_eq!(
            changed["steps"][1],
            json!({"name": "two", "depends": ["one"], "tool": "wait", "parameters": {"duration": "1s"}, "retry": {"max_attempts": 2}})
        );
        assert_eq!(
            (&changed["on_failure"], &changed["handlers"]["failure"]["name"]),
            (&json!("rollback"), &json!("tell"))
        );
        assert_eq!(names(&changed), ["one", "two", "three"]);
    }

    #[test]
    fn new_steps_stand_where_they_say() {
        let add = |step: Value| apply(&explicit(), &json!({"steps": [step]})).unwrap();
        let after = add(json!({"name": "new", "after": "one", "command": "n"}));
        assert_eq!(names(&after), ["one", "new", "two", "three"]);
        assert_eq!((&after["steps"][1]["depends"], &after["steps"][2]["depends"]), (&json!(["one"]), &json!(["new"])));
        let before = add(json!({"name": "new", "before": "three", "command": "n"}));
        assert_eq!(names(&before), ["one", "two", "new", "three"]);
        assert_eq!(
            (&before["steps"][2]["depends"], &before["steps"][3]["depends"]),
            (&json!(["two"]), &json!(["new"]))
        );
        let beside = add(json!({"name": "new", "depends": ["one"], "command": "n"}));
        assert_eq!(names(&beside), ["one", "new", "two", "three"]);
        assert_eq!(beside["steps"][2]["depends"], json!(["one"]));
        assert_eq!(names(&add(json!({"name": "new", "command": "n"}))), ["one", "two", "three", "new"]);
        let ordered = json!({"steps": [{"name": "one", "command": "a"}, {"name": "two", "command": "b"}]});
        let changed = apply(&ordered, &json!({"steps": [{"name": "new", "before": "two", "command": "n"}]})).unwrap();
        assert_eq!(names(&changed), ["one", "new", "two"]);
        assert!(changed["steps"][2].get("depends").is_none() && changed["steps"][1].get("depends").is_none());
    }

    #[test]
    fn what_is_removed_leaves_no_gap() {
        let changed = apply(&explicit(), &json!({"remove": ["two", "params.a"]})).unwrap();
        assert_eq!((names(&changed), &changed["steps"][1]["depends"]), (vec!["one", "three"], &json!(["one"])));
        assert_eq!(changed["params"], json!({}));
        let changed = apply(&explicit(), &json!({"remove": ["two.retry"]})).unwrap();
        assert!(changed["steps"][1].get("retry").is_none());
    }

    #[test]
    fn what_is_given_twice_or_given_and_removed_is_taken_once() {
        let step = |command: &str| json!({"name": "new", "command": command});
        let changes = json!({"steps": [step("a"), {"name": "one", "command": "a"}, step("b")], "remove": ["one", "new", "two", "two"]});
        let changed = apply(&explicit(), &changes).unwrap();
        assert_eq!(names(&changed), ["one", "three", "new"]);
        assert_eq!(changed["steps"][2]["command"], "b");
    }

    #[test]
    fn what_nobody_asks_to_remove_stays() {
        let kept = |requirement: &str| {
            let mut changes = json!({"remove": ["check_web", "old"]});
            let kept = keep_what_nobody_gives_up(&mut changes, std::iter::once(&requirement.to_owned()));
            (kept, changes["remove"].clone())
        };
        assert_eq!(kept("Add monitoring"), (Some("`check_web`, `old`".to_owned()), json!([])));
        assert_eq!(kept("Let check web wait longer"), (Some("`old`".to_owned()), json!(["check_web"])));
        assert_eq!(kept("The old one goes").1, json!(["old"]));
        assert_eq!(kept("Add boldness").1, json!([]));
        assert_eq!(kept("Use helm instead of kubectl"), (None, json!(["check_web", "old"])));
    }

    #[test]
    fn a_step_that_is_not_there_is_told() {
        let faults = apply(
            &explicit(),
            &json!({"steps": [{"name": "new", "after": "tow", "command": "n"}], "remove": ["fuor", "two.nothing"]}),
        )
        .unwrap_err();
        let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, ["changes.steps[0].after", "changes.remove[0]", "changes.remove[1]"]);
        assert!(faults[0].help.as_ref().unwrap().contains("one, two, three"));
    }
}
