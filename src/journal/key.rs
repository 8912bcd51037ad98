//! The run's own key. SQL text isn't journaled; its HMAC stands for it, since a bare hash of
//! `… PASSWORD 'x'` could be guessed.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::chain::hex;
use super::error::{JournalError, Tried};

/// 32 random bytes, 0600 on disk.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(•••)")
    }
}

impl Key {
    /// The key in this file; made when there is none.
    pub(super) fn load_or_make(path: &Path) -> Result<Self, JournalError> {
        match std::fs::read(path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Self(key)),
                Err(_) => {
                    Err(JournalError::Changed { path: path.to_owned(), why: "it isn't 32 bytes long".into() })
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error).tried("read", path),
        }
    }

    /// Whole or not at all: written aside, then linked into its place.
    fn make(path: &Path) -> Result<Self, JournalError> {
        let mut key = [0_u8; 32];
        rand::fill(&mut key[..]);
        let aside = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .tried("create", &aside)?;
        file.write_all(&key).and_then(|()| file.sync_all()).tried("write", &aside)?;
        std::fs::rename(&aside, path).tried("create", path)?;
        Ok(Self(key))
    }

    /// HMAC-SHA-256 of the text, in hex.
    #[must_use]
    pub fn hmac(&self, text: &[u8]) -> String {
        // A key of any length is fine for HMAC; this one is 32 bytes.
        match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mut mac) => {
                mac.update(text);
                hex(&mac.finalize().into_bytes())
            }
            Err(_) => String::new(),
        }
    }
}
