//! Shell commands of a script that the plan allows: `\!`, backticks, and the programs at the other end of
//! a pipe.
//!
//! A command runs as psql's would, by `/bin/sh -c`, and stands in the plan's SQL folder. Its environment is
//! an allow-list with our connection in it (`PGHOST` and its kin; the password in a file that goes with the
//! command), so that a `psql` in it comes to the same database, and the run's folder for files
//! (`HOLDPOINT_ARTIFACTS`). What it prints is shown line by line. What it leaves behind is ended with it.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;

use super::heard::Broken;
use super::problems;
use super::stream::Stream;
use crate::pg::ConnectConfig;
use crate::pg::child::{Child, Ended, News, Pipes, Program};
use crate::run::event::Place;
use crate::script::mask_secrets;

/// How long a command may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes that a command in backticks may give.
const ANSWER: usize = 16 * 1024 * 1024;
/// How long output may still come after a command has ended.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is said of a command that isn't run.
pub(in crate::engine) const LEFT_OUT: &str = "isn't run in a demo or rehearsal";

/// Where a script's shell commands run.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The plan's SQL folder.
    pub folder: PathBuf,
    /// Where a run writes.
    pub artifacts: PathBuf,
    /// They run at all: in a demo or rehearsal only when the step says so.
    pub shell: bool,
}

/// Starts a command with our connection in its environment.
pub(super) fn start(
    config: &ConnectConfig,
    ground: &Ground,
    command: &str,
    pipes: Pipes,
) -> Result<Child, String> {
    let handed = config
        .hand_over(&std::env::temp_dir(), "holdpoint shell", &[])
        .map_err(|error| format!("hand the connection over by a file: {error}"))?;
    let mut environment = handed.environment;
    environment.push(("HOLDPOINT_ARTIFACTS".into(), ground.artifacts.clone().into_os_string()));
    let passfile = handed.passfile.clone();
    let program = Program {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), command.into()],
        folder: ground.folder.clone(),
        environment,
        input: Vec::new(),
        remove: vec![handed.passfile],
    };
    Child::start_with(program, pipes).map_err(|error| {
        let _ = std::fs::remove_file(passfile);
        error.to_string()
    })
}

/// How a command ended, in words; none when all is well.
pub(super) fn fault(ended: Ended) -> Option<String> {
    match ended {
        Ended::Code(0) => None,
        Ended::Code(code) => Some(format!("ended with exit code {code}")),
        Ended::Signal(signal) => Some(format!("was ended by signal {signal}")),
    }
}

/// As a shell counts.
pub(super) fn code(ended: Ended) -> i32 {
    match ended {
        Ended::Code(code) => code,
        Ended::Signal(signal) => 128 + signal,
    }
}

