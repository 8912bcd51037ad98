//! The evidence: what a journal says about its run, as Markdown, one HTML page, or JSON. Pure.
//!
//! - [`Gather`] takes a journal's events, one after another, and makes the [`Report`] of them; `steps`, `people`,
//!   `beside`, `back`, `changed` and `others` are its parts, `planned` has the timeline as the plan means it;
//! - [`model`] (with `happened` and `answered`) is that record: what `--format json` prints, documented in docs/report.md;
//! - `page` is a page of headings, tables and lines, without a format; `head`, `course`, `detail`, `answers`,
//!   `outside`, `returns` and `rest` write the report into it, in words of `words`;
//! - `markdown` and `html` put such a page into their format, and are the only places where text is escaped;
//!   `chart` draws the timeline for the latter.
//!
//! The same events give the same bytes: there is no clock, no locale and no order by chance in it.

mod answered;
mod answers;
mod back;
mod beside;
mod changed;
mod chart;
mod course;
mod detail;
mod gather;
mod happened;
mod head;
mod html;
mod markdown;
pub mod model;
mod others;
mod outside;
mod page;
mod people;
mod planned;
mod render;
mod rest;
mod returns;
mod steps;
mod words;

pub use gather::Gather;
pub use model::Report;
pub use render::{Format, render};
