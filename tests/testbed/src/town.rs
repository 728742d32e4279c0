//! Believable Gas Town issue files for the demo and the benchmarks: the same text for the same arguments, always.

mod bead;
mod dice;
mod grown;
mod repo;
mod small;
mod words;

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

pub use bead::{Bead, Comment, Edge};
pub use dice::Dice;
pub use repo::{Landed, TownRepo};

/// A project of the town: its name and the prefix of its issues' ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rig {
    pub name: &'static str,
    /// Without the hyphen.
    pub prefix: &'static str,
    /// What the project is, in a few words.
    pub about: &'static str,
}

/// The rigs of every town made here.
pub const RIGS: [Rig; 3] = [
    Rig {
        name: "gantry",
        prefix: "gy",
        about: "berth and crane planning",
    },
    Rig {
        name: "ledger",
        prefix: "lg",
        about: "invoices and payments",
    },
    Rig {
        name: "tidepool",
        prefix: "tp",
        about: "sensor data and charts",
    },
];

/// All the issues of a town.
#[derive(Clone, Debug, Default)]
pub struct Town {
    pub beads: Vec<Bead>,
}

impl Town {
    /// A town a person can read through: some forty issues written by hand. Times are relative to `now`, so that what is
    /// deferred is deferred whenever the demo runs.
    #[must_use]
    pub fn small(now: Timestamp) -> Self {
        Self {
            beads: small::beads(now),
        }
    }

    /// A town of `count` issues, whose sizes are spread as in the issue files of real projects (half of them below 500
    /// bytes, one in a hundred above 3,000).
    #[must_use]
    pub fn grown(count: usize, now: Timestamp) -> Self {
        Self {
            beads: grown::beads(count, now),
        }
    }

    #[must_use]
    pub fn bead(&self, id: &str) -> Option<&Bead> {
        self.beads.iter().find(|bead| bead.id == id)
    }

    pub fn bead_mut(&mut self, id: &str) -> Option<&mut Bead> {
        self.beads.iter_mut().find(|bead| bead.id == id)
    }

    /// The issues of one rig.
    pub fn of_rig(&self, rig: Rig) -> impl Iterator<Item = &Bead> {
        self.beads.iter().filter(move |bead| {
            bead.id
                .split_once('-')
                .is_some_and(|(prefix, _)| prefix == rig.prefix)
        })
    }

    /// The file as the tracker exports it: (priority, newest first, id).
    ///
    /// # Errors
    /// When an issue cannot be written as JSON.
    pub fn to_jsonl(&self) -> serde_json::Result<Vec<u8>> {
        let mut order: Vec<&Bead> = self.beads.iter().collect();
        order.sort_by(|a, b| {
            (a.priority, b.created_at, &a.id).cmp(&(b.priority, a.created_at, &b.id))
        });
        let dependents = self.dependents();
        let mut file = Vec::new();
        for bead in order {
            serde_json::to_writer(&mut file, &Row::new(bead, &dependents))?;
            file.push(b'\n');
        }
        Ok(file)
    }

    /// How many issues wait for each id.
    fn dependents(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for edge in self
            .beads
            .iter()
            .flat_map(|bead| &bead.dependencies)
            .filter(|edge| edge.kind == "blocks")
        {
            *counts.entry(edge.depends_on_id.as_str()).or_default() += 1;
        }
        counts
    }
}

/// An exported line: the issue, and the counts that the tracker derives.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    bead: &'a Bead,
    dependency_count: usize,
    dependent_count: usize,
    comment_count: usize,
}

impl<'a> Row<'a> {
    fn new(bead: &'a Bead, dependents: &HashMap<&str, usize>) -> Self {
        Self {
            bead,
            dependency_count: bead
                .dependencies
                .iter()
                .filter(|edge| edge.kind == "blocks")
                .count(),
            dependent_count: dependents.get(bead.id.as_str()).copied().unwrap_or(0),
            comment_count: bead.comments.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn new_year() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn town_is_the_same_in_every_run() {
        assert_eq!(
            Town::small(new_year()).to_jsonl().unwrap(),
            Town::small(new_year()).to_jsonl().unwrap()
        );
        assert_eq!(
            Town::grown(500, new_year()).to_jsonl().unwrap(),
            Town::grown(500, new_year()).to_jsonl().unwrap()
        );
    }

    #[test]
    fn edges_of_a_town_lead_to_its_own_issues() {
        for town in [Town::small(new_year()), Town::grown(2_000, new_year())] {
            let ids: HashSet<&str> = town.beads.iter().map(|bead| bead.id.as_str()).collect();
            assert_eq!(ids.len(), town.beads.len(), "an id stands twice");
            for edge in town.beads.iter().flat_map(|bead| &bead.dependencies) {
                assert!(
                    ids.contains(edge.depends_on_id.as_str()),
                    "{} -> {}",
                    edge.issue_id,
                    edge.depends_on_id
                );
            }
        }
    }

    #[test]
    fn small_town_shows_every_kind_of_issue() {
        let town = Town::small(new_year());
        for status in ["open", "in_progress", "hooked", "deferred", "closed"] {
            assert!(
                town.beads.iter().any(|bead| bead.status == status),
                "no issue is {status}"
            );
        }
        for issue_type in ["task", "bug", "feature", "chore", "epic", "convoy"] {
            assert!(
                town.beads.iter().any(|bead| bead.issue_type == issue_type),
                "no issue is a {issue_type}"
            );
        }
        assert!(
            town.beads
                .iter()
                .any(|bead| bead.defer_until > Some(new_year()))
        );
        assert!(town.beads.iter().any(|bead| !bead.comments.is_empty()));
        assert!(RIGS.iter().all(|rig| town.of_rig(*rig).count() >= 8));
    }

    #[test]
    fn grown_town_has_sizes_like_a_real_one() {
        let file = Town::grown(10_000, new_year()).to_jsonl().unwrap();
        let mut sizes: Vec<usize> = file.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
        sizes.sort_unstable();
        let mean = file.len() / sizes.len();
        assert!((650..1000).contains(&mean), "mean {mean}");
        assert!(
            (350..700).contains(&sizes[5_000]),
            "median {}",
            sizes[5_000]
        );
        assert!(
            (2_000..6_000).contains(&sizes[9_900]),
            "99th percentile {}",
            sizes[9_900]
        );
    }
}
