//! A terminal's screen as an SVG picture: text in runs of one style, and lines drawn as lines, so that no
//! font can pull them apart.

use std::collections::BTreeMap;
use std::fmt::Write;

use vt100::{Cell, Color, Screen};

const WIDE: f32 = 8.43;
const HIGH: f32 = 18.0;
const PAD: f32 = 14.0;
const SIZE: f32 = 14.0;
const GROUND: &str = "#15171c";
const INK: &str = "#d6d9df";

/// How a cell looks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    fg: String,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// The picture.
pub fn picture(screen: &Screen, title: &str) -> String {
    let (lines, columns) = screen.size();
    let (width, height) = (f32::from(columns) * WIDE + 2.0 * PAD, f32::from(lines) * HIGH + 2.0 * PAD);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"{SIZE}\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>",
        escaped(title)
    );
    for line in 0..lines {
        let cells: Vec<(String, Look)> = (0..columns)
            .filter_map(|column| screen.cell(line, column))
            .map(|cell| (cell.contents().to_owned(), look(cell)))
            .collect();
        row(&mut out, f32::from(line) * HIGH + PAD, &cells);
    }
    out.push_str("</svg>\n");
    out
}

fn row(out: &mut String, y: f32, cells: &[(String, Look)]) {
    let x = |at: usize| at as f32 * WIDE + PAD;
    let mut at = 0;
    while at < cells.len() {
        let end = (at..cells.len()).find(|&i| cells[i].1.bg != cells[at].1.bg).unwrap_or(cells.len());
        if let Some(bg) = &cells[at].1.bg {
            let wide = (end - at) as f32 * WIDE;
            let _ = writeln!(
                out,
                "<rect x=\"{:.2}\" y=\"{y:.1}\" width=\"{wide:.2}\" height=\"{HIGH}\" fill=\"{bg}\"/>",
                x(at)
            );
        }
        at = end;
    }
    let mut lines: BTreeMap<&str, String> = BTreeMap::new();
    let mut at = 0;
    while at < cells.len() {
        let (text, look) = &cells[at];
        if let Some(path) = drawn(text, x(at), y) {
            let _ = write!(lines.entry(&look.fg).or_default(), "{path}");
            at += 1;
            continue;
        }
        if text.trim().is_empty() {
            at += 1;
            continue;
        }
        // To the end of what looks the same, or to two blanks: what stands apart has a place of its own.
        let mut end = at;
        let blank = |i: usize| cells.get(i).is_none_or(|(text, _)| text.trim().is_empty());
        while end < cells.len()
            && cells[end].1 == *look
            && drawn(&cells[end].0, 0.0, 0.0).is_none()
            && !(blank(end) && blank(end + 1))
        {
            end += 1;
        }
        let run: String =
            cells[at..end].iter().map(|(text, _)| if text.is_empty() { " " } else { text }).collect();
        let run = run.trim_end();
        let mut how = format!("fill=\"{}\"", look.fg);
        for (is, word) in [
            (look.bold, " font-weight=\"bold\""),
            (look.italic, " font-style=\"italic\""),
            (look.underline, " text-decoration=\"underline\""),
            (look.dim, " opacity=\"0.65\""),
        ] {
            how.push_str(if is { word } else { "" });
        }
        let wide = run.chars().count() as f32 * WIDE;
        let _ = writeln!(
            out,
            "<text x=\"{:.2}\" y=\"{:.1}\" textLength=\"{wide:.2}\" xml:space=\"preserve\" {how}>{}</text>",
            x(at),
            y + HIGH * 0.74,
            escaped(run)
        );
        at = end.max(at + 1);
    }
    for (colour, path) in lines {
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"1.2\" fill=\"none\"/>");
    }
}

