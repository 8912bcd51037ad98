//! Digests of what was sent: the ledger has them, so that a row tells which statements it is for.

use sha2::{Digest, Sha256};

use crate::script::Statement;

/// One more statement.
pub(super) fn add(digest: &mut Sha256, statement: &Statement) {
    digest.update((statement.text.len() as u64).to_be_bytes());
    digest.update(statement.text.as_bytes());
}

/// The digest of a statement that was sent alone.
#[must_use]
pub(super) fn digest_of(statement: &Statement) -> String {
    let mut digest = Sha256::new();
    add(&mut digest, statement);
    hex(&digest.finalize())
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
