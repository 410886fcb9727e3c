//! Copies of standard output and error in files, byte by byte: uncut, and unmasked, since a dump with
//! stars in it would be worthless. The file stays where the step wanted it and goes no further.

use std::path::{Path, PathBuf};

use partita_core::run::record::OutputStream;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

/// A file that output was to be copied to could not be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write the step's output to `{}`: {source}", path.display())]
pub(crate) struct CopyError {
    path: PathBuf,
    source: std::io::Error,
}

/// The files that the streams of one attempt are copied to.
#[derive(Default)]
pub(crate) struct Copies {
    stdout: Option<CopyFile>,
    stderr: Option<CopyFile>,
    error: Option<CopyError>,
}

struct CopyFile {
    file: File,
    path: PathBuf,
}

impl Copies {
    /// Opens the files. `append`: add to what is there (further items and rounds of a step) instead of replacing it.
    pub(crate) async fn open(stdout: Option<&Path>, stderr: Option<&Path>, append: bool) -> Result<Self, CopyError> {
        let one_file = stdout.is_some() && stdout == stderr;
        let stdout = CopyFile::open(stdout, append).await?;
        let stderr = CopyFile::open(stderr, append || one_file).await?;
        Ok(Self { stdout, stderr, error: None })
    }

    /// Whether a stream has a copy that is still written.
    pub(crate) fn wants(&self, stream: OutputStream) -> bool {
        match stream {
            OutputStream::Stdout => self.stdout.is_some(),
            OutputStream::Stderr => self.stderr.is_some(),
        }
    }

    /// Copies bytes of a stream. The first failure is kept for [`Copies::finish`] and ends the copying.
    pub(crate) async fn write(&mut self, stream: OutputStream, bytes: &[u8]) {
        let slot = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let Some(copy) = slot else { return };
        let result = copy.file.write_all(bytes).await;
        // One file for both streams keeps their order only when nothing waits in between.
        let result = if result.is_ok() { copy.file.flush().await } else { result };
        if let Err(source) = result {
            let path = copy.path.clone();
            *slot = None;
            self.error.get_or_insert(CopyError { path, source });
        }
    }

    /// The first failure, if there was one.
    pub(crate) fn finish(self) -> Result<(), CopyError> {
        self.error.map_or(Ok(()), Err)
    }
}

impl CopyFile {
    async fn open(path: Option<&Path>, append: bool) -> Result<Option<Self>, CopyError> {
        let Some(path) = path else { return Ok(None) };
        let failed = |source| CopyError { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(failed)?;
        }
        let mut options = tokio::fs::OpenOptions::new();
        // Both streams may go to one file, so each write goes to its end.
        options.create(true).append(true);
        let file = options.open(path).await.map_err(failed)?;
        if !append && file.metadata().await.map_err(failed)?.is_file() {
            file.set_len(0).await.map_err(failed)?;
        }
        Ok(Some(Self { file, path: path.to_owned() }))
    }
}
