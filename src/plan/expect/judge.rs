//! Compares what came with what was expected, and says what differs.
//!
//! Everything that an expectation sets must hold; what can't be judged has failed.

use std::time::Duration;

use super::answer::{Answer, Outcome, Refusal};
use super::cell::Cell;
use super::compare::Wanted;
use super::count::judge_count;
use super::rows::{Order, judge_each, judge_rows};
use super::saved::Saved;
use super::show;
use super::verdict::{Difference, Verdict, names};
use super::view::{View, incomplete};
use super::{Expect, ExpectedError};

impl Expect {
    /// Judges what a query gave. `warnings` and `exit` have judges of their own.
    pub fn judge(&self, outcome: &Outcome, saved: &Saved) -> Verdict {
        match (outcome, &self.error) {
            (Outcome::Rows(answer), None) => self.judge_answer(answer, saved),
            (Outcome::Rows(answer), Some(error)) => Verdict::fail(
                error_words(error),
                show::count(answer.total_rows, "row"),
                "it should have failed and didn't",
            ),
            (Outcome::Error(refusal), None) => Verdict::fail(
                self.words(),
                refusal_words(refusal),
                if refusal.taking_role { "the role couldn't be taken, so the query didn't run" } else { "" },
            ),
            (Outcome::Error(refusal), Some(error)) => self.judge_error(error, refusal),
        }
    }

    /// Judges the warnings of a script; any number will do when nothing is said.
    pub fn judge_script(&self, warnings: u64, saved: &Saved) -> Verdict {
        match &self.warnings {
            Some(cell) => counted(cell, warnings, "warning", saved),
            None => Verdict::pass("any warnings", show::count(warnings, "warning")),
        }
    }

    /// Judges the exit code of a command; 0 when nothing is said.
    pub fn judge_exit(&self, code: i32, saved: &Saved) -> Verdict {
        let success = Cell::integer(0);
        let mut verdict = judge_count(self.exit.as_ref().unwrap_or(&success), code, saved);
        verdict.expected.insert_str(0, "exit ");
        verdict.got.insert_str(0, "exit ");
        verdict
    }

