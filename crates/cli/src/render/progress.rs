//! A run as it goes: a drawing of the graph that changes in place on a terminal, a line per event
//! when piped, an event per line as JSON.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::output::{Output, Tone};
use crate::render::graph::Graph;
use crate::sse::ServerEvent;

/// Most steps drawn at a time; a longer graph shows what is going on in it.
const ROWS_MAX: usize = 24;
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// One step as it is drawn.
#[derive(Clone, Debug, Default)]
struct Row {
    status: String,
    duration: Option<f64>,
    started: Option<Instant>,
    /// The last line of output, or why it failed.
    note: String,
}

/// Shows the events of one run.
pub(crate) struct Progress<'a> {
    output: &'a Output,
    graph: Graph,
    order: Vec<usize>,
    rows: Vec<Row>,
    drawn: u16,
    ticks: usize,
    /// Set by the last event.
    pub(crate) status: Option<String>,
    pub(crate) run_id: Option<String>,
}

impl<'a> Progress<'a> {
    /// Begins to show a run of a workflow; without one, steps appear as they start.
    pub(crate) fn new(output: &'a Output, workflow: Option<&Value>) -> Self {
        let graph = workflow.map(Graph::of).unwrap_or_default();
        let (order, rows) = (graph.order(), vec![Row::default(); graph.names.len()]);
        Self { output, graph, order, rows, drawn: 0, ticks: 0, status: None, run_id: None }
    }

    /// How often the drawing moves.
    pub(crate) fn tick_every(&self) -> Duration {
        Duration::from_millis(if self.output.is_live() { 100 } else { 60_000 })
    }

    /// Lets the drawing move.
    pub(crate) fn tick(&mut self) {
        if self.output.is_live() {
            self.ticks += 1;
            self.redraw();
        }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, event: &ServerEvent) {
        if let Some(run_id) = event.data["run_id"].as_str() {
            self.run_id = Some(run_id.to_owned());
        }
        if event.name == "execution_complete" {
            self.status = event.data["status"].as_str().map(str::to_owned);
        }
        if self.output.is_json() {
            self.output.line(&event.data.to_string());
            return;
        }
        self.update(event);
        if self.output.is_live() {
            if let Some(line) = self.lasting_line(event) {
                self.print_above(&line);
            }
            self.redraw();
            if self.status.is_some() {
                self.drawn = 0;
            }
        } else if let Some(line) = plain_line(event) {
            self.output.line(&line);
        }
    }

    fn update(&mut self, event: &ServerEvent) {
        let Some(index) = self.row_of(&event.data) else { return };
        let row = &mut self.rows[index];
        let text = |key: &str| event.data[key].as_str().unwrap_or_default().to_owned();
        match event.name.as_str() {
            "step_start" => (row.status, row.started) = ("running".to_owned(), Some(Instant::now())),
            "step_output" => row.note = last_line(&text("output")).unwrap_or_else(|| row.note.clone()),
            "step_retry" => (row.status, row.note) = ("retrying".to_owned(), text("error")),
            "step_waiting" => row.status = "waiting".to_owned(),
            "approval_requested" => (row.status, row.note) = ("waiting".to_owned(), text("message")),
            "rollback_step_start" => (row.status, row.started) = ("undoing".to_owned(), Some(Instant::now())),
            "step_complete" | "rollback_step_complete" => {
                row.status = text("status");
                row.duration = event.data["duration"].as_f64();
                row.started = None;
                if !text("error").is_empty() {
                    row.note = text("error");
                }
            }
            _ => (),
        }
    }

    fn row_of(&mut self, data: &Value) -> Option<usize> {
        let name = data["step"].as_str()?;
        if let Some(index) = self.graph.names.iter().position(|known| known == name) {
            return Some(index);
        }
        self.graph.append(name);
        self.order.push(self.rows.len());
        self.rows.push(Row::default());
        Some(self.rows.len() - 1)
    }

    /// What stays on the screen above the drawing.
    fn lasting_line(&self, event: &ServerEvent) -> Option<String> {
        let text = |key: &str| event.data[key].as_str().unwrap_or_default();
        match event.name.as_str() {
            "step_output" => {
                let lines: Vec<String> = text("output")
                    .lines()
                    .map(|line| self.output.paint(Tone::Faint, &format!("{} │ {line}", text("step"))))
                    .collect();
                Some(lines.join("\n"))
            }
            "step_start" | "step_complete" | "rollback_step_start" | "rollback_step_complete" => None,
            _ => plain_line(event),
        }
    }

    fn print_above(&mut self, text: &str) {
        self.erase();
        self.output.line(text);
    }

    fn erase(&mut self) {
        use crossterm::{cursor, queue, terminal};
        if self.drawn > 0 {
            let mut out = std::io::stdout().lock();
            let _ = queue!(
                out,
                cursor::MoveUp(self.drawn),
                cursor::MoveToColumn(0),
                terminal::Clear(terminal::ClearType::FromCursorDown)
            );
            let _ = out.flush();
        }
        self.drawn = 0;
    }

