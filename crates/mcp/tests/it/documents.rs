//! The documentation says what is so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use partita_mcp::ServerSettings;
use regex::Regex;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.file_name().is_some_and(|name| name != "tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_code_of_a_validator_is_documented_and_the_other_way_round() {
    let code = Regex::new(r#"["`]((?:k8s|helm|prom|validator)_[a-z_]+)["`]"#).unwrap();
    let mut files = Vec::new();
    sources(&root().join("crates/mcp/src/validators"), &mut files);
    files.push(root().join("crates/mcp/src/validation.rs"));
    let codes = |text: &str| code.captures_iter(text).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>();
    let used: BTreeSet<String> = files.iter().flat_map(|file| codes(&std::fs::read_to_string(file).unwrap())).collect();
    let told = codes(&std::fs::read_to_string(root().join("docs/diagnostics.md")).unwrap());
    assert!(used.len() > 80, "{}", used.len());
    assert_eq!(used, told);
}

#[test]
fn the_configuration_that_is_shown_is_one() {
    let text = std::fs::read_to_string(root().join("docs/mcp.md")).unwrap();
    let shown = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let read: BTreeMap<String, BTreeMap<String, ServerSettings>> = serde_saphyr::from_str(shown).unwrap();
    let variable = |name: &str| (name == "TRACKER_TOKEN").then(|| "t".to_owned());
    let servers: Vec<_> =
        read["mcp_servers"].iter().map(|(name, settings)| settings.clone().resolve(name, &variable).unwrap()).collect();
    assert_eq!(servers.len(), 2);
}
