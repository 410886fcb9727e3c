//! The composition root: the one place that chooses SQLite, local processes and the providers.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use partita_core::tool::Catalogue;
use partita_engine::{Clock, EmbeddedEngine, EmbeddedOptions, EmbeddedParts, Engine};
use partita_mcp::{ConfigError, Pool, PoolOptions, ServerSettings, Tools};
use partita_provider::Templates;
use partita_runner::{LocalOptions, LocalRunner, NamedSecrets};
use partita_server::{App, Budgets, Options, Parts};
use partita_store::SqliteStore;
use tokio::net::TcpListener;

use crate::authors;
use crate::config::ConfigFile;
use crate::data_dir::{self, DataDir};
use crate::env::{self, Environment};
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Names that documents use for the runner `local`.
const LOCAL_ALIASES: [&str; 3] = ["local", "default", "kubiya-hosted"];
/// Variables of the server that a workflow may refer to as `${env.X}`.
const VISIBLE_ENV: [&str; 7] = ["HOME", "USER", "LANG", "TZ", "KUBECONFIG", "AWS_PROFILE", "PATH"];

/// How long a start waits for MCP servers; what comes later is known when it comes.
const MCP_WAIT: Duration = Duration::from_secs(5);

/// A server that was put together and is not listening yet.
pub(crate) struct Assembled {
    app: Arc<App>,
    engine: Arc<EmbeddedEngine>,
    store: SqliteStore,
    dir: DataDir,
    key: String,
    pool: Pool,
}

/// Puts a server together over a data directory. Without a key, the one in the directory is used, or a
/// new one is made and kept there.
pub(crate) async fn assemble(
    dir: DataDir,
    config: &ConfigFile,
    environment: &Environment,
    key: Option<String>,
) -> Result<Assembled, CliError> {
    let key = match key.or_else(|| data_dir::stored_key(dir.path())) {
        Some(key) => key,
        None => new_key(&dir)?,
    };
    let database = dir.path().join("partita.db");
    let store = SqliteStore::open(&database).map_err(|error| {
        CliError::new(ExitCode::Refused, error.to_string())
            .hint(format!("Use another --data-dir, or look after {}.", database.display()))
    })?;
    let catalogue = Arc::new(catalogue(&config.tools)?);
    let providers = authors::providers(config, environment)?;
    let runners = runner_names(config)?;
    let clock = Clock::system();
    let mut local = local_options(&dir, config, environment, &clock);
    let pool = mcp_pool(config, environment, local.environment_of_children())?;
    local.mcp = Some(pool.clone());
    let engine = EmbeddedEngine::start(EmbeddedParts {
        log: Arc::new(store.clone()),
        runners: vec![Arc::new(LocalRunner::new(local))],
        runner_aliases: runners.clone().into_iter().collect::<HashMap<_, _>>(),
        work_root: dir.path().join("runs"),
        clock: clock.clone(),
        options: engine_options(config),
    })
    .await
    .map_err(|error| CliError::new(ExitCode::Internal, error.to_string()))?;
    // So that the first request knows their tools; one that is slow or broken holds nobody up for long.
    pool.settled(MCP_WAIT).await;
    let path = environment.get("PATH").unwrap_or_default().to_owned();
    let shared_engine: Arc<dyn Engine> = Arc::<EmbeddedEngine>::clone(&engine);
    let app = App::new(Parts {
        engine: shared_engine,
        log: Arc::new(store.clone()),
        documents: Arc::new(store.clone()),
        tools: Tools::new(catalogue, Some(pool.clone())),
        providers,
        templates: Arc::new(Templates::builtin()),
        runners,
        visible_env: visible_env(environment),
        installed: Arc::new(move |program| is_installed(&path, program)),
        bootstrap_key: Some(key.clone()),
        options: options(config),
        now: Arc::new(partita_engine::system_now),
        entropy: Arc::new(fill_with_randomness),
    });
    Ok(Assembled { app, engine, store, dir, key, pool })
}

/// Every name of a runner that documents may use, with the runner that is meant.
fn runner_names(config: &ConfigFile) -> Result<BTreeMap<String, String>, CliError> {
    let mut names: BTreeMap<String, String> =
        LOCAL_ALIASES.iter().map(|alias| ((*alias).to_owned(), "local".to_owned())).collect();
    for (name, meant) in &config.runners {
        let Some(runner) = names.get(meant).cloned() else {
            let error = format!("the runner `{name}` is mapped to `{meant}`, which does not exist");
            return Err(CliError::new(ExitCode::Usage, error).hint("This version has the runner `local`."));
        };
        names.insert(name.clone(), runner);
    }
    Ok(names)
}

/// Starts connecting to the configured MCP servers.
fn mcp_pool(
    config: &ConfigFile,
    environment: &Environment,
    of_children: BTreeMap<String, String>,
) -> Result<Pool, CliError> {
    let wrong = |error: ConfigError| CliError::new(ExitCode::Usage, error.to_string());
    let variable = |name: &str| environment.get(name).map(str::to_owned);
    let resolve = |(name, settings): (&String, &ServerSettings)| settings.clone().resolve(name, &variable);
    let servers = config.mcp_servers.iter().map(resolve).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Pool::start(PoolOptions { servers, environment: of_children }).map_err(wrong)
}

