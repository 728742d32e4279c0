//! The exit codes of the three containers, as a Job's `podFailurePolicy` reads them.
//!
//! 40 to 49 belong to `git-init`, 50 to 59 to `agent`, 60 to 69 to `git-push`. They keep clear of what a shell, a runtime or a
//! signal gives (1, 2, 64 to 78 in `sysexits.h` only by name, 101, 125 and above), so that a code of this list is always ours.

/// Why a container ended. A number, once published, keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// The container did what it is there for.
    Success = 0,

    /// `git-init`: the settings cannot be used (a broken URL, a work branch that is the base branch, no supervisor file).
    CloneSettings = 40,
    /// `git-init`: the server refused the credential, or is not the one it should be (host key, certificate).
    CloneRefused = 41,
    /// `git-init`: there is no such repository or branch.
    CloneNotFound = 42,
    /// `git-init`: the repository needs something that this image does not have (`git-lfs`).
    CloneUnsupported = 43,
    /// `git-init`: the network, the server or the disk failed.
    CloneFailed = 44,
    /// `git-init`: was told to stop.
    CloneStopped = 45,

    /// `agent`: the agent ended with an error, or said so in its report.
    AgentFailed = 50,
    /// `agent`: the time for the attempt was over.
    AgentDeadline = 51,
    /// `agent`: for too long no output and no changed file.
    AgentIdle = 52,
    /// `agent`: the kernel ended the agent, not the supervisor, for want of memory.
    AgentOutOfMemory = 53,
    /// `agent`: was told to stop.
    AgentStopped = 54,
    /// `agent`: the program could not be started.
    AgentNotStarted = 55,
    /// `agent`: the settings cannot be used (an agent that does not speak to this provider).
    AgentSettings = 56,

    /// `git-push`: the agent ended well and changed nothing.
    NoChanges = 60,
    /// `git-push`: the server refused the credential or the branch.
    PushRefused = 61,
    /// `git-push`: someone else moved the branch; the work is on a branch beside it.
    BranchMoved = 62,
    /// `git-push`: the network, the server or the disk failed; the work is not on the server.
    PushFailed = 63,
    /// `git-push`: the agent's container did not start in time.
    AgentNeverStarted = 64,
    /// `git-push`: nothing usable was left of the repository.
    WorkspaceDamaged = 65,
    /// `git-push`: the settings cannot be used.
    PushSettings = 66,
    /// `git-push`: was told to stop before there was anything to push.
    PushStopped = 67,
}

impl ExitCode {
    /// All codes, in ascending order.
    pub const ALL: [Self; 22] = [
        Self::Success,
        Self::CloneSettings,
        Self::CloneRefused,
        Self::CloneNotFound,
        Self::CloneUnsupported,
        Self::CloneFailed,
        Self::CloneStopped,
        Self::AgentFailed,
        Self::AgentDeadline,
        Self::AgentIdle,
        Self::AgentOutOfMemory,
        Self::AgentStopped,
        Self::AgentNotStarted,
        Self::AgentSettings,
        Self::NoChanges,
        Self::PushRefused,
        Self::BranchMoved,
        Self::PushFailed,
        Self::AgentNeverStarted,
        Self::WorkspaceDamaged,
        Self::PushSettings,
        Self::PushStopped,
    ];

    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code with this number, if it is one of ours.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| i32::from(known.code()) == code)
    }

    /// Whether the same attempt, started again unchanged, cannot end otherwise: a person has to mend something first.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::CloneSettings
                | Self::CloneRefused
                | Self::CloneNotFound
                | Self::CloneUnsupported
                | Self::AgentNotStarted
                | Self::AgentSettings
                | Self::PushRefused
                | Self::PushSettings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_of_its_own_and_is_found_by_it() {
        assert!(
            ExitCode::ALL
                .windows(2)
                .all(|pair| pair[0].code() < pair[1].code())
        );
        for code in ExitCode::ALL {
            assert_eq!(ExitCode::from_code(i32::from(code.code())), Some(code));
        }
    }

    #[test]
    fn code_of_a_signal_or_a_runtime_is_not_ours() {
        for foreign in [1, 2, 101, 125, 126, 127, 137, 143, 255, -1, 256 + 50] {
            assert_eq!(ExitCode::from_code(foreign), None, "{foreign}");
        }
    }
}
