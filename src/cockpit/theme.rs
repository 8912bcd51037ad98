//! What has which colour. Nothing is said by colour alone: every sign is a sign without it.

use ratatui::style::{Color, Modifier, Style};

use crate::plan::model::Environment;

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    Dark,
    Light,
    HighContrast,
    /// Bold, underlined, reversed, and no colour: for NO_COLOR too.
    Mono,
}

/// What a piece of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Text,
    /// What is there to be looked up.
    Dim,
    Border,
    /// Of what the arrow keys move in.
    BorderFocus,
    Title,
    Strong,
    Good,
    Bad,
    Warn,
    /// Under way.
    Active,
    Hold,
    Back,
    /// The row that is selected.
    Selected,
    Key,
    KeyOff,
    Button,
    ButtonFocus,
    Danger,
    DangerOff,
    Keyword,
    String,
    Number,
    Comment,
    Meta,
    /// The statement that runs.
    Running,
    /// A cell that differs.
    Differs,
}

impl Theme {
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => coloured(role, &DARK),
            Self::Light => coloured(role, &LIGHT),
            Self::HighContrast => coloured(role, &HIGH).patch(high(role)),
            Self::Mono => mono(role),
        }
    }

    /// The badge of the environment: hard to overlook where it counts.
    #[must_use]
    pub fn badge(self, environment: Environment) -> Style {
        if self == Self::Mono {
            return Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        let (fg, bg) = match environment {
            Environment::Dev => (Color::Indexed(232), Color::Indexed(114)),
            Environment::Staging => (Color::Indexed(232), Color::Indexed(221)),
            Environment::Production => (Color::Indexed(231), Color::Indexed(160)),
        };
        Style::new().fg(fg).bg(bg).add_modifier(Modifier::BOLD)
    }
}

struct Palette {
    text: Color,
    dim: Color,
    border: Color,
    focus: Color,
    good: Color,
    bad: Color,
    warn: Color,
    active: Color,
    back: Color,
    selected: Color,
    keyword: Color,
    string: Color,
    number: Color,
    comment: Color,
    running: Color,
    /// On a coloured ground.
    ink: Color,
    button: Color,
}

const fn c(index: u8) -> Color {
    Color::Indexed(index)
}

const DARK: Palette = Palette {
    text: Color::Reset,
    dim: c(245),
    border: c(239),
    focus: c(74),
    good: c(114),
    bad: c(203),
    warn: c(221),
    active: c(81),
    back: c(176),
    selected: c(237),
    keyword: c(110),
    string: c(150),
    number: c(180),
    comment: c(243),
    running: c(24),
    ink: c(232),
    button: c(238),
};

const LIGHT: Palette = Palette {
    text: Color::Reset,
    dim: c(243),
    border: c(250),
    focus: c(25),
    good: c(28),
    bad: c(160),
    warn: c(130),
    active: c(25),
    back: c(91),
    selected: c(254),
    keyword: c(25),
    string: c(28),
    number: c(94),
    comment: c(245),
    running: c(153),
    ink: c(231),
    button: c(252),
};

const HIGH: Palette = Palette {
    text: c(231),
    dim: c(252),
    border: c(252),
    focus: c(226),
    good: c(46),
    bad: c(210),
    warn: c(226),
    active: c(51),
    back: c(213),
    selected: c(19),
    keyword: c(51),
    string: c(120),
    number: c(222),
    comment: c(252),
    running: c(19),
    ink: c(16),
    button: c(240),
};

fn coloured(role: Role, p: &Palette) -> Style {
    let bold = Modifier::BOLD;
    let fg = |color: Color| Style::new().fg(color);
    match role {
        Role::Text => fg(p.text),
        Role::Dim | Role::KeyOff => fg(p.dim),
        Role::Border => fg(p.border),
        Role::BorderFocus => fg(p.focus),
        Role::Title | Role::Strong => fg(p.text).add_modifier(bold),
        Role::Good => fg(p.good),
        Role::Bad => fg(p.bad).add_modifier(bold),
        Role::Warn | Role::Meta => fg(p.warn),
        Role::Active => fg(p.active).add_modifier(bold),
        Role::Hold => fg(p.warn).add_modifier(bold),
        Role::Back => fg(p.back).add_modifier(bold),
        Role::Selected => Style::new().bg(p.selected),
        Role::Key => fg(p.active).add_modifier(bold),
        Role::Button => fg(p.text).bg(p.button),
        Role::ButtonFocus => Style::new().fg(p.ink).bg(p.active).add_modifier(bold),
        Role::Danger => Style::new().fg(p.ink).bg(p.bad).add_modifier(bold),
        Role::DangerOff => fg(p.dim).bg(p.button),
        Role::Keyword => fg(p.keyword),
        Role::String => fg(p.string),
        Role::Number => fg(p.number),
        Role::Comment => fg(p.comment).add_modifier(Modifier::ITALIC),
        Role::Running => Style::new().bg(p.running),
        Role::Differs => fg(p.bad).add_modifier(bold | Modifier::UNDERLINED),
    }
}

/// On a ground of its own, whatever the terminal has.
fn high(role: Role) -> Style {
    match role {
        Role::Selected | Role::Running => Style::new().bg(c(19)),
        Role::Button | Role::DangerOff => Style::new().bg(c(240)),
        Role::ButtonFocus | Role::Danger => Style::new(),
        _ => Style::new().bg(c(16)),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text
        | Role::Border
        | Role::Good
        | Role::String
        | Role::Number
        | Role::Meta
        | Role::KeyOff
        | Role::Button
        | Role::DangerOff => style,
        Role::Dim | Role::Comment => style.add_modifier(Modifier::DIM),
        Role::Selected | Role::ButtonFocus | Role::Running => style.add_modifier(Modifier::REVERSED),
        Role::Danger => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Differs => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        _ => style.add_modifier(Modifier::BOLD),
    }
}
