//! What is looked at from outside: names, ports, images, logs; and what is fetched and sent.

use serde_json::json;

use super::facts::Facts;
use super::intents::{Asked, DO_CHECK, Intent};
use super::part::Part;

pub(super) static INTENTS: [Intent; 8] = [
    Intent {
        title: "ask the domain name system",
        words: &[&[
            "dns",
            "resolve",
            "resolves",
            "mx",
            "nameserver",
            "a record",
            "txt record",
            "cname",
            "records",
            "points to",
            "point to",
            "dig",
        ]],
        except: &["database", "table"],
        fits: |_, facts| !facts.machines().is_empty(),
        absorbs: &["point", "points"],
        lists: &["of", "for", "resolve", "records of"],
        build: dns,
    },
    Intent {
        title: "look whether a port is open",
        words: &[&["port", "ports", "tcp"]],
        except: &["certificate", "cert", "tls", "ssl", "export", "firewall"],
        fits: |clause, facts| {
            clause.has(DO_CHECK) || clause.has(&["open", "listening", "reachable"]) && facts.urls.is_empty()
        },
        absorbs: &["open"],
        lists: &["ports"],
        build: port,
    },
    Intent {
        title: "scan an image for vulnerabilities",
        words: &[&["scan", "trivy", "vulnerabilities", "cve", "cves", "security scan"]],
        except: &["port", "ports", "network"],
        fits: |clause, facts| !facts.images.is_empty() || clause.has(&["image", "images", "it", "container"]),
        absorbs: &["vulnerabilities"],
        lists: &["images", "image", "scan"],
        build: scan,
    },
    Intent {
        title: "find errors in a log file",
        words: &[
            &[
                "errors",
                "error",
                "analyze",
                "analyse",
                "analysis",
                "grep",
                "search",
                "look",
                "exceptions",
                "scan",
                "count",
            ],
            &["log", "logs", "errors", "error", "_"],
        ],
        except: &["clean", "delete", "rotate", "older", "if", "secret"],
        fits: |clause, facts| {
            facts.commands.is_empty()
                && facts.paths.iter().any(|path| path.contains("log"))
                && clause.has(&[
                    "error",
                    "errors",
                    "analyze",
                    "analyse",
                    "analysis",
                    "grep",
                    "exceptions",
                    "log",
                    "logs",
                ])
        },
        absorbs: &["frequent", "top", "count", "common", "errors", "fail", "more than"],
        lists: &[],
        build: log_analysis,
    },
    Intent {
        title: "download something, and pick JSON apart with jq",
        words: &[&["download", "fetch", "get", "wget", "curl", "jq", "pick", "extract", "parse"]],
        except: &["expect", "answers", "status", "install", "uninstall", "package", "packages"],
        fits: |clause, facts| {
            let loads = clause.has(&["download", "wget"]) && !facts.urls.is_empty();
            loads || clause.has(&["jq"]) || clause.has(&["fetch"]) && facts.path_after(&["to", "into", "as"]).is_some()
        },
        absorbs: &["jq"],
        lists: &[],
        build: download,
    },
    Intent {
        title: "copy something to or from object storage",
        words: &[&["upload", "copy", "sync", "download", "push", "put", "move", "send", "store"]],
        except: &[],
        fits: |_, facts| buckets(facts).next().is_some(),
        absorbs: &[],
        lists: &[],
        build: object_storage,
    },
    Intent {
        title: "compress a file",
        words: &[&["compress", "gzip", "zip", "decompress", "gunzip", "unzip"]],
        except: &["archive", "back up", "backup", "folder", "directory"],
        fits: |_, facts| !facts.paths.is_empty(),
        absorbs: &[],
        lists: &["compress", "gzip"],
        build: compress,
    },
    Intent {
        title: "write a text to a file",
        words: &[&["write", "put", "store", "save"]],
        except: &["report", "csv"],
        fits: |_, facts| facts.quoted().is_some_and(|text| !text.starts_with('/')) && !facts.paths.is_empty(),
        absorbs: &[],
        lists: &[],
        build: super::host::write_file,
    },
];

/// The first machine that the text names, else a name after some words.
fn machine(facts: &Facts, words: &[&str]) -> Option<String> {
    facts.given_text(&["host", "domain"]).or_else(|| facts.machines().into_iter().next()).or_else(|| facts.named(words))
}

