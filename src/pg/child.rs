//! A program that runs beside us: its output line by line, and nothing of it left behind.
//!
//! The program runs in a process group of its own, so that a Ctrl-C at the terminal is ours to judge.
//! The group is led by a guard: a shell that waits for the end of a pipe of which we hold the other
//! end. However we end, by `kill -9` too, the guard then removes the files that were handed over
//! and kills the group with everything that the program has started. While the guard is there, no
//! other group can have its id.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{self, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

/// A line keeps so many bytes; what is longer is cut.
pub const LINE_AT_MOST: usize = 16 * 1024;
/// Lines that wait to be taken; when there are more, the program waits.
const WAITING: usize = 256;
/// How long output may still come after the program has ended and its group is gone: somebody who left
/// the group may hold the pipe for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Waits for the end of its input, whatever it is sent meanwhile; removes its arguments; ends the group.
const GUARD: &str = "trap '' HUP INT QUIT TERM; IFS= read -r end; rm -f -- \"$@\"; kill -KILL 0";

/// What is to run. The environment is all that the program gets; nothing is inherited.
#[derive(Debug, Clone)]
pub struct Program {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Where it stands.
    pub folder: PathBuf,
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads; nothing when empty.
    pub input: Vec<u8>,
    /// Files that were made for it and go with it, however it ends.
    pub remove: Vec<PathBuf>,
}

/// Pipes that whoever starts the program holds in his own hands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pipes {
    /// What it reads comes bit by bit.
    pub input: bool,
    /// What it writes is taken as it is, not by lines.
    pub output: bool,
}

/// A program couldn't be started.
#[derive(Debug, thiserror::Error)]
#[error("start {}: {reason}", program.display())]
pub struct ChildError {
    pub program: PathBuf,
    pub reason: std::io::Error,
}

/// Where a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// A line of output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub from: Stream,
    pub text: String,
    /// It was longer than [`LINE_AT_MOST`].
    pub cut: bool,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
}

