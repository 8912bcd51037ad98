//! The source of a demo or rehearsal: a second private server, with what the plan's fixture makes of it.
//!
//! Two servers, as on the night itself: what a plan asks of them to tell them apart has the answers that it will
//! have then. The pooler of a demo is the target itself.

use std::path::PathBuf;

use super::exit::Exit;
use super::fixture;
use super::sides::Others;
use super::stop::Stop;
use crate::pg::embedded::{Embedded, Options};
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::Plan;

/// Its database, called other than that of the target: plans print the names.
const DATABASE: &str = "source";

/// A running one; it goes when it is stopped or dropped.
#[derive(Debug)]
pub struct SourceServer {
    server: Embedded,
}

impl SourceServer {
    /// Starts it, where the plan has a source.
    ///
    /// # Errors
    /// [`Stop`] when there is no server, or the fixture fails.
    pub async fn start(plan: &Plan, bin_dir: Option<PathBuf>, keep: bool) -> Result<Option<Self>, Stop> {
        if plan.source.is_none() {
            return Ok(None);
        }
        let options = Options { bin_dir, keep, settings: Vec::new() };
        let server =
            Embedded::start(options).await.map_err(|error| Stop::Local(format!("failed to {error}")))?;
        let source = Self { server };
        let mut session = Session::connect(&source.server.config("postgres"), "fixture").await?;
        session.batch(&format!("CREATE DATABASE {DATABASE}")).await?;
        session.close().await;
        if let Some(file) = plan.fixture.as_ref().and_then(|fixture| fixture.source.clone()) {
            match fixture::load(plan, &file, &source.config()).await? {
                Ok(()) => {}
                Err(problem) => {
                    let why = format!("the source's {}", fixture::failed(&problem));
                    return Err(Stop::Over { exit: Exit::Failed, why });
                }
            }
        }
        Ok(Some(source))
    }

    #[must_use]
    pub fn config(&self) -> ConnectConfig {
        self.server.config(DATABASE)
    }

    /// How to connect to it, and how to remove it, when it stays.
    #[must_use]
    pub fn keep(self) -> crate::pg::embedded::Kept {
        self.server.keep()
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The other databases of a plan that runs on private servers: the pooler is the target.
#[must_use]
pub fn others(plan: &Plan, target: &ConnectConfig, source: Option<&SourceServer>) -> Others {
    Others {
        source: source.map(SourceServer::config),
        pooler: plan.target.pooler.as_ref().map(|_| target.clone()),
    }
}
