//! Where and as whom to connect: what libpq knows, as far as we support it.
//!
//! A key that libpq has and we don't is an error that names it. Silently ignoring `sslcert` or
//! `target_session_attrs` would connect to something else than what was asked for.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::conninfo;
use super::environment::Environment;
use super::passfile::PassFile;

/// Where libpq looks for a socket when no host is given: Debian's and Fedora's place, then upstream's.
pub(super) const SOCKET_DIRS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// A wrong description of a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the connection: {0}")]
pub struct ConfigError(pub(super) String);

/// What a connection does about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS when the server has it; protects against nobody who can change the traffic.
    Prefer,
    /// TLS or nothing; the certificate isn't looked at, unless `sslrootcert` is given, in which case
    /// its chain must lead there (as libpq does).
    Require,
    /// TLS with a trusted certificate that is made out for this host.
    VerifyFull,
}

/// Where trusted roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// The operating system's.
    System,
    File(PathBuf),
}

/// The server's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or address; with `addr`, no name is looked up and `name` only counts for certificates
    /// and passwords.
    Tcp { name: String, addr: Option<IpAddr> },
    /// A folder with a unix socket in it.
    Socket(PathBuf),
    /// No host was named: the usual socket folders.
    DefaultSocket,
}

/// Everything that's needed to open a session. The password shows in no output.
#[derive(Clone)]
pub struct ConnectConfig {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) password: Option<String>,
    pub(super) passfile: Option<Arc<PassFile>>,
    pub(super) sslmode: SslMode,
    pub(super) sslrootcert: Option<RootCert>,
    /// `~/.postgresql/root.crt`, used when `sslrootcert` isn't given.
    pub(super) default_root: Option<PathBuf>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) application_name: Option<String>,
    pub(super) options: Option<String>,
    pub(super) keepalives: bool,
    /// Settings from PGTZ, PGDATESTYLE and PGGEQO, sent at the start as libpq does.
    pub(super) startup: Vec<(&'static str, String)>,
    pub(super) warnings: Vec<String>,
}

impl ConnectConfig {
    /// From a URL (`postgres://…`) or a key/value string, completed from the environment, the password
    /// file and libpq's defaults. An empty string takes everything from there.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        conninfo::parse(text, environment)
    }

    /// From the PG* variables, the password file and libpq's defaults alone.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Self::parse("", environment)
    }

    /// For a unix socket in `dir`, with nothing from outside.
    pub fn socket(dir: &Path, port: u16, user: &str, dbname: &str) -> Self {
        Self {
            host: Host::Socket(dir.to_owned()),
            port,
            user: user.to_owned(),
            dbname: dbname.to_owned(),
            password: None,
            passfile: None,
            sslmode: SslMode::Prefer,
            sslrootcert: None,
            default_root: None,
            connect_timeout: Some(conninfo::CONNECT_TIMEOUT),
            application_name: None,
            options: None,
            keepalives: true,
            startup: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The same server and role, another database.
    pub fn with_database(&self, dbname: &str) -> Self {
        Self { dbname: dbname.to_owned(), ..self.clone() }
    }

    /// The same server and database, another role; a password that was given for the first one isn't
    /// used for it.
    pub fn with_user(&self, user: &str) -> Self {
        Self { user: user.to_owned(), password: None, ..self.clone() }
    }

    pub fn with_password(&self, password: &str) -> Self {
        Self { password: Some(password.to_owned()), ..self.clone() }
    }

    /// `None` waits for ever.
    pub fn with_connect_timeout(&self, timeout: Option<Duration>) -> Self {
        Self { connect_timeout: timeout, ..self.clone() }
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn database(&self) -> &str {
        &self.dbname
    }

    pub fn sslmode(&self) -> SslMode {
        self.sslmode
    }

    pub fn sslrootcert(&self) -> Option<&RootCert> {
        self.sslrootcert.as_ref()
    }

    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    pub fn application_name(&self) -> Option<&str> {
        self.application_name.as_deref()
    }

    /// What a person should know about how this configuration came about, like an ignored password file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The password that was given, or the one that the password file has for this server, database
    /// and role.
    pub fn password(&self) -> Option<String> {
        if let Some(password) = &self.password {
            return Some(password.clone());
        }
        let file = self.passfile.as_ref()?;
        file.find(&self.passfile_host(), self.port, &self.dbname, &self.user).map(str::to_owned)
    }

    /// libpq looks up a socket in its default place as `localhost`.
    fn passfile_host(&self) -> String {
        match &self.host {
            Host::Tcp { name, .. } => name.clone(),
            Host::Socket(dir) if !SOCKET_DIRS.iter().any(|known| dir == Path::new(known)) => {
                dir.display().to_string()
            }
            Host::Socket(_) | Host::DefaultSocket => "localhost".to_owned(),
        }
    }

    /// `user@host:port/dbname`, for messages.
    pub fn describe(&self) -> String {
        let host = match &self.host {
            Host::Tcp { name, .. } if name.contains(':') => format!("[{name}]"),
            Host::Tcp { name, .. } => name.clone(),
            Host::Socket(dir) => dir.display().to_string(),
            Host::DefaultSocket => "local socket".to_owned(),
        };
        format!("{}@{host}:{}/{}", self.user, self.port, self.dbname)
    }

    /// The PG* variables that bring a program of PostgreSQL to the same place. The password isn't among
    /// them: child programs get it by a file.
    pub fn libpq_environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("PGPORT", self.port.to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.dbname.clone()),
            (
                "PGSSLMODE",
                match self.sslmode {
                    SslMode::Disable => "disable",
                    SslMode::Prefer => "prefer",
                    SslMode::Require => "require",
                    SslMode::VerifyFull => "verify-full",
                }
                .to_owned(),
            ),
        ];
        match &self.host {
            Host::Tcp { name, addr } => {
                variables.push(("PGHOST", name.clone()));
                variables.extend(addr.map(|addr| ("PGHOSTADDR", addr.to_string())));
            }
            Host::Socket(dir) => variables.push(("PGHOST", dir.display().to_string())),
            Host::DefaultSocket => {}
        }
        match &self.sslrootcert {
            Some(RootCert::System) => variables.push(("PGSSLROOTCERT", "system".to_owned())),
            Some(RootCert::File(path)) => variables.push(("PGSSLROOTCERT", path.display().to_string())),
            None => {}
        }
        if let Some(timeout) = self.connect_timeout {
            variables.push(("PGCONNECT_TIMEOUT", timeout.as_secs().max(1).to_string()));
        }
        variables.extend(self.options.clone().map(|options| ("PGOPTIONS", options)));
        variables
    }

    /// One line of a password file for exactly this connection, escaped; `None` without a password.
    pub fn passfile_line(&self) -> Option<String> {
        let escape = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
        let password = self.password()?;
        Some(format!(
            "{}:{}:{}:{}:{}\n",
            escape(&self.passfile_host()),
            self.port,
            escape(&self.dbname),
            escape(&self.user),
            escape(&password)
        ))
    }
}

impl fmt::Display for ConnectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl fmt::Debug for ConnectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectConfig")
            .field("to", &self.describe())
            .field("sslmode", &self.sslmode)
            .field("sslrootcert", &self.sslrootcert)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}
