//! Sentences become runs with the host's real numbers.

use crate::bench::Bench;

/// The number of percent in a line, as `df` would say it too.
fn percent_in(text: &str, before: &str) -> Option<u32> {
    let rest = text.split(before).nth(1)?;
    rest.split('%').next()?.split_whitespace().next_back()?.parse().ok()
}

#[test]
fn a_report_is_written_and_a_warning_comes_above_the_threshold() {
    let bench = Bench::new();
    let said = bench.partita(&[
        "compose", "--act", "--yes",
        "Check disk space and memory on this host, write a report to report.txt, and warn if the disk is more than 0% full",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let runs = bench.file("data/runs");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap().path();
    let report = std::fs::read_to_string(run.join("report.txt")).unwrap();
    let used = percent_in(&report, "Disk /: ").unwrap();
    assert!((1..=100).contains(&used), "{report}");
    assert!(report.contains("Memory: "), "{report}");
    assert!(said.stdout.contains(&format!("WARNING: disk / is {used}% full (threshold 0%)")), "{}", said.stdout);
}

#[test]
fn below_the_threshold_nothing_warns() {
    let bench = Bench::new();
    let said =
        bench.partita(&["compose", "--act", "--yes", "check the disk and alert me when it is above 100 percent"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.stdout.contains("| WARNING"), "{}", said.stdout);
}

#[test]
fn a_denial_is_heard() {
    let bench = Bench::new();
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "Check disk space and memory on this host but don't write a file, and warn above 0%",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.stdout.contains("write_report") && said.stdout.contains("WARNING"), "{}", said.stdout);
}

#[test]
fn nothing_that_nobody_has_seen_runs_without_a_yes() {
    let bench = Bench::new();
    let said = bench.partita(&["compose", "--act", "run `touch done`"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.stderr.contains("--yes"), "{}", said.stderr);
    let listed = bench.partita(&["runs", "list", "--output", "json"]);
    assert!(!listed.stdout.contains("exec_"), "{listed:?}");
}

#[test]
fn words_that_mean_nothing_here_are_refused_with_help() {
    let bench = Bench::new();
    let said = bench.partita(&["compose", "make me a sandwich"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("did not understand") && said.stderr.contains("templates"), "{}", said.stderr);
}

#[test]
fn missing_values_are_asked_for_and_never_made_up() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl"]);
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "Deploy the web service to namespace shop and roll back if it fails",
    ]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("image_tag"), "{}", said.stderr);
    let said = bench.partita(&[
        "compose",
        "--act",
        "--yes",
        "-p",
        "image_tag=v2",
        "Deploy the web service to namespace shop and roll back if it fails",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(bench.calls().contains("kubectl set image deployment/web web=web:v2 -n shop"), "{}", bench.calls());
}

/// Files are changed, shown, packed and deleted for real.
#[test]
fn files_are_worked_on() {
    let bench = Bench::new();
    let place = bench.dir.path().join("place");
    std::fs::create_dir_all(place.join("site")).unwrap();
    std::fs::write(place.join("app.conf"), "a = 1\n").unwrap();
    std::fs::write(place.join("old.txt"), "old\n").unwrap();
    std::fs::write(place.join("site/index.html"), "hello\n").unwrap();
    let at = place.display();
    let packed = bench.partita(&["compose", "--act", "--yes", &format!("run `tar -czf {at}/site.tgz -C {at} site`")]);
    assert_eq!(packed.code, 0, "{packed:?}");
    for (sentence, told) in [
        (format!("does {at}/app.conf exist?"), "true"),
        (format!("show the contents of {at}/app.conf"), "a = 1"),
        (format!("create the directory {at}/new/deep"), "made "),
        (format!("append \"b = 2\" to {at}/app.conf"), "added 6 bytes"),
        (format!("show the last 1 lines of {at}/app.conf"), "| b = 2"),
        (format!("count the lines in {at}/app.conf"), "| 2"),
        (format!("set the permissions of {at}/app.conf to 600"), "change_mode: success"),
        (
            format!("compute the sha256 checksum of {at}/old.txt"),
            "01d09d19c2139a46aebfb577780d123d7396e97201bc7ead210a2ebff8239dee",
        ),
        (format!("unpack {at}/site.tgz into {at}/new"), "site/index.html"),
        (format!("how many files are in {at}/new"), "| 1"),
        (format!("list the 3 biggest files below {at}"), "site.tgz"),
        (format!("delete the file {at}/old.txt"), "is kept in"),
        (format!("delete the directory {at}/site"), "is kept in"),
    ] {
        let said = bench.partita(&["compose", "--act", "--yes", &sentence]);
        assert_eq!(said.code, 0, "{sentence}: {said:?}");
        assert!(said.stdout.contains(told), "{sentence}: {}", said.stdout);
    }
    assert_eq!(std::fs::read_to_string(place.join("app.conf")).unwrap(), "a = 1\nb = 2\n");
    assert_eq!(std::fs::read_to_string(place.join("new/site/index.html")).unwrap(), "hello\n");
    assert!(!place.join("old.txt").exists() && !place.join("site").exists());
    let said = bench.partita(&["compose", "--act", "--yes", &format!("does {at}/old.txt exist?")]);
    assert_eq!(said.code, 1, "{said:?}");
    let said = bench.partita(&["compose", "--act", "--yes", "delete the directory /etc"]);
    assert!(said.code == 1 && said.stdout.contains("too near the root"), "{said:?}");
}

/// What was done to files is taken back when something after it fails.
#[test]
fn files_are_as_they_were_after_a_failure() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let place = bench.dir.path().join("place");
    std::fs::create_dir_all(place.join("site/deep")).unwrap();
    std::fs::write(place.join("site/deep/index.html"), "hello\n").unwrap();
    for name in ["app.conf", "a.txt", "b.txt"] {
        std::fs::write(place.join(name), name).unwrap();
    }
    std::fs::set_permissions(place.join("b.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let at = place.display();
    let sentence = format!(
        "create the directory {at}/new, append \"more\" to {at}/app.conf, append \"more\" to {at}/c.txt, \
         set the permissions of {at}/b.txt to 600, delete the file {at}/a.txt, delete the directory {at}/site, \
         then run `false`; roll back if it fails"
    );
    let said = bench.partita(&["compose", "--act", "--yes", &sentence]);
    assert_eq!(said.code, 7, "{said:?}");
    for name in ["app.conf", "a.txt", "b.txt"] {
        assert_eq!(std::fs::read_to_string(place.join(name)).unwrap(), name, "{}", said.stdout);
    }
    assert_eq!(std::fs::read_to_string(place.join("site/deep/index.html")).unwrap(), "hello\n");
    assert_eq!(std::fs::metadata(place.join("b.txt")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(!place.join("new").exists() && !place.join("c.txt").exists(), "{}", said.stdout);
}

/// What runs already is looked at and changed by the programs that know it.
#[test]
fn clusters_containers_and_packages_are_worked_on() {
    let mut bench = Bench::new();
    bench.recording(&["kubectl", "helm", "docker", "apt-get", "ansible-playbook", "useradd", "systemctl"]);
    for (sentence, called) in [
        ("show the logs of pod api-7 in namespace shop", "kubectl logs pod/api-7 -n shop --tail=100"),
        ("describe the deployment web in namespace shop", "kubectl describe deployment web -n shop"),
        ("which image does the deployment web run in prod", "kubectl get deployment web -n production"),
        (
            "watch the rollout of the deployment cart in namespace store",
            "kubectl rollout status deployment/cart -n store",
        ),
        ("list all helm releases", "helm list --all-namespaces"),
        ("downgrade the release payments with helm to revision 3", "helm rollback payments 3 -n default --wait"),
        ("restart the container web", "docker restart web"),
        ("show the last 20 lines of the logs of the container web", "docker logs --tail 20 web"),
        ("docker compose up in /tmp", "docker compose up --detach"),
        ("install the package tree", "apt-get install --yes tree"),
        ("uninstall the package tree", "apt-get remove --yes tree"),
        (
            "run the ansible playbook site.yml with inventory hosts.ini",
            "ansible-playbook --inventory=hosts.ini -- site.yml",
        ),
        ("create user ana with the group ops", "useradd --create-home -G ops -- ana"),
        ("enable and start the services nginx and php-fpm", "systemctl --no-pager --no-ask-password start php-fpm"),
    ] {
        let said = bench.partita(&["compose", "--act", "--yes", sentence]);
        assert_eq!(said.code, 0, "{sentence}: {said:?}");
        assert!(bench.calls().contains(called), "{sentence}: {}", bench.calls());
    }
}