fn dns(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("dns-check", "dns-check");
    let facts = &asked.facts;
    let machines = facts.machines();
    let is_address = |name: &&String| name.chars().all(|it| it.is_ascii_digit() || it == '.');
    part.set("name", machines.iter().find(|name| !is_address(name)).cloned());
    let points =
        asked.says(&["point", "points", "lead", "leads", "resolve to", "resolves to", "must be", "should be", "to"]);
    let expected = machines.iter().find(is_address).or_else(|| machines.get(1)).filter(|_| points);
    part.set("expected", expected.cloned());
    let kinds = ["AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "A"];
    let upper = facts.text.to_uppercase();
    let is_said = |kind: &&&str| {
        **kind != "A" && super::sentence::has_word(&upper, kind) || **kind == "A" && upper.contains("A RECORD")
    };
    part.set("record", kinds.iter().find(is_said).copied());
    part
}

fn port(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("port-check", "port-check");
    let facts = &asked.facts;
    part.set("host", machine(facts, &["host", "on", "of"]));
    let number =
        facts.text.split(|it: char| !it.is_ascii_digit() && it != '.').find_map(|word| word.parse::<u64>().ok());
    part.set("port", number.filter(|number| (1..=65_535).contains(number)));
    part
}

fn scan(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("image-scan", "image-scan");
    part.set("image", asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"])));
    if asked.says(&["critical"]) && !asked.says(&["high"]) {
        part.set("severity", Some("CRITICAL"));
    }
    part
}

fn log_analysis(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("log-analysis", "log-analysis");
    let facts = &asked.facts;
    part.set("file", facts.paths.iter().find(|path| path.contains("log")).cloned());
    part.set("pattern", facts.quoted());
    let most = super::facts::compiled(r"(?i)\bmore\s+than\s+(\d{1,9})\b".to_owned());
    let most = most.and_then(|most| most.captures(&facts.text)?.get(1)?.as_str().parse::<u64>().ok());
    part.set("errors_max", most);
    part.set("top", facts.count(&["lines", "messages", "errors", "common", "frequent"]));
    part
}

fn download(asked: &Asked<'_>) -> Part {
    let facts = &asked.facts;
    let filter = facts.text.split_whitespace().map(|word| word.trim_matches(['`', '"', '\'', ',']));
    let filter = filter
        .into_iter()
        .find(|word| word.starts_with('.') && !word.starts_with("./") && !word.starts_with("..") && word.len() > 1);
    let filter = filter.map(|word| word.trim_end_matches('.').to_owned()).or_else(|| facts.quoted());
    let picks = asked.says(&["jq", "pick", "extract", "parse"]) && filter.is_some();
    let mut part = Part::new("download");
    let url = facts.urls.first().cloned();
    if url.is_some() || !picks {
        part.needed("url", "What to download", url);
        let target = facts.path_after(&["to", "into", "as"]).unwrap_or_else(|| "downloaded".to_owned());
        part.param("download_to", "string", "The file it goes to", target);
        part.step(json!({
            "name": "download", "description": "Download it", "depends": [], "tool": "wget",
            "parameters": {"url": "${url}", "output": "${download_to}"}, "retry": {"max_attempts": 3, "delay": "5s"},
            "rollback": {"tool": "file", "parameters": {"operation": "delete", "path": "${download_to}"}},
        }));
    }
    if let Some(filter) = filter.filter(|_| picks) {
        let mut step = json!({
            "name": "pick", "description": "Pick from the JSON", "tool": "jq",
            "parameters": {"filter": filter, "file": "${download_to}", "raw": true}, "output": "PICKED",
        });
        if part.steps.is_empty() {
            part.needed("download_to", "The file with JSON", facts.paths.first().cloned());
            step["depends"] = json!([]);
        }
        part.step(step);
    }
    part
}

fn buckets(facts: &Facts) -> impl Iterator<Item = &str> {
    let words = facts.text.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',', ';', '(', ')']));
    words.filter(|word| word.starts_with("s3://") || word.starts_with("gs://"))
}

fn object_storage(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("object-storage");
    let facts = &asked.facts;
    let bucket = buckets(facts).next().unwrap_or_default().to_owned();
    let path = facts.paths.iter().find(|path| !bucket.contains(path.as_str())).cloned();
    let other = buckets(facts).nth(1).map(str::to_owned);
    let first = facts.text.find(&bucket).unwrap_or(0);
    let from_bucket = other.is_some() || path.as_ref().is_some_and(|path| facts.text.find(path.as_str()) > Some(first));
    let (source, target) =
        if from_bucket { (Some(bucket.clone()), other.or(path)) } else { (path, Some(bucket.clone())) };
    part.needed("source", "What to take", source);
    part.needed("target", "Where to put it", target);
    let verb = if asked.says(&["sync"]) { "sync" } else { "cp" };
    let (tool, command) = if bucket.starts_with("gs://") {
        (
            "gcloud",
            if verb == "sync" { "storage rsync ${source} ${target}" } else { "storage cp ${source} ${target}" }
                .to_owned(),
        )
    } else {
        ("aws", format!("s3 {verb} ${{source}} ${{target}}"))
    };
    part.step(json!({
        "name": "transfer", "description": "Copy it", "depends": [], "tool": tool, "parameters": {"command": command},
        "retry": {"max_attempts": 3, "delay": "5s", "backoff": 2},
    }));
    part
}

fn compress(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("compress");
    let decompress = asked.says(&["decompress", "gunzip", "unzip"]);
    part.needed("path", "The file", asked.facts.paths.first().cloned());
    let mut parameters = json!({"path": "${path}"});
    if decompress {
        parameters["decompress"] = json!(true);
    }
    if asked.says(&["keep"]) {
        parameters["keep"] = json!(true);
    }
    part.step(json!({
        "name": "compress", "description": "Compress or unpack it", "depends": [], "tool": "gzip", "parameters": parameters,
    }));
    part
}
