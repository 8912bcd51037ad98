//! Listens to a program of the plan: shows its lines, keeps what the plan asks for, and stays small whatever
//! it writes.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use regex::bytes::Regex;

use super::copy::Writing;
use super::program::Heard;
use super::says::Says;
use super::secrets::Secrets;
use crate::pg::child::LINE_AT_MOST;

/// Lines and bytes that are shown and logged; more have filled both.
const LINES: u64 = 2_000;
const BYTES: usize = 1 << 20;
/// The last lines, and how much of each is in the evidence.
const TAIL: usize = 12;
const TAIL_LINE: usize = 400;
/// What `save` keeps.
const SAVED: usize = 64 * 1024;

/// Whoever listens.
pub(super) struct Listener {
    says: Says,
    secrets: Secrets,
    step: String,
    /// stdout goes into a file of the run, and isn't shown.
    pub into: Option<Writing>,
    /// The beginning of stdout, when it is to be saved.
    saves: bool,
    head: Vec<u8>,
    finders: [Finder; 2],
    log: Option<std::fs::File>,
    logged: usize,
    /// The line of stdout that isn't at its end yet.
    open: Vec<u8>,
    cut: bool,
    pub lines: u64,
    pub bytes: u64,
    shown: usize,
    left_out: u64,
    tail: VecDeque<String>,
}

impl Listener {
    pub fn new(says: Says, secrets: Secrets, step: &str, fragments: &[String], saves: bool) -> Self {
        Self {
            says,
            secrets,
            step: step.to_owned(),
            into: None,
            saves,
            head: Vec::new(),
            finders: [Finder::new(fragments), Finder::new(fragments)],
            log: None,
            logged: 0,
            open: Vec::new(),
            cut: false,
            lines: 0,
            bytes: 0,
            shown: 0,
            left_out: 0,
            tail: VecDeque::new(),
        }
    }

