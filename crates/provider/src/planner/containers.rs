//! What is looked at and done to what runs already: containers, stacks of Compose, objects and releases in Kubernetes.

use serde_json::{Value, json};

use super::facts::Facts;
use super::intents::{Asked, Intent};
use super::part::Part;
use super::sentence::Clause;

const LOOK: &[&str] = &[
    "show",
    "list",
    "get",
    "see",
    "read",
    "print",
    "look",
    "which",
    "what",
    "view",
    "tail",
    "display",
    "fetch",
    "are there",
    "check",
];
const KINDS: &[&str] = &[
    "deployment",
    "pod",
    "statefulset",
    "daemonset",
    "ingress",
    "job",
    "cronjob",
    "configmap",
    "node",
    "service",
    "pvc",
];
const DEPLOYS: &[&str] =
    &["deploy", "deploys", "roll out", "ship", "install", "upgrade", "roll back", "rollback", "undo", "restart"];

pub(super) static INTENTS: [Intent; 8] = [
    Intent {
        title: "bring a stack of Compose up or down",
        words: &[
            &["compose"],
            &["docker", "stack", "up", "down", "services", "containers", "project", "restart", "pull"],
        ],
        except: &["apply"],
        fits: no_commands,
        absorbs: &["logs"],
        lists: &[],
        build: compose,
    },
    Intent {
        title: "read the logs of a pod or a deployment",
        words: &[LOOK, &["logs", "log"], &["pod", "pods", "deployment", "namespace", "kubernetes"]],
        except: &["aggregation", "central", "deploy", "older", "clean", "delete"],
        fits: no_commands,
        absorbs: &["lines"],
        lists: &["deployments", "pods"],
        build: logs,
    },
    Intent {
        title: "drain, cordon or uncordon a node of Kubernetes",
        words: &[&["drain", "cordon", "uncordon"]],
        except: &[],
        fits: no_commands,
        absorbs: &[],
        lists: &["nodes", "node", "drain", "cordon", "uncordon"],
        build: node,
    },
    Intent {
        title: "describe an object of Kubernetes",
        words: &[&["describe", "details", "inspect"], KINDS],
        except: &["image", "docker", "container"],
        fits: no_commands,
        absorbs: &[],
        lists: &[],
        build: describe,
    },
    Intent {
        title: "see which image a deployment runs",
        words: &[&["what", "which", "show"], &["version", "image", "tag"], &["deployment", "run", "runs", "deployed"]],
        except: DEPLOYS,
        fits: |clause, facts| no_commands(clause, facts) && facts.images.is_empty() && facts.versions.is_empty(),
        absorbs: &[],
        lists: &["deployments"],
        build: image_of,
    },
    Intent {
        title: "watch the rollout of a deployment",
        words: &[
            &["watch", "follow", "check", "wait", "verify", "status", "see", "healthy", "ready"],
            &["rollout", "deployment", "deployments"],
        ],
        except: &[
            "deploy",
            "deploys",
            "roll out",
            "ship",
            "install",
            "upgrade",
            "roll back",
            "rollback",
            "undo",
            "restart",
            "after",
            "delete",
            "scale",
            "image",
            "if",
            "when",
            "strategy",
        ],
        fits: |clause, facts| {
            let named = || {
                facts
                    .named(&["deployment", "rollout of", "deployments"])
                    .or_else(|| facts.named_before(&["deployment", "rollout"]))
            };
            no_commands(clause, facts) && facts.images.is_empty() && facts.versions.is_empty() && named().is_some()
        },
        absorbs: &["healthy", "ready"],
        lists: &["deployments"],
        build: rollout,
    },
    Intent {
        title: "list the releases of helm",
        words: &[LOOK, &["helm", "releases", "charts"]],
        except: DEPLOYS,
        fits: |clause, facts| {
            no_commands(clause, facts)
                && clause.has(&["helm"])
                && clause.has(&["releases", "list", "installed", "history", "status"])
        },
        absorbs: &[],
        lists: &[],
        build: releases,
    },
    Intent {
        title: "start, stop or look at containers",
        words: &[
            &["start", "stop", "restart", "logs", "show", "list", "which", "what", "remove", "see"],
            &["container", "containers"],
        ],
        except: &[
            "image",
            "images",
            "unused",
            "prune",
            "build",
            "clean",
            "clean up",
            "kubernetes",
            "deploy",
            "dangling",
        ],
        fits: no_commands,
        absorbs: &["lines"],
        lists: &["containers", "container"],
        build: containers,
    },
];

