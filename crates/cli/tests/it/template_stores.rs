//! Templates about databases run: they succeed, fail and are taken back.

use serde_json::{Value, json};

use crate::bench::Bench;

/// Database programs; a dump with `broken` in its name can't be restored, and one of `cut` is cut short.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.stand_in("pg_dump", "for word; do case \"$word\" in --file=*) echo dump > \"${word#--file=}\" ;; esac; done");
    bench.stand_in(
        "pg_restore",
        "case \"$*\" in *--list*unreadable*) exit 1 ;; *--list*) echo 'TABLE DATA public users' ;; *broken*) echo 'pg_restore: error: could not execute query' >&2; exit 1 ;; esac",
    );
    bench.stand_in(
        "psql",
        "case \"$*\" in *--file=*bad*) echo 'ERROR: syntax error' >&2; exit 3 ;; *'from gone'*) echo 'ERROR: relation does not exist' >&2; exit 1 ;; *copy*) printf 'id,name\\n1,anna\\n' ;; *empty*) echo 0 ;; *) echo 3 ;; esac",
    );
    bench.stand_in("createdb", "true");
    bench.stand_in("dropdb", "true");
    bench.stand_in(
        "mysqldump",
        "for word; do case \"$word\" in --result-file=*) file=${word#--result-file=} ;; esac; done; echo 'CREATE TABLE users (id int);' > \"$file\"; case \"$*\" in *cut*) ;; *) echo '-- Dump completed on 2026-11-25' >> \"$file\" ;; esac",
    );
    bench.stand_in(
        "mysql",
        "case \"$*\" in *'show tables'*) echo users ;; *) text=$(cat); echo \"$text\" >> \"$HOME/played\"; case \"$text\" in *BROKEN*) echo 'ERROR 1064' >&2; exit 1 ;; esac ;; esac",
    );
    bench.stand_in_unless_there(
        "sqlite3",
        "case \"$*\" in *integrity_check*) case \"$*\" in *ill*) echo 'row 1 missing' ;; *) echo ok ;; esac ;; *) for word; do :; done; echo copy > \"${word#.backup }\" ;; esac",
    );
    bench
}

