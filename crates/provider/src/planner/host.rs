//! Parts about hosts: their health, their directories, their services, their certificates.

use serde_json::{Value, json};

use super::intents::Asked;
use super::part::{Part, slug};

/// Measures what was asked about, writes a report and warns as far as that was asked for.
pub(super) fn health(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("host-health");
    let wants = |words: &[&str]| asked.says(words);
    let named =
        wants(&["disk", "disks", "memory", "ram", "cpu", "load", "processor", "processors", "space", "storage"]);
    let disk = (!named || wants(&["disk", "disks", "space", "storage"])) && !asked.denies(&["disk", "disks"]);
    let memory = (!named || wants(&["memory", "ram"])) && !asked.denies(&["memory", "ram"]);
    let load = (!named || wants(&["cpu", "load", "processor", "processors"])) && !asked.denies(&["cpu", "load"]);
    let mut report = Vec::new();
    let warns_of_disk = asked.clauses.iter().any(|clause| {
        !clause.denies
            && clause.has(&["warn", "alert"])
            && (clause.has(&["disk", "disks"]) || !clause.has(&["memory", "ram"]))
    });
    if disk || warns_of_disk && !memory {
        let mount = asked.facts.path_after(&[
            "on",
            "of",
            "mount",
            "for",
            "mounted at",
            "at",
            "file system",
            "filesystem",
            "partition",
        ]);
        let mount = mount.or_else(|| asked.facts.given_text(&["mount", "filesystem"])).or_else(|| full_path(asked));
        part.param("mount", "string", "The file system to look at", mount.unwrap_or_else(|| "/".to_owned()));
        part.step(json!({
            "name": "check_disk", "description": "Measure how full the disk is", "depends": [], "effects": "read",
            "command": "df -Pk -- \"$mount\" | awk 'NR==2 { gsub(\"%\", \"\", $5); printf \"{\\\"used_percent\\\": %d, \\\"total_kb\\\": %d, \\\"free_kb\\\": %d}\\n\", $5, $2, $4 }'",
            "output": "DISK",
        }));
        report.push((
            "check_disk",
            "Disk ${mount}: ${DISK.used_percent}% used, ${DISK.free_kb} KiB of ${DISK.total_kb} KiB free",
        ));
    }
    if memory {
        part.step(json!({
            "name": "check_memory", "description": "Measure how much memory is in use", "depends": [], "effects": "read",
            "command": "awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { free = $2 } END { printf \"{\\\"used_percent\\\": %d, \\\"total_kb\\\": %d, \\\"free_kb\\\": %d}\\n\", (total - free) * 100 / total, total, free }' /proc/meminfo",
            "output": "MEMORY",
        }));
        report.push((
            "check_memory",
            "Memory: ${MEMORY.used_percent}% used, ${MEMORY.free_kb} KiB of ${MEMORY.total_kb} KiB free",
        ));
    }
    if load {
        part.step(json!({
            "name": "check_load", "description": "Measure the load of the processors", "depends": [], "effects": "read",
            "command": "cut -d' ' -f1-3 /proc/loadavg", "output": "LOAD",
        }));
        report.push(("check_load", "Load: ${LOAD}"));
    }
    let file_denied = asked.denies(&["file", "report", "write", "save"]);
    if asked.says(&["report", "file", "write", "save", "record"]) && !file_denied {
        write_report(&mut part, asked, &report);
    }
    warn_when_full(&mut part, asked, memory && !disk);
    part
}

/// `if /data is more than 85% full`: the path that may be full.
fn full_path(asked: &Asked<'_>) -> Option<String> {
    let clause = asked
        .clauses
        .iter()
        .find(|clause| clause.has(&["full", "used", "usage"]) && !clause.has(&["file", "write", "save"]))?;
    asked.facts.paths.iter().find(|path| path.starts_with('/') && clause.text.contains(path.as_str())).cloned()
}

