//! `partita serve`: runs the server until it is told to stop.

use std::net::SocketAddr;

use partita_provider::Planner;

use crate::assemble;
use crate::config::{LISTEN_DEFAULT, PlaceArgs};
use crate::data_dir::{self, Claim, ServerNote};
use crate::env::{self, Environment};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::signals::{Asked, Signals};

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen [default: 127.0.0.1:8001]
    #[arg(long, env = env::LISTEN, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// An origin whose pages may call the API from a browser; may be given more than once
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<String>,
}

/// Runs the server.
pub(crate) async fn run(
    args: Args,
    place: &PlaceArgs,
    environment: &Environment,
    output: &Output,
) -> Result<ExitCode, CliError> {
    assemble::start_logging(environment);
    assemble::harden();
    let path = place.data_dir(environment)?;
    let mut config = place.config_file(&path)?;
    config.cors_origins.extend(args.cors_origin);
    let listen = args.listen.or_else(|| config.listen.clone()).unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
    let dir = match data_dir::claim(&path)? {
        Claim::Ours(dir) => dir,
        Claim::Held(note) => {
            let who = note.map(|note| format!("the server at {} (process {})", note.url, note.pid));
            let who = who.unwrap_or_else(|| "another partita command".to_owned());
            return Err(CliError::new(ExitCode::Refused, format!("{} is in use by {who}", path.display()))
                .hint("Stop it first, or start this one with another --data-dir."));
        }
    };
    let mut signals = Signals::listen()?;
    let listener = bind(&listen).await?;
    let address = listener.local_addr()?;
    warn_about(address, output);
    let key = environment.get(env::API_KEY).map(str::to_owned);
    let assembled = assemble::assemble(dir, &config, environment, key).await?;
    assembled.dir().announce(&ServerNote { url: local_url(address), pid: std::process::id() })?;
    output.note(&format!("Partita listens on {}", local_url(address)));
    if environment.get(env::API_KEY).is_none() {
        output.note(&format!("Its API key is in {}", data_dir::key_path(&path).display()));
    }
    tokio::task::spawn_blocking(|| Planner::new().prepare());
    let asked = async move {
        // A terminal that hangs up does not end a server; nohup and service managers rely on it.
        while signals.next().await == Asked::HangUp {}
    };
    let served = assembled.serve(listener, asked).await;
    assembled.dir().withdraw();
    assembled.shut_down().await;
    served.map(|()| ExitCode::Success)
}

async fn bind(listen: &str) -> Result<tokio::net::TcpListener, CliError> {
    tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        let problem = CliError::new(ExitCode::Refused, format!("can't listen on {listen}: {error}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => problem
                .hint("Something else listens there: pass --listen 127.0.0.1:PORT with a free port (0 takes any)."),
            std::io::ErrorKind::InvalidInput => problem.hint("Write it like 127.0.0.1:8001."),
            _ => problem,
        }
    })
}

fn warn_about(address: SocketAddr, output: &Output) {
    if !address.ip().is_loopback() {
        output.note(&format!("WARNING: {address} can be reached from other machines, and keys travel in plain text: put a TLS proxy in front of it."));
    }
    if rustix::process::geteuid().is_root() {
        output.note(
            "WARNING: running as root: every step runs as root too. Use a user of its own for anything but a trial.",
        );
    }
}

/// The URL under which commands on this machine reach an address.
fn local_url(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
