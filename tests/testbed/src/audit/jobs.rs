//! What became of Jobs, in the order in which the API server wrote it down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Request;

/// The life of Jobs, from the audit log, ordered by resource version.
pub struct JobHistory {
    /// Every successful write, with the object after it.
    writes: Vec<(u64, Request)>,
}

impl JobHistory {
    /// From all requests that were made, by whomever; those that changed no Job are left aside.
    #[must_use]
    pub fn of(requests: impl IntoIterator<Item = Request>) -> Self {
        let mut writes: Vec<(u64, Request)> = requests
            .into_iter()
            .filter(|request| {
                request.resource == "jobs" && request.is_write() && request.is_success()
            })
            .filter_map(|request| Some((version(&request.response_object)?, request)))
            .collect();
        writes.sort_by_key(|(version, _)| *version);
        Self { writes }
    }

    /// How often each name was created.
    #[must_use]
    pub fn creations(&self) -> BTreeMap<String, usize> {
        let mut creations = BTreeMap::new();
        for (_, request) in self
            .writes
            .iter()
            .filter(|(_, request)| request.verb == "create")
        {
            *creations.entry(name(&request.response_object)).or_default() += 1;
        }
        creations
    }

    /// The names in the order in which they were first unsuspended.
    #[must_use]
    pub fn starts(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let objects = self
            .writes
            .iter()
            .map(|(_, request)| &request.response_object);
        objects
            .filter(|job| is_working(job))
            .map(name)
            .filter(|name| seen.insert(name.clone()))
            .collect()
    }

    /// The most Jobs that were ever unsuspended and not ended at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        let mut working = BTreeSet::new();
        let mut most = 0;
        for (_, request) in &self.writes {
            let job = &request.response_object;
            let uid = job["metadata"]["uid"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if is_working(job) && !is_gone(job) {
                working.insert(uid);
            } else {
                working.remove(&uid);
            }
            most = most.max(working.len());
        }
        most
    }

    /// The values that `spec.suspend` was given for one Job, in order, and by whom.
    #[must_use]
    pub fn suspensions(&self, job: &str) -> Vec<(bool, String)> {
        let mut values: Vec<(bool, String)> = Vec::new();
        for (_, request) in self
            .writes
            .iter()
            .filter(|(_, request)| name(&request.response_object) == job)
        {
            let value = request.response_object["spec"]["suspend"]
                .as_bool()
                .unwrap_or(false);
            if values.last().is_none_or(|(last, _)| *last != value) {
                values.push((value, request.user.clone()));
            }
        }
        values
    }
}

fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

fn name(job: &Value) -> String {
    job["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn is_working(job: &Value) -> bool {
    let is_suspended = job["spec"]["suspend"].as_bool().unwrap_or(false);
    let conditions = job["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let has_ended = conditions
        .iter()
        .any(|c| c["status"] == "True" && (c["type"] == "Complete" || c["type"] == "Failed"));
    !is_suspended && !has_ended
}

/// The last write of an object that is being deleted takes its last finalizer away.
fn is_gone(job: &Value) -> bool {
    let has_finalizer = job["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|names| !names.is_empty());
    !job["metadata"]["deletionTimestamp"].is_null() && !has_finalizer
}
