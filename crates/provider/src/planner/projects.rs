//! What is done to source code: testing and building projects, repositories, releases.

use serde_json::json;

use super::facts::Facts;
use super::intents::{Asked, Intent};
use super::part::Part;
use super::sentence::Clause;

const DO_CI: &[&str] = &["test", "tests", "lint", "ci", "check", "build", "clippy", "pipeline", "format", "run"];

pub(super) static INTENTS: [Intent; 5] = [
    Intent {
        title: "test a Rust project",
        words: &[DO_CI, &["rust", "cargo", "crate", "clippy"]],
        except: &["docker", "image"],
        fits: no_commands,
        absorbs: &["lint", "style", "tests", "test", "clippy", "format", "fmt"],
        lists: &[],
        build: rust_ci,
    },
    Intent {
        title: "test a Node.js project",
        words: &[DO_CI, &["node", "nodejs", "node.js", "npm", "javascript", "typescript", "frontend"]],
        except: &["docker", "image"],
        fits: no_commands,
        absorbs: &["lint", "style", "tests", "test", "build", "install"],
        lists: &[],
        build: node_ci,
    },
    Intent {
        title: "tag a release in Git",
        words: &[&["tag"], &["repo", "repository", "git", "release", "head", "commit", "tag"]],
        except: &["image", "docker", "deploy"],
        fits: |_, facts| !facts.versions.is_empty() || facts.named(&["as", "tag"]).is_some(),
        absorbs: &["push"],
        lists: &[],
        build: tag_release,
    },
    Intent {
        title: "pull a Git repository",
        words: &[
            &["pull", "git pull", "update"],
            &["git", "latest", "main", "master", "repo", "repository", "branch", "code"],
        ],
        except: &["image", "docker", "packages"],
        fits: no_commands,
        absorbs: &[],
        lists: &["repositories"],
        build: pull,
    },
    Intent {
        title: "make a target of a Makefile",
        words: &[&["run", "call", "execute", "do"], &["make"]],
        except: &[],
        fits: |_, facts| facts.commands.is_empty() && facts.named(&["make"]).is_some(),
        absorbs: &[],
        lists: &[],
        build: make,
    },
];

fn no_commands(_: &Clause, facts: &Facts) -> bool {
    facts.commands.is_empty()
}

/// Where the project is.
fn place(facts: &Facts) -> Option<String> {
    let said = facts.path_after(&["in", "at", "of", "from", "for", "repo", "project", "app", "crate"]);
    said.or_else(|| facts.paths.first().cloned()).or_else(|| facts.given_text(&["project", "directory", "path"]))
}

fn rust_ci(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("rust-ci", "rust-ci");
    part.set("project", place(&asked.facts));
    let everything = asked.says(&["ci", "pipeline", "check"]);
    let builds_only = asked.says(&["build"]) && !asked.says(&["test", "tests", "clippy", "ci", "lint"]);
    if builds_only {
        let release = if asked.facts.text.to_lowercase().contains("release") { " --release" } else { "" };
        part.without(&["check_format", "lint", "run_tests"]);
        part.without_params(&["format", "lint"]);
        part.step(json!({
            "name": "build", "description": "Build it", "depends": [], "dir": "${project}", "tool": "cargo",
            "parameters": {"command": format!("build{release}")}, "timeout": "1h",
        }));
        return part;
    }
    if !(everything || asked.says(&["format", "fmt"])) || asked.denies(&["format", "fmt"]) {
        part.without(&["check_format"]);
        part.without_params(&["format"]);
    }
    if !(everything || asked.says(&["clippy", "lint", "linting"])) || asked.denies(&["clippy", "lint", "linting"]) {
        part.without(&["lint"]);
        part.without_params(&["lint"]);
    }
    part.begin();
    part
}

fn node_ci(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("node-ci", "node-ci");
    part.set("project", place(&asked.facts));
    let everything = asked.says(&["ci", "pipeline"]);
    for (step, words) in [("lint", ["lint", "style", "linting"]), ("build", ["build", "bundle", "compile"])] {
        if !(everything || asked.says(&words)) || asked.denies(&words) {
            part.without(&[step]);
            part.without_params(&[step]);
        }
    }
    if asked.denies(&["test", "tests", "testing"]) {
        part.without(&["run_tests"]);
    }
    part
}

fn tag_release(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("git-release", "git-release");
    let facts = &asked.facts;
    part.set("directory", place(facts));
    part.set("version", facts.versions.first().cloned().or_else(|| facts.named(&["as", "tag"])));
    if asked.denies(&["push", "pushing"]) {
        part.without(&["push_tag"]);
        part.without_params(&["remote"]);
    }
    part
}

fn pull(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("git-pull");
    part.needed("directory", "The repository", place(&asked.facts));
    let branch = asked
        .facts
        .named(&["branch", "latest"])
        .filter(|name| !["code", "changes", "version"].contains(&name.as_str()));
    let mut command = "pull --ff-only".to_owned();
    if branch.is_some() {
        part.needed("branch", "The branch to pull", branch);
        command.push_str(" origin ${branch}");
    }
    part.step(json!({
        "name": "pull", "description": "Take over what is new", "depends": [], "tool": "git",
        "parameters": {"directory": "${directory}", "command": command}, "retry": {"max_attempts": 3, "delay": "5s"},
    }));
    part
}

fn make(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("commands");
    let target = asked.facts.named(&["make"]).unwrap_or_default();
    let safe = target.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.'));
    let target = if safe { target } else { "all".to_owned() };
    let mut step = json!({
        "name": format!("make_{}", super::part::slug(&target)), "description": format!("Make {target}"), "depends": [],
        "tool": "make", "parameters": {"target": target},
    });
    if let Some(dir) = asked.facts.path_after(&["in", "inside", "under"]) {
        step["dir"] = json!(dir);
    }
    part.step(step);
    part
}
