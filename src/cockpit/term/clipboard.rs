//! A text to the clipboard: through tmux where we are in it, else by asking the terminal (OSC 52).
//!
//! tmux drops OSC 52 unless it was told not to; its own buffer is there for everybody who is attached.

use std::io::{self, Write, stdout};
use std::process::{Command, Stdio};

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;

use crate::cockpit::link::Link;
use crate::cockpit::message::Msg;
use crate::text::words::{count, unsigned};

/// More than this many a terminal silently leaves alone.
const TERMINAL: usize = 70_000;

/// Copies; what became of it comes back as a message.
pub fn copy(what: String, text: String, link: Link) {
    let size = match text.lines().count() {
        0 | 1 => format!("{what}, {}", count(text.chars().count() as u64, "character")),
        lines => format!("{what}, {}", count(lines as u64, "line")),
    };
    if std::env::var_os("TMUX").is_none_or(|socket| socket.is_empty()) {
        let (words, bad) = match execute!(stdout(), CopyToClipboard::to_clipboard_from(&text)) {
            Ok(()) if text.len() > TERMINAL => (
                format!(
                    "handed to the terminal: {size}. {} bytes may be too many for it",
                    unsigned(text.len() as u64)
                ),
                true,
            ),
            Ok(()) => (format!("handed to the terminal for its clipboard: {size}"), false),
            Err(error) => (format!("not copied: {error}"), true),
        };
        link.send(Msg::Copied(words, bad));
        return;
    }
    // tmux may take its time, and the screen doesn't wait for it.
    let thread = std::thread::Builder::new().name("copy".into()).spawn(move || {
        let message = match through_tmux(&text) {
            Ok(()) => Msg::Copied(format!("copied into tmux's buffer and the clipboard: {size}"), false),
            Err(why) => Msg::Copied(format!("not copied, tmux load-buffer: {why}"), true),
        };
        link.send(message);
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to copy");
    }
}

fn through_tmux(text: &str) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let mut child = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(words)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(words)?;
    }
    let output = child.wait_with_output().map_err(words)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
