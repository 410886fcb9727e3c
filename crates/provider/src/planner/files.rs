//! What is done to files and directories. What changes one keeps what was there, and can be taken back.

use serde_json::json;

use super::facts::Facts;
use super::intents::{Asked, Intent};
use super::part::Part;
use super::sentence::Clause;

const DIRECTORY: &[&str] = &["directory", "directories", "folder", "folders"];
const FILE: &[&str] = &["file", "files", "directory", "directories", "folder", "folders", "_"];
const SHOW: &[&str] =
    &["show", "print", "read", "display", "cat", "view", "output", "list", "what is in", "what's in", "tail", "ls"];

pub(super) static INTENTS: [Intent; 10] = [
    Intent {
        title: "make a directory",
        words: &[&["create", "make", "add", "mkdir"], DIRECTORY],
        except: &["backup", "back up", "copy", "report", "write", "archive", "size", "sure"],
        fits: has_path,
        absorbs: &[],
        lists: &["directories", "folders", "directory", "folder"],
        build: make_directory,
    },
    Intent {
        title: "delete a file or a directory",
        words: &[&["delete", "remove", "rm"], FILE],
        except: &[
            "older",
            "old",
            "log",
            "logs",
            "days",
            "weeks",
            "temp",
            "temporary",
            "space",
            "unused",
            "than",
            "in",
            "under",
            "below",
            "from",
            "user",
            "package",
            "container",
            "docker",
            "namespace",
            "deployment",
            "backups",
            "copies",
            "archives",
            "dumps",
            "except",
            "all",
            "oldest",
            "after",
            "before",
        ],
        fits: |clause, facts| {
            facts.paths.len() == 1 && has_path(clause, facts)
                || facts.paths.len() > 1 && clause.has(&["files", "directories", "folders", "file", "and"])
        },
        absorbs: &[],
        lists: &["delete", "remove", "rm", "files", "file", "directories", "directory", "folders", "folder"],
        build: delete,
    },
    Intent {
        title: "look whether a file is there",
        words: &[&["exist", "exists", "is there", "there is", "present", "is missing"]],
        except: &["space", "dns", "record", "anything", "something", "larger", "bigger", "which"],
        fits: has_path,
        absorbs: &[],
        lists: &["files", "file", "that", "whether", "if", "do", "check"],
        build: exists,
    },
    Intent {
        title: "add a line to a file",
        words: &[&["append", "add"]],
        except: &["step", "steps", "record"],
        fits: |clause, facts| has_path(clause, facts) && facts.quoted().is_some(),
        absorbs: &[],
        lists: &[],
        build: append,
    },
    Intent {
        title: "change the permissions or the owner of a file",
        words: &[
            &["permissions", "permission", "mode", "chmod", "owner", "ownership", "chown", "executable"],
            &["set", "change", "make", "give", "chmod", "chown", "fix", "hand"],
        ],
        except: &["database", "table"],
        fits: has_path,
        absorbs: &["recursively"],
        lists: &[],
        build: permissions,
    },
    Intent {
        title: "unpack an archive",
        words: &[&["unpack", "extract", "untar", "unzip", "decompress", "uncompress"]],
        except: &["database", "json", "jq"],
        fits: has_path,
        absorbs: &["archive", "tar"],
        lists: &[],
        build: unpack,
    },
    Intent {
        title: "compute the checksum of a file",
        words: &[&["checksum", "checksums", "sha256", "sha256sum", "sha512", "sha1", "md5", "hash", "digest"]],
        except: &["secret", "password"],
        fits: has_path,
        absorbs: &["compare", "matches"],
        lists: &["of", "files"],
        build: checksum,
    },
    Intent {
        title: "compare two files",
        words: &[&["compare", "diff", "differ", "difference", "differences", "differs", "same as", "identical"]],
        except: &["database"],
        fits: |_, facts| facts.paths.len() == 2 && facts.commands.is_empty(),
        absorbs: &[],
        lists: &[],
        build: compare,
    },
    Intent {
        title: "count the lines of a file, or the files of a directory",
        words: &[&["count", "how many"], &["lines", "entries", "files"]],
        except: &["error", "errors", "rows"],
        fits: has_path,
        absorbs: &[],
        lists: &[],
        build: count_lines,
    },
    Intent {
        title: "show what is in a file or a directory",
        words: &[SHOW],
        except: &[
            "disk",
            "disks",
            "memory",
            "load",
            "errors",
            "error",
            "journal",
            "pods",
            "terraform",
            "largest",
            "biggest",
            "sync",
            "check",
            "health",
            "certificate",
        ],
        fits: |clause, facts| {
            facts.paths.len() == 1
                && has_path(clause, facts)
                && facts
                    .path_after(&[
                        "of", "in", "from", "file", "show", "cat", "read", "print", "display", "view", "output",
                        "tail", "log", "contents", "ls", "list", "content",
                    ])
                    .is_some()
        },
        absorbs: &["lines"],
        lists: &[],
        build: show,
    },
];