fn write_report(part: &mut Part, asked: &Asked<'_>, report: &[(&str, &str)]) {
    let mount = part.params.get("mount").and_then(|mount| mount["default"].as_str().map(str::to_owned));
    let path = asked.facts.path_after(&["to", "into", "in", "as", "at"]).filter(|path| Some(path) != mount.as_ref());
    let path = path
        .or_else(|| asked.facts.paths.iter().find(|path| path.contains('.') && Some(*path) != mount.as_ref()).cloned());
    let path = path.or_else(|| asked.facts.given_text(&["report_path", "output", "file"]));
    if path.is_none() {
        part.suggest("No file was named, so the report is written to host-health-report.txt in the run's own directory; `report_path` changes that.");
    }
    part.param(
        "report_path",
        "string",
        "Where the report is written",
        path.unwrap_or_else(|| "host-health-report.txt".to_owned()),
    );
    let mut content = "Host health report of run ${run.id} (${run.started_at})\n".to_owned();
    for (_, line) in report {
        content.push_str(line);
        content.push('\n');
    }
    let depends: Vec<&str> = report.iter().map(|(step, _)| *step).collect();
    part.step(json!({
        "name": "write_report", "description": "Write what was measured to a file", "depends": depends, "tool": "file",
        "parameters": {"operation": "write", "path": "${report_path}", "content": content},
    }));
}

fn warn_when_full(part: &mut Part, asked: &Asked<'_>, memory_only: bool) {
    if !asked.says(&["warn", "warning", "alert", "notify", "tell", "if", "when", "above", "over", "exceeds"])
        || asked.denies(&["warn", "warning", "alert"])
    {
        return;
    }
    let threshold = asked.facts.percents.first().copied().map(u64::from);
    let threshold = threshold.or_else(|| asked.facts.given(&["threshold"])?.as_u64());
    if threshold.is_none() {
        if !asked.says(&["warn", "warning", "alert"]) {
            return;
        }
        part.suggest("No threshold was named, so the warning comes above 80 %; `threshold` changes that.");
    }
    let declared = json!({
        "type": "integer", "description": "Percent from which on to warn", "default": threshold.unwrap_or(80), "min": 0, "max": 100,
    });
    part.params.insert("threshold".to_owned(), declared);
    let about_memory = memory_only
        || asked
            .clauses
            .iter()
            .any(|clause| clause.has(&["warn", "alert"]) && clause.has(&["memory", "ram"]) && !clause.has(&["disk"]));
    let (step, name, text) = if about_memory {
        ("check_memory", "warn_if_memory_full", "WARNING: memory is ${used}% used (threshold ${threshold}%)")
    } else {
        ("check_disk", "warn_if_disk_full", "WARNING: disk $mount is ${used}% full (threshold ${threshold}%)")
    };
    let variable = if about_memory { "${MEMORY.used_percent}" } else { "${DISK.used_percent}" };
    part.step(json!({
        "name": name, "description": "Warn above the threshold", "depends": [step],
        "if": format!("steps.{step}.json.used_percent > params.threshold"), "effects": "read", "env": {"used": variable},
        "command": format!("echo \"{text}\""), "output": "WARNING",
    }));
}

/// Packs a directory, proves that the archive can be read, and removes the oldest archives.
pub(super) fn directory_backup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("directory-backup", "directory-backup");
    let facts = &asked.facts;
    let destination = facts.path_after(&["to", "into", "in", "under", "at"]);
    let source = facts.paths.iter().find(|path| Some(*path) != destination.as_ref()).cloned();
    part.set("source", source.or_else(|| facts.given_text(&["source", "directory", "path"])));
    part.set("destination", destination.or_else(|| facts.given_text(&["destination", "backup_location", "target"])));
    part.set("keep", copies(asked));
    if denies_pruning(asked) {
        part.without(&["prune_archives"]);
        part.without_params(&["keep"]);
    }
    part
}

/// How many copies a backup keeps.
pub(super) fn copies(asked: &Asked<'_>) -> Option<u64> {
    let words = ["copies", "backups", "archives", "dumps", "versions", "generations"];
    let kept = || {
        let keep = super::facts::compiled(r"(?i)\bkeep(?:ing)?\s+(?:only\s+|just\s+)?(?:the\s+)?(?:last\s+|newest\s+|latest\s+|most recent\s+)?(\d{1,4}|[a-z]+)\b(?:\s*(?:$|[,.;)]|of\b))".to_owned())?;
        super::spoken::number(&keep.captures(&asked.facts.text)?.get(1)?.as_str().to_lowercase()).map(u64::from)
    };
    asked.facts.count(&words).or_else(kept).or_else(|| asked.facts.given(&["keep"])?.as_u64())
}

/// Whether nothing old may be removed.
pub(super) fn denies_pruning(asked: &Asked<'_>) -> bool {
    asked.denies(&["prune", "pruning", "delete", "deleting", "remove", "removing", "clean"])
}

