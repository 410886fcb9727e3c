//! What is done to a platform: Kubernetes, releases, containers, hosts, accounts.

use serde_json::json;

use super::delivery;
use super::facts::Facts;
use super::intents::{Asked, Intent, always};
use super::part::Part;
use super::sentence::Clause;

pub(super) static INTENTS: [Intent; 14] = [
    Intent {
        title: "deploy blue/green",
        words: &[&["blue/green", "blue-green", "blue green", "bluegreen"]],
        except: &[],
        fits: always,
        absorbs: &["switch", "health"],
        lists: &[],
        build: blue_green,
    },
    Intent {
        title: "release to a canary first",
        words: &[&["canary"]],
        except: &[],
        fits: always,
        absorbs: &["promote", "start", "healthy", "observe", "watch", "replica", "replicas"],
        lists: &[],
        build: canary,
    },
    Intent {
        title: "take a deployment back to its former revision",
        words: &[
            &["roll back", "rollback", "undo", "revert"],
            &["deployment", "rollout", "release of", "to the previous", "to the former"],
        ],
        except: &["if", "when", "strategy", "on failure", "without", "fails", "automatically"],
        fits: |clause, facts| {
            !clause.has(&["deploy", "roll out", "ship"])
                && facts.images.is_empty()
                && ["deployment", "rollout of", "release of"].iter().any(|word| is_named(facts, word))
        },
        absorbs: &[],
        lists: &["deployments"],
        build: undo_rollout,
    },
    Intent {
        title: "take a helm release back to its former revision",
        words: &[&["roll back", "rollback", "undo", "revert", "downgrade"], &["helm", "chart"]],
        except: &["if", "when", "on failure", "without", "fails", "automatically"],
        fits: |clause, _| !clause.has(&["install", "upgrade", "deploy"]),
        absorbs: &[],
        lists: &["releases"],
        build: helm_rollback,
    },
    Intent {
        title: "restart a deployment in Kubernetes",
        words: &[&["restart", "bounce", "recreate"], &["deployment", "deployments", "pods", "pod", "rollout"]],
        except: &[],
        fits: always,
        absorbs: &[],
        lists: &["deployments", "deployment", "pods of"],
        build: restart_deployment,
    },
    Intent {
        title: "rotate a secret of Kubernetes",
        words: &[
            &["rotate", "renew", "change", "regenerate"],
            &["secret", "secrets", "password", "credentials", "api key", "token"],
        ],
        except: &[],
        fits: always,
        absorbs: &["deployments"],
        lists: &["secrets"],
        build: rotate_secret,
    },
    Intent {
        title: "collect what is known about an application in trouble",
        words: &[
            &[
                "triage",
                "investigate",
                "diagnose",
                "debug",
                "troubleshoot",
                "find out why",
                "why",
                "collect",
                "analyse",
                "analyze",
            ],
            &[
                "incident",
                "deployment",
                "service",
                "pod",
                "pods",
                "crashing",
                "crashes",
                "crashloop",
                "crash",
                "failing",
                "namespace",
                "outage",
                "down",
            ],
        ],
        except: &["file"],
        fits: always,
        absorbs: &["collect", "logs", "events", "status", "describe", "pods", "report", "history"],
        lists: &[],
        build: triage,
    },
    Intent {
        title: "list pods, also only those in trouble",
        words: &[&["which", "what", "list", "show", "are there", "find", "any"], &["pods", "pod"]],
        except: &["deploy", "restart", "scale", "replicas", "logs"],
        fits: always,
        absorbs: &[],
        lists: &[],
        build: list_pods,
    },
    Intent {
        title: "clean up what Docker no longer uses",
        words: &[
            &["clean up", "clean", "prune", "remove", "purge", "delete", "tidy"],
            &["docker", "images", "unused images", "dangling", "containers", "volumes"],
        ],
        except: &["kubernetes", "files", "deployment"],
        fits: always,
        absorbs: &["prune", "volumes", "images", "containers", "unused"],
        lists: &[],
        build: docker_cleanup,
    },
    Intent {
        title: "bring an image up in Kubernetes",
        words: &[&["live", "running", "run", "use", "go live", "bring up", "put", "switch", "move"]],
        except: &["build", "rebuild", "push", "scan", "docker", "container", "containers", "wait", "helm", "chart"],
        fits: |clause, facts| {
            !facts.images.is_empty()
                && facts.commands.is_empty()
                && (facts.namespace().is_some() || clause.has(&["cluster", "kubernetes", "k8s", "deployment"]))
        },
        absorbs: &["replicas", "namespace"],
        lists: &[],
        build: delivery::deploy,
    },
    Intent {
        title: "push an image",
        words: &[&["push", "publish"]],
        except: &["build", "rebuild", "tag", "git", "commit", "repo", "repository", "branch", "chart", "s3"],
        fits: |clause, facts| {
            !facts.images.is_empty()
                || clause.has(&["image", "it", "them"]) && facts.urls.is_empty() && facts.commands.is_empty()
        },
        absorbs: &[],
        lists: &["images", "push"],
        build: push_image,
    },
    Intent {
        title: "update the packages of a host",
        words: &[
            &["update", "upgrade", "patch", "apt", "apt-get"],
            &["packages", "apt", "apt-get", "system", "os", "operating system", "security updates", "updates", "host"],
        ],
        except: &["helm", "chart", "deployment", "image", "health", "release"],
        fits: |clause, _| {
            let installs = clause.has(&["install", "uninstall", "remove", "purge"]);
            !installs || clause.has(&["update", "updates", "upgrade", "patch", "patches", "security updates"])
        },
        absorbs: &["reboot", "approved", "approval"],
        lists: &[],
        build: update_packages,
    },
    Intent {
        title: "off-board a user of a host",
        words: &[
            &["offboard", "off-board", "offboarding", "off-boarding", "lock", "disable", "deactivate", "remove"],
            &["user", "account", "employee"],
        ],
        except: &["approval"],
        fits: always,
        absorbs: &["lock", "kill", "sessions", "session", "archive", "home", "account", "terminate"],
        lists: &["users", "accounts"],
        build: offboard,
    },
    Intent {
        title: "install or upgrade a release with helm",
        words: &[&["helm", "chart", "helm chart"], &["upgrade", "install", "deploy", "release", "update", "chart"]],
        except: &[],
        fits: |clause, facts| {
            let stack = clause.has(&["prometheus", "grafana", "loki", "elk"]);
            !stack || repository_chart(facts).is_some()
        },
        absorbs: &["chart"],
        lists: &[],
        build: helm_release,
    },
];

