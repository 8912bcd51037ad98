//! What a script or the server says to people on the way: `\echo`, notices. It isn't part of the evidence,
//! and a flood of it, or a reader who doesn't read, mustn't hold up the run or fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::secrets::Secrets;

/// Of one text, at most.
const TEXT: usize = 16 * 1024;
/// Of all that waits to be read.
const WAITING: usize = 8 * 1024 * 1024;
/// What a text takes besides its letters.
const EACH: usize = 128;

/// A text on its way to whoever shows it.
#[derive(Debug)]
pub struct Aside {
    pub step: String,
    /// The event that it was said after: what belongs to an earlier try is known by that.
    pub after: u64,
    pub text: String,
    size: usize,
    waiting: Arc<AtomicUsize>,
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// Where asides arrive.
pub type Asides = mpsc::UnboundedReceiver<Aside>;

/// Takes asides for whoever shows them. Clones share the room there is.
#[derive(Debug, Clone)]
pub struct Says {
    out: mpsc::UnboundedSender<Aside>,
    waiting: Arc<AtomicUsize>,
    left_out: Arc<AtomicU64>,
    after: Arc<AtomicU64>,
    secrets: Secrets,
}

impl Says {
    #[must_use]
    pub fn new() -> (Self, Asides) {
        let (out, asides) = mpsc::unbounded_channel();
        let (waiting, left_out, after) = (Arc::default(), Arc::default(), Arc::default());
        (Self { out, waiting, left_out, after, secrets: Secrets::default() }, asides)
    }

    /// Masks these from now on.
    #[must_use]
    pub(super) fn without(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// What is said from now on is said after this event.
    pub(super) fn after(&self, seq: u64) {
        self.after.store(seq, Ordering::Relaxed);
    }

    /// Says something on behalf of a step; nobody has to listen. What comes faster than it is read is left
    /// out, and that is said as soon as there is room again.
    pub fn say(&self, step: &str, text: &str) {
        if self.waiting.load(Ordering::Relaxed) > WAITING {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.tell_left_out(step);
        self.send(step, shortened(self.secrets.mask(text.trim_end())));
    }

    /// What was left out at the end of a script isn't followed by anything that would say so.
    pub(super) fn tell_left_out(&self, step: &str) {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            let what = "more messages of the script and the server came faster than they could be shown";
            self.send(step, format!("… {left_out} {what}"));
        }
    }

    fn send(&self, step: &str, text: String) {
        let size = text.len() + step.len() + EACH;
        self.waiting.fetch_add(size, Ordering::Relaxed);
        let waiting = Arc::clone(&self.waiting);
        let after = self.after.load(Ordering::Relaxed);
        let _ = self.out.send(Aside { step: step.to_owned(), after, text, size, waiting });
    }
}

/// The beginning of a long text, and how long it was.
fn shortened(mut text: String) -> String {
    if text.len() <= TEXT {
        return text;
    }
    let whole = text.len();
    let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
    text.shrink_to_fit();
    text.push_str(&format!("… ({whole} bytes)"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_takes_a_bounded_room_and_says_so() {
        let (says, mut asides) = Says::new();
        for _ in 0..10_000 {
            says.say("a", &"x".repeat(1_000_000));
        }
        assert!(says.waiting.load(Ordering::Relaxed) <= WAITING + TEXT + 2 * EACH);
        let mut read = 0;
        while let Ok(aside) = asides.try_recv() {
            assert!(aside.text.ends_with("… (1000000 bytes)") && aside.text.len() < TEXT + 100);
            read += 1;
        }
        assert_eq!(says.waiting.load(Ordering::Relaxed), 0);
        says.say("a", "room again");
        let told = asides.try_recv().unwrap();
        assert!(told.text.starts_with(&format!("… {} more messages", 10_000 - read)), "{}", told.text);
        assert_eq!(asides.try_recv().unwrap().text, "room again");
    }

    #[test]
    fn a_secret_isnt_cut_in_two() {
        let (says, mut asides) = Says::new();
        let says = says.without(Secrets::new(["hunter22".to_owned()]));
        says.say("a", &format!("{}hunter22 and more", "x".repeat(TEXT - 4)));
        assert!(!asides.try_recv().unwrap().text.contains("hunt"));
    }
}
