//! What a script does to rows, as far as its words tell: which tables it makes, drops, empties and writes.
//! Triggers, cascades, DO and functions aren't seen; that there is a DO or CALL is said.

use super::classify::each_statement;
use super::kind::QualifiedName;
use super::reader::Reader;
use super::tokens::{Piece, Tok};

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    MakesTable(QualifiedName),
    /// A temporary table, or a partition: it goes with something else.
    GoesAlong(QualifiedName),
    /// ALTER TABLE … RENAME TO, of the old name.
    Renames(QualifiedName),
    /// ALTER TYPE … ADD VALUE
    AddsEnumValue(QualifiedName, String),
    /// A type is dropped, renamed or made.
    RemakesType(QualifiedName),
    /// IF NOT EXISTS: the table, or a column that is added to it, may be there already.
    UnlessThere(QualifiedName),
    DropsTable(QualifiedName),
    DropsSchema(String),
    Empties(QualifiedName),
    Inserts(QualifiedName),
    /// UPDATE and MERGE.
    Updates(Update),
    /// INSERT … ON CONFLICT DO UPDATE: rows that are there are written over.
    Overwrites(QualifiedName),
    Deletes(QualifiedName),
    /// DELETE without a WHERE: all rows, others' too.
    DeletesAll(QualifiedName),
    /// Reads a table into another one: CREATE TABLE … AS, INSERT … SELECT.
    Copies(QualifiedName),
    AddsColumn(QualifiedName, String),
    DropsColumn(QualifiedName, String),
    /// ALTER COLUMN … TYPE
    RetypesColumn(QualifiedName, String),
    /// DO, CALL, EXECUTE: what it does isn't in its words.
    Unseen(String),
}

/// What an UPDATE writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub table: QualifiedName,
    /// Columns that it sets; empty when that isn't in its words.
    pub columns: Vec<String>,
    /// It has no WHERE: every row is meant.
    pub all_rows: bool,
}

/// Everything that the statements of a text do, in their order.
#[must_use]
pub fn effects(text: &str) -> Vec<Effect> {
    let mut found = Vec::new();
    each_statement(text, |tokens| one(tokens, &mut found));
    found
}

/// The words with which each statement begins, up to the first that isn't a name: `DROP TABLE a`.
#[must_use]
pub fn heads(text: &str) -> Vec<String> {
    const WORDS: usize = 6;
    let mut found = Vec::new();
    each_statement(text, |tokens| {
        let is_name =
            |piece: &&Piece<'_>| matches!(piece.tok, Tok::Word | Tok::QuotedIdent) || piece.symbol(".");
        let mut head = String::new();
        for piece in tokens.iter().take(WORDS).take_while(is_name) {
            if !head.is_empty() && !piece.symbol(".") && !head.ends_with('.') {
                head.push(' ');
            }
            head.push_str(piece.text);
        }
        found.push(head);
    });
    found
}

