//! Random scripts: pieces that mostly make sense, put together in ways nobody would write.

use super::script::{Mode, Script};

/// What every random script begins with.
const FIRST: &str = "CREATE TABLE t (a int, b text);\n\\set v 'va''l'\n\\set n 5\n";

/// Whole lines that mostly make sense. `@` is a text from [`TEXTS`], `#` a number, `%` one of [`BREAKS`].
const LINES: &[&str] = &[
    "INSERT INTO t VALUES (#, '@');",
    "INSERT INTO t VALUES (#, E'@');",
    "INSERT INTO t VALUES (#, $$@$$);",
    "INSERT INTO t VALUES (#, $q$@$q$);",
    "INSERT INTO t VALUES (#, U&'@')%;",
    "INSERT INTO t%VALUES (#,%'@'\n'@');",
    "INSERT INTO t VALUES (#, 'a') -- @\n;",
    "INSERT INTO t VALUES (:n, :'v');",
    "INSERT INTO t SELECT a + #, b FROM t;",
    "UPDATE t SET b = '@' WHERE a < #;",
    "DELETE FROM t WHERE a = #;",
    "SELECT /* @ */ #;",
    "SELECT # AS \"@\";",
    "SELECT (#,%(#),%'@');",
    "SELECT # %\\; SELECT '@';",
    "SELECT # / (# - #);",
    "SELECT :v, :'v' AS :\"v\", :{?v}, :{?no};",
    "/* @ */",
    "-- @",
    "CREATE TABLE IF NOT EXISTS \"u@\" (a int);",
    "CREATE TABLE IF NOT EXISTS u# (a int);",
    "DROP TABLE IF EXISTS u#;",
    "CREATE OR REPLACE FUNCTION f#() RETURNS text LANGUAGE sql AS $f$ SELECT '@'; $f$;",
    "CREATE OR REPLACE FUNCTION f#()%RETURNS text BEGIN ATOMIC%SELECT #; SELECT '@'::text;%END;",
    "CREATE OR REPLACE PROCEDURE p#() BEGIN ATOMIC INSERT INTO t VALUES (CASE WHEN true THEN # ELSE # END, '@'); END;",
    "DO $d$ BEGIN%INSERT INTO t VALUES (#, $$@$$); END $d$;",
    "DO $d$ BEGIN RAISE NOTICE '@'; END $d$;",
    "COPY t FROM STDIN;\n#\t@\n\\.",
    "COPY t (a) FROM STDIN;\n#\n#\n\\.",
    "COPY t FROM STDIN WITH (FORMAT csv);\n#,\"x @\"\n\\.",
    "COPY t TO STDOUT;",
    "SAVEPOINT s;",
    "ROLLBACK TO SAVEPOINT s;",
    "SET standard_conforming_strings = off;",
    "SET standard_conforming_strings = on;",
    "SET LOCAL work_mem = '#MB';",
    "\\set v '@'",
    "\\set n #",
    "\\set w :n :'v'",
    "\\unset w",
    "\\echo @",
    "\\echo :v :'v' '#'",
    "\\warn '#'",
    "\\i inc/plain.sql",
    "\\ir inc/relative.sql",
    "\\i inc/sets.sql",
    "\\if true\nINSERT INTO t VALUES (#, '@');\n\\endif",
    "\\if false\nSELECT '@';\n\\else\nSELECT #;\n\\endif",
    "\\if :{?w}\nSELECT :'w';\n\\elif 1\nSELECT #\n\\endif\n;",
    "SELECT #\n\\if false\n, '@'\n\\endif\n;",
    "\\if :n",
    "\\endif",
    "\\set x # \\\\ SELECT :x;",
    "\\timing off",
    "\\pset null x",
    "SELECT # AS n, '@' AS v \\gset",
    "SELECT # AS one \\gset p_",
    "INSERT INTO t VALUES (:'p_one', :'v');",
    "SELECT 1 WHERE # > # \\gset",
    "SELECT 'INSERT INTO t VALUES (' || g || ')' FROM generate_series(1, #) g \\gexec",
    "SELECT 'SELECT 1', '@' WHERE # > # \\gexec",
    "SELECT # \\g",
    "SELECT # AS a, '@' AS b \\gx",
    "INSERT INTO t VALUES (#)%\\g",
    "SELECT # AS a%\\gdesc",
    "\\copy t from 'rows.txt'",
    "\\copy t (a, b) from 'rows.csv' csv",
    "\\copy t from stdin\n#\t@\n\\.",
    "INSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE');",
    "\\errverbose",
    "\\set AUTOCOMMIT off",
    "\\set AUTOCOMMIT on",
    "\\set ON_ERROR_ROLLBACK on",
    "COMMIT;",
    "BEGIN;",
    "\\encoding UTF8",
];

