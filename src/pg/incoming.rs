//! Bytes from the server, cut into messages.
//!
//! Only complete messages come out, so reading can be abandoned at any await and taken up again. Rows
//! are the one kind of message that can be huge without anybody having asked for it: a cell over the
//! limit keeps its first bytes, and the rest is thrown away while it arrives.

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::message::backend::{
    DATA_ROW_TAG, ERROR_RESPONSE_TAG, Header, Message, ROW_DESCRIPTION_TAG,
};

use super::message::DataRow;
use super::server_error::ServerError;
use crate::script::Coding;

/// No honest message is longer: PostgreSQL's own limit of an allocation.
const LONGEST: usize = 0x4000_0000;

/// A complete message.
pub(super) enum Frame {
    Row(DataRow),
    Other(Message),
}

pub(super) struct Incoming {
    pub(super) buffer: BytesMut,
    /// Cells longer than this keep only their beginning.
    pub(super) cell_limit: usize,
    /// The session's: names of columns are in it.
    pub(super) coding: Coding,
    row: Option<LongRow>,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            buffer: BytesMut::with_capacity(16 * 1024),
            cell_limit: LONGEST,
            coding: Coding::Utf8,
            row: None,
        }
    }

    /// The next complete message, or `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, String> {
        if self.row.is_none() {
            let Some(header) = Header::parse(&self.buffer).map_err(|error| error.to_string())? else {
                return Ok(None);
            };
            let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(format!("it announces a message of {length} bytes"));
            }
            if header.tag() == ROW_DESCRIPTION_TAG && self.coding != Coding::Utf8 {
                if self.buffer.len() < length + 1 {
                    return Ok(None);
                }
                let whole = self.buffer.split_to(length + 1);
                let marked = with_marked_names(&whole, self.coding).ok_or("columns that don't add up")?;
                return Ok(Message::parse(&mut BytesMut::from(&marked[..]))
                    .map_err(|error| error.to_string())?
                    .map(Frame::Other));
            }
            if header.tag() != DATA_ROW_TAG {
                return Ok(Message::parse(&mut self.buffer)
                    .map_err(|error| error.to_string())?
                    .map(Frame::Other));
            }
            if length <= self.cell_limit {
                if self.buffer.len() < length + 1 {
                    return Ok(None);
                }
                let body = self.buffer.split_to(length + 1).freeze().slice(5..);
                return Ok(Some(Frame::Row(DataRow::new(body, Vec::new())?)));
            }
            self.buffer.advance(5);
            self.row = Some(LongRow::new(length - 4, self.cell_limit));
        }
        let Some(row) = &mut self.row else { return Ok(None) };
        if !row.feed(&mut self.buffer)? {
            return Ok(None);
        }
        let row = self.row.take().map(LongRow::finish).transpose()?;
        Ok(row.map(Frame::Row))
    }

    /// A FATAL error among the messages that wait, without taking any of them.
    pub(super) fn peek_fatal(&self) -> Option<ServerError> {
        if self.row.is_some() {
            return None;
        }
        let mut rest: &[u8] = &self.buffer;
        while let Ok(Some(header)) = Header::parse(rest) {
            let whole = rest.get(..usize::try_from(header.len()).ok()? + 1)?;
            if header.tag() == ERROR_RESPONSE_TAG
                && let Ok(Some(Message::ErrorResponse(body))) = Message::parse(&mut BytesMut::from(whole))
                && let Ok(error) = ServerError::read(body.fields())
                && error.ends_session()
            {
                return Some(error);
            }
            rest = &rest[whole.len()..];
        }
        None
    }
}

