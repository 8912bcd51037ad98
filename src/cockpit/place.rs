//! Where somebody looks: the tab, the row of the timeline, how far it is scrolled.

/// What is looked at on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tab {
    #[default]
    Step,
    Checkpoints,
    Deltas,
    Activity,
    Log,
    People,
}

impl Tab {
    pub const ALL: [Self; 6] =
        [Self::Step, Self::Checkpoints, Self::Deltas, Self::Activity, Self::Log, Self::People];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Step => "Step",
            Self::Checkpoints => "Checkpoints",
            Self::Deltas => "Deltas",
            Self::Activity => "Activity",
            Self::Log => "Log",
            Self::People => "Sign-offs",
        }
    }
}

impl Tab {
    /// The title where there is less room.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Checkpoints => "Checks",
            Self::People => "Signs",
            other => other.title(),
        }
    }
}

/// Where the arrow keys move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    #[default]
    Timeline,
    Detail,
}

/// A row of the timeline: a phase, or a step of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Spot {
    pub phase: usize,
    pub step: Option<usize>,
}

/// How much there is to see where, as the last frame had it: so that scrolling stops at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    pub lines: usize,
    pub room: usize,
}

impl Extent {
    /// The last line that may stand at the top.
    #[must_use]
    pub fn last(self) -> usize {
        self.lines.saturating_sub(self.room)
    }
}
