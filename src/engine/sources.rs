//! Where a unit's text comes from: files below the plan's SQL folder, or the plan itself.
//!
//! A run executes the files it was opened with: they are copied into its folder, and what is too large
//! for that is hashed while it is read. A file that changed since is an error at its last byte, inside
//! the transaction that it was about to change something in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::digests::hex;
use super::preflight::{Noted, note};
use super::progress::Gauge;
use super::section::{before_the_first, cut};
use crate::plan::model::Section;
use crate::run::event::SourceRef;
use crate::script::{
    Memory, Opened, Place, ResolveError, Resolver, ScanReport, Script, ScriptError, Shell, Variables,
    scan_with,
};

/// A script of whatever origin.
pub type AnyScript = Script<Box<dyn Resolver + Send>>;

/// What a unit runs.
#[derive(Debug, Clone)]
pub enum Source {
    File {
        /// Below the SQL folder.
        name: String,
        bytes: u64,
        digest: String,
        /// The part of it that runs.
        section: Option<Section>,
    },
    /// SQL that stands in the plan, from this line on.
    Inline { name: String, text: String, line: usize, digest: String },
    /// SQL that the run itself made: a few statements, and the file behind them. The plan's variables mean
    /// nothing in it.
    Made { name: String, head: String, path: PathBuf, digest: String },
}

impl Source {
    /// As events name it.
    #[must_use]
    pub fn reference(&self) -> SourceRef {
        match self {
            Self::File { name, bytes, digest, section } => SourceRef {
                file: name.clone(),
                section: section.as_ref().map(|section| section.begin.clone()),
                line: 0,
                from: 0,
                to: *bytes,
                digest: digest.clone(),
            },
            Self::Inline { name, text, line, digest } => SourceRef {
                file: name.clone(),
                section: None,
                line: *line as u64,
                from: 0,
                to: text.len() as u64,
                digest: digest.clone(),
            },
            Self::Made { name, path, digest, .. } => SourceRef {
                file: name.clone(),
                section: None,
                line: 0,
                from: 0,
                to: path.metadata().map_or(0, |file| file.len()),
                digest: digest.clone(),
            },
        }
    }

    /// The name of it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::File { name, .. } | Self::Inline { name, .. } | Self::Made { name, .. } => name,
        }
    }
}

/// The files of a run: where they are, and what they were when it was opened.
#[derive(Debug, Clone)]
pub struct Sources {
    shelf: Shelf,
}

#[derive(Debug, Clone)]
struct Shelf {
    /// The plan's SQL folder, links resolved.
    root: PathBuf,
    /// Copies in the run's folder, by name; `None` while a plan is only looked at.
    copies: Option<PathBuf>,
    /// Size and SHA-256 of every file, by name. Empty: anything below the folder may be opened.
    known: Arc<BTreeMap<String, (u64, String)>>,
    /// Notes what is opened.
    noted: Option<Noted>,
    gauge: Gauge,
}

impl Sources {
    /// Files as they are now, before there is a run.
    #[must_use]
    pub fn loose(root: &Path) -> Self {
        Self {
            shelf: Shelf {
                root: resolved(root),
                copies: None,
                known: Arc::default(),
                noted: None,
                gauge: Gauge::default(),
            },
        }
    }

    /// As [`Self::loose`], and notes every file that is opened.
    #[must_use]
    pub(super) fn noting(root: &Path, noted: Noted) -> Self {
        let mut sources = Self::loose(root);
        sources.shelf.noted = Some(noted);
        sources
    }

    /// Files of a run.
    #[must_use]
    pub fn of_run(root: &Path, copies: PathBuf, known: BTreeMap<String, (u64, String)>) -> Self {
        Self {
            shelf: Shelf {
                root: resolved(root),
                copies: Some(copies),
                known: Arc::new(known),
                noted: None,
                gauge: Gauge::default(),
            },
        }
    }

    /// What is read is counted there.
    #[must_use]
    pub(super) fn counted_by(mut self, gauge: &Gauge) -> Self {
        self.shelf.gauge = gauge.clone();
        self
    }

