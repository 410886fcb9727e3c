//! What each step waits for, circles, and what comes before what.

use super::findings::{Findings, nearest};
use super::names::Tables;
use crate::workflow::document::Kind;

/// Most circles that are described.
const CIRCLES_MAX: usize = 5;

/// Who waits for whom.
pub(super) struct Graph {
    /// For each step the indices that it waits for.
    pub(super) needs: Vec<Vec<u32>>,
    /// Every step after all that it waits for; absent when there is a circle.
    pub(super) order: Option<Vec<u32>>,
}

impl Graph {
    /// Reads `depends` and the rule of order, and reports what is wrong with them.
    pub(super) fn new(tables: &Tables<'_>, findings: &mut Findings<'_>) -> Self {
        let workflow = tables.workflow;
        let mut needs = Vec::with_capacity(workflow.steps.len());
        for (index, step) in (0_u32..).zip(&workflow.steps) {
            let mut wanted: Vec<u32> = Vec::new();
            match &step.depends {
                None if workflow.kind == Kind::Chain => wanted.extend(index.checked_sub(1)),
                None => {}
                Some(names) => {
                    for (position, name) in names.iter().enumerate() {
                        let path = format!("/steps/{index}/depends/{position}");
                        match tables.step(name) {
                            Some(other) if other == index => {
                                let message = format!("`{name}` depends on itself");
                                findings.error("depends_on_itself", path, message, "remove this entry of `depends`");
                            }
                            Some(other) => wanted.push(other),
                            None => unknown(tables, &step.name, name, path, findings),
                        }
                    }
                }
            }
            if wanted.len() > 1 {
                wanted.sort_unstable();
                wanted.dedup();
            }
            needs.push(wanted);
        }
        let order = topological(&needs);
        if order.is_none() {
            report_circles(tables, &needs, findings);
        }
        Self { needs, order }
    }

    /// Answers, for many pairs at once, whether the second comes before the first: 64 targets are carried
    /// along the order at a time. Gives the positions of the pairs that are not so.
    pub(super) fn not_upstream(&self, pairs: &[(u32, u32)]) -> Vec<usize> {
        let Some(order) = &self.order else { return Vec::new() };
        let mut open: Vec<usize> = (0..pairs.len())
            .filter(|position| {
                let (step, target) = pairs[*position];
                !self.needs[step as usize].contains(&target)
            })
            .collect();
        let mut targets: Vec<u32> = open.iter().map(|position| pairs[*position].1).collect();
        targets.sort_unstable();
        targets.dedup();
        let mut reached = vec![0_u64; self.needs.len()];
        open.sort_by_key(|position| pairs[*position].1);
        let mut open = open.into_iter().peekable();
        let mut missing = Vec::new();
        for block in targets.chunks(64) {
            reached.fill(0);
            for step in order {
                let own = block.binary_search(step).map_or(0, |bit| 1_u64 << bit);
                let from_needs = self.needs[*step as usize].iter().fold(0, |all, need| all | reached[*need as usize]);
                reached[*step as usize] = own | from_needs;
            }
            while let Some(position) = open.next_if(|position| block.binary_search(&pairs[*position].1).is_ok()) {
                let (step, target) = pairs[position];
                let bit = block.binary_search(&target).unwrap_or_default();
                if step == target || reached[step as usize] & (1 << bit) == 0 {
                    missing.push(position);
                }
            }
        }
        missing.sort_unstable();
        missing
    }
}

fn unknown(tables: &Tables<'_>, step: &str, name: &str, path: String, findings: &mut Findings<'_>) {
    let help = match nearest(name, tables.step_names()) {
        Some(other) => format!("did you mean `{other}`?"),
        None => "write the name of another step".to_owned(),
    };
    findings.error("unknown_step", path, format!("`{step}` depends on `{name}`, and no step is called so"), help);
}

/// Kahn's order; `None` when there is a circle.
fn topological(needs: &[Vec<u32>]) -> Option<Vec<u32>> {
    let mut waiting: Vec<u32> = needs.iter().map(|needs| u32::try_from(needs.len()).unwrap_or(u32::MAX)).collect();
    let mut dependants: Vec<Vec<u32>> = vec![Vec::new(); needs.len()];
    for (index, needs) in (0_u32..).zip(needs) {
        for need in needs {
            dependants[*need as usize].push(index);
        }
    }
    let mut order: Vec<u32> =
        (0_u32..).zip(&waiting).filter(|(_, count)| **count == 0).map(|(index, _)| index).collect();
    let mut at = 0;
    while let Some(step) = order.get(at).copied() {
        at += 1;
        for dependant in &dependants[step as usize] {
            let count = &mut waiting[*dependant as usize];
            *count -= 1;
            if *count == 0 {
                order.push(*dependant);
            }
        }
    }
    (order.len() == needs.len()).then_some(order)
}

#[derive(Clone, Copy, PartialEq)]
enum Colour {
    New,
    Open,
    Done,
}

/// Finds the circles by going from step to need, and describes each.
fn report_circles(tables: &Tables<'_>, needs: &[Vec<u32>], findings: &mut Findings<'_>) {
    let mut colours = vec![Colour::New; needs.len()];
    let mut found = 0;
    for start in 0..needs.len() {
        if colours[start] != Colour::New {
            continue;
        }
        let mut trail: Vec<(usize, usize)> = vec![(start, 0)];
        colours[start] = Colour::Open;
        while let Some((step, next)) = trail.last_mut() {
            let Some(need) = needs[*step].get(*next).map(|need| *need as usize) else {
                colours[*step] = Colour::Done;
                trail.pop();
                continue;
            };
            *next += 1;
            match colours[need] {
                Colour::New => {
                    colours[need] = Colour::Open;
                    trail.push((need, 0));
                }
                Colour::Open if found < CIRCLES_MAX => {
                    found += 1;
                    let from = trail.iter().position(|(step, _)| *step == need).unwrap_or_default();
                    let circle: Vec<usize> = trail[from..].iter().map(|(step, _)| *step).collect();
                    report_circle(tables, &circle, findings);
                }
                Colour::Open | Colour::Done => {}
            }
        }
    }
}

fn report_circle(tables: &Tables<'_>, circle: &[usize], findings: &mut Findings<'_>) {
    let steps = &tables.workflow.steps;
    let mut names: Vec<&str> = circle.iter().chain(circle.first()).map(|step| steps[*step].name.as_str()).collect();
    if names.len() > 12 {
        names.splice(6..names.len() - 5, ["…"]);
    }
    let implicit = circle.iter().find(|step| steps[**step].depends.is_none() && **step > 0);
    let help = match implicit {
        Some(step) => format!(
            "`{}` has no `depends`, so it follows `{}`: free it with `depends: []`, or set `type: graph`",
            steps[*step].name,
            steps[*step - 1].name
        ),
        None => "remove one of these entries of `depends`".to_owned(),
    };
    let at = circle.iter().find(|step| steps[**step].depends.is_some()).or(circle.first()).copied().unwrap_or_default();
    let message = format!("the steps wait for each other in a circle: {}", names.join(" -> "));
    findings.error("cycle", format!("/steps/{at}/depends"), message, help);
}
