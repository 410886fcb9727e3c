//! What becomes of what a process prints.

use partita_core::run::record::OutputStream;
use partita_core::task::{Text, TextPiece};

use crate::bench::{Bench, sh};

#[tokio::test]
async fn lines_of_both_streams_come_through() {
    let carried = Bench::new().sh("echo one; echo two >&2; printf three").await;
    assert_eq!((carried.stdout().as_str(), carried.stderr().as_str()), ("one\nthree", "two\n"));
    assert_eq!(carried.output(), "one\nthree");
}

#[tokio::test]
async fn secrets_reach_the_process_and_nobody_else() {
    let bench = Bench::with_secrets(&[("TOKEN", "hunter2-hunter2")]);
    let mut asked = sh(
        "test ${#TOKEN} = 15 && echo \"t=$TOKEN\"; printf hunter2-; sleep 0.1; echo hunter2; echo $TOKEN | base64 >&2; exit 1",
    );
    asked.env.insert("TOKEN".to_owned(), Text { pieces: vec![TextPiece::Secret("TOKEN".to_owned())] });
    let carried = bench.run(asked).await;
    assert_eq!(carried.stdout(), "t=***\n***\n");
    assert_eq!(carried.output(), "t=***\n***");
    assert!(carried.stderr().starts_with("***"), "{}", carried.stderr());
    assert!(!format!("{carried:?}").contains("hunter2"), "{carried:?}");
    assert_eq!(carried.pieces[0].stream, OutputStream::Stdout);
}
