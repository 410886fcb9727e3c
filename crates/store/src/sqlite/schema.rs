//! Opening a database: is it ours, is it of this version, and how it gets there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::{Runner, Target};
use rusqlite::{Connection, OptionalExtension};

mod embedded {
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// Marks a database as one of ours (`PRAGMA application_id`): "PRTA".
const APPLICATION_ID: i32 = 0x5052_5441;
/// How long a connection waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared; more than there are.
const STATEMENTS_CACHED: usize = 64;
/// Readable by the owner only: journals hold parameters and output.
const MODE: u32 = 0o600;

/// Why a database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later program wrote it.
    #[error(
        "the database {} has version {found}, this program knows versions up to {known}: use the newer partita, or restore the copy it made beside it (`….before-…`)",
        path.display()
    )]
    Newer { path: PathBuf, found: i32, known: i32 },
    /// It holds something else.
    #[error("{} is no partita database: name another data directory", .0.display())]
    Foreign(PathBuf),
    /// The file or its directory can't be used.
    #[error("the database {} can't be opened: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    /// SQLite refused.
    #[error("the database {} can't be opened: {error}", path.display())]
    Sqlite { path: PathBuf, error: rusqlite::Error },
    /// A step to this program's version failed; the database is as it was.
    #[error("the database {} can't be brought to version {version}, it is as it was: {error}", path.display())]
    Migration { path: PathBuf, version: i32, error: Box<refinery::Error> },
}

/// What turns any earlier version into this program's.
pub(super) fn migrations() -> Runner {
    embedded::migrations::runner()
}

/// Opens the database for writing, making or migrating it first.
pub(super) fn open_writer(path: &Path, migrations: Runner) -> Result<Connection, OpenError> {
    let io_error = |error| OpenError::Io { path: path.to_owned(), error };
    let sqlite_error = |error| OpenError::Sqlite { path: path.to_owned(), error };
    let is_new = create(path).map_err(io_error)?;
    let mut connection = Connection::open(path).map_err(sqlite_error)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite_error)?;
    let known = migrations.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    let found = version(&connection).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned()),
        _ => sqlite_error(error),
    })?;
    match found {
        Found::Foreign => return Err(OpenError::Foreign(path.to_owned())),
        Found::Version(found) if found > known => return Err(OpenError::Newer { path: path.to_owned(), found, known }),
        Found::Version(found) if found < known => {
            copy(&connection, path, known).map_err(io_error)?;
        }
        Found::Version(_) | Found::Nothing => {}
    }
    configure(&connection).map_err(sqlite_error)?;
    let migration_error =
        |error| OpenError::Migration { path: path.to_owned(), version: known, error: Box::new(error) };
    migrations.set_grouped(true).set_target(Target::Latest).run(&mut connection).map_err(migration_error)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite_error)?;
    if is_new {
        sync_directory(path).map_err(io_error)?;
    }
    Ok(connection)
}

/// Opens one more connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is on the disk when it returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Pages in the log before it is moved into the database. Once it has this length it is overwritten
    // rather than grown, and syncing what does not grow takes half the time.
    connection.pragma_update(None, "wal_autocheckpoint", 1_000)?;
    // A log that grew in a burst is cut down again.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
}

/// What is in a file.
enum Found {
    Nothing,
    Version(i32),
    Foreign,
}

fn version(connection: &Connection) -> Result<Found, rusqlite::Error> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if tables == 0 {
        return Ok(if application == 0 || application == APPLICATION_ID { Found::Nothing } else { Found::Foreign });
    }
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let is_migrated = connection.query_row(table, [], |_| Ok(())).optional()?.is_some();
    // A crash between the first migration and the mark leaves a database of ours without the mark.
    if !is_migrated || application != 0 && application != APPLICATION_ID {
        return Ok(Found::Foreign);
    }
    let history = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    connection.query_row(history, [], |row| row.get(0)).map(Found::Version)
}

/// Makes the file with its mode, before SQLite makes one with another; whether it was not there.
fn create(path: &Path) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file name is durable when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Copies the database, whole, to `<file>.before-<version>`; the name appears when the copy is done.
fn copy(connection: &Connection, path: &Path, version: i32) -> io::Result<()> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let (partial, whole) = (beside(&format!(".before-{version}.partial")), beside(&format!(".before-{version}")));
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(&partial)?;
    let target = partial.to_str().ok_or_else(|| io::Error::other("its path is not UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [target]).map_err(io::Error::other)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, &whole)?;
    sync_directory(&whole)?;
    tracing::info!(copy = %whole.display(), "copied the database before migrating it");
    Ok(())
}
