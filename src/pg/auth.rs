//! Proves to the server who we are: SCRAM-SHA-256, MD5, cleartext, or nothing to prove.

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::config::ConnectConfig;
use super::error::PgError;
use super::startup::{next, send};
use super::wire::Wire;

pub(super) async fn authenticate(wire: &mut Wire, config: &ConnectConfig) -> Result<(), PgError> {
    match next(wire, config).await? {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            let password = password(config)?;
            send(wire, config, |out| frontend::password_message(password.as_bytes(), out)).await?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(config.user.as_bytes(), password(config)?.as_bytes(), body.salt());
            send(wire, config, |out| frontend::password_message(hash.as_bytes(), out)).await?;
        }
        Message::AuthenticationSasl(body) => scram(wire, config, &body).await?,
        Message::AuthenticationGss | Message::AuthenticationGssContinue(_) => {
            return Err(foreign(config, "GSSAPI"));
        }
        Message::AuthenticationKerberosV5 => return Err(foreign(config, "Kerberos")),
        Message::AuthenticationSspi => return Err(foreign(config, "SSPI")),
        Message::AuthenticationScmCredential => return Err(foreign(config, "SCM credentials")),
        _ => return Err(unexpected(config)),
    }
    match next(wire, config).await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(unexpected(config)),
    }
}

async fn scram(
    wire: &mut Wire,
    config: &ConnectConfig,
    body: &AuthenticationSaslBody,
) -> Result<(), PgError> {
    let wrong = |reason: String| PgError::Auth { target: config.describe(), reason, server: None };
    let offered: Vec<&str> = body.mechanisms().collect().map_err(|error| wrong(error.to_string()))?;
    if !offered.contains(&SCRAM_SHA_256) {
        return Err(foreign(config, &offered.join(", ")));
    }
    let password = password(config)?;
    // We don't do channel binding and say so: "unsupported" and not "not offered", which a server that
    // offers it would take for an attack.
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    send(wire, config, |out| frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), out)).await?;
    let Message::AuthenticationSaslContinue(body) = next(wire, config).await? else {
        return Err(unexpected(config));
    };
    scram.update(body.data()).map_err(|error| wrong(format!("the SCRAM exchange failed: {error}")))?;
    send(wire, config, |out| frontend::sasl_response(scram.message(), out)).await?;
    let Message::AuthenticationSaslFinal(body) = next(wire, config).await? else {
        return Err(unexpected(config));
    };
    // The server proves that it knows the password, too.
    scram.finish(body.data()).map_err(|_| {
        wrong(
            "the server can't prove that it knows the password; it may be an impostor, check the address"
                .to_owned(),
        )
    })
}

fn password(config: &ConnectConfig) -> Result<String, PgError> {
    config.password().ok_or_else(|| PgError::Auth {
        target: config.describe(),
        reason:
            "the server asks for a password and none is given; set PGPASSWORD, or write a line to ~/.pgpass"
                .to_owned(),
        server: None,
    })
}

fn foreign(config: &ConnectConfig, method: &str) -> PgError {
    PgError::Auth {
        target: config.describe(),
        reason: format!(
            "the server asks for {method}, which isn't supported yet; use scram-sha-256 in pg_hba.conf"
        ),
        server: None,
    }
}

fn unexpected(config: &ConnectConfig) -> PgError {
    PgError::Protocol { target: config.describe(), reason: "its messages don't fit a login".to_owned() }
}
