//! The arguments of `\copy`, cut as psql's `parse_slash_copy` cuts them: the COPY that is sent, and the file
//! at our end of it.

use super::error::{Fault, Problem};
use super::shell::Shell;
use std::path::{Component, Path};

const SPACE: &[u8] = b" \t\n\r";

/// The file at our end of a `\copy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFile {
    /// The data comes out of this file.
    From { name: String },
    /// The rows go into this file, below the folder for what a run writes.
    To { name: String },
    /// The data is what this shell command writes.
    FromProgram { command: String },
    /// `pstdout`: the rows go to the output, whatever `\o` says.
    ToOutput,
    /// The rows are what this shell command reads.
    ToProgram { command: String },
}

/// What a `\copy` comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// As psql sends it.
    pub sql: String,
    /// None: the data stands in the script, or the rows go to the output.
    pub file: Option<CopyFile>,
}

/// Reads everything behind `\copy`. `standard_strings` decides whether a backslash escapes in the literals
/// of a query.
pub(super) fn parse(arguments: &str, standard_strings: bool, programs: bool) -> Result<Copy, Fault> {
    let mut cut = Cut { rest: arguments };
    let error = |token: Option<&str>| {
        let near = token.map_or_else(|| "end of line".to_owned(), |token| format!("{token:?}"));
        Fault::new(Problem::Arguments, format!("\\copy: parse error at {near}"))
            .why("psql reads it as \\copy TABLE [(COLUMNS)] or (QUERY), from or to, a file, options")
            .todo("it ends with its line, and variables aren't filled in")
    };
    let names = Rules { delimiters: b".,()", quotes: b"\"", escape: None, e_strings: false };
    let columns = Rules { delimiters: b"()", ..names };
    let escape = (!standard_strings).then_some(b'\\');
    let query = Rules { delimiters: b"()", quotes: b"\"'", escape, e_strings: true };
    let file = Rules { delimiters: b";", quotes: b"'", escape: None, e_strings: false };

    let mut token = cut.next(names).ok_or_else(|| {
        Fault::new(Problem::Arguments, "\\copy: arguments required").todo("name a table and a file")
    })?;
    let mut what = String::new();
    if token.eq_ignore_ascii_case("binary") {
        what.push_str(token);
        token = cut.next(names).ok_or_else(|| error(None))?;
    }
    if token == "(" {
        let mut depth = 1;
        while depth > 0 {
            what.push(' ');
            what.push_str(token);
            token = cut.next(query).ok_or_else(|| error(None))?;
            depth += match token {
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
        }
    }
    what.push(' ');
    what.push_str(token);
    token = cut.next(names).ok_or_else(|| error(None))?;
    if token == "." {
        what.push_str(token);
        what.push_str(cut.next(names).ok_or_else(|| error(None))?);
        token = cut.next(names).ok_or_else(|| error(None))?;
    }
    if token == "(" {
        loop {
            what.push(' ');
            what.push_str(token);
            token = cut.next(columns).ok_or_else(|| error(None))?;
            if token == ")" {
                break;
            }
        }
        what.push_str(" )");
        token = cut.next(names).ok_or_else(|| error(None))?;
    }
    let from = token.eq_ignore_ascii_case("from");
    if !from && !token.eq_ignore_ascii_case("to") {
        return Err(error(Some(token)));
    }
    token = cut.next(file).ok_or_else(|| error(None))?;
    let word = token.to_ascii_lowercase();
    let file = match word.as_str() {
        "program" => {
            let program = cut.next(file).ok_or_else(|| error(None))?;
            if program.len() < 2 || !program.starts_with('\'') || !program.ends_with('\'') {
                return Err(error(Some(program)));
            }
            if !programs {
                return Err(Fault::new(Problem::Refused, "\\copy … program is refused")
                    .why("it runs a shell command")
                    .todo(format!(
                        "run the program beforehand, and copy from the file that it writes; or give the step \
                         allow_shell = ['{}']",
                        Shell::CopyProgram.name()
                    )));
            }
            let command = unquoted(program);
            Some(if from { CopyFile::FromProgram { command } } else { CopyFile::ToProgram { command } })
        }
        "stdin" | "stdout" => None,
        "pstdin" if from => {
            return Err(Fault::new(Problem::Refused, "\\copy … from pstdin is refused")
                .why("standard input is no part of a plan")
                .todo("put the data into a file below the plan's sql_dir, or into the script with stdin"));
        }
        "pstdout" if !from => Some(CopyFile::ToOutput),
        "pstdin" | "pstdout" => None,
        _ => {
            let name = unquoted(token);
            Some(if from {
                CopyFile::From { name }
            } else {
                CopyFile::To { name: artifact("\\copy to", name)? }
            })
        }
    };
    let direction = if from { "FROM STDIN" } else { "TO STDOUT" };
    Ok(Copy { sql: format!("COPY {what} {direction} {}", cut.rest()), file })
}

/// A name below the folder for what a run writes: it can't lead out of it.
pub(super) fn artifact(of: &str, name: String) -> Result<String, Fault> {
    let inside = Path::new(&name);
    let mut parts = inside.components().filter(|part| *part != Component::CurDir).peekable();
    let stays = !name.starts_with('~')
        && !name.ends_with('/')
        && parts.peek().is_some()
        && parts.all(|part| matches!(part, Component::Normal(_)));
    if stays {
        return Ok(name);
    }
    Err(Fault::new(Problem::Refused, format!("{of} {name:?} is refused"))
        .why("what a run writes stays in the artifacts folder of the run")
        .todo("give it a name without a folder above it, such as 'before.csv'"))
}

/// How the next piece is cut.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Characters that are a piece by themselves.
    delimiters: &'static [u8],
    quotes: &'static [u8],
    /// What takes the meaning from the next character in quotes.
    escape: Option<u8>,
    /// `E'…'` is one piece, with backslashes.
    e_strings: bool,
}

