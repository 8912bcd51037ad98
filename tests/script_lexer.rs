//! What holds for every script: no panic, every byte accounted for, the reader's rhythm doesn't matter.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use holdpoint::script::{
    Item, Kind, Memory, Opened, ResolveError, Resolver, Script, Tally, Variables, classify, excerpt,
    mask_secrets, reads_only, section, selects_only_constants,
};
use proptest::prelude::*;
use std::fs;
use std::io::Read;
use std::path::Path;

/// A reader that gives a few bytes at a time.
struct Slow {
    bytes: Vec<u8>,
    pos: usize,
    at_once: usize,
}

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = self.at_once.min(buf.len()).min(self.bytes.len() - self.pos);
        buf[..len].copy_from_slice(&self.bytes[self.pos..self.pos + len]);
        self.pos += len;
        Ok(len)
    }
}

struct Slowly(Vec<u8>, usize);

impl Resolver for Slowly {
    fn open(&self, from: Option<&Path>, name: &str, _relative: bool) -> Result<Opened, ResolveError> {
        if from.is_some() {
            return Err("nothing to include here".into());
        }
        let reader = Slow { bytes: self.0.clone(), pos: 0, at_once: self.1 };
        Ok(Opened { path: Path::new(name).into(), reader: Box::new(reader) })
    }
}

#[derive(Debug, Default, PartialEq)]
struct Read_ {
    items: Vec<Result<Item, String>>,
    data: Vec<u8>,
    chunks: Vec<usize>,
    tally: Tally,
}

fn read(bytes: &[u8], at_once: usize) -> Read_ {
    let mut vars = Variables::new();
    for (name, value) in [("x", "5"), ("y", "it's"), ("q", "'"), ("s", "1; SELECT 2"), ("e", "")] {
        vars.set(name, value).unwrap();
    }
    let mut script = Script::open(Slowly(bytes.to_vec(), at_once), "s.sql", vars).unwrap();
    script.keep_pieces();
    let (mut out, mut chunk) = (Read_::default(), Vec::new());
    loop {
        match script.next_item() {
            Ok(None) => break,
            Ok(Some(item)) => {
                if let Item::Statement(statement) = &item {
                    for _ in statement.kind.each().iter().filter(|k| matches!(k, Kind::CopyFromStdin { .. }))
                    {
                        loop {
                            match script.copy_chunk(&mut chunk) {
                                Ok(true) => {
                                    out.chunks.push(chunk.len());
                                    out.data.extend_from_slice(&chunk);
                                }
                                Ok(false) => break,
                                Err(e) => out.items.push(Err(e.to_string())),
                            }
                        }
                    }
                }
                out.items.push(Ok(item));
            }
            Err(e) => out.items.push(Err(e.to_string())),
        }
    }
    out.tally = script.tally();
    out
}

/// Every byte is in exactly one piece; of what stands behind a `\q` none is read.
fn assert_accounted(bytes: &[u8], tally: &Tally) {
    let mut pieces: Vec<_> = tally.pieces().iter().map(|(span, _)| (span.start, span.end)).collect();
    pieces.sort_unstable();
    let end = pieces.iter().fold(0, |end, (start, next)| {
        assert_eq!(end, *start);
        *next
    });
    assert_eq!(tally.total(), end);
    let quits = |(start, end): &(u64, u64)| {
        let piece = &bytes[usize::try_from(*start).unwrap()..usize::try_from(*end).unwrap()];
        // `\qecho` is another command.
        matches!(piece.split(u8::is_ascii_whitespace).next(), Some(b"\\q" | b"\\quit"))
    };
    let last = pieces.iter().rev().take(2).any(quits);
    assert!(end == bytes.len() as u64 || last, "{end} of {} bytes", bytes.len());
}

