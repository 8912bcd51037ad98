//! `holdpoint check`: what is wrong with plans and their scripts, without a database (`online` asks it, too).

use super::args::CheckArgs;
use super::failure::Failure;
use super::online::online;
use super::{out, shipped};
use crate::engine::evidence;
use crate::engine::exit::Exit;
use crate::engine::preflight::{Finding, Preflight, preflight};
use crate::engine::programs::missing_programs;
use crate::engine::rollback::{denied, forecasts};
use crate::engine::sources::Sources;
use crate::journal::StateDir;
use crate::plan::diagnostic::Severity;
use crate::plan::digest::digest;
use crate::plan::{LoadOptions, Loaded, load};
use crate::script::Variables;
use crate::text::columns::wrap;
use crate::text::scrub;

/// Checks each plan; the exit code is of the worst.
pub async fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let mut worst = Exit::Done;
    for name in &args.plans {
        let plan = shipped::find(name)?;
        if !one(name, &plan.path) {
            worst = Exit::Usage;
        } else if args.online {
            let seen = online(name, &plan.path, args.target.as_deref(), &args.vars).await?;
            if worst == Exit::Done {
                worst = seen;
            }
        }
    }
    Ok(worst)
}

/// Whether the plan could be run.
fn one(name: &str, path: &std::path::Path) -> bool {
    let loaded = match load(path, LoadOptions::default()) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            out::line(diagnostics.to_string().trim_end());
            let errors = diagnostics.count(Severity::Error);
            out::line(&format!("✗ {name}: {}", plural(errors, "error")));
            return false;
        }
    };
    if !loaded.warnings.is_empty() {
        out::line(loaded.warnings.to_string().trim_end());
        out::line("");
    }
    let mut vars = Variables::new();
    for var in &loaded.plan.vars {
        // Any value does: only whether a name is known matters here.
        let _ = vars.set(&var.name, var.default.clone().unwrap_or_default());
    }
    let scripts = preflight(&loaded.plan, &vars);
    let missing = missing_programs(&loaded.plan, &vars, false);
    for finding in scripts.findings.iter().chain(&missing) {
        lines(finding).iter().for_each(|line| out::line(line));
    }
    let sources = Sources::loose(&loaded.plan.sql_dir);
    let mut notes = loaded.warnings.count(Severity::Note);
    notes += scripts.findings.iter().filter(|finding| !finding.error).count() + missing.len();
    for (step, forecast) in forecasts(&loaded.plan, &sources, &vars) {
        // That there is no way back is a finding of the plan itself.
        if forecast.impossible.is_none() && !(forecast.losses.is_empty() && forecast.leaves.is_empty()) {
            out::line(&format!("{name}: note: step {step}: its rollback {}", forecast.words()));
            notes += 1;
        }
    }
    for (whose, what) in denied(&loaded.plan, &sources, &vars) {
        out::line(&format!("{name}: note: {whose}: {what}"));
        notes += 1;
    }
    let errors = scripts.findings.iter().filter(|finding| finding.error).count();
    // What can't be read has no digest, and a pipe would be waited for.
    if errors == 0 {
        for (step, why) in not_rehearsed(path, &loaded, &scripts) {
            out::line(&format!("{name}: note: step {step}: {why}"));
            notes += 1;
        }
    }
    let not_built = loaded.plan.not_built.len();
    let steps: usize = loaded.plan.phases.iter().map(|phase| phase.steps.len()).sum();
    let size = format!(
        "{}, {}, {}, {}",
        plural(loaded.plan.phases.len(), "phase"),
        plural(steps, "step"),
        plural(loaded.plan.files.len(), "file"),
        plural(scripts.statements, "statement")
    );
    if errors > 0 || not_built > 0 {
        let mut why = Vec::new();
        if errors > 0 {
            why.push(format!("{} in its scripts", plural(errors, "error")));
        }
        if not_built > 0 {
            why.push(format!("{} it asks for that isn't built yet", plural(not_built, "thing")));
        }
        out::line(&format!("✗ {name}: {} ({size})", why.join(", ")));
        return false;
    }
    let warnings = loaded.warnings.count(Severity::Warning);
    let mut summary = format!("✓ {name}: {size}");
    for (count, what) in [(warnings, "warning"), (notes, "note")] {
        if count > 0 {
            summary.push_str(&format!(", {}", plural(count, what)));
        }
    }
    out::line(&summary);
    true
}

/// The evidence that a run would ask for now and not get; it may still come.
fn not_rehearsed(path: &std::path::Path, loaded: &Loaded, scripts: &Preflight) -> Vec<(String, String)> {
    let Ok(state) = StateDir::find(None, path) else { return Vec::new() };
    let Ok(digest) = digest(&loaded.plan, &loaded.source, &scripts.included) else { return Vec::new() };
    evidence::missing(&loaded.plan, &digest.sha256, &state, &[])
}

/// A finding as a line, and its hint below.
pub fn words(finding: &Finding) -> String {
    let kind = if finding.error { "error" } else { "note" };
    let place = &finding.place;
    let at = format!("{}:{}:{}", place.file, place.line, place.column);
    // An error of the lexer says its place by itself.
    let what = finding.what.strip_prefix(&format!("{at}: ")).unwrap_or(&finding.what);
    let mut text = format!("{at}: {kind}: step {}: {what}{}", finding.step, again(&finding.again));
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("\n  {hint}"));
    }
    text
}

/// The same at the width of the terminal, or of 80 columns, with what goes on moved in.
fn lines(finding: &Finding) -> Vec<String> {
    const NO_END: usize = 1_000;
    let columns = match out::width() {
        0 => 80,
        columns => columns.max(40),
    };
    let text: Vec<String> = scrub::lines(&words(finding)).map(|line| line.into_owned()).collect();
    let text = text.join("\n");
    let (what, hint) = text.split_once('\n').map_or((text.as_str(), None), |(what, hint)| (what, Some(hint)));
    let mut lines = Vec::new();
    for (number, line) in wrap(what, columns - 2, NO_END).into_iter().enumerate() {
        lines.push(if number == 0 { line } else { format!("  {line}") });
    }
    let hint = hint.map(|hint| wrap(hint.trim_start(), columns - 8, NO_END)).unwrap_or_default();
    for (number, line) in hint.into_iter().enumerate() {
        lines.push(if number == 0 { format!("  help: {line}") } else { format!("        {line}") });
    }
    lines
}

/// Where else the same is to be said: the first lines, and how many more.
fn again(lines: &[u64]) -> String {
    const MOST: usize = 4;
    if lines.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = lines.iter().take(MOST).map(u64::to_string).collect();
    let more = match lines.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let word = if lines.len() == 1 { "line" } else { "lines" };
    format!(" (also in {word} {}{more})", shown.join(", "))
}

/// `1 step`, `2 steps`.
pub fn plural(n: usize, what: &str) -> String {
    crate::engine::verify::count(n, what)
}
