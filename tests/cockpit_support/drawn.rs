//! Frames of a scene, as text.

use std::fmt::Write;

use holdpoint::cockpit::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::Scene;

impl Scene {
    pub fn buffer(&mut self, columns: u16, lines: u16) -> Buffer {
        let area = Rect::new(0, 0, columns, lines);
        let mut buffer = Buffer::empty(area);
        let seen = view::draw(&self.state, area, &mut buffer);
        self.state.saw(seen);
        buffer
    }

    /// As text.
    pub fn frame(&mut self, columns: u16, lines: u16) -> String {
        let buffer = self.buffer(columns, lines);
        let mut out = String::new();
        for y in 0..lines {
            let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// As text with its styles: `{role of the style|text}` wherever it isn't plain.
    pub fn styled(&mut self, columns: u16, lines: u16) -> String {
        let buffer = self.buffer(columns, lines);
        let mut out = String::new();
        for y in 0..lines {
            let mut line = String::new();
            let mut open = String::new();
            for x in 0..columns {
                let cell = &buffer[(x, y)];
                let style = words(cell.fg, cell.bg, cell.modifier);
                if style != open {
                    if !open.is_empty() {
                        line.push('}');
                    }
                    if !style.is_empty() {
                        let _ = write!(line, "{{{style}|");
                    }
                    open = style;
                }
                line.push_str(cell.symbol());
            }
            if !open.is_empty() {
                line.push('}');
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

fn words(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    let colour = |color: Color| match color {
        Color::Indexed(n) => n.to_string(),
        other => format!("{other:?}").to_lowercase(),
    };
    if fg != Color::Reset {
        parts.push(colour(fg));
    }
    if bg != Color::Reset {
        parts.push(format!("on {}", colour(bg)));
    }
    for (flag, word) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::ITALIC, "italic"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if modifier.contains(flag) {
            parts.push(word.to_owned());
        }
    }
    parts.join(" ")
}
