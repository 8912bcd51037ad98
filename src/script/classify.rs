//! What kind of statement a text is: the server's tokens, and the leading words.

use super::bare;
use super::kind::{Kind, Session, Transaction};
use super::reader::Reader;
use super::tokens::{Piece, Tok, Tokens};

/// How many tokens of a statement are looked at. What decides stands at the front, or within a COPY's
/// list of columns.
const LOOK_AT: usize = 8192;

/// The kind of a statement, and whether it may touch lock_timeout.
pub fn classify(text: &str) -> (Kind, bool) {
    let mut kinds = Vec::new();
    let mut resets_all = false;
    each_statement(text, |tokens| {
        let kind = one(tokens);
        resets_all |=
            matches!(kind, Kind::Session(Session::Reset { name: None } | Session::Discard { all: true }));
        kinds.push(kind);
    });
    let kind = match kinds.len() {
        0 => Kind::Empty,
        1 => kinds.remove(0),
        _ => Kind::Several(kinds),
    };
    (kind, resets_all || mentions_lock_timeout(text))
}

/// Calls `with` for every statement in the text that isn't empty.
pub(super) fn each_statement<'a>(text: &'a str, mut with: impl FnMut(&[Piece<'a>])) {
    let split = |mut tokens: Tokens<'a>| {
        let mut found = Vec::new();
        let mut current: Vec<Piece<'a>> = Vec::new();
        for piece in &mut tokens {
            if piece.tok == Tok::End {
                if !current.is_empty() {
                    found.push(std::mem::take(&mut current));
                }
            } else if current.len() < LOOK_AT {
                current.push(piece);
            }
        }
        if !current.is_empty() {
            found.push(current);
        }
        (found, tokens.in_body())
    };
    let (mut found, open) = split(Tokens::new(text));
    if open {
        // psql took a word for the BEGIN of a body and sent what follows along with it, a COMMIT perhaps.
        // The server doesn't guess, so neither may this.
        found = split(Tokens::with_plain_semicolons(text)).0;
    }
    found.iter().for_each(|tokens| with(tokens));
}

