//! Messages that are steps of their own: to Slack, to a webhook, by mail.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::json;

use super::facts::Facts;
use super::intents::{Asked, Intent};
use super::part::Part;
use super::phrases::pattern;
use super::sentence::Clause;

const SEND: &[&str] = &[
    "post", "send", "tell", "message", "announce", "write", "say", "mail", "email", "slack", "notify", "inform", "let",
    "ping",
];

pub(super) static INTENTS: [Intent; 3] = [
    Intent {
        title: "send an e-mail",
        words: &[SEND],
        except: CONDITIONS,
        fits: |_, facts| !facts.emails.is_empty() && text(facts).is_some() && facts.commands.is_empty(),
        absorbs: &["saying", "subject"],
        lists: &[],
        build: email,
    },
    Intent {
        title: "post to Slack",
        words: &[SEND],
        except: CONDITIONS,
        fits: |clause, facts| {
            (clause.has(&["slack"]) || !facts.channels.is_empty()) && text(facts).is_some() && facts.commands.is_empty()
        },
        absorbs: &["saying"],
        lists: &[],
        build: slack,
    },
    Intent {
        title: "call a webhook",
        words: &[&["webhook", "web hook", "post"]],
        except: CONDITIONS,
        fits: |clause: &Clause, facts| {
            !facts.urls.is_empty()
                && facts.emails.is_empty()
                && (clause.has(&["webhook", "web hook"]) && clause.has(&["call", "trigger", "hit"])
                    || text(facts).is_some())
        },
        absorbs: &["saying"],
        lists: &[],
        build: webhook,
    },
];

/// A message for when something happens is one of the end of the run.
const CONDITIONS: &[&str] =
    &["if", "when", "on failure", "on success", "on error", "fails", "failure", "only when", "once"];

static THAT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:that|saying|know)\s+([a-z].{3,})$"));

/// `notify #dev: the deployment is done`
static COLON: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:#[\w-]+|@[\w.-]+|\bslack|\bchannel)\s*:\s+([a-z].{3,})$"));

/// What is to be sent: in quotes, after `that`, or after a colon.
fn text(facts: &Facts) -> Option<String> {
    let told = |pattern: &Regex| {
        pattern.captures(&facts.text).and_then(|found| Some(found.get(1)?.as_str().trim().to_owned()))
    };
    facts.message().or_else(|| told(&THAT)).or_else(|| told(&COLON))
}

const STATE: &str = "Partita: ${run.name} (${run.id}): ${run.status}";

fn slack(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("slack", "notify-slack");
    let channel = asked.facts.channels.first().map(|name| format!("#{name}"));
    if channel.is_some() {
        part.without(&["post"]);
    } else {
        part.without(&["post_to_channel"]);
        part.without_params(&["channel"]);
    }
    for step in &mut part.steps {
        if let Some(step) = step.as_object_mut() {
            step.remove("if");
        }
    }
    part.rename_param("text", "message");
    part.set("message", text(&asked.facts));
    part.set("channel", channel);
    part.begin();
    part
}

fn email(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("email", "notify-email");
    part.rename_param("text", "message");
    part.set("to", asked.facts.emails.first().cloned());
    part.set("message", text(&asked.facts));
    part
}

fn webhook(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("webhook");
    part.needed("hook_url", "Where to post", asked.facts.urls.first().cloned());
    let body = match text(&asked.facts) {
        Some(text) => {
            part.param("message", "string", "What to post", text);
            "${message}"
        }
        None => STATE,
    };
    part.step(json!({
        "name": "call_webhook", "description": "Post it", "depends": [], "tool": "webhook",
        "parameters": {"url": "${hook_url}", "body": {"text": body, "run": "${run.id}"}},
        "retry": {"max_attempts": 3, "delay": "2s", "backoff": 2},
    }));
    part
}
