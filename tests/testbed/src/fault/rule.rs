//! Which requests, and what happens to them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::Asked;

type Hook = Arc<dyn Fn(&Asked) + Send + Sync>;
type Condition = Arc<dyn Fn(&Asked) -> bool + Send + Sync>;

/// Which requests a rule is for: those that meet every condition, without the first `skip`, and then `times` of them.
#[derive(Clone)]
pub struct On {
    conditions: Vec<Condition>,
    skip: usize,
    times: usize,
}

/// What happens to a request.
#[derive(Clone)]
pub enum Fault {
    /// The server is not asked; the client gets this status, as a `Status` object with its reason.
    Answer {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// The server is not asked, the connection is closed.
    DropRequest,
    /// The server does it, and the connection is closed without the answer.
    DropAnswer,
    /// The request reaches the server this much later.
    Delay(Duration),
    /// The server does it, and the answer comes this much later.
    DelayAnswer(Duration),
    /// The server is not asked, and the client never gets an answer.
    Hang,
    /// The answer (of a watch) is cut off, connection and all, after so many lines.
    CutAfterLines(usize),
    /// A watch begins and at once tells its client that the version is too old (an event `ERROR` with code 410), and ends.
    TooOld,
    /// The hook runs, then the request is passed on.
    Before(Hook),
    /// The hook runs, and the connection is closed: with a hook that kills the client, a crash before the request.
    Instead(Hook),
    /// The server does it, the hook runs, then the answer is passed on: a crash after the request.
    After(Hook),
}

/// A condition, a fault, and how often both have met.
pub(super) struct Rule {
    on: On,
    pub(super) fault: Fault,
    matched: AtomicUsize,
    held: Arc<AtomicUsize>,
}

impl On {
    pub fn any() -> Self {
        Self {
            conditions: Vec::new(),
            skip: 0,
            times: usize::MAX,
        }
    }

    pub fn writes() -> Self {
        Self::any().matching(Asked::is_write)
    }

    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub fn verb(verb: &'static str) -> Self {
        Self::any().matching(move |asked| asked.verb == verb)
    }

    /// Of a plural, such as `configmaps`; of the resource itself, not of a subresource.
    #[must_use]
    pub fn of(self, resource: &str) -> Self {
        let resource = resource.to_owned();
        self.matching(move |asked| asked.resource == resource && asked.subresource.is_empty())
    }

    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        self.matching(move |asked| asked.namespace == namespace)
    }

    #[must_use]
    pub fn matching(mut self, condition: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Arc::new(condition));
        self
    }

    /// Leaves the first `count` alone.
    #[must_use]
    pub fn skip(self, count: usize) -> Self {
        Self {
            skip: count,
            ..self
        }
    }

    /// At most so many.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            times: count,
            ..self
        }
    }

    /// Only the n-th, counted from 1.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }
}

impl Fault {
    pub fn status(status: u16) -> Self {
        Fault::Answer {
            status,
            retry_after: None,
        }
    }

    /// 429 with `Retry-After`, in whole seconds.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        Fault::Answer {
            status: 429,
            retry_after: Some(retry_after),
        }
    }

    pub fn before(hook: impl Fn(&Asked) + Send + Sync + 'static) -> Self {
        Fault::Before(Arc::new(hook))
    }

    pub fn instead(hook: impl Fn(&Asked) + Send + Sync + 'static) -> Self {
        Fault::Instead(Arc::new(hook))
    }

    pub fn after(hook: impl Fn(&Asked) + Send + Sync + 'static) -> Self {
        Fault::After(Arc::new(hook))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Fault::Answer { .. } => "answer",
            Fault::DropRequest => "drop-request",
            Fault::DropAnswer => "drop-answer",
            Fault::Delay(_) => "delay",
            Fault::DelayAnswer(_) => "delay-answer",
            Fault::Hang => "hang",
            Fault::CutAfterLines(_) => "cut",
            Fault::TooOld => "too-old",
            Fault::Before(_) => "before",
            Fault::Instead(_) => "instead",
            Fault::After(_) => "after",
        }
    }
}

impl Rule {
    pub(super) fn new(on: On, fault: Fault) -> Self {
        Self {
            on,
            fault,
            matched: AtomicUsize::new(0),
            held: Arc::default(),
        }
    }

    pub(super) fn held(&self) -> Arc<AtomicUsize> {
        self.held.clone()
    }

    /// Whether this request gets the fault. Asking counts.
    pub(super) fn holds(&self, asked: &Asked) -> bool {
        if !self.on.conditions.iter().all(|condition| condition(asked)) {
            return false;
        }
        let before = self.matched.fetch_add(1, Ordering::SeqCst);
        let holds = before >= self.on.skip && before - self.on.skip < self.on.times;
        if holds {
            self.held.fetch_add(1, Ordering::SeqCst);
        }
        holds
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_holds_for_the_counted_requests_that_meet_all_its_conditions() {
        let rule = Rule::new(
            On::verb("create").of("configmaps").skip(1).times(2),
            Fault::Hang,
        );
        let create = Asked {
            verb: "create",
            resource: "configmaps".into(),
            ..Asked::default()
        };
        let other = Asked {
            resource: "jobs".into(),
            ..create.clone()
        };
        let held = [&create, &other, &create, &create, &create].map(|asked| rule.holds(asked));
        assert_eq!(held, [false, false, true, true, false]);
        assert_eq!(rule.held().load(Ordering::SeqCst), 2);
    }
}
