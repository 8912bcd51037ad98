//! `holdpoint check --online`: whether the plan's databases answer, and are what they have to be. Nothing is
//! changed, and no lock is taken.

use std::path::Path;

use super::failure::Failure;
use super::{out, run, target, vars};
use crate::engine::exit::Exit;
use crate::engine::programs::old_dump;
use crate::engine::sides::Others;
use crate::engine::stop::Stop;
use crate::pg::identity::Target;
use crate::pg::{ConnectConfig, Session};

/// Looks at each database of a plan; what is wrong ends it with the code that says so.
pub async fn online(
    name: &str,
    path: &Path,
    typed: Option<&str>,
    typed_vars: &[String],
) -> Result<Exit, Failure> {
    let plan = run::ready(path)?.plan;
    let (values, _) = vars::known(&plan, typed_vars, &Default::default(), false)?;
    let config = target::target(typed, &plan, &values)?;
    let Others { source, pooler } = target::others(&plan, &values)?;
    let target = look("target", &config, false).await?;
    if let Some(pooler) = &pooler {
        let seen = look("pooler", pooler, true).await?;
        if is_one(&target, &seen) == Some(false) {
            return refused(name, "the pooler leads to another database than the target's direct address");
        }
    }
    let mut source_version = 0;
    if let Some(source) = &source {
        let seen = look("source", source, false).await?;
        source_version = seen.version_num;
        if is_one(&target, &seen) == Some(true) {
            return refused(name, "source and target are the same database, or copies of its files");
        }
    }
    if target.in_recovery {
        return refused(name, "the target is a standby: nothing can be changed there");
    }
    match old_dump(&plan, target.version_num, source_version) {
        Some(why) => refused(name, &why),
        None => Ok(Exit::Done),
    }
}

fn refused(name: &str, why: &str) -> Result<Exit, Failure> {
    out::line(&format!("✗ {name}: {why}"));
    Ok(Exit::Refused)
}

async fn look(what: &str, config: &ConnectConfig, pooled: bool) -> Result<Target, Failure> {
    let failed = |error: String| Failure::unreachable(format!("the {what}: {error}"));
    let session = match pooled {
        true => Session::connect_bare(config, "check").await,
        false => Session::connect(config, "check").await,
    };
    let mut session = session.map_err(|error| failed(Stop::from(error).to_string()))?;
    let looked = Target::look(&mut session).await.map_err(|error| failed(format!("failed to {error}")))?;
    session.close().await;
    let identity = &looked.identity;
    out::line(&format!(
        "{what}: {} on {}:{} as {}, PostgreSQL {}{}",
        identity.database,
        identity.host,
        identity.port,
        identity.user,
        identity.server_version,
        if looked.in_recovery { ", a standby" } else { "" }
    ));
    Ok(looked)
}

/// Whether both are one database, where they say enough of themselves.
fn is_one(one: &Target, other: &Target) -> Option<bool> {
    let (one, other) = (&one.identity, &other.identity);
    let ids = one.system_identifier.as_ref().zip(other.system_identifier.as_ref());
    ids.map(|(id, another)| id == another && one.database_oid == other.database_oid)
}
