//! What `.beads/config.yaml` says to a reader: custom statuses and types, the sync branch, the issue prefix.

use crate::reader::{Reading, Warning};

/// The settings of the tracker that a reader of git can see. All are optional in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackerConfig {
    /// `issue-prefix`.
    pub issue_prefix: Option<String>,
    /// `sync-branch`.
    pub sync_branch: Option<String>,
    /// `status.custom`, the names only.
    pub custom_statuses: Vec<String>,
    /// `types.custom`.
    pub custom_types: Vec<String>,
    /// `export.path`.
    pub export_path: Option<String>,
}

/// What is wrong with a `config.yaml`.
#[derive(Debug, thiserror::Error)]
#[error("config.yaml: {message}")]
pub struct ConfigError {
    pub message: String,
}

impl TrackerConfig {
    /// Reads `config.yaml`. Unknown keys are ignored, dotted and nested keys mean the same.
    ///
    /// # Errors
    /// When the text is not YAML or a known key has a value of the wrong type.
    pub fn parse(_yaml: &[u8]) -> Result<Self, ConfigError> {
        todo!()
    }

    /// What the tracker itself would refuse on import: statuses and types that are neither its own nor custom ones.
    /// One warning a word, on the line where it stands first.
    #[must_use]
    pub fn unknown_words(&self, _reading: &Reading<'_>) -> Vec<Warning> {
        todo!()
    }
}
