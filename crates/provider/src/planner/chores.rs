//! Parts of one or two steps, each a call of a tool of the catalogue: copying, services, remote hosts,
//! databases, releases.

use serde_json::json;

use super::facts::Facts;
use super::host;
use super::intents::Asked;
use super::part::Part;
use super::sentence::Clause;

/// Whether a clause names a source and a target.
pub(super) fn has_two_places(_: &Clause, facts: &Facts) -> bool {
    places(facts).len() >= 2
}

/// Paths of a text, those on other hosts (`deploy@web1:/srv/site`) whole.
fn places(facts: &Facts) -> Vec<String> {
    let words = facts.text.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',', ';', '(', ')']));
    let is_place = |word: &&str| {
        !word.contains("://")
            && (word.contains(":/") && !word.starts_with('/') || facts.paths.iter().any(|path| path == word))
    };
    words.map(|word| word.trim_end_matches('.')).filter(is_place).map(str::to_owned).collect()
}

/// Copies, moves or deletes a file.
pub(super) fn file(asked: &Asked<'_>) -> Part {
    let operation = if asked.says(&["move", "rename"]) { "move" } else { "copy" };
    let mut part = Part::new(&format!("{operation}-file"));
    let places = places(&asked.facts);
    part.needed("source", "What to take", places.first().cloned());
    part.needed("target", "Where to put it", places.get(1).cloned());
    let mut step = json!({
        "name": format!("{operation}_file"), "description": format!("{operation} it"), "depends": [], "tool": "file",
        "parameters": {"operation": operation, "path": "${source}", "to": "${target}"},
    });
    if operation == "move" {
        step["rollback"] =
            json!({"tool": "file", "parameters": {"operation": "move", "path": "${target}", "to": "${source}"}});
    }
    part.step(step);
    part
}

/// Brings a directory into line with another, also over SSH.
pub(super) fn sync(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("sync");
    let places = places(&asked.facts);
    part.needed("source", "What to take", places.first().cloned());
    part.needed("target", "Where to put it", places.get(1).cloned());
    let mut parameters = json!({"from": "${source}", "to": "${target}"});
    if asked.says(&["delete", "mirror"]) && !asked.denies(&["delete", "deleting"]) {
        parameters["delete"] = json!(true);
    }
    part.step(json!({
        "name": "sync", "description": "Bring the target into line", "depends": [], "tool": "rsync", "parameters": parameters,
        "retry": {"max_attempts": 3, "delay": "5s"},
    }));
    part
}

/// Clones a repository.
pub(super) fn clone(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("clone");
    part.needed("repository", "The address of the repository", asked.facts.urls.first().cloned());
    let target = asked.facts.path_after(&["to", "into", "in"]);
    part.param("clone_to", "string", "Where it goes", target.unwrap_or_else(|| "repository".to_owned()));
    let branch = asked.facts.named(&["branch"]);
    let mut command = "clone --depth 1 ".to_owned();
    if branch.is_some() {
        part.needed("branch", "The branch to take", branch);
        command.push_str("--branch ${branch} ");
    }
    command.push_str("${repository} ${clone_to}");
    part.step(json!({
        "name": "clone_repository", "description": "Clone the repository", "depends": [], "tool": "git",
        "parameters": {"command": command}, "retry": {"max_attempts": 3, "delay": "5s"},
    }));
    part
}

