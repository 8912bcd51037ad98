//! Reads a connection string (URL or keywords) and completes it from the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::config::{ConfigError, ConnectConfig, Host, RootCert, SslMode};
use super::conninfo_text;
use super::environment::Environment;
use super::passfile::PassFile;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What we read, and the variable that gives it when the connection string doesn't.
const KNOWN: [(&str, Option<&str>); 15] = [
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("dbname", Some("PGDATABASE")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("passfile", Some("PGPASSFILE")),
    ("sslmode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("application_name", Some("PGAPPNAME")),
    ("fallback_application_name", None),
    ("options", Some("PGOPTIONS")),
    ("keepalives", None),
    ("client_encoding", Some("PGCLIENTENCODING")),
];

/// What libpq knows and we don't, with the values that ask for nothing special.
const FOREIGN: [(&str, Option<&str>, &[&str]); 35] = [
    ("channel_binding", Some("PGCHANNELBINDING"), &["disable", "prefer"]),
    ("gssdelegation", Some("PGGSSDELEGATION"), &["0"]),
    ("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"]),
    ("gsslib", Some("PGGSSLIB"), &[]),
    ("keepalives_count", None, &[]),
    ("keepalives_idle", None, &[]),
    ("keepalives_interval", None, &[]),
    ("krbsrvname", Some("PGKRBSRVNAME"), &["postgres"]),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), &["disable"]),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), &[]),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION"), &["3.0"]),
    ("oauth_client_id", None, &[]),
    ("oauth_client_secret", None, &[]),
    ("oauth_issuer", None, &[]),
    ("oauth_scope", None, &[]),
    ("replication", None, &["false", "off", "no", "0"]),
    ("require_auth", Some("PGREQUIREAUTH"), &[]),
    ("requirepeer", Some("PGREQUIREPEER"), &[]),
    ("requiressl", Some("PGREQUIRESSL"), &[]),
    ("scram_client_key", None, &[]),
    ("scram_server_key", None, &[]),
    ("service", Some("PGSERVICE"), &[]),
    ("servicefile", None, &[]),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), &["TLSv1.3"]),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), &["TLSv1.2"]),
    ("sslcert", Some("PGSSLCERT"), &[]),
    ("sslcertmode", Some("PGSSLCERTMODE"), &["disable", "allow"]),
    ("sslcompression", Some("PGSSLCOMPRESSION"), &["0"]),
    ("sslcrl", Some("PGSSLCRL"), &[]),
    ("sslcrldir", Some("PGSSLCRLDIR"), &[]),
    ("sslkey", Some("PGSSLKEY"), &[]),
    ("sslnegotiation", Some("PGSSLNEGOTIATION"), &["postgres"]),
    ("sslpassword", None, &[]),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS"), &["any"]),
    ("tcp_user_timeout", None, &["0"]),
];

/// Variables that set the session up, as libpq sends them.
pub(super) const STARTUP: [(&str, &str); 3] =
    [("PGTZ", "TimeZone"), ("PGDATESTYLE", "DateStyle"), ("PGGEQO", "geqo")];

/// A value and where it came from, for messages.
struct Given {
    value: String,
    from: String,
}

pub(super) fn parse(text: &str, environment: &Environment) -> Result<ConnectConfig, ConfigError> {
    let mut given = BTreeMap::new();
    for (key, value) in conninfo_text::pairs(text)? {
        given.insert(known(&key, &value)?, Given { value, from: key });
    }
    for (variable, key, harmless) in
        FOREIGN.iter().filter_map(|(key, variable, ok)| Some(((*variable)?, key, ok)))
    {
        if let Some(value) = environment.get(variable)
            && !harmless.contains(&value)
        {
            return Err(unsupported(&format!("{variable} ({key})"), value, harmless));
        }
    }
    for (key, variable) in KNOWN {
        if let Some(variable) = variable
            && !given.contains_key(key)
            && let Some(value) = environment.get(variable)
        {
            given.insert(key, Given { value: value.to_owned(), from: variable.to_owned() });
        }
    }
    given.retain(|_, given| !given.value.is_empty()); // an empty value asks for the default
    build(given, environment)
}

/// The key by its static name; an error for what isn't supported or isn't known.
fn known(key: &str, value: &str) -> Result<&'static str, ConfigError> {
    if let Some((name, _)) = KNOWN.iter().find(|(name, _)| *name == key) {
        return Ok(name);
    }
    if let Some((_, _, harmless)) = FOREIGN.iter().find(|(name, _, _)| *name == key) {
        return if harmless.contains(&value) || value.is_empty() {
            Ok("") // asks for nothing that we wouldn't do anyway
        } else {
            Err(unsupported(key, value, harmless))
        };
    }
    let all = KNOWN.iter().map(|(name, _)| *name).chain(FOREIGN.iter().map(|(name, _, _)| *name));
    let nearest = all.max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    let near = nearest.filter(|name| strsim::jaro_winkler(key, name) > 0.75);
    Err(match near {
        Some(name) => ConfigError(format!("unknown key `{key}`; did you mean `{name}`?")),
        None => ConfigError(format!("unknown key `{key}`; remove it, or see libpq's connection keys")),
    })
}

fn unsupported(key: &str, value: &str, harmless: &[&str]) -> ConfigError {
    let secret = ["password", "secret", "scram"].iter().any(|word| key.contains(word));
    let shown = if secret { "…" } else { value };
    let way_out = match harmless {
        [] => "remove it".to_owned(),
        values => format!("remove it, or say {}", values.join(" or ")),
    };
    ConfigError(format!("{key}={shown} isn't supported yet; {way_out}"))
}

