//! What a rehearsal changes of a plan: only who waits, and what follows a failure.

use crate::plan::model::{Action, BackupProof, OnFailure, Phase, Plan, Step, Stepping};

/// The plan as it is rehearsed. Nobody presses keys; and whatever the plan does about a failure, here
/// the run stands still at it, so that the way back can be looked at from there. A failure that the plan
/// passes over is passed over here too.
pub(super) fn rehearsed(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.stepping = Stepping::Auto;
    for step in plan.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
        stand_still(&mut step.on_failure);
        for checkpoint in &mut step.checkpoints {
            if let Some(policy) = &mut checkpoint.on_failure {
                stand_still(policy);
            }
        }
    }
    plan
}

fn stand_still(policy: &mut OnFailure) {
    if *policy != OnFailure::Continue {
        *policy = OnFailure::Hold;
    }
}

/// What the first walk has proven needs no second proof: the others list their backups, which is enough to
/// restore one, and don't try each on a server of its own.
pub(super) fn once_proven(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for step in plan.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
        if let Action::Backup(backup) = &mut step.action {
            backup.proof = BackupProof::List;
        }
    }
    plan
}

/// The plan with this step alone and nothing that is to be proven: what it leaves is compared instead.
/// (What it adds is nothing, the second time.)
pub(super) fn alone(plan: &Plan, id: &str) -> Option<Plan> {
    let step = plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id)?;
    let phase = plan.phases.iter().find(|phase| phase.steps.iter().any(|step| step.id == id))?;
    let step = Step {
        adds: None,
        checkpoints: Vec::new(),
        expect: None,
        save: None,
        takes: None,
        rollback: None,
        needs: Vec::new(),
        ..step.clone()
    };
    let phase = Phase { needs: Vec::new(), watches: Vec::new(), steps: vec![step], ..phase.clone() };
    Some(Plan { authorization: None, guards: Vec::new(), phases: vec![phase], ..plan.clone() })
}
