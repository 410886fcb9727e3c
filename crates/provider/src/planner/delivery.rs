//! Parts about software on its way: building, testing, deploying, watching.

use serde_json::json;

use super::host;
use super::intents::Asked;
use super::part::{Part, slug};

/// Rolls new images out to Kubernetes, one deployment for each service.
pub(super) fn deploy(asked: &Asked<'_>) -> Part {
    let mut part = rollout(asked);
    // A namespace that the caller gives is not a default but a fact.
    let given = asked.facts.given_text(&["namespace"]);
    if let Some(namespace) = given.filter(|name| is_label(name)) {
        part.fix_param("namespace", &namespace);
    }
    part
}

/// Whether a text can be the name of a namespace, and nothing else.
fn is_label(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    (1..=63).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether a text can be the name of an object of Kubernetes, and nothing else: it becomes a part of commands.
fn is_object_name(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    name.len() <= 253 && name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.chars().all(fits)
}

fn rollout(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("deploy-to-kubernetes");
    namespace(&mut part, asked);
    let (services, refused): (Vec<String>, Vec<String>) =
        services(asked).into_iter().partition(|name| is_object_name(name));
    for name in refused {
        part.suggest(format!("`{name}` can't be the name of a deployment and was left out."));
    }
    let image = asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"]));
    let version =
        asked.facts.given_text(&["image_tag", "tag", "version"]).or_else(|| asked.facts.versions.first().cloned());
    part.step(json!({
        "name": "validate_environment", "description": "See that the namespace is there", "depends": [], "tool": "kubectl",
        "parameters": {"command": "get namespace ${namespace}"},
    }));
    let is_manifest = |path: &&String| path.ends_with("yaml") || path.ends_with("yml") || path.ends_with('/');
    let named = asked.facts.paths.iter().find(is_manifest);
    if let Some(manifest) =
        named.or_else(|| asked.facts.paths.first().filter(|_| asked.says(&["manifest", "manifests", "apply"])))
    {
        part.needed("manifest", "The manifest to apply", Some(manifest.clone()));
        part.step(json!({
            "name": "apply_manifest", "description": "Apply the manifest", "tool": "kubectl",
            "parameters": {"command": "apply -f ${manifest} -n ${namespace}"},
        }));
        return part;
    }
    let whole_image = image.as_ref().is_some_and(|image| image.contains('/') || image.contains(':'));
    if whole_image && services.len() <= 1 {
        part.needed("image", "The image to deploy", image);
    } else {
        part.needed("image_tag", "The version of the image to deploy", version);
        part.param(
            "image_prefix",
            "string",
            "What stands before a service's name in its image: registry.example.com/shop/",
            "",
        );
    }
    if services.is_empty() {
        let of_image = part.params.get("image").and_then(|image| name_of_image(image["default"].as_str()?));
        if let Some(app) = &of_image {
            part.suggest(format!("No deployment was named, so it is taken to be called like its image, `{app}`."));
        }
        part.needed("app", "The deployment to update", of_image);
    }
    let wants_scale = asked.facts.count(&["replicas", "replica", "copies", "instances", "pods"]);
    let targets: Vec<(String, String)> = if services.is_empty() {
        vec![("deploy".to_owned(), "${app}".to_owned())]
    } else {
        services.iter().map(|service| (format!("deploy_{}", slug(service)), service.clone())).collect()
    };
    let names: Vec<String> = targets.iter().map(|(name, _)| name.clone()).collect();
    for (name, target) in &targets {
        let image = if part.params.contains_key("image") {
            "${image}".to_owned()
        } else {
            format!("${{image_prefix}}{target}:${{image_tag}}")
        };
        part.step(json!({
            "name": name, "description": format!("Roll out {}", target.trim_matches(['$', '{', '}'])),
            "depends": ["validate_environment"], "tool": "kubectl",
            "parameters": {"command": format!("set image deployment/{target} {target}={image} -n ${{namespace}}")},
            "rollback": {"tool": "kubectl", "parameters": {"command": format!("rollout undo deployment/{target} -n ${{namespace}}")}},
        }));
    }
    let skips = asked.denies(&["health check", "health checks", "health", "checks", "waiting", "wait"]);
    let ready = if skips { names } else { wait_for(&mut part, &targets) };
    scale(&mut part, (&ready, &targets), wants_scale.or_else(|| asked.facts.given(&["replicas"])?.as_u64()));
    part
}

/// Waits until each of these deployments is ready; gives the names of the steps.
fn wait_for(part: &mut Part, targets: &[(String, String)]) -> Vec<String> {
    let mut names = Vec::new();
    for (changed, target) in targets {
        let name = format!("check_{changed}");
        part.step(json!({
            "name": name, "description": format!("Wait until {} is ready", target.trim_matches(['$', '{', '}'])),
            "depends": [changed], "tool": "kubectl", "timeout": "5m", "retry": {"max_attempts": 2, "delay": "5s"},
            "parameters": {"command": format!("rollout status deployment/{target} -n ${{namespace}} --timeout=120s")},
        }));
        names.push(name);
    }
    names
}

/// `registry.example.com/shop/web:v2` -> `web`.
pub(super) fn name_of_image(image: &str) -> Option<String> {
    let last = image.rsplit('/').next()?;
    let name = last.split([':', '@']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The number of replicas is set when a value for it is there.
fn scale(part: &mut Part, (names, targets): (&[String], &[(String, String)]), replicas: Option<u64>) {
    let mut declared = json!({"type": "integer", "description": "How many replicas each deployment should have; unchanged when absent", "min": 0});
    if let Some(replicas) = replicas {
        declared["default"] = json!(replicas);
    }
    part.params.insert("replicas".to_owned(), declared);
    let items: Vec<&String> = targets.iter().map(|(_, target)| target).collect();
    part.step(json!({
        "name": "set_replicas", "description": "Set the number of replicas", "depends": names,
        "if": "has(params.replicas) && params.replicas != null", "tool": "kubectl", "foreach": {"items": items},
        "parameters": {"command": "scale deployment/${ITEM} --replicas=${replicas} -n ${namespace}"},
    }));
}

/// The services that a task or its context names.
pub(super) fn services(asked: &Asked<'_>) -> Vec<String> {
    let given = asked.facts.given_list(&["services", "apps", "deployments"]);
    if !given.is_empty() {
        return given;
    }
    let listed = super::phrases::list_after(
        &asked.facts.text,
        &["for", "of", "deploy", "services", "deployments", "apps", "microservices", "release", "roll out", "ship"],
    );
    let listed: Vec<String> = listed.map(|(items, _)| items).unwrap_or_default();
    if !listed.is_empty() && listed.iter().all(|name| is_object_name(name) && name.chars().any(char::is_alphabetic)) {
        return listed;
    }
    let name = asked.facts.given_text(&["app", "service", "application", "deployment"]);
    let name = name.or_else(|| asked.facts.named(&["deployment", "service", "app", "application", "microservice"]));
    let name =
        name.or_else(|| asked.facts.named_before(&["service", "app", "application", "deployment", "microservice"]));
    let is_version = |name: &String| asked.facts.versions.contains(name) || is_bare_version(name);
    let name =
        name.or_else(|| asked.facts.named(&["deploy", "roll out", "release", "ship"])).filter(|it| !is_version(it));
    let name = name.or_else(|| {
        let versioned = !asked.facts.versions.is_empty();
        asked.facts.named(&["of"]).filter(|name| versioned && asked.facts.environment().as_ref() != Some(name))
    });
    let in_image = |name: &String| asked.facts.images.iter().any(|image| image.contains(name.as_str()));
    name.filter(|name| !is_version(name) && !in_image(name)).into_iter().collect()
}

/// `2.4` and `v3` are versions wherever they stand.
fn is_bare_version(name: &str) -> bool {
    let number = name.trim_start_matches(['v', 'V']);
    !number.is_empty() && number.chars().all(|it| it.is_ascii_digit() || it == '.')
}

/// What is said when nobody named a namespace.
pub(super) const NO_NAMESPACE: &str = "No namespace was named, so it is `default`.";

fn namespace(part: &mut Part, asked: &Asked<'_>) {
    let given = asked.facts.given_text(&["namespace"]).or_else(|| asked.facts.named(&["namespace", "ns"]));
    let given = given.or_else(|| asked.facts.named_before(&["namespace"]));
    let environment = asked.facts.given_text(&["environment", "env"]).or_else(|| asked.facts.environment());
    if given.is_none()
        && let Some(environment) = &environment
    {
        part.suggest(format!(
            "No namespace was named, so it is taken to be called like the environment, `{environment}`."
        ));
    }
    let namespace = given.or(environment);
    if namespace.is_none() {
        part.suggest(NO_NAMESPACE);
    }
    part.param("namespace", "string", "The namespace in Kubernetes", namespace.unwrap_or_else(|| "default".to_owned()));
}

/// The namespace that a clause names for a stack that it installs.
fn own_namespace(asked: &Asked<'_>, key: &str) -> Option<String> {
    let installs = asked.says(&["install", "set up", "setup", "add"]) && !asked.says(&["deploy"]);
    let said = asked.facts.named(&["namespace", "ns"]).filter(|_| installs);
    asked.facts.given_text(&[key]).or(said)
}

/// Installs Prometheus and Grafana.
pub(super) fn monitoring(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("monitoring", "monitoring-stack");
    part.rename_param("namespace", "monitoring_namespace");
    part.rename_param("release", "monitoring_release");
    part.set("monitoring_namespace", own_namespace(asked, "monitoring_namespace"));
    part.param("monitoring_enabled", "boolean", "Whether monitoring is installed", true);
    part.without(&["check_cluster"]);
    part.rollback = false;
    rename_steps(&mut part, &[("add_charts", "add_monitoring_charts"), ("former_release", "former_monitoring")]);
    for step in &mut part.steps {
        step["if"] = json!("params.monitoring_enabled");
    }
    part
}

/// Gives steps other names and the first one its place.
fn rename_steps(part: &mut Part, names: &[(&str, &str)]) {
    for step in &mut part.steps {
        if let Some((_, to)) = names.iter().find(|(from, _)| step["name"] == *from) {
            step["name"] = json!(to);
        }
    }
    if let Some(first) = part.steps.first_mut() {
        first["depends"] = json!([]);
    }
}

/// Installs central logging: Loki, or the ELK stack when that is asked for.
pub(super) fn logging(asked: &Asked<'_>) -> Part {
    if !asked.says(&["elk", "elasticsearch", "kibana", "elastic"]) {
        let mut part = Part::of_template("logging", "central-logging");
        part.rename_param("namespace", "logging_namespace");
        part.rename_param("release", "logging_release");
        part.set("logging_namespace", own_namespace(asked, "logging_namespace"));
        part.without(&["check_cluster"]);
        part.rollback = false;
        rename_steps(&mut part, &[("add_charts", "add_logging_charts"), ("former_release", "former_logging")]);
        return part;
    }
    let mut part = Part::new("logging");
    let namespace = own_namespace(asked, "logging_namespace").unwrap_or_else(|| "logging".to_owned());
    part.param("logging_namespace", "string", "The namespace of the logging", namespace);
    part.step(json!({
        "name": "add_elastic_charts", "description": "Make the charts known", "depends": [], "tool": "helm",
        "parameters": {"command": "repo add elastic https://helm.elastic.co --force-update"},
    }));
    for chart in ["elasticsearch", "logstash", "kibana", "filebeat"] {
        part.step(json!({
            "name": format!("install_{chart}"), "description": format!("Install {chart}"), "tool": "helm", "timeout": "15m",
            "parameters": {"command": format!("upgrade --install {chart} elastic/{chart} -n ${{logging_namespace}} --create-namespace --wait --atomic --timeout 10m")},
        }));
    }
    part
}

/// Changes the number of replicas of a deployment.
pub(super) fn scale_deployment(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("scale");
    namespace(&mut part, asked);
    let app = asked.facts.named(&["scale", "deployment"]).or_else(|| services(asked).into_iter().next());
    part.needed("app", "The deployment to scale", app);
    let to = super::facts::compiled(r"(?i)\bto\s+(\d{1,4})\b".to_owned());
    let to = to.and_then(|to| to.captures(&asked.facts.text)?.get(1)?.as_str().parse::<u64>().ok());
    match asked
        .facts
        .count(&["replicas", "replica", "copies", "instances", "pods"])
        .or_else(|| asked.facts.given(&["replicas"])?.as_u64())
        .or(to)
    {
        Some(replicas) => part.param("replicas", "integer", "How many replicas it should have", replicas),
        None => drop(part.params.insert(
            "replicas".to_owned(),
            json!({"type": "integer", "description": "How many replicas it should have", "required": true}),
        )),
    }
    part.step(json!({
        "name": "scale_deployment", "description": "Set the number of replicas", "depends": [], "tool": "kubectl",
        "parameters": {"command": "scale deployment/${app} --replicas=${replicas} -n ${namespace}"},
    }));
    part
}

/// Builds an image and pushes it.
pub(super) fn docker(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("docker-build");
    let image = asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"]));
    part.needed("image", "The name of the image, with its tag", image);
    let directory =
        asked.facts.path_after(&["in", "from", "of"]).or_else(|| asked.facts.given_text(&["directory", "path"]));
    // `build ./web as web:2`
    let object = || asked.facts.path_after(&["build", "building", "rebuild"]);
    part.needed("directory", "Where the Dockerfile is", directory.or_else(object));
    part.step(json!({
        "name": "build_image", "description": "Build the image", "depends": [], "tool": "docker",
        "parameters": {"command": "build -t ${image} ${directory}"}, "timeout": "30m",
    }));
    if asked.says(&["push", "publish", "upload", "registry"]) && !asked.denies(&["push", "publish"]) {
        part.step(json!({
            "name": "push_image", "description": "Push the image", "tool": "docker",
            "parameters": {"command": "push ${image}"}, "retry": {"max_attempts": 3, "delay": "10s", "backoff": 2},
        }));
    }
    part
}

/// Tests a Python project.
pub(super) fn python_ci(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("python-ci", "python-ci");
    let directory =
        asked.facts.path_after(&["in", "at", "of", "from", "for"]).or_else(|| asked.facts.paths.first().cloned());
    part.set("project", directory.or_else(|| asked.facts.given_text(&["project", "directory", "path"])));
    let looks = asked.says(&["lint", "linter", "style", "format", "ruff", "flake8", "pylint", "ci"]);
    if !looks || asked.denies(&["lint", "linting", "style"]) {
        part.without(&["lint"]);
        part.without_params(&["lint"]);
    }
    part
}

/// Dumps a database of Postgres, proves that the dump can be read, and removes old dumps.
pub(super) fn postgres_backup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("postgres-backup", "postgres-backup");
    let facts = &asked.facts;
    part.set("database", facts.database());
    let destination = facts.path_after(&["to", "into", "in", "under"]).or_else(|| facts.paths.first().cloned());
    part.set("destination", destination.or_else(|| facts.given_text(&["destination", "backup_location"])));
    let host = facts.given_text(&["host", "database_host"]).or_else(|| facts.named(&["host"]));
    part.set("host", host.or_else(|| facts.machines().into_iter().next()));
    part.set("user", facts.user());
    part.set("keep", host::copies(asked));
    if host::denies_pruning(asked) {
        part.without(&["prune_dumps"]);
        part.without_params(&["keep"]);
    }
    part
}

/// Runs commands that the task spells out.
pub(super) fn commands(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("commands");
    let dir = asked.facts.path_after(&["in", "inside", "under"]);
    let retries = asked.facts.times().filter(|_| asked.says(&["retry", "retries", "try", "tries", "attempts"]));
    let mut before: Vec<String> = Vec::new();
    for clause in &asked.clauses {
        let together = clause.group.is_some()
            || clause.has(&["in parallel", "at the same time", "simultaneously", "concurrently", "side by side"]);
        let mut group: Vec<String> = Vec::new();
        for command in super::facts::Facts::read(&clause.text, &serde_json::Map::new()).commands {
            let name = slug(command.split_whitespace().take(3).collect::<Vec<_>>().join(" ").as_str());
            let name = if name.is_empty() { "run_command".to_owned() } else { format!("run_{name}") };
            let taken = |name: &String| part.steps.iter().any(|step| step["name"] == *name);
            let name = if taken(&name) { format!("{name}_{}", part.steps.len() + 1) } else { name };
            let depends = match group.last() {
                Some(last) if !together => vec![last.clone()],
                _ => before.clone(),
            };
            let mut step =
                json!({"name": name, "description": format!("Run {command}"), "depends": depends, "command": command});
            if let Some(dir) = &dir {
                step["dir"] = json!(dir);
            }
            if let Some(times) = retries {
                step["retry"] = json!({"max_attempts": times + 1, "delay": "2s"});
            }
            part.step(step);
            group.push(name);
        }
        if !together {
            group = group.pop().into_iter().collect();
        }
        if !group.is_empty() {
            before = group;
        }
    }
    part
}
