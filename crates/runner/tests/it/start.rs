//! How processes are started: what they see, and what is said when they can't be.

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use partita_core::task::{OutcomeResult, TaskAction, Text, TextPiece};

use crate::bench::{Bench, environment, program, script_of, sh, task};

#[tokio::test]
async fn ends_are_told_apart() {
    let bench = Bench::new();
    async fn check(bench: &Bench, script: &str, expected: Expect) {
        let carried = bench.sh(script).await;
        expected.assert_eq(&format!("{:?} {:?}", carried.outcome.result, carried.outcome.exit_code));
    }
    check(&bench, "true", expect!["Success Some(0)"]).await;
    check(&bench, "exit 3", expect![[r#"Failed { error: "exited with code 3" } Some(3)"#]]).await;
    check(
        &bench,
        "echo no such luck >&2; exit 1",
        expect![[r#"Failed { error: "exited with code 1: no such luck" } Some(1)"#]],
    )
    .await;
    check(&bench, "kill -9 $$", expect![[r#"Signalled { signal: 9, error: "killed by signal 9 (SIGKILL; when nobody sent it, the system ran out of memory)" } None"#]]).await;
    check(
        &bench,
        "kill -TERM $$",
        expect![[r#"Signalled { signal: 15, error: "killed by signal 15 (SIGTERM)" } None"#]],
    )
    .await;
}

#[tokio::test]
async fn a_process_sees_exactly_its_own_environment() {
    let bench = Bench::with(|options| {
        options.pass_env = ["EDITOR", "UNSET", "PARTITA_API_KEY", "PARTITA_SECRET_TOKEN"].map(str::to_owned).to_vec();
    });
    let mut asked = program("env", &[]);
    asked.env.insert("GREETING".to_owned(), Text::plain("hello\nworld"));
    asked.env.insert("LANG".to_owned(), Text::plain("de_DE"));
    asked.env.insert("PARTITA_BOOT".to_owned(), Text::plain("forged"));
    let carried = bench.run(asked).await;
    let mut lines: Vec<&str> = carried.output().lines().collect();
    lines.sort_unstable();
    let shown: String = lines
        .iter()
        .map(|line| {
            line.split_once("PARTITA_DATA=")
                .map_or((*line).to_owned(), |(_, digest)| format!("PARTITA_DATA={} digits", digest.len()))
        })
        .map(|line| line + "\n")
        .collect();
    let run = partita_core::RunId::from_parts(1, u128::from(std::process::id()));
    let shown = shown.replace(run.as_str(), "RUN");
    expect![[r#"
        EDITOR=ed
        GREETING=hello
        HOME=/home/nobody
        LANG=de_DE
        PARTITA_ATTEMPT=RUN/0/do/0/0/1
        PARTITA_BOOT=boot-now
        PARTITA_DATA=16 digits
        PARTITA_RUN_ID=RUN
        PARTITA_STEP=the step
        PATH=/usr/local/bin:/usr/bin:/bin
        world
    "#]]
    .assert_eq(&shown);
    assert!(environment().contains_key("PARTITA_API_KEY"), "the server has keys that a step could have got");
}

#[tokio::test]
async fn standard_input_is_empty_unless_given() {
    let bench = Bench::new();
    assert_eq!(bench.sh("cat; echo end").await.output(), "end");
    let mut asked = program("tr", &["a-z", "A-Z"]);
    let TaskAction::Program { stdin, .. } = &mut asked.action else { unreachable!() };
    *stdin = Some(Text::plain("shout\n".repeat(50_000)));
    let carried = bench.run(asked).await;
    assert_eq!(carried.outcome.exit_code, Some(0));
    assert_eq!(carried.output().len(), 6 * 50_000 - 1);
    assert!(carried.output().starts_with("SHOUT\nSHOUT"));
    // A process that does not read what it is offered is no failure.
    let mut asked = program("true", &[]);
    let TaskAction::Program { stdin, .. } = &mut asked.action else { unreachable!() };
    *stdin = Some(Text::plain("x".repeat(1_000_000)));
    assert!(bench.run(asked).await.outcome.is_success());
}

#[tokio::test]
async fn scripts_run_in_any_language() {
    let bench = Bench::new();
    async fn check(bench: &Bench, interpreter: &[&str], script: &str, expected: &str) {
        let carried = bench.run(script_of(interpreter, script)).await;
        assert_eq!(
            (carried.output(), carried.outcome.exit_code),
            (expected, Some(0)),
            "{script}: {:?}",
            carried.outcome
        );
    }
    check(&bench, &["sh"], "echo \"${0##*/}\"", "sh").await;
    check(&bench, &["bash", "-eu"], "echo ${BASH_VERSION:+bash}; set -o | grep -c 'nounset.*on'", "bash\n1").await;
    check(&bench, &["python3"], "import sys\nprint('argv', len(sys.argv))", "argv 1").await;
    check(&bench, &["sh"], "#!/usr/bin/env python3\nprint(6 * 7)", "42").await;
    check(&bench, &["python3"], "#!/bin/sh\necho shell", "shell").await;
    check(&bench, &["perl", "-w"], "print 'per', 'l'", "perl").await;
    let long = format!(": {}\necho long", "x".repeat(300_000));
    check(&bench, &["sh"], &long, "long").await;
    let left: Vec<_> = std::fs::read_dir(bench.dir().join(".partita")).unwrap().collect();
    assert!(left.is_empty(), "scripts are deleted when their attempts are over: {left:?}");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let bench = Bench::new();
    let dir = bench.dir();
    std::fs::write(dir.join("data"), "no program").unwrap();
    std::fs::write(dir.join("odd"), "\x01\x02").unwrap();
    std::fs::set_permissions(dir.join("odd"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let check = async |asked: partita_core::task::Task, expected: Expect| {
        let carried = bench.run(asked).await;
        let OutcomeResult::NotStarted { error } = &carried.outcome.result else { panic!("{:?}", carried.outcome) };
        expected.assert_eq(&error.replace(&*dir.to_string_lossy(), "DIR"));
    };
    check(program("no-such-program", &[]), expect!["`no-such-program` is not installed: no such program in /usr/local/bin:/usr/bin:/bin; install it: apt install it"]).await;
    check(
        script_of(&["no-such-shell"], "x"),
        expect!["`no-such-shell` is not installed: no such program in /usr/local/bin:/usr/bin:/bin"],
    )
    .await;
    check(program("./nothing", &[]), expect!["there is no program `DIR/./nothing`"]).await;
    check(
        program("./data", &[]),
        expect!["`DIR/./data` can't be run: it is not an executable file (`chmod +x` makes it one)"],
    )
    .await;
    check(
        program("./odd", &[]),
        expect!["`DIR/./odd` can't be run: it is neither a binary for this machine nor a script with a `#!` line"],
    )
    .await;
    check(
        program("echo", &["a\0b"]),
        expect!["argument 1 of `echo` holds a NUL character, which can't be passed to a process"],
    )
    .await;
    check(program("echo", &[&"x".repeat(200_000)]), expect!["argument 1 of `echo` is 200000 bytes long, and the system passes at most 131071 in one piece: hand it over in a file or on standard input"]).await;
    check(
        program("echo", &["x"; 1].repeat(1_500_000)),
        expect!["the arguments and variables together are too long for the system: hand the longest over in a file"],
    )
    .await;
    let mut elsewhere = sh("true");
    elsewhere.dir = Some(Text::plain("not/there"));
    check(elsewhere, expect!["the working directory `DIR/not/there` does not exist"]).await;
    let mut elsewhere = sh("true");
    elsewhere.dir = Some(Text::plain("data"));
    check(elsewhere, expect!["the working directory `DIR/data` is not a directory"]).await;
    let mut named = sh("true");
    named.env.insert("A=B".to_owned(), Text::plain("x"));
    check(named, expect!["`A=B` is not a name for an environment variable"]).await;
    let mut secret = sh("true");
    secret.env.insert("KEY".to_owned(), Text { pieces: vec![TextPiece::Secret("NOWHERE".to_owned())] });
    check(
        secret,
        expect![
            "the secret `NOWHERE` is not set: set PARTITA_SECRET_NOWHERE for the server, or add it to its secrets file"
        ],
    )
    .await;
}

#[tokio::test]
async fn a_process_runs_where_it_should() {
    let bench = Bench::new();
    std::fs::create_dir(bench.dir().join("sub")).unwrap();
    let here = bench.dir().canonicalize().unwrap();
    assert_eq!(bench.sh("pwd -P").await.output(), here.to_string_lossy());
    for dir in ["sub".to_owned(), here.join("sub").to_string_lossy().into_owned()] {
        let mut asked = sh("pwd -P");
        asked.dir = Some(Text::plain(dir));
        assert_eq!(bench.run(asked).await.output(), here.join("sub").to_string_lossy());
    }
}

#[tokio::test]
async fn the_path_of_the_task_counts() {
    let bench = Bench::new();
    let bin = bench.dir().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("kubectl"), "#!/bin/sh\necho recorded \"$@\"\n").unwrap();
    std::fs::set_permissions(bin.join("kubectl"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for path in [format!("{}:/bin", bin.display()), "bin:/bin".to_owned()] {
        let mut asked = program("kubectl", &["get", "pods; id"]);
        asked.env.insert("PATH".to_owned(), Text::plain(path));
        assert_eq!(bench.run(asked).await.output(), "recorded get pods; id");
    }
}

#[tokio::test]
async fn a_wait_waits_and_can_be_stopped() {
    let bench = Bench::new();
    let wait = |duration_ms| task(TaskAction::Wait { duration_ms });
    let before = std::time::Instant::now();
    assert!(bench.run(wait(30)).await.outcome.is_success());
    assert!(before.elapsed().as_millis() >= 30);
    assert!(bench.run(wait(0)).await.outcome.is_success());
    let running = bench.start(wait(3_600_000));
    running.stop.cancel();
    assert_eq!(running.finish().await.outcome.result, OutcomeResult::Stopped);
}