/// Whether something stands after a word, or before it.
fn is_named(facts: &Facts, word: &str) -> bool {
    facts.named(&[word]).or_else(|| facts.named_before(&[word])).is_some()
}

/// The application that is spoken of, when there is one.
fn app(asked: &Asked<'_>) -> Option<String> {
    let facts = &asked.facts;
    let named = delivery::services(asked).into_iter().next();
    let named = named.or_else(|| facts.named(&["pod", "pods of"]));
    let named = named.or_else(|| facts.named(&["deployment of", "release of", "of", "for"]));
    let of_image = || delivery::name_of_image(facts.images.first()?);
    let kinds = ["deployment", "pods", "rollout", "image", "service"];
    let in_image = |name: &str| facts.images.iter().any(|image| image.contains(name));
    named.filter(|name| !kinds.contains(&name.as_str()) && !in_image(name)).or_else(of_image)
}

fn common(part: &mut Part, asked: &Asked<'_>) {
    part.set("namespace", asked.facts.namespace());
    part.set("app", app(asked));
    part.set("image", asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"])));
}

fn blue_green(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("blue-green-deploy", "blue-green-deploy");
    common(&mut part, asked);
    part.set("replicas", asked.facts.count(&["replicas", "replica", "pods", "instances"]));
    part.set("health_url", asked.facts.urls.first().cloned());
    part
}

fn canary(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("canary-deploy", "canary-deploy");
    common(&mut part, asked);
    part.set("canary_replicas", asked.facts.count(&["replicas", "replica", "pods", "pod", "instances"]));
    part.set("observe", asked.facts.duration());
    part.set("health_url", asked.facts.urls.first().cloned());
    part
}

fn undo_rollout(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("kubernetes-rollback", "kubernetes-rollback");
    common(&mut part, asked);
    part
}

fn restart_deployment(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("restart-deployment");
    part.needed(
        "app",
        "The deployment to restart",
        asked.facts.named(&["deployment", "deployments"]).or_else(|| app(asked)),
    );
    let namespace = asked.facts.namespace();
    part.param("namespace", "string", "The namespace in Kubernetes", namespace.unwrap_or_else(|| "default".to_owned()));
    part.step(json!({
        "name": "restart_deployment", "description": "Replace its pods one after the other", "depends": [], "tool": "kubectl",
        "parameters": {"command": "rollout restart deployment/${app} -n ${namespace}"},
    }));
    part.step(json!({
        "name": "wait_for_restart", "description": "Wait until they are ready", "tool": "kubectl",
        "parameters": {"command": "rollout status deployment/${app} -n ${namespace} --timeout=300s"},
    }));
    part
}

fn rotate_secret(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("secret-rotation", "secret-rotation");
    let facts = &asked.facts;
    part.set(
        "secret",
        facts.given_text(&["secret"]).or_else(|| facts.named(&["secret"])).or_else(|| facts.named_before(&["secret"])),
    );
    part.set("key", facts.given_text(&["key"]).or_else(|| facts.named(&["key"])));
    part.set("namespace", facts.namespace());
    part
}

fn triage(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("incident-triage", "incident-triage");
    part.set("namespace", asked.facts.namespace());
    part.set("app", app(asked));
    part.set("lines", asked.facts.count(&["lines"]));
    part.set("report_path", asked.facts.path_after(&["to", "into", "in", "as"]));
    part
}

fn list_pods(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("list-pods");
    let place = match asked.facts.namespace() {
        Some(namespace) => {
            part.needed("namespace", "The namespace to look at", Some(namespace));
            "-n ${namespace}"
        }
        None => "--all-namespaces",
    };
    let troubled = asked.facts.text.to_lowercase();
    let troubled = [
        "not running",
        "aren't running",
        "failing",
        "failed",
        "crashing",
        "not ready",
        "unhealthy",
        "pending",
        "broken",
    ]
    .iter()
    .any(|word| super::sentence::has_word(&troubled, word));
    let filter = if troubled { " --field-selector=status.phase!=Running,status.phase!=Succeeded" } else { "" };
    part.step(json!({
        "name": "list_pods", "description": "List the pods", "depends": [], "tool": "kubectl",
        "parameters": {"command": format!("get pods {place}{filter} -o wide")}, "output": "PODS",
    }));
    part
}

fn push_image(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("docker-push");
    let image = asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"]));
    part.needed("image", "The name of the image, with its tag", image);
    part.step(json!({
        "name": "push_image", "description": "Push the image", "depends": [], "tool": "docker",
        "parameters": {"command": "push ${image}"}, "retry": {"max_attempts": 3, "delay": "10s", "backoff": 2},
    }));
    part
}

fn docker_cleanup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("docker-cleanup", "docker-cleanup");
    part.set("older_than", asked.facts.duration().filter(|text| !text.ends_with(['d', 'w'])));
    if let Some(days) = asked.facts.days() {
        part.set("older_than", Some(format!("{}h", days * 24)));
    }
    part.set("volumes", asked.says(&["volumes", "volume"]).then_some(true));
    part
}

