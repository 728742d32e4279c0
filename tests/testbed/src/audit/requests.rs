//! Requests, and how to pick some of them.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

/// A request that was answered; of a watch, one that began.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: String,
    /// When it arrived.
    pub received: Timestamp,
    /// When it was answered. (Resolution: microseconds.)
    pub answered: Timestamp,
    pub user: String,
    pub user_agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    pub uri: String,
    /// Empty where there is none, as the following four.
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// Kept for writes of jobs, leases, events and our own kinds; null for others. Without managed fields.
    pub request_object: Value,
    pub response_object: Value,
}

/// Requests in the order in which they were answered.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub(super) Vec<Request>);

impl Request {
    /// Whether it is meant to change something (whether or not it was refused).
    pub fn is_write(&self) -> bool {
        matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// Whether it did change something, as far as the status says.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            answered,
            user,
            user_agent,
            verb,
            uri,
            namespace,
            name,
            code,
            ..
        } = self;
        let agent = user_agent.split([' ', '/']).next().unwrap_or_default();
        write!(
            f,
            "{answered:.6} {code} {verb} {namespace}/{name} by {user} ({agent}) {uri}"
        )
    }
}

impl Requests {
    /// Those for which `keep` holds.
    #[must_use]
    pub fn matching(self, keep: impl Fn(&Request) -> bool) -> Self {
        Self(self.0.into_iter().filter(keep).collect())
    }

    #[must_use]
    pub fn by(self, user: &str) -> Self {
        self.matching(|request| request.user == user)
    }

    #[must_use]
    pub fn by_agent(self, begin: &str) -> Self {
        self.matching(|request| request.user_agent.starts_with(begin))
    }

    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        self.matching(|request| request.namespace == namespace)
    }

    /// Of a plural, such as `configmaps`; with its subresources.
    #[must_use]
    pub fn of(self, resource: &str) -> Self {
        self.matching(|request| request.resource == resource)
    }

    #[must_use]
    pub fn verb(self, verb: &str) -> Self {
        self.matching(|request| request.verb == verb)
    }

    #[must_use]
    pub fn writes(self) -> Self {
        self.matching(Request::is_write)
    }

    #[must_use]
    pub fn reads(self) -> Self {
        self.matching(|request| !request.is_write())
    }

    #[must_use]
    pub fn successful(self) -> Self {
        self.matching(Request::is_success)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Request> {
        self.0.iter()
    }
}

impl IntoIterator for Requests {
    type Item = Request;
    type IntoIter = std::vec::IntoIter<Request>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One a line, for the message of an assertion.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|request| writeln!(f, "{request}"))
    }
}
