//! A forecast in words for people: what a way back restores, loses, takes along and leaves.

use super::forecast::Forecast;
use super::taken::Taken;
use crate::run::event::{BY_PROGRAM, WayBack, WayBackVerdict};

/// Losses, and names in one of them, that are told of one step.
const NAMED: usize = 6;

impl Forecast {
    /// As the journal has it.
    #[must_use]
    pub fn of_step(&self, step: &str) -> WayBack {
        let verdict = match (&self.impossible, self.losses.is_empty()) {
            (Some(_), _) => WayBackVerdict::Impossible,
            (None, false) => WayBackVerdict::Loses,
            (None, true) if !self.leaves.is_empty() => WayBackVerdict::Leaves,
            (None, true) => WayBackVerdict::Restores,
        };
        WayBack { step: step.to_owned(), verdict, words: self.words() }
    }

    /// For people: `restores`, `loses …`, `leaves …`, `impossible: …`.
    #[must_use]
    pub fn words(&self) -> String {
        if let Some(why) = &self.impossible {
            return format!("impossible: {why}");
        }
        let unseen = self.unseen.as_ref().map(|what| format!(" ({what})")).unwrap_or_default();
        let new_since = together(&self.new_since);
        let fresh = match self.fresh.as_slice() {
            [] => None,
            all => Some(format!("{} had none of it before", joined(all))),
        };
        let assumed: Vec<String> = self.assumed.iter().cloned().chain(fresh).collect();
        let assumed = match first(&assumed).join(", and ") {
            assumed if assumed.is_empty() => assumed,
            assumed => format!(", if {assumed}"),
        };
        let leaves = first(&self.leaves).join("; ");
        if self.losses.is_empty() && !leaves.is_empty() {
            return format!("leaves {leaves}{unseen}");
        }
        // There is no SQL of which anything could be told.
        if self.losses.is_empty() && self.by_program {
            return format!("{BY_PROGRAM}; what a program does can't be read");
        }
        if self.losses.is_empty() {
            let new = match new_since.join("; ") {
                new if new.is_empty() => new,
                new => format!("; takes along {new}"),
            };
            return format!("restores, as far as its SQL tells{assumed}{new}{unseen}");
        }
        let all: Vec<String> = self.losses.iter().cloned().chain(new_since).collect();
        let rest = if assumed.is_empty() { assumed } else { format!("; restores the rest{assumed}") };
        let leaves = if leaves.is_empty() { leaves } else { format!("; leaves {leaves}") };
        format!("loses {}{leaves}{rest}{unseen}", first(&all).join("; "))
    }
}

/// Rows of several tables in one word, and values of several columns.
fn together(taken: &[Taken]) -> Vec<String> {
    let (columns, tables): (Vec<&Taken>, Vec<&Taken>) =
        taken.iter().partition(|taken| taken.column.is_some());
    let of = |what: &str, all: &[&Taken]| match all {
        [] => None,
        [one] => Some(one.words()),
        all => {
            let places: Vec<String> = all.iter().map(|taken| taken.place()).collect();
            Some(format!("{what} written since to {}", joined(&places)))
        }
    };
    [of("rows", &tables), of("values", &columns)].into_iter().flatten().collect()
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
fn joined(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).cloned().collect();
    if names.len() > NAMED {
        shown.push(format!("{} more", names.len() - NAMED));
    }
    match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => shown.concat(),
    }
}

fn first(all: &[String]) -> Vec<String> {
    let mut named: Vec<String> = all.iter().take(NAMED).cloned().collect();
    if all.len() > NAMED {
        named.push(format!("and {} more", all.len() - NAMED));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_tables_are_told_in_one_word() {
        let table = |name: &str| Taken::table(name.to_owned());
        let column = |name: &str| Taken { column: Some(name.to_owned()), ..table("t") };
        let told = Forecast {
            new_since: vec![table("a"), column("x"), table("b"), table("c"), column("y")],
            fresh: ["a", "b"].map(str::to_owned).to_vec(),
            ..Forecast::default()
        };
        assert_eq!(
            told.words(),
            "restores, as far as its SQL tells, if a and b had none of it before; takes along rows written since to a, b \
             and c; values written since to t.x and t.y"
        );
    }

    #[test]
    fn a_program_has_no_sql_that_could_tell() {
        let told = Forecast { by_program: true, unseen: Some("…".to_owned()), ..Forecast::default() };
        assert_eq!(told.words(), "the plan's program takes it back; what a program does can't be read");
    }
}
