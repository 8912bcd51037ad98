//! `holdpoint check --online`: whether the plan's databases answer, and are what they have to be. Nothing is
//! changed, and no lock is taken.

use std::path::Path;

use super::failure::Failure;
use super::{out, run, target, vars};
use crate::engine::exit::Exit;
use crate::engine::keep::no_place_beside;
use crate::engine::programs::old_dump;
use crate::engine::sides::{Others, pooled, wrong_pooler, wrong_source};
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
    let (target, mut ours) = look("target", &config, false).await?;
    if ours.is_behind_pooler().await.map_err(Stop::from)? {
        return refused(name, &pooled(&config));
    }
    // Nothing else says which database it is: copies of its files have all of its numbers.
    let here = format!("holdpoint {}", uuid::Uuid::now_v7().simple());
    let known =
        ours.query("SELECT pg_catalog.set_config('application_name', $1, false)", &[Some(&here)]).await;
    known.map_err(Stop::from)?;
    if let Some(pooler) = &pooler {
        let (_, session) = look("pooler", pooler, true).await?;
        if let Some(why) = wrong_pooler(sees("pooler", session, &here).await?) {
            return refused(name, &why);
        }
    }
    let mut source_version = 0;
    if let Some(source) = &source {
        let (seen, session) = look("source", source, false).await?;
        source_version = seen.version_num;
        if let Some(why) = wrong_source(&target.identity, &seen, sees("source", session, &here).await?) {
            return refused(name, &why);
        }
    }
    ours.close().await;
    if target.in_recovery {
        return refused(name, "the target is a standby: nothing can be changed there");
    }
    let beside = no_place_beside(&plan, &config).await.map_err(|error| Failure::from(Stop::from(error)))?;
    match old_dump(&plan, target.version_num, source_version).or(beside) {
        Some(why) => refused(name, &why),
        None => Ok(Exit::Done),
    }
}

fn refused(name: &str, why: &str) -> Result<Exit, Failure> {
    out::line(&format!("✗ {name}: {why}"));
    Ok(Exit::Refused)
}

async fn look(what: &str, config: &ConnectConfig, pooled: bool) -> Result<(Target, Session), Failure> {
    let failed = |error: String| Failure::unreachable(format!("the {what}: {error}"));
    let session = match pooled {
        true => Session::connect_bare(config, "check").await,
        false => Session::connect(config, "check").await,
    };
    let mut session = session.map_err(|error| failed(Stop::from(error).to_string()))?;
    let looked = Target::look(&mut session).await.map_err(|error| failed(format!("failed to {error}")))?;
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
    Ok((looked, session))
}

/// Whether our session in the target, by its name, is seen there.
async fn sees(what: &str, mut session: Session, name: &str) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE a.application_name = $1 AND a.datid = \
               (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))";
    let seen = session.query(sql, &[Some(name)]).await;
    let seen = seen.map_err(|error| Failure::unreachable(format!("the {what}: {}", Stop::from(error))))?;
    session.close().await;
    Ok(seen.scalar() == Some("t"))
}
