//! Where a command's words go: results to standard output, everything else to standard error. Piped
//! or with `--output json` there are no colours and no drawing.

use std::io::{IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::env::{self, Environment};
use crate::error::CliError;

/// Flags about the output.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct OutputArgs {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON value; for streams one per line
    Json,
}

/// Prints.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: Format,
    colour: bool,
    live: bool,
}

/// The meaning of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Active,
    Faint,
    Strong,
}

impl Output {
    /// Decides from the flags and the terminal.
    pub(crate) fn new(args: &OutputArgs, environment: &Environment) -> Self {
        let terminal = std::io::stdout().is_terminal() && environment.get(env::TERM) != Some("dumb");
        let text = args.output == Format::Text;
        Self {
            format: args.output,
            colour: text && terminal && environment.get(env::NO_COLOR).is_none(),
            live: text && terminal,
        }
    }

    /// Whether results are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether the screen may be drawn over.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Whether a person can be asked: both ends are a terminal.
    pub(crate) fn can_ask(&self) -> bool {
        self.live && std::io::stdin().is_terminal()
    }

    /// Text in a colour, when there are colours.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Active => "36",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Prints a line of result.
    pub(crate) fn line(&self, text: &str) {
        print_line(&mut std::io::stdout().lock(), text);
    }

    /// Prints a line that is not a result.
    pub(crate) fn note(&self, text: &str) {
        print_line(&mut std::io::stderr().lock(), text);
    }

    /// Prints a JSON result: pretty for `--output text`, one line for `--output json`.
    pub(crate) fn json(&self, value: &Value) {
        let text = if self.is_json() { Ok(value.to_string()) } else { serde_json::to_string_pretty(value) };
        self.line(&text.unwrap_or_default());
    }

    /// Asks a person a question that is answered with yes or no; no is the default.
    pub(crate) fn ask(&self, question: &str) -> bool {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
        let mut answer = String::new();
        let _ = std::io::stdin().read_line(&mut answer);
        matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Prints an error and what to do about it.
    pub(crate) fn error(&self, error: &CliError) {
        if self.is_json() {
            let plain =
                json!({"error": {"message": error.message, "hints": error.hints}, "exit_code": error.code as u8});
            self.note(&error.problem.as_deref().unwrap_or(&plain).to_string());
            return;
        }
        let red = std::io::stderr().is_terminal() && self.colour;
        let head = if red { "\u{1b}[31merror\u{1b}[0m" } else { "error" };
        self.note(&format!("{head}: {}", error.message));
        for hint in &error.hints {
            self.note(&format!("  help: {hint}"));
        }
    }
}

/// A reader that went away (`| head`) is no fault of ours: there is nobody left to tell.
fn print_line(out: &mut impl std::io::Write, text: &str) {
    let _ = writeln!(out, "{text}");
}