    fn redraw(&mut self) {
        let width = crossterm::terminal::size().map_or(100, |(columns, _)| usize::from(columns)).max(20);
        let lines: Vec<String> = self.visible().into_iter().map(|index| self.draw_row(index, width)).collect();
        self.erase();
        for line in &lines {
            self.output.line(line);
        }
        self.drawn = u16::try_from(lines.len()).unwrap_or(0);
    }

    /// The rows to draw: all, or those around what is going on.
    fn visible(&self) -> Vec<usize> {
        let known = &self.order;
        if known.len() <= ROWS_MAX {
            return known.clone();
        }
        let active = known.iter().position(|index| !is_settled(&self.rows[*index].status)).unwrap_or(known.len() - 1);
        let start = active.saturating_sub(ROWS_MAX / 3).min(known.len() - ROWS_MAX);
        known[start..start + ROWS_MAX].to_vec()
    }

    fn draw_row(&self, index: usize, width: usize) -> String {
        let row = &self.rows[index];
        let spinner = SPINNER[self.ticks % SPINNER.len()].to_string();
        let (mark, tone) = match row.status.as_str() {
            "" => ("·".to_owned(), Tone::Faint),
            "running" | "undoing" => (spinner, Tone::Active),
            "retrying" => ("↻".to_owned(), Tone::Warn),
            "waiting" => ("…".to_owned(), Tone::Warn),
            "success" => ("✔".to_owned(), Tone::Good),
            "rolled_back" => ("↶".to_owned(), Tone::Warn),
            "skipped" | "cancelled" => ("−".to_owned(), Tone::Faint),
            _ => ("✘".to_owned(), Tone::Bad),
        };
        let seconds = row.duration.or_else(|| row.started.map(|started| started.elapsed().as_secs_f64()));
        let time = seconds.map(|seconds| format!("{seconds:>6.1}s")).unwrap_or_else(|| "       ".to_owned());
        let note = if row.status.is_empty() {
            let needs: Vec<&str> = self.graph.needs(index).collect();
            if needs.is_empty() { String::new() } else { format!("after {}", needs.join(", ")) }
        } else {
            row.note.clone()
        };
        let head = format!("{}{} {:<28} {time}  ", self.graph.rail(index), mark, self.graph.names[index]);
        let room = width.saturating_sub(head.chars().count() + 1);
        let note: String = note.chars().filter(|character| !character.is_control()).take(room).collect();
        format!("{}{}", self.output.paint(tone, &head), self.output.paint(Tone::Faint, &note))
    }
}

fn is_settled(status: &str) -> bool {
    !matches!(status, "" | "running" | "retrying" | "waiting" | "undoing")
}

fn last_line(text: &str) -> Option<String> {
    text.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
}

/// An event as a line of plain text; `None` for what a reader of lines does not need.
pub(crate) fn plain_line(event: &ServerEvent) -> Option<String> {
    let data = &event.data;
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    let seconds = || data["duration"].as_f64().map(|seconds| format!(" ({seconds:.1}s)")).unwrap_or_default();
    let because = || if text("error").is_empty() { String::new() } else { format!(": {}", text("error")) };
    let step = text("step");
    let line = match event.name.as_str() {
        "execution_start" => format!("run {} of {} started", text("run_id"), text("workflow")),
        "step_start" => format!("{step}: started"),
        "step_output" => {
            let lines: Vec<String> = text("output").lines().map(|line| format!("{step} | {line}")).collect();
            lines.join("\n")
        }
        "step_retry" => format!("{step}: will be tried again{}", because()),
        "step_waiting" => format!("{step}: waits {}", text("reason")),
        "step_complete" => format!("{step}: {}{}{}", text("status"), seconds(), because()),
        "approval_requested" => format!("{step}: needs approval {}: {}", text("approval_id"), text("message")),
        "approval_resolved" => format!("{step}: {} by {}", text("decision"), text("by")),
        "execution_paused" => "paused".to_owned(),
        "execution_resumed" => "resumed".to_owned(),
        "execution_cancelling" => "cancelling".to_owned(),
        "rollback_start" => "taking back what was done".to_owned(),
        "rollback_step_start" => format!("{step}: being taken back"),
        "rollback_step_complete" => format!("{step}: {}{}{}", text("status"), seconds(), because()),
        "rollback_complete" => format!("rollback: {}", text("status")),
        "warning" => format!("warning: {}", text("message")),
        "error" => format!("error: {}", if text("message").is_empty() { text("detail") } else { text("message") }),
        "execution_complete" => format!("run {}: {}{}{}", text("run_id"), text("status"), seconds(), because()),
        _ => return None,
    };
    Some(line).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_read_as_sentences() {
        let line = |name: &str, data: Value| plain_line(&ServerEvent { seq: Some(1), name: name.to_owned(), data });
        assert_eq!(
            line("step_complete", json!({"step": "a", "status": "failed", "duration": 1.25, "error": "exit code 3"}))
                .as_deref(),
            Some("a: failed (1.2s): exit code 3")
        );
        assert_eq!(line("step_output", json!({"step": "a", "output": "x\ny\n"})).as_deref(), Some("a | x\na | y"));
        assert_eq!(line("text", json!({})), None);
    }
}
