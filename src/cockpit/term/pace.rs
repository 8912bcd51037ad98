//! When the next frame is drawn: at most thirty a second, and what a person does is seen at once.
//!
//! A key brings the frame that is to come forward. The one behind it comes when it would have come anyway,
//! so that however fast somebody types there are no more of them.

use std::time::{Duration, Instant};

/// Between two frames.
pub(super) const FRAME: Duration = Duration::from_millis(33);

/// What has changed since the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// The clock alone.
    Nothing,
    Something,
    /// A person did something, and waits to see it.
    Key,
}

/// The beat of the frames.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the last frame was due.
    beat: Instant,
}

impl Pace {
    /// A frame is drawn now.
    pub(super) fn begin(now: Instant) -> Self {
        Self { beat: now }
    }

    /// When the next frame is due; `tick`: when nothing changes but the clock.
    pub(super) fn due(&self, change: Change, tick: Duration) -> Instant {
        match change {
            Change::Nothing => self.beat + tick,
            Change::Something => self.beat + FRAME,
            Change::Key => self.beat,
        }
    }

    /// A frame is drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.beat = now.max(self.beat + FRAME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(200);
    const MS: Duration = Duration::from_millis(1);

    /// How many frames a second with something new in every millisecond has.
    fn frames(change: Change) -> usize {
        let begin = Instant::now();
        let mut pace = Pace::begin(begin);
        let drawn = (0..1000_u32).filter(|ms| {
            let now = begin + MS * *ms;
            let is_due = now >= pace.due(change, TICK);
            if is_due {
                pace.drawn(now);
            }
            is_due
        });
        drawn.count()
    }

    #[test]
    fn there_are_no_more_than_thirty_a_second_whatever_comes() {
        assert!((28..=31).contains(&frames(Change::Something)), "{}", frames(Change::Something));
        assert!((28..=32).contains(&frames(Change::Key)), "{}", frames(Change::Key));
        assert_eq!(frames(Change::Nothing), 4);
    }

    /// In the middle between two frames of a flood.
    #[test]
    fn a_key_doesnt_wait_for_the_next_frame() {
        let begin = Instant::now();
        let mut pace = Pace::begin(begin);
        let pressed = begin + MS * 5;
        assert!(pace.due(Change::Key, TICK) <= pressed && pace.due(Change::Something, TICK) > pressed);
        pace.drawn(pressed);
        // The one after it isn't sooner for that.
        assert_eq!(pace.due(Change::Something, TICK), begin + FRAME * 2);
        assert_eq!(pace.due(Change::Key, TICK), begin + FRAME);
    }
}