/// A description of columns whose names are text with marks.
fn with_marked_names(message: &[u8], coding: Coding) -> Option<Vec<u8>> {
    let count = u16::from_be_bytes(message.get(5..7)?.try_into().ok()?);
    let mut body = message[5..7].to_vec();
    let mut at = 7;
    for _ in 0..count {
        let name = message.get(at..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        body.extend_from_slice(coding.marked(&name[..end]).as_bytes());
        body.push(0);
        // Behind it: table, column, type, its size, its modifier, format.
        body.extend_from_slice(name.get(end + 1..end + 19)?);
        at += end + 19;
    }
    let mut whole = vec![message[0]];
    whole.extend_from_slice(&i32::try_from(body.len() + 4).ok()?.to_be_bytes());
    whole.append(&mut body);
    Some(whole)
}

/// A row that is being shortened while it comes in.
struct LongRow {
    /// Bytes of the message that haven't come yet.
    remaining: usize,
    limit: usize,
    columns: Option<u16>,
    index: u16,
    /// Of the cell that is under way: bytes still to keep, bytes still to throw away.
    keep: usize,
    skip: usize,
    body: Vec<u8>,
    cut: Vec<(u16, usize)>,
}

impl LongRow {
    fn new(remaining: usize, limit: usize) -> Self {
        Self {
            remaining,
            limit,
            columns: None,
            index: 0,
            keep: 0,
            skip: 0,
            body: Vec::new(),
            cut: Vec::new(),
        }
    }

    /// Takes what it can from the buffer; true when the row is whole.
    fn feed(&mut self, buffer: &mut BytesMut) -> Result<bool, &'static str> {
        loop {
            if self.keep > 0 {
                let n = self.keep.min(buffer.len());
                self.body.extend_from_slice(&buffer[..n]);
                self.take(buffer, n)?;
                self.keep -= n;
            }
            if self.keep == 0 && self.skip > 0 {
                let n = self.skip.min(buffer.len());
                self.take(buffer, n)?;
                self.skip -= n;
            }
            if self.keep > 0 || self.skip > 0 {
                return Ok(false);
            }
            match self.columns {
                None if buffer.len() < 2 => return Ok(false),
                None => {
                    self.columns = Some(u16::from_be_bytes([buffer[0], buffer[1]]));
                    self.body.extend_from_slice(&buffer[..2]);
                    self.take(buffer, 2)?;
                }
                Some(columns) if self.index == columns => {
                    return if self.remaining == 0 {
                        Ok(true)
                    } else {
                        Err("a row with bytes behind its last column")
                    };
                }
                Some(_) if buffer.len() < 4 => return Ok(false),
                Some(_) => {
                    let length = i32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
                    self.take(buffer, 4)?;
                    self.begin(length);
                }
            }
        }
    }

    fn begin(&mut self, length: i32) {
        let full = usize::try_from(length).unwrap_or(0);
        let kept = full.min(self.limit);
        if full > kept {
            self.cut.push((self.index, full));
        }
        // `kept` is at most `length`, so it fits; a negative length is NULL and stays as it is.
        let written = if length < 0 { length } else { i32::try_from(kept).unwrap_or(i32::MAX) };
        self.body.extend_from_slice(&written.to_be_bytes());
        self.keep = kept;
        self.skip = full - kept;
        self.index += 1;
    }

    fn take(&mut self, buffer: &mut BytesMut, n: usize) -> Result<(), &'static str> {
        self.remaining = self.remaining.checked_sub(n).ok_or("a row whose lengths don't add up")?;
        buffer.advance(n);
        Ok(())
    }

    fn finish(self) -> Result<DataRow, &'static str> {
        DataRow::new(Bytes::from(self.body), self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;

    fn row(cells: &[Option<&[u8]>]) -> BytesMut {
        let mut body = BytesMut::new();
        body.put_u16(cells.len() as u16);
        for cell in cells {
            match cell {
                None => body.put_i32(-1),
                Some(bytes) => {
                    body.put_i32(bytes.len() as i32);
                    body.put_slice(bytes);
                }
            }
        }
        let mut message = BytesMut::new();
        message.put_u8(b'D');
        message.put_i32(body.len() as i32 + 4);
        message.put_slice(&body);
        message
    }

    fn one(incoming: &mut Incoming) -> DataRow {
        match incoming.next().unwrap().unwrap() {
            Frame::Row(row) => row,
            Frame::Other(_) => panic!("not a row"),
        }
    }

    #[test]
    fn a_long_cell_keeps_its_beginning_and_its_length_however_the_bytes_arrive() {
        let bytes = row(&[Some(b"ab"), None, Some(&[b'x'; 1000]), Some(b""), Some(b"123456")]);
        for chunk in [1, 2, 3, 7, 100, 5000] {
            let mut incoming = Incoming::new();
            incoming.cell_limit = 5;
            for piece in bytes.chunks(chunk) {
                assert!(incoming.next().unwrap().is_none());
                incoming.buffer.extend_from_slice(piece);
            }
            let row = one(&mut incoming);
            let cells: Vec<_> = row.cells().collect();
            assert_eq!(cells, [Some(&b"ab"[..]), None, Some(b"xxxxx"), Some(b""), Some(b"12345")]);
            assert_eq!(
                (row.full_length(0), row.full_length(2), row.full_length(4)),
                (None, Some(1000), Some(6))
            );
            assert!(incoming.next().unwrap().is_none() && incoming.buffer.is_empty());
        }
    }

    #[test]
    fn nothing_of_a_long_row_waits_in_the_buffer() {
        let mut incoming = Incoming::new();
        incoming.cell_limit = 0;
        let bytes = row(&[Some(&[b'x'; 1_000_000])]);
        for piece in bytes.chunks(1000) {
            incoming.buffer.extend_from_slice(piece);
            if incoming.next().unwrap().is_some() {
                return;
            }
            assert!(incoming.buffer.is_empty());
        }
        panic!("the row didn't end");
    }

    #[test]
    fn lengths_that_lie_are_an_error_and_not_a_panic() {
        for (limit, body) in
            [(0, &[0, 1, 0, 0, 0, 9, 1][..]), (1000, &[0, 1, 0, 0, 0, 9, 1]), (1000, &[0]), (0, &[0, 0, 1])]
        {
            let mut incoming = Incoming::new();
            incoming.cell_limit = limit;
            incoming.buffer.put_u8(b'D');
            incoming.buffer.put_i32(body.len() as i32 + 4);
            incoming.buffer.put_slice(body);
            incoming.buffer.put_slice(&[0; 32]);
            assert!(incoming.next().is_err(), "{limit} {body:?}");
        }
        let mut incoming = Incoming::new();
        incoming.buffer.put_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert!(incoming.next().is_err());
    }
}
