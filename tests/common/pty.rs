//! The real program in a terminal of its own, as a person has it: keys in, a screen out.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::surroundings::surroundings;

/// How long anything is waited for before the test shows the screen that it doesn't come on.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Pty {
    screen: Arc<Mutex<vt100::Parser>>,
    /// All that was written to it.
    raw: Arc<Mutex<Vec<u8>>>,
    /// The reader has a handle of its own on the terminal, and lets go of it on this word.
    gone: Arc<AtomicBool>,
    writer: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    pub child: Box<dyn Child + Send + Sync>,
}

impl Pty {
    /// Starts the program in a terminal of this size.
    pub fn start(
        args: &[&str],
        folder: &Path,
        environment: &[(String, String)],
        columns: u16,
        lines: u16,
    ) -> Self {
        Self::of(env!("CARGO_BIN_EXE_holdpoint"), args, folder, environment, columns, lines)
    }

    /// Starts any program so.
    pub fn of(
        program: &str,
        args: &[&str],
        folder: &Path,
        environment: &[(String, String)],
        columns: u16,
        lines: u16,
    ) -> Self {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("HOME", "/nonexistent")] {
            command.env(name, value);
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        surroundings().iter().for_each(|(name, value)| command.env(name, value));
        environment.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(lines, columns, 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let gone = Arc::new(AtomicBool::new(false));
        let (shown, kept, told) = (Arc::clone(&screen), Arc::clone(&raw), Arc::clone(&gone));
        std::thread::spawn(move || {
            let (mut bytes, mut waiting) = ([0_u8; 65_536], Vec::new());
            while let Ok(read) = reader.read(&mut bytes) {
                if read == 0 || told.load(Ordering::Relaxed) {
                    return;
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..read]);
                waiting.extend_from_slice(&bytes[..read]);
                let whole = whole_frames(&waiting);
                shown.lock().unwrap_or_else(PoisonError::into_inner).process(&waiting[..whole]);
                waiting.drain(..whole);
            }
        });
        Self { screen, raw, gone, writer: Some(writer), master: Some(pair.master), child }
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// The screen with its colours.
    pub fn screen(&self) -> vt100::Screen {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().clone()
    }

    pub fn is_alternate(&self) -> bool {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().alternate_screen()
    }

    pub fn hides_cursor(&self) -> bool {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().hide_cursor()
    }

    pub fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keys, as the terminal sends them.
    pub fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("the terminal is there");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("keys");
    }

    /// A press of the left button on these words, as terminals report it.
    #[track_caller]
    pub fn click(&mut self, words: &str) {
        let text = self.until_says(words);
        self.click_in(&text, words);
    }

    /// The same, where they stand on this screen, if they do.
    fn click_in(&mut self, text: &str, words: &str) {
        let found = text.lines().enumerate().find_map(|(y, line)| Some((y, line, line.find(words)?)));
        let Some((y, line, at)) = found else { return };
        let (line, column) = (y + 1, line[..at].chars().count() + 2);
        self.keys(&format!("\u{1b}[<0;{column};{line}M\u{1b}[<0;{column};{line}m"));
    }

