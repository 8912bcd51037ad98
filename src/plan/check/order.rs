//! What a step needs, and what proves an item, has run by then; nothing waits for itself.

use std::collections::HashMap;

use crate::plan::build::context::{Build, Edge};
use crate::plan::build::index::{Def, Names, Scope};
use crate::plan::diagnostic::{Code, Severity};

pub(in crate::plan) fn check(build: &mut Build<'_>) {
    let edges = std::mem::take(&mut build.edges);
    for edge in &edges {
        advice_opens_nothing(build, *edge);
    }
    let late: Vec<Edge> = edges
        .iter()
        .copied()
        .filter(|edge| !in_time(&build.index.defs[edge.from], &build.index.defs[edge.to]))
        .collect();
    if late.is_empty() {
        // Whoever only names what has run can't be in a circle.
        return;
    }
    let circle_of = circle_numbers(&build.index.defs, &edges);
    for edge in late {
        let (from, to) = (&build.index.defs[edge.from], &build.index.defs[edge.to]);
        let circle = circle_of.get(&edge.from).is_some_and(|c| circle_of.get(&edge.to) == Some(c));
        let (code, message) = complaint(&edge, from, to, circle);
        let related = build.report.related(to.span, "this one");
        build.report.add(Severity::Error, code, edge.span, message).related.push(related);
    }
}

/// Statistics are wrong after a reset: nothing may rest on them.
fn advice_opens_nothing(build: &mut Build<'_>, edge: Edge) {
    let to = &build.index.defs[edge.to];
    if to.table.get("compare").and_then(|of| of.get_ref().as_str()) != Some("estimates") {
        return;
    }
    let message =
        format!("`{}` names `{}`, which compares estimates: they advise, and prove nothing", edge.key, to.id);
    let related = build.report.related(to.span, "this one");
    let diagnostic = build.report.add(Severity::Error, Code::Conflict, edge.span, message);
    diagnostic.related.push(related);
    diagnostic.help = Some("name a step that compares `rows` or `content`".into());
}

/// Whether `to` has run, whole, when `from` begins.
fn in_time(from: &Def<'_>, to: &Def<'_>) -> bool {
    match (from.scope, to.scope) {
        (Scope::Procedure(_), Scope::Plan) => true,
        (Scope::Plan, Scope::Plan) if to.names == Names::Watch => to.order < from.order,
        (one, other) => one == other && to.end < from.order,
    }
}

fn complaint(edge: &Edge, from: &Def<'_>, to: &Def<'_>, circle: bool) -> (Code, String) {
    let (key, id) = (edge.key, &to.id);
    if edge.from == edge.to {
        return (Code::Circle, format!("`{key}` names the step itself"));
    }
    if to.owner == Some(edge.from) {
        return (
            Code::Order,
            format!("`{key}` names `{id}`, a checkpoint of this very step: it runs after it"),
        );
    }
    if to.scope != from.scope {
        return (Code::Order, format!("`{key}` names `{id}`, which runs only in a rollback"));
    }
    if to.names == Names::Phase && to.order < from.order {
        return (Code::Circle, format!("`{key}` names `{id}`, the phase it stands in"));
    }
    if circle {
        return (Code::Circle, format!("`{key}` runs in a circle: `{id}` waits for `{}`", from.id));
    }
    if from.phase == to.phase && from.phase != 0 {
        return (Code::Order, format!("`{key}` names `{id}`, which runs later in this phase"));
    }
    (Code::Order, format!("`{key}` names `{id}`, which runs later"))
}

/// The number of its circle, for every def in one.
fn circle_numbers(defs: &[Def<'_>], edges: &[Edge]) -> HashMap<usize, usize> {
    // A phase stands for its steps, and what it needs, they need: a second node before each phase
    // carries that.
    let phases = defs.iter().map(|def| def.phase).max().unwrap_or(0);
    let before = |phase: usize| defs.len() + phase;
    let mut graph: Vec<Vec<usize>> = vec![Vec::new(); defs.len() + phases + 1];
    let mut phase_def = vec![None; phases + 1];
    for (number, def) in defs.iter().enumerate() {
        match def.names {
            Names::Phase => phase_def[def.phase] = Some(number),
            Names::Step if def.phase > 0 => {
                graph[number].push(before(def.phase));
                if let Some(phase) = phase_def[def.phase] {
                    graph[phase].push(number);
                }
            }
            _ => {}
        }
        if let Some(owner) = def.owner {
            graph[number].push(owner);
        }
    }
    for edge in edges {
        let from = &defs[edge.from];
        let node = if from.names == Names::Phase { before(from.phase) } else { edge.from };
        graph[node].push(edge.to);
    }
    let mut out = HashMap::new();
    for (circle, members) in circles(&graph).into_iter().enumerate() {
        for member in members {
            // A phase's need runs in the circle that its steps run in.
            let def = member.checked_sub(defs.len()).map_or(Some(member), |phase| phase_def[phase]);
            if let Some(def) = def {
                out.entry(def).or_insert(circle);
            }
        }
    }
    out
}

/// The circles of a graph (strongly connected components of more than one node, or with an edge to
/// itself), in linear time and without recursion: a plan may have 100,000 steps in a row.
pub(super) fn circles(graph: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut number = vec![NEW; graph.len()];
    let mut low = vec![0; graph.len()];
    let mut open = vec![false; graph.len()];
    let (mut stack, mut path, mut found) = (Vec::new(), Vec::<(usize, usize)>::new(), Vec::new());
    let mut next = 0;
    for root in 0..graph.len() {
        if number[root] != NEW {
            continue;
        }
        path.push((root, 0));
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                number[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                open[node] = true;
            } else {
                low[node] = low[node].min(low[graph[node][edge - 1]]);
            }
            let mut edge = edge;
            let mut deeper = None;
            while let Some(to) = graph[node].get(edge).copied() {
                edge += 1;
                if number[to] == NEW {
                    deeper = Some(to);
                    break;
                }
                if open[to] {
                    low[node] = low[node].min(number[to]);
                }
            }
            if let Some(to) = deeper {
                path.push((node, edge));
                path.push((to, 0));
                continue;
            }
            if low[node] == number[node] {
                let mut members = Vec::new();
                while let Some(member) = stack.pop() {
                    open[member] = false;
                    members.push(member);
                    if member == node {
                        break;
                    }
                }
                if members.len() > 1 || graph[node].contains(&node) {
                    found.push(members);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::circles;

    #[test]
    fn circles_are_found() {
        assert_eq!(circles(&[vec![1], vec![2], vec![]]), Vec::<Vec<usize>>::new());
        let mut found = circles(&[vec![1], vec![2], vec![0], vec![3], vec![0]]);
        found.iter_mut().for_each(|c| c.sort_unstable());
        found.sort();
        assert_eq!(found, [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let graph: Vec<Vec<usize>> = (0..200_000).map(|i| vec![(i + 1) % 200_000]).collect();
        assert_eq!(circles(&graph).len(), 1);
    }
}
