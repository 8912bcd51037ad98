//! Tables and their foreign keys: as text that graphviz reads, and drawn. The same database gives the same
//! picture, byte for byte, and nothing has to be installed for it.
//!
//! Drawn from left to right: a table stands to the right of all that it refers to, except where tables refer
//! to each other in a circle; such a key is drawn dashed. Tables without any stand below.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::pg::uses::{Reference, References};

/// Height of a box, and what lies between two.
const BOX: usize = 24;
const BETWEEN: usize = 12;
/// Room for keys between two columns of boxes.
const ROOM: usize = 110;
const EDGE: usize = 16;
/// Of a character of the font, about.
const LETTER: usize = 8;
/// Tables without keys in a row, at most.
const IN_A_ROW: usize = 4;

/// The text: boxes, then keys with their columns.
pub(super) fn dot(graph: &References) -> String {
    let mut text = String::from("digraph foreign_keys {\n  rankdir = RL;\n  node [shape = box];\n");
    for table in &graph.tables {
        let _ = writeln!(text, "  {};", quoted(table));
    }
    for key in &graph.keys {
        let style = if key.validated { "" } else { ", style = dashed" };
        let (from, to, label) = (quoted(&key.from), quoted(&key.to), quoted(&words(key)));
        let _ = writeln!(text, "  {from} -> {to} [label = {label}{style}];");
    }
    text.push_str("}\n");
    text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " "))
}

/// `orders_customer_fkey: customer_id → id, ON DELETE CASCADE, not validated`
fn words(key: &Reference) -> String {
    let mut words = format!("{}: {} → {}", key.name, key.columns.join(", "), key.to_columns.join(", "));
    if !key.on_delete.is_empty() {
        let _ = write!(words, ", {}", key.on_delete);
    }
    if !key.validated {
        words.push_str(", not validated");
    }
    words
}

/// Where a table is drawn.
#[derive(Debug, Clone, Copy)]
struct Spot {
    column: usize,
    x: usize,
    y: usize,
    wide: usize,
}

/// The picture.
pub(super) fn svg(graph: &References) -> String {
    let number: BTreeMap<&str, usize> =
        graph.tables.iter().enumerate().map(|(at, table)| (table.as_str(), at)).collect();
    let edges: Vec<(usize, usize, &Reference)> = graph
        .keys
        .iter()
        .filter_map(|key| Some((*number.get(key.from.as_str())?, *number.get(key.to.as_str())?, key)))
        .collect();
    let (spots, wide, high) = places(graph, &edges);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
         font-family=\"monospace\" font-size=\"13\">\n\
         <title>Foreign keys: {} tables, {} keys</title>\n\
         <defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#456\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        graph.tables.len(),
        graph.keys.len()
    );
    for (from, to, key) in &edges {
        let (path, circle) = path(&spots[*from], &spots[*to], from == to);
        let dashes = if circle || !key.validated { " stroke-dasharray=\"5 3\"" } else { "" };
        let title = escaped(&format!("{} to {}, {}", key.from, key.to, words(key)));
        let _ = writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#456\" stroke-width=\"1.2\" marker-end=\"url(#to)\"{dashes}>\
             <title>{title}</title></path>"
        );
    }
    for (table, spot) in graph.tables.iter().zip(&spots) {
        let Spot { x, y, wide, .. } = spot;
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{BOX}\" rx=\"4\" fill=\"#eef3f8\" stroke=\"#456\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#123\">{}</text>",
            x + LETTER,
            y + 16,
            escaped(table)
        );
    }
    text.push_str("</svg>\n");
    text
}

/// From a table's left side to the right side of the one it refers to; one that stands no further left is
/// gone to around the right. Whether it is such a one.
fn path(from: &Spot, to: &Spot, itself: bool) -> (String, bool) {
    let middle = |spot: &Spot| spot.y + BOX / 2;
    let right = |spot: &Spot| spot.x + spot.wide;
    if itself {
        let (x, y) = (right(from), middle(from));
        let around = x + 30;
        return (format!("M{x} {} C{around} {} {around} {} {x} {}", y - 6, y - 16, y + 16, y + 6), false);
    }
    let (y, at) = (middle(from), middle(to));
    if to.column < from.column {
        let (x, end) = (from.x, right(to));
        let bend = ROOM / 2;
        return (format!("M{x} {y} C{} {y} {} {at} {end} {at}", x - bend, end + bend), false);
    }
    let (x, end) = (right(from), right(to));
    let around = x.max(end) + ROOM / 2;
    (format!("M{x} {y} C{around} {y} {around} {at} {end} {at}"), true)
}