fn no_commands(_: &Clause, facts: &Facts) -> bool {
    facts.commands.is_empty()
}

fn compose(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("compose");
    let directory =
        asked.facts.path_after(&["in", "at", "of", "from", "under"]).or_else(|| asked.facts.paths.first().cloned());
    part.needed("directory", "Where the Compose file is", directory.or_else(|| asked.facts.given_text(&["directory"])));
    let verbs = [
        ("down", "down", None),
        ("stop", "stop", Some("start")),
        ("restart", "restart", None),
        ("pull", "pull", None),
        ("logs", "logs --tail 100", None),
        ("ps", "ps", None),
        ("status", "ps", None),
        ("show", "ps", None),
        ("list", "ps", None),
    ];
    let found = verbs.into_iter().find(|(word, ..)| asked.says(&[word]));
    let (name, command, undo) = found.unwrap_or(("up", "up --detach", Some("down")));
    let mut step = json!({
        "name": format!("compose_{name}"), "description": format!("docker compose {name}"), "depends": [], "tool": "docker",
        "dir": "${directory}", "parameters": {"command": format!("compose {command}")}, "timeout": "15m",
    });
    if let Some(undo) = undo {
        step["rollback"] =
            json!({"tool": "docker", "dir": "${directory}", "parameters": {"command": format!("compose {undo}")}});
    }
    part.step(step);
    part
}

fn containers(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("containers");
    let facts = &asked.facts;
    let named = facts.named(&["container", "containers"]).filter(|name| !["logs", "running"].contains(&name.as_str()));
    let name = named.or_else(|| facts.named_before(&["container"]).filter(|name| name != "running"));
    let verbs: [(&str, &str, Option<&str>); 4] = [
        ("restart", "restart ${container}", None),
        ("start", "start ${container}", Some("stop ${container}")),
        ("stop", "stop ${container}", Some("start ${container}")),
        ("remove", "rm --force ${container}", None),
    ];
    let found = verbs.into_iter().find(|(word, ..)| asked.says(&[word]));
    let lines = facts.count(&["lines"]).unwrap_or(100);
    let (step, command, undo) = match found {
        Some((word, command, undo)) => (format!("{word}_container"), command.to_owned(), undo),
        None if asked.says(&["logs"]) => {
            ("container_logs".to_owned(), format!("logs --tail {lines} ${{container}}"), None)
        }
        None => {
            let all = if asked.says(&["all", "stopped"]) { " --all" } else { "" };
            ("list_containers".to_owned(), format!("ps{all}"), None)
        }
    };
    if command.contains("${container}") {
        part.needed("container", "The container", name);
    }
    let mut step = json!({
        "name": step, "description": format!("docker {}", command.split(' ').next().unwrap_or_default()), "depends": [],
        "tool": "docker", "parameters": {"command": command},
    });
    if let Some(undo) = undo {
        step["rollback"] = json!({"tool": "docker", "parameters": {"command": undo}});
    }
    part.step(step);
    part
}

/// What kind of object is spoken of, and its name.
fn object(asked: &Asked<'_>) -> (&'static str, Option<String>) {
    let facts = &asked.facts;
    let kind = KINDS.iter().find(|kind| asked.says(&[kind])).copied().unwrap_or("deployment");
    let several = format!("{kind}s");
    let name = facts.named(&[kind, &several]).or_else(|| facts.named_before(&[kind]));
    (kind, name)
}

fn namespace(part: &mut Part, asked: &Asked<'_>) {
    let namespace = asked.facts.namespace().unwrap_or_else(|| "default".to_owned());
    part.param("namespace", "string", "The namespace in Kubernetes", namespace);
}

fn step(part: &mut Part, name: &str, description: &str, tool: &str, command: String) {
    let step: Value = json!({
        "name": name, "description": description, "depends": [], "tool": tool, "parameters": {"command": command},
        "output": "SEEN",
    });
    part.step(step);
}

