//! What is done to databases and their data.

use serde_json::json;

use super::facts::Facts;
use super::host;
use super::intents::{Asked, DO_BACKUP, Intent, always};
use super::part::Part;

const MYSQL: &[&str] = &["mysql", "mariadb", "mysqldump"];
const DO_RESTORE: &[&str] = &["restore", "recover", "import", "load", "play back"];

pub(super) static INTENTS: [Intent; 10] = [
    Intent {
        title: "back up a SQLite database",
        words: &[DO_BACKUP, &["sqlite", "sqlite3"]],
        except: &[],
        fits: always,
        absorbs: &["keep", "copies", "verify"],
        lists: &[],
        build: sqlite_backup,
    },
    Intent {
        title: "prove that a dump can be restored (a drill)",
        words: &[&["drill", "test restore", "restore test", "rehearse", "restore rehearsal", "can be restored"]],
        except: &[],
        fits: always,
        absorbs: &["drop", "count"],
        lists: &["databases"],
        build: restore_drill,
    },
    Intent {
        title: "restore a MySQL database",
        words: &[DO_RESTORE, MYSQL],
        except: &[],
        fits: always,
        absorbs: &["verify"],
        lists: &[],
        build: mysql_restore,
    },
    Intent {
        title: "back up a MySQL database",
        words: &[DO_BACKUP, MYSQL],
        except: &["restore"],
        fits: always,
        absorbs: &["keep", "verify", "prune", "copies", "dumps"],
        lists: &["databases", "dbs", "database"],
        build: mysql_backup,
    },
    Intent {
        title: "restore a Postgres database",
        words: &[DO_RESTORE, &["database", "db", "postgres", "postgresql", "dump", "backup"]],
        except: &["if", "fails"],
        fits: |_, facts| !facts.paths.is_empty(),
        absorbs: &["verify"],
        lists: &[],
        build: postgres_restore,
    },
    Intent {
        title: "migrate a Postgres database with SQL files",
        words: &[&["migration", "migrations", "migrate"]],
        except: &[],
        fits: |clause, facts| {
            facts.commands.is_empty() && (!facts.paths.is_empty() || clause.has(&["database", "db", "schema"]))
        },
        absorbs: &[],
        lists: &[],
        build: migration,
    },
    Intent {
        title: "export a table as CSV",
        words: &[&["csv", "export", "_"], &["table", "tables", "query", "database", "rows"]],
        except: &["s3", "docker", "restore", "back up", "backup"],
        fits: |clause, facts| {
            let csv = clause.has(&["csv"]) || facts.paths.iter().any(|path| path.ends_with(".csv"));
            csv && facts.commands.is_empty()
        },
        absorbs: &[],
        lists: &["tables"],
        build: export,
    },
    Intent {
        title: "query a MySQL database",
        words: &[MYSQL],
        except: &[],
        fits: |_, facts| facts.quoted().is_some() || !facts.commands.is_empty(),
        absorbs: &[],
        lists: &[],
        build: mysql_query,
    },
    Intent {
        title: "clear Redis",
        words: &[&["redis"], &["clear", "flush", "empty", "wipe", "purge", "clean"]],
        except: &[],
        fits: always,
        absorbs: &[],
        lists: &["on"],
        build: redis_clear,
    },
    Intent {
        title: "read a key of Redis",
        words: &[&["redis"], &["get", "read", "show", "key", "fetch"]],
        except: &["logs", "journal"],
        fits: |_, facts| facts.named(&["key"]).is_some(),
        absorbs: &[],
        lists: &[],
        build: redis_get,
    },
];

/// The server of a database: a machine that the text names.
fn server(facts: &Facts) -> Option<String> {
    facts.given_text(&["host", "database_host"]).or_else(|| facts.machines().into_iter().next())
}

fn connection(part: &mut Part, facts: &Facts) {
    part.set("host", server(facts));
    part.set("user", facts.user());
    part.set("port", facts.given(&["port"]).and_then(serde_json::Value::as_u64));
}

fn destination(facts: &Facts) -> Option<String> {
    let said = facts.path_after(&["to", "into", "in", "under", "at"]);
    said.or_else(|| facts.given_text(&["destination", "backup_location"]))
}

