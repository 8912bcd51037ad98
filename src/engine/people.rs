//! Steps that people do: checklists and sign-offs. Proofs tick what they can; the rest waits.

use super::conductor::{Conductor, Flow};
use super::problems;
use super::stop::Stop;
use super::verify::count;
use crate::plan::model::{Item, Phase, Proof, Signoff, Step};
use crate::run::command::Wish;
use crate::run::event::{Assurance, Event, HoldReason, Mode, Person, Problem, ProgramEnding, ProofShown};
use crate::run::state::Status;

impl Conductor {
    /// A checklist: every item ticked, by its proof or by a person.
    ///
    /// # Errors
    /// [`Stop`] when nobody is there, or the run can't go on.
    pub async fn confirm(&mut self, step: &Step, items: &[Item]) -> Result<Result<(), Problem>, Stop> {
        if let Err(problem) = self.prove(&step.id, items).await? {
            return Ok(Err(problem));
        }
        loop {
            let open = self.open_items(&step.id, items);
            if open.is_empty() {
                return Ok(Ok(()));
            }
            let who = step.owner.clone().unwrap_or_else(|| "the driver".into());
            let needs = format!("{who} confirms: {}", open.join(" · "));
            match self
                .wait_for(
                    HoldReason::Person,
                    &step.id,
                    needs,
                    step.about.as_deref().map(|about| self.fill(about)),
                    |run| {
                        run.step(&step.id)
                            .is_some_and(|s| open.iter().all(|item| s.confirmed.contains_key(item)))
                    },
                )
                .await?
            {
                Flow::Go => {}
                Flow::Failed(problem) => return Ok(Err(problem)),
            }
        }
    }

    /// Signatures of roles, in order.
    ///
    /// # Errors
    /// [`Stop`] when nobody is there, or the run can't go on.
    pub async fn signoff(&mut self, step: &Step, signoff: &Signoff) -> Result<Result<(), Problem>, Stop> {
        if let Err(problem) = self.prove(&step.id, &signoff.items).await? {
            return Ok(Err(problem));
        }
        loop {
            let open = self.open_items(&step.id, &signoff.items);
            let missing: Vec<String> = self.recorder.look(|run| {
                let signed = run.step(&step.id).map(|s| s.signed.clone()).unwrap_or_default();
                signoff.roles.iter().filter(|role| !signed.contains_key(*role)).cloned().collect()
            });
            let declined = self.recorder.look(|run| {
                run.step(&step.id).and_then(|s| {
                    s.signed
                        .iter()
                        .find(|(_, (_, accepted, _))| !accepted)
                        .map(|(role, (person, _, word))| format!("{role} ({}) declined: {word}", person.name))
                })
            });
            if let Some(declined) = declined {
                return Ok(Err(problems::plain(declined)));
            }
            if missing.is_empty() && open.is_empty() {
                if let Some(what) = self.ahead_of(step) {
                    self.record(Event::Deviation { step: Some(step.id.clone()), what }).await?;
                }
                return Ok(Ok(()));
            }
            let needs = match (open.is_empty(), signoff.any_order) {
                (false, _) => format!("before it is signed, tick: {}", open.join(" · ")),
                (true, true) => format!("signed by {}", missing.join(", ")),
                (true, false) => format!("signed by {}", missing[0]),
            };
            match self.wait_for_signature(step, signoff, needs, !open.is_empty()).await? {
                Flow::Go => {}
                Flow::Failed(problem) => return Ok(Err(problem)),
            }
        }
    }

    /// What of earlier phases isn't done when it is signed: phases can be asked for in another order, and the
    /// evidence has to say that this one didn't come at its place.
    fn ahead_of(&self, step: &Step) -> Option<String> {
        let phases = &self.plan.phases;
        let own = phases.iter().position(|phase| phase.steps.iter().any(|one| one.id == step.id))?;
        let open: Vec<String> = phases[..own]
            .iter()
            .filter_map(|phase| {
                let to_come = phase.steps.iter().filter(|step| !self.status(&step.id).is_settled()).count();
                let of = count(phase.steps.len(), "step");
                (to_come > 0).then(|| format!("phase \"{}\" ({to_come} of {of} to come)", phase.title))
            })
            .collect();
        let words = || {
            format!(
                "\"{}\" was signed before what the plan has before it was finished: {}",
                step.title,
                open.join(", ")
            )
        };
        (!open.is_empty()).then(words)
    }

    /// Items that nobody and nothing has ticked yet.
    fn open_items(&self, step: &str, items: &[Item]) -> Vec<String> {
        self.recorder.look(|run| {
            let ticked = |item: &Item| run.step(step).is_some_and(|s| s.confirmed.contains_key(&item.item));
            items.iter().filter(|item| !ticked(item)).map(|item| item.item.clone()).collect()
        })
    }

