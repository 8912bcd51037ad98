//! Named points at which a test can stop the program with SIGKILL.
//!
//! Only with the feature `crashpoints`, which the tests switch on; a released program has nothing of
//! this. `HOLDPOINT_CRASH_AT="name:3"` kills the process when it passes the point `name` for the
//! third time (`name` alone: the first time); `HOLDPOINT_CRASH_LIST=FILE` appends the name of every
//! point passed to FILE, so that a test can find out which there are.

/// Passes the point: kills the process when it was told so.
#[cfg(feature = "crashpoints")]
pub fn point(name: &str) {
    if is_chosen(name) {
        die();
    }
}

/// Passes the point: nothing.
#[cfg(not(feature = "crashpoints"))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Passes the point without dying there: whether it is the chosen one. Who asks does the damage that
/// belongs to the point, and then [`die`]s.
#[cfg(feature = "crashpoints")]
pub fn is_chosen(name: &str) -> bool {
    chosen::passed(name)
}

/// Never.
#[cfg(not(feature = "crashpoints"))]
#[inline(always)]
pub fn is_chosen(_name: &str) -> bool {
    false
}

/// SIGKILL to ourselves: no destructor runs, nothing is flushed.
#[cfg(feature = "crashpoints")]
pub fn die() -> ! {
    use nix::sys::signal::{Signal, kill};
    let _ = kill(nix::unistd::Pid::this(), Signal::SIGKILL);
    loop {
        std::thread::park();
    }
}

#[cfg(not(feature = "crashpoints"))]
#[inline(always)]
pub fn die() {}

#[cfg(feature = "crashpoints")]
mod chosen {
    use std::collections::HashMap;
    use std::io::Write;
    use std::sync::{Mutex, OnceLock, PoisonError};

    struct Wanted {
        point: Option<(String, u64)>,
        list: Option<std::path::PathBuf>,
    }

    fn wanted() -> &'static Wanted {
        static WANTED: OnceLock<Wanted> = OnceLock::new();
        WANTED.get_or_init(|| Wanted {
            point: std::env::var("HOLDPOINT_CRASH_AT").ok().map(|text| match text.rsplit_once(':') {
                Some((name, times)) => (name.to_owned(), times.parse().unwrap_or(1)),
                None => (text, 1),
            }),
            list: std::env::var_os("HOLDPOINT_CRASH_LIST").map(Into::into),
        })
    }

    pub(super) fn passed(name: &str) -> bool {
        static PASSED: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);
        let wanted = wanted();
        if wanted.point.is_none() && wanted.list.is_none() {
            return false;
        }
        // Held while the list is written: the order in the list is the order of passing.
        let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        let times = passed.get_or_insert_default().entry(name.to_owned()).or_default();
        *times += 1;
        if let Some(list) = &wanted.list
            && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(list)
        {
            let _ = writeln!(file, "{name}");
        }
        wanted.point.as_ref().is_some_and(|(point, at)| point == name && times == at)
    }
}
