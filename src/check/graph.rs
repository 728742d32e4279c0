//! Ways and cycles in a graph. Values in, values out.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// A graph of nodes `0..edges.len()`, each with the nodes that its edges lead to.
pub(super) type Edges = Vec<Vec<usize>>;

/// The groups of nodes that can all reach each other: those of more than one node, and single nodes with an edge to themselves.
/// Nodes ascend in a group, groups by their first node.
#[must_use]
pub(super) fn cyclic_groups(edges: &Edges) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Tarjan::new(edges)
        .groups()
        .into_iter()
        .filter(|group| group.len() > 1 || group.iter().any(|node| edges[*node].contains(node)))
        .collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort();
    groups
}

/// The shortest way from a node along the edges to another, both included; the node alone where they are the same.
#[must_use]
pub(super) fn shortest_way(edges: &Edges, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut came_from: HashMap<usize, usize> = HashMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        if node == to {
            return Some(way(&came_from, from, to));
        }
        for next in edges[node].iter().copied() {
            if let Entry::Vacant(unseen) = came_from.entry(next) {
                unseen.insert(node);
                queue.push_back(next);
            }
        }
    }
    None
}

fn way(came_from: &HashMap<usize, usize>, from: usize, to: usize) -> Vec<usize> {
    let mut way = vec![to];
    let mut node = to;
    while node != from {
        match came_from.get(&node) {
            Some(before) => node = *before,
            None => break,
        }
        way.push(node);
    }
    way.reverse();
    way
}

/// Tarjan's algorithm with a stack of its own: chains in real files are longer than what a thread's stack holds.
struct Tarjan<'e> {
    edges: &'e Edges,
    order: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl<'e> Tarjan<'e> {
    fn new(edges: &'e Edges) -> Self {
        let nodes = edges.len();
        Self {
            edges,
            order: vec![None; nodes],
            low: vec![0; nodes],
            on_stack: vec![false; nodes],
            stack: Vec::new(),
            next: 0,
            found: Vec::new(),
        }
    }

    fn groups(mut self) -> Vec<Vec<usize>> {
        for node in 0..self.edges.len() {
            if self.order[node].is_none() {
                self.visit(node);
            }
        }
        self.found
    }

    fn visit(&mut self, root: usize) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((node, edge)) = path.last_mut() {
            let (node, next) = (*node, self.edges[*node].get(*edge).copied());
            *edge += 1;
            match next {
                Some(next) if self.order[next].is_none() => {
                    self.enter(next);
                    path.push((next, 0));
                }
                Some(next) if self.on_stack[next] => {
                    self.low[node] = self.low[node].min(self.order[next].unwrap_or(0))
                }
                Some(_) => {}
                None => {
                    path.pop();
                    self.leave(node, path.last().map(|(parent, _)| *parent));
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.order[node] = Some(self.next);
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn leave(&mut self, node: usize, parent: Option<usize>) {
        if let Some(parent) = parent {
            self.low[parent] = self.low[parent].min(self.low[node]);
        }
        if Some(self.low[node]) != self.order[node] {
            return;
        }
        let start = self.stack.iter().rposition(|on| *on == node).unwrap_or(0);
        let group = self.stack.split_off(start);
        group
            .iter()
            .for_each(|member| self.on_stack[*member] = false);
        self.found.push(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_the_nodes_that_reach_each_other() {
        let edges = vec![vec![1], vec![2], vec![0, 3], vec![4], vec![], vec![5]];
        assert_eq!(cyclic_groups(&edges), [vec![0, 1, 2], vec![5]]);
        assert_eq!(shortest_way(&edges, 1, 0), Some(vec![1, 2, 0]));
        assert_eq!(shortest_way(&edges, 5, 5), Some(vec![5]));
        assert_eq!(shortest_way(&edges, 3, 0), None);
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let nodes = 200_000;
        let edges: Edges = (0..nodes).map(|node| vec![(node + 1) % nodes]).collect();
        assert_eq!(cyclic_groups(&edges).len(), 1);
    }
}
