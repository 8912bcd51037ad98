//! Standard output and error, for readers that may go away.
//!
//! A closed pipe (`| head`) must not stop a run in the middle: what can't be printed any more is said
//! once on standard error, and the journal has it all.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::plain::Style;

static CLOSED: AtomicBool = AtomicBool::new(false);
static RUN_UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// From now on a closed reader is worth a word: a run goes on that it doesn't see.
pub fn run_begins() {
    RUN_UNDER_WAY.store(true, Ordering::Relaxed);
}

/// Prints a line.
pub fn line(text: &str) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    let failed = writeln!(out, "{text}").and_then(|()| out.flush()).is_err();
    if failed && !CLOSED.swap(true, Ordering::Relaxed) && RUN_UNDER_WAY.load(Ordering::Relaxed) {
        complain("standard output is closed; what is under way goes on, and the journal has all of it");
    }
}

/// Prints lines.
pub fn lines(texts: &[String]) {
    for text in texts {
        line(text);
    }
}

/// Prints a whole text at once.
pub fn page(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Says what is wrong, on standard error; nothing can be done when that is closed too.
pub fn complain(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "holdpoint: {message}");
}

/// A hint on standard error that isn't about an error.
pub fn hint(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Whether standard output is a terminal that wants colour.
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the locale can show more than ASCII.
pub fn is_ascii_only() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .map(|value| value.to_string_lossy().to_lowercase());
    std::io::stdout().is_terminal() && locale.is_some_and(|locale| !locale.contains("utf"))
}

/// Columns of the terminal; 0 where there is none: a log.
pub fn width() -> usize {
    if !std::io::stdout().is_terminal() {
        return 0;
    }
    let asked = asked_width();
    asked.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok()).unwrap_or(80)
}

/// How lines are laid out here.
pub fn style() -> Style {
    Style { colour: wants_colour(), ascii: is_ascii_only(), width: width(), ..Style::default() }
}

/// Columns for a page that is laid out: the terminal's, or those of a page of paper.
pub fn page_width() -> usize {
    match width() {
        0 => 110,
        columns => columns,
    }
}

/// Asks the terminal itself.
fn asked_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}