/// A line of a frame, as a path.
fn drawn(text: &str, x: f32, y: f32) -> Option<String> {
    let (right, bottom, mx, my) = (x + WIDE, y + HIGH, x + WIDE / 2.0, y + HIGH / 2.0);
    let r = WIDE / 2.0;
    let bar = |from: f32, to: f32, high: f32| {
        // A thick line of its own width, as a filled shape would be.
        let half = high / 2.0;
        (0..3).map(|i| my - half + high * i as f32 / 2.0).fold(String::new(), |mut path, y| {
            let _ = write!(path, "M{from:.2} {y:.2}H{to:.2}");
            path
        })
    };
    Some(match text {
        "─" => format!("M{x:.2} {my:.2}H{right:.2}"),
        "│" => format!("M{mx:.2} {y:.2}V{bottom:.2}"),
        "┼" => format!("M{x:.2} {my:.2}H{right:.2}M{mx:.2} {y:.2}V{bottom:.2}"),
        "├" => format!("M{mx:.2} {my:.2}H{right:.2}M{mx:.2} {y:.2}V{bottom:.2}"),
        "└" => format!("M{mx:.2} {y:.2}V{my:.2}H{right:.2}"),
        "┃" => format!(
            "M{:.2} {y:.2}V{bottom:.2}M{mx:.2} {y:.2}V{bottom:.2}M{:.2} {y:.2}V{bottom:.2}",
            mx - 1.0,
            mx + 1.0
        ),
        "━" => bar(x, right, 2.0),
        "╸" => bar(x, mx, 2.0),
        "╭" => format!("M{mx:.2} {bottom:.2}V{:.2}Q{mx:.2} {my:.2} {right:.2} {my:.2}", my + r),
        "╮" => format!("M{mx:.2} {bottom:.2}V{:.2}Q{mx:.2} {my:.2} {x:.2} {my:.2}", my + r),
        "╰" => format!("M{mx:.2} {y:.2}V{:.2}Q{mx:.2} {my:.2} {right:.2} {my:.2}", my - r),
        "╯" => format!("M{mx:.2} {y:.2}V{:.2}Q{mx:.2} {my:.2} {x:.2} {my:.2}", my - r),
        _ => return None,
    })
}

fn look(cell: &Cell) -> Look {
    let (fg, bg) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    let (fg, bg) = match cell.inverse() {
        true => (Some(bg.unwrap_or_else(|| GROUND.into())), Some(fg.unwrap_or_else(|| INK.into()))),
        false => (fg, bg),
    };
    Look {
        fg: fg.unwrap_or_else(|| INK.into()),
        bg,
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
    }
}

/// As xterm has the 256 colours.
fn colour(color: Color) -> Option<String> {
    const FIRST: [&str; 16] = [
        "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666",
        "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
    ];
    Some(match color {
        Color::Default => return None,
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Idx(index @ 0..=15) => FIRST[usize::from(index)].to_owned(),
        Color::Idx(index @ 16..=231) => {
            let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let at = index - 16;
            format!("#{:02x}{:02x}{:02x}", step(at / 36), step(at / 6 % 6), step(at % 6))
        }
        Color::Idx(index) => {
            let grey = 8 + (index - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a picture says and in which style, without what is another in every run: figures, times, ids,
/// and words that were cut to make room for them. How often each word stands there, by its style.
pub fn said(svg: &str) -> BTreeMap<(String, String), usize> {
    const UNITS: [&str; 22] = [
        "ms",
        "s",
        "min",
        "h",
        "d",
        "B",
        "kB",
        "MB",
        "GB",
        "row",
        "rows",
        "byte",
        "bytes",
        "statement",
        "statements",
        "time",
        "times",
        "second",
        "seconds",
        "line",
        "of",
        "·",
    ];
    let mut words = BTreeMap::new();
    for line in svg.lines().filter(|line| line.starts_with("<text ")) {
        let Some((head, text)) = line.split_once('>') else { continue };
        let style = head.split_once("\" fill=").map_or("", |(_, style)| style).to_owned();
        let text = text.trim_end_matches("</text>");
        let cut = text.contains('…');
        // Of what was cut only the beginning is sure.
        let most = if cut { 1 } else { usize::MAX };
        let all: Vec<&str> = text.split_whitespace().collect();
        for (at, word) in all.iter().copied().enumerate().take(most) {
            // Who sits at the keys is another one on every machine.
            let is_name = all.get(at + 1) == Some(&"(typed)");
            if is_name || word.contains(|c: char| c.is_ascii_digit() || c == '…') || UNITS.contains(&word) {
                continue;
            }
            *words.entry((style.clone(), word.to_owned())).or_default() += 1;
        }
    }
    words
}
