//! Spans: what was done for a bead from when to when, so that one trace leads from a push to the closed bead. Values only: the program
//! exports them, or nobody does.
//!
//! Nobody hands a trace on to anybody: its id is made from the bead's ConfigMap (its uid and content), which both the mirror that wrote it
//! and the scheduler that saw it know. From there it stands on the Polecat, written when that is made. So a trace costs no write, survives
//! restarts, and a span that is told twice has the same id both times.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use crate::keys::work;
use crate::kinds::Polecat;

/// A trace and a span in it: what W3C Trace Context writes as `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
}

impl TraceParent {
    /// The first span of the trace of an object as it is now.
    #[must_use]
    pub fn of(uid: &str, content: &str) -> Self {
        let (trace, rest) = digest(&[b"trace", uid.as_bytes(), content.as_bytes()]);
        Self { trace, span: rest }
    }

    /// A span of the same trace under this one, always the same for the same name.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let (_, span) = digest(&[b"span", &self.trace, &self.span, name.as_bytes()]);
        Self { span, ..*self }
    }

    /// Reads what [`fmt::Display`] writes; anything else is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let &["00", trace, span, _flags] = parts.as_slice() else {
            return None;
        };
        let (trace, span) = (bytes(trace)?, bytes(span)?);
        let is_valid = trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span })
    }

    /// What dispatch wrote on a Polecat.
    #[must_use]
    pub fn on(polecat: &Polecat) -> Option<Self> {
        Self::parse(polecat.annotations().get(work::TRACEPARENT)?)
    }

    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace
    }

    #[must_use]
    pub fn span_id(&self) -> [u8; 8] {
        self.span
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span) = (HEXLOWER.encode(&self.trace), HEXLOWER.encode(&self.span));
        write!(f, "00-{trace}-{span}-01")
    }
}

/// Neither is ever all zeros, which would be no id.
fn digest(parts: &[&[u8]]) -> ([u8; 16], [u8; 8]) {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    trace.copy_from_slice(&digest[..16]);
    span.copy_from_slice(&digest[16..24]);
    trace[15] |= 1;
    span[7] |= 1;
    (trace, span)
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub id: TraceParent,
    /// `None` for the first span of a trace.
    pub parent: Option<TraceParent>,
    pub name: &'static str,
    pub start: Timestamp,
    pub end: Timestamp,
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong.
    pub failure: Option<String>,
}

impl Span {
    /// A span under another one, which its name tells from its siblings.
    #[must_use]
    pub fn under(
        parent: TraceParent,
        name: &'static str,
        start: Timestamp,
        end: Timestamp,
    ) -> Self {
        Self {
            id: parent.child(name),
            parent: Some(parent),
            name,
            start,
            end,
            attributes: Vec::new(),
            failure: None,
        }
    }

    /// With this said of it too.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }
}

/// What spans say of what they are about.
pub mod attribute {
    pub const NAMESPACE: &str = "k8s.namespace.name";
    pub const BEAD: &str = "gastown.bead.id";
    pub const STORE: &str = "gastown.beadstore.name";
    pub const RIG: &str = "gastown.rig.name";
    pub const POLECAT: &str = "gastown.polecat.name";
    pub const ATTEMPT: &str = "gastown.polecat.attempt";
    pub const OUTCOME: &str = "gastown.polecat.outcome";
    pub const COMMIT: &str = "vcs.ref.head.revision";
    pub const BRANCH: &str = "vcs.ref.head.name";
    pub const JOB: &str = "k8s.job.name";
    pub const POD: &str = "k8s.pod.name";
    pub const CONTAINER: &str = "k8s.container.name";
    pub const EXIT_CODE: &str = "process.exit.code";
}

/// Somebody who wants to see spans. Must not wait, and may be called from several threads at once.
pub trait Spans: fmt::Debug + Send + Sync {
    fn tell(&self, span: Span);
}

/// Whoever wants to see spans, if anybody does.
pub type Watcher = Option<Arc<dyn Spans>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_is_that_of_the_object_as_it_is() {
        let one = TraceParent::of("uid", "content");
        assert_eq!(one, TraceParent::of("uid", "content"));
        assert_ne!(one, TraceParent::of("uid", "other"));
        assert_ne!(one, TraceParent::of("uidc", "ontent"));
        let child = one.child("job");
        assert_eq!(child.trace_id(), one.trace_id());
        assert_ne!(child.span_id(), one.span_id());
        assert_ne!(child, one.child("agent"));
    }

    #[test]
    fn traceparent_is_that_of_the_w3c() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(text).unwrap().to_string(), text);
        let own = TraceParent::of("uid", "content");
        assert_eq!(TraceParent::parse(&own.to_string()), Some(own));
        for wrong in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bä-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong}");
        }
    }
}
