//! Keys, read on a thread of their own.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cockpit::link::Link;
use crate::cockpit::message::{Key, Msg};
use crate::cockpit::mouse::Mouse;

/// Between two looks whether the thread is to end, or the size has changed.
const LOOK: u16 = 100;
/// At once, for crossterm: with less it doesn't look at all.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How long its end is waited for: it may be stuck in a terminal that is gone, and goes with the process.
const PATIENCE: Duration = Duration::from_millis(400);

/// The thread, until it is dropped.
#[derive(Debug)]
pub struct Input {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Input {
    pub fn start(link: Link) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("keys".into()).spawn(move || read(&link, &told));
        Self { stop, thread: thread.map_err(|error| tracing::error!(%error, "no thread for keys")).ok() }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn read(link: &Link, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // Asked before crossterm is: of a terminal that hung up that reads nothing, as fast as it can.
        let gone = is_gone() || !take(link, stop);
        if gone {
            link.send(Msg::Gone);
            return;
        }
    }
}

/// All that is there: what crossterm has taken in already doesn't show in a look at the terminal.
/// `false`: nothing can be read any more, or nobody wants it.
fn take(link: &Link, stop: &AtomicBool) -> bool {
    while !stop.load(Ordering::Relaxed) {
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
    true
}

/// Waits a moment for something to read.
fn is_gone() -> bool {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::from(LOOK)) {
        Ok(_) => fds[0].revents().is_some_and(|found| {
            found.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL)
        }),
        // A signal, a resize for one.
        Err(_) => false,
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
        Event::Resize(columns, lines) => Some(Msg::Resize(columns, lines)),
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