fn update_packages(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("system-update", "system-update");
    if asked.says(&["reboot", "restart"]) && !asked.denies(&["reboot", "restart"]) {
        part.set("reboot", Some(true));
    } else {
        part.without(&["ask_for_reboot", "reboot"]);
        part.without_params(&["reboot"]);
    }
    part
}

fn offboard(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("user-offboarding", "user-offboarding");
    let facts = &asked.facts;
    part.set(
        "user",
        facts.given_text(&["user"]).or_else(|| facts.named(&["user", "account", "employee", "account of"])),
    );
    part.set("destination", facts.path_after(&["to", "into", "in", "under"]).or_else(|| facts.paths.first().cloned()));
    if asked.denies(&["archive", "home", "directory"]) {
        part.without(&["archive_home", "verify_archive"]);
        part.without_params(&["destination"]);
    }
    part
}

/// The release that is spoken of.
fn release(facts: &Facts) -> Option<String> {
    let known = facts.given_text(&["release"]).or_else(|| facts.named(&["release"]));
    known.or_else(|| {
        facts.named(&["helm install", "helm upgrade", "helm upgrade --install", "helm deploy", "install", "upgrade"])
    })
}

fn chart(facts: &Facts) -> Option<String> {
    let of_repository = repository_chart(facts);
    let path = facts.path_after(&["chart", "from", "with", "in", "of"]);
    facts
        .given_text(&["chart"])
        .or(path)
        .or(of_repository)
        .or_else(|| facts.named(&["chart"]).filter(|name| name != "version"))
}