    /// Keeps what is said in a file of the run's folder, for whoever has to find out later how far it came.
    pub fn log_to(&mut self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
        }
        let mut options = std::fs::OpenOptions::new();
        self.log = Some(options.write(true).create(true).truncate(true).mode(0o600).open(path)?);
        Ok(())
    }

    pub fn hear(&mut self, heard: &Heard<'_>) {
        match heard {
            Heard::Line(line) => {
                self.finders[1].feed(line.text.as_bytes());
                self.finders[1].feed(b"\n");
                let text = if line.cut { format!("{} … (cut)", line.text) } else { line.text.clone() };
                self.line(&text, true);
            }
            Heard::Bytes(bytes) => self.stdout(bytes),
        }
    }

    fn stdout(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.finders[0].feed(bytes);
        if let Some(into) = &mut self.into {
            into.put(bytes);
        }
        if self.saves {
            // One more than may be says that there was more.
            let room = (SAVED + 1).saturating_sub(self.head.len());
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LINE_AT_MOST - self.open.len();
            self.open.extend_from_slice(&text[..text.len().min(room)]);
            self.cut |= text.len() > room;
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let bytes = std::mem::take(&mut self.open);
        let mut text = String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned();
        if std::mem::take(&mut self.cut) {
            text.push_str(" … (cut)");
        }
        let shown = self.into.is_none();
        self.line(&text, shown);
    }

    fn line(&mut self, text: &str, shown: bool) {
        self.lines += 1;
        let text = self.secrets.mask(text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.chars().take(TAIL_LINE).collect());
        if !shown {
            return;
        }
        self.shown += text.len();
        if self.lines > LINES || self.shown > BYTES {
            self.left_out += 1;
            return;
        }
        // A log that can't be written is no reason to stop what runs.
        if let Some(log) = self.log.as_mut().filter(|_| self.logged <= BYTES) {
            self.logged += text.len() + 1;
            if writeln!(log, "{text}").is_err() {
                self.log = None;
            }
        }
        self.says.say(&self.step, &text);
    }

    /// It is silent from now on.
    pub fn end(&mut self) {
        if !self.open.is_empty() {
            self.end_line();
        }
        if self.left_out > 0 {
            let words = format!("… and {} more lines that aren't shown", self.left_out);
            self.says.say(&self.step, &words);
            if let Some(log) = &mut self.log {
                let _ = writeln!(log, "{words}");
            }
        }
        self.says.tell_left_out(&self.step);
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// Fragments that were in neither stdout nor stderr.
    pub fn missing(&self) -> Vec<&str> {
        let [out, err] = &self.finders;
        let wanted = out.wanted.iter().zip(&out.found).zip(&err.found);
        wanted.filter(|((_, out), err)| !**out && !**err).map(|((text, _), _)| text.as_str()).collect()
    }

    /// What it wrote to stdout, as a value; why it can't be one.
    pub fn saved(&self) -> Result<String, String> {
        if self.head.len() > SAVED {
            return Err(format!("it wrote more than {} KB", SAVED / 1024));
        }
        let text =
            std::str::from_utf8(&self.head).map_err(|_| "what it wrote isn't text in UTF-8".to_owned())?;
        if text.contains('\0') {
            return Err("what it wrote has a zero byte in it".to_owned());
        }
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

/// Looks for texts in what comes piece by piece, however it is cut.
struct Finder {
    wanted: Vec<String>,
    shapes: Vec<Regex>,
    found: Vec<bool>,
    /// The end of what came, as long as a text that may have begun in it.
    window: Vec<u8>,
    longest: usize,
}

impl Finder {
    fn new(fragments: &[String]) -> Self {
        let longest = fragments.iter().map(String::len).max().unwrap_or_default();
        let wanted = fragments.to_vec();
        // What is escaped is always a pattern.
        let shapes = wanted.iter().filter_map(|text| Regex::new(&regex::escape(text)).ok()).collect();
        Self { found: vec![false; wanted.len()], wanted, shapes, window: Vec::new(), longest }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.found.iter().all(|found| *found) {
            return;
        }
        self.window.extend_from_slice(bytes);
        for (text, found) in self.shapes.iter().zip(&mut self.found).filter(|(_, found)| !**found) {
            *found = text.is_match(&self.window);
        }
        let keep = self.longest.saturating_sub(1).min(self.window.len());
        self.window.drain(..self.window.len() - keep);
    }
}

/// The file in the run's folder that has what a program wrote: one for each time that it is run.
pub(super) fn log_path(run: &Path, step: &str, back: bool, generation: u32, attempt: u32) -> PathBuf {
    let name: String = step.chars().map(|c| if c == '/' { '_' } else { c }).collect();
    let back = if back { ".back" } else { "" };
    run.join("programs").join(format!("{name}{back}.{generation}.{attempt}.log"))
}

/// The last lines of such a file; none when there is no such file.
pub(super) fn last_logged(path: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(TAIL);
    lines[last..].iter().map(|line| line.chars().take(TAIL_LINE).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(fragments: &[&str]) -> Listener {
        let fragments: Vec<String> = fragments.iter().map(|text| (*text).to_owned()).collect();
        Listener::new(Says::new().0, Secrets::default(), "a", &fragments, true)
    }

    #[test]
    fn a_text_is_found_wherever_it_is_cut() {
        let mut listener = listener(&["needle", "hay\nstack", "nothing"]);
        for byte in b"a need" {
            listener.hear(&Heard::Bytes(&[*byte]));
        }
        listener.hear(&Heard::Bytes(b"le, hay\n"));
        listener.hear(&Heard::Bytes(b"stack"));
        listener.end();
        assert_eq!(listener.missing(), ["nothing"]);
        assert_eq!(listener.saved().as_deref(), Ok("a needle, hay\nstack"));
        assert_eq!(
            (listener.lines, listener.tail()),
            (2, vec!["a needle, hay".to_owned(), "stack".to_owned()])
        );
    }

    #[test]
    fn a_flood_stays_small() {
        let mut listener = listener(&["needle"]);
        let flood = vec![b'x'; 64 * 1024];
        for _ in 0..1_000 {
            listener.hear(&Heard::Bytes(&flood));
        }
        listener.hear(&Heard::Bytes(b"\n"));
        for _ in 0..100_000 {
            listener.hear(&Heard::Bytes(b"y\n"));
        }
        listener.end();
        assert_eq!(listener.lines, 100_001);
        assert!(listener.left_out > 90_000 && listener.head.len() <= SAVED + 1 && listener.open.is_empty());
        assert!(listener.saved().is_err());
    }
}
