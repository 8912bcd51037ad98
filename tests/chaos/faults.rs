//! Sessions ended, connections cut, servers restarted: while a statement waits at a gate, and while a
//! COMMIT does.

use std::path::Path;

use holdpoint::pg::Session;
use tokio::process::Child;

use crate::common::proxy::{Cut, Proxy, Upstream};
use crate::lab::{Case, Ended, Lab, Scenario};
use crate::points::{Undisturbed, same, undisturbed};

/// Gates in statements, and gates in COMMIT.
const IN_STATEMENT: [u32; 3] = [1, 3, 5];
const IN_COMMIT: [u32; 3] = [2, 4, 6];

/// A program that stands at a gate.
pub struct Parked {
    pub case: Case,
    pub child: Child,
    pub keeper: Session,
    gate: u32,
}

impl Parked {
    /// Starts a run and waits until its work session stands at the gate.
    pub async fn at(lab: &Lab, scenario: &Scenario, gate: u32, proxy: Option<&Proxy>, label: &str) -> Self {
        let mut case = lab.case(scenario, &format!("gate {gate}: {label}")).await;
        if let Some(proxy) = proxy {
            let address = proxy.address;
            case.environment.extend([
                ("PGHOST".to_owned(), address.ip().to_string()),
                ("PGPORT".to_owned(), address.port().to_string()),
                ("PGSSLMODE".to_owned(), "disable".to_owned()),
            ]);
        }
        let keeper = close_gate(lab, &case, gate).await;
        let child = case.start_run();
        let parked = Self { case, child, keeper, gate };
        parked.wait_at_gate(lab).await;
        parked
    }

    async fn wait_at_gate(&self, lab: &Lab) {
        let sql = format!(
            "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted \
             AND l.locktype = 'advisory' AND l.objid = {} WHERE a.datname = '{}'",
            self.gate, self.case.database
        );
        lab.wait_for(&self.case, "the gate", &sql).await;
    }

    /// Ends the sessions of these kinds (`work`, `control`, `look`) by one statement, and waits until they are
    /// gone. One after the other would leave the program the time to close the second itself.
    pub async fn terminate(&self, lab: &Lab, purposes: &[&str]) {
        let sessions = format!(
            "SELECT string_agg(pid::text, ', ') FROM pg_stat_activity \
             WHERE datname = '{}' AND application_name ~ '^holdpoint ({})' \
             HAVING count(DISTINCT split_part(application_name, ' ', 2)) = {}",
            self.case.database,
            purposes.join("|"),
            purposes.len()
        );
        // By their numbers: a runner that takes over soon has sessions of the same name.
        let pids = lab.wait_for(&self.case, "the sessions", &sessions).await;
        let end = format!("SELECT bool_and(pg_terminate_backend(pid)) FROM unnest(ARRAY[{pids}]) pid");
        lab.wait_for(&self.case, "the word to end them", &end).await;
        let gone = format!("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid IN ({pids}))");
        lab.wait_for(&self.case, "the end of the sessions", &gone).await;
    }

    /// Opens the gate and waits until the program ends.
    pub async fn open(mut self, lab: &Lab) -> (Case, Ended) {
        let sql = format!("SELECT pg_advisory_unlock({})", self.gate);
        self.keeper.query(&sql, &[]).await.expect("the gate opens");
        self.keeper.close().await;
        let ended = self.case.wait(lab, self.child).await;
        (self.case, ended)
    }
}

pub async fn close_gate(lab: &Lab, case: &Case, gate: u32) -> Session {
    let mut keeper = lab.server.session(&case.database).await;
    keeper.query(&format!("SELECT pg_advisory_lock({gate})"), &[]).await.expect("the gate closes");
    keeper
}

