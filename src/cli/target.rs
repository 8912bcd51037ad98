//! Which database: the command line, the plan, or the PG* variables.

use super::failure::Failure;
use super::vars::Values;
use crate::engine::sides::Others;
use crate::pg::{ConnectConfig, Environment};
use crate::plan::model::Plan;

/// The target of a run. What was typed comes first, then the plan's `url`, then the PG* variables.
pub fn target(typed: Option<&str>, plan: &Plan, values: &Values) -> Result<ConnectConfig, Failure> {
    match (typed, &plan.target.url) {
        (Some(typed), _) => database(Some(typed)),
        (None, Some(url)) => read(&filled(url, "[target] url", values)?, "the target"),
        (None, None) => database(None),
    }
}

/// The plan's other databases.
pub fn others(plan: &Plan, values: &Values) -> Result<Others, Failure> {
    let one = |text: Option<&String>, place: &str, what: &str| {
        text.map(|text| read(&filled(text, place, values)?, what)).transpose()
    };
    let source = plan.source.as_ref().and_then(|source| source.url.as_ref());
    Ok(Others {
        source: one(source, "[source] url", "the source")?,
        pooler: one(plan.target.pooler.as_ref(), "[target] pooler", "the pooler")?,
    })
}

/// An address with its variables.
fn filled(text: &str, place: &str, values: &Values) -> Result<String, Failure> {
    let mut filled = text.to_owned();
    for name in crate::plan::names_in(text) {
        let Some((value, _)) = values.get(name) else {
            return Err(Failure::usage(format!(
                "the plan needs a value for `{name}`, which {place} is made of"
            )));
        };
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    Ok(filled)
}

/// An address: nothing of it is in an error, since a password may be.
fn read(text: &str, what: &str) -> Result<ConnectConfig, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{what}: its address is empty")));
    }
    let config = ConnectConfig::parse(text, &Environment::of_process())
        .map_err(|error| Failure::usage(format!("{what}: failed to {error}")))?;
    for warning in config.warnings() {
        super::out::complain(warning);
    }
    Ok(config)
}

/// The database that was typed, else that of the PG* variables.
pub fn database(typed: Option<&str>) -> Result<ConnectConfig, Failure> {
    let environment = Environment::of_process();
    let config = match typed {
        Some(text) => ConnectConfig::parse(text, &environment),
        None => ConnectConfig::from_environment(&environment),
    }
    .map_err(|error| Failure::usage(format!("the target: failed to {error}")))?;
    for warning in config.warnings() {
        super::out::complain(warning);
    }
    Ok(config)
}
