//! COPY data on its way: into the server, out of the script or a file; and out of it, into a file of the
//! run.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::conductor::Conductor;
use super::data_lines::DataLines;
use super::digests::hex;
use super::heard::Broken;
use super::keep::unwritten as unwritten_artifact;
use super::problems;
use super::shell::{self, LAST_WORDS};
use super::sources::AnyScript;
use super::stop::Stop;
use super::stream::Stream;
use crate::pg::child::{News, Pipes};
use crate::pg::{PgError, Reply};
use crate::run::event::{Event, KeptFile, Place, Problem, Unit};
use crate::script::{Coding, CopyFile, Kind};

/// COPY data is flushed in pieces of this size.
const COPY_PIECE: usize = 256 * 1024;

/// A file that a `\copy … to`, `\o` or `\g` wrote.
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
    /// It couldn't be written: told when it is to be whole.
    broken: Option<std::io::Error>,
}

impl Writing {
    /// `name` leads to a place below the folder: the script was read so.
    pub(super) fn begin(folder: &Path, name: &str, place: Place) -> std::io::Result<Self> {
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
        Ok(Self { out, part, sha: Sha256::new(), written, renamed: false, broken: None })
    }

    /// A file that the plan names, at a place that was looked at.
    pub(super) fn at(path: &Path, named: &str, place: Place) -> Result<Self, Box<Problem>> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut writing =
            Self::begin(folder, &name, place).map_err(|error| Box::new(unwritten_artifact(path, &error)))?;
        named.clone_into(&mut writing.written.file);
        Ok(writing)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sha.update(bytes);
        self.written.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Writes on while that goes well.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.broken = self.write(bytes).err();
        }
    }

    pub(super) fn count(&mut self, rows: u64) {
        self.written.rows += rows;
    }

    /// Where it is written, and which command of the script names it.
    pub(super) fn named(&self) -> (PathBuf, Place) {
        (self.written.path.clone(), self.written.place.clone())
    }

    pub(super) fn finish(mut self) -> std::io::Result<Written> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
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
        if let Some(statement) = self.flight.front()
            && let Some(CopyFile::FromProgram { command }) = &statement.file
        {
            let (command, place) = (command.clone(), problems::place_of(&statement.place));
            let binary = |kind: &Kind| matches!(kind, Kind::CopyFromStdin { binary: true });
            let binary = statement.kind.each().iter().any(binary);
            return self.copy_from_program(&command, &place, binary).await;
        }
        self.data = script
            .data_place()
            .zip(self.flight.front())
            .map(|(first, statement)| DataLines::begin(first, statement));
        let mut piece = Vec::with_capacity(COPY_PIECE);
        loop {
            match script.copy_chunk(&mut piece) {
                Ok(true) => {
                    if let Some(data) = &mut self.data {
                        data.sent(&piece);
                    }
                }
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

    /// `\copy … from program`: what the command writes. When it fails its data isn't whole, and nothing of it
    /// stays; psql would commit it outside of a transaction.
    async fn copy_from_program(&mut self, command: &str, place: &Place, binary: bool) -> Result<(), Broken> {
        let mut end = EndMark { binary, ..EndMark::default() };
        let sent = self.feed_from(command, place, &mut end).await;
        match sent {
            Ok(()) => self.work.copy_done(),
            Err(Fed::Heard(broken)) => return Err(broken),
            Err(Fed::Stopped(broken)) => {
                self.work.copy_fail("its program didn't end well").map_err(|error| self.broken(error))?;
                self.flush().await?;
                return Err(broken);
            }
        }
        self.flush().await
    }

    async fn feed_from(&mut self, command: &str, place: &Place, end: &mut EndMark) -> Result<(), Fed> {
        let pipes = Pipes { output: true, input: false };
        let mut child = self.begin_shell(command, place, pipes).map_err(Fed::Stopped)?;
        let mut output = child.take_output();
        let (mut piece, mut ended) = (BytesMut::with_capacity(COPY_PIECE), None);
        while output.is_some() || ended.is_none() {
            let read = async {
                match &mut output {
                    Some(output) => output.read_buf(&mut piece).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                why = self.attention.interrupted() => {
                    return Err(Fed::Stopped(self.stopped(child, why, place).await));
                }
                news = child.next(), if ended.is_none() => match news {
                    News::Said(line) => (self.say)(&line.text),
                    News::Ended(how) => ended = Some(how),
                },
                read = read => {
                    if !read.is_ok_and(|read| read > 0) {
                        output = None;
                    }
                    let whole = end.take(&mut piece, output.is_none());
                    self.work.copy_data(&whole).map_err(|error| Fed::Stopped(self.broken(error)))?;
                    if self.work.queued_bytes() >= COPY_PIECE {
                        self.flush().await.map_err(Fed::Heard)?;
                        self.heard().await.map_err(Fed::Heard)?;
                    }
                }
                () = tokio::time::sleep(LAST_WORDS), if ended.is_some() => output = None,
            }
        }
        match ended.and_then(shell::fault) {
            Some(how) => Err(Fed::Stopped(shell::at(place, format!("\\copy: its program {how}")))),
            None => Ok(()),
        }
    }

    /// What the server says while we send: notices, which would pile up; or that it has refused a row. Then
    /// it throws away what follows, however much that is, and nothing more is sent.
    pub(super) async fn heard(&mut self) -> Result<(), Broken> {
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
        self.copied_binary = false;
        let Some(statement) = self.flight.front() else { return Ok(()) };
        let place = problems::place_of(&statement.place);
        match statement.file.clone() {
            Some(CopyFile::To { name }) => {
                let Some(folder) = self.ground.as_ref().map(|ground| ground.artifacts.clone()) else {
                    return Ok(());
                };
                let begun = Writing::begin(&folder, &name, place.clone());
                self.writing = Some(begun.map_err(|error| unwritten(&folder.join(&name), place, &error))?);
            }
            Some(CopyFile::ToProgram { command }) => {
                self.once = Some(self.pipe_to("the program of \\copy", &command, &place)?);
                self.once_copies = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Rows of a COPY. Those of one that has no file of ours go where results go, as in psql.
    pub(super) fn copied_out(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let Some(mut writing) = self.writing.take() else {
            let pstdout = self.flight.front().is_some_and(|s| s.file == Some(CopyFile::ToOutput));
            if pstdout || !self.put(bytes) {
                self.show_copied(bytes);
            }
            return Ok(());
        };
        match writing.write(bytes) {
            Ok(()) => {
                self.writing = Some(writing);
                Ok(())
            }
            Err(error) => Err(unwritten(&writing.written.path, writing.written.place.clone(), &error)),
        }
    }

    /// Rows for people. Of one in binary format there is nothing that could be read.
    fn show_copied(&mut self, bytes: &[u8]) {
        const BINARY: &[u8] = b"PGCOPY\n\xff";
        let coding = self.work.coding();
        if self.copied_binary || bytes.starts_with(BINARY) {
            if !std::mem::replace(&mut self.copied_binary, true) {
                (self.say)("(rows in binary format; they aren't shown)");
            }
            return;
        }
        let text = match coding {
            Coding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            coding => coding.shown(&coding.marked(bytes)).into_owned(),
        };
        text.lines().for_each(|line| self.show_line(line));
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

/// Why data of a program doesn't come to its end.
enum Fed {
    /// The server has refused it already.
    Heard(Broken),
    Stopped(Broken),
}

/// The line `\.` that ends data which isn't binary, wherever the pieces are cut.
#[derive(Default)]
struct EndMark {
    binary: bool,
    over: bool,
    /// The piece before ended in the middle of a line.
    in_line: bool,
}

impl EndMark {
    /// What can be sent of a piece; the beginning of a line that may be the mark stays in it.
    fn take(&mut self, piece: &mut BytesMut, last: bool) -> BytesMut {
        if self.over {
            piece.clear();
        }
        if self.binary {
            return piece.split();
        }
        let mut from = 0;
        while from < piece.len() {
            let line = &piece[from..];
            let end = line.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let begins = !self.in_line;
            match end {
                Some(end) if begins && matches!(&line[..end], b"\\.\n" | b"\\.\r\n") => {
                    self.over = true;
                    let whole = piece.split_to(from);
                    piece.clear();
                    return whole;
                }
                Some(end) => {
                    self.in_line = false;
                    from += end;
                }
                None if begins && !last && line.len() <= 3 => break,
                None => {
                    self.in_line = true;
                    from = piece.len();
                }
            }
        }
        piece.split_to(from)
    }
}

fn unwritten(path: &Path, place: Place, error: &std::io::Error) -> Broken {
    let mut problem = problems::plain(format!("\\copy: {} can't be written: {error}", path.display()));
    problem.place = Some(place);
    Broken::Script(Box::new(problem))
}

impl Conductor {
    /// Puts what the plan wanted kept as a file into the evidence.
    pub(super) async fn record_artifact(
        &mut self,
        step: &str,
        checkpoint: Option<&str>,
        written: Written,
    ) -> Result<(), Stop> {
        let Written { file, path, bytes, rows, digest, .. } = written;
        self.record(Event::ArtifactWritten(Box::new(KeptFile {
            step: step.to_owned(),
            checkpoint: checkpoint.map(str::to_owned),
            file,
            path: path.display().to_string(),
            bytes,
            rows,
            digest,
        })))
        .await
    }

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
