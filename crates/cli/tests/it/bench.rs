//! A data directory, a working directory, and the binary in them.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Where a test works.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    path: String,
    /// Further variables of the binary.
    variables: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

/// Where programs are looked for.
const PROGRAMS: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

pub(crate) const KEY: &str = "a-key-for-tests";

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), path: PROGRAMS.to_owned(), variables: Vec::new() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts programs on the `PATH` that record their arguments in `calls` and say them.
    pub(crate) fn recording(&mut self, programs: &[&str]) {
        for program in programs {
            self.stand_in(program, &format!("echo \"{program} $*\""));
        }
    }

    /// Puts a program on the `PATH` that records its arguments in `calls` and does what a text says.
    pub(crate) fn stand_in(&mut self, program: &str, text: &str) {
        let bin = self.file("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let calls = self.file("calls");
        let text = format!("#!/bin/sh\necho \"{program} $*\" >> '{}'\n{text}\n", calls.display());
        write_program(&bin.join(program), &text);
        if !self.path.starts_with(&format!("{}:", bin.display())) {
            self.path = format!("{}:{}", bin.display(), self.path);
        }
    }

    /// As [`Bench::stand_in`], unless the program itself is there.
    pub(crate) fn stand_in_unless_there(&mut self, program: &str, text: &str) {
        if !PROGRAMS.split(':').any(|place| Path::new(place).join(program).exists()) {
            self.stand_in(program, text);
        }
    }

    /// Gives the binary the value of a secret.
    pub(crate) fn secret(&mut self, name: &str, value: &str) {
        self.variables.push((format!("PARTITA_SECRET_{name}"), value.to_owned()));
    }

    pub(crate) fn calls(&self) -> String {
        std::fs::read_to_string(self.file("calls")).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partita"));
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.dir.path())
            .env("PARTITA_DATA_DIR", self.file("data"))
            .env("PARTITA_SECRET_TOKEN", "hunter2-hunter2")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn partita(&self, args: &[&str]) -> Said {
        let output = self.command().args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts a server on a free port and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("PARTITA_API_KEY", KEY).env("PARTITA_LOG", "warn");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut url = String::new();
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if let Some(found) = line.split("listens on ").nth(1) {
                url = found.trim().to_owned();
                break;
            }
            line.clear();
        }
        assert!(!url.is_empty(), "the server did not say where it listens");
        // Whatever else it says must not block it.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Server { child, url }
    }
}

impl Server {
    /// Posts a body and waits for the whole answer: its status, and its JSON or its text.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(KEY).json(body);
        let answer = request.header("prefer", "wait=120").send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Makes a workflow of a template and runs it to its end.
    pub(crate) async fn run_template(&self, id: &str, parameters: &Value) -> Value {
        let made = self.workflow_of(id, parameters).await;
        self.post("/execute", &json!({"workflow": made})).await.1
    }

    /// Makes a valid workflow of a template.
    pub(crate) async fn workflow_of(&self, id: &str, parameters: &Value) -> Value {
        let (_, mut made) =
            self.post(&format!("/templates/{id}/instantiate"), &json!({"parameters": parameters})).await;
        assert_eq!(made["validation"]["valid"], true, "{id}: {made:#}");
        made["workflow"].take()
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