fn has_path(_: &Clause, facts: &Facts) -> bool {
    !facts.paths.is_empty() && facts.commands.is_empty() && facts.urls.is_empty()
}

/// What stands before what a step does to `$path`: a name for what is kept of it in the run's own directory.
const KEPT: &str = "kept=\"kept-$(printf '%s' \"$path\" | cksum | cut -d' ' -f1)\"\n";

fn about(name: &str, asked: &Asked<'_>) -> Part {
    let mut part = Part::new(name);
    part.needed("path", "Which file or directory", asked.facts.paths.first().cloned());
    part
}

fn make_directory(asked: &Asked<'_>) -> Part {
    let mut part = about("make-directory", asked);
    part.step(json!({
        "name": "look_before", "description": "See whether it is there already", "depends": [], "effects": "read",
        "command": "if [ -d \"$path\" ]; then echo true; else echo false; fi", "output": "WAS_THERE",
    }));
    part.step(json!({
        "name": "make_directory", "description": "Make the directory", "tool": "file",
        "parameters": {"operation": "make_directory", "path": "${path}"},
        "rollback": {"command": "[ \"$WAS_THERE\" = true ] || rmdir -- \"$path\""},
    }));
    if asked.says(&["mode", "permissions"])
        && let Some(mode) = mode(&asked.facts)
    {
        part.needed("mode", "Its permissions: 750, u+x", Some(mode));
        part.step(json!({
            "name": "set_mode", "description": "Set its permissions", "effects": "write",
            "command": "chmod -- \"$mode\" \"$path\"",
        }));
    }
    part
}

/// Permissions as `chmod` takes them.
fn mode(facts: &Facts) -> Option<String> {
    let found = super::facts::compiled(r"(?i)(?:^|[\s`])(0?[0-7]{3,4}|[ugoa]*[+=-][rwxX]+)(?:$|[\s.,;`])".to_owned())?;
    Some(found.captures(&facts.text)?.get(1)?.as_str().to_owned())
}

fn delete(asked: &Asked<'_>) -> Part {
    let mut part = about("delete", asked);
    let recursive = if asked.says(DIRECTORY) { " -r" } else { "" };
    part.step(json!({
        "name": "keep_it", "description": "Keep what is to be deleted in the run's own directory", "depends": [], "effects": "write",
        "command": format!(
            "set -e\nplace=$(cd -- \"$(dirname -- \"$path\")\" && pwd -P)\n\
             if [ \"$place\" = / ]; then echo \"$path is too near the root to be deleted by a workflow\" >&2; exit 1; fi\n\
             {KEPT}tar -cf \"$kept.tar\" -C \"$place\" -- \"$(basename -- \"$path\")\"\n\
             echo \"$path is kept in $PWD/$kept.tar\""
        ),
    }));
    part.step(json!({
        "name": "delete_it", "description": "Delete it", "effects": "destructive",
        "command": format!("rm{recursive} -- \"$path\""),
        "rollback": {"command": format!("{KEPT}tar -xf \"$kept.tar\" -C \"$(dirname -- \"$path\")\"")},
    }));
    part
}

fn exists(asked: &Asked<'_>) -> Part {
    let mut part = about("file-check", asked);
    part.step(json!({
        "name": "look_for_it", "description": "Fail when it is not there", "depends": [], "tool": "file",
        "parameters": {"operation": "exists", "path": "${path}"},
    }));
    part
}

fn append(asked: &Asked<'_>) -> Part {
    let mut part = about("append-to-file", asked);
    let line = asked.facts.quoted();
    part.needed("line", "What to add", line);
    part.step(json!({
        "name": "keep_former", "description": "Keep the file as it is", "depends": [], "effects": "write",
        "command": format!("{KEPT}if [ -e \"$path\" ]; then cp -p -- \"$path\" \"$kept\"; fi"),
    }));
    part.step(json!({
        "name": "add_line", "description": "Add it at the end", "tool": "file",
        "parameters": {"operation": "append", "path": "${path}", "content": "${line}\n"},
        "rollback": {"command": format!("{KEPT}if [ -e \"$kept\" ]; then cp -p -- \"$kept\" \"$path\"; else rm -f -- \"$path\"; fi")},
    }));
    part
}