/// psql's `strtokx`. It cuts at ASCII characters only, so every piece is whole characters.
struct Cut<'a> {
    rest: &'a str,
}

impl<'a> Cut<'a> {
    fn next(&mut self, rules: Rules) -> Option<&'a str> {
        let text = self.rest.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(|c| SPACE.contains(&c)));
        let bytes = text.as_bytes();
        let first = *bytes.first()?;
        let begins_e = rules.e_strings && first.eq_ignore_ascii_case(&b'e') && bytes.get(1) == Some(&b'\'');
        let quote = if begins_e { 1 } else { 0 };
        let end = if rules.delimiters.contains(&first) {
            1
        } else if begins_e || rules.quotes.contains(&first) {
            quoted(bytes, quote, if begins_e { Some(b'\\') } else { rules.escape })
        } else {
            let stops =
                |c: &u8| SPACE.contains(c) || rules.delimiters.contains(c) || rules.quotes.contains(c);
            bytes.iter().position(stops).unwrap_or(bytes.len())
        };
        let (piece, rest) = text.split_at(end);
        // psql puts the end of a piece in the place of the white space behind it.
        self.rest = match rest.as_bytes().first() {
            Some(c) if SPACE.contains(c) => &rest[1..],
            _ => rest,
        };
        Some(piece)
    }

    /// Everything that is left.
    fn rest(self) -> &'a str {
        self.rest
    }
}

/// The end of the quoted piece whose quote is at `start`; an open quote ends with the line.
fn quoted(bytes: &[u8], start: usize, escape: Option<u8>) -> usize {
    let quote = bytes[start];
    let mut pos = start + 1;
    while let Some(&c) = bytes.get(pos) {
        let next = bytes.get(pos + 1);
        if (Some(c) == escape && next.is_some()) || (c == quote && next == Some(&quote)) {
            pos += 1;
        } else if c == quote {
            return pos + 1;
        }
        pos += 1;
    }
    // An escaped character of several bytes is passed by from its second one on.
    bytes.len()
}

