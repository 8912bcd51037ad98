//! Rows against rows: in order, in any order, among others; and every row against cells.

use super::answer::Answer;
use super::cell::Cell;
use super::compare::{Field, Wanted};
use super::matching;
use super::saved::Saved;
use super::show;
use super::verdict::{Difference, Differences, NO_ROW, Verdict};
use super::view::{View, incomplete};

/// How many rows are compared with how many, at most: each with each.
const MAX_PAIRS: usize = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `table`
    Given,
    /// `set`
    Any,
    /// `includes`
    Among,
}

/// Judges `table`, `set` or `includes`.
pub(super) fn judge_rows(
    cells: &[Vec<Cell>],
    order: Order,
    answer: &Answer,
    view: &View<'_>,
    saved: &Saved,
) -> Verdict {
    let rows = show::count(cells.len() as u64, "row");
    let expected = match order {
        Order::Given => format!("{rows} in order"),
        Order::Any => format!("{rows} in any order"),
        Order::Among => format!("{rows} among others"),
    };
    let came = show::count(answer.total_rows, "row");
    if let Some(row) = cells.iter().position(|row| row.len() != view.width()) {
        let why = format!(
            "row {} of the plan has {}, the answer has {} ({}); name those that count in column",
            row + 1,
            show::count(cells[row].len() as u64, "cell"),
            show::count(view.width() as u64, "column"),
            view.columns()
        );
        return Verdict::fail(expected, came, why);
    }
    let wanted: Vec<Vec<Wanted<'_>>> =
        cells.iter().map(|row| row.iter().map(|cell| Wanted::new(cell, saved)).collect()).collect();
    let mut differences = Differences::default();
    match order {
        Order::Given => in_order(&wanted, view, &mut differences),
        Order::Any | Order::Among => {
            if wanted.len().saturating_mul(view.height()) > MAX_PAIRS {
                let why = "too many rows to compare each with each; use table with ORDER BY, or \
                           count in the query";
                return Verdict::fail(expected, came, why);
            }
            in_any_order(&wanted, view, order, &mut differences);
        }
    }
    // Rows that were found are found; everything else needs all rows.
    let all_needed = order != Order::Among || differences.count() > 0;
    if let Some(why) = incomplete(answer).filter(|_| all_needed) {
        return Verdict::fail(expected, came, why);
    }
    let got = match differences.count() {
        0 => came,
        _ if order == Order::Among => {
            format!("{} of them missing", differences.count())
        }
        count => format!("{came}, {}", show::count(count as u64, "difference")),
    };
    differences.verdict(expected, got)
}

fn row_fits(wanted: &[Wanted<'_>], fields: &[Field<'_>]) -> bool {
    wanted.iter().zip(fields).all(|(wanted, field)| wanted.test(field).is_ok())
}