fn file(bench: &Bench, name: &str, text: &str) -> String {
    let path = bench.file(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

async fn check(bench: &Bench, table: Vec<(&str, Value, &str, &str)>) {
    let server = bench.serve();
    for (id, parameters, expected, call) in table {
        let run = server.run_template(id, &parameters).await;
        assert_eq!(run["status"], expected, "{id} {parameters}: {run:#}");
        assert!(bench.calls().contains(call), "{id}: {call}\n{}", bench.calls());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restored_migrated_and_exported_or_left_as_it_was() {
    let bench = bench();
    let (dump, broken) = (file(&bench, "shop.dump", "dump"), file(&bench, "broken.dump", "dump"));
    let unreadable = file(&bench, "unreadable.dump", "");
    file(&bench, "good/001.sql", "select 1;");
    file(&bench, "wrong/001.sql", "select 1;");
    file(&bench, "wrong/002-bad.sql", "selct;");
    file(&bench, "dumps/shop-20261124-010000.dump", "dump");
    file(&bench, "dumps/shop-20261125-010000.dump", "dump");
    file(&bench, "dumps/broken-20261125-010000.dump", "dump");
    let path = |name: &str| bench.file(name).display().to_string();
    let table = vec![
        (
            "postgres-restore",
            json!({"database": "shop", "file": dump}),
            "success",
            "pg_restore --no-password --exit-on-error --host=localhost",
        ),
        ("postgres-restore", json!({"database": "shop", "file": broken}), "rolled_back", "-- before-restore.dump"),
        ("postgres-restore", json!({"database": "shop", "file": unreadable}), "rolled_back", "--list"),
        (
            "restore-drill",
            json!({"database": "shop", "directory": path("dumps")}),
            "success",
            "shop-20261125-010000.dump",
        ),
        (
            "restore-drill",
            json!({"database": "broken", "directory": path("dumps")}),
            "rolled_back",
            "dropdb --no-password --if-exists",
        ),
        ("restore-drill", json!({"database": "none", "directory": path("dumps")}), "rolled_back", "createdb"),
        (
            "database-migration",
            json!({"database": "shop", "directory": path("good")}),
            "success",
            "--single-transaction",
        ),
        (
            "database-migration",
            json!({"database": "shop", "directory": path("wrong")}),
            "rolled_back",
            "-- before-migration.dump",
        ),
        (
            "data-export",
            json!({"database": "shop", "table": "sales.orders", "file": path("out/orders.csv")}),
            "success",
            "from sales.orders",
        ),
        (
            "data-export",
            json!({"database": "shop", "table": "gone", "file": path("out/gone.csv")}),
            "rolled_back",
            "from gone",
        ),
    ];
    check(&bench, table).await;
    assert_eq!(std::fs::read_to_string(bench.file("out/orders.csv")).unwrap(), "id,name\n1,anna\n");
    assert!(std::fs::read_dir(bench.file("out")).unwrap().count() == 1, "half of an export was left");
    // A drill leaves no database behind.
    let calls = bench.calls();
    let count = |program: &str| calls.lines().filter(|line| line.starts_with(program)).count();
    assert_eq!((count("createdb"), count("dropdb")), (2, 2), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_dumped_and_restored_or_left_as_it_was() {
    let bench = bench();
    let whole = file(&bench, "shop.sql", "CREATE TABLE a (id int);\n-- Dump completed\n");
    let broken = file(&bench, "broken.sql", "BROKEN\n-- Dump completed\n");
    let cut = file(&bench, "half.sql", "CREATE TABLE a");
    let dumps = bench.file("dumps").display().to_string();
    for day in ["20260101", "20260102", "20260103"] {
        file(&bench, &format!("dumps/shop-{day}-000000.sql"), "old");
    }
    let table = vec![
        (
            "mysql-backup",
            json!({"database": "shop", "destination": dumps, "keep": 2}),
            "success",
            "mysqldump --single-transaction --host=localhost",
        ),
        ("mysql-backup", json!({"database": "cut", "destination": dumps}), "failed", "-- cut"),
        ("mysql-restore", json!({"database": "shop", "file": whole}), "success", "mysql --host=localhost"),
        ("mysql-restore", json!({"database": "shop", "file": broken}), "rolled_back", "before-restore.sql"),
        ("mysql-restore", json!({"database": "shop", "file": cut}), "rolled_back", "mysql"),
    ];
    check(&bench, table).await;
    assert_eq!(
        std::fs::read_dir(bench.file("dumps")).unwrap().count(),
        2,
        "two are kept, and the one that was cut is gone"
    );
    let played = std::fs::read_to_string(bench.file("played")).unwrap();
    assert!(
        played.trim_end().ends_with("-- Dump completed on 2026-11-25"),
        "what was there before comes back: {played}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_copied_whole_or_not_at_all() {
    let bench = bench();
    let ill = file(&bench, "ill.db", "this is no database, and long enough to be looked at as one");
    let copies = bench.file("copies").display().to_string();
    let made = bench.partita(&["run", "-", "--help"]);
    assert_eq!(made.code, 0);
    let sound = bench.file("app.db");
    let server = bench.serve();
    let steps = json!([{"name": "make", "tool": "sqlite3", "parameters": {"database": sound, "query": "create table a (b); insert into a values (1);"}}]);
    let (_, run) = server.post("/execute", &json!({"workflow": {"name": "make", "steps": steps}})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    std::fs::OpenOptions::new().create(true).append(true).open(&sound).unwrap();
    let run = server.run_template("sqlite-backup", &json!({"database": sound, "destination": copies, "keep": 1})).await;
    assert_eq!(run["status"], "success", "{run:#}");
    assert_eq!(std::fs::read_dir(&copies).unwrap().count(), 1);
    for bad in [json!(ill), json!(bench.file("absent.db"))] {
        let run = server.run_template("sqlite-backup", &json!({"database": bad, "destination": copies})).await;
        assert_eq!(run["status"], "failed", "{run:#}");
    }
    let names: Vec<_> = std::fs::read_dir(&copies).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name.to_string_lossy().starts_with("app-")), "{names:?}");
}
