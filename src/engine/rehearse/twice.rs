//! A step that claims to be idempotent: run a second time, it must leave everything as it was.

use std::sync::Arc;
use std::time::Instant;

use super::course::Order;
use super::ground::Ground;
use super::settings::alone;
use super::walk::{Forward, Walk};
use crate::engine::source_server::SourceServer;
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::plan::expect::Saved;
use crate::plan::model::Plan;
use crate::run::rehearsal::Part;
use crate::script::Origin;

/// Runs the step again on the copy where it was applied just now; what differs comes with it.
pub(super) async fn twice(
    ground: &Ground,
    beside: Option<&SourceServer>,
    order: &Order,
    plan: &Plan,
    step: &str,
    saved: Saved,
) -> Result<Part, Stop> {
    let Some(plan) = alone(plan, step) else {
        return Ok(Part::not_done("the plan has no such step"));
    };
    let before = ground.image().await?;
    let mut walk = Walk::open(ground, beside, order, &Arc::new(plan)).await?;
    for (name, value) in saved {
        if let Some(text) = value.text {
            let origin = Origin::Database { raw_allowed: false };
            // Names were checked when the plan was loaded, and the value was a variable once already.
            let _ = walk.conductor().vars.set_from(&name, text, origin);
        }
    }
    let began = Instant::now();
    let gone = walk.forward(step).await;
    let ms = millis(began.elapsed());
    walk.close().await;
    if let Forward::Short(why) = gone? {
        return Ok(Part::failed(format!("the second time it fails: {why}"), Some(ms)));
    }
    let changed = ground.residue(&before).await?;
    if changed.is_empty() {
        return Ok(Part::passed(ms));
    }
    let what = super::report::some_words(&changed);
    Ok(Part::failed(format!("run a second time it changes {what}"), Some(ms)))
}
