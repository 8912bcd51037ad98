//! Who else is attached to the tmux session that the cockpit runs in: asked now and then, away from the
//! screen.

use std::time::Duration;

use super::tmux::Tmux;
use crate::cockpit::link::Link;
use crate::cockpit::state::Company;

const PAUSE: Duration = Duration::from_secs(3);

/// Tells the cockpit how many are attached, as long as it is open.
pub async fn look_around(link: Link) {
    let (Some(tmux), Ok(pane)) = (Tmux::around(), std::env::var("TMUX_PANE")) else { return };
    let mut told = None;
    loop {
        let (asked, here) = (tmux.clone(), pane.clone());
        let answer = tokio::task::spawn_blocking(move || {
            asked.ask(&["list-clients", "-t", &here, "-F", "#{client_readonly}"])
        });
        let Ok(Ok(answer)) = answer.await else { return };
        let clients = String::from_utf8_lossy(&answer.stdout).into_owned();
        let watch = clients.lines().filter(|line| line.trim() == "1").count();
        let drive = clients.lines().count() - watch;
        let company = Company { drive, watch };
        if answer.status.success() && told.replace(company) != Some(company) {
            link.company(company);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
