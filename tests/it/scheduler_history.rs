//! What became of the Jobs of a town.

use beadlet_testbed::JobHistory;

use super::scheduler_town::Town;

/// The life of all Jobs of a town's namespace.
pub(crate) struct History;

impl History {
    pub(crate) async fn of(town: &Town) -> JobHistory {
        JobHistory::of(town.job_history().await)
    }
}
