//! Which database: the command line, the plan, or the PG* variables.

use super::failure::Failure;
use crate::pg::{ConnectConfig, Environment};
use crate::plan::model::Plan;

/// The target of a run. What was typed comes first, then the plan's `url`, then the PG* variables.
pub fn target(typed: Option<&str>, plan: &Plan) -> Result<ConnectConfig, Failure> {
    database(typed.or(plan.target.url.as_deref().filter(|url| !url.contains('{'))))
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
