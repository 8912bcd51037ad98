//! Lines and COPY data out of a reader: offsets, line numbers, UTF-8, and no more memory than a line.

use super::coding::{self, Coding};
use super::error::{Fault, Problem};
use std::io::{BufRead, BufReader, Read};

/// A chunk of COPY data ends at the first end of line behind this many bytes …
pub(super) const CHUNK: usize = 64 * 1024;
/// … or, in the middle of a very long line, at about this many.
const CHUNK_AT_MOST: usize = 4 * CHUNK;

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Of UTF-16, in both orders. Neither byte is ever in UTF-8.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// A problem in the bytes, and where: the caller knows which file it is.
#[derive(Debug)]
pub(super) struct SourceFault {
    pub fault: Fault,
    pub offset: u64,
    pub line: u64,
    pub column: u64,
}

/// Where a line stands in its file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineAt {
    /// Of its first byte; behind the byte-order mark in line 1.
    pub offset: u64,
    pub number: u64,
    /// It ended with a newline (which the text doesn't hold), not with the file.
    pub newline: bool,
    /// Its text has marks in the place of bytes.
    pub marked: bool,
}

pub(super) struct Source<R> {
    reader: BufReader<R>,
    offset: u64,
    lines: u64,
    /// Begun but unfinished character of a COPY line that was longer than a chunk.
    carry: Vec<u8>,
    at_line_start: bool,
    column: u64,
    coding: Coding,
    /// The data ended with the last chunk; the next call says so.
    copied: bool,
    pub bom: bool,
    /// The file ended in COPY data, without the line that ends them.
    pub copy_cut_off: bool,
}

impl<R: Read> Source<R> {
    pub fn new(reader: R) -> Self {
        Source {
            reader: BufReader::with_capacity(CHUNK, reader),
            offset: 0,
            lines: 0,
            carry: Vec::new(),
            at_line_start: true,
            column: 1,
            coding: Coding::Utf8,
            copied: false,
            bom: false,
            copy_cut_off: false,
        }
    }

    /// How the lines from now on are to be read.
    pub fn set_coding(&mut self, coding: Coding) {
        self.coding = coding;
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Number of lines begun so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The next line into `line`, without its `\n` (a `\r` stays, as in psql); none at the end.
    pub fn line(&mut self, line: &mut Vec<u8>) -> Result<Option<LineAt>, SourceFault> {
        line.clear();
        let read = self.reader.read_until(b'\n', line).map_err(|e| self.unreadable(&e))?;
        if read == 0 {
            return Ok(None);
        }
        self.lines += 1;
        let mut at = LineAt { offset: self.offset, number: self.lines, newline: false, marked: false };
        self.offset += read as u64;
        if line.last() == Some(&b'\n') {
            line.pop();
            at.newline = true;
        }
        if at.number == 1 && line.starts_with(BOM) && self.coding == Coding::Utf8 {
            line.drain(..BOM.len());
            at.offset += BOM.len() as u64;
            self.bom = true;
        }
        if at.number == 1 && UTF_16.iter().any(|mark| line.starts_with(mark)) && self.coding == Coding::Utf8 {
            let fault =
                Fault::new(Problem::Encoding, "the file is UTF-16 (it begins with that byte-order mark)")
                    .why("neither psql nor PostgreSQL takes UTF-16")
                    .todo("save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW");
            return Err(SourceFault { fault, offset: at.offset, line: 1, column: 1 });
        }
        check(line, false, (at.offset, at.number, 1), self.coding)?;
        if self.coding != Coding::Utf8 && !line.is_ascii() {
            *line = self.coding.marked(line).into_bytes();
            at.marked = true;
        }
        Ok(Some(at))
    }

    /// The next chunk of COPY data into `out`: whole lines where they aren't huge. False at `\.` or the
    /// end of the file; then `out` is empty, and the bytes of the `\.` line are counted in `offset`.
    pub fn copy(&mut self, out: &mut Vec<u8>) -> Result<bool, SourceFault> {
        out.clear();
        if std::mem::take(&mut self.copied) {
            return Ok(false);
        }
        out.append(&mut self.carry);
        let (offset, line, column) = (self.offset - out.len() as u64, self.lines, self.column);
        let line = if self.at_line_start { line + 1 } else { line };
        let mut last = false;
        while out.len() < CHUNK || (!self.at_line_start && out.len() < CHUNK_AT_MOST) {
            let from = out.len();
            let room = (CHUNK_AT_MOST - from) as u64;
            let read = self.reader.by_ref().take(room).read_until(b'\n', out);
            let read = read.map_err(|e| self.unreadable(&e))?;
            if read == 0 {
                // A last line without its newline counts at the server.
                self.copy_cut_off = !out.ends_with(b"\\.");
                last = true;
                break;
            }
            self.offset += read as u64;
            if self.at_line_start {
                self.lines += 1;
                if matches!(&out[from..], b"\\.\n" | b"\\.\r\n") {
                    out.truncate(from);
                    last = true;
                    break;
                }
            }
            self.at_line_start = out.last() == Some(&b'\n');
        }
        let partial = !last && !self.at_line_start;
        let good = check(out, partial, (offset, line, column), self.coding)?;
        self.carry = out.split_off(good);
        self.column = if self.at_line_start || last {
            1
        } else {
            let text = out.rsplit(|&c| c == b'\n').next().unwrap_or_default();
            let before = if text.len() == out.len() { column } else { 1 };
            before + chars(text)
        };
        if last {
            // A next COPY begins at the beginning of a line, whatever this one ended with.
            self.at_line_start = true;
            self.copied = !out.is_empty();
        }
        Ok(!out.is_empty())
    }

    fn unreadable(&self, error: &std::io::Error) -> SourceFault {
        let fault = Fault::new(Problem::Read, "can't be read").why(error.to_string());
        SourceFault { fault, offset: self.offset, line: self.lines + 1, column: 1 }
    }
}

impl<R> std::fmt::Debug for Source<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source at byte {}, line {}", self.offset, self.lines)
    }
}

