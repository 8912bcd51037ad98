//! What the plan says of its target before anything is done there: names, queries, the window.

use std::sync::Arc;

use super::conductor::Conductor;
use super::exit::Exit;
use super::open::local_timezone;
use super::stop::Stop;
use crate::plan::expect::{Answer, Cell, Column, Expect, Outcome, Saved, SavedValue};
use crate::plan::model::{Plan, Server};
use crate::run::event::{Direction, Ending, Event, Mode, Summary, TargetIdentity, When};

/// What is known of the target to a process that conducts a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Taken up after a stop: what was under way isn't settled yet.
    Nothing,
    /// Enough to go back: that way isn't closed by the window, nor by a guard that is no longer true.
    Settled,
    /// The sides are those of the run, the window is open, and the plan's guards hold.
    Checked,
}

impl Conductor {
    /// Nothing goes forward before the target was checked in this process.
    pub(super) async fn know_target(&mut self) -> Result<(), Stop> {
        if self.known != Known::Checked {
            self.check_target().await?;
            self.known = Known::Checked;
        }
        Ok(())
    }

    /// The plan's guards. They don't apply where holdpoint made the server.
    pub(super) async fn check_target(&mut self) -> Result<(), Stop> {
        if let Some(why) = self.look_at_sides().await? {
            return Err(self.refuse_opening(why).await);
        }
        if self.mode == Mode::Demo {
            return Ok(());
        }
        let plan = Arc::clone(&self.plan);
        let (target, source) = self
            .recorder
            .look(|run| (run.target.clone(), run.opened.as_ref().and_then(|opened| opened.source.clone())));
        let unlike = target.and_then(|target| self.unlike(&plan.target, &target, "the plan is for"));
        let source = plan.source.as_ref().zip(source);
        let unlike =
            unlike.or_else(|| source.and_then(|(plan, is)| self.unlike(plan, &is, "the plan's source is")));
        if let Some(why) = unlike {
            return Err(self.refuse_opening(why).await);
        }
        if let Some(why) = outside_window(&plan) {
            return Err(self.refuse_opening(why).await);
        }
        let of_source = plan.source.as_ref().map(|source| &source.checkpoints);
        for (what, guards) in [("target", Some(&plan.target.checkpoints)), ("source", of_source)] {
            let Some(guards) = guards.filter(|guards| !guards.is_empty()) else { continue };
            let failed =
                self.verify_standing(crate::run::TARGET, guards, Direction::Forward, When::Standing).await?;
            if failed.is_empty() {
                continue;
            }
            let words: Vec<String> = guards
                .iter()
                .filter(|checkpoint| failed.contains(&checkpoint.id))
                .map(|checkpoint| match &checkpoint.otherwise {
                    Some(otherwise) => format!("\"{}\" ({otherwise})", checkpoint.title),
                    None => format!("\"{}\"", checkpoint.title),
                })
                .collect();
            let why = format!("the {what} isn't the one that the plan is for: {}", words.join("; "));
            return Err(self.refuse_opening(why).await);
        }
        Ok(())
    }

    async fn refuse_opening(&mut self, why: String) -> Stop {
        let changed = self.recorder.look(|run| run.touched);
        if changed {
            return Stop::Left { exit: Exit::Waiting, why };
        }
        let ended = Event::Ended {
            outcome: Ending::Refused { why: why.clone() },
            exit_code: Exit::Refused.code(),
            summary: Summary::default(),
        };
        match self.record(ended).await {
            Ok(()) => Stop::Refused { why },
            Err(stop) => stop,
        }
    }

    /// The first scalar guard that the connection doesn't match.
    fn unlike(&self, server: &Server, identity: &TargetIdentity, whose: &str) -> Option<String> {
        let version = identity.server_version.split(' ').next().unwrap_or_default().to_owned();
        let facts = [
            ("database", &server.database, identity.database.clone()),
            ("host", &server.host, identity.host.clone()),
            ("port", &server.port, identity.port.to_string()),
            ("user", &server.user, identity.user.clone()),
            ("server", &server.server, version),
        ];
        let known = self.plan.vars.iter().filter_map(|var| {
            let text = self.vars.text(&var.name)?.to_owned();
            Some((var.name.clone(), SavedValue { text: Some(text), type_oid: 0 }))
        });
        let saved: Saved = known.collect();
        facts.into_iter().find_map(|(what, guard, got)| {
            let guard = guard.as_ref()?;
            let met = guard.any_of.iter().any(|cell| is_met(cell, what, &got, &saved));
            let wanted: Vec<String> = guard.any_of.iter().map(|cell| self.fill(&cell.to_string())).collect();
            (!met).then(|| format!("{whose} {what} {}, and this is {got}", wanted.join(" or ")))
        })
    }
}

/// Whether a fact of the connection is what the guard says. Ports and versions are numbers.
fn is_met(cell: &Cell, what: &str, got: &str, saved: &Saved) -> bool {
    const TEXT: u32 = 25;
    const NUMERIC: u32 = 1700;
    let type_oid = if matches!(what, "port" | "server") { NUMERIC } else { TEXT };
    let answer = Answer {
        columns: vec![Column { name: what.to_owned(), type_oid }],
        rows: vec![vec![Some(got.to_owned())]],
        total_rows: 1,
        ..Answer::default()
    };
    let expect = Expect { value: Some(cell.clone()), ..Expect::default() };
    expect.judge(&Outcome::Rows(answer), saved).passed
}

fn outside_window(plan: &Plan) -> Option<String> {
    let window = plan.window.as_ref()?;
    let name = window.timezone.clone().or_else(|| plan.timezone.clone()).unwrap_or_else(local_timezone);
    let Ok(zone) = jiff::tz::TimeZone::get(&name) else {
        return Some(format!("the window is in time zone {name}, which isn't known on this machine"));
    };
    let now = jiff::Timestamp::now().to_zoned(zone).datetime();
    if now < window.from {
        return Some(format!("the window opens at {} ({name}); it is {} there now", window.from, short(now)));
    }
    (now > window.to)
        .then(|| format!("the window closed at {} ({name}); it is {} there now", window.to, short(now)))
}

fn short(time: jiff::civil::DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}