fn sqlite_backup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("sqlite-backup", "sqlite-backup");
    let facts = &asked.facts;
    let destination = destination(facts).or_else(|| facts.paths.get(1).cloned());
    let source = facts.paths.iter().find(|path| Some(*path) != destination.as_ref()).cloned();
    part.set("database", source.or_else(|| facts.given_text(&["database"])));
    part.set("destination", destination);
    part.set("keep", host::copies(asked));
    if host::denies_pruning(asked) {
        part.without(&["prune_copies"]);
        part.without_params(&["keep"]);
    }
    part
}

fn mysql_backup(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("mysql-backup", "mysql-backup");
    let facts = &asked.facts;
    connection(&mut part, facts);
    part.set("database", facts.database());
    part.set("destination", destination(facts).or_else(|| facts.paths.first().cloned()));
    part.set("keep", host::copies(asked));
    if host::denies_pruning(asked) {
        part.without(&["prune_dumps"]);
        part.without_params(&["keep"]);
    }
    part
}

/// The dump that is restored, and the database it goes into.
fn restored(part: &mut Part, facts: &Facts) {
    connection(part, facts);
    part.set("file", facts.path_after(&["from", "dump", "of"]).or_else(|| facts.paths.first().cloned()));
    let into = facts.named(&["into the postgres database", "into the database", "into database", "into"]);
    part.set("database", into.or_else(|| facts.database()));
}

fn mysql_restore(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("mysql-restore", "mysql-restore");
    restored(&mut part, &asked.facts);
    part
}

fn postgres_restore(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("postgres-restore", "postgres-restore");
    restored(&mut part, &asked.facts);
    part
}

fn restore_drill(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("restore-drill", "restore-drill");
    let facts = &asked.facts;
    connection(&mut part, facts);
    part.set("directory", facts.paths.first().cloned().or_else(|| destination(facts)));
    part.set("database", facts.database());
    part
}

fn migration(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("database-migration", "database-migration");
    let facts = &asked.facts;
    connection(&mut part, facts);
    part.set("directory", facts.path_after(&["in", "from", "of"]).or_else(|| facts.paths.first().cloned()));
    part.set("database", facts.database());
    part
}

fn export(asked: &Asked<'_>) -> Part {
    let mut part = Part::of_template("data-export", "data-export");
    let facts = &asked.facts;
    connection(&mut part, facts);
    part.set("table", facts.named(&["table", "tables"]).or_else(|| facts.named_before(&["table"])));
    part.set("database", facts.database());
    part.set("file", facts.path_after(&["to", "into", "in", "as"]).or_else(|| facts.paths.first().cloned()));
    part
}

fn mysql_query(asked: &Asked<'_>) -> Part {
    let mut part = Part::new("mysql-query");
    let facts = &asked.facts;
    let sql = facts.commands.first().cloned().or_else(|| facts.quoted()).unwrap_or_default();
    let mut parameters = json!({"query": sql});
    for (name, description, value) in [
        ("database", "The database to ask", facts.database().filter(|name| !sql.contains(name.as_str()))),
        ("host", "The host of the database server", server(facts)),
        ("user", "The user to connect as", facts.user()),
    ] {
        if value.is_some() {
            part.needed(name, description, value);
            parameters[name] = json!(format!("${{{name}}}"));
        }
    }
    part.step(json!({
        "name": "query", "description": "Send the SQL", "depends": [], "tool": "mysql", "parameters": parameters, "output": "ROWS",
    }));
    part
}

fn redis(name: &str, description: &str, command: &str, facts: &Facts) -> Part {
    let mut part = Part::new("redis");
    part.param("redis_host", "string", "The host of Redis", server(facts).unwrap_or_else(|| "localhost".to_owned()));
    part.step(json!({
        "name": name, "description": description, "depends": [], "tool": "redis-cli",
        "parameters": {"host": "${redis_host}", "command": command}, "output": "REDIS",
    }));
    part
}

fn redis_clear(asked: &Asked<'_>) -> Part {
    let all = asked.says(&["all databases", "everything"]);
    redis("clear_redis", "Remove what it holds", if all { "FLUSHALL" } else { "FLUSHDB" }, &asked.facts)
}

fn redis_get(asked: &Asked<'_>) -> Part {
    let mut part = redis("read_key", "Read the key", "GET ${key}", &asked.facts);
    let words = asked.facts.text.split_whitespace().skip_while(|word| *word != "key").nth(1);
    part.needed("key", "The key to read", words.map(|word| word.trim_matches(['"', '\'', '`', ',']).to_owned()));
    part
}
