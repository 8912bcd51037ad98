//! SQL scripts by psql's rules: lexer, splitter, meta-commands, classification. Pure.
//!
//! ```
//! use holdpoint::script::{Item, Script, Variables};
//!
//! let mut script = Script::inline("plan.toml", "SELECT 1; SELECT 2", Variables::new())?;
//! let mut texts = Vec::new();
//! while let Some(item) = script.next_item()? {
//!     if let Item::Statement(statement) = item {
//!         texts.push(statement.text);
//!     }
//! }
//! assert_eq!(texts, ["SELECT 1;", "SELECT 2"]);
//! # Ok::<(), holdpoint::script::ScriptError>(())
//! ```
//!
//! - [`Script::open`] takes a [`Resolver`] (which opens files), a name and [`Variables`];
//!   [`Script::inline`] takes a text. [`Script::next_item`] gives [`Item`]s in order: a statement's text is
//!   byte for byte what `psql -f` would send, with its [`Place`] and [`Kind`].
//! - When the server answers a statement with CopyIn: [`Script::copy_chunk`] until it says false, once
//!   for every CopyIn. Without an answer (an error) the runner stops; nothing has to be skipped.
//! - [`scan`] reads all of it without a server, for `check`: every problem at once.
//! - [`Statement::locate`] maps the position of a server's error to line and column of the file;
//!   [`Statement::excerpt`] shows it with a caret.

mod acts;
mod autocommit;
mod bare;
mod before;
mod classify;
mod coding;
mod commands;
mod commits;
mod condition;
mod connect;
mod copy_command;
mod data_file;
mod effects;
mod error;
mod excerpt;
mod item;
mod kind;
mod lex;
mod lexeme;
mod made;
mod mentions;
mod meta;
mod of_database;
mod place;
mod position;
mod query;
mod reader;
mod refusal;
mod resolve;
mod scan;
mod secrets;
mod section;
mod shell;
mod slash;
mod source;
mod special;
mod split;
mod statement;
mod surprises;
mod tally;
mod then;
mod tokens;
mod vars;
mod walk;

pub use acts::{Acts, acts};
pub use classify::{classify, executes_prepared, reads_only, selects_only_constants};
pub use coding::{Coding, unmarked};
pub use connect::Connect;
pub use copy_command::CopyFile;
pub use effects::{Effect, Update, effects, heads};
pub use error::{Problem, ScriptError};
pub use excerpt::excerpt;
pub use item::{Item, Switch};
pub use kind::{Bare, Kind, QualifiedName, Reindex, Session, Transaction};
pub use lex::{Form, Lexer, Token, TokenKind};
pub use mentions::{last_name, mentions};
pub use meta::EchoTo;
pub use of_database::{Create, OfDatabase, of_database};
pub use place::{Generated, IncludedFrom, Place, Span};
pub use position::{Located, SourceMap};
pub use resolve::{Memory, Opened, ResolveError, Resolver};
pub use scan::{PROBLEMS_AT_MOST, Reconnect, ScanReport, Scanned, scan, scan_with};
pub use secrets::mask_secrets;
pub use section::{SECTIONED_BYTES, SectionError, alone, section};
pub use shell::{Shell, Sink};
pub use special::{Outcome, Surroundings};
pub use statement::Statement;
pub use surprises::Surprise;
pub use tally::{Class, Tally};
pub use then::Then;
pub use vars::{
    Origin, Value, VariableError, Variables, is_name, parse_bool, quote_identifier, quote_literal,
};
pub use walk::{INCLUDE_DEPTH, Script};
