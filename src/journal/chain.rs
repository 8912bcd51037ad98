//! The chain: each line carries the SHA-256 of the line before, as it stands in the file.
//!
//! Without a signature it shows damage, not tampering: who can write the file can write the chain.

use sha2::{Digest, Sha256};

/// What the first line follows.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of a line without its newline, in hex.
#[must_use]
pub fn digest(line: &[u8]) -> String {
    hex(&Sha256::digest(line))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
