//! What an answer of the API server means for the one who asked. Decides: no I/O.

use std::fmt;
use std::time::Duration;

use kube::core::Status;
use kube::core::response::reason;

/// What was asked of the API server, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Patch,
    Delete,
}

impl Verb {
    /// The verb as a `Role` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("an object of that name exists already")]
    AlreadyExists,
    /// The object changed since it was read, or is another one of the same name.
    #[error("the object was changed by somebody else")]
    Conflict,
    #[error("there is no such object")]
    NotFound,
    /// The resource version is too old for a watch or a page.
    #[error("the resource version is too old")]
    Expired,
    #[error("namespace {namespace} does not exist; create it")]
    NamespaceMissing { namespace: String },
    #[error("namespace {namespace} is being deleted")]
    NamespaceTerminating { namespace: String },
    #[error("not allowed to {verb} configmaps in namespace {namespace}; grant this verb in a Role")]
    Forbidden { verb: Verb, namespace: String },
    #[error(
        "the API server does not accept the credentials; renew the service account token or the kubeconfig"
    )]
    Unauthorized,
    #[error("a ResourceQuota is used up; raise it or free some: {message}")]
    QuotaExceeded { message: String },
    /// This object will not be taken, whatever is done about the others.
    #[error("the API server refuses the object ({code}): {message}")]
    Refused { code: u16, message: String },
    #[error("the API server asks to slow down")]
    Throttled { after: Option<Duration> },
    #[error("the API server failed ({code}): {message}")]
    Server {
        code: u16,
        message: String,
        after: Option<Duration>,
    },
    #[error("the API server cannot be reached: {message}")]
    Unreachable { message: String },
    #[error("the answer of the API server makes no sense: {message}")]
    Malformed { message: String },
}

/// A [`Fault`] without its details: a closed set for conditions, events and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultReason {
    AlreadyExists,
    Conflict,
    NotFound,
    Expired,
    NamespaceMissing,
    NamespaceTerminating,
    Forbidden,
    Unauthorized,
    QuotaExceeded,
    ObjectRefused,
    Throttled,
    ServerError,
    Unreachable,
    MalformedAnswer,
}

impl FaultReason {
    /// The constant name, as it stands in conditions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::NotFound => "NotFound",
            Self::Expired => "Expired",
            Self::NamespaceMissing => "NamespaceMissing",
            Self::NamespaceTerminating => "NamespaceTerminating",
            Self::Forbidden => "Forbidden",
            Self::Unauthorized => "Unauthorized",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::ObjectRefused => "ObjectRefused",
            Self::Throttled => "Throttled",
            Self::ServerError => "ServerError",
            Self::Unreachable => "Unreachable",
            Self::MalformedAnswer => "MalformedAnswer",
        }
    }
}

impl Fault {
    #[must_use]
    pub fn reason(&self) -> FaultReason {
        match self {
            Self::AlreadyExists => FaultReason::AlreadyExists,
            Self::Conflict => FaultReason::Conflict,
            Self::NotFound => FaultReason::NotFound,
            Self::Expired => FaultReason::Expired,
            Self::NamespaceMissing { .. } => FaultReason::NamespaceMissing,
            Self::NamespaceTerminating { .. } => FaultReason::NamespaceTerminating,
            Self::Forbidden { .. } => FaultReason::Forbidden,
            Self::Unauthorized => FaultReason::Unauthorized,
            Self::QuotaExceeded { .. } => FaultReason::QuotaExceeded,
            Self::Refused { .. } => FaultReason::ObjectRefused,
            Self::Throttled { .. } => FaultReason::Throttled,
            Self::Server { .. } => FaultReason::ServerError,
            Self::Unreachable { .. } => FaultReason::Unreachable,
            Self::Malformed { .. } => FaultReason::MalformedAnswer,
        }
    }

    /// Whether the same request may well succeed in a moment.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Server { .. } | Self::Unreachable { .. }
        )
    }

    /// How long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after } | Self::Server { after, .. } => *after,
            _ => None,
        }
    }

    /// Reads an answer that is not a success.
    ///
    /// `retry_after` is the header of that name. `status` is the body where it is one.
    #[must_use]
    pub fn of_answer(
        verb: Verb,
        namespace: &str,
        code: u16,
        retry_after: Option<Duration>,
        status: &Status,
    ) -> Self {
        let details = status.details.as_ref();
        let after = retry_after.or_else(|| {
            details
                .map(|d| d.retry_after_seconds)
                .filter(|&s| s > 0)
                .map(|s| Duration::from_secs(s.into()))
        });
        let message = || excerpt(&status.message);
        match code {
            401 => Self::Unauthorized,
            403 => forbidden(verb, namespace, status),
            404 if verb == Verb::Create || is_about_namespace(status) => Self::NamespaceMissing {
                namespace: namespace.to_owned(),
            },
            404 => Self::NotFound,
            409 if status.reason == reason::ALREADY_EXISTS => Self::AlreadyExists,
            // Two creations that meet at a ResourceQuota: nothing was stored, and nobody touched the object.
            409 if verb == Verb::Create => Self::Server {
                code,
                message: message(),
                after,
            },
            409 => Self::Conflict,
            410 => Self::Expired,
            429 => Self::Throttled { after },
            408 | 500..=599 => Self::Server {
                code,
                message: message(),
                after,
            },
            _ => Self::Refused {
                code,
                message: message(),
            },
        }
    }
}

