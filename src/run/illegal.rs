//! An event that can't follow.

/// The state machines don't allow this event here; the recorder doesn't journal it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` can't come while the run is {state}: {why}")]
pub struct Illegal {
    /// Name of the event.
    pub event: &'static str,
    /// State of the run, in a word.
    pub state: &'static str,
    /// What is in the way.
    pub why: String,
}
