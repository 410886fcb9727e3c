//! What is done to source code: testing and building projects, repositories, releases.

use serde_json::json;

use super::facts::Facts;
use super::intents::{Asked, Intent};
use super::part::Part;
use super::sentence::Clause;

const DO_CI: &[&str] =
    &["test", "tests", "lint", "linter", "ci", "check", "build", "clippy", "pipeline", "format", "run", "eslint"];

pub(super) static INTENTS: [Intent; 6] = [
    Intent {
        title: "test a Rust project",
        words: &[DO_CI, &["rust", "cargo", "crate", "clippy"]],
        except: &["docker", "image"],
        fits: no_commands,
        absorbs: &["lint", "linter", "style", "tests", "test", "clippy", "format", "fmt"],
        lists: &[],
        build: rust_ci,
    },
    Intent {
        title: "test a Node.js project",
        words: &[
            DO_CI,
            &["node", "nodejs", "node.js", "npm", "javascript", "typescript", "frontend", "jest", "eslint"],
        ],
        except: &["docker", "image"],
        fits: no_commands,
        absorbs: &["lint", "linter", "eslint", "style", "tests", "test", "build", "install"],
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
        title: "commit or push what was changed in a Git repository",
        words: &[&["commit", "push"], &["changes", "repo", "repository", "branch", "commits", "commit", "git"]],
        except: &["image", "docker", "tag", "build"],
        fits: no_commands,
        absorbs: &["message", "push"],
        lists: &[],
        build: commit,
    },
    Intent {
        title: "make a target of a Makefile",
        words: &[&["make"]],
        except: &["make sure", "backup", "back up", "copy", "dump", "directory", "folder", "user", "namespace"],
        fits: |clause, facts| {
            let runs = clause.has(&["run", "call", "execute", "do"]);
            let begins = clause.lower.trim_start().starts_with("make ")
                && facts.path_after(&["in", "inside", "under"]).is_some();
            facts.commands.is_empty() && (runs || begins) && facts.named(&["make"]).is_some()
        },
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
    if !(everything || asked.says(&["clippy", "lint", "linter", "linting"]))
        || asked.denies(&["clippy", "lint", "linting"])
    {
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
    let lint: &[&str] = &["lint", "style", "linting", "linter", "eslint", "prettier"];
    let build: &[&str] = &["build", "bundle", "compile"];
    for (step, words) in [("lint", lint), ("build", build)] {
        if !(everything || asked.says(words)) || asked.denies(words) {
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

/// Commits what was changed, pushes what was committed, or both.
fn commit(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("git-commit");
    let facts = &asked.facts;
    part.needed("directory", "The repository", place(facts));
    let mut step = |name: &str, description: &str, command: &str, undo: Option<&str>| {
        let mut step = json!({
            "name": name, "description": description, "tool": "git",
            "parameters": {"directory": "${directory}", "command": command},
        });
        if let Some(undo) = undo {
            step["rollback"] = json!({"tool": "git", "parameters": {"directory": "${directory}", "command": undo}});
        }
        part.step(step);
    };
    let commits = asked.says(&["commit"]);
    if commits {
        step("stage", "Take in all changes", "add --all", None);
        step("commit", "Commit them", "commit --message=${message}", Some("reset --soft HEAD~1"));
    }
    if asked.says(&["push"]) && !asked.denies(&["push", "pushing"]) {
        step("push", "Push what was committed", "push origin ${branch}", None);
        let branch = facts.named(&["branch", "origin"]).unwrap_or_else(|| "HEAD".to_owned());
        part.param("branch", "string", "The branch to push; HEAD for the current one", branch);
    }
    if commits {
        part.needed("message", "What the commit says", facts.quoted());
    }
    part.begin();
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
