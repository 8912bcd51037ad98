//! Reads the scripts that are looked at, away from the screen.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use crate::cockpit::link::Link;
use crate::cockpit::message::{Msg, SourceOf};
use crate::cockpit::source::{SHOWN_BYTES, Source};
use crate::plan::model::{Action, Plan, PlanFile, Section, Undo};
use crate::script::{SECTIONED_BYTES, section};

/// Gives the beginning of a file that the plan names: at most so many bytes.
pub type Read = Arc<dyn Fn(&PlanFile, usize) -> Result<Vec<u8>, String> + Send + Sync>;

/// Starts the thread; it ends when nobody asks any more.
#[must_use]
pub fn start(plan: Arc<Plan>, read: Read, link: Link) -> Sender<SourceOf> {
    let (asks, wanted) = channel::<SourceOf>();
    let thread = std::thread::Builder::new().name("scripts".into()).spawn(move || {
        while let Ok(of) = wanted.recv() {
            let source = Arc::new(load(&plan, &read, &of));
            if !link.send(Msg::Source { of, source }) {
                return;
            }
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to read scripts");
    }
    asks
}

fn load(plan: &Plan, read: &Read, of: &SourceOf) -> Source {
    let step = plan.steps().find(|step| step.id == of.step);
    let action = step.and_then(|step| match (&step.rollback, of.back) {
        (Some(Undo::Own(undo)), true) => Some(&undo.action),
        (_, true) => None,
        (_, false) => Some(&step.action),
    });
    let own = || plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match action {
        Some(Action::File { file, section }) => script(file, section.as_ref(), read),
        Some(Action::Files { files, .. }) => {
            let named = files.iter().find(|file| file.name == of.file).or(files.first());
            named.map_or_else(|| Source::absent("", "no files".into()), |file| script(file, None, read))
        }
        Some(
            Action::Sql { text, line }
            | Action::Check { sql: text, line }
            | Action::Probe { sql: text, line },
        ) => Source::read(&own(), text.as_bytes(), *line as u64),
        _ => Source::absent(&of.step, "there is no script".into()),
    }
}

fn script(file: &PlanFile, part: Option<&Section>, read: &Read) -> Source {
    let most = if part.is_some() { SECTIONED_BYTES } else { SHOWN_BYTES };
    let bytes = match read(file, most + 1) {
        Ok(bytes) => bytes,
        Err(why) => return Source::absent(&file.name, why),
    };
    let Some(part) = part else { return Source::read(&file.name, &bytes, 1) };
    let names: Vec<&str> = part.all.iter().map(String::as_str).collect();
    let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
    match section(&bytes, &part.begin, &names) {
        Ok(span) => {
            let (from, to) = (at(span.start), at(span.end));
            let first = 1 + bytes[..from].iter().filter(|&&c| c == b'\n').count() as u64;
            Source::read(&file.name, &bytes[from..to], first)
        }
        Err(error) => Source::absent(&file.name, error.to_string()),
    }
}