/// A spot for each table, and how large the whole is.
fn places(graph: &References, edges: &[(usize, usize, &Reference)]) -> (Vec<Spot>, usize, usize) {
    let n = graph.tables.len();
    let mut to: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut alone = vec![true; n];
    for (from, target, _) in edges {
        alone[*from] = false;
        alone[*target] = false;
        if from != target && !to[*from].contains(target) {
            to[*from].push(*target);
        }
    }
    let depths = depths(&to);
    let last = (0..n).filter(|at| !alone[*at]).map(|at| depths[at]).max();
    let mut spots = vec![Spot { column: 0, x: 0, y: 0, wide: 0 }; n];
    for (at, table) in graph.tables.iter().enumerate() {
        spots[at].column = depths[at];
        spots[at].wide = (letters(table) + 2) * LETTER;
    }
    let (mut x, mut low, mut wide) = (EDGE, EDGE, 2 * EDGE);
    for column in last.map(|last| 0..=last).into_iter().flatten() {
        let mut members: Vec<usize> = (0..n).filter(|at| !alone[*at] && depths[*at] == column).collect();
        // Near to what they refer to; by name where that says nothing.
        members.sort_by_key(|at| {
            let placed: Vec<usize> =
                to[*at].iter().filter(|t| depths[**t] < column).map(|t| spots[*t].y).collect();
            (placed.iter().sum::<usize>() / placed.len().max(1), *at)
        });
        let widest = members.iter().map(|at| spots[*at].wide).max().unwrap_or_default();
        for (row, at) in members.iter().enumerate() {
            (spots[*at].x, spots[*at].y) = (x, EDGE + row * (BOX + BETWEEN));
            low = low.max(spots[*at].y + BOX + BETWEEN);
        }
        wide = x + widest + ROOM / 2 + EDGE;
        x += widest + ROOM;
    }
    let members: Vec<usize> = (0..n).filter(|at| alone[*at]).collect();
    let widest = members.iter().map(|at| spots[*at].wide).max().unwrap_or_default();
    if !members.is_empty() && last.is_some() {
        low += BOX;
    }
    for (place, at) in members.iter().enumerate() {
        spots[*at].x = EDGE + (place % IN_A_ROW) * (widest + EDGE);
        spots[*at].y = low + (place / IN_A_ROW) * (BOX + BETWEEN);
        wide = wide.max(spots[*at].x + widest + EDGE);
    }
    let rows = members.len().div_ceil(IN_A_ROW);
    (spots, wide, low + rows * (BOX + BETWEEN) + EDGE)
}

/// How many steps each is away from one that refers to nothing, at most; what closes a circle doesn't count.
fn depths(to: &[Vec<usize>]) -> Vec<usize> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut depth = vec![0; to.len()];
    let mut state = vec![NEW; to.len()];
    for root in 0..to.len() {
        if state[root] != NEW {
            continue;
        }
        let mut path = vec![(root, 0)];
        state[root] = OPEN;
        while let Some((at, next)) = path.pop() {
            match to[at].get(next) {
                Some(target) => {
                    path.push((at, next + 1));
                    if state[*target] == NEW {
                        state[*target] = OPEN;
                        path.push((*target, 0));
                    }
                }
                None => {
                    let done = to[at].iter().filter(|target| state[**target] == DONE);
                    depth[at] = done.map(|target| depth[*target] + 1).max().unwrap_or_default();
                    state[at] = DONE;
                }
            }
        }
    }
    depth
}

/// How many letters of the font it takes; those of the East take two.
fn letters(text: &str) -> usize {
    text.chars().map(|letter| if letter >= '\u{1100}' { 2 } else { 1 }).sum()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to write those.
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_stands_left_and_circles_end() {
        // 1 → 0, 2 → 1, 3 ⇄ 4, 5 → 5.
        let to = vec![vec![], vec![0], vec![1, 0], vec![4], vec![3], vec![]];
        assert_eq!(depths(&to), [0, 1, 2, 1, 0, 0]);
    }

    #[test]
    fn names_cant_break_out() {
        let key = Reference {
            from: "public.\"a\"\"<b>\"".into(),
            to: "public.t".into(),
            name: "k".into(),
            columns: vec!["x".into()],
            to_columns: vec!["id".into()],
            on_delete: "ON DELETE CASCADE".into(),
            validated: true,
        };
        let graph = References { tables: vec![key.from.clone(), key.to.clone()], keys: vec![key] };
        let (text, picture) = (dot(&graph), svg(&graph));
        assert!(text.contains("\"public.\\\"a\\\"\\\"<b>\\\"\" -> \"public.t\""), "{text}");
        assert!(picture.contains("&lt;b&gt;") && !picture.contains("<b>"), "{picture}");
        assert_eq!(picture, svg(&graph));
    }
}
