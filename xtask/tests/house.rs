//! The rules of the house that no compiler checks: which crate may know which, how long a file may
//! be, what may never be written into one, and under which licences our dependencies come.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]
#![expect(clippy::disallowed_methods, reason = "asks cargo and git what is there")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The walls: each of our crates, and which of our crates it may know (tests included).
const EDGES: &[(&str, &[&str])] = &[
    ("partita-core", &[]),
    ("partita-store", &["partita-core"]),
    ("partita-mcp", &["partita-core"]),
    ("partita-runner", &["partita-core", "partita-mcp"]),
    ("partita-provider", &["partita-core", "partita-mcp"]),
    ("partita-engine", &["partita-core", "partita-store", "partita-runner"]),
    (
        "partita-server",
        &["partita-core", "partita-store", "partita-mcp", "partita-runner", "partita-engine", "partita-provider"],
    ),
    (
        "partita-cli",
        &[
            "partita-core",
            "partita-store",
            "partita-mcp",
            "partita-runner",
            "partita-engine",
            "partita-provider",
            "partita-server",
        ],
    ),
    ("partita-bench", &[]),
    ("partita-fuzz", &["partita-core", "partita-provider"]),
    ("xtask", &[]),
];

/// What the pure core may not depend on, however indirectly.
const IMPURE: &[&str] = &["tokio", "rusqlite", "reqwest", "axum", "getrandom", "rand", "uuid"];

/// A hard limit; 400 is what we aim at.
const FILE_LINES_MAX: usize = 800;

/// Licences that a dependency may come under; a package needs one of them for each of its terms.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the workspace is above xtask").to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(name, knows)| (*name, knows.iter().copied().collect())).collect();
    let members: BTreeSet<&str> = list(&metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let packages = list(&metadata, "packages").iter().filter(|package| members.contains(text(package, "id")));
    let mut wrong = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some(knows) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the table of walls: add it there and to ARCHITECTURE.md"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let other = text(dependency, "name");
            if allowed.contains_key(other) && !knows.contains(other) && other != name {
                wrong.push(format!("{name} must not know {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let names: BTreeMap<&str, &str> =
        list(&metadata, "packages").iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let core = names.iter().find(|(_, name)| **name == "partita-core").map(|(id, _)| *id).expect("the core is there");
    let (mut seen, mut stack) = (BTreeSet::new(), vec![core]);
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in list(nodes[id], "deps") {
            let normal = list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null());
            if normal {
                stack.push(text(dependency, "pkg"));
            }
        }
    }
    let direct: Vec<&str> = list(nodes[core], "deps").iter().map(|dependency| names[text(dependency, "pkg")]).collect();
    let impure: Vec<&&str> = direct.iter().filter(|name| IMPURE.contains(name)).collect();
    assert!(impure.is_empty(), "the core must not do IO, tell the time or roll dice: {impure:?}");
    let runtimes: Vec<&str> =
        seen.iter().map(|id| names[id]).filter(|name| ["tokio", "rusqlite", "reqwest"].contains(name)).collect();
    assert!(runtimes.is_empty(), "something the core uses brings in {runtimes:?}");
}

/// Every file that git knows or would take, relative to the root.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).expect("names are UTF-8");
    listing.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let mut wrong = Vec::new();
    for path in files() {
        if !has_extension(&path, &["rs", "py", "ts", "tsx", "js", "mjs", "sh", "css"]) {
            continue;
        }
        let lines = std::fs::read_to_string(root().join(&path)).map_or(0, |text| text.lines().count());
        if lines > FILE_LINES_MAX {
            wrong.push(format!(
                "{} has {lines} lines, at most {FILE_LINES_MAX} are allowed: split it by noun",
                path.display()
            ));
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if ["utils", "util", "common", "helpers", "misc", "shared"].contains(&stem.as_str()) {
            wrong.push(format!("{}: a name that says nothing collects everything", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    // Put together here so that this file does not find itself.
    let words = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["#[ig", "nore"],
        ["to", "do!("],
        ["unimpl", "emented!("],
        ["allow(dead", "_code)"],
    ];
    let words: Vec<String> = words.iter().map(|parts| parts.concat()).collect();
    let mut wrong = Vec::new();
    for path in files() {
        if !has_extension(&path, &["rs", "py", "ts", "sh"]) {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{}: `{word}`", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dependencies_come_under_known_licences() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in list(&metadata, "packages") {
        if package["source"].is_null() {
            continue;
        }
        let licence = text(package, "license");
        let fine = licence
            .replace('/', " OR ")
            .replace(['(', ')'], "")
            .split(" AND ")
            .all(|term| term.split(" OR ").any(|choice| LICENCES.contains(&choice.trim())));
        if !fine {
            wrong.push(format!("{} {} comes under `{licence}`", text(package, "name"), text(package, "version")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A direct dependency without a line in `docs/dependencies.md` has no reason to be there.
#[test]
fn every_direct_dependency_has_its_reason_written_down() {
    let reasons = std::fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md is there");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("dependencies are declared once");
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim());
    let missing: Vec<&str> =
        names.filter(|name| !name.starts_with("partita-") && !reasons.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "no line in docs/dependencies.md for {missing:?}");
}