fn logs(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("logs");
    let (kind, name) = object(asked);
    let name = name.or_else(|| asked.facts.named(&["of", "for"])).filter(|name| !KINDS.contains(&name.as_str()));
    part.needed(kind, &format!("The {kind} whose logs to read"), name);
    namespace(&mut part, asked);
    let lines = asked.facts.count(&["lines"]).unwrap_or(100);
    let command = format!("logs {kind}/${{{kind}}} -n ${{namespace}} --tail={lines} --all-containers");
    step(&mut part, "read_logs", "Read what it said last", "kubectl", command);
    part
}

fn node(asked: &Asked<'_>) -> Part {
    let (verb, flags) = match ["uncordon", "cordon"].into_iter().find(|verb| asked.says(&[verb])) {
        Some(verb) => (verb, ""),
        None => ("drain", " --ignore-daemonsets --delete-emptydir-data --timeout=10m"),
    };
    let mut part = Part::new(&format!("{verb}-node"));
    let named =
        asked.facts.named(&["node", "nodes"]).or_else(|| asked.facts.object_of(&["drain", "cordon", "uncordon"]));
    let named = named.filter(|name| !["node", "nodes", "that"].contains(&name.as_str()));
    // `we replace the disk of worker-11, drain that node`
    let numbered = || {
        let numbered = super::facts::compiled(r"\b([a-z][a-z0-9]*(?:-[a-z0-9]+)*-\d+)\b".to_owned())?;
        Some(numbered.captures(&asked.facts.text)?.get(1)?.as_str().to_owned())
    };
    part.needed("node", "The node", named.or_else(numbered));
    let undo = if verb == "uncordon" { "cordon" } else { "uncordon" };
    part.step(json!({
        "name": format!("{verb}_node"), "description": format!("{verb} the node"), "depends": [], "tool": "kubectl",
        "parameters": {"command": format!("{verb} ${{node}}{flags}")}, "timeout": "15m",
        "rollback": {"tool": "kubectl", "parameters": {"command": format!("{undo} ${{node}}")}},
    }));
    part
}

fn describe(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("describe");
    let (kind, name) = object(asked);
    part.needed("object", &format!("The {kind} to describe"), name);
    namespace(&mut part, asked);
    step(
        &mut part,
        &format!("describe_{kind}"),
        "Say what is known of it",
        "kubectl",
        format!("describe {kind} ${{object}} -n ${{namespace}}"),
    );
    part
}

fn image_of(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("image-of");
    let facts = &asked.facts;
    let name = facts
        .named(&["deployment", "deployments", "of", "does", "is"])
        .or_else(|| facts.named_before(&["deployment", "run", "runs"]));
    part.needed(
        "app",
        "The deployment",
        name.filter(|name| !["deployment", "version", "image"].contains(&name.as_str())),
    );
    namespace(&mut part, asked);
    let command = "get deployment ${app} -n ${namespace} -o jsonpath={.spec.template.spec.containers[*].image}";
    step(&mut part, "see_image", "See which image it runs", "kubectl", command.to_owned());
    part
}

fn rollout(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("rollout-status");
    let facts = &asked.facts;
    let name = facts
        .named(&["deployment", "rollout of", "deployments"])
        .or_else(|| facts.named_before(&["deployment", "rollout"]));
    part.needed("app", "The deployment", name);
    namespace(&mut part, asked);
    let command = "rollout status deployment/${app} -n ${namespace} --timeout=300s";
    step(&mut part, "watch_rollout", "Wait until it is ready", "kubectl", command.to_owned());
    part
}

fn releases(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("helm-releases");
    let facts = &asked.facts;
    let release = facts.named(&["release", "history of", "status of"]).filter(|name| name != "helm");
    let verb = ["history", "status"].into_iter().find(|verb| asked.says(&[verb]));
    let command = match (verb, release) {
        (Some(verb), Some(release)) => {
            part.needed("release", "The name of the release", Some(release));
            namespace(&mut part, asked);
            format!("{verb} ${{release}} -n ${{namespace}}")
        }
        _ => match facts.namespace() {
            Some(_) => {
                namespace(&mut part, asked);
                "list -n ${namespace}".to_owned()
            }
            None => "list --all-namespaces".to_owned(),
        },
    };
    step(&mut part, "see_releases", "See what helm knows", "helm", command);
    part
}
