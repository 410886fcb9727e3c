//! What the documentation shows works.

use crate::bench::{Bench, KEY};

fn blocks(name: &str, language: &str) -> Vec<String> {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_workflow_in_the_documentation_is_valid() {
    let bench = Bench::new();
    let workflows = blocks("workflows.md", "yaml");
    assert!(workflows.len() >= 2);
    for workflow in workflows {
        std::fs::write(bench.file("w.yaml"), &workflow).unwrap();
        let said = bench.partita(&["validate", "w.yaml"]);
        assert_eq!(said.code, 0, "{workflow}\n{said:?}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the examples are for a shell")]
fn every_request_in_the_documentation_is_answered() {
    let bench = Bench::new();
    let server = bench.serve();
    let examples = blocks("api.md", "sh");
    assert!(examples.len() >= 4);
    for example in examples {
        let shell = std::process::Command::new("sh")
            .args(["-euc", &example])
            .env("BASE", &server.url)
            .env("KEY", KEY)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&shell.stdout);
        assert!(shell.status.success(), "{example}\n{said}{}", String::from_utf8_lossy(&shell.stderr));
    }
}