    /// A file by its name.
    #[must_use]
    pub fn file(&self, name: &str) -> Source {
        let (bytes, digest) = self.shelf.known.get(name).cloned().unwrap_or_default();
        Source::File { name: name.to_owned(), bytes, digest, section: None }
    }

    /// A file, or the part of it that a step runs.
    #[must_use]
    pub fn part(&self, name: &str, part: Option<&Section>) -> Source {
        let mut source = self.file(name);
        if let Source::File { section, .. } = &mut source {
            *section = part.cloned();
        }
        source
    }

    /// How many statements of a file stand before the first section that the plan uses, and where.
    pub(super) fn before_sections(
        &self,
        part: &Section,
        name: &str,
        vars: Variables,
    ) -> Option<(usize, Place)> {
        before_the_first(&self.shelf, name, &part.all, vars)
    }

    /// Whether the files that a program is about to read where they lie are still those of the run: a
    /// script, and what it includes as far as that can be read. Gives what is found in it.
    ///
    /// # Errors
    /// The file that isn't what it was.
    pub(super) fn unchanged(
        &self,
        name: &str,
        mut variables: Variables,
        encoding: Option<&str>,
    ) -> Result<ScanReport, String> {
        // It is only looked at: shell commands are found, and none is run.
        variables.allow_shell(Shell::ALL);
        let noted = Noted::default();
        let mut looking = self.clone();
        looking.shelf.noted = Some(Arc::clone(&noted));
        looking.shelf.gauge = Gauge::default();
        let report = looking.open(&self.file(name), variables).and_then(|mut script| {
            encoding.into_iter().for_each(|encoding| script.set_encoding(encoding));
            scan_with(script)
        });
        let report = report.map_err(|error| error.to_string())?;
        let opened = noted.lock().map(|set| set.clone()).unwrap_or_default();
        for path in opened {
            let shown = path.display();
            let Some((_, digest)) = self.shelf.known.get(path.to_string_lossy().as_ref()) else {
                continue;
            };
            let mut reader = Confirming {
                file: File::open(self.shelf.root.join(&path)).map_err(|error| format!("{shown}: {error}"))?,
                sha: Sha256::new(),
                expected: digest.clone(),
                name: shown.to_string(),
            };
            std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| error.to_string())?;
        }
        Ok(report)
    }

    /// Opens a source as a script.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open(&self, source: &Source, variables: Variables) -> Result<AnyScript, ScriptError> {
        match source {
            Source::File { name, section: Some(section), .. } => {
                // What is counted is what runs of it.
                let mut uncounted = self.shelf.clone();
                uncounted.gauge = Gauge::default();
                let (path, text) = cut(&uncounted, name, section)?;
                let cut = Cut { path, text, shelf: self.shelf.clone() };
                let resolver: Box<dyn Resolver + Send> = Box::new(cut);
                Script::open(resolver, name, variables)
            }
            Source::File { name, .. } => {
                let shelf: Box<dyn Resolver + Send> = Box::new(self.shelf.clone());
                Script::open(shelf, name, variables)
            }
            Source::Made { name, head, path, .. } => {
                let (head, path, gauge) = (head.clone(), path.clone(), self.shelf.gauge.clone());
                let made: Box<dyn Resolver + Send> = Box::new(Made { head, path, gauge });
                Script::open(made, name, Variables::new())
            }
            Source::Inline { name, text, line, .. } => {
                // Blank lines in front make the script's line numbers the plan's.
                let padded = format!("{}{text}", "\n".repeat(line.saturating_sub(1)));
                let memory = Inline { text: Memory::one(name, padded), shelf: self.shelf.clone() };
                let resolver: Box<dyn Resolver + Send> = Box::new(memory);
                Script::open(resolver, name, variables)
            }
        }
    }
}

/// A section of a file may include other files, as the whole file may.
struct Cut {
    path: Arc<Path>,
    text: Arc<[u8]>,
    shelf: Shelf,
}

impl Resolver for Cut {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        if from.is_some() {
            return self.shelf.open(from, name, relative);
        }
        let size = self.text.len() as u64;
        let reader = self.shelf.gauge.counted(std::io::Cursor::new(Arc::clone(&self.text)), size);
        Ok(Opened { path: Arc::clone(&self.path), reader: Box::new(reader) })
    }
}

