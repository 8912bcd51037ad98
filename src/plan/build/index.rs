//! First pass: every id of the plan, what it names and when that runs; so that the second pass can
//! resolve a reference to something that stands further down.

use std::collections::HashMap;

use toml::de::DeTable;

use crate::plan::diagnostic::{Code, Severity};
use crate::plan::raw::{Report, Value, shorten};
use crate::plan::slug::slug;
use crate::plan::source::Span;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Names {
    Phase,
    Step,
    Checkpoint,
    Watch,
    Procedure,
}

impl Names {
    pub fn words(self) -> &'static str {
        match self {
            Self::Phase => "a phase",
            Self::Step => "a step",
            Self::Checkpoint => "a checkpoint",
            Self::Watch => "a watch",
            Self::Procedure => "a [[rollback]]",
        }
    }
}

/// When something runs: in the plan's course, when a step is undone, or in a named procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Scope {
    Plan,
    /// The own rollback of the step with this number.
    Own(usize),
    /// The procedure with this number.
    Procedure(usize),
}

/// One thing with an id.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Def<'a> {
    pub id: String,
    pub names: Names,
    /// Its id in the file, else its header.
    pub span: Span,
    pub table: &'a DeTable<'a>,
    pub scope: Scope,
    /// Place in the plan's course.
    pub order: usize,
    /// When the last of it has run.
    pub end: usize,
    /// Number of the phase it stands in, from 1; 0 outside phases.
    pub phase: usize,
    /// The `on` that it falls under when it has none of its own.
    pub on: Option<Value<'a>>,
    /// The step a checkpoint belongs to.
    pub owner: Option<usize>,
}

/// All ids.
#[derive(Debug, Default)]
pub(in crate::plan) struct Index<'a> {
    pub defs: Vec<Def<'a>>,
    pub by_id: HashMap<String, usize>,
    /// Start of a table in the file → its def.
    at: HashMap<usize, usize>,
    order: usize,
}

impl<'a> Index<'a> {
    pub fn get(&self, id: &str) -> Option<&Def<'a>> {
        self.by_id.get(id).map(|i| &self.defs[*i])
    }

    /// The number of the def of the table that begins here.
    pub fn number_at(&self, span: Span) -> Option<usize> {
        self.at.get(&span.start).copied()
    }

    /// The def of the table that begins here.
    pub fn at(&self, span: Span) -> Option<&Def<'a>> {
        self.at.get(&span.start).map(|i| &self.defs[*i])
    }

    fn next(&mut self) -> usize {
        self.order += 1;
        self.order
    }
}

/// What the walk carries down.
#[derive(Clone, Copy)]
struct Under<'a, 'p> {
    scope: Scope,
    phase: usize,
    /// What default ids begin with.
    prefix: &'p str,
    on: Option<Value<'a>>,
    owner: Option<usize>,
}

/// Walks the whole plan once.
pub(in crate::plan) fn index<'a>(root: &'a DeTable<'a>, report: &mut Report<'a>) -> Index<'a> {
    let mut index = Index::default();
    let default_on = root.get("defaults").and_then(|d| d.get_ref().get("on"));
    let target = Under { scope: Scope::Plan, phase: 0, prefix: "target", on: None, owner: None };
    for server in ["target", "source"] {
        if let Some(table) = root.get(server).and_then(|v| v.get_ref().as_table()) {
            let under = Under { prefix: server, ..target };
            checkpoints(&mut index, table, under, report);
        }
    }
    for (number, (table, span)) in tables(root, "phase").enumerate() {
        let order = index.next();
        let under = Under { phase: number + 1, prefix: "", on: default_on, ..target };
        let def = add(&mut index, report, table, span, Names::Phase, order, under);
        let prefix = index.defs[def].id.clone();
        let under = Under { prefix: &prefix, on: table.get("on").or(default_on), ..under };
        for (table, span) in tables(table, "watch") {
            add(&mut index, report, table, span, Names::Watch, order, under);
        }
        for (table, span) in tables(table, "step") {
            step(&mut index, table, span, under, report);
        }
        index.defs[def].end = index.order;
    }
    for (number, (table, span)) in tables(root, "rollback").enumerate() {
        let order = index.next();
        let under =
            Under { scope: Scope::Procedure(number), phase: 0, prefix: "", on: default_on, owner: None };
        let def = add(&mut index, report, table, span, Names::Procedure, order, under);
        let prefix = index.defs[def].id.clone();
        for (table, span) in tables(table, "step") {
            step(&mut index, table, span, Under { prefix: &prefix, ..under }, report);
        }
        index.defs[def].end = index.order;
    }
    index
}

