//! Where the text of a script and of the files it includes comes from: the caller decides.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// A file that was found and opened.
pub struct Opened {
    /// How the file is called in messages, and what `\ir` in it is relative to.
    pub path: Arc<Path>,
    pub reader: Box<dyn Read + Send>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("path", &self.path).finish_non_exhaustive()
    }
}

pub type ResolveError = Box<dyn Error + Send + Sync>;

/// Opens scripts. What a name may refer to (inside `sql_dir`, links resolved) is for it to say.
pub trait Resolver {
    /// `from` is the including file, none for the script itself. `relative` is `\ir`: relative to
    /// `from`'s folder; `\i` is relative to what the caller takes as working folder.
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError>;
}

impl<T: Resolver + ?Sized> Resolver for &T {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        (**self).open(from, name, relative)
    }
}

impl<T: Resolver + ?Sized> Resolver for Box<T> {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        (**self).open(from, name, relative)
    }
}

impl<T: Resolver + ?Sized> Resolver for Arc<T> {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        (**self).open(from, name, relative)
    }
}

/// Scripts held in memory: the `sql` of a plan, files inside the program, tests.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: Vec<(String, Arc<[u8]>)>,
}

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }

    /// One script under a name that messages use.
    pub fn one(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self::new().with(name, text)
    }

    pub fn with(mut self, name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), text.into().into()));
        self
    }
}

impl Resolver for Memory {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        let path = match from.and_then(Path::parent) {
            Some(folder) if relative => folder.join(name),
            _ => Path::new(name).to_path_buf(),
        };
        let wanted = path.to_string_lossy();
        let file = self.files.iter().find(|(known, _)| *known == wanted);
        let (_, text) = file.ok_or_else(|| format!("there is no {wanted} here"))?;
        Ok(Opened { path: path.into(), reader: Box::new(Cursor::new(Arc::clone(text))) })
    }
}