/// Starts, stops or looks at a service of systemd.
pub(super) fn service(asked: &Asked<'_>) -> Part {
    let verbs = [("enable", "disable"), ("stop", "start"), ("start", "stop"), ("disable", "enable")];
    let said: Vec<(&str, &str)> = verbs.into_iter().filter(|(verb, _)| asked.says(&[verb])).collect();
    let name = said.last().map_or("status", |(verb, _)| verb);
    let mut part = Part::new(&format!("service-{name}"));
    part.needed("service", "The service of systemd", host::service(asked));
    if said.is_empty() {
        part.step(json!({
            "name": "service_status", "description": "See how it does", "tool": "systemctl",
            "parameters": {"command": "status ${service}"},
        }));
    }
    for (verb, opposite) in &said {
        part.step(json!({
            "name": format!("{verb}_service"), "description": format!("{verb} it"), "tool": "systemctl",
            "parameters": {"command": format!("{verb} ${{service}}")},
            "rollback": {"tool": "systemctl", "parameters": {"command": format!("{opposite} ${{service}}")}},
        }));
    }
    if name == "start" {
        part.step(json!({
            "name": "verify_service", "description": "Prove that it runs", "tool": "systemctl",
            "parameters": {"command": "is-active ${service}"}, "retry": {"max_attempts": 10, "delay": "2s"},
        }));
    }
    part.begin();
    part
}

/// Shows the journal of a service.
pub(super) fn journal(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("journal");
    part.needed("service", "The service of systemd", host::service(asked));
    let lines = asked.facts.count(&["lines", "entries", "messages"]).unwrap_or(100);
    part.step(json!({
        "name": "show_journal", "description": "Show what it said last", "depends": [], "tool": "journalctl",
        "parameters": {"unit": "${service}", "lines": lines},
    }));
    part
}

/// Whether a command is to run on another host.
pub(super) fn is_remote(clause: &Clause, facts: &Facts) -> bool {
    !facts.commands.is_empty() && (clause.has(&["ssh"]) || remote_host(facts).is_some())
}

fn remote_host(facts: &Facts) -> Option<String> {
    let named = facts.named(&["on host", "on server", "on the host", "on the server", "via ssh on", "over ssh on"]);
    let dotted = facts.hosts().into_iter().find(|host| facts.text.contains(&format!("on {host}")));
    named.or(dotted).filter(|host| !["this", "localhost"].contains(&host.as_str()))
}

/// Runs commands on another host.
pub(super) fn remote_command(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("remote-command");
    part.needed(
        "host",
        "The host to run it on",
        remote_host(&asked.facts).or_else(|| asked.facts.given_text(&["host"])),
    );
    for command in &asked.facts.commands {
        let name = if part.steps.is_empty() {
            "run_remotely".to_owned()
        } else {
            format!("run_remotely_{}", part.steps.len() + 1)
        };
        let mut step = json!({
            "name": name, "description": format!("Run {command} there"), "tool": "ssh",
            "parameters": {"host": "${host}", "command": command},
        });
        if part.steps.is_empty() {
            step["depends"] = json!([]);
        }
        part.step(step);
    }
    part
}

/// Sends the SQL that stands in quotes to a database.
pub(super) fn query(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("query");
    let database = asked.facts.given_text(&["database", "db"]).or_else(|| asked.facts.named(&["database", "db"]));
    part.needed("database", "The database to ask", database.or_else(|| asked.facts.named_before(&["database", "db"])));
    let sql = asked.facts.commands.first().cloned().or_else(|| asked.facts.quoted()).unwrap_or_default();
    let mut parameters = json!({"database": "${database}", "query": sql});
    let machine = asked.facts.machines().into_iter().find(|name| !sql.contains(name.as_str()));
    for (name, description, value) in [
        ("host", "The host of the database server", asked.facts.given_text(&["host"]).or(machine)),
        ("user", "The user to connect as", asked.facts.user()),
    ] {
        if value.is_some() {
            part.needed(name, description, value);
            parameters[name] = json!(format!("${{{name}}}"));
        }
    }
    part.step(json!({
        "name": "query", "description": "Send the SQL", "depends": [], "tool": "psql", "parameters": parameters,
        "output": "ROWS",
    }));
    part
}

