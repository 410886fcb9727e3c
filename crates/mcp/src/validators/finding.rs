//! Collects what a validator finds.

use partita_core::{Diagnostic, Severity};

use super::texts::Document;
use crate::limits::ISSUES_MAX;

/// All findings so far; the same one twice counts once.
#[derive(Default)]
pub(super) struct Findings {
    kept: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Diagnostic) {
        let is_known = self.kept.iter().any(|one| one.path == finding.path && one.message == finding.message);
        if !is_known && self.kept.len() < ISSUES_MAX {
            self.kept.push(finding);
        }
    }

    pub(super) fn error(&mut self, code: &str, path: &str, message: impl Into<String>, help: &str) {
        self.add(Diagnostic::error(code, path, message).help(help));
    }

    pub(super) fn warning(&mut self, code: &str, path: &str, message: impl Into<String>, help: &str) {
        self.add(Diagnostic::warning(code, path, message).help(help));
    }

    pub(super) fn info(&mut self, code: &str, path: &str, message: impl Into<String>, help: &str) {
        let mut finding = Diagnostic::warning(code, path, message).help(help);
        finding.severity = Severity::Info;
        self.add(finding);
    }

    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.kept
    }
}

/// Findings about one document, with the place inside it.
pub(super) struct Inside<'a> {
    pub(super) findings: &'a mut Findings,
    pub(super) document: &'a Document,
    /// What the document is, for messages: `Deployment web`.
    pub(super) what: String,
}

impl Inside<'_> {
    fn path(&self, inner: &str) -> String {
        if self.document.is_addressable { format!("{}{inner}", self.document.path) } else { self.document.path.clone() }
    }

    fn message(&self, message: &str) -> String {
        if self.what.is_empty() { message.to_owned() } else { format!("{}: {message}", self.what) }
    }

    pub(super) fn error(&mut self, code: &str, inner: &str, message: &str, help: &str) {
        let (path, message) = (self.path(inner), self.message(message));
        self.findings.error(code, &path, message, help);
    }

    pub(super) fn warning(&mut self, code: &str, inner: &str, message: &str, help: &str) {
        let (path, message) = (self.path(inner), self.message(message));
        self.findings.warning(code, &path, message, help);
    }

    pub(super) fn info(&mut self, code: &str, inner: &str, message: &str, help: &str) {
        let (path, message) = (self.path(inner), self.message(message));
        self.findings.info(code, &path, message, help);
    }
}
