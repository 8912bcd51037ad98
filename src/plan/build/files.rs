//! The files that a plan names: below `sql_dir`, there, and nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::load::FileCheck;
use crate::plan::model::PlanFile;
use crate::plan::raw::shorten;
use crate::plan::source::Span;
use crate::plan::sqltext;

/// How patterns match: `*` stays in its folder, and hidden files are named.
pub const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

#[derive(Debug)]
pub(in crate::plan) struct Files {
    pub sql_dir: PathBuf,
    /// With its symlinks resolved; `None` when it isn't there.
    resolved: Option<PathBuf>,
    check: FileCheck,
    /// What was looked at already: the path, or what is wrong with it.
    seen: HashMap<String, Result<PathBuf, String>>,
    /// What the digest covers, sorted by name.
    pub covered: BTreeMap<String, PathBuf>,
}

impl Files {
    pub fn new(sql_dir: PathBuf, check: FileCheck) -> Self {
        let resolved = std::fs::canonicalize(&sql_dir).ok();
        // Where it leads, when it is there: messages and paths without `plans/../`.
        Self {
            sql_dir: resolved.clone().unwrap_or(sql_dir),
            resolved,
            check,
            seen: HashMap::new(),
            covered: BTreeMap::new(),
        }
    }

    /// The path of a name below `sql_dir`, or why there is none.
    fn look_up(&mut self, name: &str) -> Result<PathBuf, String> {
        if let Some(known) = self.seen.get(name) {
            return known.clone();
        }
        let found = lexically(name).and_then(|()| self.on_disk(name));
        self.seen.insert(name.to_owned(), found.clone());
        found
    }

    fn on_disk(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.sql_dir.join(name);
        if self.check == FileCheck::Skip {
            return Ok(path);
        }
        // A missing folder is said once, where it is named.
        let Some(dir) = &self.resolved else { return Ok(path) };
        let shown = shorten(name);
        let real = std::fs::canonicalize(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let near = near(&path).map_or_else(String::new, |name| format!("; there is `{name}`"));
                format!("there is no file `{shown}` in {}{near}", self.sql_dir.display())
            }
            _ => format!("the file `{shown}` can't be read: {error}"),
        })?;
        if !real.starts_with(dir) {
            return Err(format!("`{shown}` leads out of {} to {}", self.sql_dir.display(), real.display()));
        }
        let metadata =
            std::fs::metadata(&real).map_err(|error| format!("the file `{shown}` can't be read: {error}"))?;
        if !metadata.is_file() {
            return Err(format!(
                "`{shown}` is {}, not a file",
                if metadata.is_dir() { "a directory" } else { "special" }
            ));
        }
        Ok(path)
    }
}

/// The file beside it that has nearly the same name.
fn near(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = std::fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .take(10_000)
        .collect();
    crate::plan::nearest::nearest(wanted, names.iter().map(String::as_str)).map(shorten)
}

/// A name that can only mean something below the folder.
fn lexically(name: &str) -> Result<(), String> {
    let shown = shorten(name);
    if name.contains('\0') {
        return Err(format!("`{shown}` isn't a file name"));
    }
    if Path::new(name).is_absolute() {
        return Err(format!("`{shown}` is absolute; files are named below `sql_dir`"));
    }
    let mut depth = 0i32;
    for component in Path::new(name).components() {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        if depth < 0 {
            return Err(format!("`{shown}` leads out of `sql_dir`"));
        }
    }
    Ok(())
}

impl<'a> Build<'a> {
    /// The folder of the SQL files.
    pub fn set_sql_dir(&mut self, given: Option<(&str, Span)>) {
        let dir = match given {
            Some((name, _)) => self.base.join(name),
            None => self.base.clone(),
        };
        self.files = Files::new(std::path::absolute(&dir).unwrap_or(dir), self.options.files);
        if let (Some((name, span)), FileCheck::Check) = (given, self.options.files)
            && !self.files.resolved.as_ref().is_some_and(|dir| dir.is_dir())
        {
            let message = format!("`sql_dir`: there is no folder `{}`", shorten(name));
            let help = format!("it is looked for at {}", self.files.sql_dir.display());
            self.report.error_help(Code::File, span, message, help);
            self.files.resolved = None;
        }
    }

    /// One file that runs.
    pub fn plan_file(&mut self, name: &str, span: Span) -> Option<PlanFile> {
        let file = self.any_file(name, span)?;
        self.files.covered.insert(file.name.clone(), file.path.clone());
        Some(file)
    }

    /// A file below `sql_dir` that isn't part of what runs.
    pub fn any_file(&mut self, name: &str, span: Span) -> Option<PlanFile> {
        // The digest is over what runs, so what runs must be known without a variable.
        if let Some((from, to, variable)) = sqltext::braces(name).first().copied() {
            let place = self.report.part_of(span, name, from, to);
            let message = format!("`{{{variable}}}` in the name of a file that runs");
            let help = match variable {
                "file" => {
                    "only `rollback.files` takes {file}, for the files of a pattern; here, name the file itself"
                }
                _ => "what runs is fixed before the run: name the file itself",
            };
            self.report.error_help(Code::File, place, message, help);
            return None;
        }
        match self.files.look_up(name) {
            Ok(path) => Some(PlanFile { name: name.to_owned(), path }),
            Err(reason) => {
                self.report.error(Code::File, span, reason);
                None
            }
        }
    }

    /// The files of a glob, sorted by name.
    pub fn glob_files(&mut self, pattern: &str, span: Span) -> Vec<PlanFile> {
        if let Err(reason) = lexically(pattern) {
            self.report.error(Code::File, span, reason);
            return Vec::new();
        }
        let root = glob::Pattern::escape(&self.files.sql_dir.to_string_lossy());
        let paths = match glob::glob_with(&format!("{root}/{pattern}"), GLOB) {
            Ok(paths) => paths,
            Err(error) => {
                self.report.error(Code::BadValue, span, format!("`files` isn't a pattern: {}", error.msg));
                return Vec::new();
            }
        };
        let mut names: Vec<String> = Vec::new();
        for path in paths {
            match path {
                Ok(path) if path.is_file() => {
                    let below = path.strip_prefix(&self.files.sql_dir).unwrap_or(&path);
                    match below.to_str() {
                        Some(name) => names.push(name.to_owned()),
                        None => {
                            let message =
                                format!("`files` matches a name that isn't UTF-8: {}", below.display());
                            self.report.error(Code::File, span, message);
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    let message = format!("`files` can't look into {}", error.path().display());
                    self.report.error(Code::File, span, message);
                }
            }
        }
        names.sort();
        if names.is_empty() && self.options.files == FileCheck::Check && self.files.resolved.is_some() {
            let message = format!(
                "`files` matches nothing: `{}` in {}",
                shorten(pattern),
                self.files.sql_dir.display()
            );
            self.report.error(Code::File, span, message);
        }
        names.into_iter().filter_map(|name| self.plan_file(&name, span)).collect()
    }

    /// A glob's own rollback: `{file}` is each applied file's name, last first.
    pub fn undo_files(&mut self, pattern: &str, applied: &[PlanFile], span: Span) -> Vec<PlanFile> {
        applied
            .iter()
            .rev()
            .filter_map(|file| {
                let name = Path::new(&file.name)
                    .file_name()
                    .map_or(file.name.as_str(), |n| n.to_str().unwrap_or(""));
                self.plan_file(&pattern.replace("{file}", name), span)
            })
            .collect()
    }
}
