//! A panic while the screen is open.
//!
//! The cockpit's own gives the terminal back before anything is said about it. One of another thread
//! must not write over the screen: what it says is kept until the terminal is given back.

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};

use super::guard;
use super::screen::THREAD;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// The hook that was there before, and what was said meanwhile.
pub struct Faults {
    before: Arc<Hook>,
    said: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("said", &self.said).finish_non_exhaustive()
    }
}

impl Faults {
    /// From now on panics are handled as a screen needs it.
    pub fn watch() -> Self {
        let before: Arc<Hook> = Arc::new(take_hook());
        let said = Arc::new(Mutex::new(Vec::new()));
        let (then, keeps) = (Arc::clone(&before), Arc::clone(&said));
        set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(THREAD) {
                guard::give_back();
                then(info);
            } else {
                tracing::error!(%info, "panic");
                keeps.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
            }
        }));
        Self { before, said }
    }

    /// Puts things back, and says what was said meanwhile.
    pub fn end(self) -> Vec<String> {
        // Not while panicking: the hook can't be changed there.
        if !std::thread::panicking() {
            let before = self.before;
            set_hook(Box::new(move |info| before(info)));
        }
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