fn one(tokens: &[Piece<'_>], found: &mut Vec<Effect>) {
    let mut r = Reader::new(tokens);
    let Some(first) = r.word() else { return };
    match first.as_str() {
        "CREATE" => create(&mut r, tokens, found),
        "DROP" => drop_objects(&mut r, found),
        "TRUNCATE" => {
            let _ = r.take("TABLE");
            names(&mut r, |name| found.push(Effect::Empties(name)));
        }
        "ALTER" if r.take("TABLE") => alter(&mut r, found),
        "ALTER" if r.take("TYPE") => alter_type(&mut r, found),
        "COPY" => {
            let name = r.qualified();
            let _ = r.parentheses();
            if let (Some(name), true) = (name, r.take("FROM")) {
                found.push(Effect::Inserts(name));
            }
        }
        "DO" | "CALL" | "EXECUTE" => found.push(Effect::Unseen(first)),
        "SELECT" => {
            if let Some(at) = tokens.iter().position(|piece| piece.is("INTO")) {
                let mut r = Reader::new(&tokens[at + 1..]);
                let _ = r.take("TABLE");
                found.extend(r.qualified().map(Effect::MakesTable));
                sources(tokens, found);
            }
        }
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "WITH" => writes(tokens, found),
        _ => {}
    }
}

fn create(r: &mut Reader<'_, '_>, tokens: &[Piece<'_>], found: &mut Vec<Effect>) {
    let mut goes_along = false;
    loop {
        if r.take("TEMP") || r.take("TEMPORARY") {
            goes_along = true;
        } else if !(r.take("GLOBAL") || r.take("LOCAL") || r.take("UNLOGGED")) {
            break;
        }
    }
    if r.take("TYPE") {
        found.extend(r.qualified().map(Effect::RemakesType));
        return;
    }
    if !r.take("TABLE") {
        return;
    }
    let unless_there = r.if_exists();
    let Some(name) = r.qualified() else { return };
    found.push(Effect::MakesTable(name.clone()));
    goes_along |= r.is("PARTITION");
    found.extend(goes_along.then(|| Effect::GoesAlong(name.clone())));
    found.extend(unless_there.then_some(name).map(Effect::UnlessThere));
    let _ = r.parentheses();
    if tokens.iter().any(|piece| piece.is("AS")) {
        sources(tokens, found);
    }
}

fn drop_objects(r: &mut Reader<'_, '_>, found: &mut Vec<Effect>) {
    let foreign = r.take("FOREIGN");
    if r.take("TABLE") {
        let _ = r.if_exists();
        if !foreign {
            names(r, |name| found.push(Effect::DropsTable(name)));
        }
    } else if r.take("SCHEMA") {
        let _ = r.if_exists();
        names(r, |name| found.push(Effect::DropsSchema(name.name)));
    } else if r.take("TYPE") {
        let _ = r.if_exists();
        names(r, |name| found.push(Effect::RemakesType(name)));
    } else if r.take("OWNED") {
        found.push(Effect::Unseen("DROP OWNED".into()));
    }
}

fn alter_type(r: &mut Reader<'_, '_>, found: &mut Vec<Effect>) {
    let Some(name) = r.qualified() else { return };
    if r.take("RENAME") && r.take("TO") {
        found.push(Effect::RemakesType(name));
    } else if r.take("ADD") && r.take("VALUE") {
        let _ = r.if_exists();
        let value = r.piece().map(|piece| piece.text.to_owned()).unwrap_or_default();
        found.push(Effect::AddsEnumValue(name, value));
    }
}

fn alter(r: &mut Reader<'_, '_>, found: &mut Vec<Effect>) {
    let _ = r.if_exists();
    let _ = r.take("ONLY");
    let Some(table) = r.qualified() else { return };
    loop {
        let what = r.word();
        match what.as_deref() {
            Some("DROP") if !r.is("CONSTRAINT") => {
                let _ = r.take("COLUMN");
                let _ = r.if_exists();
                found.extend(r.identifier().map(|column| Effect::DropsColumn(table.clone(), column)));
            }
            Some("ADD") if !adds_something_else(r) => {
                let _ = r.take("COLUMN");
                let unless_there = r.if_exists();
                found.extend(r.identifier().map(|column| Effect::AddsColumn(table.clone(), column)));
                found.extend(unless_there.then(|| Effect::UnlessThere(table.clone())));
            }
            Some("RENAME") if r.take("TO") => found.push(Effect::Renames(table.clone())),
            Some("ALTER") => {
                let _ = r.take("COLUMN");
                let column = r.identifier();
                let _ = r.take("SET") && r.take("DATA");
                if let (Some(column), true) = (column, r.take("TYPE")) {
                    found.push(Effect::RetypesColumn(table.clone(), column));
                }
            }
            _ => {}
        }
        // To the next action of the same statement.
        loop {
            if r.at_end() {
                return;
            }
            if r.symbol(",") {
                break;
            }
            if !r.parentheses() {
                r.any();
            }
        }
    }
}

fn adds_something_else(r: &Reader<'_, '_>) -> bool {
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"].iter().any(|word| r.is(word))
}

/// INSERT, UPDATE, DELETE and MERGE, also inside a WITH.
fn writes(tokens: &[Piece<'_>], found: &mut Vec<Effect>) {
    let mut inserts: Option<QualifiedName> = None;
    for (at, piece) in tokens.iter().enumerate() {
        // FOR UPDATE, ON CONFLICT DO UPDATE, and what a trigger's words say aren't writes of their own.
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        if piece.is("UPDATE") && before.is_some_and(|piece| piece.is("DO")) {
            found.extend(inserts.clone().map(Effect::Overwrites));
        }
        if before.is_some_and(|piece| piece.is("FOR") || piece.is("DO") || piece.is("ON") || piece.is("THEN"))
        {
            continue;
        }
        let mut r = Reader::new(&tokens[at + 1..]);
        let target = |r: &mut Reader<'_, '_>| {
            let _ = r.take("ONLY");
            r.qualified()
        };
        if piece.is("INSERT") && r.take("INTO") {
            inserts = r.qualified();
            found.extend(inserts.clone().map(Effect::Inserts));
        } else if piece.is("DELETE") && r.take("FROM") {
            let Some(table) = target(&mut r) else { continue };
            found.push(Effect::Deletes(table.clone()));
            // To the end of the statement, or of the WITH that it stands in.
            let mut all = true;
            while all && !r.at_end() && !r.symbol(")") {
                all = !(r.is("WHERE") || r.is("USING"));
                if !r.parentheses() {
                    r.any();
                }
            }
            found.extend(all.then_some(Effect::DeletesAll(table)));
        } else if piece.is("UPDATE") {
            found.extend(target(&mut r).map(|table| Effect::Updates(update(table, r))));
        } else if piece.is("MERGE") && r.take("INTO") {
            let unknown = |table| Update { table, columns: Vec::new(), all_rows: false };
            found.extend(target(&mut r).map(unknown).map(Effect::Updates));
        }
    }
    if inserts.is_some() {
        sources(tokens, found);
    }
}

/// The columns behind SET, and whether there is a WHERE.
fn update(table: QualifiedName, mut r: Reader<'_, '_>) -> Update {
    let mut update = Update { table, columns: Vec::new(), all_rows: true };
    // An alias may stand before it.
    while !r.take("SET") {
        if !r.any() {
            return update;
        }
    }
    let ends = |r: &Reader<'_, '_>| r.is("FROM") || r.is("WHERE") || r.is("RETURNING");
    loop {
        if r.symbol("(") {
            while let Some(column) = r.identifier() {
                update.columns.push(column);
                let _ = r.symbol(",");
            }
            let _ = r.symbol(")");
        } else {
            update.columns.extend(r.identifier());
        }
        let mut another = false;
        while !another && !ends(&r) {
            // The end of the statement, or of the WITH that it stands in.
            if r.at_end() || r.symbol(")") {
                return update;
            }
            another = r.symbol(",");
            if !another && !r.parentheses() {
                r.any();
            }
        }
        if !another {
            break;
        }
    }
    while !r.at_end() && !r.symbol(")") {
        update.all_rows &= !r.is("WHERE");
        if !r.parentheses() {
            r.any();
        }
    }
    update
}

/// Tables behind FROM and JOIN.
fn sources(tokens: &[Piece<'_>], found: &mut Vec<Effect>) {
    for (at, piece) in tokens.iter().enumerate() {
        let deletes = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|p| p.is("DELETE"));
        if (piece.is("FROM") && !deletes) || piece.is("JOIN") {
            let mut r = Reader::new(&tokens[at + 1..]);
            let _ = r.take("ONLY");
            found.extend(r.qualified().map(Effect::Copies));
        }
    }
}

/// A list of names with commas between them.
fn names(r: &mut Reader<'_, '_>, mut with: impl FnMut(QualifiedName)) {
    loop {
        let _ = r.take("ONLY");
        let Some(name) = r.qualified() else { return };
        with(name);
        let _ = r.symbol("*");
        if !r.symbol(",") {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> QualifiedName {
        match text.split_once('.') {
            Some((schema, name)) => QualifiedName { schema: Some(schema.into()), name: name.into() },
            None => QualifiedName { schema: None, name: text.into() },
        }
    }

    fn set(table: &str, columns: &[&str], all_rows: bool) -> Effect {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Effect::Updates(Update { table: name(table), columns, all_rows })
    }

    #[test]
    fn what_statements_do_to_rows() {
        use Effect::*;
        let cases: &[(&str, Vec<Effect>)] = &[
            (
                "CREATE TABLE IF NOT EXISTS a.b (x int)",
                vec![MakesTable(name("a.b")), UnlessThere(name("a.b"))],
            ),
            (
                "CREATE TABLE k AS SELECT * FROM t JOIN u USING (i)",
                vec![MakesTable(name("k")), Copies(name("t")), Copies(name("u"))],
            ),
            ("DROP TABLE IF EXISTS a, b.c CASCADE", vec![DropsTable(name("a")), DropsTable(name("b.c"))]),
            ("TRUNCATE TABLE ONLY a, b", vec![Empties(name("a")), Empties(name("b"))]),
            ("DELETE FROM ONLY t USING u WHERE t.i = u.i", vec![Deletes(name("t"))]),
            ("UPDATE \"T\" SET x = 1", vec![set("T", &["x"], true)]),
            (
                "UPDATE ONLY t AS u SET x = f(1, 2), (y, z) = (1, 2) FROM v WHERE u.i = v.i",
                vec![set("t", &["x", "y", "z"], false)],
            ),
            (
                "WITH c AS (UPDATE t SET x = (SELECT 1 WHERE true) RETURNING i) DELETE FROM u WHERE i = 1",
                vec![set("t", &["x"], true), Deletes(name("u"))],
            ),
            (
                "INSERT INTO k SELECT * FROM t ON CONFLICT (i) DO UPDATE SET x = 1",
                vec![Inserts(name("k")), Overwrites(name("k")), Copies(name("t"))],
            ),
            (
                "WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO k SELECT * FROM gone",
                vec![Deletes(name("t")), DeletesAll(name("t")), Inserts(name("k")), Copies(name("gone"))],
            ),
            ("SELECT * FROM t FOR UPDATE", vec![]),
            ("SELECT * INTO k FROM t", vec![MakesTable(name("k")), Copies(name("t"))]),
            (
                "ALTER TABLE t DROP COLUMN IF EXISTS a, ADD b numeric(1, 2), ALTER c SET DATA TYPE int, ADD CONSTRAINT d CHECK (a > 0), DROP CONSTRAINT e",
                vec![
                    DropsColumn(name("t"), "a".into()),
                    AddsColumn(name("t"), "b".into()),
                    RetypesColumn(name("t"), "c".into()),
                ],
            ),
            ("COPY t (a, b) FROM STDIN", vec![Inserts(name("t"))]),
            ("COPY t TO STDOUT", vec![]),
            (
                "ALTER TYPE a.mood ADD VALUE IF NOT EXISTS 'glad'",
                vec![AddsEnumValue(name("a.mood"), "'glad'".into())],
            ),
            ("DROP TYPE mood", vec![RemakesType(name("mood"))]),
            ("CREATE TEMP TABLE t (a int)", vec![MakesTable(name("t")), GoesAlong(name("t"))]),
            ("ALTER TABLE t RENAME TO u", vec![Renames(name("t"))]),
            ("DO $$ BEGIN DELETE FROM t; END $$", vec![Unseen("DO".into())]),
            ("-- DROP TABLE a\nCREATE VIEW v AS SELECT 'DELETE FROM t'", vec![]),
        ];
        for (sql, wanted) in cases {
            assert_eq!(effects(sql), *wanted, "{sql}");
        }
    }

    #[test]
    fn statements_by_their_first_words() {
        assert_eq!(heads("DROP TABLE a; UPDATE s.t SET x = 'secret'"), ["DROP TABLE a", "UPDATE s.t SET x"]);
    }
}
