//! Opening the file: pragmas, the version check, the copy, the migrations.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

mod migrations {
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// Marks the file as ours (`PARt`), so that another program's database is never touched.
const APPLICATION_ID: i32 = 0x5041_5274;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} can't be opened: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} can't be opened as a database: {source}")]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("{path} is the database of another program")]
    Foreign { path: PathBuf },
    #[error(
        "{path} has schema version {found}, this program knows versions up to {known}: use the newer partita for this \
         data directory"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{path} can't be brought up to date: {message}; the copy {copy} holds what was there")]
    Migration { path: PathBuf, message: String, copy: PathBuf },
}

/// Opens the connection that writes, with an up-to-date schema.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(io)?;
    let mut connection = connect(path).map_err(sqlite)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(sqlite)?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(sqlite)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let runner = migrations::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| migration.version() as u32).max().unwrap_or(0);
    let found = applied_version(&connection).map_err(sqlite)?;
    if let Some(found) = found.filter(|found| *found > known) {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if found != Some(known) {
        let copy = copy_path(path, found);
        if found.is_some() {
            copy_to(&connection, &copy).map_err(sqlite)?;
        }
        let failed = |error: refinery::Error| OpenError::Migration {
            path: path.to_owned(),
            message: error.to_string(),
            copy: copy.clone(),
        };
        runner.run(&mut connection).map_err(failed)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    }
    Ok(connection)
}

/// Opens a connection with the pragmas that every connection of ours has.
pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The version of the latest migration that was applied to the file.
fn applied_version(connection: &Connection) -> Result<Option<u32>, rusqlite::Error> {
    let history = "SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history'";
    if connection.query_row(history, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0))
}

fn copy_path(path: &Path, version: Option<u32>) -> PathBuf {
    let mut copy = path.as_os_str().to_owned();
    copy.push(format!(".version-{}", version.unwrap_or(0)));
    PathBuf::from(copy)
}

fn copy_to(connection: &Connection, copy: &Path) -> Result<(), rusqlite::Error> {
    if copy.exists() {
        return Ok(());
    }
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map(|_| ())
}
