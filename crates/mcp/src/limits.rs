//! Every limit on what MCP servers may cost us, with its reason.

use std::time::Duration;

/// Most servers in one pool; each may be a process.
pub const SERVERS_MAX: usize = 32;
/// Longest name of a server. Short, since it stands before every name of a tool.
pub const SERVER_NAME_CHARS_MAX: usize = 32;
/// Longest name of a tool, as the protocol has it.
pub const TOOL_NAME_CHARS_MAX: usize = 128;
/// Most tools of one server; further ones are left out, and the status says so.
pub const TOOLS_MAX: usize = 256;
/// Most prompts, and most resources, of one server.
pub const LISTED_MAX: usize = 256;
/// Most pages of one list: a server can go on saying that there is more.
pub const PAGES_MAX: usize = 50;
/// Longest description that is kept, in characters. People and models read it; more is noise or an attack.
pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// Longest description of one parameter.
pub const PARAMETER_DESCRIPTION_CHARS_MAX: usize = 400;
/// Longest title, name or address that is shown.
pub const LINE_CHARS_MAX: usize = 200;
/// Largest schema of a tool, in bytes of JSON.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of a schema.
pub const SCHEMA_DEPTH_MAX: usize = 32;
/// Largest message of a server. A connection that sends a larger one is closed.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest text that is kept of a result; steps keep less.
pub const RESULT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Calls that one server carries out at a time; further ones wait.
pub const CALLS_MAX: usize = 32;
/// How long a call may go without a result or progress when the configuration says nothing.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long a call may take in all, however much progress it reports.
pub const TOTAL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// How long starting a server and shaking hands with it may take. A server of the older era that is mute
/// about the newer one costs 10 s of it.
pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// How long one page of a list may take.
pub const LIST_TIMEOUT: Duration = Duration::from_secs(15);
/// The first pause before a server is tried again; it doubles up to [`RETRY_DELAY_MAX`].
pub const RETRY_DELAY: Duration = Duration::from_millis(500);
/// The longest pause before a server is tried again.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);
/// How long a connection must have held to count as good, so that the pauses begin anew.
pub const GOOD_CONNECTION: Duration = Duration::from_secs(30);
/// Between two listings of a server that keeps saying that its lists changed.
pub const RELIST_PAUSE: Duration = Duration::from_millis(200);
/// Between closing a server's input and asking it to end, and between asking and killing.
pub const CHILD_GRACE: Duration = Duration::from_secs(2);
/// Most findings of one validator; further ones are counted.
pub const ISSUES_MAX: usize = 200;