/// Number of characters in bytes that are UTF-8.
pub(super) fn chars(text: &[u8]) -> u64 {
    text.iter().filter(|&&c| c & 0xc0 != 0x80).count() as u64 - coding::rests(text)
}

/// Columns in one line, counted from the last one asked for: a file may be one line of many statements.
#[derive(Debug, Default)]
pub(super) struct Columns {
    byte: usize,
    chars: u64,
}

impl Columns {
    pub fn at(&mut self, line: &[u8], byte: usize) -> u64 {
        if byte < self.byte {
            *self = Columns::default();
        }
        self.chars += chars(&line[self.byte..byte]);
        self.byte = byte;
        self.chars + 1
    }
}

/// How many of the bytes are whole characters: all of them, or an error; with `partial` the last
/// character may be unfinished.
fn check(
    text: &[u8],
    partial: bool,
    (offset, line, column): (u64, u64, u64),
    coding: Coding,
) -> Result<usize, SourceFault> {
    let utf8 = if coding == Coding::Utf8 { std::str::from_utf8(text).map(str::len) } else { Ok(text.len()) };
    let (at, fault) = match utf8 {
        Err(e) if !(partial && e.error_len().is_none()) => {
            let at = e.valid_up_to();
            let what = format!("byte {} (0x{:02x}) isn't UTF-8", offset + at as u64, text[at]);
            let fault = Fault::new(Problem::Encoding, what).todo(
                "say in which encoding it is: encoding = \"LATIN1\" for its step, or \\encoding LATIN1 at its beginning; or convert it to UTF-8",
            );
            (at, fault)
        }
        utf8 => {
            let good = utf8.unwrap_or_else(|e| e.valid_up_to());
            if !text.contains(&0) {
                return Ok(good);
            }
            let at = text.iter().position(|&c| c == 0).unwrap_or_default();
            let what = format!("byte {} is NUL", offset + at as u64);
            (at, Fault::new(Problem::Encoding, what).why("PostgreSQL takes no NUL in SQL or text"))
        }
    };
    let lines = text[..at].iter().filter(|&&c| c == b'\n').count() as u64;
    let start = text[..at].iter().rposition(|&c| c == b'\n').map_or(0, |i| i + 1);
    let first = if lines == 0 { column } else { 1 };
    let column = first + chars(&text[start..at]);
    Err(SourceFault { fault, offset: offset + at as u64, line: line + lines, column })
}
