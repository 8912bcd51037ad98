//! Which database it is, and what about it can hurt a run: asked before anything is changed.
//!
//! A host name says nothing about the server behind it. The system identifier, the database's oid and
//! the WAL timeline do; each may be refused to us, and then it is unknown, never guessed.

use serde::{Deserialize, Serialize};

use super::config::Host;
use super::measure::{MeasureError, Pin, json, number, only_row, optional, text};
use super::session::Session;
use crate::run::event::TargetIdentity;

/// The target as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub identity: TargetIdentity,
    /// Like 150018.
    pub version_num: u32,
    /// A standby: nothing can be changed there.
    pub in_recovery: bool,
    pub superuser: bool,
    /// The role may make the schema `holdpoint` (or it is there already).
    pub may_create_schema: bool,
    pub schema_exists: bool,
    /// `holdpoint.environment`, set on the database by its keepers: what was typed proves nothing.
    pub environment: Option<String>,
    /// Publications FOR ALL TABLES: they send the ledger to subscribers that have no such table.
    pub publishes_all: Vec<String>,
    /// Event triggers that are enabled: they can refuse or change the ledger's schema.
    pub event_triggers: Vec<EventTrigger>,
    /// Transactions of this database that are prepared and neither committed nor rolled back.
    pub prepared: Vec<Prepared>,
    pub encoding: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTrigger {
    pub name: String,
    pub event: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    pub gid: String,
    pub owner: String,
    pub since: String,
}

impl Target {
    /// Asks the server. On a session without an open transaction: a right that we don't have costs one.
    pub async fn look(session: &mut Session) -> Result<Self, MeasureError> {
        let pin = Pin::begin(session).await?;
        let asked = ask(session).await;
        let mut target = pin.end(session, asked).await?;
        if let Some(id) =
            try_scalar(session, "SELECT system_identifier FROM pg_catalog.pg_control_system()").await?
        {
            target.identity.system_identifier = Some(id);
        }
        // Not by pg_control_checkpoint: that shows the timeline of the last checkpoint, which after a
        // promotion is still the old one. A standby has none of its own.
        if !target.in_recovery {
            let sql = "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())";
            let file = try_scalar(session, sql).await?;
            target.identity.timeline = file
                .as_deref()
                .and_then(|file| file.get(..8))
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .map(|timeline| timeline.to_string());
        }
        Ok(target)
    }
}

async fn ask(session: &mut Session) -> Result<Target, MeasureError> {
    let rows = session.query(include_str!("sql/identity.sql"), &[]).await?;
    let row = only_row(&rows)?;
    let truth = |column: usize| text(row, column).map(|cell| cell == "t");
    let config = session.config();
    let host = match config.host() {
        Host::Tcp { name, .. } => name.clone(),
        Host::Socket(dir) => dir.display().to_string(),
        Host::DefaultSocket => "local socket".to_owned(),
    };
    let event_triggers: Vec<(String, String)> = json(row, 10)?;
    let prepared: Vec<(String, String, String)> = json(row, 11)?;
    Ok(Target {
        identity: TargetIdentity {
            host,
            port: config.port(),
            database: text(row, 0)?.to_owned(),
            user: text(row, 1)?.to_owned(),
            server_version: text(row, 2)?.to_owned(),
            system_identifier: None,
            database_oid: number(row, 4)?,
            timeline: None,
        },
        version_num: number(row, 3)?,
        in_recovery: truth(5)?,
        superuser: truth(6)?,
        may_create_schema: truth(7)?,
        schema_exists: truth(12)?,
        environment: optional(row, 8).map(str::to_owned),
        publishes_all: json(row, 9)?,
        event_triggers: event_triggers
            .into_iter()
            .map(|(name, event)| EventTrigger { name, event })
            .collect(),
        prepared: prepared.into_iter().map(|(gid, owner, since)| Prepared { gid, owner, since }).collect(),
        encoding: text(row, 13)?.to_owned(),
    })
}

/// One value that the role, or the kind of server, may not have for us.
async fn try_scalar(session: &mut Session, sql: &str) -> Result<Option<String>, MeasureError> {
    match session.query(sql, &[]).await {
        Ok(rows) => Ok(rows.scalar().map(str::to_owned)),
        Err(error)
            if !error.is_lost()
                && matches!(error.sqlstate(), Some("42501" | "42883" | "55000" | "0A000")) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
