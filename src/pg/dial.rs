//! From a configuration to a stream: addresses, sockets, and the question for TLS.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::config::{ConnectConfig, Host, SOCKET_DIRS, SslMode};
use super::error::PgError;
use super::stream::Stream;
use super::tls;

/// What a connection is being made for, so that a timeout can say where it hung.
#[derive(Debug, Default)]
pub(super) struct Phase(std::sync::Mutex<&'static str>);

impl Phase {
    pub(super) fn set(&self, doing: &'static str) {
        if let Ok(mut phase) = self.0.lock() {
            *phase = doing;
        }
    }

    pub(super) fn get(&self) -> &'static str {
        self.0.lock().map_or("connecting", |phase| *phase)
    }
}

/// The one place that answered; a cancel request must go to the same.
#[derive(Debug, Clone)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Connects, and agrees with the server upon TLS or not.
pub(super) async fn dial(
    config: &ConnectConfig,
    sslmode: SslMode,
    phase: &Phase,
) -> Result<(Stream, Address), PgError> {
    match &config.host {
        Host::Tcp { name, addr } => {
            phase.set("looking up the host's name");
            let addresses: Vec<SocketAddr> = match addr {
                Some(addr) => vec![SocketAddr::new(*addr, config.port)],
                None => tokio::net::lookup_host((name.as_str(), config.port))
                    .await
                    .map_err(|error| unreachable(config, &error, "check the host's name"))?
                    .collect(),
            };
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the host's name has no address");
            for address in addresses {
                phase.set("opening the TCP connection");
                match tcp(config, address).await {
                    Ok(stream) => {
                        let stream = negotiate(config, sslmode, stream, phase).await?;
                        return Ok((stream, Address::Tcp(address)));
                    }
                    Err(error) => last = error,
                }
            }
            Err(unreachable(config, &last, "check host and port, and that the server listens there"))
        }
        Host::Socket(dir) => {
            let path = socket_path(dir, config.port);
            Ok((unix(config, &path, phase).await?, Address::Unix(path)))
        }
        Host::DefaultSocket => {
            let paths = SOCKET_DIRS.map(|dir| socket_path(Path::new(dir), config.port));
            let path = paths.iter().find(|path| path.exists()).unwrap_or(&paths[0]).clone();
            Ok((unix(config, &path, phase).await?, Address::Unix(path)))
        }
    }
}

/// Connects again to the place that answered before, with or without TLS as then.
pub(super) async fn dial_again(
    config: &ConnectConfig,
    address: &Address,
    tls: bool,
) -> Result<Stream, PgError> {
    let phase = Phase::default();
    match address {
        Address::Unix(path) => unix(config, path, &phase).await,
        Address::Tcp(address) => {
            let stream = tcp(config, *address)
                .await
                .map_err(|error| unreachable(config, &error, "check the network"))?;
            let sslmode = match config.sslmode {
                _ if !tls => SslMode::Disable,
                // What was encrypted stays encrypted.
                SslMode::Disable | SslMode::Prefer => SslMode::Require,
                mode => mode,
            };
            negotiate(config, sslmode, stream, &phase).await
        }
    }
}

fn socket_path(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!(".s.PGSQL.{port}"))
}

async fn unix(config: &ConnectConfig, path: &Path, phase: &Phase) -> Result<Stream, PgError> {
    phase.set("opening the socket");
    UnixStream::connect(path).await.map(Stream::Unix).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "this user may not enter the socket's folder; connect by TCP".to_owned()
            }
            io::ErrorKind::InvalidInput => "the socket's path is too long; use a shorter folder".to_owned(),
            _ => format!("check that a server runs with its socket at {}, or give host=", path.display()),
        };
        unreachable(config, &error, &hint)
    })
}

async fn tcp(config: &ConnectConfig, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    socket.set_keepalive(config.keepalives)?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

async fn negotiate(
    config: &ConnectConfig,
    sslmode: SslMode,
    mut tcp: TcpStream,
    phase: &Phase,
) -> Result<Stream, PgError> {
    if sslmode == SslMode::Disable {
        return Ok(Stream::Tcp(tcp));
    }
    phase.set("asking the server for TLS");
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    let broken =
        |error: io::Error| unreachable(config, &error, "check that a PostgreSQL server listens there");
    tcp.write_all(&request).await.map_err(broken)?;
    // Exactly one byte: what an attacker appended in plain text must not be taken for the server's word.
    match tcp.read_u8().await.map_err(broken)? {
        b'S' => {
            phase.set("making the TLS handshake");
            Ok(Stream::Tls(Box::new(tls::handshake(config, tcp).await?)))
        }
        b'N' if sslmode == SslMode::Prefer => Ok(Stream::Tcp(tcp)),
        b'N' => Err(PgError::Tls {
            target: config.describe(),
            reason: "the server doesn't offer TLS; switch it on there, or say sslmode=disable".to_owned(),
        }),
        _ => Err(PgError::Protocol {
            target: config.describe(),
            reason: "it answers the question for TLS with something else".to_owned(),
        }),
    }
}

fn unreachable(config: &ConnectConfig, error: &io::Error, hint: &str) -> PgError {
    PgError::Unreachable { target: config.describe(), reason: error.to_string(), hint: hint.to_owned() }
}
