//! File operations: nobody ever reads half a file, and every refusal names its path.

use expect_test::expect;
use partita_core::plan::FileOperation;
use partita_core::task::{OutcomeResult, Task, TaskAction, Text};

use crate::bench::{Bench, task};

fn file(operation: FileOperation, path: &str, content: Option<&str>, to: Option<&str>) -> Task {
    let path = Text::plain(path);
    task(TaskAction::File { operation, path, content: content.map(Text::plain), to: to.map(Text::plain) })
}

#[tokio::test]
async fn files_are_written_read_moved_and_deleted() {
    let bench = Bench::new();
    use FileOperation as Do;
    let steps = [
        file(Do::MakeDirectory, "a/b", None, None),
        file(Do::Write, "a/b/x.txt", Some("one\n"), None),
        file(Do::Append, "a/b/x.txt", Some("two $(touch y)\n"), None),
        file(Do::Copy, "a/b/x.txt", None, Some("copy.txt")),
        file(Do::Move, "copy.txt", None, Some("moved.txt")),
        file(Do::Delete, "a/b/x.txt", None, None),
        file(Do::Delete, "a/b/x.txt", None, None),
        file(Do::Exists, "moved.txt", None, None),
    ];
    for step in steps {
        let carried = bench.run(step.clone()).await;
        assert!(carried.outcome.is_success(), "{step:?}: {carried:?}");
    }
    let carried = bench.run(file(Do::Read, "moved.txt", None, None)).await;
    assert_eq!(carried.output(), "one\ntwo $(touch y)");
    let left: Vec<_> = std::fs::read_dir(bench.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "y" || name.to_string_lossy().contains("partial")), "{left:?}");
}

#[tokio::test]
async fn refusals_name_the_path() {
    let bench = Bench::new();
    let carried = bench.run(file(FileOperation::Read, "absent.txt", None, None)).await;
    let OutcomeResult::Failed { error } = carried.outcome.result else { panic!("it is not there") };
    expect!["can't read `DIR/absent.txt`: No such file or directory (os error 2)"]
        .assert_eq(&error.replace(&bench.dir().display().to_string(), "DIR"));
    let carried = bench.run(file(FileOperation::Exists, "absent.txt", None, None)).await;
    assert_eq!((carried.outcome.exit_code, carried.output()), (Some(1), "false"));
    let carried = bench.run(file(FileOperation::Write, "", Some("x"), None)).await;
    assert!(matches!(carried.outcome.result, OutcomeResult::NotStarted { .. }));
}
