//! The tools of MCP servers among the other tools that steps can call.

use std::sync::{Arc, Mutex, PoisonError};

use partita_core::tool::{Catalogue, McpForm, Runs, Tool};

use crate::config::BUILTIN_SERVER;
use crate::pool::Pool;
use crate::tool::ToolInfo;

/// Everything that steps can call now: a fixed catalogue and what the servers of a pool have. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    fixed: Arc<Catalogue>,
    pool: Option<Pool>,
    /// The catalogue that was made last, and the pool's version then.
    made: Arc<Mutex<(u64, Arc<Catalogue>)>>,
}

impl Tools {
    /// Without a pool, only the fixed catalogue.
    #[must_use]
    pub fn new(fixed: Arc<Catalogue>, pool: Option<Pool>) -> Self {
        let made = Arc::new(Mutex::new((0, Arc::clone(&fixed))));
        Self { fixed, pool, made }
    }

    /// The catalogue as it is now; made anew only when some server changed.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        let Some(pool) = &self.pool else { return Arc::clone(&self.fixed) };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before the lists: a change in between makes it once more, never once too few.
        let version = pool.version();
        if made.0 != version {
            *made = (version, Arc::new(with_tools(&self.fixed, pool)));
        }
        Arc::clone(&made.1)
    }

    /// The pool, when there is one.
    #[must_use]
    pub fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
    }
}

fn with_tools(fixed: &Catalogue, pool: &Pool) -> Catalogue {
    let mut catalogue = fixed.clone();
    for tool in pool.tools() {
        catalogue.insert(entry(&tool));
    }
    for server in pool.servers() {
        if server.tools.is_empty() && server.name != BUILTIN_SERVER {
            let reason = match server.state {
                "connected" => "it has none".to_owned(),
                state => server.reason.unwrap_or_else(|| state.to_owned()),
            };
            catalogue.set_absent(server.name, reason);
        }
    }
    catalogue
}

/// A tool as the catalogue has it.
fn entry(info: &ToolInfo) -> Tool {
    Tool {
        name: info.full_name(),
        description: match (&info.title, info.description.as_str()) {
            (Some(title), "") => title.clone(),
            (_, description) => description.to_owned(),
        },
        parameters: info.schema.as_value().clone(),
        effects: info.effects,
        program: None,
        install_hint: None,
        rollback_hint: None,
        examples: Vec::new(),
        commands: Vec::new(),
        commands_complete: 0,
        flags: Vec::new(),
        value_flags: Vec::new(),
        runs_code: false,
        through: None,
        runs: Runs::Mcp(McpForm { server: info.server.clone(), tool: info.name.clone(), schema: info.schema.clone() }),
    }
}
