//! Makes the database as it stands before the window, from the plan's fixture.

use std::path::Path;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::attention::Attention;
use super::problems::Disclosure;
use super::sources::Sources;
use super::stop::Stop;
use super::stream::Stream;
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::Plan;
use crate::run::event::Problem;
use crate::script::Variables;

/// Runs the fixture in one transaction on a database that holdpoint made.
///
/// # Errors
/// What the server says about it, with the place.
pub async fn load(plan: &Plan, fixture: &Path, target: &ConnectConfig) -> Result<Result<(), Problem>, Stop> {
    let root = plan.sql_dir.clone();
    let sources = Sources::loose(&root);
    let resolved = root.canonicalize().unwrap_or(root);
    let full = fixture.canonicalize().unwrap_or_else(|_| fixture.to_path_buf());
    let name = full.strip_prefix(&resolved).unwrap_or(&full).to_string_lossy().into_owned();
    let source = sources.file(&name);
    let mut script =
        sources.open(&source, Variables::new()).map_err(|error| Stop::Local(error.to_string()))?;
    let (_quiet, wishes) = mpsc::unbounded_channel();
    let (_no_signal, signal) = watch::channel(None);
    let (_not_lost, lost) = watch::channel(None);
    let mut attention = Attention::start(wishes, signal, lost);
    let mut work = Session::connect(target, "fixture").await?;
    let mut look = Session::connect(target, "look").await?;
    work.batch("BEGIN").await?;
    let disclosure = Disclosure { rows: true };
    let patience = Duration::from_secs(60);
    let streamed = {
        let mut stream =
            Stream::new(&mut work, &mut attention, &mut look, disclosure, patience, Box::new(|_| {}));
        stream.all(&mut script).await
    };
    let ended = match streamed {
        Ok(()) => work.batch("COMMIT").await.map(|_| Ok(()))?,
        Err(broken) => Err(broken.problem()),
    };
    work.close().await;
    look.close().await;
    Ok(ended)
}

/// What is wrong with it, and where.
#[must_use]
pub fn failed(problem: &Problem) -> String {
    let place = problem.place.as_ref();
    let place = place.map(|p| format!("{}:{}:{}: ", p.file, p.line, p.column)).unwrap_or_default();
    format!("fixture failed: {place}{}", problem.message)
}