/// However the program ended, it said so, and going on makes what an undisturbed run makes.
pub async fn made_good(lab: &Lab, undisturbed: &Undisturbed, case: Case, ended: &Ended) {
    let fail = |why: String| -> ! { panic!("{why}\n{}\n{}", ended.said(), lab.dump(&case)) };
    if !matches!(ended.code(), Some(0 | 5 | 6 | 7)) {
        fail("an unexpected end".into());
    }
    if let Err(why) = case.carry_on(lab).await {
        fail(why);
    }
    if let Err(why) = same(&undisturbed.picture, &lab.picture(&case.database).await) {
        fail(why);
    }
    println!("{}: exit {:?}", case.label, ended.code());
    lab.put_away(case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_terminated() {
    let lab = Lab::start().await;
    let scenario = lab.plan("gates").await;
    let undisturbed = undisturbed(&lab, &scenario).await;
    for gate in IN_STATEMENT.into_iter().chain(IN_COMMIT) {
        for which in [&["work"][..], &["control"], &["look"], &["control", "work"]] {
            let parked = Parked::at(&lab, &scenario, gate, None, &which.join(" and ")).await;
            parked.terminate(&lab, which).await;
            let (case, ended) = parked.open(&lab).await;
            // Only the work session was lost: the lock was ours all the time, and the ledger was asked.
            if which == ["work"] && IN_COMMIT.contains(&gate) {
                assert_ne!(ended.code(), Some(5), "{}\n{}", ended.said(), lab.dump(&case));
            }
            made_good(&lab, &undisturbed, case, &ended).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_around_commit() {
    let lab = Lab::start().await;
    let scenario = lab.plan("gates").await;
    let undisturbed = undisturbed(&lab, &scenario).await;
    let commit = || "COMMIT\0".to_owned();
    for gate in IN_STATEMENT {
        for cut in [
            Cut::Before(commit()),
            Cut::BeforeAnswer(commit()),
            Cut::BeforeTag("COMMIT".into()),
            Cut::AfterAnswer(commit()),
        ] {
            let proxy = Proxy::start(Upstream::Unix(lab.socket())).await;
            let parked = Parked::at(&lab, &scenario, gate, Some(&proxy), &format!("{cut:?}")).await;
            proxy.arm(cut.clone());
            let (case, ended) = parked.open(&lab).await;
            assert_eq!(proxy.cuts(), 1, "{}\n{}", ended.said(), lab.dump(&case));
            // The server is there and says what became of it: that needs nobody.
            if matches!(cut, Cut::BeforeTag(_)) {
                assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
            }
            made_good(&lab, &undisturbed, case, &ended).await;
        }
    }
    for gate in IN_STATEMENT.into_iter().chain(IN_COMMIT) {
        let proxy = Proxy::start(Upstream::Unix(lab.socket())).await;
        let parked = Parked::at(&lab, &scenario, gate, Some(&proxy), "everything cut at once").await;
        proxy.cut_now();
        lab.wait_for_line(&parked.case, &[if gate % 2 == 1 { "unit_failed" } else { "unit_unknown" }]).await;
        let (case, ended) = parked.open(&lab).await;
        made_good(&lab, &undisturbed, case, &ended).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_restarted() {
    let mut lab = Lab::start().await;
    let scenario = lab.plan("gates").await;
    let undisturbed = undisturbed(&lab, &scenario).await;
    for gate in IN_STATEMENT.into_iter().chain(IN_COMMIT) {
        for immediate in [false, true] {
            let how = if immediate { "immediate restart" } else { "fast restart" };
            let parked = Parked::at(&lab, &scenario, gate, None, how).await;
            let Parked { case, child, .. } = parked;
            if immediate {
                let postmaster = lab.server.embedded().pid();
                let pid = nix::unistd::Pid::from_raw(i32::try_from(postmaster).unwrap());
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).unwrap();
                while Path::new(&format!("/proc/{postmaster}")).exists() {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            }
            lab.server.restart().await;
            let ended = case.wait(&lab, child).await;
            made_good(&lab, &undisturbed, case, &ended).await;
        }
    }
}
