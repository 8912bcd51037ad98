//! Names of units that nothing more has to be known of, in as little room as can be: a step may have millions
//! of them.
//!
//! A name is where its statement stands, `FILE@FROM-TO`, or `FILE@FROM-TO#ROW` where a query made it. Those of
//! one file come one after the other, so that what differs is two small numbers; a name of any other form is
//! kept as it is.

use std::collections::{HashMap, HashSet};

/// After so many names of a file one is found without reading those before it.
const STRIDE: usize = 64;

/// Names, in the order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Names {
    rows: Vec<Row>,
    by_beginning: HashMap<String, usize>,
    others: HashSet<String>,
    /// Of [`Self::rows`], and taken out again.
    out: HashSet<String>,
}

/// Names that begin alike.
#[derive(Debug, Clone, Default, PartialEq)]
struct Row {
    beginning: String,
    /// For each name the bytes between it and the one before, and its own length.
    coded: Vec<u8>,
    /// Of each [`STRIDE`]th name: what it begins with, the end of the one before, where it is in `coded`.
    marks: Vec<(u64, u64, usize)>,
    end: u64,
    count: usize,
}

/// Which of the names were met.
#[derive(Debug, Clone, Default)]
pub struct Met {
    rows: HashMap<usize, Vec<u64>>,
    others: HashSet<String>,
}

impl Names {
    pub fn len(&self) -> usize {
        let rows: usize = self.rows.iter().map(|row| row.count).sum();
        rows + self.others.len() - self.out.len()
    }

    pub fn add(&mut self, name: &str) {
        let Some((beginning, from, to)) = taken_apart(name) else {
            self.others.insert(name.to_owned());
            return;
        };
        let at = match self.by_beginning.get(beginning) {
            Some(at) => *at,
            None => {
                self.by_beginning.insert(beginning.to_owned(), self.rows.len());
                self.rows.push(Row { beginning: beginning.to_owned(), ..Row::default() });
                self.rows.len() - 1
            }
        };
        if !self.rows[at].add(from, to) {
            self.others.insert(name.to_owned());
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.others.contains(name) || (self.place(name).is_some() && !self.out.contains(name))
    }

    /// Whether it was there.
    pub fn take_out(&mut self, name: &str) -> bool {
        self.others.remove(name) || (self.place(name).is_some() && self.out.insert(name.to_owned()))
    }

    /// One for each beginning that names have: enough to know of which files they are.
    pub fn beginnings(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().map(|row| row.beginning.as_str());
        rows.chain(self.others.iter().map(String::as_str))
    }

    /// Notes that this one was met; false when it isn't one of them.
    pub fn meet(&self, name: &str, met: &mut Met) -> bool {
        if self.others.contains(name) {
            met.others.insert(name.to_owned());
            return true;
        }
        let Some((row, at)) = self.place(name).filter(|_| !self.out.contains(name)) else { return false };
        let bits = met.rows.entry(row).or_default();
        bits.resize(bits.len().max(at / 64 + 1), 0);
        bits[at / 64] |= 1 << (at % 64);
        true
    }

    /// Those that weren't.
    pub fn not_met<'a>(&'a self, met: &'a Met) -> impl Iterator<Item = String> + 'a {
        let rows = self.rows.iter().enumerate().flat_map(move |(number, row)| {
            let bits = met.rows.get(&number);
            let is_met = move |at: usize| {
                bits.and_then(|bits| bits.get(at / 64)).is_some_and(|b| b >> (at % 64) & 1 == 1)
            };
            let missing = row.names().enumerate().filter(move |(at, _)| !is_met(*at));
            missing.map(|(_, (from, to))| row.name(from, to)).filter(|name| !self.out.contains(name))
        });
        rows.chain(self.others.difference(&met.others).cloned())
    }

    fn place(&self, name: &str) -> Option<(usize, usize)> {
        let (beginning, from, to) = taken_apart(name)?;
        let row = *self.by_beginning.get(beginning)?;
        Some((row, self.rows[row].place(from, to)?))
    }
}

impl Row {
    /// False: it doesn't come behind those that are there.
    fn add(&mut self, from: u64, to: u64) -> bool {
        if from < self.end || (self.count > 0 && from == to && from == self.end) {
            return false;
        }
        if self.count.is_multiple_of(STRIDE) {
            self.marks.push((from, self.end, self.coded.len()));
        }
        put(&mut self.coded, from - self.end);
        put(&mut self.coded, to - from);
        self.end = to;
        self.count += 1;
        true
    }

    fn place(&self, from: u64, to: u64) -> Option<usize> {
        let mark = self.marks.partition_point(|(first, ..)| *first <= from).checked_sub(1)?;
        let (_, end, byte) = self.marks[mark];
        let mut names = Decoded { rest: &self.coded[byte..], end }.take(STRIDE);
        names.position(|name| name == (from, to)).map(|at| mark * STRIDE + at)
    }

