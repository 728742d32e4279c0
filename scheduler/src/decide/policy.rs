//! A Rig's rules for dispatch, parsed once.

use std::time::Duration;

use beadlet_store::kinds::{Backoff, Dispatch, NotADuration, RigSpec};

use super::window::{Window, WindowError};

/// A Rig that finished Polecats are kept for at least: a paused controller must find the record of what it was about to start.
const RETENTION_MIN: Duration = Duration::from_secs(60);

/// What a Rig's `dispatch` says.
#[derive(Clone, Debug)]
pub struct Policy {
    pub enabled: bool,
    pub types: Vec<String>,
    pub deny_labels: Vec<String>,
    pub require_labels: Vec<String>,
    /// At least 1.
    pub max_attempts: u32,
    pub backoff_initial: Duration,
    pub backoff_max: Duration,
    pub windows: Vec<Window>,
    pub stop_grace: Duration,
    pub retention: Duration,
}

/// Why a Rig's rules cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("spec.dispatch.{field}: {source}")]
    Duration {
        field: &'static str,
        source: NotADuration,
    },
    #[error(transparent)]
    Window(WindowError),
}

impl Policy {
    /// # Errors
    /// When a duration or a window says nothing.
    pub fn parse(rig: &RigSpec) -> Result<Self, PolicyError> {
        let Dispatch {
            enabled,
            types,
            deny_labels,
            require_labels,
            max_attempts,
            backoff,
            windows,
            stop_grace,
            retention,
        } = &rig.dispatch;
        let Backoff { initial, max } = backoff;
        let duration = |field, text: &beadlet_store::kinds::DurationText| {
            text.parse()
                .map_err(|source| PolicyError::Duration { field, source })
        };
        Ok(Self {
            enabled: *enabled,
            types: types.clone(),
            deny_labels: deny_labels.clone(),
            require_labels: require_labels.clone(),
            max_attempts: (*max_attempts).max(1),
            backoff_initial: duration("backoff.initial", initial)?,
            backoff_max: duration("backoff.max", max)?,
            windows: windows
                .iter()
                .map(Window::parse)
                .collect::<Result<_, _>>()
                .map_err(PolicyError::Window)?,
            stop_grace: duration("stopGrace", stop_grace)?,
            retention: duration("retention", retention)?.max(RETENTION_MIN),
        })
    }

    /// The pause after `failures` failures in a row: doubled with each, up to the maximum.
    #[must_use]
    pub fn backoff(&self, failures: u32) -> Duration {
        let factor = 2u32.saturating_pow(failures.saturating_sub(1));
        self.backoff_initial
            .saturating_mul(factor)
            .min(self.backoff_max)
    }
}
