//! Which servers there are. Only the operator says so: a request never names a command or an address.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use partita_core::workflow::document::Effects;
use serde::Deserialize;

use crate::limits;

/// The server that Partita brings; the name is taken.
pub const BUILTIN_SERVER: &str = "partita";

/// One server as the configuration file has it, under its name in `mcp_servers`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// A program that speaks MCP on its standard input and output.
    pub command: Option<String>,
    pub args: Vec<String>,
    /// Its variables, besides a short list that every process gets. `${env.NAME}` takes the server's own
    /// variable `NAME`.
    pub env: BTreeMap<String, String>,
    /// Where it runs; the server's own directory when absent.
    pub dir: Option<PathBuf>,
    /// The address of a server that speaks MCP over HTTP, instead of `command`.
    pub url: Option<String>,
    /// Headers of every request; `${env.NAME}` as in `env`.
    pub headers: BTreeMap<String, String>,
    /// The token of `Authorization: Bearer`; usually `${env.NAME}`.
    pub bearer: Option<String>,
    /// Seconds that a call may go without a result or progress. 60 by default.
    pub timeout: Option<f64>,
    /// Seconds that a call may take in all. An hour by default.
    pub total_timeout: Option<f64>,
    /// Seconds that connecting may take. 30 by default.
    pub connect_timeout: Option<f64>,
    /// What tools do to the world, by name; those that are not named are `unknown`.
    pub effects: BTreeMap<String, Effects>,
    /// Whether to believe what the server itself says about its tools' effects.
    pub trust_annotations: bool,
}

/// How to reach a server. Shown without the values of variables and headers: they may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// The server that Partita brings, in this process.
    Builtin,
    /// A child process, ended with us.
    Stdio { command: String, args: Vec<String>, env: BTreeMap<String, String>, dir: Option<PathBuf> },
    /// Streamable HTTP.
    Http { url: String, headers: BTreeMap<String, String>, bearer: Option<String> },
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => formatter.write_str("Builtin"),
            Self::Stdio { command, args, env, dir } => {
                let names: Vec<&String> = env.keys().collect();
                let mut shown = formatter.debug_struct("Stdio");
                shown.field("command", command).field("args", args).field("env", &names).field("dir", dir).finish()
            }
            Self::Http { url, headers, bearer } => {
                let names: Vec<&String> = headers.keys().collect();
                let mut shown = formatter.debug_struct("Http");
                shown.field("url", url).field("headers", &names).field("bearer", &bearer.is_some()).finish()
            }
        }
    }
}

/// One server, ready to be connected to.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    pub name: String,
    pub transport: Transport,
    pub timeout: Duration,
    pub total_timeout: Duration,
    pub connect_timeout: Duration,
    pub effects: BTreeMap<String, Effects>,
    pub trust_annotations: bool,
}

/// A server can't be configured like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the MCP server `{server}`: {problem}")]
pub struct ConfigError {
    pub server: String,
    pub problem: String,
}

impl ServerConfig {
    /// A server with everything else at its default.
    #[must_use]
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        Self {
            name: name.into(),
            transport,
            timeout: limits::TIMEOUT_DEFAULT,
            total_timeout: limits::TOTAL_TIMEOUT_DEFAULT,
            connect_timeout: limits::CONNECT_TIMEOUT_DEFAULT,
            effects: BTreeMap::new(),
            trust_annotations: false,
        }
    }
}

