//! A rehearsal: the plan forward and back on a private server, again and from the middle, and what
//! that proves.
//!
//! - [`course`] is the order of it all: which walks there are, and what each of them says;
//! - `ground` is the private server with the database before the window, and fresh copies of it;
//! - `copy` brings a copy of the target there;
//! - `walk` is one run on one copy: forward to a step, and back;
//! - `twice` runs a step that claims to be idempotent a second time;
//! - `image` is everything that is compared; `settings` is what a rehearsal changes of a plan so
//!   that nobody has to sit there;
//! - `report` puts what was seen together.

mod copy;
pub mod course;
mod ground;
mod image;
mod report;
mod settings;
mod twice;
mod walk;

pub use course::{Order, Subject, rehearse};
