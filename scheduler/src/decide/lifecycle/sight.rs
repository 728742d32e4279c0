//! What matters of a Job.

use beadlet_store::keys::work;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::{JobSight, View};
use crate::decide::attempt::Attempt;

/// A Job, read for one Polecat.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) job: Option<&'a Job>,
    pub(super) is_suspended: bool,
    /// Whether Kueue starts it.
    pub(super) is_of_queue: bool,
    pub(super) is_deleting: bool,
    /// Whether pods of it run, or end.
    pub(super) is_active: bool,
    /// Whether it may be started as it is.
    pub(super) is_for_this_stretch: bool,
    /// Whether it has the name of ours and is none.
    pub(super) is_of_another: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn of(view: &View<'a>) -> Self {
        let (JobSight::Cached(found) | JobSight::Fresh(found)) = view.job;
        let uid = view.polecat.metadata.uid.as_deref();
        let is_ours = |job: &&Job| {
            job.owner_references()
                .iter()
                .any(|owner| Some(owner.uid.as_str()) == uid)
        };
        let job = found.filter(is_ours);
        let status = job.and_then(|job| job.status.as_ref());
        let count = |n: Option<i32>| n.unwrap_or(0);
        let stretch = job
            .and_then(|job| job.annotations().get(work::STRETCH))
            .and_then(|text| text.parse::<i64>().ok());
        Self {
            is_suspended: job
                .and_then(|job| job.spec.as_ref()?.suspend)
                .unwrap_or(false),
            is_of_queue: job.is_some_and(|job| job.labels().contains_key(work::QUEUE)),
            is_deleting: job.is_some_and(|job| job.metadata.deletion_timestamp.is_some()),
            is_active: status
                .is_some_and(|status| count(status.active) + count(status.terminating) > 0),
            is_for_this_stretch: stretch == Some(view.polecat.pauses()),
            is_of_another: job.is_none() && found.is_some(),
            job,
        }
    }
}
