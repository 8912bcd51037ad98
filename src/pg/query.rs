//! Whole answers: a batch by the simple protocol, a single statement by the extended one.
//!
//! A result can be a million rows or one cell of 100 MB, so there are bounds. What is over them is
//! received, counted and thrown away: the statement itself runs to its end.

use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::error::PgError;
use super::message::{Column, DataRow, Reply, TransactionStatus};
use super::server_error::ServerError;
use super::session::Session;

/// A statement of a batch that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Like `INSERT 0 3`; empty for a text without a statement.
    pub tag: String,
}

/// How much of a result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_rows: usize,
    /// Of longer cells the first bytes are kept, up to a whole character.
    pub max_cell_bytes: usize,
    pub max_total_bytes: usize,
}

impl Limits {
    pub const NONE: Self =
        Self { max_rows: usize::MAX, max_cell_bytes: usize::MAX, max_total_bytes: usize::MAX };
}

/// Why not all rows were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Rows,
    TotalBytes,
}

/// A cell that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongCell {
    pub row: usize,
    pub column: usize,
    /// Bytes that the server sent.
    pub bytes: usize,
}

/// The answer to a single statement, as text.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub columns: Vec<Column>,
    /// The rows that were kept; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Empty when there was no statement in the text.
    pub tag: String,
    pub notices: Vec<ServerError>,
    /// All rows that came, kept or not.
    pub total_rows: u64,
    /// Set when rows are missing in `rows`.
    pub truncated: Option<Bound>,
    /// Cells of `rows` of which only the beginning is there.
    pub long_cells: Vec<LongCell>,
}

impl Rows {
    /// The single cell of a single row, `None` for anything else.
    pub fn scalar(&self) -> Option<&str> {
        match self.rows.as_slice() {
            [row] if row.len() == 1 && self.total_rows == 1 => row[0].as_deref(),
            _ => None,
        }
    }
}

impl Session {
    /// Runs a text of any number of statements and waits for the end of it. An error comes after the
    /// session is ready again. Rows are thrown away; a COPY FROM STDIN is refused.
    pub async fn batch(&mut self, sql: &str) -> Result<Vec<Completed>, PgError> {
        self.batch_with_notices(sql).await.map(|(completed, _)| completed)
    }

    /// [`Session::batch`] that also returns what the server remarked.
    pub async fn batch_with_notices(
        &mut self,
        sql: &str,
    ) -> Result<(Vec<Completed>, Vec<ServerError>), PgError> {
        if self.in_flight() > 0 {
            return Err(self.busy());
        }
        self.queue_simple(sql)?;
        self.wire.incoming.cell_limit = 0; // until the session is ready again
        self.batch_answer().await
    }

    async fn batch_answer(&mut self) -> Result<(Vec<Completed>, Vec<ServerError>), PgError> {
        let (mut completed, mut notices, mut failed) = (Vec::new(), Vec::new(), None);
        loop {
            match self.receive().await? {
                Reply::Complete { tag } => completed.push(Completed { tag }),
                Reply::Empty => completed.push(Completed { tag: String::new() }),
                Reply::Notice(notice) => notices.push(notice),
                Reply::CopyIn => self.copy_fail("there is no data for this COPY here")?,
                Reply::Error(error) => failed = failed.or(Some(error)),
                Reply::Ready(_) => {
                    return match failed {
                        Some(error) => Err(PgError::Server(Box::new(error))),
                        None => Ok((completed, notices)),
                    };
                }
                _ => {}
            }
        }
    }

    /// Runs one statement with parameters as text (`None` is NULL), whose types the server infers.
    pub async fn query(&mut self, sql: &str, params: &[Option<&str>]) -> Result<Rows, PgError> {
        self.query_bounded(sql, params, Limits::NONE).await
    }

    /// [`Session::query`] that keeps no more than `limits` allow.
    pub async fn query_bounded(
        &mut self,
        sql: &str,
        params: &[Option<&str>],
        limits: Limits,
    ) -> Result<Rows, PgError> {
        if self.in_flight() > 0 {
            return Err(self.busy());
        }
        self.put_query(sql, params)?;
        self.count_sync();
        self.wire.incoming.cell_limit = limits.max_cell_bytes.min(limits.max_total_bytes);
        self.query_answer(limits).await
    }

    /// The first rows of what one statement gives: the server makes no more than `limits` keep, and one
    /// to know whether there are more.
    pub async fn query_first(&mut self, sql: &str, limits: Limits) -> Result<Rows, PgError> {
        if self.in_flight() > 0 {
            return Err(self.busy());
        }
        let rows = i32::try_from(limits.max_rows.saturating_add(1)).unwrap_or(i32::MAX);
        self.put_query_for(sql, &[], rows)?;
        self.count_sync();
        self.wire.incoming.cell_limit = limits.max_cell_bytes.min(limits.max_total_bytes);
        self.query_answer(limits).await
    }

