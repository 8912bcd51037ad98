//! Signs before a line, and their colours.

/// What kind of line it is. The sign says it, the colour repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Something begins.
    Begin,
    Good,
    Bad,
    /// A fact without a judgement.
    Plain,
    /// Something to know of; it isn't a failure.
    Warn,
    /// Nobody can say yet.
    Unknown,
    /// The run waits.
    Hold,
    /// It goes backwards.
    Back,
    /// Left out.
    Skip,
    /// What a script or the server said.
    Said,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    None,
    Dim,
    Bold,
    Green,
    Red,
    Yellow,
    Blue,
}

impl Mark {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Begin => '▶',
            Self::Good => '✓',
            Self::Bad => '✗',
            Self::Plain => '·',
            Self::Warn => '!',
            Self::Unknown => '?',
            Self::Hold => '◆',
            Self::Back => '◀',
            Self::Skip => '-',
            Self::Said => '|',
        }
    }

    pub(super) fn paint(self) -> Paint {
        match self {
            Self::Good => Paint::Green,
            Self::Bad | Self::Unknown => Paint::Red,
            Self::Warn | Self::Hold | Self::Skip => Paint::Yellow,
            Self::Begin | Self::Back => Paint::Blue,
            Self::Plain | Self::Said => Paint::Dim,
        }
    }
}

impl Paint {
    /// The text in its colour. The sixteen colours of the terminal's own theme, so that they can be
    /// read on a light background too.
    pub(super) fn on(self, text: &str) -> String {
        let code = match self {
            Self::None => return text.to_owned(),
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Green => "32",
            Self::Red => "1;31",
            Self::Yellow => "33",
            Self::Blue => "34",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
