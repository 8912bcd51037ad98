//! What a server can say to us, as values.

use bytes::Bytes;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{Message, RowDescriptionBody};

use super::server_error::ServerError;
use crate::script::Coding;

/// The transaction status that comes with every ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// No transaction is open.
    Idle,
    /// A transaction is open and in order.
    InTransaction,
    /// A transaction is open and can only be rolled back. COMMIT would answer `ROLLBACK`.
    Failed,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub type_oid: u32,
    pub type_modifier: i32,
    pub type_size: i16,
    /// The table and attribute number it comes from, 0 when it's computed.
    pub table_oid: u32,
    pub table_column: i16,
}

/// One message from the server.
#[derive(Debug, Clone)]
pub enum Reply {
    RowDescription(Vec<Column>),
    DataRow(DataRow),
    /// A statement is done; the tag is like `INSERT 0 3`, and COMMIT of a failed transaction says
    /// `ROLLBACK`.
    Complete {
        tag: String,
    },
    /// The text had no statement in it.
    Empty,
    Error(ServerError),
    Notice(ServerError),
    /// The server waits for COPY data.
    CopyIn,
    /// The server is about to send COPY data.
    CopyOut,
    CopyData(Bytes),
    CopyDone,
    /// As many rows came as were asked for; there may be more.
    Suspended,
    /// One message of ours is fully answered.
    Ready(TransactionStatus),
    /// A setting that the server reports has changed.
    Parameter {
        name: String,
        value: String,
    },
    Notification {
        pid: i32,
        channel: String,
        payload: String,
    },
    /// An acknowledgement of the extended protocol; nothing to do.
    Acknowledged,
}

/// A row of a result, its cells read when they are asked for.
#[derive(Debug, Clone)]
pub struct DataRow {
    columns: u16,
    /// (i32 length, bytes)*, with the lengths of what was kept.
    cells: Bytes,
    /// Cells that were cut when they came in: index and full length.
    cut: Vec<(u16, usize)>,
}

impl DataRow {
    /// `body` is the message without its header; the lengths in it are checked here, once.
    pub(super) fn new(mut body: Bytes, cut: Vec<(u16, usize)>) -> Result<Self, &'static str> {
        if body.len() < 2 {
            return Err("a row without a count of columns");
        }
        let columns = u16::from_be_bytes([body[0], body[1]]);
        let cells = body.split_off(2);
        let row = Self { columns, cells, cut };
        let mut at = 0usize;
        for _ in 0..columns {
            let Some((_, next)) = cell_at(&row.cells, at) else {
                return Err("a row whose lengths don't add up");
            };
            at = next;
        }
        if at == row.cells.len() { Ok(row) } else { Err("a row with bytes behind its last column") }
    }

    pub fn len(&self) -> usize {
        usize::from(self.columns)
    }

    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The cells from left to right; `None` is NULL.
    pub fn cells(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut at = 0usize;
        (0..self.columns).map_while(move |_| {
            let (cell, next) = cell_at(&self.cells, at)?;
            at = next;
            Some(cell)
        })
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.cells().nth(index).flatten()
    }

    /// The length that the server sent, where the session's cell limit has cut it.
    pub fn full_length(&self, index: usize) -> Option<usize> {
        self.cut.iter().find(|(column, _)| usize::from(*column) == index).map(|(_, length)| *length)
    }

    /// Bytes held for this row.
    pub fn bytes(&self) -> usize {
        self.cells.len()
    }
}

fn cell_at(cells: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
    let start = at.checked_add(4)?;
    let length = i32::from_be_bytes(cells.get(at..start)?.try_into().ok()?);
    if length < 0 {
        return Some((None, start));
    }
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    Some((Some(cells.get(start..end)?), end))
}

impl Reply {
    /// Translates a message that may come once the session stands.
    pub(super) fn read(message: Message) -> std::io::Result<Option<Self>> {
        Self::read_as(message, Coding::Utf8)
    }

    /// In the encoding of the session.
    pub(super) fn read_as(message: Message, coding: Coding) -> std::io::Result<Option<Self>> {
        Ok(Some(match message {
            Message::RowDescription(body) => Self::RowDescription(columns(&body)?),
            Message::CommandComplete(body) => Self::Complete { tag: body.tag()?.to_owned() },
            Message::EmptyQueryResponse => Self::Empty,
            Message::ErrorResponse(body) => Self::Error(ServerError::read_as(body.fields(), coding)?),
            Message::NoticeResponse(body) => Self::Notice(ServerError::read_as(body.fields(), coding)?),
            Message::PortalSuspended => Self::Suspended,
            Message::CopyInResponse(_) => Self::CopyIn,
            Message::CopyOutResponse(_) => Self::CopyOut,
            Message::CopyData(body) => Self::CopyData(body.into_bytes()),
            Message::CopyDone => Self::CopyDone,
            Message::ReadyForQuery(body) => Self::Ready(match body.status() {
                b'I' => TransactionStatus::Idle,
                b'T' => TransactionStatus::InTransaction,
                b'E' => TransactionStatus::Failed,
                _ => return Ok(None),
            }),
            Message::ParameterStatus(body) => {
                Self::Parameter { name: body.name()?.to_owned(), value: body.value()?.to_owned() }
            }
            Message::NotificationResponse(body) => Self::Notification {
                pid: body.process_id(),
                channel: body.channel()?.to_owned(),
                payload: body.message()?.to_owned(),
            },
            Message::ParseComplete
            | Message::BindComplete
            | Message::CloseComplete
            | Message::NoData
            | Message::ParameterDescription(_) => Self::Acknowledged,
            _ => return Ok(None),
        }))
    }
}

fn columns(body: &RowDescriptionBody) -> std::io::Result<Vec<Column>> {
    let mut columns = Vec::new();
    let mut fields = body.fields();
    while let Some(field) = fields.next()? {
        columns.push(Column {
            name: field.name().to_owned(),
            type_oid: field.type_oid(),
            type_modifier: field.type_modifier(),
            type_size: field.type_size(),
            table_oid: field.table_oid(),
            table_column: field.column_id(),
        });
    }
    Ok(columns)
}
