//! A program beside the run, from its start to its end: psql, what a plan's `command` and `notify` name,
//! `pg_dump`.
//!
//! [`crate::pg::child`] starts it in a process group of its own, and ends that with everything in it. What the
//! engine adds is here: what the program may know of us ([`Conductor::lend`]), who hears what it says, and what
//! ends it early ([`Conductor::follow`]): a person, a signal, the loss of the lock, its time, or a listener who
//! can't go on.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;

use super::attention::Interruption;
use super::conductor::Conductor;
use super::sides::name_of;
use crate::pg::ConnectConfig;
use crate::pg::child::{Child, Ended, Line, News};
use crate::pg::handover::Handover;
use crate::plan::model::Side;

/// How long a program may take to end after it was asked to.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long output may still come after a program has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Of what is taken as it comes, so much at once.
const CHUNK: usize = 64 * 1024;

/// What a program wrote.
#[derive(Debug)]
pub(super) enum Heard<'a> {
    /// A line, to stdout or stderr.
    Line(&'a Line),
    /// A piece of stdout as it is, of a program whose output is the caller's ([`crate::pg::child::Pipes`]).
    Bytes(&'a [u8]),
}

/// Why a program was ended before it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// By a person, a signal, or since the lock is lost.
    Interrupted(Interruption),
    /// It had no more time.
    TimedOut(Duration),
    /// What it says couldn't be taken: in words.
    Unheard(String),
}

/// How a program came to its end.
#[derive(Debug)]
pub(super) struct Course {
    pub ended: Ended,
    pub cut: Option<Cut>,
}

impl Conductor {
    /// Our connection for a program: an environment and a password file. Its sessions are called `name`, and
    /// no default of the server ends them while they are idle. The file is the program's to take along
    /// ([`crate::pg::child::Program::remove`]), or the caller's to remove.
    pub(super) fn lend(&self, name: &str, more: &[(&'static str, String)]) -> Result<Handover, String> {
        self.lend_on(Side::Target, name, more)
    }

    /// As [`Self::lend`], to a program that works on this side. Through a pooler nothing is set: it would stay so
    /// for others.
    pub(super) fn lend_on(
        &self,
        side: Side,
        name: &str,
        more: &[(&'static str, String)],
    ) -> Result<Handover, String> {
        let config =
            self.config_of(side).ok_or_else(|| format!("the plan names no address of {}", name_of(side)))?;
        match side {
            Side::Pooler => handed_over(config, name, more),
            Side::Source => self.lend_to(config, self.sides.source_version, name, more),
            _ => self.lend_to(config, self.look.server_version(), name, more),
        }
    }

    /// As [`Self::lend`], to a program that works on any database of a server of this version.
    pub(super) fn lend_to(
        &self,
        config: &ConnectConfig,
        version: u32,
        name: &str,
        more: &[(&'static str, String)],
    ) -> Result<Handover, String> {
        let mut settings = more.to_vec();
        settings.push(("idle_in_transaction_session_timeout", "0".to_owned()));
        if version >= 140_000 {
            settings.push(("idle_session_timeout", "0".to_owned()));
        }
        if version >= 170_000 {
            settings.push(("transaction_timeout", "0".to_owned()));
        }
        handed_over(config, name, &settings)
    }

    /// Hears a program until it has ended, by itself or by our word. It isn't asked to end by SIGINT: that
    /// would end what it has started, and it would go on behind it.
    pub(super) async fn follow(
        &mut self,
        mut child: Child,
        limit: Option<Duration>,
        mut hear: impl FnMut(Heard<'_>) -> Result<(), String>,
    ) -> Course {
        let until = limit.map(|limit| (tokio::time::Instant::now() + limit, limit));
        let mut output = child.take_output();
        let mut chunk = Vec::with_capacity(if output.is_some() { CHUNK } else { 0 });
        let (mut ended, mut last_words) = (None, tokio::time::Instant::now());
        let cut = loop {
            if let (Some(ended), true) = (ended, output.is_none()) {
                return Course { ended, cut: None };
            }
            let heard = tokio::select! {
                biased;
                why = self.attention.interrupted() => break Cut::Interrupted(why),
                limit = over(until), if ended.is_none() => break Cut::TimedOut(limit),
                read = take(&mut output, &mut chunk) => match read {
                    0 => {
                        output = None;
                        Ok(())
                    }
                    _ => hear(Heard::Bytes(&chunk)),
                },
                news = child.next(), if ended.is_none() => match news {
                    News::Said(line) => hear(Heard::Line(&line)),
                    News::Ended(how) => {
                        ended = Some(how);
                        last_words = tokio::time::Instant::now() + LAST_WORDS;
                        Ok(())
                    }
                },
                // Somebody who left the group may hold the pipe for ever.
                () = tokio::time::sleep_until(last_words), if ended.is_some() => {
                    output = None;
                    Ok(())
                }
            };
            chunk.clear();
            if let Err(why) = heard {
                break Cut::Unheard(why);
            }
        };
        drop(output);
        if let Some(ended) = ended {
            return Course { ended, cut: Some(cut) };
        }
        let last = |line: Line| drop(hear(Heard::Line(&line)));
        let ended = child.stop(Signal::SIGTERM, GRACE, last).await;
        Course { ended, cut: Some(cut) }
    }
}

/// Its time is over; never when it has all the time there is.
async fn over(until: Option<(tokio::time::Instant, Duration)>) -> Duration {
    match until {
        Some((until, limit)) => {
            tokio::time::sleep_until(until).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// The next piece of output; 0: there is no more.
async fn take(output: &mut Option<tokio::process::ChildStdout>, chunk: &mut Vec<u8>) -> usize {
    match output {
        Some(output) => output.read_buf(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// How a program ended, in words.
pub(super) fn words(ended: Ended) -> String {
    match ended {
        Ended::Code(code) => format!("ended with exit code {code}"),
        Ended::Signal(signal) => format!("was ended by signal {signal}"),
    }
}

fn handed_over(
    config: &ConnectConfig,
    name: &str,
    settings: &[(&'static str, String)],
) -> Result<Handover, String> {
    config
        .hand_over(&std::env::temp_dir(), name, settings)
        .map_err(|error| format!("hand the connection over by a file: {error}"))
}
