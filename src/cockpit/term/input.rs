//! Keys, read on a thread of their own.
//!
//! It sleeps until there is something to read: crossterm, left alone, looks dozens of times a second
//! whether there is, and reads of a terminal that hung up that there is nothing, as fast as it can.
//! Another size is heard as a signal by whoever opened the screen.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cockpit::link::Link;
use crate::cockpit::message::{Key, Msg};
use crate::cockpit::mouse::Mouse;

/// At once, for crossterm: with less it doesn't look at all.
const AT_ONCE: Duration = Duration::from_millis(2);
/// On a busy machine that time may be over before crossterm has looked, and what it took in before doesn't
/// show in a look at the terminal. So after a key it is asked again, so often, with such pauses.
const AGAIN: u32 = 20;
const PAUSE: u16 = 50;
/// How long its end is waited for: it may be stuck in a terminal that is gone, and goes with the process.
const PATIENCE: Duration = Duration::from_millis(400);

/// The thread, until it is dropped.
#[derive(Debug)]
pub struct Input {
    /// Closed, it wakes the thread, which ends then.
    open: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    /// Begins to read.
    ///
    /// # Errors
    /// When the system has no thread or no socket left: without keys nobody could leave.
    pub fn start(link: Link) -> std::io::Result<Self> {
        let (open, closed) = UnixStream::pair()?;
        let thread = std::thread::Builder::new().name("keys".into()).spawn(move || read(&link, &closed))?;
        Ok(Self { open: Some(open), thread: Some(thread) })
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.open = None;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Why the thread was woken.
enum Woken {
    Keys,
    /// By a signal, or because the pause is over.
    Idly,
    /// The terminal hung up.
    Gone,
    /// Nobody wants keys any more.
    Closed,
}

fn read(link: &Link, closed: &UnixStream) {
    // At the beginning too: keys may have been typed before there was a screen.
    let mut again = AGAIN;
    loop {
        let more = match wait(closed, if again > 0 { PollTimeout::from(PAUSE) } else { PollTimeout::NONE }) {
            Woken::Keys => {
                again = AGAIN;
                take(link)
            }
            Woken::Idly if again > 0 => {
                again -= 1;
                take(link)
            }
            Woken::Idly => true,
            Woken::Gone => false,
            Woken::Closed => return,
        };
        if !more {
            link.send(Msg::Gone);
            return;
        }
    }
}

/// Sleeps until there is something to read, or nothing any more, or the time is over.
fn wait(closed: &UnixStream, until: PollTimeout) -> Woken {
    let stdin = std::io::stdin();
    let mut fds =
        [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(closed.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, until) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Woken::Idly,
        // Not to be asked again and again.
        Err(error) => {
            tracing::error!(%error, "waiting for keys");
            return Woken::Gone;
        }
    }
    let [keys, closed] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    match () {
        () if !closed.is_empty() => Woken::Closed,
        () if keys.intersects(gone) => Woken::Gone,
        () if keys.is_empty() => Woken::Idly,
        () => Woken::Keys,
    }
}

/// All that is there: what crossterm has taken in already doesn't show in a look at the terminal.
/// `false`: nothing can be read any more, or nobody wants it.
fn take(link: &Link) -> bool {
    loop {
        let read = match event::poll(AT_ONCE) {
            Ok(false) => return true,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let Ok(event) = read else { return false };
        if let Some(message) = message(event)
            && !link.send(message)
        {
            return false;
        }
    }
}

fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(pressed(key)?)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Mouse(mouse) => {
            let what = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Mouse::Click,
                MouseEventKind::ScrollUp => Mouse::WheelUp,
                MouseEventKind::ScrollDown => Mouse::WheelDown,
                _ => return None,
            };
            Some(Msg::Mouse(what, mouse.column, mouse.row))
        }
        _ => None,
    }
}

fn pressed(key: KeyEvent) -> Option<Key> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Char(c) if ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        _ => return None,
    })
}
