//! Where the results of a script go when it says so: `\o` and `\g`, a file of the run or a shell command.

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use super::copy::Writing;
use super::heard::Broken;
use super::print;
use super::shell::{self, at};
use super::stream::Stream;
use super::table::Table;
use crate::pg::child::{Child, Ended, News, Pipes};
use crate::run::event::Place;
use crate::script::{Sink, unmarked};

/// Bytes for a command that are kept before it has to take them.
const PENDING: usize = 256 * 1024;

/// Something that takes results. A file that isn't closed is gone; a command is ended.
pub(super) enum Outlet {
    Nobody,
    File(Box<Writing>),
    Program(Box<Piped>),
}

/// A command that reads results.
pub(super) struct Piped {
    child: Child,
    /// None: it has ended or reads no more.
    input: Option<ChildStdin>,
    pending: Vec<u8>,
    ended: Option<Ended>,
    place: Place,
}

impl Outlet {
    /// What comes is kept whole for it.
    fn takes_all(&self) -> bool {
        !matches!(self, Self::Nobody)
    }
}

impl Stream<'_> {
    /// Opens where results are to go; none is where they go anyway.
    pub(super) fn open_outlet(&mut self, to: &Sink, place: &Place) -> Result<Option<Outlet>, Broken> {
        Ok(match to {
            Sink::Usual => None,
            Sink::Nobody => Some(Outlet::Nobody),
            Sink::File(name) => {
                let Some(ground) = &self.ground else {
                    return Err(at(place, format!("there is no folder for {name} here")));
                };
                let begun = Writing::begin(&ground.artifacts, name, place.clone());
                let path = ground.artifacts.join(name);
                let writing = begun.map_err(|error| unwritten(&path, place, &error))?;
                Some(Outlet::File(Box::new(writing)))
            }
            Sink::Program(command) => Some(self.pipe_to("a pipe", command, place)?),
        })
    }

    /// Starts a command that reads results.
    pub(super) fn pipe_to(&mut self, what: &str, command: &str, place: &Place) -> Result<Outlet, Broken> {
        if self.leaves_out(what, command, place) {
            return Ok(Outlet::Nobody);
        }
        let mut child = self.begin_shell(command, place, Pipes { input: true, output: false })?;
        let input = child.take_input();
        let piped = Piped { child, input, pending: Vec::new(), ended: None, place: place.clone() };
        Ok(Outlet::Program(Box::new(piped)))
    }

    /// `\o`: results go there from now on.
    ///
    /// # Errors
    /// When what took them before couldn't, or the new one can't be had.
    pub async fn output(&mut self, to: &Sink, place: &Place) -> Result<(), Broken> {
        self.end_output().await?;
        self.outlet = self.open_outlet(to, place)?;
        self.widen(&crate::script::Then::PLAIN);
        Ok(())
    }

    /// Results go again where they go anyway; what took them is whole.
    ///
    /// # Errors
    /// When it couldn't take them.
    pub async fn end_output(&mut self) -> Result<(), Broken> {
        match self.outlet.take() {
            Some(outlet) => {
                if let Some((ended, place)) = self.close_outlet(outlet).await? {
                    self.remark(ended, "\\o |", &place);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The file is whole, or the command has read everything and ended: how.
    pub(super) async fn close_outlet(&mut self, outlet: Outlet) -> Result<Option<(Ended, Place)>, Broken> {
        match outlet {
            Outlet::Nobody => Ok(None),
            Outlet::File(writing) => {
                let (path, place) = writing.named();
                let written = writing.finish().map_err(|error| unwritten(&path, &place, &error))?;
                self.written.push(written);
                Ok(None)
            }
            Outlet::Program(mut piped) => {
                self.pour_into(&mut piped, 0).await?;
                drop(piped.input.take());
                let place = piped.place.clone();
                let ended = match piped.ended {
                    Some(ended) => ended,
                    None => self.until_end(&mut piped.child, &place).await?,
                };
                Ok(Some((ended, place)))
            }
        }
    }

    /// What takes the results of the statement that is answered now.
    fn takes(&mut self) -> Option<&mut Outlet> {
        self.once.as_mut().or(self.outlet.as_mut())
    }

    /// Whether results are kept whole as they come in.
    pub(super) fn keeps_all(&self) -> bool {
        self.once.as_ref().or(self.outlet.as_ref()).is_some_and(Outlet::takes_all)
    }

    /// A result goes where results go; false when that is to people.
    pub(super) fn put_table(&mut self, table: &Table, expanded: bool) -> bool {
        let Some(outlet) = self.takes() else { return false };
        if outlet.takes_all() {
            let text = if expanded { print::expanded(table) } else { print::aligned(table) };
            if let Outlet::File(writing) = outlet {
                writing.count(table.total);
            }
            self.put(&unmarked(&text));
        }
        true
    }

    /// Bytes go where results go; false when that is to people. A file that can't be written tells so when
    /// it is closed.
    pub(super) fn put(&mut self, bytes: &[u8]) -> bool {
        match self.takes() {
            None => return false,
            Some(Outlet::Nobody) => {}
            Some(Outlet::File(writing)) => writing.put(bytes),
            Some(Outlet::Program(piped)) if piped.input.is_some() => piped.pending.extend_from_slice(bytes),
            Some(Outlet::Program(_)) => {}
        }
        true
    }

    /// Gives a command what waits for it.
    pub(super) async fn pour(&mut self) -> Result<(), Broken> {
        for once in [true, false] {
            let slot = if once { &mut self.once } else { &mut self.outlet };
            let Some(Outlet::Program(piped)) = slot else { continue };
            if piped.pending.len() <= PENDING {
                continue;
            }
            let Some(Outlet::Program(mut piped)) = slot.take() else { continue };
            let poured = self.pour_into(&mut piped, PENDING / 2).await;
            let slot = if once { &mut self.once } else { &mut self.outlet };
            *slot = Some(Outlet::Program(piped));
            poured?;
        }
        Ok(())
    }

    /// Until at most `left` bytes wait. A command that reads no more has no use for the rest, as in psql.
    async fn pour_into(&mut self, piped: &mut Piped, left: usize) -> Result<(), Broken> {
        let mut from = 0;
        while piped.pending.len() - from > left {
            let Some(input) = &mut piped.input else { break };
            tokio::select! {
                biased;
                why = self.attention.interrupted() => {
                    piped.child.kill();
                    return Err(self.interrupted_at(why, &piped.place));
                }
                news = piped.child.next(), if piped.ended.is_none() => match news {
                    News::Said(line) => (self.say)(&line.text),
                    News::Ended(ended) => {
                        piped.ended = Some(ended);
                        piped.input = None;
                    }
                },
                wrote = input.write(&piped.pending[from..]) => match wrote {
                    Ok(wrote) if wrote > 0 => from += wrote,
                    _ => piped.input = None,
                },
            }
        }
        if piped.input.is_none() {
            from = piped.pending.len();
        }
        piped.pending.drain(..from);
        Ok(())
    }

    /// What took the results of one statement is closed, however the statement ended.
    pub(super) async fn end_once(&mut self, failed: bool) -> Result<(), Broken> {
        let Some(outlet) = self.once.take() else { return Ok(()) };
        if failed && matches!(outlet, Outlet::File(_)) {
            return Ok(());
        }
        let copies = self.once_copies;
        match self.close_outlet(outlet).await? {
            Some((ended, place)) if copies => match shell::fault(ended) {
                Some(how) => Err(at(&place, format!("\\copy: its program {how}"))),
                None => Ok(()),
            },
            Some((ended, place)) => {
                self.remark(ended, "\\g |", &place);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

pub(super) fn unwritten(path: &std::path::Path, place: &Place, error: &std::io::Error) -> Broken {
    at(place, format!("{} can't be written: {error}", path.display()))
}
