//! Collecting findings, each with its place in the text.

use crate::workflow::parse::Places;
use crate::{Diagnostic, Severity};

/// Most findings that are kept; a document with more has one mistake many times.
const FINDINGS_MAX: usize = 500;

/// All findings so far.
pub(super) struct Findings<'a> {
    places: Option<&'a Places>,
    kept: Vec<Diagnostic>,
    dropped: usize,
    has_error: bool,
}

impl<'a> Findings<'a> {
    pub(super) fn new(places: Option<&'a Places>) -> Self {
        Self { places, kept: Vec::new(), dropped: 0, has_error: false }
    }

    pub(super) fn add(&mut self, mut finding: Diagnostic) {
        self.has_error |= finding.is_error();
        if self.kept.len() >= FINDINGS_MAX {
            self.dropped += 1;
            return;
        }
        if self
            .kept
            .iter()
            .rev()
            .take(16)
            .any(|kept| kept.code == finding.code && kept.path == finding.path && kept.message == finding.message)
        {
            return;
        }
        if finding.line.is_none()
            && let Some((line, column)) = self.places.and_then(|places| places.find(&finding.path))
        {
            finding = finding.at(line, column);
        }
        self.kept.push(finding);
    }

    pub(super) fn error(
        &mut self,
        code: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Diagnostic::error(code, path, message).help(help));
    }

    pub(super) fn warning(
        &mut self,
        code: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Diagnostic::warning(code, path, message).help(help));
    }

    pub(super) fn has_error(&self) -> bool {
        self.has_error
    }

    /// The findings, errors first, otherwise in the order in which they were made.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        if self.dropped > 0 {
            let severity = if self.has_error { Severity::Error } else { Severity::Warning };
            let message = format!("{} more findings are not shown", self.dropped);
            let mut rest = Diagnostic::warning("more_findings", "", message).help("mend those above first");
            rest.severity = severity;
            self.kept.push(rest);
        }
        self.kept
    }
}

/// The candidate that is most like a name, if any is like it.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}