fn is_about_namespace(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|d| d.kind == "namespaces")
}

/// A 403 is one of four things, which only its words and causes tell apart.
fn forbidden(verb: Verb, namespace: &str, status: &Status) -> Fault {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    if causes
        .into_iter()
        .any(|c| c.reason == "NamespaceTerminating")
    {
        return Fault::NamespaceTerminating {
            namespace: namespace.to_owned(),
        };
    }
    let message = &status.message;
    if message.contains("exceeded quota") || message.contains("status unknown for quota") {
        return Fault::QuotaExceeded {
            message: excerpt(message),
        };
    }
    if message.contains(" cannot ") || status.details.is_none() {
        return Fault::Forbidden {
            verb,
            namespace: namespace.to_owned(),
        };
    }
    Fault::Refused {
        code: 403,
        message: excerpt(message),
    }
}

/// The first 300 characters: enough for a person, bounded for a condition.
fn excerpt(message: &str) -> String {
    match message.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(verb: Verb, code: u16, body: &str) -> Fault {
        let status = serde_json::from_str(body).unwrap();
        Fault::of_answer(verb, "town", code, None, &status)
    }

    fn check(verb: Verb, code: u16, body: &str, reason: FaultReason) {
        assert_eq!(fault(verb, code, body).reason(), reason, "{code} {body}");
    }

    #[test]
    fn every_answer_has_its_reason() {
        let rbac = r#"{"reason":"Forbidden","message":"configmaps is forbidden: User \"u\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"town\"","details":{"kind":"configmaps"}}"#;
        let quota = r#"{"reason":"Forbidden","message":"configmaps \"a\" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=5, limited: count/configmaps=5","details":{"name":"a","kind":"configmaps"}}"#;
        let going = r#"{"reason":"Forbidden","message":"configmaps \"a\" is forbidden: unable to create new content in namespace town because it is being terminated","details":{"name":"a","kind":"configmaps","causes":[{"reason":"NamespaceTerminating","message":"namespace town is being terminated","field":"metadata.namespace"}]}}"#;
        let hook = r#"{"reason":"Forbidden","message":"admission webhook \"h\" denied the request: no","details":{"kind":"configmaps"}}"#;
        check(Verb::Create, 403, rbac, FaultReason::Forbidden);
        check(Verb::Create, 403, quota, FaultReason::QuotaExceeded);
        check(Verb::Create, 403, going, FaultReason::NamespaceTerminating);
        check(Verb::Create, 403, hook, FaultReason::ObjectRefused);
        check(
            Verb::Create,
            404,
            r#"{"reason":"NotFound"}"#,
            FaultReason::NamespaceMissing,
        );
        check(
            Verb::Patch,
            404,
            r#"{"reason":"NotFound"}"#,
            FaultReason::NotFound,
        );
        check(
            Verb::Create,
            409,
            r#"{"reason":"AlreadyExists"}"#,
            FaultReason::AlreadyExists,
        );
        check(
            Verb::Create,
            409,
            r#"{"reason":"Conflict"}"#,
            FaultReason::ServerError,
        );
        check(
            Verb::Patch,
            409,
            r#"{"reason":"Conflict"}"#,
            FaultReason::Conflict,
        );
        check(
            Verb::Watch,
            410,
            r#"{"reason":"Expired"}"#,
            FaultReason::Expired,
        );
        check(
            Verb::Patch,
            413,
            r#"{"message":"too large"}"#,
            FaultReason::ObjectRefused,
        );
        check(
            Verb::Patch,
            422,
            r#"{"reason":"Invalid"}"#,
            FaultReason::ObjectRefused,
        );
        check(Verb::Get, 429, "{}", FaultReason::Throttled);
        check(Verb::Get, 401, "{}", FaultReason::Unauthorized);
        check(Verb::Get, 503, "{}", FaultReason::ServerError);
    }

    #[test]
    fn a_missing_verb_is_named() {
        let rbac = r#"{"reason":"Forbidden","message":"User \"u\" cannot patch resource"}"#;
        let text = fault(Verb::Patch, 403, rbac).to_string();
        assert_eq!(
            text,
            "not allowed to patch configmaps in namespace town; grant this verb in a Role"
        );
    }

    #[test]
    fn retry_after_comes_from_the_header_or_the_details() {
        let status: Status =
            serde_json::from_str(r#"{"details":{"retryAfterSeconds":7}}"#).unwrap();
        let header = Some(Duration::from_secs(2));
        let of = |header| Fault::of_answer(Verb::Get, "town", 429, header, &status).retry_after();
        assert_eq!(of(header), header);
        assert_eq!(of(None), Some(Duration::from_secs(7)));
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let text = "é".repeat(400);
        assert_eq!(excerpt(&text).chars().count(), 301);
    }
}