    /// The saved values (or variables) that its cells need, each once.
    pub fn saved_names(&self) -> Vec<String> {
        let single = [&self.value, &self.rows, &self.warnings, &self.exit];
        let tables = [&self.table, &self.set, &self.includes];
        let cells = single
            .into_iter()
            .flatten()
            .chain(tables.into_iter().flatten().flatten().flatten())
            .chain(self.each.iter().map(|(_, cell)| cell));
        let mut names = Vec::new();
        for name in cells.flat_map(Cell::saved_names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn judge_answer(&self, answer: &Answer, saved: &Saved) -> Verdict {
        let mut parts = Vec::new();
        if let Some(cell) = &self.rows {
            parts.push(counted(cell, answer.total_rows, "row", saved));
        }
        let looks = self.value.is_some() || self.tables().next().is_some();
        if let Some(cut) =
            answer.cut.as_ref().filter(|_| looks || !self.contains.is_empty() || !self.each.is_empty())
        {
            // A beginning may look like the whole.
            let why = "only its beginning was kept, so this can't be judged; let the query select its length, \
                       a hash of it or the part that matters";
            return Verdict::fail(self.words(), cut.clone(), why);
        }
        if looks || !self.contains.is_empty() || !self.column.is_empty() {
            match View::new(answer, &self.column) {
                Ok(view) => self.judge_view(answer, &view, saved, &mut parts),
                Err(why) => parts.push(Verdict::fail(
                    match self.column.len() {
                        0 => self.words(),
                        _ => format!("columns {}", names(self.column.iter().map(String::as_str))),
                    },
                    columns_words(answer),
                    why,
                )),
            }
        }
        if !self.each.is_empty() {
            parts.push(judge_each(&self.each, answer, saved));
        }
        if let Some(limit) = self.within {
            parts.push(judge_time(limit, answer.elapsed));
        }
        if parts.is_empty() {
            return Verdict::pass("it runs", show::count(answer.total_rows, "row"));
        }
        Verdict::all(parts)
    }

    fn tables(&self) -> impl Iterator<Item = (Order, &Vec<Vec<Cell>>)> {
        [(Order::Given, &self.table), (Order::Any, &self.set), (Order::Among, &self.includes)]
            .into_iter()
            .filter_map(|(order, cells)| cells.as_ref().map(|cells| (order, cells)))
    }

    fn judge_view(&self, answer: &Answer, view: &View<'_>, saved: &Saved, parts: &mut Vec<Verdict>) {
        if let Some(cell) = &self.value {
            parts.push(judge_value(cell, answer, view, saved));
        }
        for (order, cells) in self.tables() {
            parts.push(judge_rows(cells, order, answer, view, saved));
        }
        if !self.contains.is_empty() {
            parts.push(judge_contains(&self.contains, answer, view));
        }
    }

    fn judge_error(&self, error: &ExpectedError, refusal: &Refusal) -> Verdict {
        let expected = error_words(error);
        let got = refusal_words(refusal);
        if refusal.taking_role {
            let why = "the role couldn't be taken, so the query didn't run; that is never the \
                       expected error";
            return Verdict::fail(expected, got, why);
        }
        if refusal.sqlstate != error.sqlstate {
            return Verdict::fail(expected, got, "it is another error");
        }
        let missing: Vec<&str> = error
            .texts
            .iter()
            .filter(|text| !refusal.message.contains(text.as_str()))
            .map(String::as_str)
            .collect();
        if let Some(text) = missing.first() {
            let why = format!("the message doesn't contain {}", show::text(text));
            return Verdict::fail(expected, got, why);
        }
        // The checker refuses such a plan; should one come here, nothing is left unjudged.
        let asks_for_rows = self.value.is_some()
            || self.rows.is_some()
            || self.tables().next().is_some()
            || !self.each.is_empty()
            || !self.contains.is_empty();
        if asks_for_rows || self.within.is_some() {
            let why = "an error has neither rows nor a time that could be judged; expect the \
                       error alone";
            return Verdict::fail(self.words(), got, why);
        }
        Verdict::pass(expected, got)
    }

    /// What is expected, where there is no answer to compare it with.
    fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(error) = &self.error {
            words.push(error_words(error));
        }
        if let Some(cell) = &self.value {
            words.push(cell.words());
        }
        if let Some(cell) = &self.rows {
            words.push(count_words(&cell.words(), "row"));
        }
        for (order, cells) in self.tables() {
            let rows = show::count(cells.len() as u64, "row");
            words.push(match order {
                Order::Given => format!("{rows} in order"),
                Order::Any => format!("{rows} in any order"),
                Order::Among => format!("{rows} among others"),
            });
        }
        for (column, cell) in &self.each {
            words.push(format!("{}: {}", show::plain(column), cell.words()));
        }
        for fragment in &self.contains {
            words.push(format!("contains {}", show::text(fragment)));
        }
        if let Some(limit) = self.within {
            words.push(format!("within {limit:?}"));
        }
        if words.is_empty() {
            words.push("it runs".to_owned());
        }
        words.join("; ")
    }
}

fn judge_value(cell: &Cell, answer: &Answer, view: &View<'_>, saved: &Saved) -> Verdict {
    let wanted = Wanted::new(cell, saved);
    let rows = show::count(answer.total_rows, "row");
    if answer.total_rows != 1 {
        let why = format!("{rows}, expected one value");
        return Verdict::fail(wanted.words, rows, why);
    }
    if view.width() != 1 {
        let columns = show::count(view.width() as u64, "column");
        let why =
            format!("{columns} ({}), expected one value; name the one that counts in column", view.columns());
        return Verdict::fail(wanted.words, columns, why);
    }
    if let Some(why) = incomplete(answer) {
        return Verdict::fail(wanted.words, rows, why);
    }
    let field = view.field(0, 0);
    match wanted.test(&field) {
        Ok(()) => Verdict::pass(wanted.words, field.shown()),
        Err(why) => {
            let mut verdict = Verdict::fail(wanted.words, field.shown(), why);
            for difference in &mut verdict.differences {
                difference.row = 1;
                difference.column = view.column(0);
            }
            verdict
        }
    }
}

/// Cells of a row are joined by tabs, rows by line ends.
fn judge_contains(fragments: &[String], answer: &Answer, view: &View<'_>) -> Verdict {
    let shown: Vec<String> = fragments.iter().map(|text| show::text(text)).collect();
    let expected = format!("contains {}", shown.join(", "));
    let joined = view.joined();
    let mut parts = Vec::new();
    for (fragment, shown) in fragments.iter().zip(&shown) {
        if !joined.contains(fragment.as_str()) {
            // A fragment that was found is found; one that wasn't may stand in a dropped row.
            let why = incomplete(answer).unwrap_or_default();
            parts.push(Difference::whole(&format!("contains {shown}"), &show::text(&joined), why));
        }
    }
    if parts.is_empty() {
        return Verdict::pass(expected, "all there");
    }
    let missing: Vec<&str> = fragments
        .iter()
        .zip(&shown)
        .filter(|(fragment, _)| !joined.contains(fragment.as_str()))
        .map(|(_, shown)| shown.as_str())
        .collect();
    let mut verdict = Verdict::fail(expected, format!("without {}", missing.join(", ")), "");
    verdict.differences = parts;
    verdict
}

fn judge_time(limit: Duration, elapsed: Duration) -> Verdict {
    let expected = format!("within {limit:?}");
    // Never rounded: 1.0004s within 1s would otherwise read as a contradiction.
    let got = format!("{elapsed:?}");
    if elapsed <= limit {
        Verdict::pass(expected, got)
    } else {
        Verdict::fail(expected, got, "it took longer")
    }
}

fn counted(cell: &Cell, got: u64, what: &str, saved: &Saved) -> Verdict {
    let mut verdict = judge_count(cell, got, saved);
    verdict.expected = count_words(&verdict.expected, what);
    verdict.got = show::count(got, what);
    for difference in &mut verdict.differences {
        difference.expected.clone_from(&verdict.expected);
        difference.got.clone_from(&verdict.got);
    }
    verdict
}

fn count_words(cell: &str, what: &str) -> String {
    match cell {
        "1" => format!("1 {what}"),
        _ => format!("{cell} {what}s"),
    }
}

fn error_words(error: &ExpectedError) -> String {
    let mut words = format!("error {}", show::plain(&error.sqlstate));
    for text in &error.texts {
        words.push_str(&format!(" {}", show::text(text)));
    }
    words
}

fn refusal_words(refusal: &Refusal) -> String {
    match refusal.sqlstate.as_str() {
        // It wasn't the server that refused.
        "" => format!("refused: {}", show::plain(&refusal.message)),
        state => format!("error {}: {}", show::plain(state), show::plain(&refusal.message)),
    }
}

fn columns_words(answer: &Answer) -> String {
    match answer.columns.len() {
        0 => "no columns".to_owned(),
        _ => format!("columns {}", names(answer.columns.iter().map(|column| column.name.as_str()))),
    }
}