fn step<'a>(
    index: &mut Index<'a>,
    table: &'a DeTable<'a>,
    span: Span,
    under: Under<'a, '_>,
    report: &mut Report<'a>,
) {
    let order = index.next();
    let number = add(index, report, table, span, Names::Step, order, under);
    let prefix = index.defs[number].id.clone();
    let on = table.get("on").or(under.on);
    let under = Under { prefix: &prefix, on, owner: Some(number), ..under };
    checkpoints(index, table, under, report);
    index.defs[number].end = index.order;
    if let Some(own) = table.get("rollback").and_then(|v| v.get_ref().as_table()) {
        index.next();
        let prefix = format!("{prefix}/rollback");
        let scope = if under.scope == Scope::Plan { Scope::Own(number) } else { under.scope };
        let on = own.get("on").or(on);
        checkpoints(index, own, Under { prefix: &prefix, scope, on, ..under }, report);
    }
}

fn checkpoints<'a>(
    index: &mut Index<'a>,
    table: &'a DeTable<'a>,
    under: Under<'a, '_>,
    report: &mut Report<'a>,
) {
    for (table, span) in tables(table, "checkpoint") {
        let order = index.next();
        add(index, report, table, span, Names::Checkpoint, order, under);
    }
}

fn tables<'a>(table: &'a DeTable<'a>, key: &str) -> impl Iterator<Item = (&'a DeTable<'a>, Span)> + use<'a> {
    table
        .get(key)
        .and_then(|v| v.get_ref().as_array())
        .into_iter()
        .flat_map(|array| array.iter())
        .filter_map(|v| Some((v.get_ref().as_table()?, v.span().into())))
}

/// Registers one thing under its id, given or made of its title.
fn add<'a>(
    index: &mut Index<'a>,
    report: &mut Report<'a>,
    table: &'a DeTable<'a>,
    header: Span,
    names: Names,
    order: usize,
    under: Under<'a, '_>,
) -> usize {
    let given = table.get("id").and_then(|v| Some((v.get_ref().as_str()?, Span::from(v.span()))));
    let title = table.get("title").and_then(|v| v.get_ref().as_str());
    let (id, span) = match given {
        Some((id, span)) if is_id(id) => (id.to_owned(), span),
        Some((id, span)) => {
            bad_id(report, id, names, span);
            (String::new(), span)
        }
        None => match title {
            Some(title) if under.prefix.is_empty() => (slug(title), header),
            Some(title) => (format!("{}/{}", under.prefix, slug(title)), header),
            None => (String::new(), header),
        },
    };
    let number = index.defs.len();
    let Under { scope, phase, on, owner, .. } = under;
    let def = Def { id: id.clone(), names, span, table, scope, order, end: order, phase, on, owner };
    index.defs.push(def);
    index.at.insert(header.start, number);
    if id.is_empty() {
        return number;
    }
    match index.by_id.entry(id) {
        std::collections::hash_map::Entry::Vacant(entry) => {
            entry.insert(number);
        }
        std::collections::hash_map::Entry::Occupied(entry) => {
            let first = &index.defs[*entry.get()];
            let related = report.related(first.span, format!("{} of that id", first.names.words()));
            let message = format!("the id `{}` is taken", entry.key());
            let help = match given {
                Some(_) => "ids are unique across phases, steps, checkpoints, watches and rollbacks",
                None => "two of the same title: give one of them an `id`",
            };
            let diagnostic = report.add(Severity::Error, Code::Duplicate, span, message);
            diagnostic.related.push(related);
            diagnostic.help = Some(help.into());
        }
    }
    number
}

/// Words that stand for something else where ids stand.
const RESERVED: [&str; 7] = ["target", "files", "vars", "hold", "stop", "continue", "rollback"];

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && id.len() <= 200
        && !RESERVED.contains(&id)
}

fn bad_id(report: &mut Report<'_>, id: &str, names: Names, span: Span) {
    if RESERVED.contains(&id) {
        let message =
            format!("`{id}` can't be the id of {}: the word has a meaning of its own", names.words());
        report.error_help(Code::BadValue, span, message, format!("the words are {}", RESERVED.join(", ")));
    } else {
        let message = format!("`{}` isn't an id", shorten(id));
        let help = "letters a-z, digits, `-`, `_` and `.`, beginning with a letter or digit";
        report.error_help(Code::BadValue, span, message, help);
    }
}
