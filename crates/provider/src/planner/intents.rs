//! What the planner understands: a table of intents, each with the words that give it away and the part
//! of a workflow that it becomes.

use serde_json::json;

use super::facts::Facts;
use super::part::Part;
use super::sentence::Clause;
use super::{chores, containers, databases, delivery, files, host, messages, network, platform, projects};

/// What was asked for in the clauses that belong to one intent.
pub(super) struct Asked<'a> {
    pub(super) clauses: Vec<&'a Clause>,
    pub(super) facts: Facts,
}

impl Asked<'_> {
    /// Whether one of these words is in a clause that does not deny it.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        self.clauses.iter().any(|clause| !clause.denies && clause.has(words))
    }

    /// Whether one of these words is in a clause that denies it.
    pub(super) fn denies(&self, words: &[&str]) -> bool {
        self.clauses.iter().any(|clause| clause.denies && clause.has(words))
    }
}

/// Something that can be asked for.
pub(super) struct Intent {
    /// What it is called in messages.
    pub(super) title: &'static str,
    /// One of each group must be there.
    pub(super) words: &'static [&'static [&'static str]],
    /// None of these may be there.
    pub(super) except: &'static [&'static str],
    /// Whether the facts alone make it likely or forbid it.
    pub(super) fits: fn(&Clause, &Facts) -> bool,
    /// Words by which a later clause belongs to it, too.
    pub(super) absorbs: &'static [&'static str],
    /// Words after which a list means: this for each of the list.
    pub(super) lists: &'static [&'static str],
    pub(super) build: fn(&Asked<'_>) -> Part,
}

pub(super) fn always(_: &Clause, _: &Facts) -> bool {
    true
}

pub(super) const DO_BACKUP: &[&str] = &[
    "back up",
    "backup",
    "backups",
    "archive",
    "dump",
    "save a copy",
    "snapshot",
    "tar up",
    "tar",
    "mysqldump",
    "pg_dump",
    "pack",
    "zip",
];
pub(super) const DO_CHECK: &[&str] = &[
    "check",
    "measure",
    "monitor",
    "watch",
    "test",
    "verify",
    "ping",
    "probe",
    "see",
    "look",
    "ask",
    "report",
    "show",
    "inspect",
    "how",
    "tell me",
    "make sure",
    "ensure",
    "is",
    "warn",
    "alert",
    "find out",
    "get",
    "print",
];

/// Every intent. The first that fits a clause wins, but for those that may stand together; special ones come first.
pub(super) fn all() -> impl Iterator<Item = &'static Intent> {
    let (show, files) =
        files::INTENTS.split_last().map_or((None, &files::INTENTS[..]), |(last, rest)| (Some(last), rest));
    let special =
        messages::INTENTS.iter().chain(&containers::INTENTS).chain(&platform::INTENTS).chain(&databases::INTENTS);
    // What only shows a file is what is meant when nothing else is.
    special.chain(&projects::INTENTS).chain(&network::INTENTS).chain(files).chain(&GENERAL).chain(show)
}

