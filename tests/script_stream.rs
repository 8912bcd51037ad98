//! A script of 200 MB through little memory.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use holdpoint::script::{Item, Kind, Opened, ResolveError, Resolver, Script, Variables};
use std::io::Read;
use std::path::Path;

const ROWS: usize = 1_800_000;
const INSERTS: usize = 40_000;

/// Makes the script up as it is read.
struct Dump {
    part: usize,
    pending: Vec<u8>,
    pos: usize,
}

impl Read for Dump {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.pos == self.pending.len() {
            self.pos = 0;
            self.pending.clear();
            let part = self.part;
            self.part += 1;
            let text = match part {
                0 => "CREATE TABLE t(a int, b text);\nCOPY t (a, b) FROM stdin;\n".to_owned(),
                1..=ROWS => format!("{part}\t{}\n", "größe; 'x' ".repeat(8)),
                p if p == ROWS + 1 => "\\.\n\n".to_owned(),
                p if p < ROWS + 2 + INSERTS => {
                    format!("INSERT INTO t VALUES ({p}, '{}'); -- row\n", "it''s; ".repeat(20))
                }
                _ => return Ok(0),
            };
            self.pending.extend_from_slice(text.as_bytes());
        }
        let len = buf.len().min(self.pending.len() - self.pos);
        buf[..len].copy_from_slice(&self.pending[self.pos..self.pos + len]);
        self.pos += len;
        Ok(len)
    }
}

struct Dumps;

impl Resolver for Dumps {
    fn open(&self, _: Option<&Path>, name: &str, _: bool) -> Result<Opened, ResolveError> {
        let reader = Box::new(Dump { part: 0, pending: Vec::new(), pos: 0 });
        Ok(Opened { path: Path::new(name).into(), reader })
    }
}

/// The most memory that this process ever had, in kB, where the system says it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn two_hundred_megabytes_take_no_memory() {
    let before = peak();
    let mut script = Script::open(Dumps, "dump.sql", Variables::new()).unwrap();
    let (mut statements, mut rows, mut chunk) = (0, 0, Vec::new());
    while let Some(item) = script.next_item().unwrap() {
        let Item::Statement(statement) = item else { continue };
        statements += 1;
        if matches!(statement.kind, Kind::CopyFromStdin { .. }) {
            while script.copy_chunk(&mut chunk).unwrap() {
                assert!(chunk.ends_with(b"\n") && chunk.capacity() <= 512 * 1024);
                rows += chunk.iter().filter(|&&c| c == b'\n').count();
            }
        }
    }
    assert_eq!((statements, rows), (INSERTS + 2, ROWS));
    assert!(script.tally().total() > 200_000_000, "{:?}", script.tally());
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 16 * 1024, "{} kB more than before", after - before);
    }
}
