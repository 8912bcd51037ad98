//! Values of a plan's variables: typed, from the environment or its file, the demo's, the default.

use std::collections::BTreeMap;

use super::failure::Failure;
use crate::plan::model::{Action, Plan};
use crate::plan::{duration, variable_alone};

/// Name → value and whether it is secret.
pub type Values = BTreeMap<String, (String, bool)>;

/// Finds a value for each variable, or says which have none.
pub fn values(
    plan: &Plan,
    typed: &[String],
    kept: &BTreeMap<String, String>,
    demo: bool,
) -> Result<Values, Failure> {
    let (values, missing) = known(plan, typed, kept, demo)?;
    if missing.is_empty() {
        durations(plan, &values)?;
        return Ok(values);
    }
    Err(Failure::usage(format!("the plan needs values: {}", missing.join(", "))))
}

/// The values that there are, and words for those that are missing.
pub fn known(
    plan: &Plan,
    typed: &[String],
    kept: &BTreeMap<String, String>,
    demo: bool,
) -> Result<(Values, Vec<String>), Failure> {
    let typed = pairs(typed)?;
    let file = env_file(plan)?;
    let mut values = Values::new();
    let mut missing = Vec::new();
    if let Some(name) = typed.keys().find(|name| !plan.vars.iter().any(|var| var.name == **name)) {
        let known: Vec<&str> = plan.vars.iter().map(|var| var.name.as_str()).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
        return Err(Failure::usage(format!("--var {name}: the plan has no such variable ({known})")));
    }
    for var in &plan.vars {
        let from_env =
            var.env.as_ref().and_then(|env| std::env::var(env).ok().or_else(|| file.get(env).cloned()));
        let from_demo = var.demo.clone().filter(|_| demo);
        let kept = kept.get(&var.name).cloned();
        let value =
            typed.get(&var.name).cloned().or(from_demo).or(kept).or(from_env).or_else(|| var.default.clone());
        match value {
            Some(value) => drop(values.insert(var.name.clone(), (value, var.secret))),
            None if var.only_rollback || demo && is_an_address(plan, &var.name) => {}
            None => missing.push(match (&var.ask, &var.env) {
                (Some(ask), _) => format!("--var {}=… ({ask})", var.name),
                (None, Some(env)) => format!("--var {}=… or the variable {env}", var.name),
                (None, None) => format!("--var {}=…", var.name),
            }),
        }
    }
    Ok((values, missing))
}

/// What steps have run with stays what their way back runs with. Where to connect to, how long to wait and what a
/// procedure takes back may change: nothing of that is in what was applied.
pub fn stay(plan: &Plan, values: &Values, kept: &BTreeMap<String, String>) -> Result<(), Failure> {
    let only_chooses = |name: &str| {
        plan.steps().any(|step| match &step.action {
            Action::Soak(text) => variable_alone(text).is_some_and(|used| used == name),
            Action::Undo(ids) => ids.iter().flat_map(|id| crate::plan::names_in(id)).any(|used| used == name),
            _ => false,
        })
    };
    for (name, was) in kept {
        let Some((now, _)) = values.get(name).filter(|(now, _)| now != was) else { continue };
        if is_an_address(plan, name) || only_chooses(name) {
            continue;
        }
        return Err(Failure::refused(format!(
            "variable {name} was \"{was}\" when steps of this run were applied, and is \"{now}\" now: their way back \
             would undo something else. Give it the value that it had, or roll back and begin a new run"
        )));
    }
    Ok(())
}

/// Where a private server is used instead, nobody needs the address.
fn is_an_address(plan: &Plan, name: &str) -> bool {
    let source = plan.source.as_ref().and_then(|source| source.url.as_ref());
    let addresses = [plan.target.url.as_ref(), plan.target.pooler.as_ref(), source];
    addresses.into_iter().flatten().any(|address| crate::plan::names_in(address).any(|used| used == name))
}

/// A soak's duration is known by now, and a run that finds out in the middle of the window is too late.
fn durations(plan: &Plan, values: &Values) -> Result<(), Failure> {
    for step in plan.steps() {
        let Action::Soak(text) = &step.action else { continue };
        let Some((name, (value, _))) = variable_alone(text).and_then(|name| values.get_key_value(name))
        else {
            continue;
        };
        if let Err(why) = duration::parse(value.trim()) {
            return Err(Failure::usage(format!(
                "--var {name}: {value:?} is no duration ({why}), and \"{}\" waits for so long: write 30s, 5min, 2h",
                step.title
            )));
        }
    }
    Ok(())
}

/// `NAME=VALUE` pairs.
pub fn pairs(typed: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    typed
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(Failure::usage(format!("\"{pair}\" isn't NAME=VALUE"))),
        })
        .collect()
}

fn env_file(plan: &Plan) -> Result<BTreeMap<String, String>, Failure> {
    let Some(path) = plan.env_file.as_ref().filter(|path| path.exists()) else { return Ok(BTreeMap::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))?;
    Ok(text
        .lines()
        .map(|line| line.trim().trim_start_matches("export "))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()))
        .collect())
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
