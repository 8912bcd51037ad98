//! The engine: a plan becomes events on a real database.
//!
//! ```text
//!   pilot / cockpit ──commands──► recorder ──wishes──► conductor ──► work, control, check sessions
//!          ▲                        │  ▲                   │
//!          └──────── events ────────┘  └──── facts ────────┘
//! ```
//!
//! - [`recorder`] is the one owner of the truth: it judges commands, makes facts durable, folds them
//!   and hands them out; nothing starts before its start is in the journal;
//! - [`preflight`] reads every script before the window ([`programs`] looks for the plan's programs, [`writable`] whether its files can be written), and `notes` says what may surprise in them; [`open`] connects, looks, locks and begins the
//!   journal ([`one_run`]: unless another is open, on the database that it is bound to; `target_guards`: that the plan is for), with [`outline`] as what is in it of the plan; [`control`] holds the lock;
//! - [`conductor`] goes through the plan (`stands`: where a step is), [`attention`] hears what may interrupt it, and [`stop`] is why
//!   it ends early, with [`exit`] as the code for that; `needs`, `permission`, `holds`, `failure` and `decided` are what it asks for, how it waits, what follows a
//!   failure, and what outlives a stop;
//! - [`sides`] are the other databases of a plan: its source, and its target through a pooler (`source_server`: a demo's own source);
//! - [`script_steps`] are the steps that run SQL, [`people`] those that people do, `probe` those that are always rolled back, `command` programs of the plan (`listener` hears what they write), `notify` messages; [`mod@watch`] samples conditions while a phase runs, and `soak` waits for them;
//! - [`mod@unit`] applies one transaction (`unapplied`: or doesn't), [`bare`] scripts whose statements are committed one by one (`passage`: a file on its way, `alone`: each in a
//!   transaction of its own, `block`: in those of the file), and [`outside`] one statement outside of transactions, `psql` files that the real psql runs (`program`: beside us, as any other program); [`sources`] has
//!   their text (`section`: a part of a file), [`stream`] sends it (`digests`: what of it the ledger has) and `heard` is what comes back meanwhile ([`copy`]: with the data of its COPYs, `data_lines`: which line of them is at fault), `asides` are what isn't SQL in it, `held` what it can't touch, `follow` works with what comes
//!   back, `table` shows it, `outlet` and `print` put it into files and commands, [`shell`] runs those, [`surroundings`] is what a script sees of its session, [`problems`] says what
//!   went wrong; `reentry` is for a script of which a part is applied;
//! - [`baseline`] is what there was before the first change, [`image`] before and after
//!   each step, [`verify`] evaluates checkpoints, `ask` asks their queries, `into` keeps their answers as files (`asker`: with the values of a moment), `within` compares times;
//! - `keep` is what a run keeps: artifacts, snapshots, and what is compared with them;
//! - [`reconcile`] finds out after a stop what became of what was under way (`roll`: what the ledger has of it);
//! - [`rollback`] goes backwards, [`reopen`] opens a run for it that is over;
//! - [`mod@report`] makes a report of a run's folder, also as an action of the plan; [`evidence`] looks for the rehearsal that a step asks for; [`rehearse`] proves a plan and its rollback on a private server;
//! - [`says`] carries what scripts say to people, and [`progress`] how far they have come;
//! - [`sampler`] looks at the work session from outside, for those who look on, [`activity`] at the whole
//!   server; [`console`] asks their own queries, in a transaction that only reads (`standing`); `backends`
//!   does away with sessions of others when people want it, and `counts` counts for the deltas;
//! - [`pilot`] answers where nobody sits; [`fixture`] makes the database for a demo; [`secrets`] keeps
//!   secret values out of events.

pub mod activity;
mod alone;
mod asides;
mod ask;
mod asker;
pub mod attention;
mod backends;
pub mod bare;
pub mod baseline;
mod between;
mod block;
mod command;
pub mod conductor;
pub mod console;
pub mod control;
pub mod copy;
mod counts;
mod data_lines;
mod decided;
mod digests;
mod ending;
pub mod evidence;
pub mod exit;
mod failure;
pub mod fixture;
mod follow;
mod heard;
mod held;
mod holds;
pub mod image;
mod in_the_way;
mod into;
pub mod keep;
mod listener;
mod measuring;
mod needs;
mod notes;
mod notify;
pub mod one_run;
pub mod open;
mod outlet;
pub mod outline;
pub mod outside;
mod passage;
pub mod people;
mod permission;
pub mod pilot;
pub mod preflight;
mod print;
mod probe;
pub mod problems;
mod program;
pub mod programs;
pub mod progress;
mod psql;
pub mod reconcile;
pub mod recorder;
mod reentry;
pub mod rehearse;
pub mod reopen;
pub mod report;
mod roll;
pub mod rollback;
pub mod sampler;
pub mod says;
pub mod script_steps;
pub mod secrets;
mod section;
pub mod shell;
pub mod sides;
mod soak;
pub mod source_server;
pub mod sources;
mod standing;
mod stands;
pub mod stop;
pub mod stream;
pub mod surroundings;
mod table;
mod target_guards;
mod texts;
mod unapplied;
pub mod unit;
mod values;
pub mod verify;
pub mod watch;
mod within;
pub mod writable;
