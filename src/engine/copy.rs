//! COPY data on its way: into the server, out of the script or a file; and out of it, into a file of the
//! run.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::conductor::Conductor;
use super::problems;
use super::sources::AnyScript;
use super::stop::Stop;
use super::stream::{Broken, Stream, hex};
use crate::pg::{PgError, Reply};
use crate::run::event::{Event, Place, Unit};
use crate::script::CopyFile;

/// COPY data is flushed in pieces of this size.
const COPY_PIECE: usize = 256 * 1024;

/// A file that a `\copy … to` wrote.
#[derive(Debug, Clone)]
pub struct Written {
    /// As the script names it.
    file: String,
    path: PathBuf,
    bytes: u64,
    pub rows: u64,
    digest: String,
    place: Place,
}

/// A file that is being written. Until it is whole it has another name; dropped before, it is gone.
pub(super) struct Writing {
    out: BufWriter<File>,
    part: PathBuf,
    sha: Sha256,
    written: Written,
    renamed: bool,
}

impl Writing {
    /// `name` leads to a place below the folder: the script was read so.
    fn begin(folder: &Path, name: &str, place: Place) -> std::io::Result<Self> {
        let path = folder.join(name);
        let above = path.parent().unwrap_or(folder);
        DirBuilder::new().mode(0o700).recursive(true).create(above)?;
        if path.is_dir() {
            return Err(std::io::Error::other("it is a folder"));
        }
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // One that a crash has left.
        let _ = std::fs::remove_file(&part);
        let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let written =
            Written { file: name.to_owned(), path, bytes: 0, rows: 0, digest: String::new(), place };
        let out = BufWriter::with_capacity(COPY_PIECE, out);
        Ok(Self { out, part, sha: Sha256::new(), written, renamed: false })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sha.update(bytes);
        self.written.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> std::io::Result<Written> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        std::fs::rename(&self.part, &self.written.path)?;
        self.renamed = true;
        let mut written = self.written.clone();
        written.digest = hex(&self.sha.clone().finalize());
        Ok(written)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl Stream<'_> {
    /// Feeds data after the server has asked for it.
    pub(super) async fn copy_in(&mut self, script: &mut AnyScript) -> Result<(), Broken> {
        self.fed += 1;
        let mut piece = Vec::with_capacity(COPY_PIECE);
        loop {
            match script.copy_chunk(&mut piece) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let problem = problems::of_script(&error);
                    self.work.copy_fail("the COPY data can't be read").map_err(|e| self.broken(e))?;
                    self.flush().await?;
                    return Err(Broken::Script(Box::new(problem)));
                }
            }
            self.work.copy_data(&piece).map_err(|error| self.broken(error))?;
            if self.work.queued_bytes() < COPY_PIECE {
                continue;
            }
            self.flush().await?;
            if let Some(interruption) = self.interruption_now() {
                self.work.copy_fail("interrupted").map_err(|error| self.broken(error))?;
                self.flush().await?;
                return Err(self.interruption(interruption));
            }
            self.heard().await?;
        }
        self.work.copy_done();
        self.flush().await
    }

    /// What the server says while we send: notices, which would pile up; or that it has refused a row. Then
    /// it throws away what follows, however much that is, and nothing more is sent.
    async fn heard(&mut self) -> Result<(), Broken> {
        while self.work.has_answer().await {
            match self.reply().await? {
                Reply::Notice(notice) => self.notice(&notice),
                Reply::Error(error) if error.ends_session() => {
                    return Err(Broken::Lost(PgError::Server(Box::new(error))));
                }
                Reply::Error(error) => return Err(self.refused(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The server is about to send rows: a `\copy … to` has a file for them.
    pub(super) fn copy_out(&mut self) -> Result<(), Broken> {
        let Some(statement) = self.flight.front() else { return Ok(()) };
        let Some(CopyFile::To { name }) = &statement.file else { return Ok(()) };
        let place = problems::place_of(&statement.place);
        let (Some(folder), name) = (self.artifacts.clone(), name.clone()) else { return Ok(()) };
        let begun = Writing::begin(&folder, &name, place.clone());
        self.writing = Some(begun.map_err(|error| unwritten(&folder.join(&name), place, &error))?);
        Ok(())
    }

    /// Rows of a COPY. Those of one that has no file of ours are let go.
    pub(super) fn copied_out(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        match writing.write(bytes) {
            Ok(()) => {
                self.writing = Some(writing);
                Ok(())
            }
            Err(error) => Err(unwritten(&writing.written.path, writing.written.place.clone(), &error)),
        }
    }

    /// All rows have come.
    pub(super) fn copy_out_done(&mut self, rows: u64) -> Result<(), Broken> {
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        writing.written.rows = rows;
        let (path, place) = (writing.written.path.clone(), writing.written.place.clone());
        let written = writing.finish().map_err(|error| unwritten(&path, place, &error))?;
        self.written.push(written);
        Ok(())
    }
}

fn unwritten(path: &Path, place: Place, error: &std::io::Error) -> Broken {
    let mut problem = problems::plain(format!("\\copy: {} can't be written: {error}", path.display()));
    problem.place = Some(place);
    Broken::Script(Box::new(problem))
}

impl Conductor {
    /// Puts the files that a script wrote into the evidence. They stay when its transaction is undone.
    pub(super) async fn record_written(&mut self, unit: &Unit, written: Vec<Written>) -> Result<(), Stop> {
        for Written { file, path, bytes, rows, digest, place } in written {
            let path = path.display().to_string();
            self.record(Event::FileWritten { unit: unit.clone(), file, path, bytes, rows, digest, place })
                .await?;
        }
        Ok(())
    }
}