fn check(bytes: &[u8]) {
    let whole = read(bytes, usize::MAX);
    assert_accounted(bytes, &whole.tally);
    for at_once in [1, 7, 8192] {
        assert_eq!(read(bytes, at_once), whole, "{at_once} bytes at a time");
    }
    for item in whole.items.iter().flatten() {
        let Item::Statement(statement) = item else { continue };
        let span = statement.place.span;
        assert!(span.start < span.end && span.end <= bytes.len() as u64);
        for position in [1, 2, statement.text.chars().count() / 2, statement.text.chars().count() + 1] {
            let Some(located) = statement.locate(position) else { continue };
            assert!(located.line >= statement.place.line);
            assert!((span.start..=span.end).contains(&located.offset), "{position} {statement:#?}");
            let _ = statement.excerpt(position, 40);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let masked = mask_secrets(text);
        assert!(!masked.contains("hunter2secret"));
        let _ = (classify(text), reads_only(text), selects_only_constants(text));
        let _ = section(text.as_bytes(), "c", &["d"]);
        let _ = excerpt(text.lines().next().unwrap_or_default(), 3, 20);
    }
}

/// Pieces that meet in unlucky ways.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "'",
        "''",
        "E'",
        "\\'",
        "\\",
        "\\\\",
        "\"",
        "U&'",
        "u&\"",
        "B'",
        "x'",
        "N'",
        "$$",
        "$a$",
        "$é$",
        "$1",
        "$",
        "--",
        "-- c\n",
        "/*",
        "*/",
        "/* /* */",
        ";",
        "\\;",
        "\\:",
        ":",
        "::",
        ":=",
        ":x",
        ":'x'",
        ":\"y\"",
        ":{?x}",
        ":q",
        ":s",
        ":e",
        ":nope",
        ":'",
        "(",
        ")",
        "[",
        "]",
        "+",
        "-",
        "*",
        "/",
        "@",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        " ",
        "\t",
        "SELECT ",
        "BEGIN ",
        "ATOMIC ",
        "END",
        "CASE ",
        "CREATE ",
        "FUNCTION ",
        "OR ",
        "REPLACE ",
        "PROCEDURE ",
        "1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "abc",
        "é",
        "日",
        "\u{feff}",
        "\\echo ",
        "\\if true",
        "\\if false",
        "\\else",
        "\\elif 1",
        "\\endif",
        "\\set x 1",
        "\\set a :y",
        "\\unset x",
        "\\timing",
        "\\i x",
        "\\restrict k",
        "\\unrestrict k",
        "\\nope",
        "\\! x",
        "`",
        "\\.",
        "\\.\n",
        "\n\\.\n",
        "COPY t FROM STDIN;",
        "COPY t FROM STDIN;\n1\n\\.\n",
        "\u{0}",
        "PASSWORD ",
        "COMMIT",
    ])
}

fn scripts() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script/nasty");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
    texts.filter(|text| text.len() < 4096).collect()
}

#[test]
fn every_byte_of_the_nasty_scripts_is_accounted_for() {
    for text in scripts() {
        check(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn unlucky_pieces(pieces in prop::collection::vec(fragment(), 0..40)) {
        check(pieces.concat().as_bytes());
    }

    #[test]
    fn mutated_scripts(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), fragment(), 0..4_usize), 1..6),
    ) {
        let scripts = scripts();
        let mut text = which.get(&scripts).clone();
        for (at, piece, removed) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.bytes());
        }
        check(&text);
    }

    #[test]
    fn passwords_dont_get_through(tag in "[a-z]{0,3}", quote in 0..3_u8) {
        let literal = match quote {
            0 => "'hunter2secret'".to_owned(),
            1 => "E'hunter2secret\\''".to_owned(),
            _ => format!("${tag}$hunter2secret${tag}$"),
        };
        for before in ["PASSWORD ", "password\n", "OPTIONS (user 'u', password ", "CONNECTION /* c */ ", "PASSWORD ="] {
            let text = format!("ALTER ROLE a {before}{literal} )");
            prop_assert!(!mask_secrets(&text).contains("hunter2secret"), "{}", text);
        }
    }
}

#[test]
fn copy_data_is_handed_over_as_it_is() {
    let data: String = (0..20_000).map(|i| format!("{i}\tgröße {i}\r\n")).collect();
    let long = format!("{}\n", "日".repeat(300_000));
    for data in [data, long, "\n".repeat(70_000), String::new()] {
        let text = format!("COPY t FROM STDIN;\n{data}\\.\nSELECT 1;");
        let read = read(text.as_bytes(), 8191);
        assert_eq!(read.data, data.as_bytes());
        assert_eq!(read.items.len(), 2);
        assert!(read.chunks.iter().all(|&len| len <= 256 * 1024));
        assert_accounted(text.as_bytes(), &read.tally);
    }
}

#[test]
fn bad_bytes_are_named_with_offset_and_line() {
    let in_sql = Script::open(
        Memory::one("a.sql", b"SELECT 1;\nSELECT '\xc3\xa9\xff';".to_vec()),
        "a.sql",
        Variables::new(),
    );
    let mut script = in_sql.unwrap();
    script.next_item().unwrap();
    let error = script.next_item().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.sql:2:10: byte 20 (0xff) isn't UTF-8; say in which encoding it is: encoding = \"LATIN1\" for its step, or \\encoding LATIN1 at its beginning; or convert it to UTF-8"
    );

    let read = read(b"COPY t FROM STDIN;\na\nb\xc3\n\\.\n", 1);
    assert_eq!(
        read.items[0],
        Err("s.sql:3:2: byte 22 (0xc3) isn't UTF-8; say in which encoding it is: encoding = \"LATIN1\" for its step, or \\encoding LATIN1 at its beginning; or convert it to UTF-8".to_owned())
    );
}
