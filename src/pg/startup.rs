//! Opens a session: stream, login, the server's greeting, and the settings a long run needs.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::auth;
use super::config::{ConnectConfig, SslMode};
use super::dial::{Phase, dial};
use super::error::PgError;
use super::incoming::Frame;
use super::message::{Reply, TransactionStatus};
use super::server_error::ServerError;
use super::session::{CancelHandle, Session};
use super::stream::Stream;
use super::wire::{Wire, WireError};

/// Connects within the configuration's time limit.
pub(super) async fn connect(config: &ConnectConfig, purpose: &str, set: bool) -> Result<Session, PgError> {
    let phase = Phase::default();
    let Some(limit) = config.connect_timeout else { return open(config, purpose, set, &phase).await };
    match tokio::time::timeout(limit, open(config, purpose, set, &phase)).await {
        Ok(session) => session,
        Err(_) => Err(PgError::Timeout { target: config.describe(), after: limit, doing: phase.get() }),
    }
}

async fn open(config: &ConnectConfig, purpose: &str, set: bool, phase: &Phase) -> Result<Session, PgError> {
    let first = greet(config, config.sslmode, purpose, phase).await;
    let mut session = match first {
        // Like libpq: a pg_hba.conf that only lets plain connections in has told us so in TLS.
        Err(PgError::Refused { ref server, .. } | PgError::Auth { server: Some(ref server), .. })
            if config.sslmode == SslMode::Prefer && server.sqlstate == "28000" =>
        {
            match greet(config, SslMode::Disable, purpose, phase).await {
                Ok(session) => session,
                Err(_) => return first,
            }
        }
        first => first?,
    };
    phase.set("setting the session up");
    if set {
        session.outlive_defaults().await?;
    }
    Ok(session)
}

async fn greet(
    config: &ConnectConfig,
    sslmode: SslMode,
    purpose: &str,
    phase: &Phase,
) -> Result<Session, PgError> {
    let (stream, address) = dial(config, sslmode, phase).await?;
    let tls = matches!(stream, Stream::Tls(_));
    let mut wire = Wire::new(stream);
    phase.set("logging in");
    let name = format!("{} {purpose}", config.application_name.as_deref().unwrap_or("holdpoint"));
    let mut parameters = vec![
        ("user", config.user.as_str()),
        ("database", config.dbname.as_str()),
        ("client_encoding", "UTF8"),
        ("application_name", name.trim_end()),
    ];
    parameters.extend(config.options.as_deref().map(|options| ("options", options)));
    parameters.extend(config.startup.iter().map(|(key, value)| (*key, value.as_str())));
    send(&mut wire, config, |out| frontend::startup_message(parameters, out)).await?;
    auth::authenticate(&mut wire, config).await?;

    phase.set("waiting for the server's greeting");
    let (mut key, mut settings) = (None, BTreeMap::new());
    let status = loop {
        match next(&mut wire, config).await? {
            Message::BackendKeyData(body) => key = Some((body.process_id(), body.secret_key())),
            message => match Reply::read(message).map_err(|error| nonsense(config, &error.to_string()))? {
                Some(Reply::Parameter { name, value }) => {
                    settings.insert(name, value);
                }
                Some(Reply::Ready(status)) => break status,
                _ => return Err(nonsense(config, "its greeting has messages that don't belong there")),
            },
        }
    };
    let Some((pid, secret)) = key else {
        return Err(nonsense(config, "it gives no key to cancel with"));
    };
    let cancel = CancelHandle { config: Arc::new(config.clone()), address, tls, pid, secret };
    debug_assert_eq!(status, TransactionStatus::Idle);
    Ok(Session::new(wire, cancel, settings, status))
}

impl Session {
    /// A server's defaults must not end a session that waits for a person.
    pub async fn outlive_defaults(&mut self) -> Result<(), PgError> {
        let version = self.server_version();
        let mut settings = "/* holdpoint */ SET idle_in_transaction_session_timeout = 0".to_owned();
        if version >= 140_000 {
            settings.push_str("; SET idle_session_timeout = 0");
        }
        if version >= 170_000 {
            settings.push_str("; SET transaction_timeout = 0");
        }
        self.batch(&settings).await?;
        // So that a statement doesn't outlive us for long. Not every platform can do it, and an error
        // must not cost an open transaction.
        if version >= 140_000 && self.is_idle() {
            match self.batch("/* holdpoint */ SET client_connection_check_interval = '2s'").await {
                Err(PgError::Server(_)) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Sends one message of the login.
pub(super) async fn send(
    wire: &mut Wire,
    config: &ConnectConfig,
    write: impl FnOnce(&mut BytesMut) -> io::Result<()>,
) -> Result<(), PgError> {
    write(&mut wire.out).map_err(|error| PgError::Unsendable {
        target: config.describe(),
        reason: format!("{error}; user, database, options and password can't hold a NUL byte"),
    })?;
    // A server that has already refused us may have closed; `next` tells its reason.
    let _ = wire.flush().await;
    Ok(())
}

/// The next message of the login; notices are passed over, errors come out as errors.
pub(super) async fn next(wire: &mut Wire, config: &ConnectConfig) -> Result<Message, PgError> {
    loop {
        match wire.receive().await {
            Ok(Frame::Other(Message::NoticeResponse(_))) => {}
            Ok(Frame::Other(Message::ErrorResponse(body))) => {
                let server =
                    ServerError::read(body.fields()).map_err(|error| nonsense(config, &error.to_string()))?;
                return Err(refused(config, server));
            }
            Ok(Frame::Other(message)) => return Ok(message),
            Ok(Frame::Row(_)) => return Err(nonsense(config, "it sends rows before a login")),
            Err(WireError::Nonsense(reason)) => return Err(nonsense(config, &reason)),
            Err(WireError::Gone(reason)) => {
                return Err(PgError::Unreachable {
                    target: config.describe(),
                    reason: format!("during the login {reason}"),
                    hint: "look into the server's log".to_owned(),
                });
            }
        }
    }
}

fn nonsense(config: &ConnectConfig, reason: &str) -> PgError {
    PgError::Protocol { target: config.describe(), reason: reason.to_owned() }
}

fn refused(config: &ConnectConfig, server: ServerError) -> PgError {
    let target = config.describe();
    if server.class() == "28" {
        let advice = match server.sqlstate.as_str() {
            "28P01" => "check user and password",
            _ if server.message.contains("pg_hba.conf") => "have pg_hba.conf let this user in from here",
            _ if server.message.contains("eer authentication") => {
                "run as the operating system's user of that name, or connect by TCP with a password"
            }
            _ => "check the user's name and that it may log in",
        };
        return PgError::Auth {
            target,
            reason: format!("{server}; {advice}"),
            server: Some(Box::new(server)),
        };
    }
    let hint = match server.sqlstate.as_str() {
        "3D000" => "; name another database, or create this one",
        "53300" => "; end sessions that nobody needs, or raise max_connections",
        "57P03" => "; try again when the server is ready",
        "42501" => "; ask for the right to connect",
        _ => "; look into the server's log",
    };
    PgError::Refused { target, server: Box::new(server), hint }
}