/// Intents of everyday use.
static GENERAL: [Intent; 33] = [
    Intent {
        title: "run commands on another host",
        words: &[],
        except: &[],
        fits: chores::is_remote,
        absorbs: &[],
        lists: &["on", "hosts"],
        build: chores::remote_command,
    },
    Intent {
        title: "query a Postgres database",
        words: &[
            &["query", "sql", "select", "psql", "run", "execute", "ask", "send", "how many"],
            &["database", "db", "postgres", "sql", "query"],
        ],
        except: &["mysql", "mariadb", "redis", "jq", "make"],
        fits: |_, facts| facts.quoted().is_some() || !facts.commands.is_empty(),
        absorbs: &[],
        lists: &[],
        build: chores::query,
    },
    Intent {
        title: "run commands that you put in backticks",
        words: &[],
        except: &[],
        fits: |_, facts| !facts.commands.is_empty(),
        absorbs: &["retry", "try", "parallel"],
        lists: &[],
        build: delivery::commands,
    },
    Intent {
        title: "back up a Postgres database",
        words: &[DO_BACKUP, &["postgres", "postgresql", "database", "databases", "db", "dbs", "pg_dump"]],
        except: &["mysql", "mariadb", "sqlite"],
        fits: always,
        absorbs: &["keep", "verify", "prune", "copies", "dumps", "restore"],
        lists: &["databases", "dbs", "database", "db", "dump", "back up", "backup", "of"],
        build: delivery::postgres_backup,
    },
    Intent {
        title: "back up a directory",
        words: &[DO_BACKUP],
        except: &[],
        fits: |clause, facts| !facts.paths.is_empty() || clause.has(&["directory", "folder", "files", "home", "data"]),
        absorbs: &["keep", "verify", "prune", "copies", "archives", "remove", "delete", "oldest"],
        lists: &["archive", "back up", "backup", "directories", "folders", "tar up", "pack", "of"],
        build: host::directory_backup,
    },
    Intent {
        title: "install or remove packages of a host",
        words: &[
            &["install", "uninstall", "remove", "purge", "add"],
            &[
                "package",
                "packages",
                "apt",
                "apt-get",
                "debian package",
                "dpkg",
                "on this machine",
                "on this host",
                "on the host",
                "on this server",
                "on this box",
                "on the machine",
                "here",
            ],
        ],
        except: &["helm", "chart", "docker", "pip", "npm", "update", "upgrade", "monitoring", "cargo"],
        fits: |_, facts| facts.commands.is_empty() && facts.paths.is_empty(),
        absorbs: &[],
        lists: &["install", "uninstall", "remove", "purge", "packages", "package"],
        build: chores::package,
    },
    Intent {
        title: "make a user of a host",
        words: &[&["create", "add", "make", "useradd"], &["user", "account", "users"]],
        except: &["database", "postgres", "mysql", "step", "namespace"],
        fits: |_, facts| facts.commands.is_empty(),
        absorbs: &["group"],
        lists: &["users", "user"],
        build: chores::make_user,
    },
    Intent {
        title: "run a playbook of Ansible",
        words: &[&["ansible", "playbook", "ansible-playbook"]],
        except: &["install"],
        fits: |_, facts| !facts.paths.is_empty() && facts.commands.is_empty(),
        absorbs: &[],
        lists: &[],
        build: chores::playbook,
    },
    Intent {
        title: "find what takes up most space",
        words: &[
            &[
                "biggest",
                "largest",
                "most space",
                "takes up",
                "take up",
                "eats",
                "eating",
                "hogs",
                "most disk",
                "bigger than",
                "larger than",
            ],
            &[
                "directory",
                "directories",
                "folders",
                "folder",
                "files",
                "file",
                "space",
                "disk",
                "what",
                "anything",
                "everything",
                "there",
            ],
        ],
        except: &["delete", "remove", "clean", "clean up", "database", "table", "memory"],
        fits: |_, facts| facts.commands.is_empty(),
        absorbs: &["sort", "largest", "biggest"],
        lists: &[],
        build: host::largest,
    },
    Intent {
        title: "clean up old files and logs",
        words: &[
            &["clean", "clean up", "cleanup", "delete", "remove", "prune", "purge", "rotate", "free", "tidy"],
            &["log", "logs", "files", "temp", "tmp", "temporary", "disk", "old", "space", "older"],
        ],
        except: &["docker", "images", "secret", "certificate", "cache", "namespace", "deployment"],
        fits: always,
        absorbs: &["older", "days", "report", "measure"],
        lists: &[],
        build: host::cleanup,
    },
    Intent {
        title: "build (and push) a container image",
        words: &[&["build", "rebuild", "containerize", "containerise", "dockerize"]],
        except: &[],
        fits: |clause, facts| {
            clause.has(&["image", "images", "docker", "container", "dockerfile"]) || !facts.images.is_empty()
        },
        absorbs: &["push", "publish", "tag"],
        lists: &[],
        build: delivery::docker,
    },
    Intent {
        title: "test a Python project",
        words: &[
            &["test", "tests", "lint", "linter", "ci", "pytest", "check", "ruff", "flake8"],
            &["python", "pytest", "pip", "py", "ruff", "flake8"],
        ],
        except: &[],
        fits: always,
        absorbs: &["lint", "style", "tests", "test", "coverage"],
        lists: &[],
        build: delivery::python_ci,
    },
    Intent {
        title: "look how long a certificate is good for",
        words: &[&["certificate", "certificates", "cert", "certs", "ssl", "tls"]],
        except: &["deploy"],
        fits: always,
        absorbs: &["warn", "expires", "expire", "days", "alert"],
        lists: &["certificates of", "certificate of", "certs of", "cert of", "certificates for", "of", "for"],
        build: host::certificate,
    },
    Intent {
        title: "copy or move a file",
        words: &[&["copy", "move", "rename"]],
        except: &["database", "postgres"],
        fits: chores::has_two_places,
        absorbs: &[],
        lists: &[],
        build: chores::file,
    },
    Intent {
        title: "bring directories into line (rsync)",
        words: &[&["sync", "synchronize", "synchronise", "rsync", "mirror", "copy", "upload"]],
        except: &[],
        fits: chores::has_two_places,
        absorbs: &["delete"],
        lists: &[],
        build: chores::sync,
    },
    Intent {
        title: "clone a repository",
        words: &[&["clone", "check out", "checkout"]],
        except: &[],
        fits: |_, facts| !facts.urls.is_empty(),
        absorbs: &[],
        lists: &[],
        build: chores::clone,
    },
    Intent {
        title: "plan and apply with Terraform",
        words: &[&["terraform", "infrastructure as code"]],
        except: &[],
        fits: always,
        absorbs: &["plan", "apply", "validate", "ask", "approval", "approve", "confirm"],
        lists: &[],
        build: chores::terraform,
    },
    Intent {
        title: "make a namespace in Kubernetes",
        words: &[&["create", "make", "add"], &["namespace", "namespaces"]],
        except: &["deploy"],
        fits: always,
        absorbs: &[],
        lists: &[],
        build: chores::make_namespace,
    },
    Intent {
        title: "delete an object of Kubernetes",
        words: &[
            &["delete", "remove", "tear down"],
            &["deployment", "pod", "job", "configmap", "ingress", "namespace"],
        ],
        except: &["before", "after"],
        fits: always,
        absorbs: &[],
        lists: &[],
        build: chores::delete_object,
    },
    Intent {
        title: "apply a manifest to Kubernetes",
        words: &[&["apply", "kubectl"], &["manifest", "manifests", "kubernetes", "namespace", "cluster", "_"]],
        except: &[],
        fits: |clause, facts| {
            let is_manifest = |path: &String| path.ends_with("yaml") || path.ends_with("yml") || path.ends_with('/');
            let named = clause.has(&["manifest", "manifests", "cluster", "kubernetes"]) && !facts.paths.is_empty();
            facts.paths.iter().any(is_manifest) || named
        },
        absorbs: &[],
        lists: &[],
        build: delivery::deploy,
    },
    Intent {
        title: "ask whether a host answers (ping)",
        words: &[&["ping", "reachable", "connectivity"]],
        except: &["slack", "port"],
        fits: |_, facts| facts.urls.is_empty(),
        absorbs: &[],
        lists: &["ping", "hosts"],
        build: chores::ping,
    },
    Intent {
        title: "show the journal of a service",
        words: &[&["show", "print", "get", "read", "look", "see", "collect"], &["journal", "logs", "log"]],
        except: &["clean", "delete", "aggregation", "central", "kubernetes", "pods"],
        fits: |_, facts| facts.paths.is_empty(),
        absorbs: &[],
        lists: &[],
        build: chores::journal,
    },
    Intent {
        title: "scale a deployment",
        words: &[
            &["scale", "resize", "bump", "increase", "raise", "reduce", "lower"],
            &["replica count", "replicas", "replica", "instances", "pods", "deployment", "to", "up", "down"],
        ],
        except: &[],
        fits: always,
        absorbs: &[],
        lists: &["scale", "deployments"],
        build: delivery::scale_deployment,
    },
    Intent {
        title: "deploy to Kubernetes",
        words: &[&["deploy", "deploys", "deployment", "roll out", "rollout", "release", "ship", "deploying"]],
        except: &[
            "monitoring stack",
            "logging stack",
            "release mode",
            "release build",
            "user",
            "account",
            "chown",
            "owner",
        ],
        fits: |clause, facts| {
            // `the deployment web is broken` asks nobody to deploy it.
            let verb = clause.has(&["deploy", "deploys", "roll out", "ship", "deploying"]);
            let releases =
                clause.lower.trim_start().starts_with("release") || clause.has(&["and release", "to release"]);
            let state = clause.has(&[
                "is broken",
                "is misbehaving",
                "misbehaves",
                "is crashing",
                "is slow",
                "is down",
                "is failing",
                "is not",
                "last release of",
                "former release",
            ]);
            let named =
                clause.has(&["deployment", "rollout"]) || !facts.images.is_empty() || !facts.versions.is_empty();
            verb || releases || named && !state
        },
        absorbs: &["replicas", "namespace", "pods"],
        lists: &[],
        build: delivery::deploy,
    },
    Intent {
        title: "restart a service",
        words: &[&["restart", "reload", "bounce"]],
        except: &["reboot"],
        fits: always,
        absorbs: &["verify", "running", "active", "runs"],
        lists: &["services", "units", "daemons", "restart", "reload", "bounce"],
        build: host::service_restart,
    },
    Intent {
        title: "start, stop or look at a service",
        words: &[&["start", "stop", "enable", "disable", "status", "begin"]],
        except: &["deploy", "container", "microservice", "maintenance", "replica", "replicas"],
        fits: |clause, facts| {
            clause.has(&["service", "services", "daemon", "unit", "systemd", "nginx", "server"])
                || facts.object_of(&["start", "stop", "enable", "disable"]).is_some_and(|name| name.len() > 2)
                || clause.has(&["start it", "stop it"])
        },
        absorbs: &["running", "active"],
        lists: &["services", "start", "stop", "enable", "disable"],
        build: chores::service,
    },
    Intent {
        title: "ask a web address whether it answers",
        words: &[],
        except: &[],
        fits: |clause, facts| {
            let web = clause.has(&[
                "website",
                "site",
                "endpoint",
                "url",
                "page",
                "uptime",
                "get",
                "web service",
                "api",
                "does",
                "return",
                "returns",
                "respond",
                "responds",
                "answer",
                "answers",
                "works",
            ]);
            (!facts.urls.is_empty()
                && (clause.has(DO_CHECK) || web || clause.has(&["request", "call", "curl", "fetch"])))
                || clause.has(&["uptime"])
                || clause.has(DO_CHECK) && clause.has(&["website", "endpoint", "url"])
        },
        absorbs: &[
            "expect", "status", "answers", "answer", "contains", "contain", "within", "return", "returns", "respond",
            "body",
        ],
        lists: &[],
        build: host::uptime,
    },
    Intent {
        title: "measure disk, memory and load of this host",
        words: &[&[
            "disk",
            "disks",
            "memory",
            "ram",
            "cpu",
            "load",
            "host",
            "machine",
            "server health",
            "storage",
            "system health",
            "health report",
            "health",
            "full",
        ]],
        except: &["deploy", "clean", "clean up", "delete", "restart", "back up", "backup"],
        fits: |clause, facts| {
            let about = ["disk", "disks", "memory", "ram", "cpu", "load", "host", "machine", "storage"];
            let health = clause.has(&["server", "system", "health report"]) && clause.has(&["health"]);
            let full = clause.has(&["full"]) && facts.paths.iter().any(|path| path.starts_with('/'));
            (clause.has(&about) || health || full)
                && (clause.has(DO_CHECK) || clause.has(&["health", "usage", "free", "full", "how much"]))
        },
        absorbs: &[
            "report",
            "write",
            "file",
            "save",
            "warn",
            "alert",
            "full",
            "used",
            "threshold",
            "above",
            "over",
            "exceeds",
            "memory",
            "disk",
            "load",
            "cpu",
            "record",
            "results",
        ],
        lists: &[],
        build: host::health,
    },
    Intent {
        title: "wait",
        words: &[&["wait", "sleep", "pause"]],
        except: &["approval", "confirm", "confirmation", "approve"],
        fits: |clause, facts| facts.duration().is_some() || clause.has(&["wait"]),
        absorbs: &[],
        lists: &[],
        build: host::wait,
    },
    Intent {
        title: "write a file",
        words: &[&["write", "create", "save"], &["file"]],
        except: &[],
        fits: |_, facts| facts.text.contains('"'),
        absorbs: &[],
        lists: &[],
        build: host::write_file,
    },
    Intent {
        title: "install monitoring (Prometheus and Grafana)",
        words: &[&["monitoring", "prometheus", "grafana", "observability", "metrics"]],
        except: &[],
        fits: always,
        absorbs: &["dashboard", "dashboards"],
        lists: &[],
        build: delivery::monitoring,
    },
    Intent {
        title: "install central logging (Loki or ELK)",
        words: &[&[
            "logging",
            "loki",
            "elk",
            "elasticsearch",
            "log aggregation",
            "kibana",
            "centralized logs",
            "central logs",
        ]],
        except: &[],
        fits: always,
        absorbs: &[],
        lists: &[],
        build: delivery::logging,
    },
    Intent {
        title: "look at what runs in Kubernetes",
        words: &[&["list", "show", "get", "see"], &["pods", "deployments", "namespaces", "nodes", "services"]],
        except: &["deploy"],
        fits: always,
        absorbs: &[],
        lists: &[],
        build: list_objects,
    },
];

