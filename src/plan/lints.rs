//! Warnings: what is allowed and probably not meant.

use super::diagnostic::Code;
use super::model::{Action, Ask, Checkpoint, Side, Step};
use super::raw::{Entry, Report, Table};
use super::sqltext;

/// A checkpoint that proves nothing.
pub(super) fn checkpoint(report: &mut Report<'_>, raw: &Table<'_>, checkpoint: &Checkpoint, again: bool) {
    let Ask::Sql(sql) = &checkpoint.ask else { return };
    if sql.is_empty() {
        return;
    }
    // Asked on both sides, the answers must agree.
    let both = checkpoint.on == Side::Both;
    if checkpoint.expect.is_none() && checkpoint.save.is_none() && raw.get("expect").is_none() && !both {
        let message = "this query must merely run: it has no `expect`";
        report.warn_help(Code::Lint, raw.span, message, "say what it must give, or `save` it");
    }
    if !again {
        constant(report, raw, "sql", sql);
        views_counted(report, raw, "sql", sql);
    }
}

/// `expect = "25 rows"` compares with the text, which no count equals.
pub(super) fn rows_as_text(report: &mut Report<'_>, entry: Entry<'_>) {
    let Some(text) = entry.value.get_ref().as_str() else { return };
    let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
    let number = inner.strip_suffix(" rows").or_else(|| inner.strip_suffix(" row"));
    if let Some(number) = number.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
        let message = format!("`{text}` is compared as a text, with one value");
        report.warn_help(
            Code::Lint,
            entry.span(),
            message,
            format!("for a number of rows write {{ rows = {number} }}"),
        );
    }
}

/// A query that gives the same whatever the database holds can't fail.
fn constant(report: &mut Report<'_>, raw: &Table<'_>, key: &str, sql: &str) {
    if let Some(entry) = raw.get(key)
        && sqltext::selects_constants(sql)
    {
        let message = "this query selects constants: it can't fail";
        report.warn_help(Code::Lint, entry.span(), message, "ask the database something");
    }
}

/// information_schema.tables lists views too, and whoever counts there counts them.
fn views_counted(report: &mut Report<'_>, raw: &Table<'_>, key: &str, sql: &str) {
    let lower = sql.to_lowercase();
    let counts = lower.contains("count(") && lower.contains("information_schema.tables");
    if let Some(entry) = raw.get(key).filter(|_| counts && !lower.contains("table_type")) {
        let message = "information_schema.tables lists views too: this count can't tell a view from a table";
        let help = "add `table_type = 'BASE TABLE'`, or name the tables in an `inventory`";
        report.warn_help(Code::Lint, entry.span(), message, help);
    }
}

/// A step that asks nothing, or that can't be undone.
pub(super) fn step(report: &mut Report<'_>, raw: &Table<'_>, step: &Step) {
    if let Action::Check { sql, .. } = &step.action {
        let both = step.on == Side::Both;
        if step.expect.is_none()
            && step.save.is_none()
            && raw.get("expect").is_none()
            && !sql.is_empty()
            && !both
        {
            let message = "this check must merely run: it has no `expect`";
            report.warn_help(Code::Lint, raw.span, message, "say what it must give, or `save` it");
        }
        constant(report, raw, "check", sql);
        views_counted(report, raw, "check", sql);
    }
    let looks = matches!(
        step.action,
        Action::Group
            | Action::Check { .. }
            | Action::Inventory(_)
            | Action::Probe { .. }
            | Action::Requires(_)
            | Action::Snapshot(_)
            | Action::Compare(_)
            | Action::Report(_)
            | Action::Soak(_)
            | Action::Backup(_)
    ) || matches!(step.action, Action::Later("compare"));
    if let (true, Some(rollback)) = (looks, raw.get("rollback")) {
        let message = "this step only looks: there is nothing to undo";
        report.warn_help(Code::Lint, rollback.key_span, message, "leave `rollback` out");
    }
}