    async fn wait_for_signature(
        &mut self,
        step: &Step,
        signoff: &Signoff,
        needs: String,
        ticking: bool,
    ) -> Result<Flow, Stop> {
        self.hold(HoldReason::Person, Some(&step.id), needs, Some(self.fill(&signoff.statement))).await?;
        loop {
            let command = self.next_wish().await?;
            let by = command.by.clone();
            match command.what {
                Wish::Sign { step: of, role, accept, note } if of == step.id => {
                    let statement = signoff
                        .statements
                        .iter()
                        .find(|(named, _)| *named == role)
                        .map_or_else(|| signoff.statement.clone(), |(_, text)| text.clone());
                    let statement = self.fill(&statement);
                    let (yes, no) = signoff.decision.clone();
                    let word = if accept { yes } else { no };
                    self.record(Event::Signed {
                        step: of,
                        role,
                        by,
                        accepted: accept,
                        word,
                        statement,
                        note,
                    })
                    .await?;
                    self.go_on("signed").await?;
                    return Ok(Flow::Go);
                }
                Wish::Confirm { .. } => {
                    // Several ticks may have been on their way; the last of them ends the wait for ticks.
                    if ticking && self.open_items(&step.id, &signoff.items).is_empty() {
                        self.go_on("all is ticked").await?;
                        return Ok(Flow::Go);
                    }
                }
                other => {
                    if let Some(flow) = self.obey(Some(&step.id), other, by).await? {
                        return Ok(flow);
                    }
                }
            }
        }
    }

    /// What can be done about a proof that didn't pass. A phase is watched once.
    fn what_helps(&self, of: &str) -> String {
        let watched = |phase: &Phase| phase.watches.iter().any(|watch| watch.checkpoint.id == of);
        let over = self.plan.phases.iter().any(|phase| watched(phase) || phase.id == of);
        match over {
            true => format!(
                "{of} stands as it is, since its phase is over: leave this checklist out with a reason, or roll back"
            ),
            false => format!("mend {of} and retry, or leave this checklist out with a reason"),
        }
    }

    /// Ticks what proofs can tick. A proof that didn't pass fails the step.
    async fn prove(&mut self, step: &str, items: &[Item]) -> Result<Result<(), Problem>, Stop> {
        for item in items.iter().filter(|item| !item.proof.is_empty()) {
            let done = self
                .recorder
                .look(|run| run.step(step).is_some_and(|s| s.confirmed.contains_key(&item.item)));
            if done {
                continue;
            }
            let open: Vec<Option<ProofShown>> =
                item.proof.iter().map(|proof| self.left_open(proof)).collect();
            let by = match open.iter().any(Option::is_some) {
                true => Person { name: "demo".into(), how: Assurance::Demo },
                false => Person { name: "proof".into(), how: Assurance::Proof },
            };
            let failed = item.proof.iter().zip(&open).filter(|(_, open)| open.is_none());
            if let Some(failed) = failed.map(|(proof, _)| self.show(proof)).find(|shown| !shown.passed) {
                let mut problem = problems::plain(format!(
                    "\"{}\" rests on {}, which didn't pass: expected {}, got {}",
                    item.item, failed.of, failed.expected, failed.got
                ));
                problem.hint = Some(self.what_helps(&failed.of));
                return Ok(Err(problem));
            }
            // Text is a person's to write, also where the fact is proven.
            if item.write {
                continue;
            }
            let proof = item
                .proof
                .iter()
                .zip(open)
                .map(|(proof, open)| open.unwrap_or_else(|| self.show(proof)))
                .collect();
            self.record(Event::Confirmed {
                step: step.to_owned(),
                item: item.item.clone(),
                by,
                note: None,
                proof,
            })
            .await?;
        }
        Ok(Ok(()))
    }

    /// A proof that a demo can't have, since nobody asked for the evidence or ran the program: the demo ticks
    /// what rests on it, as it ticks what is a person's.
    fn left_open(&self, proof: &Proof) -> Option<ProofShown> {
        if self.mode != Mode::Demo {
            return None;
        }
        let (of, got) = match proof {
            // Its guards name a database that this isn't.
            Proof::Target if self.recorder.look(|run| run.target_checks.is_empty()) => {
                return Some(ProofShown {
                    of: "target".into(),
                    expected: "the guards of the target pass".into(),
                    got: "not asked for in a demo".into(),
                    passed: false,
                });
            }
            Proof::Step(id) => (id, self.not_done_in_a_demo(id)?.to_owned()),
            Proof::Phase(id) => {
                let phase = self.plan.phases.iter().find(|phase| phase.id == *id)?;
                let open = |step: &&Step| self.not_done_in_a_demo(&step.id).is_some();
                let left = phase.steps.iter().filter(open).map(|step| step.id.as_str()).collect::<Vec<_>>();
                let rest = phase.steps.iter().filter(|step| !open(step));
                if left.is_empty() || rest.map(|step| self.show_step(&step.id)).any(|shown| !shown.passed) {
                    return None;
                }
                (id, format!("{} not done in a demo", left.join(", ")))
            }
            _ => return None,
        };
        Some(ProofShown { of: of.clone(), expected: "verified".into(), got, passed: false })
    }

