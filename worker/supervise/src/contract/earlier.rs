//! What an earlier attempt left on the work branch.

use serde::{Deserialize, Serialize};

/// Where the agent goes on from: written by `git-init`, told to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier {
    /// The commit that was pushed last.
    pub commit: String,
    /// The branch that the work will be compared with.
    pub base_branch: String,
}
