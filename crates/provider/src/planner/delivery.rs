//! Parts about software on its way: building, testing, deploying, watching.

use serde_json::json;

use super::intents::Asked;
use super::part::{Part, slug};

/// Rolls new images out to Kubernetes, one deployment for each service.
pub(super) fn deploy(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("deploy-to-kubernetes");
    namespace(&mut part, asked);
    let services = services(asked);
    let image = asked.facts.images.first().cloned().or_else(|| asked.facts.given_text(&["image"]));
    let version =
        asked.facts.given_text(&["image_tag", "tag", "version"]).or_else(|| asked.facts.versions.first().cloned());
    part.step(json!({
        "name": "validate_environment", "description": "See that the namespace is there", "depends": [], "tool": "kubectl",
        "parameters": {"command": "get namespace ${namespace}"},
    }));
    if let Some(manifest) =
        asked.facts.paths.iter().find(|path| path.ends_with("yaml") || path.ends_with("yml") || path.ends_with('/'))
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
        part.needed("app", "The deployment to update", None);
    }
    let wants_scale = asked.facts.count(&["replicas", "copies", "instances", "pods"]);
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
    scale(&mut part, (&names, &targets), wants_scale.or_else(|| asked.facts.given(&["replicas"])?.as_u64()));
    part
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
fn services(asked: &Asked<'_>) -> Vec<String> {
    let given = asked.facts.given_list(&["services", "apps", "deployments"]);
    if !given.is_empty() {
        return given;
    }
    let name = asked.facts.given_text(&["app", "service", "application", "deployment"]);
    let name = name.or_else(|| asked.facts.named(&["deployment", "service", "app", "application", "microservice"]));
    let name =
        name.or_else(|| asked.facts.named_before(&["service", "app", "application", "deployment", "microservice"]));
    let name = name.or_else(|| asked.facts.named(&["deploy", "roll out", "release", "ship"]));
    name.filter(|name| {
        !asked.facts.versions.contains(name) && !asked.facts.images.iter().any(|image| image.contains(name.as_str()))
    })
    .into_iter()
    .collect()
}

fn namespace(part: &mut Part, asked: &Asked<'_>) {
    let given = asked.facts.given_text(&["namespace"]).or_else(|| asked.facts.named(&["namespace", "ns"]));
    let environment = asked.facts.given_text(&["environment", "env"]).or_else(|| {
        ["production", "staging", "development", "testing"]
            .iter()
            .find(|name| asked.says(&[name]))
            .map(|name| (*name).to_owned())
    });
    if given.is_none()
        && let Some(environment) = &environment
    {
        part.suggest(format!(
            "No namespace was named, so it is taken to be called like the environment, `{environment}`."
        ));
    }
    let namespace = given.or(environment);
    if namespace.is_none() {
        part.suggest("No namespace was named, so it is `default`.");
    }
    part.param("namespace", "string", "The namespace in Kubernetes", namespace.unwrap_or_else(|| "default".to_owned()));
}

/// Installs Prometheus and Grafana.
pub(super) fn monitoring(_asked: &Asked<'_>) -> Part {
    let mut part = Part::new("monitoring");
    part.param("monitoring_enabled", "boolean", "Whether monitoring is installed", true);
    part.param("monitoring_namespace", "string", "The namespace of the monitoring", "monitoring");
    part.step(json!({
        "name": "add_monitoring_charts", "description": "Make the charts known", "depends": [], "if": "params.monitoring_enabled", "tool": "helm",
        "parameters": {"command": "repo add prometheus-community https://prometheus-community.github.io/helm-charts --force-update"},
    }));
    part.step(json!({
        "name": "install_monitoring", "description": "Install Prometheus and Grafana", "if": "params.monitoring_enabled", "tool": "helm",
        "parameters": {"command": "upgrade --install monitoring prometheus-community/kube-prometheus-stack -n ${monitoring_namespace} --create-namespace --wait --atomic --timeout 10m"},
        "timeout": "15m",
    }));
    part
}

/// Installs central logging: Loki, or the ELK stack when that is asked for.
pub(super) fn logging(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("logging");
    part.param("logging_namespace", "string", "The namespace of the logging", "logging");
    if asked.says(&["elk", "elasticsearch", "kibana", "elastic"]) {
        part.step(json!({
            "name": "add_logging_charts", "description": "Make the charts known", "depends": [], "tool": "helm",
            "parameters": {"command": "repo add elastic https://helm.elastic.co --force-update"},
        }));
        for (name, chart) in [
            ("elasticsearch", "elasticsearch"),
            ("logstash", "logstash"),
            ("kibana", "kibana"),
            ("filebeat", "filebeat"),
        ] {
            part.step(json!({
                "name": format!("install_{name}"), "description": format!("Install {name}"), "tool": "helm", "timeout": "15m",
                "parameters": {"command": format!("upgrade --install {name} elastic/{chart} -n ${{logging_namespace}} --create-namespace --wait --atomic --timeout 10m")},
            }));
        }
        return part;
    }
    part.step(json!({
        "name": "add_logging_charts", "description": "Make the charts known", "depends": [], "tool": "helm",
        "parameters": {"command": "repo add grafana https://grafana.github.io/helm-charts --force-update"},
    }));
    part.step(json!({
        "name": "install_logging", "description": "Install Loki", "tool": "helm", "timeout": "15m",
        "parameters": {"command": "upgrade --install logging grafana/loki-stack -n ${logging_namespace} --create-namespace --wait --atomic --timeout 10m"},
    }));
    part
}

