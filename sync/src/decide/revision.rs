//! What one revision of the file says, and what it would do to the cluster.

use beadlet_store::configmap::{Mirrored, Renderer, Scope, mirrored};
use beadlet_store::name::configmap_name;
use beadlet_store::reader::{Reading, Refusal, Warning, read};
use beadlet_store::ready::{Readiness, readiness};
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;
use std::collections::HashSet;

use super::guard::{Proposal, Rules, Verdict, guard};
use super::observed::Observed;
use super::plan::{Plan, Wanted, plan};
use crate::condition::Reason;
use crate::report::Contents;

/// A revision of the file, read and thought through at one instant.
#[derive(Debug)]
pub struct Revision<'a> {
    pub reading: Reading<'a>,
    pub readiness: Readiness,
    pub mirrored: Mirrored,
    pub config: TrackerConfig,
}

/// What is to be done about a revision.
#[derive(Debug)]
pub struct Decision {
    pub verdict: Verdict,
    /// Empty when the revision is held. Numbers are positions in `wanted`.
    pub plan: Plan,
    /// In file order.
    pub wanted: Vec<Wanted>,
}

impl<'a> Revision<'a> {
    /// Reads the file. A `config.yaml` that cannot be read costs a warning, and counts as absent.
    ///
    /// # Errors
    /// When nothing of the revision may be believed.
    pub fn read(
        file: &'a [u8],
        config: Option<&[u8]>,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut reading = read(file)?;
        let config = config
            .map(TrackerConfig::parse)
            .transpose()
            .unwrap_or_else(|error| {
                let message = format!("{error}; its settings are not used");
                reading.warnings.insert(0, Warning { line: 0, message });
                None
            });
        let readiness = readiness(&reading, scope.profile, now);
        let mirrored = mirrored(&reading, scope, now);
        Ok(Self {
            reading,
            readiness,
            mirrored,
            config: config.unwrap_or_default(),
        })
    }

    /// Renders issues of this revision.
    #[must_use]
    pub fn renderer<'s>(&'s self, scope: &'s Scope) -> Renderer<'s> {
        Renderer::new(&self.reading, &self.readiness, &self.config, scope)
    }

    /// When READY or what is mirrored changes without a commit.
    #[must_use]
    pub fn next_change(&self) -> Option<Timestamp> {
        let instants = [self.readiness.next_change, self.mirrored.next_change];
        instants.into_iter().flatten().min()
    }

    #[must_use]
    pub fn contents(&self) -> Contents {
        let mut contents = Contents {
            issues: self.reading.issues.len(),
            ready: self.readiness.ready.len(),
            retired: self.reading.issues.len() - self.mirrored.issues.len(),
            duplicates: self.reading.duplicates.len(),
            skipped: self.reading.skipped,
            ..Contents::default()
        };
        for issue in &self.reading.issues {
            let statuses = &mut contents.by_status;
            let known =
                statuses.len() < Contents::MAX_STATUSES || statuses.contains_key(&*issue.status);
            let status = if known { &*issue.status } else { "other" };
            *statuses.entry(status.to_owned()).or_default() += 1;
        }
        contents
    }

    /// Decides what `commit` does to what is observed.
    #[must_use]
    pub fn decide(
        &self,
        renderer: &Renderer<'_>,
        observed: &Observed,
        commit: &str,
        rules: &Rules<'_>,
    ) -> Decision {
        let wanted = self.wanted(renderer);
        let mut plan = plan(&wanted, observed);
        let proposal = Proposal {
            commit,
            records: self.reading.issues.len() + self.reading.deleted.len(),
            rejected: &self.reading.rejected,
            mirrored: observed.ours(),
            deletions: self.deletions(&plan),
        };
        let verdict = guard(&proposal, rules);
        match verdict {
            Verdict::Apply => {}
            Verdict::ApplyWithoutDeletions => plan.delete = Vec::new(),
            Verdict::Held { .. } => plan = Plan::default(),
        }
        Decision {
            verdict,
            plan,
            wanted,
        }
    }

    fn wanted(&self, renderer: &Renderer<'_>) -> Vec<Wanted> {
        let beads = self
            .mirrored
            .issues
            .iter()
            .map(|&index| renderer.desired(index));
        let wanted = beads.map(|bead| Wanted {
            name: bead.name.into(),
            hash: bead.hash,
        });
        wanted.collect()
    }

    /// Deletions of issues that the file does not have any more: the retention is a person's own decision, not the commit's.
    fn deletions(&self, plan: &Plan) -> usize {
        if plan.delete.is_empty() || self.mirrored.issues.len() == self.reading.issues.len() {
            return plan.delete.len();
        }
        let names: HashSet<String> = self
            .reading
            .issues
            .iter()
            .map(|issue| configmap_name(&issue.id))
            .collect();
        plan.delete
            .iter()
            .filter(|name| !names.contains(&***name))
            .count()
    }
}

/// The reason of a condition for a refused revision.
#[must_use]
pub fn refusal_reason(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::ConflictMarkers { .. } => Reason::ConflictMarkers,
        Refusal::LfsPointer => Reason::LfsPointer,
    }
}
