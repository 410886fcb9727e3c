//! What authors say that they did about requirements, and what of it is true.

use partita_core::workflow::{Change, Workflow, to_value};
use serde_json::Value;

/// What an author says it did about a requirement.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) requirement: String,
    /// Its number among all requirements and previous errors, from 1.
    pub(crate) number: Option<usize>,
    pub(crate) met: bool,
    pub(crate) summary: String,
    pub(crate) steps: Vec<String>,
}

/// What stands under `requirements` of an answer: `{number | requirement, met, summary, steps}` each.
pub(crate) fn claims(answer: &Value) -> Vec<Claim> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let of = |value: &Value| Claim {
        requirement: text(value, "requirement"),
        number: value["number"].as_u64().and_then(|number| usize::try_from(number).ok()),
        met: value["met"] == true,
        summary: text(value, "summary"),
        steps: value["steps"]
            .as_array()
            .into_iter()
            .flatten()
            // Some write `name: deploy`.
            .filter_map(|step| Some(step.as_str()?.trim().trim_start_matches("name:").trim().to_owned()))
            .collect(),
    };
    answer["requirements"].as_array().into_iter().flatten().map(of).collect()
}

impl Claim {
    /// The steps that show that it is true, of those that it names: they were added, changed or removed. Where none was, it
    /// is true if something beside the steps changed, or if it says that nothing had to. `is_only` says that there is no other
    /// requirement that a change could be for.
    pub(crate) fn proven(&self, diff: &[Change], workflow: &Workflow, is_only: bool) -> Result<Vec<String>, String> {
        let handlers = to_value(workflow)["handlers"].take();
        let handlers: Vec<&Value> = handlers.as_object().into_iter().flat_map(|handlers| handlers.values()).collect();
        let is_there = |name: &String| {
            workflow.steps.iter().any(|step| step.name == *name) || handlers.iter().any(|step| step["name"] == *name)
        };
        if says_already(&self.summary) {
            return Ok(self.steps.iter().filter(|name| is_there(name)).cloned().collect());
        }
        if diff.is_empty() {
            return Err("the author says it is met, but nothing in the workflow changed".to_owned());
        }
        if self.steps.is_empty() && !is_only && diff.iter().all(|change| change.path.starts_with("steps")) {
            return Err("the author names no step that does it, and nothing beside the steps changed".to_owned());
        }
        let changed = |step: &&String| {
            let path = format!("steps.{step}");
            diff.iter().any(|change| {
                change.path == path || change.path.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.'))
            })
        };
        let shown: Vec<String> = self.steps.iter().filter(changed).cloned().collect();
        let absent: Vec<String> =
            self.steps.iter().filter(|name| !is_there(name)).map(|name| format!("`{name}`")).collect();
        let is_beside = |change: &Change| {
            let beside = ["on_failure", "handlers", "timeout", "schedule", "name", "description"];
            beside.iter().any(|key| change.path.starts_with(key))
        };
        if !shown.is_empty() || self.steps.is_empty() || diff.iter().any(is_beside) && absent.len() < self.steps.len() {
            return Ok(shown);
        }
        if absent.is_empty() {
            let names: Vec<String> = self.steps.iter().map(|step| format!("`{step}`")).collect();
            return Err(format!("the author says that {} does it, which is as it was before", names.join(", ")));
        }
        Err(format!("the author says that {} does it, which is not in the workflow", absent.join(", ")))
    }
}

/// What an author says now, and what it said before about requirements that it says nothing more about.
pub(crate) fn latest(mut now: Vec<Claim>, before: Vec<Claim>) -> Vec<Claim> {
    let is_new =
        |claim: &Claim| !now.iter().any(|new| (new.number, &new.requirement) == (claim.number, &claim.requirement));
    let old: Vec<Claim> = before.into_iter().filter(is_new).collect();
    now.extend(old);
    now
}

/// What an author says about a requirement. Authors seldom repeat the words as they were: the number
/// counts, then the words, then the place in a list that is as long as that of the requirements.
pub(crate) fn claim_for<'a>(claims: &'a [Claim], index: usize, count: usize, requirement: &str) -> Option<&'a Claim> {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let wanted = plain(requirement);
    let is_same = |claim: &&Claim| plain(&claim.requirement) == wanted;
    let is_numbered = claims.iter().all(|claim| claim.number.is_some());
    let by_number = || claims.iter().find(|claim| is_numbered && claim.number == Some(index + 1));
    let by_place = || claims.get(index).filter(|_| !is_numbered && claims.len() == count);
    claims.iter().find(is_same).or_else(by_number).or_else(by_place)
}

/// Whether an author says that a requirement was met before.
fn says_already(summary: &str) -> bool {
    summary.trim_start().to_lowercase().starts_with("already")
}
