//! Why a request did not do what it was asked to.

use std::fmt;
use std::time::Duration;

use crate::term::NotLeading;

/// What was asked, for messages and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    ReadRig,
    WriteRig,
    ReadPolecat,
    CreatePolecat,
    WritePolecat,
    DeletePolecat,
    ReadJob,
    ReadPods,
    CreateJob,
    StartJob,
    SuspendJob,
    DeleteJob,
    SetTtl,
    RememberAttempt,
    WriteConvoy,
    ReadSecret,
    ReadConfigMap,
    Lease,
}

impl Ask {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadRig => "read the Rig",
            Self::WriteRig => "write the Rig's status",
            Self::ReadPolecat => "read Polecats",
            Self::CreatePolecat => "create the Polecat",
            Self::WritePolecat => "write the Polecat",
            Self::DeletePolecat => "delete the Polecat",
            Self::ReadJob => "read the Job",
            Self::ReadPods => "read the Job's pods",
            Self::CreateJob => "create the Job",
            Self::StartJob => "start the Job",
            Self::SuspendJob => "suspend the Job",
            Self::DeleteJob => "delete the Job",
            Self::SetTtl => "set the Job's time to live",
            Self::RememberAttempt => "note the attempt on the bead's ConfigMap",
            Self::WriteConvoy => "write the Convoy",
            Self::ReadSecret => "read the Secret",
            Self::ReadConfigMap => "read the ConfigMap",
            Self::Lease => "read or write the Lease",
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why it was not done. A closed set, for conditions, events and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The object changed since it was seen.
    Conflict,
    AlreadyExists,
    NotFound,
    Forbidden,
    QuotaExceeded,
    /// The API server will not take the object, however often it is asked.
    Invalid,
    /// The namespace is being deleted.
    Terminating,
    Throttled,
    ServerFailed,
    Unreachable,
    NotLeading,
    /// The CRD lacks a field that was written.
    NotKept,
}

impl Reason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::AlreadyExists => "AlreadyExists",
            Self::NotFound => "NotFound",
            Self::Forbidden => "Forbidden",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::Invalid => "Invalid",
            Self::Terminating => "NamespaceTerminating",
            Self::Throttled => "Throttled",
            Self::ServerFailed => "ServerFailed",
            Self::Unreachable => "Unreachable",
            Self::NotLeading => "NotLeading",
            Self::NotKept => "StatusNotKept",
        }
    }

    /// Whether a person has to do something: such a fault is said in a condition.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::Forbidden | Self::QuotaExceeded | Self::Invalid | Self::NotKept
        )
    }

    /// How long to wait until something is tried again for which a person has to do something first.
    pub const REST: Duration = Duration::from_secs(5);

    /// How long to wait before trying again.
    #[must_use]
    pub fn pause(self) -> Duration {
        match self {
            Self::Conflict | Self::AlreadyExists | Self::NotFound => Duration::from_millis(100),
            Self::Throttled | Self::ServerFailed | Self::Unreachable => Duration::from_secs(1),
            Self::Forbidden
            | Self::QuotaExceeded
            | Self::Invalid
            | Self::Terminating
            | Self::NotLeading
            | Self::NotKept => Self::REST,
        }
    }
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("could not {ask}: {}", words(.source))]
    Refused { ask: Ask, source: Box<kube::Error> },
    #[error(transparent)]
    NotLeading(#[from] NotLeading),
    #[error("the CRD of {kind}s does not keep {}: install the CRDs of this version", .fields.join(", "))]
    NotKept {
        kind: &'static str,
        fields: Vec<String>,
    },
}

impl Fault {
    /// For `map_err`: the fault of the named request.
    pub fn of(ask: Ask) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Refused {
            ask,
            source: Box::new(source),
        }
    }

    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotLeading(_) => Reason::NotLeading,
            Self::NotKept { .. } => Reason::NotKept,
            Self::Refused { source, .. } => reason(source),
        }
    }

    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.reason() == Reason::AlreadyExists
    }

    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.reason() == Reason::NotFound
    }
}

fn reason(error: &kube::Error) -> Reason {
    let kube::Error::Api(status) = error else {
        return Reason::Unreachable;
    };
    match status.code {
        404 => Reason::NotFound,
        409 if status.is_already_exists() => Reason::AlreadyExists,
        409 => Reason::Conflict,
        403 if status.message.contains("exceeded quota") => Reason::QuotaExceeded,
        403 if status.message.contains("being terminated") => Reason::Terminating,
        401 | 403 => Reason::Forbidden,
        429 => Reason::Throttled,
        // What a JSON patch answers whose test fails is the same as what an object gets that is not valid; the former is a conflict.
        422 if status
            .details
            .as_ref()
            .is_none_or(|details| details.causes.is_empty()) =>
        {
            Reason::Conflict
        }
        400..500 => Reason::Invalid,
        _ => Reason::ServerFailed,
    }
}

/// What the API server said, without the rest.
fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16, reason: &str, message: &str) -> Fault {
        let status = Status {
            code,
            reason: reason.into(),
            message: message.into(),
            ..Status::default()
        };
        Fault::of(Ask::CreateJob)(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn every_answer_has_its_reason() {
        let cases = [
            (api(409, "Conflict", ""), Reason::Conflict),
            (api(409, "AlreadyExists", ""), Reason::AlreadyExists),
            (api(404, "NotFound", ""), Reason::NotFound),
            (
                api(
                    403,
                    "Forbidden",
                    "jobs.batch is forbidden: User x cannot create",
                ),
                Reason::Forbidden,
            ),
            (
                api(
                    403,
                    "Forbidden",
                    "jobs.batch \"x\" is forbidden: exceeded quota: few",
                ),
                Reason::QuotaExceeded,
            ),
            (
                api(
                    403,
                    "Forbidden",
                    "unable to create new content in namespace x because it is being terminated",
                ),
                Reason::Terminating,
            ),
            (
                api(422, "Invalid", "the server rejected our request"),
                Reason::Conflict,
            ),
            (api(400, "BadRequest", ""), Reason::Invalid),
            (api(429, "TooManyRequests", ""), Reason::Throttled),
            (api(500, "InternalError", ""), Reason::ServerFailed),
            (
                Fault::of(Ask::ReadJob)(kube::Error::LinesCodecMaxLineLengthExceeded),
                Reason::Unreachable,
            ),
            (Fault::NotLeading(NotLeading), Reason::NotLeading),
            (
                Fault::NotKept {
                    kind: "Rig",
                    fields: vec!["status.slots".into()],
                },
                Reason::NotKept,
            ),
        ];
        for (fault, reason) in cases {
            assert_eq!(fault.reason(), reason, "{fault}");
        }
    }

    #[test]
    fn message_says_what_was_asked_and_what_was_answered() {
        assert_eq!(
            api(403, "Forbidden", "exceeded quota: few").to_string(),
            "could not create the Job: exceeded quota: few"
        );
    }
}
