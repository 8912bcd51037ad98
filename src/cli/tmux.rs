//! tmux from outside: which server is meant, what is asked of it, and how it is typed.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::failure::Failure;

/// A tmux server.
#[derive(Debug, Clone)]
pub struct Tmux {
    /// `-L NAME`, `-S PATH`, or nothing: the one that we are in, else the user's.
    socket: Vec<String>,
}

/// The socket of the server that this terminal is in.
fn surrounding() -> Option<String> {
    let value = std::env::var("TMUX").ok()?;
    let socket = value.split(',').next().filter(|socket| !socket.is_empty())?;
    Some(socket.to_owned())
}

/// Whether this terminal is a pane of tmux.
#[must_use]
pub fn is_inside() -> bool {
    surrounding().is_some()
}

impl Tmux {
    pub fn new(name: Option<&str>, path: Option<&str>) -> Self {
        let socket = match (path, name, surrounding()) {
            (Some(path), _, _) => vec!["-S".to_owned(), path.to_owned()],
            (None, Some(name), _) => vec!["-L".to_owned(), name.to_owned()],
            (None, None, Some(socket)) => vec!["-S".to_owned(), socket],
            (None, None, None) => Vec::new(),
        };
        Self { socket }
    }

    /// The server that this terminal is in.
    #[must_use]
    pub fn around() -> Option<Self> {
        Some(Self { socket: vec!["-S".to_owned(), surrounding()?] })
    }

    /// As it is typed, with everything behind it.
    #[must_use]
    pub fn typed(&self, args: &[&str]) -> String {
        // Whoever types it elsewhere finds the usual server without being told.
        let usual = self.socket.last().is_some_and(|socket| socket.ends_with("/default"));
        let socket = self.socket.iter().filter(|_| !usual).map(String::as_str);
        let words = std::iter::once("tmux").chain(socket).chain(args.iter().copied());
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(&self.socket).args(args);
        command
    }

    /// Asks it something. `Err`: it can't be started at all.
    pub fn ask(&self, args: &[&str]) -> Result<Output, Failure> {
        self.command(args).stdin(Stdio::null()).output().map_err(|error| missing(&error))
    }

    /// Has it carry out lines of its own language. They aren't seen by those who list processes.
    pub fn carry_out(&self, lines: &str) -> Result<(), Failure> {
        let mut child = self
            .command(&["start-server", ";", "source-file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| missing(&error))?;
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(lines.as_bytes());
        }
        let done = child.wait_with_output().map_err(|error| missing(&error))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(Failure::unreachable(format!("tmux couldn't make the session: {said}")))
    }
}

fn missing(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::refused(
            "tmux isn't installed: install it (on Debian: sudo apt-get install tmux), or let the others look \
             over your shoulder",
        ),
        _ => Failure::unreachable(format!("tmux can't be started: {error}")),
    }
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A word as tmux's own language takes it.
#[must_use]
pub fn in_tmux(word: &str) -> String {
    let escaped: String =
        word.chars().flat_map(|c| if "\\\"$".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_as_they_are() {
        assert_eq!(quoted("holdpoint-019a"), "holdpoint-019a");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(in_tmux("a \"b\" $HOME \\"), "\"a \\\"b\\\" \\$HOME \\\\\"");
    }
}