/// Where the numbers of rows differ, what is equal at both ends is left aside, so that one missing
/// row is one difference and not a difference in every row after it.
fn in_order(wanted: &[Vec<Wanted<'_>>], view: &View<'_>, differences: &mut Differences) {
    let (mut from, mut to_wanted, mut to_got) = (0, wanted.len(), view.height());
    if to_wanted != to_got {
        while from < to_wanted.min(to_got) && row_fits(&wanted[from], &view.row(from)) {
            from += 1;
        }
        while to_wanted.min(to_got) > from && row_fits(&wanted[to_wanted - 1], &view.row(to_got - 1)) {
            to_wanted -= 1;
            to_got -= 1;
        }
    }
    for (at, wanted) in wanted.iter().enumerate().take(to_wanted).skip(from) {
        if at < to_got {
            cells(wanted, view, at, differences);
        } else {
            missing(wanted, at + 1, differences);
        }
    }
    for row in to_wanted..to_got {
        extra(view, row, differences);
    }
}

fn in_any_order(wanted: &[Vec<Wanted<'_>>], view: &View<'_>, order: Order, differences: &mut Differences) {
    let mut fits = vec![Vec::new(); wanted.len()];
    for row in 0..view.height() {
        let fields = view.row(row);
        for (at, wanted) in wanted.iter().enumerate() {
            if row_fits(wanted, &fields) {
                fits[at].push(row);
            }
        }
    }
    let partners = matching::pair(&fits, view.height());
    let mut left: Vec<bool> = vec![true; view.height()];
    for row in partners.iter().flatten() {
        left[*row] = false;
    }
    for (wanted, partner) in wanted.iter().zip(&partners) {
        if partner.is_some() {
            continue;
        }
        // A row that is nearly the expected one is shown by what differs in it.
        let nearest = match order {
            Order::Any => nearest(wanted, view, &left),
            _ => None,
        };
        match nearest {
            Some(row) => {
                left[row] = false;
                cells(wanted, view, row, differences);
            }
            None => missing(wanted, 0, differences),
        }
    }
    if order == Order::Any {
        for (row, _) in left.iter().enumerate().filter(|(_, left)| **left) {
            extra(view, row, differences);
        }
    }
}

/// The row of those that are left with the fewest different cells, and with at least one equal.
fn nearest(wanted: &[Wanted<'_>], view: &View<'_>, left: &[bool]) -> Option<usize> {
    const LOOKED_AT: usize = 200;
    left.iter()
        .enumerate()
        .filter(|(_, left)| **left)
        .take(LOOKED_AT)
        .map(|(row, _)| {
            let different = wanted
                .iter()
                .zip(&view.row(row))
                .filter(|(wanted, field)| wanted.test(field).is_err())
                .count();
            (different, row)
        })
        .min()
        .filter(|(different, _)| *different < wanted.len())
        .map(|(_, row)| row)
}

fn cells(wanted: &[Wanted<'_>], view: &View<'_>, row: usize, differences: &mut Differences) {
    for (at, wanted) in wanted.iter().enumerate() {
        let field = view.field(row, at);
        if let Err(why) = wanted.test(&field) {
            differences.push(|| Difference {
                row: row + 1,
                column: view.column(at),
                expected: wanted.words.clone(),
                got: field.shown(),
                why,
            });
        }
    }
}

fn missing(wanted: &[Wanted<'_>], row: usize, differences: &mut Differences) {
    differences.push(|| {
        let words = show::row(wanted.iter().map(|wanted| wanted.words.as_str()));
        Difference { row, ..Difference::whole(&words, NO_ROW, "") }
    });
}

fn extra(view: &View<'_>, row: usize, differences: &mut Differences) {
    differences.push(|| Difference { row: row + 1, ..Difference::whole(NO_ROW, &view.shown(row), "") });
}

/// Judges `each`.
pub(super) fn judge_each(each: &[(String, Cell)], answer: &Answer, saved: &Saved) -> Verdict {
    let wanted: Vec<Wanted<'_>> = each.iter().map(|(_, cell)| Wanted::new(cell, saved)).collect();
    let words: Vec<String> = each
        .iter()
        .zip(&wanted)
        .map(|((column, _), wanted)| format!("{}: {}", show::plain(column), wanted.words))
        .collect();
    let expected = format!("each row {}", words.join(", "));
    let came = show::count(answer.total_rows, "row");
    let columns: Vec<String> = each.iter().map(|(column, _)| column.clone()).collect();
    let view = match View::new(answer, &columns) {
        Ok(view) => view,
        Err(why) => return Verdict::fail(expected, came, why),
    };
    if answer.total_rows == 0 {
        let why = "each needs at least one row, so that it can't hold of nothing";
        return Verdict::fail(expected, came, why);
    }
    let mut differences = Differences::default();
    for row in 0..view.height() {
        cells(&wanted, &view, row, &mut differences);
    }
    let got = match differences.count() {
        0 => came.clone(),
        count => format!("{came}, {}", show::count(count as u64, "difference")),
    };
    // A difference in a kept row is one, whatever the others hold.
    if let Some(why) = incomplete(answer).filter(|_| differences.count() == 0) {
        return Verdict::fail(expected, came, why);
    }
    differences.verdict(expected, got)
}
