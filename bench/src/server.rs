//! A server under test: a real process on a data directory of its own.

#![expect(clippy::disallowed_methods, reason = "starts the program that it measures")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::BenchError;
use crate::client::Client;

/// The key that servers under test accept.
pub const KEY: &str = "bench-key-that-nobody-else-uses";

/// A running server.
pub struct Server {
    child: Child,
    pub port: u16,
    pub client: Client,
    /// From the start of the process to the first answer of `/ready`.
    pub ready_after: Duration,
}

/// Where a server keeps its state, and with what it is started.
#[derive(Clone, Debug)]
pub struct Setup {
    pub binary: PathBuf,
    pub data_dir: PathBuf,
    pub port: u16,
    pub config: Option<String>,
}

impl Setup {
    /// A setup on a port that is free now.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn new(binary: &Path, data_dir: &Path) -> Result<Self, BenchError> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { binary: binary.to_owned(), data_dir: data_dir.to_owned(), port, config: None })
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it ends, or is not ready within 30 s.
    pub async fn start(&self) -> Result<Server, BenchError> {
        std::fs::create_dir_all(&self.data_dir)?;
        if let Some(config) = &self.config {
            std::fs::write(self.data_dir.join("partita.yaml"), config)?;
        }
        let started = Instant::now();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.data_dir.join("server.log"))?;
        let mut child = Command::new(&self.binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .env("PARTITA_API_KEY", KEY)
            .env("PARTITA_DATA_DIR", &self.data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let client = Client::new(self.port)?;
        loop {
            if client.is_ready().await {
                return Ok(Server { child, port: self.port, client, ready_after: started.elapsed() });
            }
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(self.data_dir.join("server.log")).unwrap_or_default();
                return Err(BenchError::broken(format!("the server ended at its start ({status}): {log}")));
            }
            if started.elapsed() > Duration::from_secs(30) {
                let _ = child.kill();
                return Err(BenchError::broken("the server was not ready within 30 s"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Server {
    /// Resident memory in KiB, as the kernel counts it.
    #[must_use]
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Kills it as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it can't be killed.
    pub fn kill(mut self) -> Result<(), BenchError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    ///
    /// When it does not end within 30 s.
    pub fn stop(mut self) -> Result<(), BenchError> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(std::io::Error::from)?;
        }
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > Duration::from_secs(30) {
                self.child.kill()?;
                return Err(BenchError::broken("the server did not end within 30 s of being asked"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