fn build(
    mut given: BTreeMap<&'static str, Given>,
    environment: &Environment,
) -> Result<ConnectConfig, ConfigError> {
    let wrong = |given: &Given, why: &str| ConfigError(format!("{}={}: {why}", given.from, given.value));
    let mut warnings = Vec::new();

    let host = host(&mut given)?;
    let port = match given.remove("port") {
        Some(port) if port.value.contains(',') => return Err(several(&port)),
        Some(port) => match port.value.trim().parse::<u16>() {
            Ok(number) if number > 0 => number,
            // Not repeated: it may be a part of a password with an unescaped character in it.
            _ => {
                return Err(ConfigError(format!("{} isn't a number from 1 to 65535; correct it", port.from)));
            }
        },
        None => 5432,
    };
    let user = match given.remove("user") {
        Some(user) => user.value,
        None => environment.os_user().map(str::to_owned).ok_or_else(|| {
            ConfigError("no user is given and the operating system has no name for us; give user=".to_owned())
        })?,
    };
    let dbname = given.remove("dbname").map_or_else(|| user.clone(), |dbname| dbname.value);

    let sslrootcert = given.remove("sslrootcert").map(|root| match root.value.as_str() {
        "system" => RootCert::System,
        path => RootCert::File(PathBuf::from(path)),
    });
    let sslmode = match given.remove("sslmode") {
        None if sslrootcert == Some(RootCert::System) => SslMode::VerifyFull,
        None => SslMode::Prefer,
        Some(mode) => match mode.value.as_str() {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-full" => SslMode::VerifyFull,
            "allow" => return Err(wrong(&mode, "`allow` isn't supported yet; say disable or prefer")),
            "verify-ca" => {
                return Err(wrong(&mode, "`verify-ca` isn't supported yet; say require or verify-full"));
            }
            _ => return Err(wrong(&mode, "sslmode is disable, prefer, require or verify-full")),
        },
    };
    if sslrootcert == Some(RootCert::System) && sslmode != SslMode::VerifyFull {
        return Err(ConfigError(
            "sslrootcert=system needs sslmode=verify-full; say so, or name a file".to_owned(),
        ));
    }

    let connect_timeout = match given.remove("connect_timeout") {
        None => Some(CONNECT_TIMEOUT),
        Some(timeout) => match timeout.value.trim().parse::<i64>() {
            Ok(seconds) => {
                u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
            }
            Err(_) => return Err(wrong(&timeout, "a number of seconds is needed (0 waits for ever)")),
        },
    };
    let keepalives = match given.remove("keepalives") {
        None => true,
        Some(on) => match on.value.as_str() {
            "1" => true,
            "0" => false,
            _ => return Err(wrong(&on, "keepalives is 0 or 1")),
        },
    };
    if let Some(encoding) = given.remove("client_encoding") {
        let plain = encoding.value.to_ascii_lowercase().replace('-', "");
        if !matches!(plain.as_str(), "utf8" | "unicode" | "auto") {
            warnings.push(format!(
                "{}={} is ignored: holdpoint speaks UTF8, and `encoding` of a step says what its files are written in",
                encoding.from, encoding.value
            ));
        }
    }

    let passfile_path = match given.remove("passfile") {
        Some(path) => Some(PathBuf::from(path.value)),
        None => environment.home().map(|home| home.join(".pgpass")),
    };
    let mut passfile = None;
    let password = given.remove("password").map(|password| password.value);
    if password.is_none()
        && let Some(path) = passfile_path
    {
        match PassFile::read(&path) {
            Ok(file) => passfile = file.map(Arc::new),
            Err(warning) => warnings.push(warning),
        }
    }

    let fallback = given.remove("fallback_application_name");
    let application_name = given.remove("application_name").or(fallback).map(|name| name.value);
    let startup = STARTUP
        .iter()
        .filter_map(|(variable, setting)| Some((*setting, environment.get(variable)?.to_owned())))
        .filter(|(_, value)| !value.eq_ignore_ascii_case("default"))
        .collect();
    Ok(ConnectConfig {
        host,
        port,
        user,
        dbname,
        password,
        passfile,
        sslmode,
        sslrootcert,
        default_root: environment.home().map(|home| home.join(".postgresql/root.crt")),
        connect_timeout,
        application_name,
        options: given.remove("options").map(|options| options.value),
        keepalives,
        startup,
        warnings,
    })
}

fn host(given: &mut BTreeMap<&'static str, Given>) -> Result<Host, ConfigError> {
    let (host, addr) = (given.remove("host"), given.remove("hostaddr"));
    if let Some(list) = [&host, &addr].into_iter().flatten().find(|given| given.value.contains(',')) {
        return Err(several(list));
    }
    let addr = match addr {
        None => None,
        Some(addr) => match addr.value.parse() {
            Ok(parsed) => Some(parsed),
            Err(_) => {
                return Err(ConfigError(format!("{}={}: an IP address is needed", addr.from, addr.value)));
            }
        },
    };
    Ok(match (host.map(|host| host.value), addr) {
        (Some(name), addr) if addr.is_some() => Host::Tcp { name, addr },
        (Some(dir), _) if dir.starts_with('/') => Host::Socket(PathBuf::from(dir)),
        (Some(name), _) if name.starts_with('@') => {
            return Err(ConfigError(format!(
                "host={name}: abstract sockets aren't supported yet; name a folder"
            )));
        }
        (Some(name), addr) => Host::Tcp { name, addr },
        (None, Some(addr)) => Host::Tcp { name: addr.to_string(), addr: Some(addr) },
        (None, None) => Host::DefaultSocket,
    })
}

fn several(given: &Given) -> ConfigError {
    ConfigError(format!(
        "{}={}: several hosts aren't supported yet; name the one server that the change is for",
        given.from, given.value
    ))
}