/// Plans, and applies what was planned.
pub(super) fn terraform(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("terraform");
    let directory =
        asked.facts.path_after(&["in", "from", "of", "at"]).or_else(|| asked.facts.given_text(&["directory"]));
    part.needed("directory", "Where the configuration is", directory.or_else(|| asked.facts.paths.first().cloned()));
    let mut step = |name: &str, description: &str, command: &str| {
        let mut step = json!({
            "name": name, "description": description, "tool": "terraform", "dir": "${directory}",
            "parameters": {"command": command}, "timeout": "1h",
        });
        if part.steps.is_empty() {
            step["depends"] = json!([]);
        }
        part.step(step);
    };
    step("init", "Get what the configuration needs", "init -input=false");
    step("validate", "See that the configuration is sound", "validate");
    step("plan", "Plan the changes", "plan -input=false -out=partita.tfplan");
    let applies =
        asked.says(&["apply", "provision", "roll out", "create", "deploy"]) && !asked.denies(&["apply", "applying"]);
    if applies && asked.says(&["ask", "approval", "approve", "approved", "confirm", "confirmation"]) {
        part.step(json!({"name": "ask", "description": "Ask a person", "approval": {"message": "Apply the plan of ${directory}?"}}));
    }
    let mut step = |name: &str, description: &str, command: &str| {
        part.step(json!({
            "name": name, "description": description, "tool": "terraform", "dir": "${directory}",
            "parameters": {"command": command}, "timeout": "1h",
        }));
    };
    if applies {
        step("apply", "Make the changes that were planned", "apply -input=false partita.tfplan");
    }
    part
}

/// Asks whether a host answers.
pub(super) fn ping(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("ping");
    let host = asked.facts.machines().into_iter().next().or_else(|| asked.facts.named(&["ping", "host", "to"]));
    part.needed("host", "The host to ask", host.or_else(|| asked.facts.given_text(&["host"])));
    let count = asked.facts.times().map_or(3, u64::from);
    part.step(json!({
        "name": "ping", "description": "Ask whether it answers", "depends": [], "tool": "ping",
        "parameters": {"host": "${host}", "count": count},
    }));
    part
}

/// Makes a namespace in Kubernetes.
pub(super) fn make_namespace(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("make-namespace");
    let name = asked.facts.named(&["namespace", "ns"]).or_else(|| asked.facts.named_before(&["namespace"]));
    part.needed("namespace", "The namespace in Kubernetes", name.or_else(|| asked.facts.given_text(&["namespace"])));
    part.step(json!({
        "name": "make_namespace", "description": "Make the namespace", "depends": [], "tool": "kubectl",
        "parameters": {"command": "create namespace ${namespace}"},
        "rollback": {"tool": "kubectl", "parameters": {"command": "delete namespace ${namespace} --ignore-not-found"}},
    }));
    part
}

/// Removes a release, a deployment or another object of Kubernetes.
pub(super) fn delete_object(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("delete");
    let kinds = ["deployment", "service", "pod", "job", "configmap", "secret", "ingress", "namespace"];
    let kind = kinds.iter().find(|kind| asked.says(&[kind])).copied().unwrap_or("deployment");
    let facts = &asked.facts;
    let name = facts.named(&[kind]).or_else(|| facts.named_before(&[kind]));
    part.needed("object", &format!("The {kind} to delete"), name);
    let mut command = format!("delete {kind} ${{object}}");
    if kind != "namespace" {
        let namespace = facts.given_text(&["namespace"]).or_else(|| facts.named(&["namespace", "ns"]));
        part.param(
            "namespace",
            "string",
            "The namespace in Kubernetes",
            namespace.unwrap_or_else(|| "default".to_owned()),
        );
        command.push_str(" -n ${namespace}");
    }
    part.step(json!({
        "name": format!("delete_{kind}"), "description": format!("Delete the {kind}"), "depends": [], "tool": "kubectl",
        "parameters": {"command": command},
    }));
    part
}

