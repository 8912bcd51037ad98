//! The session: everything the engine has to see of a server's answers.

mod common;

use common::server::TestServer;
use holdpoint::pg::{Reply, TransactionStatus};

#[tokio::test]
async fn tags_and_statuses_come_in_order() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    session.queue_simple("BEGIN").unwrap();
    session.queue_simple("SELECT 1 AS one; SELECT 1/0").unwrap();
    session.queue_simple("COMMIT").unwrap();
    assert_eq!(session.in_flight(), 3);
    session.flush().await.unwrap();
    let mut seen = Vec::new();
    while session.in_flight() > 0 {
        seen.push(match session.receive().await.unwrap() {
            Reply::Complete { tag } => tag,
            Reply::Error(error) => format!("error {}", error.sqlstate),
            Reply::Ready(status) => format!("{status:?}"),
            Reply::RowDescription(columns) => format!("{}:{}", columns[0].name, columns[0].type_oid),
            Reply::DataRow(row) => String::from_utf8_lossy(row.get(0).unwrap()).into_owned(),
            _ => continue,
        });
    }
    assert_eq!(
        seen,
        ["BEGIN", "InTransaction", "one:23", "1", "SELECT 1", "error 22012", "Failed", "ROLLBACK", "Idle"]
    );
    assert_eq!(session.transaction(), TransactionStatus::Idle);
}