/// Changes the number of replicas of a deployment.
pub(super) fn scale_deployment(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("scale");
    namespace(&mut part, asked);
    let app = asked.facts.named(&["scale", "deployment"]).or_else(|| services(asked).into_iter().next());
    part.needed("app", "The deployment to scale", app);
    match asked
        .facts
        .count(&["replicas", "copies", "instances", "pods"])
        .or_else(|| asked.facts.given(&["replicas"])?.as_u64())
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
    part.param("directory", "string", "Where the Dockerfile is", directory.unwrap_or_else(|| ".".to_owned()));
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
    let mut part = Part::new("python-ci");
    let directory =
        asked.facts.path_after(&["in", "at", "of", "from", "for"]).or_else(|| asked.facts.paths.first().cloned());
    part.param("project", "string", "The directory of the project", directory.unwrap_or_else(|| ".".to_owned()));
    part.step(json!({
        "name": "make_environment", "description": "Make an environment and install the project", "depends": [], "dir": "${project}",
        "command": "python3 -m venv .venv\n.venv/bin/pip install --quiet --upgrade pip pytest\nif [ -f requirements.txt ]; then .venv/bin/pip install --quiet -r requirements.txt; fi\nif [ -f pyproject.toml ] || [ -f setup.py ]; then .venv/bin/pip install --quiet -e .; fi",
        "timeout": "15m", "effects": "write",
    }));
    if asked.says(&["lint", "style", "format", "ruff", "flake8", "ci"]) {
        part.step(json!({
            "name": "lint", "description": "Look at the style", "dir": "${project}", "effects": "write",
            "command": ".venv/bin/pip install --quiet ruff\n.venv/bin/ruff check .",
        }));
    }
    part.step(json!({
        "name": "run_tests", "description": "Run the tests", "dir": "${project}", "effects": "write",
        "command": ".venv/bin/python -m pytest -q", "timeout": "30m",
    }));
    part
}

/// Dumps a database of Postgres, proves that the dump can be read, and removes old dumps.
pub(super) fn postgres_backup(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("postgres-backup");
    let database = asked.facts.given_text(&["database", "database_name", "db"]);
    let database = database
        .or_else(|| asked.facts.named(&["database", "db"]))
        .or_else(|| asked.facts.named_before(&["database", "db"]));
    part.needed("database", "The database to back up", database);
    let destination =
        asked.facts.path_after(&["to", "into", "in", "under"]).or_else(|| asked.facts.paths.first().cloned());
    part.needed(
        "destination",
        "The directory that dumps are kept in",
        destination.or_else(|| asked.facts.given_text(&["destination", "backup_location"])),
    );
    let keep = asked.facts.count(&["copies", "backups", "dumps", "versions"]);
    part.param("keep", "integer", "How many dumps to keep", keep.unwrap_or(7));
    part.step(json!({
        "name": "dump_database", "description": "Dump the database", "depends": [], "effects": "write",
        "command": "mkdir -p -- \"$destination\"\ndump=\"$destination/$database-$(date +%Y%m%d-%H%M%S).dump\"\npg_dump -Fc --dbname=\"$database\" --file=\"$dump\"\necho \"$dump\"",
        "output": "DUMP", "timeout": "2h", "rollback": {"command": "rm -f -- \"$DUMP\""},
    }));
    part.step(json!({
        "name": "verify_dump", "description": "Prove that the dump can be read", "effects": "read",
        "command": "pg_restore --list \"$DUMP\" > /dev/null && echo \"$DUMP can be restored\"",
    }));
    part.step(json!({
        "name": "prune_dumps", "description": "Remove the oldest dumps", "effects": "destructive",
        "command": "ls -1t -- \"$destination\"/\"$database\"-*.dump | tail -n +$((keep + 1)) | while IFS= read -r old; do rm -f -- \"$old\"; echo \"removed $old\"; done",
    }));
    part
}

/// Runs commands that the task spells out.
pub(super) fn commands(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("commands");
    let dir = asked.facts.path_after(&["in", "inside", "under"]);
    let together = asked.says(&["in parallel", "at the same time", "simultaneously", "concurrently"]);
    for (index, command) in asked.facts.commands.iter().enumerate() {
        let name = slug(command.split_whitespace().take(3).collect::<Vec<_>>().join(" ").as_str());
        let name = if name.is_empty() { format!("command_{}", index + 1) } else { format!("run_{name}") };
        let mut step = json!({"name": name, "description": format!("Run {command}"), "command": command});
        if index == 0 || together {
            step["depends"] = json!([]);
        }
        if let Some(dir) = &dir {
            step["dir"] = json!(dir);
        }
        if let Some(times) =
            asked.facts.times().filter(|_| asked.says(&["retry", "retries", "try", "tries", "attempts"]))
        {
            step["retry"] = json!({"max_attempts": times + 1, "delay": "2s"});
        }
        part.step(step);
    }
    part
}
