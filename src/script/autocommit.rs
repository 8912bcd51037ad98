//! `\set AUTOCOMMIT off`: before which statements psql sends a BEGIN of its own.

use super::classify::each_statement;
use super::reader::Reader;

/// Whether psql begins a transaction for it when none is open. Not before what begins or ends one itself,
/// nor before what it knows to be forbidden in one; it looks at no more than the first words.
pub(super) fn needs_begin(text: &str) -> bool {
    let mut first = None;
    each_statement(text, |tokens| {
        if first.is_none() {
            first = Some(!stands_alone(&mut Reader::new(tokens)));
        }
    });
    // Nothing but a semicolon is sent like any other.
    first.unwrap_or(true)
}

fn stands_alone(r: &mut Reader<'_, '_>) -> bool {
    let Some(first) = r.word() else { return false };
    match first.as_str() {
        "ABORT" | "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "VACUUM" => true,
        "PREPARE" => r.take("TRANSACTION"),
        "CLUSTER" => r.word().is_none(),
        "CREATE" => {
            r.take("DATABASE") || r.take("TABLESPACE") || {
                r.take("UNIQUE");
                r.take("INDEX") && r.take("CONCURRENTLY")
            }
        }
        "ALTER" => r.take("SYSTEM"),
        "DROP" | "REINDEX" => {
            r.take("DATABASE")
                || r.take("SYSTEM")
                || r.take("TABLESPACE")
                || ((r.take("INDEX") || r.take("TABLE")) && r.take("CONCURRENTLY"))
        }
        "DISCARD" => r.take("ALL"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::needs_begin;

    #[test]
    fn as_psql_decides() {
        for text in [
            "SELECT 1;",
            ";",
            "SET x = 1;",
            "SAVEPOINT s;",
            "PREPARE p AS SELECT 1;",
            "CLUSTER t;",
            "DISCARD PLANS;",
            "DROP INDEX i;",
            "REINDEX INDEX i;",
            "CREATE UNIQUE INDEX i ON t (a);",
            "CREATE SUBSCRIPTION s;",
            "SELECT 1; COMMIT;",
        ] {
            assert!(needs_begin(text), "{text}");
        }
        for text in [
            "BEGIN;",
            "/* x */ start transaction;",
            "ROLLBACK TO s;",
            "end;",
            "vacuum t;",
            "CLUSTER;",
            "DISCARD ALL;",
            "PREPARE TRANSACTION 'x';",
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a);",
            "DROP DATABASE d;",
            "REINDEX TABLE CONCURRENTLY t;",
            "ALTER SYSTEM SET x = 1;",
            "COMMIT; SELECT 1;",
        ] {
            assert!(!needs_begin(text), "{text}");
        }
    }
}