fn one(tokens: &[Piece<'_>]) -> Kind {
    let mut r = Reader::new(tokens);
    while r.symbol("(") {}
    let Some(first) = r.word() else { return Kind::Other(String::new()) };
    match first.as_str() {
        "SELECT" | "WITH" if selects_into_temporary(tokens) => Kind::Session(Session::Temporary),
        "SELECT" | "VALUES" | "TABLE" | "WITH" | "SHOW" | "EXPLAIN" => Kind::Query,
        "BEGIN" => Kind::Transaction(Transaction::Begin),
        "START" if r.is("TRANSACTION") => Kind::Transaction(Transaction::Begin),
        "COMMIT" if r.take("PREPARED") => Kind::Transaction(Transaction::CommitPrepared),
        "COMMIT" | "END" => Kind::Transaction(Transaction::Commit { chain: chains(&mut r) }),
        "ROLLBACK" if r.take("PREPARED") => Kind::Transaction(Transaction::RollbackPrepared),
        "ROLLBACK" | "ABORT" => {
            let chain = chains(&mut r);
            let to = r.take("TO");
            Kind::Transaction(if to { Transaction::RollbackTo } else { Transaction::Rollback { chain } })
        }
        "SAVEPOINT" => Kind::Transaction(Transaction::Savepoint),
        "RELEASE" => Kind::Transaction(Transaction::Release),
        "PREPARE" if r.take("TRANSACTION") => Kind::Transaction(Transaction::Prepare),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" => Kind::Session(Session::Prepared),
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => Kind::Session(Session::Cursor),
        "LISTEN" | "UNLISTEN" => Kind::Session(Session::Listen),
        "LOAD" => Kind::Session(Session::Load),
        "DISCARD" => Kind::Session(Session::Discard { all: r.take("ALL") }),
        "SET" => Kind::Session(set(&mut r)),
        "RESET" => Kind::Session(reset(&mut r)),
        "COPY" => copy(&mut r),
        "CREATE" if creates_temporary(&r) => Kind::Session(Session::Temporary),
        _ => match bare::parse(&first, &mut r) {
            Some(bare) => Kind::Bare(bare),
            None => Kind::Other(first),
        },
    }
}

/// `[WORK | TRANSACTION] [AND [NO] CHAIN]`
fn chains(r: &mut Reader<'_, '_>) -> bool {
    let _ = r.take("WORK") || r.take("TRANSACTION");
    r.take("AND") && !r.take("NO") && r.take("CHAIN")
}

fn set(r: &mut Reader<'_, '_>) -> Session {
    let mut local = false;
    if r.take("LOCAL") {
        local = true;
    } else if r.take("SESSION") {
        if r.take("CHARACTERISTICS") {
            return Session::SetTransaction;
        }
        if r.take("AUTHORIZATION") {
            return Session::SetSessionAuthorization;
        }
    }
    if r.take("CONSTRAINTS") {
        Session::SetConstraints
    } else if r.take("TRANSACTION") {
        Session::SetTransaction
    } else if r.take("ROLE") {
        Session::SetRole
    } else if r.is("SESSION") && r.is_at(1, "AUTHORIZATION") {
        Session::SetSessionAuthorization
    } else {
        let name = match r.word().as_deref() {
            Some("TIME") if r.take("ZONE") => "timezone".to_owned(),
            Some("XML") if r.take("OPTION") => "xmloption".to_owned(),
            Some("NAMES") => "client_encoding".to_owned(),
            Some("SCHEMA") => "search_path".to_owned(),
            Some(_) => {
                r.back();
                r.dotted().unwrap_or_default()
            }
            None => r.dotted().unwrap_or_default(),
        };
        Session::Set { name, local }
    }
}

fn reset(r: &mut Reader<'_, '_>) -> Session {
    if r.take("ALL") {
        return Session::Reset { name: None };
    }
    if r.take("SESSION") && r.take("AUTHORIZATION") {
        return Session::SetSessionAuthorization;
    }
    if r.take("ROLE") {
        return Session::SetRole;
    }
    if r.take("TIME") {
        return Session::Reset { name: Some("timezone".to_owned()) };
    }
    Session::Reset { name: Some(r.dotted().unwrap_or_default()) }
}

fn creates_temporary(r: &Reader<'_, '_>) -> bool {
    // CREATE [OR REPLACE] [GLOBAL | LOCAL] TEMP …
    let skip = if r.is("OR") && r.is_at(1, "REPLACE") { 2 } else { 0 };
    let skip = skip + usize::from(r.is_at(skip, "GLOBAL") || r.is_at(skip, "LOCAL"));
    r.is_at(skip, "TEMP") || r.is_at(skip, "TEMPORARY")
}

fn selects_into_temporary(tokens: &[Piece<'_>]) -> bool {
    tokens.windows(2).any(|pair| pair[0].is("INTO") && (pair[1].is("TEMP") || pair[1].is("TEMPORARY")))
}

/// `COPY [BINARY] name [(columns)] | (query)  FROM | TO  [PROGRAM] 'path' | STDIN | STDOUT  …`
fn copy(r: &mut Reader<'_, '_>) -> Kind {
    let old_binary = r.is("BINARY") && !r.is_at(1, "FROM") && !r.is_at(1, "TO") && r.take("BINARY");
    let from = loop {
        if r.take("FROM") {
            break true;
        }
        if r.take("TO") {
            break false;
        }
        if !(r.parentheses() || r.any()) {
            return Kind::Other("COPY".to_owned());
        }
    };
    if r.take("PROGRAM") {
        return Kind::CopyServerSide { program: true, from };
    }
    // The server takes STDIN and STDOUT alike in both directions.
    if !(r.take("STDIN") || r.take("STDOUT")) {
        return Kind::CopyServerSide { program: false, from };
    }
    if !from {
        return Kind::CopyToStdout;
    }
    let mut binary = old_binary;
    while let Some(piece) = r.piece() {
        let word = |text: &str| text.trim_matches(['\'', '"']).eq_ignore_ascii_case("binary");
        let format_before = r.before(1).is_none_or(|before| {
            before.is("FORMAT") || before.is("WITH") || before.is("STDIN") || before.is("STDOUT")
        });
        binary |= word(piece.text) && format_before;
    }
    Kind::CopyFromStdin { binary }
}

/// Any set_config too: its argument could be put together.
fn mentions_lock_timeout(text: &str) -> bool {
    mentions(text, "lock_timeout") || mentions(text, "set_config")
}

/// Generous: any mention of a setting counts, in a string or the body of a DO too. Taking it for a change
/// costs next to nothing. The name has an underscore, which is rare in scripts.
pub(super) fn mentions(text: &str, setting: &str) -> bool {
    let (text, name) = (text.as_bytes(), setting.as_bytes());
    let Some(before) = name.iter().position(|&c| c == b'_') else { return false };
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|&c| c == b'_') {
        let underscore = from + at;
        let found = underscore.checked_sub(before).and_then(|start| text.get(start..start + name.len()));
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return true;
        }
        from = underscore + 1;
    }
    false
}