/// `bitnami/payments`
fn repository_chart(facts: &Facts) -> Option<String> {
    let words = facts.text.split_whitespace().map(|word| word.trim_matches([',', ';', '"', '\'', '.']));
    let is_chart = |word: &&str| {
        word.split('/').count() == 2 && !word.contains("://") && !word.starts_with(['/', '.']) && !word.contains(':')
    };
    words.into_iter().find(is_chart).map(str::to_owned)
}

/// `chart version 4.2.0`, `--version 4.2.0`
fn chart_version(clause: &Clause, facts: &Facts) -> Option<String> {
    let named = facts.named(&["version", "chart version"]).or_else(|| facts.versions.first().cloned());
    let dotted = facts.text.split_whitespace().map(|word| word.trim_matches([',', ';', '.'])).find(|word| {
        word.split('.').count() >= 3 && word.trim_start_matches('v').chars().all(|it| it.is_ascii_digit() || it == '.')
    });
    named.or_else(|| dotted.map(str::to_owned)).filter(|_| clause.has(&["version", "to"]))
}

fn helm_rollback(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("helm-rollback");
    let facts = &asked.facts;
    let kinds = ["release", "chart", "helm", "rollback"];
    let named = facts.named(&["roll back", "rollback", "revert", "downgrade", "undo"]);
    let release = release(facts).or(named).filter(|name| !kinds.contains(&name.as_str()));
    part.needed("release", "The name of the release", release);
    let namespace = facts.namespace().unwrap_or_else(|| "default".to_owned());
    part.param("namespace", "string", "The namespace in Kubernetes", namespace);
    part.step(json!({
        "name": "release_history", "description": "List the revisions that there are", "depends": [], "tool": "helm",
        "parameters": {"command": "history ${release} -n ${namespace} --max 10"},
    }));
    let revision = facts.number_after("revision");
    let to = revision.map(|number| format!(" {number}")).unwrap_or_default();
    part.step(json!({
        "name": "roll_back_release", "description": "Take it back, and wait until it is ready", "tool": "helm", "timeout": "15m",
        "parameters": {"command": format!("rollback ${{release}}{to} -n ${{namespace}} --wait --timeout 10m")},
    }));
    part.step(json!({
        "name": "release_status", "description": "See how it does", "tool": "helm",
        "parameters": {"command": "status ${release} -n ${namespace}"},
    }));
    part
}

fn helm_release(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("helm-release", "helm-release");
    let facts = &asked.facts;
    let into = facts.named(&["into", "into the namespace", "to namespace"]);
    part.set("namespace", facts.namespace().or(into));
    let chart = chart(facts);
    let named_as = facts.named(&["as release", "as"]).filter(|name| !["release", "root"].contains(&name.as_str()));
    part.set("release", release(facts).filter(|name| name != "chart").or(named_as));
    part.set("chart", chart);
    part.set("version", asked.clauses.first().and_then(|clause| chart_version(clause, facts)));
    part
}
