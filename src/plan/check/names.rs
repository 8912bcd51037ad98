//! Every `{name}` has a value by the time it is used.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::plan::build::context::{Build, Save, Use};
use crate::plan::build::index::Scope;
use crate::plan::build::vars::{BUILT_IN, Var};
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::duration;
use crate::plan::model::Variable;
use crate::plan::nearest::nearest;
use crate::plan::raw::Report;
use crate::plan::sqltext;

/// Checks all uses; gives the variables with `only_rollback` set.
pub(in crate::plan) fn check<'a>(build: &mut Build<'a>, vars: Vec<Var<'a>>) -> Vec<Variable> {
    let by_name: HashMap<&str, usize> =
        vars.iter().enumerate().map(|(i, var)| (var.variable.name.as_str(), i)).collect();
    let saves = saves(build, &vars, &by_name);
    let known = Known { vars: &by_name, saves: &saves };
    templates(&mut build.report, &vars, &known);
    durations(build, &vars);
    let mut course: HashSet<usize> = HashSet::new();
    let mut procedures: BTreeMap<usize, HashSet<usize>> = BTreeMap::new();
    for used in std::mem::take(&mut build.uses) {
        if let Some(var) = by_name.get(used.name.as_str()) {
            let set = match used.at.scope {
                Scope::Procedure(number) => procedures.entry(number).or_default(),
                _ => &mut course,
            };
            set.insert(*var);
        } else {
            saved(&mut build.report, &used, &known);
        }
    }
    let plain: Vec<Variable> = vars.iter().map(|var| var.variable.clone()).collect();
    build.shown_values(&plain, &|name| known.save(name).is_some());
    let course = closure(course, &vars, &by_name);
    let procedures: Vec<(usize, HashSet<usize>)> =
        procedures.into_iter().map(|(of, used)| (of, closure(used, &vars, &by_name))).collect();
    vars.into_iter()
        .enumerate()
        .map(|(number, var)| {
            let users = procedures.iter().filter(|(_, used)| used.contains(&number));
            let procedures: Vec<usize> = users.map(|(of, _)| *of).collect();
            let only_rollback = !procedures.is_empty() && !course.contains(&number);
            Variable { only_rollback, procedures, ..var.variable }
        })
        .collect()
}

/// What a `soak` takes from a variable has to be a duration before anything has begun.
fn durations(build: &mut Build<'_>, vars: &[Var<'_>]) {
    let lasting = std::mem::take(&mut build.lasting);
    for var in vars.iter().filter(|var| lasting.contains(&var.variable.name)) {
        for (text, span) in var.texts.iter().filter(|(text, _)| sqltext::braces(text).is_empty()) {
            if let Err(reason) = duration::parse(text.trim()) {
                let name = &var.variable.name;
                let message =
                    format!("`{{{name}}}` is how long a `soak` waits, and this is no duration: {reason}");
                build.report.error_help(Code::BadValue, *span, message, "such as 30s, 5min or 2h");
            }
        }
    }
}

struct Known<'k> {
    vars: &'k HashMap<&'k str, usize>,
    saves: &'k HashMap<String, Save>,
}

impl Known<'_> {
    fn near(&self, name: &str) -> Option<String> {
        let known = self.vars.keys().copied().chain(self.saves.keys().map(String::as_str)).chain(BUILT_IN);
        // Sorted, so that of two equally near names it is always the same.
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        nearest(name, known).map(str::to_owned)
    }

    /// The save that gives a name: the name itself, or `{saved_COLUMN}` of a row.
    fn save(&self, name: &str) -> Option<&Save> {
        self.saves.get(name).or_else(|| {
            let cuts = name.match_indices('_').map(|(at, _)| at).filter(|at| *at > 0 && at + 1 < name.len());
            cuts.filter_map(|at| self.saves.get(&name[..at])).next_back()
        })
    }
}

/// All saves by name; a name is given once.
fn saves(build: &mut Build<'_>, vars: &[Var<'_>], by_name: &HashMap<&str, usize>) -> HashMap<String, Save> {
    let mut out: HashMap<String, Save> = HashMap::new();
    for save in std::mem::take(&mut build.saves) {
        let report = &mut build.report;
        let taken = match (out.get(&save.name), by_name.get(save.name.as_str())) {
            (Some(first), _) => Some(report.related(first.span, "saved here")),
            (None, Some(var)) => Some(report.related(vars[*var].span, "the variable")),
            _ if BUILT_IN.contains(&save.name.as_str())
                || matches!(save.name.as_str(), "baseline" | "file") =>
            {
                report.error(Code::Duplicate, save.span, format!("`{{{}}}` is built in", save.name));
                continue;
            }
            _ => None,
        };
        match taken {
            Some(related) => {
                let message = format!("the name `{}` is taken", save.name);
                report.add(Severity::Error, Code::Duplicate, save.span, message).related.push(related);
            }
            None => {
                out.insert(save.name.clone(), save);
            }
        }
    }
    out
}

