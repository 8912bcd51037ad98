//! Whether a text changes anything in the database, as far as its words tell.

use super::classify::each_statement;
use super::tokens::{Piece, Tok};

/// What the words say; the later says more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acts {
    /// It looks, or steers the session or the transaction.
    #[default]
    Not,
    /// It calls functions, and what those do isn't in its words.
    Calls,
    Changes,
}

/// Functions that only compute.
const COMPUTE: &[&str] = &[
    "ABS",
    "AVG",
    "CAST",
    "COALESCE",
    "COUNT",
    "CURRENT_SETTING",
    "EXISTS",
    "FORMAT",
    "LENGTH",
    "LOWER",
    "MAX",
    "MIN",
    "NOW",
    "NULLIF",
    "ROUND",
    "STRING_AGG",
    "SUM",
    "TO_REGCLASS",
    "UPPER",
    "VERSION",
];
/// Words before a parenthesis that are no function.
const SYNTAX: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "BY",
    "CASE",
    "DISTINCT",
    "ELSE",
    "FROM",
    "HAVING",
    "IN",
    "IS",
    "JOIN",
    "LIKE",
    "MATERIALIZED",
    "NOT",
    "ON",
    "OR",
    "OVER",
    "ROW",
    "SELECT",
    "SOME",
    "THEN",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
    "FILTER",
    "WITHIN",
    "LATERAL",
    "EXCEPT",
    "INTERSECT",
];

/// What the statements of a text do together.
#[must_use]
pub fn acts(text: &str) -> Acts {
    let mut found = Acts::Not;
    each_statement(text, |tokens| found = found.max(one(tokens)));
    found
}

fn one(tokens: &[Piece<'_>]) -> Acts {
    let first = tokens.iter().find(|piece| !piece.symbol("("));
    let Some(first) = first.filter(|first| first.tok == Tok::Word) else { return Acts::Not };
    let has = |word: &str| tokens.iter().any(|piece| piece.is(word));
    match first.text.to_ascii_uppercase().as_str() {
        "SELECT" | "VALUES" | "TABLE" | "WITH" | "EXPLAIN" | "FETCH" | "DECLARE" => {
            let writes = ["INTO", "INSERT", "DELETE", "MERGE"].iter().any(|word| has(word))
                || tokens.windows(2).any(|pair| pair[1].is("UPDATE") && !pair[0].is("FOR"));
            match writes {
                true => Acts::Changes,
                false if tokens.windows(2).any(calls) => Acts::Calls,
                false => Acts::Not,
            }
        }
        // A function of its author's, or what was prepared.
        "CALL" | "DO" | "EXECUTE" => Acts::Changes,
        "ABORT" | "ANALYZE" | "BEGIN" | "CHECKPOINT" | "CLOSE" | "COMMIT" | "DEALLOCATE" | "DISCARD"
        | "END" | "LISTEN" | "LOCK" | "MOVE" | "NOTIFY" | "PREPARE" | "RELEASE" | "RESET" | "ROLLBACK"
        | "SAVEPOINT" | "SET" | "SHOW" | "START" | "UNLISTEN" | "VACUUM" => Acts::Not,
        "COPY" if has("TO") && !has("FROM") => Acts::Not,
        _ => Acts::Changes,
    }
}

fn calls(pair: &[Piece<'_>]) -> bool {
    let [name, open] = pair else { return false };
    let known = |words: &[&str]| words.iter().any(|word| name.is(word));
    open.symbol("(") && matches!(name.tok, Tok::Word | Tok::QuotedIdent) && !known(COMPUTE) && !known(SYNTAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_doesnt_act() {
        for (sql, wanted) in [
            ("", Acts::Not),
            ("-- nothing to do\n;", Acts::Not),
            ("SELECT 1", Acts::Not),
            ("SELECT count(*) FROM t WHERE (a = 1) FOR UPDATE", Acts::Not),
            ("BEGIN; SET x = 1; SELECT 'DROP TABLE t'; COMMIT", Acts::Not),
            ("COPY t TO STDOUT", Acts::Not),
            ("SELECT setval('s', 1)", Acts::Calls),
            ("SELECT app.\"undo it\"(4)", Acts::Calls),
            ("SELECT * INTO k FROM t", Acts::Changes),
            ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", Acts::Changes),
            ("WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x", Acts::Changes),
            ("SELECT 1; DROP TABLE t", Acts::Changes),
            ("CALL undo()", Acts::Changes),
            ("COPY t FROM STDIN", Acts::Changes),
        ] {
            assert_eq!(acts(sql), wanted, "{sql}");
        }
    }
}