/// Installs or removes a package.
pub(super) fn package(asked: &Asked<'_>) -> Part {
    let removes = asked.says(&["uninstall", "remove", "purge"]);
    let mut part = Part::new(if removes { "remove-package" } else { "install-package" });
    let facts = &asked.facts;
    let verbs = ["install", "uninstall", "remove", "purge", "add"];
    let kinds = ["package", "packages", "debian"];
    let named = facts.named(&["package", "packages"]).or_else(|| facts.object_of(&verbs));
    part.needed("package", "The name of the package", named.filter(|name| !kinds.contains(&name.as_str())));
    part.step(json!({
        "name": "look_before", "description": "See whether it is installed", "depends": [], "effects": "read",
        "command": "dpkg-query -W -f='${Status}' -- \"$package\" 2>/dev/null || echo absent", "output": "BEFORE",
    }));
    if removes {
        part.step(json!({
            "name": "remove_package", "description": "Remove it", "tool": "apt-get",
            "parameters": {"command": "remove --yes ${package}"}, "env": {"DEBIAN_FRONTEND": "noninteractive"},
            "rollback": {"tool": "apt-get", "parameters": {"command": "install --yes ${package}"}},
        }));
        return part;
    }
    part.step(json!({
        "name": "update_lists", "description": "Get the newest lists of packages", "tool": "apt-get",
        "parameters": {"command": "update"}, "retry": {"max_attempts": 3, "delay": "10s"},
    }));
    part.step(json!({
        "name": "install_package", "description": "Install it", "tool": "apt-get",
        "parameters": {"command": "install --yes ${package}"}, "env": {"DEBIAN_FRONTEND": "noninteractive"},
        "rollback": {"command": "case $BEFORE in *'install ok installed'*) ;; *) apt-get remove --yes -- \"$package\" ;; esac"},
    }));
    part
}

/// Makes a user of the host.
pub(super) fn make_user(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("make-user");
    let facts = &asked.facts;
    let kinds = ["user", "account", "users"];
    let after_kind = facts.named(&kinds).or_else(|| facts.object_of(&kinds));
    part.needed("user", "The name of the user", facts.given_text(&["user"]).or(after_kind));
    let group = facts.named(&["group", "groups"]);
    let flag = if group.is_some() { " -G \"$group\"" } else { "" };
    if group.is_some() {
        part.needed("group", "The group that it belongs to, too", group);
    }
    part.step(json!({
        "name": "make_user", "description": "Make the user, with a home", "depends": [], "effects": "write",
        "command": format!("useradd --create-home{flag} -- \"$user\""),
        "rollback": {"command": "userdel --remove -- \"$user\""},
    }));
    part
}

/// Runs a playbook.
pub(super) fn playbook(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("playbook");
    let facts = &asked.facts;
    let is_playbook = |path: &&String| path.ends_with("yml") || path.ends_with("yaml");
    part.needed("playbook", "The playbook", facts.paths.iter().find(is_playbook).or(facts.paths.first()).cloned());
    let mut parameters = json!({"playbook": "${playbook}"});
    let word_after = |word: &str| {
        let mut words = facts.text.split_whitespace().skip_while(|it| !it.eq_ignore_ascii_case(word));
        words.nth(1).map(|it| it.trim_matches(['"', '\'', '`', ',', '.']).to_owned())
    };
    for (name, description, value) in [
        ("inventory", "The inventory", word_after("inventory")),
        ("limit", "Only these hosts", facts.named(&["limited to", "only on", "limit to"])),
    ] {
        if value.is_some() {
            part.needed(name, description, value);
            parameters[name] = json!(format!("${{{name}}}"));
        }
    }
    if asked.says(&["check", "dry run", "dry-run"]) {
        parameters["check"] = json!(true);
    }
    part.step(json!({
        "name": "run_playbook", "description": "Run the playbook", "depends": [], "tool": "ansible-playbook",
        "parameters": parameters, "timeout": "1h",
    }));
    part
}