impl ServerSettings {
    /// Checks the settings of the server `name` and fills in variables of our own environment.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn resolve(self, name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<ServerConfig, ConfigError> {
        let wrong = |problem: String| ConfigError { server: name.chars().take(64).collect(), problem };
        check_name(name).map_err(&wrong)?;
        let filled = |entries: BTreeMap<String, String>| -> Result<BTreeMap<String, String>, ConfigError> {
            let fill = |(key, value): (String, String)| Ok((key, fill_in(&value, variable).map_err(&wrong)?));
            entries.into_iter().map(fill).collect()
        };
        let is_odd = |seconds: f64| !(seconds > 0.0 && seconds <= 86_400.0);
        for (key, seconds) in [
            ("timeout", self.timeout),
            ("total_timeout", self.total_timeout),
            ("connect_timeout", self.connect_timeout),
        ] {
            if seconds.is_some_and(is_odd) {
                return Err(wrong(format!("`{key}` must be more than 0 and at most 86400 seconds")));
            }
        }
        let transport = match (self.command, self.url) {
            (Some(command), None) if !command.trim().is_empty() => {
                if !self.headers.is_empty() || self.bearer.is_some() {
                    return Err(wrong("`headers` and `bearer` belong to a `url`, not to a `command`".to_owned()));
                }
                Transport::Stdio { command, args: self.args, env: filled(self.env)?, dir: self.dir }
            }
            (None, Some(url)) => {
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(wrong(format!("`{url}` must begin with `http://` or `https://`")));
                }
                if !self.args.is_empty() || !self.env.is_empty() || self.dir.is_some() {
                    return Err(wrong("`args`, `env` and `dir` belong to a `command`, not to a `url`".to_owned()));
                }
                let bearer = self.bearer.map(|token| fill_in(&token, variable)).transpose().map_err(&wrong)?;
                Transport::Http { url, headers: filled(self.headers)?, bearer }
            }
            _ => return Err(wrong("needs either a `command` or a `url`".to_owned())),
        };
        let seconds = |given: Option<f64>, default: Duration| given.map_or(default, Duration::from_secs_f64);
        let timeout = seconds(self.timeout, limits::TIMEOUT_DEFAULT);
        Ok(ServerConfig {
            name: name.to_owned(),
            transport,
            timeout,
            total_timeout: seconds(self.total_timeout, limits::TOTAL_TIMEOUT_DEFAULT).max(timeout),
            connect_timeout: seconds(self.connect_timeout, limits::CONNECT_TIMEOUT_DEFAULT),
            effects: self.effects,
            trust_annotations: self.trust_annotations,
        })
    }
}

/// Whether a server can be called so: the name becomes the beginning of names of tools.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > limits::SERVER_NAME_CHARS_MAX || !name.bytes().all(is_plain) {
        let most = limits::SERVER_NAME_CHARS_MAX;
        return Err(format!("the name must be 1 to {most} letters, digits, `-` or `_`"));
    }
    if name == BUILTIN_SERVER {
        return Err("the name is that of the built-in server: use another".to_owned());
    }
    Ok(())
}

/// Puts variables of our own into `${env.NAME}`.
fn fill_in(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${env.") {
        let inside = &rest[at + 6..];
        let Some(end) = inside.find('}') else { break };
        let name = &inside[..end];
        let value = variable(name).ok_or_else(|| format!("the variable `{name}` is not set"))?;
        filled.push_str(&rest[..at]);
        filled.push_str(&value);
        rest = &inside[end + 1..];
    }
    Ok(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str, settings: ServerSettings) -> Result<ServerConfig, String> {
        let variable = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        settings.resolve(name, &variable).map_err(|error| error.to_string())
    }

    fn stdio() -> ServerSettings {
        ServerSettings { command: Some("node".to_owned()), ..ServerSettings::default() }
    }

    #[test]
    fn variables_are_filled_in_and_must_be_set() {
        let url = Some("https://tools.example/mcp".to_owned());
        let bearer = Some("${env.TOKEN}".to_owned());
        let config = resolve("web", ServerSettings { url: url.clone(), bearer, ..ServerSettings::default() }).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        let Transport::Http { bearer, .. } = config.transport else { panic!("{config:?}") };
        assert_eq!(bearer.as_deref(), Some("s3cret"));
        let bearer = Some("${env.OTHER}".to_owned());
        let error = resolve("web", ServerSettings { url, bearer, ..ServerSettings::default() }).unwrap_err();
        assert_eq!(error, "the MCP server `web`: the variable `OTHER` is not set");
    }

    #[test]
    fn names_and_mixtures_are_refused() {
        for name in ["", "a/b", "../x", "partita", "name with spaces", &"x".repeat(33), "ä"] {
            assert!(resolve(name, stdio()).is_err(), "{name}");
        }
        assert!(resolve("files", stdio()).is_ok());
        assert!(resolve("x", ServerSettings::default()).is_err());
        let both = ServerSettings { url: Some("http://x".to_owned()), ..stdio() };
        assert!(resolve("x", both).unwrap_err().contains("either a `command` or a `url`"));
        let file = ServerSettings { url: Some("file:///etc".to_owned()), ..ServerSettings::default() };
        assert!(resolve("x", file).is_err());
        for timeout in [0.0, -1.0, f64::NAN, 1e9] {
            assert!(resolve("x", ServerSettings { timeout: Some(timeout), ..stdio() }).is_err(), "{timeout}");
        }
    }
}