    fn names(&self) -> Decoded<'_> {
        Decoded { rest: &self.coded, end: 0 }
    }

    fn name(&self, from: u64, to: u64) -> String {
        if self.beginning.ends_with('#') {
            format!("{}{from}", self.beginning)
        } else {
            format!("{}{from}-{to}", self.beginning)
        }
    }
}

struct Decoded<'a> {
    rest: &'a [u8],
    end: u64,
}

impl Iterator for Decoded<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        let from = self.end + take(&mut self.rest)?;
        let to = from + take(&mut self.rest)?;
        self.end = to;
        Some((from, to))
    }
}

/// Seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

/// `FILE@`, from, to; or `FILE@FROM-TO#`, row, row. None where the name wouldn't come out as it went in.
fn taken_apart(name: &str) -> Option<(&str, u64, u64)> {
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = plain && (text == "0" || !text.starts_with('0'));
        plain.then(|| text.parse().ok()).flatten()
    };
    let at = name.rfind('@')? + 1;
    if let Some(mark) = name[at..].rfind('#').map(|mark| at + mark + 1) {
        let row = number(&name[mark..])?;
        return Some((&name[..mark], row, row));
    }
    let (from, to) = name[at..].split_once('-')?;
    let (from, to) = (number(from)?, number(to)?);
    (from <= to).then_some((&name[..at], from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Names {
        let mut names = Names::default();
        of.iter().for_each(|name| names.add(name));
        names
    }

    const SOME: [&str; 9] = [
        "a.sql@0-30",
        "a.sql@31-60",
        "a.sql@61-100#1",
        "a.sql@61-100#2",
        "a.sql@61-100#70.2",
        "b/c.sql@7-1234567",
        "a.sql:3>i.sql@0-5",
        "01.sql",
        "a.sql@01-02",
    ];

    #[test]
    fn what_goes_in_comes_out() {
        let mut all = names(&SOME);
        let sorted = |names: &Names| {
            let mut all: Vec<String> = names.not_met(&Met::default()).collect();
            all.sort();
            all
        };
        let mut wanted: Vec<String> = SOME.iter().map(|name| (*name).to_owned()).collect();
        wanted.sort();
        assert_eq!((sorted(&all), all.len()), (wanted.clone(), SOME.len()));
        for name in SOME {
            assert!(all.has(name), "{name}");
        }
        for name in
            ["a.sql@0-31", "a.sql@1-30", "a.sql@61-100", "a.sql@61-100#3", "b.sql@0-30", "", "@", "@1-"]
        {
            assert!(!all.has(name), "{name}");
        }
        // Taken out and back again, which isn't in order any more.
        assert!(all.take_out("a.sql@0-30") && !all.has("a.sql@0-30") && !all.take_out("a.sql@0-30"));
        assert_eq!(all.len(), SOME.len() - 1);
        all.add("a.sql@0-30");
        assert!(all.has("a.sql@0-30"));
        assert_eq!((sorted(&all), all.len()), (wanted, SOME.len()));
        let mut files: Vec<&str> = all.beginnings().collect();
        files.sort_unstable();
        assert!(files.contains(&"b/c.sql@") && files.contains(&"01.sql"), "{files:?}");
    }

    #[test]
    fn what_was_not_met_is_known() {
        let all = names(&SOME);
        let mut met = Met::default();
        for name in SOME.iter().filter(|name| !name.ends_with("#2") && **name != "01.sql") {
            assert!(all.meet(name, &mut met), "{name}");
        }
        assert!(!all.meet("a.sql@0-31", &mut met));
        let mut missing: Vec<String> = all.not_met(&met).collect();
        missing.sort();
        assert_eq!(missing, ["01.sql", "a.sql@61-100#2"]);
    }

    #[test]
    fn two_million_take_a_few_bytes_each() {
        let (mut all, mut byte) = (Names::default(), 0_u64);
        let mut last = String::new();
        for number in 0..2_000_000_u64 {
            let length = 30 + number % 70;
            last = format!("2026_load.sql@{byte}-{}", byte + length);
            all.add(&last);
            byte += length + 1;
        }
        assert!(all.has(&last) && all.has("2026_load.sql@0-30") && !all.has("2026_load.sql@1-30"));
        assert_eq!((all.len(), all.others.len()), (2_000_000, 0));
        let row = &all.rows[0];
        assert!(row.coded.len() + row.marks.len() * 24 < 6_000_000, "{}", row.coded.len());
        let mut met = Met::default();
        all.not_met(&Met::default()).filter(|name| !name.starts_with("2026_load.sql@1000")).for_each(
            |name| {
                all.meet(&name, &mut met);
            },
        );
        assert!(all.not_met(&met).all(|name| name.starts_with("2026_load.sql@1000")));
    }
}
