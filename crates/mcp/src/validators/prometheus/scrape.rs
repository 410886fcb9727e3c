//! The configuration of a Prometheus server.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::duration;
use crate::validators::finding::Inside;
use crate::validators::texts::is_open;

const KEYS: [&str; 13] = [
    "global",
    "runtime",
    "rule_files",
    "scrape_config_files",
    "scrape_configs",
    "alerting",
    "remote_write",
    "remote_read",
    "storage",
    "tracing",
    "otlp",
    "config",
    "name_validation_scheme",
];
const ACTIONS: [&str; 11] = [
    "replace",
    "lowercase",
    "uppercase",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
];
/// What Prometheus takes when nothing is said, in milliseconds.
const INTERVAL_MS_DEFAULT: u64 = 60_000;
const TIMEOUT_MS_DEFAULT: u64 = 10_000;

/// Checks a whole configuration.
pub(super) fn check(config: &Value, inside: &mut Inside<'_>) {
    for key in config.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !KEYS.contains(&key.as_str()) {
            inside.error(
                "prom_unknown_key",
                &format!("/{key}"),
                &format!("`{key}` is no key of the configuration"),
                &format!("known are: {}", KEYS.join(", ")),
            );
        }
    }
    let global = &config["global"];
    let interval =
        duration(&global["scrape_interval"], "scrape_interval", "/global", inside).unwrap_or(INTERVAL_MS_DEFAULT);
    let timeout = duration(&global["scrape_timeout"], "scrape_timeout", "/global", inside);
    duration(&global["evaluation_interval"], "evaluation_interval", "/global", inside);
    if timeout.is_some_and(|timeout| timeout > interval) {
        too_long("/global", inside);
    }
    let has_rules = config["rule_files"].as_array().is_some_and(|files| !files.is_empty());
    if has_rules && config.get("alerting").is_none() {
        inside.info(
            "prom_no_alerting",
            "",
            "there are rules, and no `alerting` that their alerts go to",
            "add `alerting: {alertmanagers: […]}` if any rule alerts",
        );
    }
    let jobs = match &config["scrape_configs"] {
        Value::Null => &[][..],
        Value::Array(jobs) => jobs.as_slice(),
        _ => {
            inside.error(
                "prom_scrape_configs",
                "/scrape_configs",
                "`scrape_configs` is no list",
                "write `scrape_configs: [{job_name: …}]`",
            );
            return;
        }
    };
    self::jobs(jobs, (interval, timeout), inside);
}

/// Checks the jobs; `interval` and `timeout` are those of all.
fn jobs(jobs: &[Value], (interval, timeout): (u64, Option<u64>), inside: &mut Inside<'_>) {
    let mut names = BTreeSet::new();
    for (index, job) in jobs.iter().enumerate() {
        let at = format!("/scrape_configs/{index}");
        let name = job["job_name"].as_str().unwrap_or_default();
        inside.what = if name.is_empty() { format!("job {}", index + 1) } else { format!("job `{name}`") };
        if name.is_empty() {
            inside.error("prom_no_job_name", &at, "it has no `job_name`", "add `job_name`");
        } else if !names.insert(name) {
            inside.error(
                "prom_duplicate_job",
                &format!("{at}/job_name"),
                "a job of this name is there already",
                "give it another name",
            );
        }
        let own = duration(&job["scrape_interval"], "scrape_interval", &at, inside);
        let limit = duration(&job["scrape_timeout"], "scrape_timeout", &at, inside).or(timeout);
        let is_said = job.get("scrape_interval").is_some() || job.get("scrape_timeout").is_some();
        let every = own.unwrap_or(interval);
        // The default timeout gives way to a shorter interval; one that was written doesn't.
        if is_said && limit.is_some_and(|limit| limit > every) {
            too_long(&at, inside);
        }
        if every < 1_000 && limit.unwrap_or(TIMEOUT_MS_DEFAULT) > 0 {
            inside.warning(
                "prom_short_interval",
                &at,
                "it is scraped more than once a second",
                "scrape every 10 s or more seldom",
            );
        }
        self::job(job, &at, inside);
    }
    inside.what.clear();
}

fn too_long(at: &str, inside: &mut Inside<'_>) {
    let message = "`scrape_timeout` is longer than `scrape_interval`";
    inside.error(
        "prom_timeout_over_interval",
        &format!("{at}/scrape_timeout"),
        message,
        "Prometheus refuses that: let the timeout be the shorter one",
    );
}

