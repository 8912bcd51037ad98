//! Whether somebody may tick or sign now, and who is still missing.

use super::event::Person;
use super::gate::{Refused, Verdict, known, no};
use super::state::{Run, RunState};
use super::step::{Status, StepState};

/// Its turn has come, and it isn't over.
fn waits<'a>(run: &'a Run, id: &str) -> Result<&'a StepState, Refused> {
    let step = known(run, id)?;
    match step.status {
        _ if run.state == RunState::Opening => Err(Refused("no step has begun yet".into())),
        Status::Running => Ok(step),
        Status::Pending => Err(Refused(format!("it isn't the turn of step `{id}` yet"))),
        status => Err(Refused(format!("step `{id}` is {status}"))),
    }
}

pub(super) fn confirm(run: &Run, id: &str, item: &str, note: Option<&str>) -> Verdict {
    let step = known(run, id)?;
    let items = run.outline(id).map(|outline| outline.items.as_slice()).unwrap_or_default();
    if items.is_empty() {
        return no(format!("step `{id}` has no checklist"));
    }
    let Some(outline) = items.iter().find(|known| known.item == item) else {
        return no(format!("the checklist of step `{id}` has no item `{item}`"));
    };
    waits(run, id)?;
    if let Some((by, _)) = step.confirmed.get(item) {
        return no(format!("`{item}` is ticked already, by {}", by.name));
    }
    if outline.proven {
        return no(format!("`{item}` is ticked by its proof, not by hand"));
    }
    if outline.write && note.is_none_or(|note| note.trim().is_empty()) {
        return no(format!("`{item}` wants something written"));
    }
    Ok(())
}

pub(super) fn sign(run: &Run, by: &Person, id: &str, role: &str, accept: bool) -> Verdict {
    let step = known(run, id)?;
    let Some(outline) = run.outline(id).filter(|outline| !outline.roles.is_empty()) else {
        return no(format!("step `{id}` asks for no signature"));
    };
    if !outline.roles.iter().any(|known| known == role) {
        return no(format!("step `{id}` doesn't ask for `{role}` but for {}", outline.roles.join(", ")));
    }
    waits(run, id)?;
    match step.signed.get(role) {
        Some((who, true, _)) => return no(format!("`{role}` has signed already: {}", who.name)),
        Some((who, false, _)) => {
            return no(format!(
                "`{role}` has declined: {}; step `{id}` has to be tried again first",
                who.name
            ));
        }
        None => {}
    }
    if by.name.trim().is_empty() {
        return no("a signature needs a name");
    }
    if !accept {
        return Ok(());
    }
    if let Some(first) = step.roles_missing(&outline.roles).next().filter(|first| *first != role)
        && !outline.any_order
    {
        return no(format!("`{first}` signs before `{role}`"));
    }
    ticked(run, step)
}

/// Everybody and everything that the step waits for is there.
pub(super) fn all_there(run: &Run, step: &StepState) -> Verdict {
    ticked(run, step)?;
    let Some(outline) = run.outline(&step.id) else { return Ok(()) };
    let missing: Vec<&str> = step.roles_missing(&outline.roles).map(String::as_str).collect();
    if missing.is_empty() { Ok(()) } else { no(format!("not signed yet: {}", missing.join(", "))) }
}

fn ticked(run: &Run, step: &StepState) -> Verdict {
    let Some(outline) = run.outline(&step.id) else { return Ok(()) };
    let open = outline.items.iter().filter(|item| !step.confirmed.contains_key(&item.item));
    let open: Vec<&str> = open.map(|item| item.item.as_str()).collect();
    if open.is_empty() { Ok(()) } else { no(format!("not ticked yet: {}", open.join(", "))) }
}
