//! Which tools a model is shown that can only be told a little: those that the task is about.

use crate::adk::context;
use crate::call::Surroundings;
use crate::provider::DraftRequest;

#[test]
fn the_tools_that_a_task_needs_are_shown_also_to_a_small_model() {
    let around = Surroundings::default();
    let mut missing = Vec::new();
    for (task, needed) in [
        ("Delete the job nightly in namespace batch", "kubectl"),
        ("Show the memory use and the uptime of this host", "shell"),
        ("Show the pods in namespace shop", "kubectl"),
        ("Check that https://example.com answers and then show the disk usage", "http df"),
        ("Clone https://github.com/acme/app.git and run the tests with make test", "git make"),
        ("Roll back the deployment web in namespace prod", "kubectl"),
        ("Build the docker image registry.example.com/web:v9 from ./web and push it", "docker"),
        ("Compress /var/log/app into backup.tar.gz", "tar"),
        ("Wait 30 seconds and then restart the service redis", "wait systemctl"),
        ("Install the helm chart bitnami/redis as cache in namespace data", "helm"),
        ("List the files in /srv/data that are older than 30 days", "find"),
        ("Copy /etc/nginx to web1:/backup/nginx with rsync", "rsync"),
        ("Post the message \"deploy done\" to the Slack channel #ops", "slack"),
        ("Run terraform plan in /srv/infra", "terraform"),
        ("Take a dump of the Postgres database shop on host db1", "pg_dump"),
        ("Show the last 100 lines of the journal of nginx", "journalctl"),
        ("Ping 10.0.0.5, and if it answers, copy report.pdf to it by scp", "ping scp"),
        ("Look up the MX records of example.com", "dig"),
        ("Make a git tag v1.2.0 and push it", "git"),
        ("Restart the deployment api in namespace shop and wait until it is rolled out", "kubectl"),
        ("Is there enough space left on the disk?", "df"),
        ("Remove temporary files older than a week", "find"),
        ("Send an email to ops@example.com that says hello", "email"),
    ] {
        let request = DraftRequest { task: task.to_owned(), ..DraftRequest::default() };
        let loaded = context::of_draft(&request, &around, 2048, false);
        let shown: Vec<&str> = loaded.tools.iter().map(|tool| tool.name.as_str()).collect();
        println!("{task}: {}", shown.join(" "));
        if !needed.split(' ').all(|name| shown.contains(&name)) {
            missing.push(format!("{task}: {needed} of {shown:?}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