fn job(job: &Value, at: &str, inside: &mut Inside<'_>) {
    if let Some(path) = job["metrics_path"].as_str()
        && !path.starts_with('/')
        && !is_open(path)
    {
        inside.error(
            "prom_metrics_path",
            &format!("{at}/metrics_path"),
            &format!("`metrics_path: {path}` doesn't begin with `/`"),
            "write `/metrics`",
        );
    }
    if let Some(scheme) = job["scheme"].as_str()
        && !["http", "https"].contains(&scheme)
        && !is_open(scheme)
    {
        inside.error(
            "prom_scheme",
            &format!("{at}/scheme"),
            &format!("`{scheme}` is no scheme"),
            "write `http` or `https`",
        );
    }
    let has_source = job
        .as_object()
        .is_some_and(|keys| keys.keys().any(|key| key.ends_with("_sd_configs") || key == "static_configs"));
    if !has_source {
        inside.warning(
            "prom_no_targets",
            at,
            "it has no targets",
            "add `static_configs: [{targets: ['host:9100']}]`, or discovery",
        );
    }
    for (group, config) in job["static_configs"].as_array().into_iter().flatten().enumerate() {
        for (index, target) in config["targets"].as_array().into_iter().flatten().enumerate() {
            let place = format!("{at}/static_configs/{group}/targets/{index}");
            self::target(target, &place, inside);
        }
    }
    for key in ["relabel_configs", "metric_relabel_configs"] {
        for (index, one) in job[key].as_array().into_iter().flatten().enumerate() {
            relabel(one, &format!("{at}/{key}/{index}"), inside);
        }
    }
    if let Some(password) =
        job.pointer("/basic_auth/password").or_else(|| job.get("bearer_token")).and_then(Value::as_str)
        && !is_open(password)
    {
        inside.warning(
            "prom_plain_secret",
            at,
            "a password stands in the configuration",
            "use `password_file` or `credentials_file`",
        );
    }
}

fn target(target: &Value, place: &str, inside: &mut Inside<'_>) {
    let Some(text) = target.as_str() else {
        inside.error("prom_target", place, "a target is no text", "write `'host:9100'`");
        return;
    };
    if is_open(text) {
        return;
    }
    if text.contains("://") || text.contains('/') {
        inside.error(
            "prom_target",
            place,
            &format!("the target `{text}` is an address of a page"),
            "write `host:port`, and `scheme` and `metrics_path` beside it",
        );
    } else if let Some((_, port)) = text.rsplit_once(':')
        && !text.ends_with(']')
        && port.parse::<u16>().is_err()
    {
        inside.error(
            "prom_target",
            place,
            &format!("the target `{text}` has no port that is a number"),
            "write `host:9100`",
        );
    }
}

fn relabel(config: &Value, at: &str, inside: &mut Inside<'_>) {
    let action = config["action"].as_str().unwrap_or("replace").to_lowercase();
    if !ACTIONS.contains(&action.as_str()) && !is_open(&action) {
        inside.error(
            "prom_relabel_action",
            &format!("{at}/action"),
            &format!("`{action}` is no action"),
            &format!("known are: {}", ACTIONS.join(", ")),
        );
    }
    if let Some(text) = config["regex"].as_str()
        && let Err(error) = regex::Regex::new(&format!("^(?:{text})$"))
        && !is_open(text)
    {
        let problem = error.to_string();
        let line = problem.lines().last().unwrap_or_default().trim().to_owned();
        inside.error(
            "prom_relabel_regex",
            &format!("{at}/regex"),
            &format!("`{text}` is no regular expression: {line}"),
            "mend the expression",
        );
    }
    let needs_target =
        matches!(action.as_str(), "replace" | "hashmod" | "lowercase" | "uppercase" | "keepequal" | "dropequal");
    if needs_target && config.get("target_label").is_none() {
        inside.error("prom_relabel_target", at, &format!("`{action}` has no `target_label`"), "add `target_label`");
    }
    if action == "hashmod" && config["modulus"].as_u64().unwrap_or(0) == 0 {
        inside.error("prom_relabel_target", at, "`hashmod` has no `modulus`", "add `modulus`");
    }
}
