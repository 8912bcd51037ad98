//! What is drawn on: rows of styled text, panels, and the last look at every cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::cockpit::mouse::{Hit, Place};
use crate::cockpit::theme::{Role, Theme};
use crate::text::columns::{cut, width, wrap};
use crate::text::{ascii, scrub};

/// More of one text than this no row can show: a value of a megabyte mustn't cost a frame.
const LONGEST: usize = 4_000;

/// Foreign text on one line, safe and bounded.
pub fn clean(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    scrub::line(&text[..end]).into_owned()
}

/// One row: pieces of text, each with what it is.
#[derive(Debug, Clone, Default)]
pub struct Row {
    parts: Vec<(Role, String)>,
    /// Under all of it.
    pub ground: Option<Role>,
}

impl Row {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn of(role: Role, text: impl AsRef<str>) -> Self {
        Self::new().add(role, text)
    }

    pub fn add(mut self, role: Role, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        if !text.is_empty() {
            self.parts.push((role, text));
        }
        self
    }

    pub fn on(mut self, ground: Role) -> Self {
        self.ground = Some(ground);
        self
    }

    /// Without its colours.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub fn width(&self) -> usize {
        self.parts.iter().map(|(_, text)| width(text)).sum()
    }

    /// Another row at the right edge; what is left of it is cut to make room.
    pub fn right(self, columns: usize, right: Row) -> Self {
        let mut row = self.cut(columns.saturating_sub(right.width() + 1));
        let gap = columns.saturating_sub(row.width() + right.width());
        row.parts.push((Role::Text, " ".repeat(gap)));
        row.parts.extend(right.parts);
        row
    }

    /// At most so many columns, with `…` where something was cut.
    pub fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        // The last column is the sign's, wherever one part ends and another begins.
        let mut left = columns.saturating_sub(1);
        let mut parts = Vec::with_capacity(self.parts.len());
        for (role, text) in self.parts {
            let wide = width(&text);
            if wide > left {
                parts.push((role, cut(&format!("{text}…"), columns.min(left + 1))));
                break;
            }
            left -= wide;
            parts.push((role, text));
        }
        self.parts = parts;
        self
    }

    pub fn join(mut self, other: Row) -> Self {
        self.parts.extend(other.parts);
        self
    }
}

/// Text on as many rows as it needs, at most `most`, each behind `indent`.
pub fn wrapped(role: Role, indent: &str, text: &str, columns: usize, most: usize) -> Vec<Row> {
    let room = columns.saturating_sub(width(indent));
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let left = most.saturating_sub(rows.len());
        if left == 0 {
            break;
        }
        for part in wrap(&clean(line), room, left) {
            rows.push(Row::of(Role::Text, indent).add(role, part));
        }
    }
    rows
}

/// The buffer with its colours.
#[derive(Debug)]
pub struct Paper<'a> {
    pub buf: &'a mut Buffer,
    pub theme: Theme,
    /// What lies where, for the mouse.
    pub hits: Vec<Place>,
}

impl Paper<'_> {
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A row at line `at` of the area.
    pub fn row(&mut self, area: Rect, at: usize, row: &Row) {
        let Ok(at) = u16::try_from(at) else { return };
        if at >= area.height || area.width == 0 {
            return;
        }
        let area = Rect { y: area.y + at, height: 1, ..area }.intersection(self.buf.area);
        if area.is_empty() {
            return;
        }
        // What is cut says so, whoever drew it; blanks at its end aren't missed.
        let room = usize::from(area.width);
        let cut;
        let row = if row.width() > room && width(row.text().trim_end()) > room {
            cut = row.clone().cut(room);
            &cut
        } else {
            row
        };
        if let Some(ground) = row.ground {
            let style = self.style(ground);
            self.buf.set_style(area, style);
        }
        let (mut x, end) = (area.x, area.right());
        for (role, text) in &row.parts {
            if x >= end {
                break;
            }
            let mut style = self.style(*role);
            if let Some(ground) = row.ground {
                style = style.patch(self.style(ground));
            }
            let (next, _) = self.buf.set_stringn(x, area.y, text, usize::from(end - x), style);
            x = next;
        }
    }

    pub fn rows<'r>(&mut self, area: Rect, rows: impl IntoIterator<Item = &'r Row>) {
        for (at, row) in rows.into_iter().enumerate() {
            self.row(area, at, row);
        }
    }

    /// Notes what lies there, as far as it is on the screen.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        let Rect { x, y, width, height } = area.intersection(self.buf.area);
        if width > 0 && height > 0 {
            self.hits.push(Place { x, y, width, height, hit });
        }
    }

    /// A frame with a title; what is inside of it.
    pub fn panel(&mut self, area: Rect, title: Row, focus: bool) -> Rect {
        let area = area.intersection(self.buf.area);
        if area.width < 2 || area.height < 2 {
            return Rect::default();
        }
        let role = if focus { Role::BorderFocus } else { Role::Border };
        let block = Block::bordered().border_type(BorderType::Rounded).border_style(self.style(role));
        let inner = block.inner(area);
        block.render(area, self.buf);
        let title = title.cut(usize::from(area.width.saturating_sub(4)));
        let at = Rect { x: area.x + 2, width: area.width.saturating_sub(4), height: 1, ..area };
        self.row(at, 0, &title);
        inner
    }

    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        Clear.render(area, self.buf);
        if self.theme == Theme::HighContrast {
            let style = self.style(Role::Text);
            self.buf.set_style(area, style);
        }
    }

    /// How much there is above and below what is shown, at the right edge of a frame.
    pub fn scroll_mark(&mut self, area: Rect, first: usize, lines: usize, room: usize) {
        if lines <= room || area.height < 3 || area.width < 2 {
            return;
        }
        let track = usize::from(area.height - 2);
        let size = (room * track / lines).clamp(1, track);
        let last = lines - room;
        let at = (first.min(last) * (track - size)).checked_div(last).unwrap_or_default();
        let style = self.style(Role::BorderFocus);
        for line in at..at + size {
            let y = area.y + 1 + u16::try_from(line).unwrap_or_default();
            if let Some(cell) = self.buf.cell_mut((area.right() - 1, y)) {
                cell.set_symbol("┃").set_style(style);
            }
        }
    }

    /// The last look: nothing that isn't a letter leaves, and where there is only ASCII, only ASCII.
    pub fn finish(&mut self, only_ascii: bool) {
        for cell in &mut self.buf.content {
            let symbol = cell.symbol();
            if symbol.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                continue;
            }
            if symbol.chars().any(scrub::is_unsafe) {
                cell.set_symbol(if only_ascii { "?" } else { "\u{fffd}" });
            } else if only_ascii {
                let text = ascii::ascii(symbol);
                cell.set_symbol(&text);
            }
        }
    }
}

/// A blank column at either side: text that touches its frame is hard to read.
pub fn inset(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area }
}
