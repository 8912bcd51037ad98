//! A test server on TCP: TLS with certificates made on the spot, and one role a way to log in.

use std::net::TcpListener;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::server::TestServer;

/// Roles: `scram`, `md5` and `plain` with the password `secret` (asked for in that way), `nossl` (only
/// without TLS), `gss`, and `postgres` (trusted).
const HBA: &str = "\
local     all all      trust
host      all scram    127.0.0.1/32 scram-sha-256
host      all md5      127.0.0.1/32 md5
host      all plain    127.0.0.1/32 password
hostnossl all nossl    127.0.0.1/32 trust
host      all gss      127.0.0.1/32 gss
host      all postgres 127.0.0.1/32 trust
";

pub struct TcpServer {
    pub server: TestServer,
    pub port: u16,
    files: TempDir,
}

/// A certificate authority, and what it signs.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server's certificate and key.
    pub fn sign(&self, names: &[&str]) -> (String, String) {
        let params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A certificate that nobody but itself has signed, and its key.
pub fn self_signed(names: &[&str]) -> (String, String) {
    let params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

impl TcpServer {
    /// With TLS when a certificate is given.
    pub async fn start(certificate: Option<&(String, String)>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = port.to_string();
        let mut server = TestServer::with(&[("listen_addresses", "127.0.0.1"), ("port", &text)]).await;
        let roles = "SET password_encryption = 'scram-sha-256'; \
                     CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE plain LOGIN PASSWORD 'secret'; \
                     CREATE ROLE nossl LOGIN; CREATE ROLE gss LOGIN; \
                     SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'secret'";
        server.sql("postgres", roles).await;
        server.write_data_file("pg_hba.conf", HBA);
        if let Some((certificate, key)) = certificate {
            server.write_data_file("server.crt", certificate);
            server.write_data_file("server.key", key);
            server.sql("postgres", "ALTER SYSTEM SET ssl = on").await;
        }
        server.restart().await;
        Self { server, port, files: tempfile::tempdir().unwrap() }
    }

    /// A file outside the server, like a root certificate.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}