    /// Why a step that settled has proven nothing.
    fn not_done_in_a_demo(&self, id: &str) -> Option<&'static str> {
        self.recorder.look(|run| {
            let step = run.step(id)?;
            let program = run.programs.iter().rfind(|program| program.step == id);
            let left_out = program.is_some_and(|program| program.ending == ProgramEnding::LeftOut);
            match step.status {
                Status::Assumed => Some("not asked for in a demo"),
                Status::Verified if left_out => Some("not run in a demo"),
                _ => None,
            }
        })
    }

    fn show(&self, proof: &Proof) -> ProofShown {
        match proof {
            Proof::Target => {
                let (all, failed) = self.recorder.look(|run| {
                    let failed = run.target_checks.iter().filter(|check| !check.verdict.passed).count();
                    (run.target_checks.len(), failed)
                });
                let name = self.target.describe();
                ProofShown {
                    of: "target".into(),
                    expected: format!("{all} guards of the target pass"),
                    got: if failed == 0 { name } else { format!("{failed} failed") },
                    passed: failed == 0,
                }
            }
            Proof::Files => {
                let n = self.plan.files.len();
                ProofShown {
                    of: "files".into(),
                    expected: format!("{n} files of the plan are present"),
                    got: format!("{n} files, sha256 {}", short(&self.digest)),
                    passed: true,
                }
            }
            Proof::Vars => {
                let n = self.plan.vars.len();
                ProofShown {
                    of: "vars".into(),
                    expected: format!("{n} variables have a value"),
                    got: format!("{n} have"),
                    passed: true,
                }
            }
            Proof::Step(id) => self.show_step(id),
            Proof::Phase(id) => {
                let steps: Vec<String> = self
                    .plan
                    .phases
                    .iter()
                    .filter(|phase| phase.id == *id)
                    .flat_map(|phase| phase.steps.iter().map(|step| step.id.clone()))
                    .collect();
                let watches: Vec<String> = self
                    .plan
                    .phases
                    .iter()
                    .filter(|phase| phase.id == *id)
                    .flat_map(|phase| phase.watches.iter().map(|watch| watch.checkpoint.id.clone()))
                    .collect();
                let failed: Vec<String> = steps
                    .iter()
                    .map(|step| self.show_step(step))
                    .filter(|shown| !shown.passed)
                    .chain(watches.iter().map(|id| self.show_watch(id)).filter(|shown| !shown.passed))
                    .map(|shown| format!("{} {}", shown.of, shown.got))
                    .chain(self.phase_over(id))
                    .collect();
                let within =
                    self.phase_allowed(id).map(|words| format!(" within {words}")).unwrap_or_default();
                ProofShown {
                    of: id.clone(),
                    expected: format!("{} steps verified{within}", steps.len()),
                    got: if failed.is_empty() { "all of them".into() } else { failed.join(", ") },
                    passed: failed.is_empty(),
                }
            }
            Proof::Checkpoint(id) => self.recorder.look(|run| match run.checkpoint(id) {
                Some(result) => ProofShown {
                    of: id.clone(),
                    expected: result.verdict.expected.clone(),
                    got: result.verdict.got.clone(),
                    passed: result.verdict.passed,
                },
                None => ProofShown {
                    of: id.clone(),
                    expected: "it passed".into(),
                    got: "it hasn't run".into(),
                    passed: false,
                },
            }),
            Proof::Watch(id) => self.show_watch(id),
        }
    }

    /// It was sampled to the end of its phase and was never breached, whoever went on.
    fn show_watch(&self, id: &str) -> ProofShown {
        let seen = self.recorder.look(|run| run.watches.get(id).cloned()).unwrap_or_default();
        let got = match (seen.breaches.last(), seen.samples) {
            (Some(breach), _) => format!("breached: {}", breach.verdict.got),
            (None, 0) => "it wasn't sampled".to_owned(),
            (None, samples) => {
                let last = seen.figures.as_ref().map(|figures| figures.last.as_str()).unwrap_or_default();
                format!(
                    "{}, the last {last}",
                    super::verify::count(usize::try_from(samples).unwrap_or(usize::MAX), "sample")
                )
            }
        };
        ProofShown { of: id.to_owned(), expected: "it held".into(), got, passed: seen.held() }
    }

    fn show_step(&self, id: &str) -> ProofShown {
        let (status, passed, total) = self.recorder.look(|run| {
            let step = run.step(id);
            let checks = step.map(|step| &step.checkpoints);
            (
                step.map_or(Status::Pending, |step| step.status),
                checks.map_or(0, |checks| checks.values().filter(|c| c.verdict.passed).count()),
                checks.map_or(0, |checks| checks.len()),
            )
        });
        let good = matches!(status, Status::Verified | Status::Accepted);
        let word = format!("{status:?}").to_lowercase();
        ProofShown {
            of: id.to_owned(),
            expected: "verified".into(),
            got: if total > 0 { format!("{word}, {passed} of {total} checkpoints passed") } else { word },
            passed: good,
        }
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
