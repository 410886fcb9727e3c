//! Gathers output into pieces.
//!
//! Whole lines go out together: at once when nothing went out lately, else at most every
//! [`GATHER`], or when a piece is full. A line without an end goes out after [`GATHER`] as it is. So a
//! burst of 10,000 lines is some hundred pieces, and a prompt is seen all the same.

use std::collections::VecDeque;
use std::time::Duration;

use partita_core::limits::OUTPUT_EVENT_BYTES_MAX;
use partita_core::run::record::OutputStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::capture::Capture;
use super::decode::Decoder;
use crate::runner::OutputPiece;
use crate::secrets::{Masker, Patterns};

/// Between two pieces of a stream that goes on and on; also how long a line may stay unfinished.
const GATHER: Duration = Duration::from_millis(50);
/// Before the first piece after a silence: programs print a few lines with a call for each.
const FIRST: Duration = Duration::from_millis(5);
/// In one [`GATHER`], this often the order of standard output and error is kept.
const SWITCHES_MAX: usize = 16;
/// How much of the end of standard error is kept to explain a failure.
const LAST_WORDS_BYTES: usize = 4 * 1024;

/// How much of an attempt's output is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of standard output, handed back.
    pub(crate) output_bytes_max: u64,
    /// Of both streams, in the log.
    pub(crate) log_bytes_max: u64,
}

/// Takes all that an attempt prints.
pub(crate) struct Sink {
    sender: mpsc::Sender<OutputPiece>,
    lanes: [Lane; 2],
    /// Lines that wait to be sent, in their order.
    queue: VecDeque<OutputPiece>,
    queue_bytes: usize,
    queued_at: Option<Instant>,
    sent_at: Option<Instant>,
    log_limit: u64,
    log_left: u64,
    capture: Capture,
    last_words: Vec<u8>,
    patterns: Patterns,
}

/// One of the two streams on its way.
struct Lane {
    decoder: Decoder,
    masker: Masker,
    /// A line whose end has not come yet.
    line: String,
    line_since: Option<Instant>,
}

impl Lane {
    fn new(patterns: Patterns) -> Self {
        Self { decoder: Decoder::default(), masker: Masker::new(patterns), line: String::new(), line_since: None }
    }
}

fn lane_of(stream: OutputStream) -> usize {
    match stream {
        OutputStream::Stdout => 0,
        OutputStream::Stderr => 1,
    }
}

impl Sink {
    /// Nothing has been printed yet.
    pub(crate) fn new(sender: mpsc::Sender<OutputPiece>, limits: Limits, patterns: Patterns) -> Self {
        Self {
            sender,
            lanes: [Lane::new(patterns.clone()), Lane::new(patterns.clone())],
            queue: VecDeque::new(),
            queue_bytes: 0,
            queued_at: None,
            sent_at: None,
            log_limit: limits.log_bytes_max,
            log_left: limits.log_bytes_max,
            capture: Capture::new(limits.output_bytes_max),
            last_words: Vec::new(),
            patterns,
        }
    }

