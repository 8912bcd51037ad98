//! The plan and its files as they were when the run was opened: kept in its folder and run from there.
//!
//! A file over [`COPY_LIMIT`] isn't copied; its digest is kept, and whoever streams it compares.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chain::hex;
use super::error::{JournalError, Tried};
use super::folder::RunFolder;

/// Largest file that is copied.
pub const COPY_LIMIT: u64 = 16 << 20;

/// A file to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileToCopy {
    /// Its name below the plan's SQL folder; `None`: the plan itself.
    pub name: Option<String>,
    pub path: PathBuf,
}

/// A file that was kept, or only its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub name: Option<String>,
    /// Where it came from.
    pub original: PathBuf,
    /// In the run's folder; `None` when it was too large.
    pub copy: Option<PathBuf>,
    pub bytes: u64,
    /// SHA-256.
    pub digest: String,
}

impl RunFolder {
    /// Copies the plan and its files into the folder, and writes down their digests.
    ///
    /// # Errors
    /// A file can't be read or written, or its name leads out of the folder.
    pub fn copy_in(&self, files: &[FileToCopy]) -> Result<Vec<Copied>, JournalError> {
        let mut copies = Vec::with_capacity(files.len());
        for file in files {
            let inside = match &file.name {
                None => PathBuf::from("plan.toml"),
                Some(name) => Path::new("files").join(safe(name, &file.path)?),
            };
            copies.push(self.copy_one(file, &inside)?);
        }
        let manifest = self.path().join("copies.json");
        let text = serde_json::to_vec_pretty(&copies)
            .map_err(|error| JournalError::Unfit { why: error.to_string() })?;
        let mut out = create(&manifest)?;
        out.write_all(&text).tried("write", &manifest)?;
        if self.is_durable() {
            out.sync_all().tried("write", &manifest)?;
        }
        Ok(copies)
    }

    fn copy_one(&self, file: &FileToCopy, inside: &Path) -> Result<Copied, JournalError> {
        let to = self.path().join(inside);
        if let Some(folder) = to.parent() {
            DirBuilder::new().mode(0o700).recursive(true).create(folder).tried("create", folder)?;
        }
        let mut from = File::open(&file.path).tried("read", &file.path)?;
        let mut out = Some(create(&to)?);
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        let mut block = vec![0_u8; 1 << 16];
        loop {
            let read = from.read(&mut block).tried("read", &file.path)?;
            if read == 0 {
                break;
            }
            hash.update(&block[..read]);
            bytes += read as u64;
            if bytes > COPY_LIMIT && out.take().is_some() {
                std::fs::remove_file(&to).tried("remove", &to)?;
            }
            if let Some(out) = &mut out {
                out.write_all(&block[..read]).tried("write", &to)?;
            }
        }
        if let Some(out) = out.as_ref().filter(|_| self.is_durable()) {
            out.sync_all().tried("write", &to)?;
        }
        Ok(Copied {
            name: file.name.clone(),
            original: std::path::absolute(&file.path).tried("find", &file.path)?,
            copy: out.is_some().then(|| inside.to_owned()),
            bytes,
            digest: hex(&hash.finalize()),
        })
    }

    /// What was kept when the run was opened; paths of copies are absolute.
    ///
    /// # Errors
    /// The list can't be read.
    pub fn copies(&self) -> Result<Vec<Copied>, JournalError> {
        let manifest = self.path().join("copies.json");
        let text = std::fs::read(&manifest).tried("read", &manifest)?;
        let mut copies: Vec<Copied> = serde_json::from_slice(&text)
            .map_err(|error| JournalError::Changed { path: manifest.clone(), why: error.to_string() })?;
        for copied in &mut copies {
            copied.copy = copied.copy.take().map(|inside| self.path().join(inside));
        }
        Ok(copies)
    }

    /// Proves that every copy, and every original that was too large for one, is what the run was
    /// opened with.
    ///
    /// # Errors
    /// [`JournalError::Changed`] with the first that isn't.
    pub fn verify_copies(&self) -> Result<Vec<Copied>, JournalError> {
        let copies = self.copies()?;
        for copied in &copies {
            copied.verify()?;
        }
        Ok(copies)
    }
}

impl Copied {
    /// Those whose file on disk is another one by now, by their names for people.
    #[must_use]
    pub fn newer_originals(copies: Vec<Self>) -> Vec<String> {
        let newer = copies.into_iter().filter(Self::has_a_newer_original);
        newer.map(|file| file.name.unwrap_or_else(|| "the plan".to_owned())).collect()
    }

    /// Whether the file that it was copied from is another one by now. What is gone or can't be read isn't.
    fn has_a_newer_original(&self) -> bool {
        if self.copy.is_none() {
            return false;
        }
        let now = std::fs::metadata(&self.original).is_ok_and(|now| now.is_file());
        let of_original = Self { copy: None, ..self.clone() };
        now && matches!(of_original.verify(), Err(JournalError::Changed { .. }))
    }

    /// The file to run: the copy, or the original of a large one.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.copy.as_deref().unwrap_or(&self.original)
    }

    /// Proves that [`Copied::path`] is what the run was opened with.
    ///
    /// # Errors
    /// [`JournalError::Changed`], or it can't be read.
    pub fn verify(&self) -> Result<(), JournalError> {
        let path = self.path();
        let mut file = File::open(path).tried("read", path)?;
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        let mut block = vec![0_u8; 1 << 16];
        loop {
            let read = file.read(&mut block).tried("read", path)?;
            if read == 0 {
                break;
            }
            hash.update(&block[..read]);
            bytes += read as u64;
        }
        if hex(&hash.finalize()) == self.digest {
            return Ok(());
        }
        let why = format!("{bytes} bytes with another digest than the {} bytes it had then", self.bytes);
        Err(JournalError::Changed { path: path.to_owned(), why })
    }
}

/// A name that stays where it is put.
fn safe(name: &str, path: &Path) -> Result<PathBuf, JournalError> {
    let inside = Path::new(name);
    let stays = !name.is_empty() && inside.components().all(|part| matches!(part, Component::Normal(_)));
    if stays {
        return Ok(inside.to_owned());
    }
    Err(JournalError::Unfit {
        why: format!("the name `{name}` of {} leads out of its folder", path.display()),
    })
}

fn create(path: &Path) -> Result<File, JournalError> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).tried("create", path)
}