/// Finds the largest directories, or files, below one.
pub(super) fn largest(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("largest");
    let facts = &asked.facts;
    let directory = facts.paths.first().cloned().or_else(|| facts.given_text(&["directory", "path", "mount"]));
    part.param("directory", "string", "Where to look", directory.unwrap_or_else(|| "/".to_owned()));
    let kinds = ["directories", "directory", "folders", "files", "file", "biggest", "largest"];
    let size = super::facts::compiled(r"(?i)\b(?:bigger|larger)\s+than\s+(\d{1,9})\s*([kmg])i?b?\b".to_owned());
    let size = size.and_then(|size| {
        let found = size.captures(&facts.text)?;
        let unit = found[2].to_uppercase();
        Some(format!("{}{}", &found[1], if unit == "K" { "k" } else { unit.as_str() }))
    });
    if let Some(size) = size {
        part.param("size", "string", "How large they are at least: 100M, 2G", size);
        part.step(json!({
            "name": "find_large", "description": "List the files that are larger, in KiB", "depends": [], "effects": "read",
            "command": "find \"$directory\" -xdev -type f -size +\"$size\" -printf '%k\\t%p\\n' | sort -rn", "output": "LARGEST",
        }));
        return part;
    }
    part.param("count", "integer", "How many to list", facts.count(&kinds).unwrap_or(10));
    let command = if asked.says(&["files", "file"]) {
        "find \"$directory\" -xdev -type f -printf '%k\\t%p\\n' | sort -rn | head -n \"$count\""
    } else {
        "du -xk --max-depth=2 -- \"$directory\" | sort -rn | head -n \"$count\""
    };
    part.step(json!({
        "name": "find_largest", "description": "List what takes up most space, in KiB", "depends": [], "effects": "read",
        "command": command, "output": "LARGEST",
    }));
    part
}

/// Finds old files, shows them, and deletes them.
pub(super) fn cleanup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("cleanup", "disk-and-log-cleanup");
    let facts = &asked.facts;
    let directory = facts.path_after(&["in", "from", "under", "of", "at"]).or_else(|| facts.paths.first().cloned());
    part.set("directory", directory.or_else(|| facts.given_text(&["directory", "path"])));
    part.set("days", facts.days().or_else(|| facts.given(&["days", "max_age_days"])?.as_u64()));
    if !asked.says(&["log", "logs"]) {
        part.set("pattern", Some("*"));
    }
    if !asked.says(&["journal", "journald", "journalctl"]) {
        part.without(&["vacuum_journal"]);
        part.without_params(&["journal_days"]);
    } else {
        part.set("journal_days", facts.days());
    }
    part
}

/// Restarts a service of systemd and proves that it runs.
pub(super) fn service_restart(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("service-restart", "service-restart");
    part.set("service", service(asked));
    part.without(&["check_health"]);
    part.without_params(&["health_url"]);
    part
}

/// The service of systemd that is spoken of.
pub(super) fn service(asked: &Asked<'_>) -> Option<String> {
    let verbs =
        ["restart", "reload", "bounce", "start", "stop", "enable", "disable", "restarting", "of", "for", "does"];
    let service = asked.facts.given_text(&["service", "unit"]).or_else(|| asked.facts.named(&["service", "unit"]));
    let service = service.filter(|name| !["and", "then", "is", "runs"].contains(&name.as_str()));
    service
        .or_else(|| asked.facts.named_before(&["service", "daemon", "server"]))
        .or_else(|| asked.facts.object_of(&verbs))
}

/// Looks how long a certificate is good for.
pub(super) fn certificate(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("certificate-expiry", "certificate-expiry");
    let facts = &asked.facts;
    let address = facts.urls.first().and_then(|url| url.split("//").nth(1)?.split('/').next().map(str::to_owned));
    let address = address.or_else(|| facts.given_text(&["host", "domain"]));
    let address = address.or_else(|| {
        let near = facts.named(&["of", "for", "on", "host", "domain"]).filter(|name| name.contains('.'));
        near.or_else(|| facts.hosts().into_iter().next())
    });
    // `mail.example.com:993`: what stands before the colon was found.
    let address = address.map(|host| {
        let after = facts.text.split(&format!("{host}:")).nth(1).unwrap_or_default();
        let port: String = after.chars().take_while(char::is_ascii_digit).collect();
        if port.is_empty() || host.contains(':') { host } else { format!("{host}:{port}") }
    });
    let (host, port) = match address.as_deref().and_then(|address| address.split_once(':')) {
        Some((host, port)) => (Some(host.to_owned()), port.parse::<u64>().ok()),
        None => (address.clone(), None),
    };
    part.set("host", host);
    part.set("port", port.or_else(|| facts.given(&["port"])?.as_u64()));
    part.set("min_days", facts.days().or_else(|| facts.count(&["days"])));
    part
}