    /// Takes bytes of a stream. Does not wait: send what is ready before taking more.
    pub(crate) fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        let captured = stream == OutputStream::Stdout && self.capture.is_open();
        if stream == OutputStream::Stderr {
            self.remember(bytes);
        }
        if self.log_left == 0 && !captured {
            if stream == OutputStream::Stdout {
                self.capture.skip(bytes);
            }
            return;
        }
        let lane = &mut self.lanes[lane_of(stream)];
        let (mut text, mut masked) = (String::with_capacity(bytes.len()), String::new());
        lane.decoder.push(bytes, &mut text);
        if !self.patterns.is_empty() {
            lane.masker.push(&text, &mut masked);
            text = masked;
        }
        self.accept(stream, &text);
    }

    /// Takes a line of our own: a remark about the output, not part of it.
    pub(crate) fn note(&mut self, remark: &str) {
        let unfinished = self.lanes[lane_of(OutputStream::Stderr)].line_since.is_some();
        let line = format!("{}[partita] {remark}\n", if unfinished { "\n" } else { "" });
        self.lines(OutputStream::Stderr, &self.patterns.mask(&line));
    }

    /// Takes the streams' ends: nothing is held back from here on.
    pub(crate) fn finish(&mut self) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            let lane = &mut self.lanes[lane_of(stream)];
            let (mut text, mut masked) = (String::new(), String::new());
            lane.decoder.finish(&mut text);
            lane.masker.push(&text, &mut masked);
            lane.masker.finish(&mut masked);
            self.accept(stream, &masked);
            self.end_line(stream);
        }
    }

    /// When something has to be sent; `None`: nothing waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        let queue = self.queued_at.map(|at| self.sent_at.map_or(at + FIRST, |sent| (at + FIRST).max(sent + GATHER)));
        let lines = self.lanes.iter().filter_map(|lane| Some(lane.line_since? + GATHER));
        lines.chain(queue).min()
    }

    /// Sends what is full or due, waiting while the channel is full.
    pub(crate) async fn send_ready(&mut self) {
        if self.queue_bytes >= OUTPUT_EVENT_BYTES_MAX {
            while self.queue_bytes >= OUTPUT_EVENT_BYTES_MAX {
                self.send_one().await;
            }
            self.sent_at = Some(Instant::now());
        }
        let now = Instant::now();
        if self.due().is_some_and(|due| due <= now) {
            for stream in [OutputStream::Stdout, OutputStream::Stderr] {
                if self.lanes[lane_of(stream)].line_since.is_some_and(|since| since + GATHER <= now) {
                    self.end_line(stream);
                }
            }
            self.send_all().await;
        }
    }

    /// Sends all that waits.
    pub(crate) async fn send_all(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        while !self.queue.is_empty() {
            self.send_one().await;
        }
        self.sent_at = Some(Instant::now());
    }

    /// The output, and whether it was cut.
    pub(crate) fn take_output(&mut self) -> (Option<String>, bool) {
        self.capture.take()
    }

    /// The last line of standard error that says something, to explain a failure.
    pub(crate) fn last_words(&self) -> Option<String> {
        let text = self.patterns.mask(&String::from_utf8_lossy(&self.last_words));
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(line.chars().take(300).collect())
    }

    fn remember(&mut self, bytes: &[u8]) {
        self.last_words.extend_from_slice(&bytes[bytes.len().saturating_sub(LAST_WORDS_BYTES)..]);
        if self.last_words.len() > LAST_WORDS_BYTES {
            let cut = self.last_words.len() - LAST_WORDS_BYTES;
            // Whole lines only: half a secret would not be recognised as one.
            let line =
                self.last_words[cut..].iter().position(|byte| *byte == b'\n').map_or(LAST_WORDS_BYTES, |at| at + 1);
            self.last_words.drain(..cut + line);
        }
    }

    /// Takes clean text of a stream: into the output, and into the log while there is room.
    fn accept(&mut self, stream: OutputStream, text: &str) {
        if stream == OutputStream::Stdout {
            self.capture.push(text);
        }
        let left = usize::try_from(self.log_left).unwrap_or(usize::MAX);
        if left == 0 || text.is_empty() {
            return;
        }
        if text.len() <= left {
            self.log_left -= text.len() as u64;
            self.lines(stream, text);
            return;
        }
        self.log_left = 0;
        self.lines(stream, &text[..text.floor_char_boundary(left)]);
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            self.end_line(stream);
        }
        let limit = bytes_in_words(self.log_limit);
        let newline = if self.queue.back().is_some_and(|piece| !piece.text.ends_with('\n')) { "\n" } else { "" };
        self.enqueue(
            stream,
            &format!("{newline}[partita] the log limit of {limit} is reached: what follows is not kept\n"),
        );
    }

    /// Queues whole lines and keeps the rest.
    fn lines(&mut self, stream: OutputStream, text: &str) {
        let lane = &mut self.lanes[lane_of(stream)];
        let (whole, rest) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
        if !whole.is_empty() {
            let line = std::mem::take(&mut lane.line);
            lane.line_since = None;
            if line.is_empty() {
                self.enqueue(stream, whole);
            } else {
                self.enqueue(stream, &(line + whole));
            }
        }
        if !rest.is_empty() {
            let lane = &mut self.lanes[lane_of(stream)];
            lane.line.push_str(rest);
            lane.line_since.get_or_insert_with(Instant::now);
            if lane.line.len() >= OUTPUT_EVENT_BYTES_MAX {
                self.end_line(stream);
            }
        }
    }

    /// Queues a line that has no end.
    fn end_line(&mut self, stream: OutputStream) {
        let lane = &mut self.lanes[lane_of(stream)];
        lane.line_since = None;
        let line = std::mem::take(&mut lane.line);
        if !line.is_empty() {
            self.enqueue(stream, &line);
        }
    }

    fn enqueue(&mut self, stream: OutputStream, text: &str) {
        self.queued_at.get_or_insert_with(Instant::now);
        self.queue_bytes += text.len();
        let many = self.queue.len() >= SWITCHES_MAX;
        let place = if many {
            self.queue.iter().rposition(|piece| piece.stream == stream)
        } else {
            self.queue.len().checked_sub(1).filter(|last| self.queue[*last].stream == stream)
        };
        match place {
            Some(place) => self.queue[place].text.push_str(text),
            None => self.queue.push_back(OutputPiece { stream, text: text.to_owned() }),
        }
    }

    /// Sends the first piece of the queue: whole lines where they fit.
    async fn send_one(&mut self) {
        let Some(first) = self.queue.front_mut() else { return };
        let piece = if first.text.len() <= OUTPUT_EVENT_BYTES_MAX {
            self.queue.pop_front()
        } else {
            let most = first.text.floor_char_boundary(OUTPUT_EVENT_BYTES_MAX);
            let cut = first.text[..most].rfind('\n').map_or(most, |at| at + 1);
            let rest = first.text.split_off(cut);
            let text = std::mem::replace(&mut first.text, rest);
            Some(OutputPiece { stream: first.stream, text })
        };
        if let Some(piece) = piece {
            self.queue_bytes -= piece.text.len();
            if self.queue.is_empty() {
                self.queued_at = None;
            }
            // Nobody listens any more: the process goes on, its log is lost.
            let _ = self.sender.send(piece).await;
        }
    }
}

/// `10 MiB`.
fn bytes_in_words(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}
