//! The clock: dispatch windows that open, and the regular look at everything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use uuid::Uuid;

use crate::decide::window::Window;

/// What rings when. Owned by one task.
pub(crate) struct Clock {
    scheduler: JobScheduler,
    /// Expressions and time zones of the windows for which alarms are set.
    windows: BTreeSet<(String, String)>,
    alarms: Vec<Uuid>,
}

/// What is done when the clock rings.
pub(crate) type Ring = Arc<dyn Fn() + Send + Sync>;

impl Clock {
    /// A clock that rings every `resync`, at least a second apart.
    ///
    /// # Errors
    /// When the scheduler does not start.
    pub(crate) async fn start(resync: Duration, ring: Ring) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        scheduler
            .add(Job::new_repeated(
                resync.max(Duration::from_secs(1)),
                move |_, _| ring(),
            )?)
            .await?;
        scheduler.start().await?;
        Ok(Self {
            scheduler,
            windows: BTreeSet::new(),
            alarms: Vec::new(),
        })
    }

    /// Rings when one of these windows opens, and at no other window any more.
    ///
    /// # Errors
    /// When the scheduler does not take an expression; the looks at everything and the planned wake-ups go on.
    pub(crate) async fn set_windows(
        &mut self,
        windows: &[Window],
        ring: &Ring,
    ) -> Result<(), JobSchedulerError> {
        let wanted: BTreeSet<_> = windows
            .iter()
            .map(|window| {
                (
                    window.expression().to_owned(),
                    window.zone().name().to_owned(),
                )
            })
            .collect();
        if self.windows == wanted {
            return Ok(());
        }
        self.windows = BTreeSet::new();
        for alarm in std::mem::take(&mut self.alarms) {
            self.scheduler.remove(&alarm).await?;
        }
        for window in windows {
            let ring = Arc::clone(ring);
            let job = Job::new_tz(window.expression(), window.zone(), move |_, _| ring())?;
            self.alarms.push(self.scheduler.add(job).await?);
        }
        self.windows = wanted;
        Ok(())
    }
}