/// What a program did next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    Said(Line),
    /// It has ended, everything it said has been told, and nothing it started is left in its group.
    Ended(Ended),
}

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    leader: process::Child,
    /// Its input is what holds the guard back.
    guard: process::Child,
    group: Pid,
    pid: u32,
    lines: mpsc::Receiver<Line>,
    ended: Option<Ended>,
    /// When nothing more is waited for.
    until: Option<tokio::time::Instant>,
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    remove: Vec<PathBuf>,
}

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    /// When it isn't there or can't be run.
    pub fn start(program: Program) -> Result<Self, ChildError> {
        Self::start_with(program, Pipes::default())
    }

    /// Starts a program of which some pipes are the caller's.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(program: Program, pipes: Pipes) -> Result<Self, ChildError> {
        let failed = |what: &PathBuf, reason| ChildError { program: what.clone(), reason };
        let shell = PathBuf::from("/bin/sh");
        let mut guard = Command::new(&shell);
        guard.arg("-c").arg(GUARD).arg("holdpoint-guard").args(&program.remove);
        guard.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/").process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = guard.spawn().map_err(|error| failed(&shell, error))?;
        let group = guard.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(i32::MAX);

        let mut command = Command::new(&program.program);
        command.args(&program.args).current_dir(&program.folder).process_group(group);
        command.env_clear().envs(program.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if program.input.is_empty() && !pipes.input { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // Without a leader the guard goes too: its input ends with it.
        let mut leader = command.spawn().map_err(|error| failed(&program.program, error))?;
        let (send, lines) = mpsc::channel(WAITING);
        let output = if pipes.output { leader.stdout.take() } else { None };
        let input = if pipes.input { leader.stdin.take() } else { None };
        if let Some(out) = leader.stdout.take() {
            tokio::spawn(read(out, Stream::Out, send.clone()));
        }
        if let Some(err) = leader.stderr.take() {
            tokio::spawn(read(err, Stream::Err, send));
        }
        if let Some(stdin) = leader.stdin.take() {
            tokio::spawn(write(stdin, program.input));
        }
        let pid = leader.id().unwrap_or_default();
        Ok(Self {
            leader,
            guard,
            group: Pid::from_raw(group),
            pid,
            lines,
            ended: None,
            until: None,
            input,
            output,
            remove: program.remove,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it reads; dropped, it has read all.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.input.take()
    }

    /// What it writes.
    pub fn take_output(&mut self) -> Option<ChildStdout> {
        self.output.take()
    }

    /// What it does next. May be dropped while it waits, and called again.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(ended) = self.ended {
                let until = self.until.unwrap_or_else(tokio::time::Instant::now);
                return match tokio::time::timeout_at(until, self.lines.recv()).await {
                    Ok(Some(line)) => News::Said(line),
                    Ok(None) | Err(_) => News::Ended(ended),
                };
            }
            tokio::select! {
                biased;
                Some(line) = self.lines.recv() => return News::Said(line),
                status = self.leader.wait() => {
                    self.ended = Some(status.map_or(Ended::Signal(0), ended));
                    self.remove_files();
                    self.kill();
                    self.until = Some(tokio::time::Instant::now() + LAST_WORDS);
                }
            }
        }
    }

    /// Sends a signal to the program and everything it has started, as a Ctrl-C at the terminal would.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = killpg(self.group, signal)
            && error != Errno::ESRCH
        {
            tracing::warn!(%error, %signal, group = %self.group, "a process group can't be signalled");
        }
    }

    /// Ends it at once, with everything it has started.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks it to end by a signal, and kills it when it hasn't within `patience`. Its lines go to `say`.
    pub async fn stop(&mut self, by: Signal, patience: Duration, mut say: impl FnMut(Line)) -> Ended {
        self.signal(by);
        let until = tokio::time::Instant::now() + patience;
        loop {
            match tokio::time::timeout_at(until, self.next()).await {
                Ok(News::Said(line)) => say(line),
                Ok(News::Ended(ended)) => return ended,
                Err(_) => break,
            }
        }
        self.kill();
        loop {
            match self.next().await {
                News::Said(line) => say(line),
                News::Ended(ended) => return ended,
            }
        }
    }
}

impl Child {
    fn remove_files(&mut self) {
        for file in self.remove.drain(..) {
            if let Err(error) = std::fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %file.display(), "a file of a child program stays");
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.remove_files();
        // The guard kills the group and itself.
        drop(self.guard.stdin.take());
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}

/// A program that doesn't read its input to the end has no use for the rest.
async fn write(mut stdin: ChildStdin, input: Vec<u8>) {
    use tokio::io::AsyncWriteExt;
    let _ = stdin.write_all(&input).await;
    let _ = stdin.shutdown().await;
}

async fn read(pipe: impl AsyncRead + Unpin, from: Stream, lines: mpsc::Sender<Line>) {
    let mut pipe = BufReader::new(pipe);
    let (mut text, mut cut) = (Vec::new(), false);
    loop {
        let bytes = match pipe.fill_buf().await {
            Ok(bytes) if !bytes.is_empty() => bytes,
            Ok(_) | Err(_) => break,
        };
        let newline = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..newline.unwrap_or(bytes.len())];
        let room = LINE_AT_MOST - text.len();
        text.extend_from_slice(&part[..part.len().min(room)]);
        cut |= part.len() > room;
        let taken = newline.map_or(bytes.len(), |at| at + 1);
        pipe.consume(taken);
        if newline.is_some() && lines.send(line(from, &mut text, &mut cut)).await.is_err() {
            return;
        }
    }
    if !text.is_empty() {
        let _ = lines.send(line(from, &mut text, &mut cut)).await;
    }
}

fn line(from: Stream, text: &mut Vec<u8>, cut: &mut bool) -> Line {
    let bytes = std::mem::take(text);
    let text = String::from_utf8_lossy(&bytes);
    Line { from, text: text.trim_end_matches('\r').to_owned(), cut: std::mem::take(cut) }
}