    /// Runs statements without parameters one after the other, without waiting for an answer before the
    /// next is sent: a far server is as fast as a near one. After an error the others are still answered;
    /// the first error is returned.
    pub async fn queries(&mut self, statements: &[String]) -> Result<Vec<Rows>, PgError> {
        if self.in_flight() > 0 {
            return Err(self.busy());
        }
        for sql in statements {
            self.put_query(sql, &[])?;
            self.count_sync();
        }
        let (mut answers, mut failed) = (Vec::with_capacity(statements.len()), None);
        for _ in statements {
            match self.query_answer(Limits::NONE).await {
                Ok(rows) => answers.push(rows),
                Err(error) if error.is_lost() => return Err(failed.unwrap_or(error)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(answers), Err)
    }

    async fn query_answer(&mut self, limits: Limits) -> Result<Rows, PgError> {
        let (mut rows, mut failed, mut held) = (Rows::default(), None, 0usize);
        loop {
            match self.receive().await? {
                Reply::RowDescription(columns) => rows.columns = columns,
                Reply::DataRow(row) => {
                    rows.total_rows += 1;
                    if rows.truncated.is_none() && rows.rows.len() >= limits.max_rows {
                        rows.truncated = Some(Bound::Rows);
                    }
                    if rows.truncated.is_none() && held.saturating_add(row.bytes()) > limits.max_total_bytes {
                        rows.truncated = Some(Bound::TotalBytes);
                    }
                    if rows.truncated.is_some() {
                        // From here on nothing of a row is even buffered.
                        self.wire.incoming.cell_limit = 0;
                        continue;
                    }
                    held += row.bytes();
                    rows.keep(&row, limits.max_cell_bytes);
                }
                Reply::Complete { tag } => rows.tag = tag,
                Reply::Notice(notice) => rows.notices.push(notice),
                Reply::CopyIn => {
                    self.copy_fail("there is no data for this COPY here")?;
                    // While it copies, the server passes over the Sync that we have already sent.
                    self.put(|out| {
                        frontend::sync(out);
                        Ok(())
                    })?;
                }
                Reply::Error(error) => failed = failed.or(Some(error)),
                Reply::Ready(_) => {
                    return match failed {
                        Some(error) => Err(PgError::Server(Box::new(error))),
                        None => Ok(rows),
                    };
                }
                _ => {}
            }
        }
    }

    /// Queues one statement with values for its parameters, by the extended protocol.
    pub fn queue_with_values(&mut self, sql: &str, values: &[String]) -> Result<(), PgError> {
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        self.put_query(sql, &values)?;
        self.count_sync();
        Ok(())
    }

    fn put_query(&mut self, sql: &str, params: &[Option<&str>]) -> Result<(), PgError> {
        self.put_query_for(sql, params, 0)
    }

    /// `rows`: at most so many; 0: all.
    fn put_query_for(&mut self, sql: &str, params: &[Option<&str>], rows: i32) -> Result<(), PgError> {
        self.put(|out| {
            frontend::parse("", sql, [], out)?;
            let value = |param: &Option<&str>, out: &mut bytes::BytesMut| {
                let Some(text) = param else { return Ok(IsNull::Yes) };
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            };
            frontend::bind("", "", [], params, value, [], out).map_err(|error| match error {
                frontend::BindError::Conversion(error) => std::io::Error::other(error),
                frontend::BindError::Serialization(error) => error,
            })?;
            frontend::describe(b'P', "", out)?;
            frontend::execute("", rows, out)?;
            frontend::sync(out);
            Ok(())
        })
    }

    /// The columns of what a statement would give, without running it; none when it gives no rows.
    pub async fn describe(&mut self, sql: &str) -> Result<Vec<Column>, PgError> {
        if self.in_flight() > 0 {
            return Err(self.busy());
        }
        self.put(|out| {
            frontend::parse("", sql, [], out)?;
            frontend::describe(b'S', "", out)?;
            frontend::sync(out);
            Ok(())
        })?;
        self.count_sync();
        Ok(self.query_answer(Limits::NONE).await?.columns)
    }

    /// Receives and forgets until every message is answered, after an answer was abandoned. Errors on
    /// the way are returned, since nobody else will see them.
    pub async fn drain(&mut self) -> Result<Vec<ServerError>, PgError> {
        let mut errors = Vec::new();
        if self.is_copying() {
            self.copy_fail("abandoned")?;
        }
        while self.in_flight() > 0 {
            match self.receive().await? {
                Reply::Error(error) => errors.push(error),
                Reply::CopyIn => self.copy_fail("abandoned")?,
                _ => {}
            }
        }
        Ok(errors)
    }

    /// When this backend began, in UTC, such that `::timestamptz` gives back exactly
    /// `pg_stat_activity.backend_start`. With the pid it names a backend for good.
    pub async fn backend_start(&mut self) -> Result<String, PgError> {
        let sql = "SELECT pg_catalog.to_char(pg_catalog.timezone('UTC', s.backend_start), \
                   'YYYY-MM-DD HH24:MI:SS.US') || '+00' \
                   FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS s";
        let rows = self.query(sql, &[]).await?;
        rows.scalar().map(str::to_owned).ok_or_else(|| PgError::Protocol {
            target: self.config().describe(),
            reason: "it doesn't show when our own session began".to_owned(),
        })
    }

    /// Something between us and the server hands out backends: the one that answers isn't the one whose
    /// key we got. Session state, locks and cancelling can't be relied upon then.
    pub async fn is_behind_pooler(&mut self) -> Result<bool, PgError> {
        let rows = self.query("SELECT pg_catalog.pg_backend_pid()", &[]).await?;
        Ok(rows.scalar() != Some(self.pid().to_string().as_str()))
    }

    /// No transaction is open and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.in_flight() == 0 && self.transaction() == TransactionStatus::Idle
    }
}

impl Rows {
    fn keep(&mut self, row: &DataRow, max_cell_bytes: usize) {
        let index = self.rows.len();
        let mut kept = Vec::with_capacity(row.len());
        for (column, cell) in row.cells().enumerate() {
            let Some(mut bytes) = cell else {
                kept.push(None);
                continue;
            };
            let full = row.full_length(column).unwrap_or(bytes.len());
            bytes = &bytes[..bytes.len().min(max_cell_bytes)];
            if full > bytes.len() {
                self.long_cells.push(LongCell { row: index, column, bytes: full });
                bytes = whole_characters(bytes);
            }
            kept.push(Some(String::from_utf8_lossy(bytes).into_owned()));
        }
        self.rows.push(kept);
    }
}

/// Without the beginning of a character at the end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