/// Intents that may stand beside another one in the same clause.
const BESIDE: [&str; 2] = ["install monitoring (Prometheus and Grafana)", "install central logging (Loki or ELK)"];

/// Intents of which another clause wants more of the same, and not the same again.
const GATHERING: [&str; 9] = [
    "run commands that you put in backticks",
    "measure disk, memory and load of this host",
    "ask a web address whether it answers",
    "test a Python project",
    "test a Node.js project",
    "test a Rust project",
    "plan and apply with Terraform",
    "install monitoring (Prometheus and Grafana)",
    "install central logging (Loki or ELK)",
];

impl Intent {
    /// Whether the intent reads what stands behind an `if`.
    pub(super) fn knows_conditions(&self) -> bool {
        [
            "measure disk, memory and load of this host",
            "look how long a certificate is good for",
            "ask a web address whether it answers",
            "look whether a file is there",
            "find errors in a log file",
        ]
        .contains(&self.title)
    }

    /// Whether another clause with this intent goes on with the first one.
    pub(super) fn goes_on(&self, clause: &Clause) -> bool {
        let only_a_noun =
            clause.has(&["deployment"]) && !clause.has(&["deploy", "roll out", "rollout", "ship", "release", "scale"]);
        GATHERING.contains(&self.title) || only_a_noun
    }

