//! TLS by rustls, for libpq's modes.
//!
//! | sslmode | encrypted | certificate |
//! |---|---|---|
//! | prefer | when the server can | not looked at |
//! | require | always | not looked at; with `sslrootcert` its chain must lead there, the name isn't compared |
//! | verify-full | always | trusted, and made out for the host |
//!
//! Two differences to libpq: `require` looks at a root certificate only when one is named (libpq also
//! does when `~/.postgresql/root.crt` happens to exist), and a host name is only sought among the
//! certificate's alternative names, not in its common name.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::{ConnectConfig, Host, RootCert, SslMode};
use super::error::PgError;

/// Makes the handshake on a stream whose server has agreed to TLS.
pub(super) async fn handshake(
    config: &ConnectConfig,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, PgError> {
    let failed = |reason: String| PgError::Tls { target: config.describe(), reason };
    let verifier = verifier(config).map_err(failed)?;
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = server_name(config, &tcp).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(client));
    connector.connect(name, tcp).await.map_err(|error| failed(explain(&error)))
}

fn server_name(config: &ConnectConfig, tcp: &TcpStream) -> Result<ServerName<'static>, String> {
    let named = match &config.host {
        Host::Tcp { name, .. } => ServerName::try_from(name.clone()).ok(),
        _ => None,
    };
    match named {
        Some(name) => Ok(name),
        // A name that no certificate can have (an underscore, say) only matters where it's compared.
        None if config.sslmode != SslMode::VerifyFull => {
            let peer = tcp.peer_addr().map_err(|error| error.to_string())?;
            Ok(ServerName::IpAddress(peer.ip().into()))
        }
        None => {
            Err("the host's name can't stand in a certificate; use one that can, or sslmode=require"
                .to_owned())
        }
    }
}

fn verifier(config: &ConnectConfig) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let provider = Arc::new(ring::default_provider());
    let full = config.sslmode == SslMode::VerifyFull;
    let certificates = match (&config.sslrootcert, full, &config.default_root) {
        (Some(RootCert::System), _, _) => system_roots()?,
        (Some(RootCert::File(path)), _, _) => root_file(path)?,
        (None, true, Some(path)) if path.exists() => root_file(path)?,
        (None, true, path) => {
            let place = path
                .as_ref()
                .map_or_else(String::new, |path| format!(" and {} doesn't exist", path.display()));
            return Err(format!(
                "verify-full needs a trusted root certificate{place}; give sslrootcert=FILE, or sslrootcert=system"
            ));
        }
        (None, false, _) => return Ok(Arc::new(Verifier { provider, full, trust: None })),
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        return Err("no usable root certificate was found; check sslrootcert".to_owned());
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(Verifier { provider, full, trust: Some(Trust { chain, certificates }) }))
}

fn root_file(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: &dyn std::fmt::Display| {
        format!("the root certificate file {} can't be used: {why}; check sslrootcert", path.display())
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?.collect();
    let certificates = certificates.map_err(|error| wrong(&error))?;
    if certificates.is_empty() { Err(wrong(&"it holds no certificate")) } else { Ok(certificates) }
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.first() {
        Some(error) if found.certs.is_empty() => {
            Err(format!("the system's root certificates can't be read: {error}; give sslrootcert=FILE"))
        }
        _ if found.certs.is_empty() => {
            Err("the system has no root certificates; install ca-certificates, or give sslrootcert=FILE"
                .to_owned())
        }
        _ => Ok(found.certs),
    }
}

#[derive(Debug)]
struct Trust {
    chain: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

/// One verifier for all modes: nothing, the chain, or the chain and the name.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    full: bool,
    trust: Option<Trust>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        // The self-signed certificate of PostgreSQL's manual, handed out as root.crt: webpki doesn't
        // take it as its own issuer, but it's the very certificate that was named as trusted.
        if trust.certificates.iter().any(|known| known == end_entity) {
            if self.full {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match trust.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.full => Ok(ServerCertVerified::assertion()), // the name is looked at last
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn explain(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(reason)) => match reason {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "the server's certificate isn't made out for this host ({reason}); connect by a name it has"
                )
            }
            CertificateError::UnknownIssuer => {
                "the server's certificate comes from an issuer that isn't trusted; check sslrootcert"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the server's certificate has expired ({reason}); have it renewed")
            }
            _ => format!("the server's certificate isn't accepted ({reason}); check it and sslrootcert"),
        },
        _ => format!("{error}; check that the server speaks TLS 1.2 or later"),
    }
}