/// A file's name without its quotes.
fn unquoted(token: &str) -> String {
    let Some(inner) = token.strip_prefix('\'') else { return token.to_owned() };
    inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(name: &str) -> Option<CopyFile> {
        Some(CopyFile::From { name: name.to_owned() })
    }

    fn to(name: &str) -> Option<CopyFile> {
        Some(CopyFile::To { name: name.to_owned() })
    }

    #[test]
    fn it_is_cut_as_psql_cuts_it() {
        for (arguments, sql, file) in [
            ("t from x.csv", "COPY  t FROM STDIN ", from("x.csv")),
            ("t from 'x y.csv' csv header\r", "COPY  t FROM STDIN csv header\r", from("x y.csv")),
            ("t from x.csv;", "COPY  t FROM STDIN ;", from("x.csv")),
            ("t FROM 'it''s' with (format csv)", "COPY  t FROM STDIN with (format csv)", from("it's")),
            ("binary t from x", "COPY binary t FROM STDIN ", from("x")),
            (
                "\"a \"\"b\".\"c\"(d, \"E f\") from stdin",
                "COPY  \"a \"\"b\".\"c\" ( d, \"E f\" ) FROM STDIN ",
                None,
            ),
            ("s . t from x", "COPY  s.t FROM STDIN ", from("x")),
            (
                "(select E'a)\\'(', ')' , \"(\" from (values (1)) v) to 'out.csv' csv",
                "COPY  ( select E'a)\\'(' , ')' , \"(\" from ( values ( 1 ) ) v ) TO STDOUT csv",
                to("out.csv"),
            ),
            ("t to stdout", "COPY  t TO STDOUT ", None),
            ("t to pstdout (format csv)", "COPY  t TO STDOUT (format csv)", Some(CopyFile::ToOutput)),
            ("t to 'a/b.csv'", "COPY  t TO STDOUT ", to("a/b.csv")),
        ] {
            let copy = parse(arguments, true, false);
            assert_eq!(copy, Ok(Copy { sql: sql.to_owned(), file }), "{arguments}");
        }
    }

    #[test]
    fn a_backslash_escapes_where_strings_arent_standard() {
        let arguments = r"(select '\')') to stdout";
        assert!(parse(arguments, true, false).is_err());
        assert_eq!(parse(arguments, false, false).unwrap().sql, r"COPY  ( select '\')' ) TO STDOUT ");
    }

    #[test]
    fn a_program_is_taken_where_it_is_allowed() {
        let copy = parse("t from program 'zcat x''s.gz' csv", true, true).unwrap();
        let file = CopyFile::FromProgram { command: "zcat x's.gz".to_owned() };
        assert_eq!(copy, Copy { sql: "COPY  t FROM STDIN csv".to_owned(), file: Some(file) });
    }

    #[test]
    fn what_is_no_copy_is_refused() {
        for (arguments, said) in [
            ("", "arguments required"),
            ("t", "at end of line"),
            ("t into x", "at \"into\""),
            ("t (a from x", "at end of line"),
            ("(select 1 to x", "at end of line"),
            ("t from", "at end of line"),
            ("t from program", "at end of line"),
            ("t from program date", "at \"date\""),
            ("t from program 'date'", "program is refused"),
            ("t from pstdin", "pstdin is refused"),
            ("t to '/tmp/x'", "is refused"),
            ("t to '../x'", "is refused"),
            ("t to ~/x", "is refused"),
            ("t to ''", "is refused"),
            ("t to a/", "is refused"),
        ] {
            let fault = parse(arguments, true, false).unwrap_err();
            assert!(fault.what.contains(said), "{arguments}: {fault:?}");
        }
    }
}