    /// Whether a clause says what to do, but only `it` or `them` of what.
    pub(super) fn needs_an_object(&self, clause: &Clause) -> bool {
        match self.title {
            "push an image" => clause.lower.split_whitespace().count() <= 2,
            "scale a deployment" => clause.has(&["it", "them"]),
            _ => false,
        }
    }

    fn is_in(&self, clause: &Clause, facts: &Facts) -> bool {
        self.words.iter().all(|group| clause.has(group)) && !clause.has(self.except) && (self.fits)(clause, facts)
    }

    /// Whether a word is one that the intent goes by.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.absorbs.contains(&word) || self.words.iter().any(|group| group.contains(&word))
    }

    /// Whether a clause that asks for nothing of its own belongs to this intent.
    pub(super) fn absorbs(&self, clause: &Clause) -> bool {
        clause.has(self.absorbs)
    }
}

/// What a clause asks for, in the order in which it is to be done.
pub(super) fn of_clause(clause: &Clause, facts: &Facts) -> Vec<&'static Intent> {
    if clause.denies {
        return Vec::new();
    }
    let beside = |intent: &&'static Intent| BESIDE.contains(&intent.title);
    let mut found: Vec<&'static Intent> = all().filter(|intent| intent.is_in(clause, facts)).collect();
    let first = found.iter().position(|intent| !beside(intent));
    let main = first.map(|at| found.remove(at));
    found.retain(beside);
    // `check the monitoring` asks nobody to install it.
    if main.is_some()
        && clause.has(&["check", "verify"])
        && !clause.has(&["deploy", "install", "set up", "add", "with"])
    {
        found.clear();
    }
    main.into_iter().chain(found).collect()
}

fn list_objects(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("look-at-kubernetes");
    let kinds = ["pods", "deployments", "namespaces", "nodes", "services"];
    let kind = kinds.iter().find(|kind| asked.says(&[kind])).copied().unwrap_or("pods");
    let namespace = asked.facts.given_text(&["namespace"]).or_else(|| asked.facts.named(&["namespace", "ns"]));
    let place = match namespace {
        Some(namespace) => {
            part.needed("namespace", "The namespace to look at", Some(namespace));
            " -n ${namespace}"
        }
        None => " --all-namespaces",
    };
    part.step(json!({
        "name": format!("list_{kind}"), "description": format!("List the {kind}"), "depends": [], "tool": "kubectl",
        "parameters": {"command": format!("get {kind}{place}")}, "output": "LISTED",
    }));
    part
}