/// What texts hold: quotes of every kind among them.
const TEXTS: &[&str] = &[
    "x",
    "it''s",
    "it's",
    "a\\'b",
    "a\\\\b",
    "$$",
    "$q$",
    "$1",
    ";",
    "; SELECT 1;",
    "--",
    "-- c",
    "/*",
    "*/",
    "/* c */",
    "(",
    ")",
    "[",
    "\"",
    "\"\"",
    ":v",
    ":'v'",
    "::",
    "\\echo x",
    "\\.",
    "\n",
    "\n\n",
    "\r\n",
    "é",
    "日本",
    "\u{feff}",
    "BEGIN",
    "END",
    "CASE",
    "\\n",
    "\t",
    "\\0041",
    "%",
    "\\",
    "\\N",
];

/// What may stand between two tokens.
const BREAKS: &[&str] = &[
    " ",
    "\n",
    "\n\n",
    " -- it's\n",
    " /* ' */ ",
    "\t",
    " /* /* ; */ */ ",
    "\n\\echo x\n",
    "\r\n",
    "\n\\if false\n ' \n\\endif\n",
];

/// Between two lines.
const ENDS: &[&str] = &["\n", "\n", "\n", "\n", " ", "\n\n", "\r\n", "", "\n;\n"];

/// A small generator of our own, so that a failure names a number that brings it back.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A script as pieces, so that it can be made smaller.
#[derive(Debug, Clone)]
pub struct Pieces {
    pub name: String,
    pub pieces: Vec<String>,
    mode: Mode,
}

/// The script of a seed.
pub fn random(seed: u64) -> Pieces {
    let mut dice = Dice::new(seed);
    let mut pieces = Vec::new();
    let crlf = dice.below(8) == 0;
    for _ in 0..1 + dice.below(12) {
        let mut piece = fill(dice.of(LINES), &mut dice);
        // Now and then a piece loses a character, or the rest.
        match dice.below(40) {
            0 => {
                let at = piece.char_indices().nth(dice.below(piece.chars().count())).map_or(0, |(at, _)| at);
                piece.remove(at);
            }
            1 => {
                let at = piece.char_indices().nth(dice.below(piece.chars().count())).map_or(0, |(at, _)| at);
                piece.truncate(at);
            }
            _ => {}
        }
        piece.push_str(dice.of(ENDS));
        pieces.push(if crlf { piece.replace("\r\n", "\n").replace('\n', "\r\n") } else { piece });
    }
    // Some have transactions of their own, or none.
    let mode = match dice.below(12) {
        0 | 1 => Mode::Script,
        2 => Mode::None,
        _ => Mode::Single,
    };
    Pieces { name: format!("seed-{seed}"), pieces, mode }
}

fn fill(line: &str, dice: &mut Dice) -> String {
    let mut filled = String::new();
    for c in line.chars() {
        match c {
            '@' => filled.push_str(dice.of(TEXTS)),
            '#' => filled.push_str(&dice.below(10).to_string()),
            '%' => filled.push_str(dice.of(BREAKS)),
            _ => filled.push(c),
        }
    }
    filled
}

impl Pieces {
    pub fn script(&self) -> Script {
        let body = self.pieces.concat();
        let text = match self.mode {
            Mode::Single | Mode::None => format!("{FIRST}{body}"),
            Mode::Script => format!(
                "{FIRST}BEGIN;\n{body}\nCOMMIT;\nINSERT INTO t VALUES (98, 'between');\nBEGIN;\nINSERT INTO t VALUES (99, 'end');\nCOMMIT;\n"
            ),
        };
        Script { mode: self.mode, ..Script::new(&self.name, text) }
    }

    /// All scripts that are a step smaller: without one of the pieces, or with half of one.
    pub fn smaller(&self) -> Vec<Pieces> {
        let mut smaller = Vec::new();
        for at in 0..self.pieces.len() {
            let mut less = self.clone();
            let piece = less.pieces.remove(at);
            smaller.push(less);
            let middle = piece.char_indices().nth(piece.chars().count() / 2).map_or(0, |(at, _)| at);
            for half in [&piece[..middle], &piece[middle..]] {
                if !half.is_empty() && half.len() < piece.len() {
                    let mut less = self.clone();
                    half.clone_into(&mut less.pieces[at]);
                    smaller.push(less);
                }
            }
        }
        for (number, pieces) in smaller.iter_mut().enumerate() {
            pieces.name = format!("{}-{number}", self.name.split('-').take(2).collect::<Vec<_>>().join("-"));
        }
        smaller
    }
}