    /// What was written that no screen of ours has: escape sequences that a terminal does more by than
    /// moving its cursor and choosing colours, and characters that it obeys.
    pub fn strangers(&self) -> Vec<String> {
        let raw = String::from_utf8_lossy(&self.raw()).into_owned();
        let mut strangers = Vec::new();
        let mut rest = raw.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\u{1b}' && rest.peek() == Some(&'[') {
                let mut sequence = String::new();
                for c in rest.by_ref() {
                    sequence.push(c);
                    if sequence.len() > 1 && ('\u{40}'..='\u{7e}').contains(&c) {
                        break;
                    }
                }
                let ours = sequence.ends_with(['m', 'H', 'h', 'l', 'J']);
                strangers.extend((!ours).then_some(sequence));
            } else if !matches!(c, '\r' | '\n') && holdpoint::text::scrub::is_unsafe(c) {
                let more: String = std::iter::once(c).chain(rest.by_ref().take(8)).collect();
                strangers.push(more);
            }
        }
        strangers
    }

    /// How much work the process has done, in clock ticks; also when it has ended and nobody has asked.
    pub fn ticks(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id()?)).ok()?;
        let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    }

    pub fn resize(&self, columns: u16, lines: u16) {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen_mut().set_size(lines, columns);
        self.master.as_ref().expect("the terminal is there").resize(size).expect("resized");
    }

    /// Takes the terminal away, as a connection that is cut does.
    pub fn hang_up(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
        self.writer = None;
        self.master = None;
    }

    /// Waits until the screen is as wanted; its text then.
    #[track_caller]
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                // What was written last may be on its way.
                std::thread::sleep(Duration::from_millis(50));
                let text = self.text();
                assert!(wanted(&text), "the program ended ({status:?}) without: {what}\n{text}");
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "waited for: {what}\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub fn until_says(&mut self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    /// Presses a key again and again until it has had its effect: one that comes while a run is being
    /// taken up answers the hold that it was left in, not the one that follows.
    #[track_caller]
    pub fn press_until(&mut self, key: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.again_until(key, wanted, |pty, _| pty.keys(key))
    }

    /// Clicks on these words wherever they stand, until it has had its effect: a line that comes or goes
    /// above them while the press is on its way moves them away from it.
    #[track_caller]
    pub fn click_until(&mut self, words: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.again_until(words, wanted, |pty, text| pty.click_in(text, words))
    }

    #[track_caller]
    fn again_until(
        &mut self,
        what: &str,
        wanted: impl Fn(&str) -> bool,
        press: impl Fn(&mut Self, &str),
    ) -> String {
        let began = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{what:?} has no effect\n{text}");
            press(self, &text);
            let pressed = Instant::now();
            while pressed.elapsed() < Duration::from_secs(1) && !wanted(&self.text()) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Waits for the end; the exit code.
    #[track_caller]
    pub fn end(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                std::thread::sleep(Duration::from_millis(50));
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "the program doesn't end\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("signalled");
    }

    /// Goes through everything that waits for a person, until the run is over. As a person does: looks,
    /// presses, and looks again; frames may come in parts, and what is asked decides.
    #[track_caller]
    pub fn walk(&mut self) {
        self.walk_to(|_| false);
    }

    /// The same, as far as a screen that is wanted.
    #[track_caller]
    pub fn walk_to(&mut self, wanted: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return;
            }
            let banner = banner(&text);
            let keys = if text.contains("─ Confirm: ") {
                "\r"
            } else if text.contains("─ Sign as ") {
                "Ada Lovelace\r\r\r"
            } else if banner.contains("Q leaves the screen") {
                return;
            } else if banner.contains(" does it ") {
                "\r"
            } else if banner.contains(" confirms ") || banner.contains(" signs as ") {
                "c"
            } else {
                ""
            };
            assert!(began.elapsed() < PATIENCE, "it doesn't come to an end:\n{text}");
            self.keys(keys);
            // What is typed into a question must not be typed a second time, beside it.
            let wait = if keys == "c" || keys == "\r" && !text.contains("─ Confirm: ") {
                Duration::from_millis(500)
            } else {
                PATIENCE
            };
            let wait = if keys.is_empty() { Duration::from_millis(50) } else { wait };
            let pressed = Instant::now();
            while pressed.elapsed() < wait && place(&self.text()) == place(&text) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// How much of what was written is to be shown: all but a frame that is only half there. What a terminal
/// that knows synchronized updates never shows, a test must not see either.
fn whole_frames(bytes: &[u8]) -> usize {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|window| window == mark);
    match (last(b"\x1b[?2026h"), last(b"\x1b[?2026l")) {
        (Some(begins), None) => begins,
        (Some(begins), Some(ends)) if begins > ends => begins,
        _ => bytes.len(),
    }
}

/// The line that says what the run waits for.
pub fn banner(text: &str) -> String {
    text.lines().nth(3).unwrap_or_default().to_owned()
}

/// Where the run is: what is asked, or what it waits for. A question that stands there is the same one
/// whatever becomes of the screen around it: a multiplexer shows frames in parts.
fn place(text: &str) -> String {
    let asked = ["after this one", "─ Confirm: ", "─ Sign as "];
    let asked: String = text.lines().filter(|line| asked.iter().any(|words| line.contains(words))).collect();
    if asked.is_empty() { banner(text) } else { asked }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
