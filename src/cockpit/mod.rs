//! The cockpit: a run on a screen, and the keys that drive it.
//!
//! ```text
//!   terminal ──keys──► term ──messages──► update ──► state ──► view ──frame──► terminal
//!                        ▲                  │
//!   command line ──events, samples──┘       └──effects──► term ──asks──► command line ──► engine
//! ```
//!
//! - [`state`] is all that is shown: the fold of the run (the same as plain's), what is selected,
//!   folded, typed; [`update`] changes it, one [`message::Msg`] at a time, and answers with
//!   [`message::Effect`]s; neither does any I/O; [`keys`] are the keys and what they do, [`place`] is where
//!   somebody looks, [`log`] the lines of the log, [`told`] those of them that are about one step, [`notes`] who wrote what on which step;
//! - [`keymap`] is the one list of commands: key, words, and the gate's verdict; hints, buttons and help
//!   show it; [`question`] is what is asked before something happens, [`answering`] its keys;
//! - [`console`] is the query console ([`console_keys`]: its keys), [`palette`] the list of commands to
//!   choose from, [`filter`] what is shown of lists, [`copying`] what is copied, [`mouse`] what a click does;
//! - [`timeline`] is the plan as rows, [`chapter`] what it is made of, [`way_back`] what a rollback would do, [`source`] a script in
//!   colours, [`clock`] what is left and what was planned, [`progress`] how far it is,
//!   [`lock_wait`] who keeps a step from its lock, [`deltas`] what became of objects and rows, [`activity`] who is at the server;
//! - [`view`] draws: a function of `&State`, without I/O, runtime or engine;
//! - [`term`] is everything that touches the terminal; [`link`] is how the command line reaches it.
//!
//! The cockpit knows neither the engine nor PostgreSQL: `cli` connects them by channels.

pub mod activity;
pub mod answering;
pub mod chapter;
pub mod clock;
pub mod console;
pub mod console_keys;
pub mod copying;
pub mod deltas;
pub mod filter;
pub mod keymap;
pub mod keys;
pub mod link;
pub mod lock_wait;
pub mod log;
pub mod message;
pub mod mouse;
pub mod notes;
pub mod palette;
pub mod people;
pub mod place;
pub mod progress;
pub mod question;
pub mod source;
pub mod state;
pub mod term;
pub mod theme;
pub mod timeline;
pub mod told;
pub mod update;
pub mod view;
pub mod way_back;
