//! One line of a journal: an envelope as JSON, and nothing else.

use crate::run::event::Envelope;

/// Longest line that is written or read, in bytes. The first one carries the outline of the whole
/// plan, and a plan may have 100,000 steps.
pub const MAX_LINE: u64 = 128 << 20;

/// The line with its newline.
///
/// # Errors
/// In words: it can't be JSON, or it would be too long to be read again.
pub fn encode(envelope: &Envelope) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(envelope).map_err(|error| error.to_string())?;
    line.push(b'\n');
    if line.len() as u64 > MAX_LINE {
        return Err(format!("a line of {} bytes is over the limit of {MAX_LINE}", line.len()));
    }
    Ok(line)
}

/// The envelope in a line (without its newline). Fields and events of newer programs are passed
/// over; the line itself is what the chain is made of, so nothing of them is lost.
///
/// # Errors
/// In words, and whether the line is JSON at all.
pub fn decode(line: &[u8]) -> Result<Envelope, NotAnEvent> {
    serde_json::from_slice(line).map_err(|error| NotAnEvent {
        why: error.to_string(),
        json: serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok(),
    })
}

/// A line that isn't an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnEvent {
    pub why: String,
    /// It is JSON all the same: no crash makes such a line.
    pub json: bool,
}

/// Whether the remains of two lines run together in it: a second sequence number is in it, and no
/// field but the envelope's own is a number of that name.
pub(super) fn is_two_lines(line: &[u8]) -> bool {
    const MARK: &[u8] = b",\"seq\":";
    let digit_after = |&at: &usize| line.get(at + MARK.len()).is_some_and(u8::is_ascii_digit);
    let marks = line.windows(MARK.len()).enumerate().filter(|(_, part)| *part == MARK).map(|(at, _)| at);
    marks.filter(digit_after).nth(1).is_some()
}
