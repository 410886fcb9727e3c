//! The shape of a workflow in text: which steps stand side by side, and which wait for which.

use std::collections::HashMap;

use serde_json::Value;

/// The dependencies of a workflow's steps, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// Names of steps, in document order.
    pub(crate) names: Vec<String>,
    needs: Vec<Vec<usize>>,
    /// The longest way from a first step, per step.
    depths: Vec<usize>,
}

impl Graph {
    /// Reads a canonical workflow. Unknown names are left out: the server checks them.
    pub(crate) fn of(workflow: &Value) -> Self {
        let steps = workflow["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<String> = steps.iter().map(|step| step["name"].as_str().unwrap_or("?").to_owned()).collect();
        let index: HashMap<&str, usize> =
            names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
        let chain = workflow["type"].as_str() != Some("graph");
        let needs_of =
            |(position, step): (usize, &Value)| match step.get("depends").filter(|depends| !depends.is_null()) {
                Some(Value::Array(depends)) => {
                    depends.iter().filter_map(|name| index.get(name.as_str()?).copied()).collect()
                }
                Some(Value::String(name)) => index.get(name.as_str()).copied().into_iter().collect(),
                _ if chain && position > 0 => vec![position - 1],
                _ => Vec::new(),
            };
        let needs: Vec<Vec<usize>> = steps.iter().enumerate().map(needs_of).collect();
        let depths = depths(&needs);
        Self { names, needs, depths }
    }

    /// Adds a step that nobody announced, after all others.
    pub(crate) fn append(&mut self, name: &str) {
        self.depths.push(self.depths.iter().max().map_or(0, |depth| depth + 1));
        self.needs.push(Vec::new());
        self.names.push(name.to_owned());
    }

    /// The steps in the order in which they can run: by depth, then as written.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by_key(|index| (self.depths[*index], *index));
        order
    }

    /// What is drawn before a step: how it hangs together with the steps at its side.
    pub(crate) fn rail(&self, index: usize) -> &'static str {
        let peers: Vec<usize> =
            (0..self.names.len()).filter(|other| self.depths[*other] == self.depths[index]).collect();
        match (peers.len(), peers.first() == Some(&index), peers.last() == Some(&index)) {
            (0 | 1, _, _) => "── ",
            (_, true, _) => "┬─ ",
            (_, _, true) => "└─ ",
            _ => "├─ ",
        }
    }

    /// The names of the steps that a step waits for.
    pub(crate) fn needs(&self, index: usize) -> impl Iterator<Item = &str> {
        self.needs.get(index).into_iter().flatten().map(|need| self.names[*need].as_str())
    }
}

fn depths(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut dependants = vec![Vec::new(); needs.len()];
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (index, needs) in needs.iter().enumerate() {
        for need in needs {
            dependants[*need].push(index);
        }
    }
    let mut depths = vec![0; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|index| open[*index] == 0).collect();
    while let Some(index) = ready.pop() {
        for dependant in &dependants[index] {
            depths[*dependant] = depths[*dependant].max(depths[index] + 1);
            open[*dependant] -= 1;
            if open[*dependant] == 0 {
                ready.push(*dependant);
            }
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_diamond_shows_its_sides() {
        let workflow = json!({"type": "graph", "steps": [
            {"name": "join", "depends": ["left", "right"]}, {"name": "start"},
            {"name": "left", "depends": ["start"]}, {"name": "right", "depends": "start"}]});
        let graph = Graph::of(&workflow);
        let drawn: Vec<String> =
            graph.order().into_iter().map(|index| format!("{}{}", graph.rail(index), graph.names[index])).collect();
        assert_eq!(drawn, ["── start", "┬─ left", "└─ right", "── join"]);
        assert_eq!(graph.needs(0).collect::<Vec<_>>(), ["left", "right"]);
    }
}