fn options(config: &ConfigFile) -> Options {
    let defaults = Options::default();
    Options {
        cors_origins: config.cors_origins.clone(),
        requests_per_minute: config.requests_per_minute.unwrap_or(defaults.requests_per_minute),
        budgets: Budgets {
            request: config.budgets.request,
            session: config.budgets.session,
            key_per_day: config.budgets.key_per_day,
        },
        session_ttl: config.session_ttl_s.map_or(defaults.session_ttl, Duration::from_secs),
        ..defaults
    }
}

fn engine_options(config: &ConfigFile) -> EmbeddedOptions {
    let defaults = EmbeddedOptions::default();
    EmbeddedOptions {
        runs_active_max: config.active_runs.unwrap_or(defaults.runs_active_max),
        shutdown_grace: config.shutdown_grace_s.map_or(defaults.shutdown_grace, Duration::from_secs),
        ..defaults
    }
}

fn local_options(dir: &DataDir, config: &ConfigFile, environment: &Environment, clock: &Clock) -> LocalOptions {
    let boot_id = format!("{:x}-{:016x}", clock.moment().now, clock.moment().entropy);
    let mut options = LocalOptions::new(environment.for_runners(), dir.path().to_owned(), boot_id);
    options.pass_env.clone_from(&config.pass_env);
    options.secrets = Arc::new(NamedSecrets::new(environment.secrets()));
    options.block_private = config.private_addresses == Some(false);
    options
}

fn visible_env(environment: &Environment) -> BTreeMap<String, String> {
    let visible = |name: &&str| Some(((*name).to_owned(), environment.get(name)?.to_owned()));
    VISIBLE_ENV.iter().filter_map(visible).collect()
}

/// Whether a program is in one of the directories of a `PATH`.
fn is_installed(path: &str, program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = |file: PathBuf| {
        std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return executable(PathBuf::from(program));
    }
    path.split(':')
        .filter(|directory| !directory.is_empty())
        .any(|directory| executable(Path::new(directory).join(program)))
}

/// The tools that ship with Partita, and those of the given directories.
fn catalogue(directories: &[PathBuf]) -> Result<Catalogue, CliError> {
    let mut catalogue = Catalogue::builtin();
    for directory in directories {
        let unreadable = |error: std::io::Error| {
            CliError::new(ExitCode::Usage, format!("can't read the tools in {}: {error}", directory.display()))
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            files.push(entry.map_err(unreadable)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(unreadable)?;
            let name = file.display().to_string();
            catalogue.add_yaml(&text, &name).map_err(|findings| {
                let error = CliError::new(ExitCode::Usage, format!("the tools in {name} are wrong"));
                findings.iter().fold(error, |error, finding| {
                    let line = finding.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                    error.hint(format!("{line}{}", finding.message))
                })
            })?;
        }
    }
    Ok(catalogue)
}

/// Makes a key for the user of this data directory.
fn new_key(dir: &DataDir) -> Result<String, CliError> {
    let mut random = [0u8; 24];
    fill_with_randomness(&mut random);
    let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = format!("ptk_local_{secret}");
    dir.write_private("api_key", format!("{key}\n").as_bytes())?;
    Ok(key)
}

/// Random bytes of the system. A system without any can't keep a secret, so there is no way on.
pub(crate) fn fill_with_randomness(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        tracing::error!("the system gives no random bytes: {error}");
        std::process::abort();
    }
}

/// Sends the log to standard error.
pub(crate) fn start_logging(environment: &Environment) {
    // What libraries do is of interest when something is wrong.
    let default = "warn,partita=info";
    let wanted = environment.get(env::LOG).unwrap_or(default);
    let filter =
        tracing_subscriber::EnvFilter::try_new(wanted).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let colours = terminal && environment.get(env::NO_COLOR).is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // There is one subscriber per process; a second start keeps the first.
    let _ = log.try_init();
}

/// Keeps other processes of the same user from reading this one's memory.
pub(crate) fn harden() {
    #[cfg(target_os = "linux")]
    {
        let behaviour = rustix::process::DumpableBehavior::NotDumpable;
        if let Err(error) = rustix::process::set_dumpable_behavior(behaviour) {
            tracing::warn!("other processes may read the server's memory: {error}");
        }
    }
}

impl Assembled {
    /// The whole API, to be called inside this process.
    pub(crate) fn router(&self) -> axum::Router {
        partita_server::router(Arc::clone(&self.app))
    }

    /// A key with all scopes.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The data directory.
    pub(crate) fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Serves until `shutdown` resolves.
    pub(crate) async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), CliError> {
        Ok(partita_server::serve(listener, Arc::clone(&self.app), shutdown).await?)
    }

    /// Ends what runs here; runs that have not ended go on at the next start.
    pub(crate) async fn shut_down(&self) {
        self.engine.shut_down().await;
        self.pool.shut_down().await;
        self.store.close().await;
    }
}
