//! The file behind `\copy … from`: its bytes as they are, in pieces, and no more memory than one of them.
//!
//! Nothing is looked at but the end: the server knows in which encoding and format the data is.

use super::source::CHUNK;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// In the middle of a very long line a piece ends here.
const PIECE_AT_MOST: usize = 4 * CHUNK;

pub(super) struct DataFile {
    pub path: Arc<Path>,
    reader: BufReader<Box<dyn Read + Send>>,
    /// A line `\.` means nothing in it.
    binary: bool,
    at_line_start: bool,
    lines: u64,
    ended: bool,
}

impl DataFile {
    pub fn new(path: Arc<Path>, reader: Box<dyn Read + Send>, binary: bool) -> Self {
        let reader = BufReader::with_capacity(CHUNK, reader);
        DataFile { path, reader, binary, at_line_start: true, lines: 0, ended: false }
    }

    /// The line that is being read.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// The next piece into `out`. False at the end of the data, and whenever it is asked again: a second
    /// COPY that is sent along with the first gets nothing, as in psql.
    pub fn copy(&mut self, out: &mut Vec<u8>) -> std::io::Result<bool> {
        out.clear();
        while !self.ended && out.len() < CHUNK {
            let from = out.len();
            let room = (PIECE_AT_MOST - from) as u64;
            let read = if self.binary {
                self.reader.by_ref().take(room).read_to_end(out)?
            } else {
                self.reader.by_ref().take(room).read_until(b'\n', out)?
            };
            if read == 0 {
                self.ended = true;
            } else if !self.binary {
                let end_mark = self.at_line_start && matches!(&out[from..], b"\\.\n" | b"\\.\r\n");
                self.at_line_start = out.last() == Some(&b'\n');
                self.lines += u64::from(self.at_line_start);
                if end_mark {
                    out.truncate(from);
                    self.pass_by_the_rest()?;
                }
            }
        }
        Ok(!out.is_empty())
    }

    /// What stands behind `\.` is no data; but who reads the file compares it at its end.
    fn pass_by_the_rest(&mut self) -> std::io::Result<()> {
        self.ended = true;
        std::io::copy(&mut self.reader, &mut std::io::sink()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(data: &[u8], binary: bool) -> Vec<usize> {
        let reader = Box::new(std::io::Cursor::new(data.to_vec()));
        let mut file = DataFile::new(Path::new("x").into(), reader, binary);
        let (mut out, mut all, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        while file.copy(&mut out).unwrap() {
            sizes.push(out.len());
            all.extend_from_slice(&out);
        }
        assert!(!file.copy(&mut out).unwrap());
        assert!(data.starts_with(&all));
        sizes
    }

    #[test]
    fn the_end_is_a_line_of_its_own() {
        assert_eq!(pieces(b"a\n\\.\nb\n", false), [2]);
        assert_eq!(pieces(b"a\n\\.\r\nb\n", false), [2]);
        assert_eq!(pieces(b"a\\.\nb", false), [5]);
        assert_eq!(pieces(b"a\n\\.", false), [4]);
        assert_eq!(pieces(b"a\n\\.\nb\n", true), [7]);
        assert_eq!(pieces(b"\xff\0\n", false), [3]);
        assert_eq!(pieces(b"", false), [0; 0]);
    }

    #[test]
    fn a_long_line_comes_in_pieces() {
        for binary in [false, true] {
            let sizes = pieces(&vec![b'x'; 3 * PIECE_AT_MOST], binary);
            assert!(sizes.iter().all(|size| *size <= PIECE_AT_MOST) && sizes.len() >= 3, "{sizes:?}");
        }
    }
}