/// What the run made includes nothing.
struct Made {
    head: String,
    path: PathBuf,
    gauge: Gauge,
}

impl Resolver for Made {
    fn open(&self, from: Option<&Path>, name: &str, _: bool) -> Result<Opened, ResolveError> {
        if from.is_some() {
            return Err("SQL that the run made includes no file".to_owned().into());
        }
        let file = File::open(&self.path)?;
        let size = file.metadata()?.len() + self.head.len() as u64;
        let head = std::io::Cursor::new(self.head.clone().into_bytes());
        let reader = self.gauge.counted(head.chain(BufReader::new(file)), size);
        Ok(Opened { path: PathBuf::from(name).into(), reader: Box::new(reader) })
    }
}

/// SQL of the plan may include files of the SQL folder.
struct Inline {
    text: Memory,
    shelf: Shelf,
}

impl Resolver for Inline {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        match from {
            None => self.text.open(from, name, relative),
            Some(_) => self.shelf.open(Some(Path::new("")), name, relative),
        }
    }
}

impl Resolver for Shelf {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        let named = match from.and_then(Path::parent) {
            Some(folder) if relative => folder.join(name),
            _ => PathBuf::from(name),
        };
        let inside = self.inside(&named)?;
        note(self.noted.as_ref(), &inside);
        let display = inside.to_string_lossy().into_owned();
        if let Some(copies) = &self.copies {
            let Some((size, digest)) = self.known.get(&display) else {
                return Err(format!(
                    "{display} wasn't among the plan's files when the run was opened; a new run takes it in"
                )
                .into());
            };
            let copy = copies.join(&inside);
            if copy.is_file() {
                let file = File::open(&copy)?;
                let reader = self.gauge.counted(BufReader::new(file), *size);
                return Ok(Opened { path: inside.into(), reader: Box::new(reader) });
            }
            let file = File::open(self.root.join(&inside))?;
            let reader = Confirming { file, sha: Sha256::new(), expected: digest.clone(), name: display };
            let reader = self.gauge.counted(BufReader::new(reader), *size);
            return Ok(Opened { path: inside.into(), reader: Box::new(reader) });
        }
        let path = self.root.join(&inside);
        let metadata = path.metadata()?;
        if metadata.is_dir() {
            return Err(format!("{display} is a folder").into());
        }
        if !metadata.is_file() {
            return Err(format!("{display} isn't a regular file").into());
        }
        let file = File::open(path)?;
        Ok(Opened { path: inside.into(), reader: Box::new(BufReader::new(file)) })
    }
}

impl Shelf {
    /// The name below the root, after links are resolved: a file elsewhere isn't opened, since its
    /// lines would show in errors.
    fn inside(&self, named: &Path) -> Result<PathBuf, ResolveError> {
        let outside = || -> ResolveError {
            format!("{} is outside of the plan's SQL folder {}", named.display(), self.root.display()).into()
        };
        // Copies of a run are named by the plan; the file itself may be gone since.
        let lexical = lexical(&self.root.join(named));
        let full = lexical.canonicalize().unwrap_or(lexical);
        let inside = full.strip_prefix(&self.root).map_err(|_| outside())?;
        // A name is what a unit is known by: it mustn't depend on where the folder lies.
        if inside.is_absolute() { Err(outside()) } else { Ok(inside.to_path_buf()) }
    }
}

fn resolved(root: &Path) -> PathBuf {
    root.canonicalize().unwrap_or_else(|_| root.to_path_buf())
}

fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// Reads a file and refuses its end when it isn't the file that the run was opened with.
struct Confirming {
    file: File,
    sha: Sha256,
    expected: String,
    name: String,
}

impl Read for Confirming {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read > 0 {
            self.sha.update(&buffer[..read]);
        } else if !buffer.is_empty() && hex(&self.sha.clone().finalize()) != self.expected {
            return Err(std::io::Error::other(format!("{} has changed since the run was opened", self.name)));
        }
        Ok(read)
    }
}
