//! The routes and receivers of Alertmanager.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::duration;
use crate::validators::finding::Inside;
use crate::validators::texts::is_open;

/// Checks a configuration of Alertmanager.
pub(super) fn check(config: &Value, inside: &mut Inside<'_>) {
    let mut receivers = BTreeSet::new();
    for (index, receiver) in config["receivers"].as_array().into_iter().flatten().enumerate() {
        let at = format!("/receivers/{index}");
        match receiver["name"].as_str() {
            None => inside.error("prom_receiver_no_name", &at, "a receiver has no name", "add `name`"),
            Some(name) if !receivers.insert(name) => {
                inside.error(
                    "prom_duplicate_receiver",
                    &at,
                    &format!("two receivers are called `{name}`"),
                    "give each a name of its own",
                );
            }
            Some(_) => {}
        }
    }
    match config.get("route") {
        None => inside.error("prom_no_route", "", "there is no `route`", "add `route: {receiver: …}`"),
        Some(top) => {
            if top.get("receiver").is_none() {
                inside.error("prom_no_route", "/route", "the first route has no `receiver`", "add `receiver`");
            }
            route(top, "/route", (&receivers, 0), inside);
        }
    }
}

fn route(one: &Value, at: &str, (receivers, depth): (&BTreeSet<&str>, usize), inside: &mut Inside<'_>) {
    if depth > 32 {
        return;
    }
    if let Some(name) = one["receiver"].as_str()
        && !receivers.contains(name)
        && !is_open(name)
    {
        let known = receivers.iter().copied().collect::<Vec<_>>().join(", ");
        inside.error(
            "prom_unknown_receiver",
            &format!("{at}/receiver"),
            &format!("there is no receiver `{name}`"),
            &format!("there are: {known}"),
        );
    }
    for key in ["group_wait", "group_interval", "repeat_interval"] {
        duration(&one[key], key, at, inside);
    }
    for (index, inner) in one["routes"].as_array().into_iter().flatten().enumerate() {
        route(inner, &format!("{at}/routes/{index}"), (receivers, depth + 1), inside);
    }
}
