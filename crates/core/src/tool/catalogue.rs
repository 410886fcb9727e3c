//! Everything that steps can call, by name.

use std::collections::BTreeMap;

use super::definition::Tool;
use super::load;
use crate::{Diagnostic, Severity};

/// The built-in tools, by the file they are described in.
const BUILTIN: [(&str, &str); 6] = [
    ("cloud.yaml", include_str!("builtin/cloud.yaml")),
    ("containers.yaml", include_str!("builtin/containers.yaml")),
    ("data.yaml", include_str!("builtin/data.yaml")),
    ("development.yaml", include_str!("builtin/development.yaml")),
    ("network.yaml", include_str!("builtin/network.yaml")),
    ("system.yaml", include_str!("builtin/system.yaml")),
];

/// Everything that steps can call, by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    tools: BTreeMap<String, Tool>,
    /// Why the tools of a configured MCP server are not here, by the server's name.
    absent_servers: BTreeMap<String, String>,
}

impl Catalogue {
    /// The tools that ship with Partita.
    #[must_use]
    pub fn builtin() -> Self {
        let mut catalogue = Self::default();
        for (_, text) in BUILTIN {
            // A test proves that none of these files has a finding.
            catalogue.insert_all(load::tools(text).0);
        }
        catalogue
    }

    /// Adds (or replaces) the tools of one YAML text; nothing is added when there is an error.
    ///
    /// # Errors
    ///
    /// Every finding, with its place in `source_name`.
    pub fn add_yaml(&mut self, text: &str, source_name: &str) -> Result<(), Vec<Diagnostic>> {
        let (tools, mut findings) = load::tools(text);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            for finding in &mut findings {
                finding.message = format!("{source_name}: {}", finding.message);
            }
            return Err(findings);
        }
        self.insert_all(tools);
        Ok(())
    }

    fn insert_all(&mut self, tools: Vec<Tool>) {
        self.tools.extend(tools.into_iter().map(|tool| (tool.name.clone(), tool)));
    }

    /// Adds (or replaces) one tool.
    pub fn insert(&mut self, tool: Tool) {
        self.tools.insert(tool.name.clone(), tool);
    }

    /// Notes why the tools of a configured MCP server are not here.
    pub fn set_absent(&mut self, server: impl Into<String>, reason: impl Into<String>) {
        self.absent_servers.insert(server.into(), reason.into());
    }

    /// Why the server that a name such as `files/read_file` begins with is not here, if it should be.
    #[must_use]
    pub fn absent_server_of(&self, tool: &str) -> Option<(&str, &str)> {
        let (server, reason) = self.absent_servers.get_key_value(tool.split_once('/')?.0)?;
        Some((server, reason))
    }

    /// Keeps the tools for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Tool) -> bool) {
        self.tools.retain(|_, tool| keep(tool));
    }

    /// A tool by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// All tools by name.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_files_have_no_finding() {
        for (name, text) in BUILTIN {
            let (tools, findings) = load::tools(text);
            assert!(findings.is_empty(), "{name}: {findings:?}");
            assert!(!tools.is_empty(), "{name} describes no tool");
        }
    }
}
