//! The console's queries between the screen and the database, one after the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::cockpit::console::Answer;
use crate::cockpit::link::Link;
use crate::cockpit::message::Msg;
use crate::engine::conductor::Conductor;
use crate::engine::console::{Console, Look, Trouble};
use crate::engine::open::operator;
use crate::pg::Rows;
use crate::run::event::{Assurance, Person};

/// How long the end of a query is waited for when the run is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// Types whose values stand at the right: numbers and oids.
const NUMBERS: [u32; 7] = [20, 21, 23, 26, 700, 701, 1700];

/// Who asks queries as long as the run is open.
#[derive(Debug)]
pub struct Looker {
    queries: mpsc::UnboundedSender<(u64, String)>,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Looker {
    /// Begins; the session is opened with the first query.
    pub fn start(conductor: &Conductor, link: Link) -> Self {
        let (target, recorder) = (conductor.onlooker(), conductor.recorder.clone());
        let mut console = Console::new(target, recorder, conductor.secrets.clone());
        let (queries, mut wanted) = mpsc::unbounded_channel::<(u64, String)>();
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let by = Person { name: operator().os_user, how: Assurance::Typed };
        let task = tokio::spawn(async move {
            while let Some((id, sql)) = wanted.recv().await {
                let look = console.look(&sql, by.clone(), &told).await;
                link.send(Msg::Looked { id, answer: Arc::new(answer(sql, look)) });
            }
            console.close().await;
        });
        Self { queries, stop, task }
    }

    /// `false`: nobody is there any more.
    pub fn ask(&self, id: u64, sql: String) -> bool {
        self.queries.send((id, sql)).is_ok()
    }

    pub fn stop(&self) {
        self.stop.notify_waiters();
    }

    /// Lets go of the journal and of the database.
    pub async fn end(self) {
        let Self { queries, stop, mut task } = self;
        drop(queries);
        stop.notify_waiters();
        if tokio::time::timeout(PATIENCE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// What came, as the screen has it; measured here, so that no frame waits for it.
fn answer(sql: String, look: Look) -> Answer {
    let elapsed_ms = u64::try_from(look.elapsed.as_millis()).unwrap_or(u64::MAX);
    let answer = match look.result {
        Ok(rows) => table(sql, rows),
        Err(trouble) => {
            let more = pointed(&sql, &trouble).into_iter().chain(trouble.more).collect();
            Answer::failed(sql, trouble.message, more)
        }
    };
    Answer { elapsed_ms, said: look.said, ..answer }
}

fn table(sql: String, rows: Rows) -> Answer {
    let more = rows.truncated.is_some();
    let cut = rows.long_cells.iter().map(|long| (long.row, long.column, long.bytes)).collect();
    let columns = rows.columns.into_iter().map(|column| (column.name, NUMBERS.contains(&column.type_oid)));
    Answer { more, cut, ..Answer::new(sql, columns.collect(), rows.rows) }
}

/// The line that the server points at, with a caret below.
fn pointed(sql: &str, trouble: &Trouble) -> Vec<String> {
    let Some(position) = trouble.position.and_then(|position| usize::try_from(position).ok()) else {
        return Vec::new();
    };
    let byte = sql.char_indices().nth(position.saturating_sub(1)).map_or(sql.len(), |(byte, _)| byte);
    let from = sql[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let line = sql[from..].lines().next().unwrap_or_default();
    let column = sql[from..byte].chars().count() as u64 + 1;
    crate::script::excerpt(line, column, 76).lines().map(str::to_owned).collect()
}
