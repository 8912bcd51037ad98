//! Nothing changes before the sign-off that authorizes it.

use crate::plan::build::context::Build;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::Plan;

pub(in crate::plan) fn check(build: &mut Build<'_>, plan: &Plan) {
    let Some(def) = plan.authorization.as_deref().and_then(|id| build.index.get(id)) else { return };
    let (order, span, id) = (def.order, def.span, def.id.clone());
    for change in &build.changes {
        if build.index.defs[change.step].order < order {
            let related = build.report.related(span, "authorized here");
            let message = format!("this step changes something before `{id}` has authorized it");
            let diagnostic = build.report.add(Severity::Error, Code::Order, change.span, message);
            diagnostic.related.push(related);
            diagnostic.help = Some("move it behind, or say `changes = false` when it changes nothing".into());
        }
    }
}
