//! How an attempt went, as far as its pod can tell.

use serde::{Deserialize, Serialize};

use super::ExitCode;

/// The end of an attempt. What only the cluster can see (an image that cannot be pulled, an eviction, who asked for the stop) is not
/// in here: the pod's own conditions say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The agent ended well, and its work is on the branch.
    Done,
    /// The agent ended well and changed nothing.
    NoChanges,
    /// The agent ended with an error, could not be started, or its container was lost.
    AgentFailed,
    /// The time for the attempt was over.
    Deadline,
    /// For too long no output and no changed file.
    Idle,
    /// The agent or its whole container was ended for want of memory.
    OutOfMemory,
    /// The pod was told to stop: by a person, by an eviction, by its node.
    Stopped,
    /// The repository could not be brought in.
    CloneFailed,
    /// The work could not be put on its branch.
    PushFailed,
}

impl Outcome {
    /// The exit code of the container `agent` for this end.
    #[must_use]
    pub fn agent_exit_code(self) -> ExitCode {
        match self {
            Self::Done | Self::NoChanges => ExitCode::Success,
            Self::Deadline => ExitCode::AgentDeadline,
            Self::Idle => ExitCode::AgentIdle,
            Self::OutOfMemory => ExitCode::AgentOutOfMemory,
            Self::Stopped => ExitCode::AgentStopped,
            Self::AgentFailed | Self::CloneFailed | Self::PushFailed => ExitCode::AgentFailed,
        }
    }
}