/// EXECUTE of a prepared statement: among the kinds of the session, it is the one that does work.
pub fn executes_prepared(text: &str) -> bool {
    let mut executes = false;
    each_statement(text, |tokens| executes |= tokens.first().is_some_and(|first| first.is("EXECUTE")));
    executes
}

/// One statement that begins with SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN. Not a wall: a function
/// or a WITH may still write, and only the server's read-only transaction stops it.
pub fn reads_only(text: &str) -> bool {
    let mut firsts = Vec::new();
    each_statement(text, |tokens| {
        let first = tokens.iter().find(|piece| !piece.symbol("("));
        firsts.push(first.is_some_and(|first| {
            ["SELECT", "VALUES", "TABLE", "WITH", "SHOW", "EXPLAIN"].iter().any(|word| first.is(word))
        }));
    });
    firsts == [true]
}

/// A SELECT or VALUES without a table, column or function: as a check it can't fail.
pub fn selects_only_constants(text: &str) -> bool {
    const PLAIN: &[&str] = &[
        "SELECT", "VALUES", "TRUE", "FALSE", "NULL", "AND", "OR", "NOT", "IS", "IN", "BETWEEN", "LIKE",
        "ILIKE", "SIMILAR", "TO", "DISTINCT", "ALL", "CASE", "WHEN", "THEN", "ELSE", "END", "AS", "WHERE",
        "UNION", "ORDER", "BY", "ASC", "DESC", "LIMIT", "OFFSET", "ARRAY", "ROW", "UNKNOWN", "CAST",
    ];
    let (mut statements, mut constant) = (0, true);
    each_statement(text, |tokens| {
        statements += 1;
        let first = tokens.iter().find(|piece| !piece.symbol("("));
        constant &= first.is_some_and(|first| first.is("SELECT") || first.is("VALUES"));
        let mut in_type = false;
        for (i, piece) in tokens.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|before| tokens.get(before));
            let after = tokens.get(i + 1);
            let cast = before.is_some_and(|before| before.symbol("::"));
            let is_word = matches!(piece.tok, Tok::Word | Tok::QuotedIdent);
            in_type = cast || (in_type && is_word);
            if !is_word || in_type || PLAIN.iter().any(|word| piece.is(word)) {
                // CAST(x AS type), or AS alias: the word behind AS is neither column nor function.
                continue;
            }
            let behind = |tok: &Piece<'_>| {
                matches!(tok.tok, Tok::Text | Tok::Dollar | Tok::Number)
                    || tok.symbol(")")
                    || tok.is("AS")
                    || tok.is("END")
            };
            let alias = before.is_some_and(behind);
            let typed = after.is_some_and(|after| after.tok == Tok::Text); // date '2024-02-06'
            constant &= alias || typed;
        }
    });
    statements == 1 && constant
}
