//! From a file to a [`Plan`], with everything that is wrong with it said at once.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::build::context::{Build, Moment};
use super::build::index::{self, Scope};
use super::build::phase::within_a_rollback;
use super::build::side::Databases;
use super::build::step::Common;
use super::check;
use super::diagnostic::{Code, Diagnostics};
use super::model::{Plan, PlanFile, Side};
use super::raw::Report;
use super::read;
use super::schema::Place;
use super::source::{Source, Span};

/// Whether the files that a plan names must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileCheck {
    #[default]
    Check,
    /// For looking at a plan apart from its files; such a plan isn't run.
    Skip,
}

/// How to load.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    pub files: FileCheck,
}

/// A plan that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub plan: Plan,
    /// Warnings, notes and what isn't built yet; no error.
    pub warnings: Diagnostics,
    /// The file's text, as the digest covers it.
    pub source: Arc<str>,
}

/// Loads a plan from its file.
pub fn load(path: &Path, options: LoadOptions) -> Result<Loaded, Diagnostics> {
    let text = read::read(path)?;
    // A path without a folder is in the present one.
    let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    load_text(&path.display().to_string(), &text, path, base, options)
}

/// The id of a plan, where that is all that is wanted of its text.
#[must_use]
pub fn id_in(text: &str) -> Option<String> {
    let plan: toml::Table = toml::from_str(text).ok()?;
    plan.get("plan")?.get("id")?.as_str().map(str::to_owned)
}

/// Loads a plan from a text; its files are looked for from `base_dir`.
pub fn load_str(
    name: &str,
    text: &str,
    base_dir: &Path,
    options: LoadOptions,
) -> Result<Loaded, Diagnostics> {
    let text = read::text(name, text.as_bytes().to_vec())?;
    load_text(name, &text, &base_dir.join(name), base_dir, options)
}

/// Loads a plan from bytes of any kind.
pub fn load_bytes(
    name: &str,
    bytes: &[u8],
    base_dir: &Path,
    options: LoadOptions,
) -> Result<Loaded, Diagnostics> {
    let text = read::text(name, bytes.to_vec())?;
    load_text(name, &text, &base_dir.join(name), base_dir, options)
}

fn load_text(
    name: &str,
    text: &str,
    path: &Path,
    base: &Path,
    options: LoadOptions,
) -> Result<Loaded, Diagnostics> {
    let source = Source::new(name, text);
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
    let mut report = Report::new(&source);
    if let Some(at) = read::too_deep(text) {
        let message = "this nests deeper than any plan does";
        report.error_help(
            Code::Syntax,
            Span { start: at, end: at + 1 },
            message,
            "a key has at most a few dots",
        );
        return Err(report.found);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let broken: Vec<usize> = errors.iter().map(|error| syntax(&mut report, error)).collect();
    let (plan, mut found) = build(document.get_ref(), report, options, path.to_owned(), base);
    if !broken.is_empty() {
        // Below a broken header every key falls under the wrong one.
        let header = broken.iter().any(|line| source.line(*line).trim_start().starts_with('['));
        let broken: HashSet<usize> = broken.into_iter().collect();
        found.all.retain(|d| {
            let holds = d.code.holds_in_ruins() && !(header && d.code == Code::UnknownKey);
            d.code == Code::Syntax || (holds && !broken.contains(&d.line))
        });
    }
    found.sort();
    if found.has_errors() {
        return Err(found);
    }
    Ok(Loaded { plan, warnings: found, source: source.text })
}

/// A syntax error of the TOML parser's, in one line; gives its line.
fn syntax(report: &mut Report<'_>, error: &toml::de::Error) -> usize {
    let end = report.source.text.len();
    let span = error.span().map_or(Span { start: end, end }, Span::from);
    let message = error.message().lines().collect::<Vec<_>>().join(": ");
    report.error(Code::Syntax, span, message);
    report.source.line_of(span.start)
}

/// Both passes and the checks on the whole.
fn build<'a>(
    root: &'a DeTable<'a>,
    mut report: Report<'a>,
    options: LoadOptions,
    path: PathBuf,
    base: PathBuf,
) -> (Plan, Diagnostics) {
    let index = index::index(root, &mut report);
    let top = report.open(root, Span::default(), Place::Root);
    let mut build = Build::new(report, index, options, base);
    build.sections = sections(root);
    let has =
        |table: &str, key: &str| root.get(table).is_some_and(|found| found.get_ref().get(key).is_some());
    build.databases = Databases { source: root.get("source").is_some(), pooler: has("target", "pooler") };
    let mut plan = build.head(path, top.get("plan"));
    let vars = top.get("vars").map(|entry| build.vars(entry)).unwrap_or_default();
    if let Some(target) = top.get("target") {
        plan.target = build.server(target, Side::Target).unwrap_or_default();
    }
    if let Some(source) = top.get("source") {
        plan.source = build.server(source, Side::Source);
    }
    let defaults = top.get("defaults").map_or_else(Common::default, |entry| build.defaults(entry));
    match top.get("phase") {
        Some(phases) => {
            for (table, span) in build.report.tables(phases, "a list of phases") {
                let phase = build.phase(table, span, &defaults);
                plan.phases.push(phase);
            }
        }
        None => {
            let help = "a phase begins with [[phase]], its steps with [[phase.step]]";
            build.report.error_help(Code::Missing, Span::default(), "a plan without phases", help);
        }
    }
    if let Some(rollbacks) = top.get("rollback") {
        let common = within_a_rollback(defaults);
        for (number, (table, span)) in
            build.report.tables(rollbacks, "a list of rollbacks").into_iter().enumerate()
        {
            let procedure = build.procedure(table, span, number, &common);
            plan.rollbacks.push(procedure);
        }
    }
    build.now = Moment { scope: Scope::Plan, order: 0 };
    check::order::check(&mut build);
    check::authorization::check(&mut build, &plan);
    check::undoable::check(&mut build, &plan);
    plan.vars = check::names::check(&mut build, vars);
    check::indentation::check(root, &mut build.report);
    plan.not_built = build.not_built;
    plan.files = build.files.covered.into_iter().map(|(name, path)| PlanFile { name, path }).collect();
    (plan, build.report.found)
}

/// The sections that the plan uses of each file, in the order of the plan.
fn sections<'a>(root: &'a DeTable<'a>) -> HashMap<&'a str, Vec<String>> {
    let mut out: HashMap<&'a str, Vec<String>> = Default::default();
    let mut seen = HashSet::new();
    let list = |table: &'a DeTable<'a>, key: &str| {
        let array = table.get(key).and_then(|v| v.get_ref().as_array());
        array.into_iter().flat_map(|a| a.iter()).filter_map(|v| v.get_ref().as_table())
    };
    for part in ["phase", "rollback"] {
        for step in list(root, part).flat_map(|phase| list(phase, "step")) {
            let own = step.get("rollback").and_then(|v| v.get_ref().as_table());
            for table in std::iter::once(step).chain(own) {
                let text = |key: &str| table.get(key).map(|v| v.get_ref()).and_then(DeValue::as_str);
                if let (Some(file), Some(section)) = (text("file"), text("section"))
                    && seen.insert((file, section))
                {
                    out.entry(file).or_default().push(section.to_owned());
                }
            }
        }
    }
    out
}