impl Stream<'_> {
    /// The connection that a command gets, and where it stands.
    pub(super) fn begin_shell(
        &mut self,
        command: &str,
        place: &Place,
        pipes: Pipes,
    ) -> Result<Child, Broken> {
        let Some(ground) = &self.ground else {
            return Err(at(place, "there is no place for a shell command here".to_owned()));
        };
        if !ground.shell {
            let mut broken = at(
                place,
                "the script works with what a shell command writes, and none is run in a demo or rehearsal"
                    .to_owned(),
            );
            if let Broken::Script(problem) = &mut broken {
                problem.hint = Some(
                    "where it may run there too, give the step demo = true; else the step can't be rehearsed"
                        .into(),
                );
            }
            return Err(broken);
        }
        let begun = std::fs::DirBuilder::new().recursive(true).create(&ground.artifacts);
        let started = begun.map_err(|error| error.to_string());
        let started = started.and_then(|()| start(self.work.config(), ground, command, pipes));
        self.shelled = true;
        started.map_err(|error| at(place, error))
    }

    /// `\!`: whatever its exit code is, psql goes on.
    ///
    /// # Errors
    /// `Broken::Interrupted`, or when it can't be started.
    pub async fn shell(&mut self, command: &str, place: &Place) -> Result<Ended, Broken> {
        if self.leaves_out("\\!", command, place) {
            return Ok(Ended::Code(0));
        }
        let mut child = self.begin_shell(command, place, Pipes::default())?;
        let ended = self.until_end(&mut child, place).await?;
        self.remark(ended, "\\!", place);
        Ok(ended)
    }

    /// A command in backticks: what it writes.
    ///
    /// # Errors
    /// As [`Self::shell`], and when what it writes is no text.
    pub async fn captured(&mut self, command: &str, place: &Place) -> Result<(String, Ended), Broken> {
        let mut child = self.begin_shell(command, place, Pipes { output: true, input: false })?;
        let Some(mut output) = child.take_output() else {
            return Err(at(place, "its output can't be read".to_owned()));
        };
        let (mut bytes, mut ended, mut open) = (Vec::new(), None, true);
        while open || ended.is_none() {
            tokio::select! {
                read = output.read_buf(&mut bytes), if open => open = read.is_ok_and(|read| read > 0),
                news = child.next(), if ended.is_none() => match news {
                    News::Said(line) => (self.say)(&line.text),
                    News::Ended(how) => ended = Some(how),
                },
                () = tokio::time::sleep(LAST_WORDS), if ended.is_some() => break,
                why = self.attention.interrupted() => return Err(self.stopped(child, why, place).await),
            }
            if bytes.len() > ANSWER {
                let most = ANSWER / 1024 / 1024;
                return Err(at(place, format!("a command in backticks wrote more than {most} MB")));
            }
        }
        let ended = ended.unwrap_or(Ended::Code(0));
        self.remark(ended, "a command in backticks", place);
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text
            .ok_or_else(|| at(place, "what the command in backticks wrote isn't text in UTF-8".to_owned()))?;
        Ok((text, ended))
    }

    /// A command whose output the script doesn't read isn't run in a demo or rehearsal: it is shown, and is
    /// in the evidence. `true`: it is left out.
    pub(super) fn leaves_out(&mut self, what: &str, command: &str, place: &Place) -> bool {
        if self.ground.as_ref().is_none_or(|ground| ground.shell) {
            return false;
        }
        let command: String = mask_secrets(command.trim()).chars().take(200).collect();
        let line = format!("{}:{}: {what} {LEFT_OUT}: {command}", place.file, place.line);
        (self.say)(&line);
        self.passed.remark(line);
        true
    }

    /// Shows what a command says until it has ended.
    pub(super) async fn until_end(&mut self, child: &mut Child, place: &Place) -> Result<Ended, Broken> {
        loop {
            tokio::select! {
                biased;
                why = self.attention.interrupted() => {
                    let say = &mut self.say;
                    child.stop(Signal::SIGTERM, GRACE, |line| say(&line.text)).await;
                    return Err(self.interrupted_at(why, place));
                }
                news = child.next() => match news {
                    News::Said(line) => (self.say)(&line.text),
                    News::Ended(ended) => return Ok(ended),
                },
            }
        }
    }

    /// Ends a command since somebody said so.
    pub(super) async fn stopped(
        &mut self,
        mut child: Child,
        why: super::attention::Interruption,
        place: &Place,
    ) -> Broken {
        let say = &mut self.say;
        child.stop(Signal::SIGTERM, GRACE, |line| say(&line.text)).await;
        self.interrupted_at(why, place)
    }

    pub(super) fn interrupted_at(&mut self, why: super::attention::Interruption, place: &Place) -> Broken {
        let mut broken = self.interruption(why);
        if let Broken::Interrupted(_, problem) = &mut broken {
            problem.place = Some(place.clone());
        }
        broken
    }

    /// An exit code that stops nothing is told all the same.
    pub(super) fn remark(&mut self, ended: Ended, what: &str, place: &Place) {
        if let Some(how) = fault(ended) {
            let line =
                format!("{}:{}: {what} {how}: nothing stops there, as in psql", place.file, place.line);
            (self.say)(&line);
            self.passed.remark(line);
        }
    }
}

/// A command couldn't do what the script asks of it.
pub(super) fn at(place: &Place, message: String) -> Broken {
    let mut problem = problems::plain(message);
    problem.place = Some(place.clone());
    Broken::Script(Box::new(problem))
}