/// A name that isn't a variable: built in, or saved in time.
fn saved(report: &mut Report<'_>, used: &Use, known: &Known<'_>) {
    if BUILT_IN.contains(&used.name.as_str()) {
        return;
    }
    if used.name == "baseline" {
        if used.strict && !used.baseline {
            let message = "`{baseline}` has a value only in the `expect` of `compare = \"timings\"`";
            report.error(Code::UnknownName, used.span, message);
        }
        return;
    }
    let Some(save) = known.save(&used.name) else {
        let near = if report.helps() { known.near(&used.name) } else { None };
        // In prose and shell text other braces are allowed; only a slip is worth a word.
        let severity = match (used.strict, &near) {
            (true, _) => Severity::Error,
            (false, Some(_)) => Severity::Warning,
            (false, None) => return,
        };
        let message = format!("nothing gives `{}` a value", written(report, used));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let help = help
            .or_else(|| used.strict.then(|| "it comes from [vars], a `save` before, or is built in".into()));
        report.add(severity, Code::UnknownName, used.span, message).help = help;
        return;
    };
    let in_time = match (save.at.scope, used.at.scope) {
        (Scope::Plan, Scope::Procedure(_)) => true,
        (Scope::Plan, _) => save.at.order < used.at.order,
        (one, other) => one == other && save.at.order < used.at.order,
    };
    if !in_time && used.strict {
        let related = report.related(save.span, "saved here");
        let message = match save.at.scope {
            Scope::Plan => format!("`{}` is used before it is saved", written(report, used)),
            _ => format!("`{}` is saved by a rollback that doesn't run before this", written(report, used)),
        };
        report.add(Severity::Error, Code::Order, used.span, message).related.push(related);
    }
}

/// A name as it was written: `{name}` or `:'name'`.
fn written(report: &Report<'_>, used: &Use) -> String {
    let source = report.source.slice(used.span);
    let plain = source.len() <= used.name.len() + 3 && source.contains(&used.name);
    if plain { source.to_owned() } else { format!("{{{}}}", used.name) }
}

/// Names inside the variables' own texts.
fn templates(report: &mut Report<'_>, vars: &[Var<'_>], known: &Known<'_>) {
    for var in vars {
        for (text, span) in &var.texts {
            for (from, to, name) in sqltext::braces(text) {
                if known.vars.contains_key(name) || BUILT_IN.contains(&name) || known.save(name).is_some() {
                    continue;
                }
                // A template is prose: only a slip is worth a word.
                if let Some(near) = report.helps().then(|| known.near(name)).flatten() {
                    let place = report.part_of(*span, text, from, to);
                    let message = format!("nothing gives `{{{name}}}` a value");
                    report.warn_help(Code::UnknownName, place, message, format!("did you mean `{near}`?"));
                }
            }
        }
    }
    circles(report, vars, known);
}

/// A variable whose text comes back to it has no text.
fn circles(report: &mut Report<'_>, vars: &[Var<'_>], known: &Known<'_>) {
    let edges: Vec<Vec<usize>> = vars.iter().map(|var| inner(var, known.vars)).collect();
    for members in super::order::circles(&edges) {
        let mut names: Vec<_> = members.iter().map(|i| vars[*i].variable.name.as_str()).collect();
        names.sort_unstable();
        let first = members.iter().map(|i| vars[*i].span).min_by_key(|span| span.start).unwrap_or_default();
        report.error(
            Code::Circle,
            first,
            format!("variables stand in each other's texts: {}", names.join(", ")),
        );
    }
}

fn inner(var: &Var<'_>, by_name: &HashMap<&str, usize>) -> Vec<usize> {
    let names = var.texts.iter().flat_map(|(text, _)| sqltext::braces(text));
    names.filter_map(|(_, _, name)| by_name.get(name).copied()).collect()
}

/// With the variables that stand in the texts of those that are used.
fn closure(mut used: HashSet<usize>, vars: &[Var<'_>], by_name: &HashMap<&str, usize>) -> HashSet<usize> {
    let mut left: Vec<usize> = used.iter().copied().collect();
    while let Some(number) = left.pop() {
        for other in inner(&vars[number], by_name) {
            if used.insert(other) {
                left.push(other);
            }
        }
    }
    used
}