/// Asks an address whether it answers.
pub(super) fn uptime(asked: &Asked<'_>) -> Part {
    if let (Some(text), [url]) = (contained(asked), asked.facts.urls.as_slice()) {
        let mut part = Part::of_template("uptime-check", "http-uptime-check");
        part.set("url", Some(url.clone()));
        part.set("contains", Some(text));
        if let (Some(status), Some(first)) = (expected_status(asked), part.steps.first_mut()) {
            first["parameters"]["expect_status"] = json!(status);
        }
        return part;
    }
    let mut part = Part::new("uptime-check");
    let urls = if asked.facts.urls.is_empty() {
        asked.facts.given_list(&["url", "urls", "endpoint"])
    } else {
        asked.facts.urls.clone()
    };
    let expected: Vec<u64> = expected_status(asked).into_iter().collect();
    let check = |name: String, url: String| {
        let mut http = json!({"url": url, "method": "GET", "timeout": asked.facts.duration().filter(|_| asked.says(&["within", "timeout"])).unwrap_or_else(|| "10s".to_owned())});
        if !expected.is_empty() {
            http["expect_status"] = json!(expected);
        }
        json!({
            "name": name, "description": "Ask whether it answers", "depends": [], "http": http,
            "retry": {"max_attempts": asked.facts.times().unwrap_or(3), "delay": "5s"}, "effects": "read",
        })
    };
    match urls.as_slice() {
        [] => {
            part.needed("url", "The address to ask", None);
            part.step(check("check_url".to_owned(), "${url}".to_owned()));
        }
        [url] => {
            part.needed("url", "The address to ask", Some(url.clone()));
            part.step(check("check_url".to_owned(), "${url}".to_owned()));
        }
        several => {
            for (index, url) in several.iter().enumerate() {
                let name = format!("url_{}", index + 1);
                part.needed(&name, "An address to ask", Some(url.clone()));
                part.step(check(
                    format!("check_{}", slug(url.split("//").nth(1).unwrap_or(url))),
                    format!("${{{name}}}"),
                ));
            }
        }
    }
    part
}

/// The text that an answer should have in it.
fn contained(asked: &Asked<'_>) -> Option<String> {
    let after = [
        "contains",
        "contain",
        "containing",
        "includes",
        "include",
        "including",
        "has the text",
        "with the text",
        "says",
    ];
    let lower = asked.facts.text.to_lowercase();
    let within = || {
        let within = super::facts::compiled(
            r#"(?i)"[^"\n]+"\s+(?:is\s+|(?:should\s+|must\s+)?be\s+|stands\s+|appears\s+)?(?:in|inside|somewhere in)\s+(?:there|it|(?:the|its)\s+(?:body|answer|response|page|text))"#
                .to_owned(),
        )?;
        within.find(&asked.facts.text).map(|found| found.start())
    };
    let at = after.iter().filter_map(|word| lower.find(&format!("{word} \""))).min().or_else(within)?;
    asked.facts.text.get(at..)?.split('"').nth(1).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The status that an answer should have, when the task says so.
pub(super) fn expected_status(asked: &Asked<'_>) -> Option<u64> {
    let words = asked.facts.text.split(|character: char| !character.is_ascii_digit());
    let statuses = words.filter(|word| word.len() == 3).filter_map(|word| word.parse::<u64>().ok());
    let status = statuses.into_iter().find(|status| (100..600).contains(status));
    status.filter(|_| {
        asked.says(&["expect", "status", "code", "returns", "return", "answers", "answer", "responds", "respond"])
    })
}

/// Writes a text to a file.
pub(super) fn write_file(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("write-file");
    let text = asked.facts.text.split('"').nth(1).map(str::to_owned);
    let path = asked.facts.path_after(&["to", "into", "in"]).or_else(|| asked.facts.paths.first().cloned());
    part.needed("content", "What to write", text);
    part.needed("path", "The file to write to", path);
    part.step(json!({
        "name": "write_file", "description": "Write the file", "depends": [], "tool": "file",
        "parameters": {"operation": "write", "path": "${path}", "content": "${content}"},
    }));
    part
}

/// Waits.
pub(super) fn wait(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("wait");
    let duration = asked.facts.duration();
    let known = duration.is_some();
    let value = duration.map_or_else(|| Value::from("${wait_for}"), Value::from);
    if !known {
        part.needed("wait_for", "How long to wait: 30s, 5m", None);
    }
    part.step(json!({"name": "wait", "description": "Wait", "depends": [], "tool": "wait", "parameters": {"duration": value}}));
    part
}