fn permissions(asked: &Asked<'_>) -> Part {
    let facts = &asked.facts;
    let recursive = asked.says(&["recursively", "recursive", "everything in it", "everything below"]);
    let flag = if recursive { " -R" } else { "" };
    let owner = asked.says(&["owner", "ownership", "chown"]);
    let (program, name, description, value, format) = if owner {
        let named = facts.named(&["to", "owner", "chown"]);
        ("chown", "owner", "The new owner: user, or user:group", named, "%U:%G")
    } else {
        let mode = mode(facts);
        let mode = mode.or_else(|| asked.says(&["executable"]).then(|| "a+x".to_owned()));
        ("chmod", "mode", "The new permissions: 750, u+x", mode, "%a")
    };
    let mut part = about("change-permissions", asked);
    part.needed(name, description, value);
    part.step(json!({
        "name": format!("former_{name}"), "description": "Remember what it is now", "depends": [], "effects": "read",
        "command": format!("stat -c '{format}' -- \"$path\""), "output": "FORMER",
    }));
    let mut step = json!({
        "name": format!("change_{name}"), "description": "Change it", "effects": "write",
        "command": format!("{program}{flag} -- \"${name}\" \"$path\""),
    });
    if recursive {
        part.suggest("What is below the directory may have had different permissions, so this can't be taken back.");
    } else {
        step["rollback"] = json!({"command": format!("{program} -- \"$FORMER\" \"$path\"")});
    }
    part.step(step);
    part
}

fn unpack(asked: &Asked<'_>) -> Part {
    let facts = &asked.facts;
    let target = facts.path_after(&["to", "into", "in", "under"]);
    let archive = facts.paths.iter().find(|path| Some(*path) != target.as_ref()).cloned();
    let is_zip = archive.as_ref().is_some_and(|path| path.ends_with(".zip"));
    let mut part = Part::new("unpack");
    part.needed("archive", "The archive", archive);
    part.needed("target", "The directory that its files go to", target);
    part.step(json!({
        "name": "make_target", "description": "Make the directory", "depends": [], "tool": "file",
        "parameters": {"operation": "make_directory", "path": "${target}"},
    }));
    part.step(if is_zip {
        json!({
            "name": "unpack", "description": "Unpack the archive", "effects": "write",
            "command": "unzip -o -- \"$archive\" -d \"$target\"",
        })
    } else {
        json!({
            "name": "unpack", "description": "Unpack the archive", "tool": "tar",
            "parameters": {"command": "-xvf ${archive} -C ${target}"},
        })
    });
    part
}

fn checksum(asked: &Asked<'_>) -> Part {
    let mut part = about("checksum", asked);
    let kind = ["sha512", "sha1", "md5"].into_iter().find(|kind| asked.facts.text.to_lowercase().contains(kind));
    let program = format!("{}sum", kind.unwrap_or("sha256"));
    part.step(json!({
        "name": "compute_checksum", "description": "Compute the checksum", "depends": [], "effects": "read",
        "command": format!("{program} -- \"$path\" | cut -d' ' -f1"), "output": "CHECKSUM",
    }));
    let mut words = asked.facts.text.split(|it: char| !it.is_ascii_alphanumeric());
    let expected = words.find(|word| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if let Some(expected) = expected {
        part.needed("expected", "What the checksum must be", Some(expected.to_lowercase()));
        part.step(json!({
            "name": "check_checksum", "description": "Fail when it is another one", "effects": "read",
            "command": "echo \"is $CHECKSUM, must be $expected\"\n[ \"$CHECKSUM\" = \"$expected\" ]",
        }));
    }
    part
}

fn compare(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("compare-files");
    part.needed("one", "One file", asked.facts.paths.first().cloned());
    part.needed("other", "The other file", asked.facts.paths.get(1).cloned());
    part.suggest("The step fails when the files differ, and its output says where.");
    part.step(json!({
        "name": "compare", "description": "Show the differences", "depends": [], "effects": "read",
        "command": "diff -ru -- \"$one\" \"$other\"",
    }));
    part
}

fn count_lines(asked: &Asked<'_>) -> Part {
    let mut part = about("count-lines", asked);
    if asked.says(&["files"]) {
        part.step(json!({
            "name": "count_files", "description": "Count the files below it", "depends": [], "effects": "read",
            "command": "find \"$path\" -type f | wc -l", "output": "FILES",
        }));
        return part;
    }
    part.step(json!({
        "name": "count_lines", "description": "Count its lines", "depends": [], "effects": "read",
        "command": "wc -l < \"$path\"", "output": "LINES",
    }));
    part
}

fn show(asked: &Asked<'_>) -> Part {
    let mut part = about("show-file", asked);
    let lines = asked.facts.count(&["lines", "entries"]);
    let is_listing = asked.says(&["files in", "files of", "ls", "list"]) || asked.says(DIRECTORY);
    let (command, description) = match lines {
        Some(lines) => {
            let program = if asked.says(&["first"]) { "head" } else { "tail" };
            part.param("lines", "integer", "How many lines", lines);
            (format!("{program} -n \"$lines\" -- \"$path\""), "Show its lines")
        }
        None if is_listing => ("ls -la -- \"$path\"".to_owned(), "List what is in it"),
        None => {
            part.step(json!({
                "name": "show_file", "description": "Show what is in it", "depends": [], "tool": "file",
                "parameters": {"operation": "read", "path": "${path}"},
            }));
            return part;
        }
    };
    part.step(json!({
        "name": "show_file", "description": description, "depends": [], "effects": "read", "command": command,
    }));
    part
}
