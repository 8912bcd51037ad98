//! Looks at the whole server while somebody has it on the screen: on a session of its own that can't get
//! in the way of the run, and that may be lost and comes back. When nobody looks it sleeps, and after a
//! while gives its session back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::secrets::Secrets;
use crate::pg::activity::activity;
use crate::pg::inventory;
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, Session};
use crate::run::activity::Activity;

/// Between two looks; longer where a look takes long, so that it is never more than a fifth of the time.
const PAUSE: Duration = Duration::from_millis(1000);
/// After a session couldn't be had or was lost.
const AGAIN: Duration = Duration::from_secs(3);
/// A session that nobody needs is kept for so long.
const KEPT: Duration = Duration::from_secs(30);
/// What one query may take, and what all of a look may.
const ONE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_secs(10);
/// The size of a database is found by looking at all of its files.
const SIZES: Duration = Duration::from_secs(30);

/// The session, and what isn't asked every time.
struct Post {
    session: Session,
    size: Option<u64>,
    sized: Option<Instant>,
    /// Asking took too long: it isn't asked any more.
    no_size: Option<String>,
}

/// Looks as long as `looking` says so, until nobody wants to see it any more.
pub async fn watch_server(
    target: ConnectConfig,
    secrets: Secrets,
    mut looking: watch::Receiver<bool>,
    seen: watch::Sender<Option<Arc<Activity>>>,
) {
    let mut post: Option<Post> = None;
    loop {
        if !*looking.borrow_and_update() {
            let waited = tokio::select! {
                changed = looking.changed() => changed.is_ok(),
                () = seen.closed() => false,
                () = tokio::time::sleep(KEPT), if post.is_some() => {
                    if let Some(post) = post.take() {
                        post.session.close().await;
                    }
                    true
                }
            };
            if !waited {
                break;
            }
            continue;
        }
        let began = Instant::now();
        let looked = tokio::time::timeout(LOOK, look(&mut post, &target)).await;
        let looked = match looked {
            Ok(Ok(activity)) => Ok(activity),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer for {} s", LOOK.as_secs())),
        };
        let pause = match looked {
            Ok(mut activity) => {
                for session in &mut activity.sessions {
                    session.query = secrets.mask(&session.query);
                }
                seen.send_replace(Some(Arc::new(activity)));
                PAUSE.max(began.elapsed() * 4)
            }
            Err(why) => {
                tracing::warn!(%why, "looking at the server");
                post = None;
                seen.send_modify(|seen| {
                    // What was seen before is better than nothing, as long as it isn't taken for news.
                    let mut before = seen.as_deref().cloned().unwrap_or_default();
                    before.trouble = Some(secrets.mask(&why));
                    *seen = Some(Arc::new(before));
                });
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = looking.changed() => if changed.is_err() { break },
            () = seen.closed() => break,
        }
    }
    if let Some(post) = post {
        post.session.close().await;
    }
}

async fn look(post: &mut Option<Post>, target: &ConnectConfig) -> Result<Activity, MeasureError> {
    let post = match post {
        Some(post) => post,
        None => {
            let mut session = Session::connect(target, "monitor").await?;
            let limits = format!("SET statement_timeout = {}; SET lock_timeout = '100ms'", ONE.as_millis());
            session.batch(&limits).await?;
            post.insert(Post { session, size: None, sized: None, no_size: None })
        }
    };
    let mut activity = activity(&mut post.session).await?;
    if post.no_size.is_none() && post.sized.is_none_or(|at| at.elapsed() > SIZES) {
        match inventory::size(&mut post.session).await {
            Ok(size) => post.size = Some(size),
            Err(error) if error.is_lost() => return Err(error),
            Err(error) => post.no_size = Some(error.to_string()),
        }
        post.sized = Some(Instant::now());
    }
    activity.server.size = post.size;
    activity.hidden.extend(post.no_size.iter().map(|why| format!("the size of the database: {why}")));
    Ok(activity)
}
