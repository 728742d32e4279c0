//! The spans of a Polecat's life, from what its objects say of it. Values in, values out.
//!
//! Nothing in the pod tells of itself: what its containers did stands in its status, to the second.

use beadlet_store::kinds::{FailureClass, Polecat};
use beadlet_store::trace::{Span, TraceParent, attribute};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::attempt::Attempt;
use super::bead::Bead;
use super::contract::container;
use super::lifecycle::name_of_job;
use super::pod::terminated;

/// The trace of a bead as it is now.
#[must_use]
pub fn trace(bead: &Bead) -> TraceParent {
    TraceParent::of(&bead.uid, bead.content_hash.as_deref().unwrap_or_default())
}

/// From a bead that was seen ready to the Polecat for it.
#[must_use]
pub fn dispatched(polecat: &Polecat, since: Timestamp, now: Timestamp) -> Option<Span> {
    let parent = TraceParent::on(polecat)?;
    Some(Span {
        // Each attempt has one.
        id: own(polecat, parent).child("dispatch"),
        ..Span::under(parent, "dispatch", since, now)
            .with(attribute::POLECAT, polecat.name_any())
            .with(attribute::ATTEMPT, polecat.number().to_string())
    })
}

/// What a Polecat did that has ended: the whole, the wait before its Job ran, and each container of its pod.
#[must_use]
pub fn ended(polecat: &Polecat, pod: Option<&Pod>) -> Vec<Span> {
    let Some((status, born)) = polecat.status.as_ref().zip(born(polecat)) else {
        return Vec::new();
    };
    let parent = TraceParent::on(polecat);
    // Of its own trace, where it is nobody else's.
    let id = parent.map_or_else(
        || TraceParent::of(&polecat.uid().unwrap_or_default(), ""),
        |parent| own(polecat, parent),
    );
    let end = polecat.finished_at().unwrap_or(born).max(born);
    let mut spans = vec![Span {
        id,
        parent,
        failure: polecat.failure().map(|class| class.as_str().to_owned()),
        ..whole(polecat, id, born, end)
    }];
    if let Some(started) = at(status.started_at.as_ref()) {
        spans.push(Span::under(id, "wait", born, started.max(born)));
    }
    spans.extend(pod.iter().flat_map(|pod| containers(id, pod)));
    spans
}

fn whole(polecat: &Polecat, id: TraceParent, start: Timestamp, end: Timestamp) -> Span {
    let status = polecat.status.as_ref();
    let result = status.and_then(|status| status.result.as_ref());
    let failure = polecat.failure().map(FailureClass::as_str);
    let outcome = failure.unwrap_or(polecat.phase().as_str());
    let said = [
        (attribute::NAMESPACE, polecat.namespace()),
        (attribute::POLECAT, Some(polecat.name_any())),
        (attribute::ATTEMPT, Some(polecat.number().to_string())),
        (attribute::BEAD, polecat.bead().map(|bead| bead.id)),
        (attribute::RIG, polecat.spec.rig.clone()),
        (attribute::JOB, Some(name_of_job(polecat))),
        (attribute::OUTCOME, Some(outcome.to_owned())),
        (
            attribute::BRANCH,
            result.and_then(|result| result.branch.clone()),
        ),
        (
            attribute::COMMIT,
            result.and_then(|result| result.commit.clone()),
        ),
    ];
    let mut span = Span::under(id, "polecat", start, end);
    let known = said
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    span.attributes.extend(known);
    span
}

/// What each container did, in the words of its part.
fn containers(parent: TraceParent, pod: &Pod) -> Vec<Span> {
    let parts = [
        (container::GIT_INIT, "clone"),
        (container::AGENT, "agent"),
        (container::GIT_PUSH, "push"),
    ];
    let of = |(name, part): (&str, &'static str)| {
        let ended = terminated(pod, name)?;
        let (start, end) = (
            at(ended.started_at.as_ref())?,
            at(ended.finished_at.as_ref())?,
        );
        let failure = (ended.exit_code != 0).then(|| format!("exit code {}", ended.exit_code));
        let span = Span::under(parent, part, start, end.max(start))
            .with(attribute::POD, pod.name_any())
            .with(attribute::CONTAINER, name)
            .with(attribute::EXIT_CODE, ended.exit_code.to_string());
        Some(Span { failure, ..span })
    };
    parts.into_iter().filter_map(of).collect()
}

/// Its own span, which tells it from other attempts at the same bead.
fn own(polecat: &Polecat, parent: TraceParent) -> TraceParent {
    parent.child(&polecat.name_any())
}

fn born(polecat: &Polecat) -> Option<Timestamp> {
    at(polecat.metadata.creation_timestamp.as_ref())
}

fn at(time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use beadlet_store::keys::work;
    use serde_json::{from_value, json};

    use super::super::fixture::polecat;
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn traced(attempt: u32) -> Polecat {
        let mut polecat = polecat("gt-1", attempt);
        let annotations = polecat.annotations_mut();
        annotations.insert(work::TRACEPARENT.to_owned(), PARENT.to_owned());
        polecat.metadata.creation_timestamp = from_value(json!("2026-03-02T11:00:00Z")).unwrap();
        polecat.status = from_value(json!({"phase": "Done", "startedAt": "2026-03-02T11:00:02Z",
            "finishedAt": "2026-03-02T11:10:00Z", "result": {"branch": "polecat/x", "commit": "abc"}}))
        .unwrap();
        polecat
    }

    fn pod() -> Pod {
        let of = |name: &str, start: &str, end: &str, code: i32| {
            json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {
                "exitCode": code, "startedAt": format!("2026-03-02T11:{start}Z"), "finishedAt": format!("2026-03-02T11:{end}Z")}}})
        };
        from_value(json!({"metadata": {"name": "p"}, "status": {
            "initContainerStatuses": [of("git-init", "00:03", "00:05", 0)],
            "containerStatuses": [of("agent", "00:06", "09:00", 1), of("git-push", "00:06", "09:59", 0)]}}))
        .unwrap()
    }

    #[test]
    fn life_of_a_polecat_is_spans_of_its_beads_trace() {
        let (polecat, parent) = (traced(1), TraceParent::parse(PARENT).unwrap());
        let spans = ended(&polecat, Some(&pod()));
        let names: Vec<&str> = spans.iter().map(|span| span.name).collect();
        assert_eq!(names, ["polecat", "wait", "clone", "agent", "push"]);
        assert_eq!(spans[0].parent, Some(parent));
        for span in &spans {
            assert_eq!(span.id.trace_id(), parent.trace_id());
            assert!(span.start <= span.end);
        }
        assert!(
            spans[1..]
                .iter()
                .all(|span| span.parent == Some(spans[0].id))
        );
        assert_eq!(spans[3].failure.as_deref(), Some("exit code 1"));
        let told = |key| spans[0].attributes.iter().find(|(known, _)| *known == key);
        assert_eq!(told(attribute::OUTCOME).unwrap().1, "Done");
        assert_eq!(told(attribute::COMMIT).unwrap().1, "abc");
    }

    #[test]
    fn attempts_at_one_bead_are_told_apart() {
        let ids = |attempt| ended(&traced(attempt), None)[0].id;
        assert_ne!(ids(1), ids(2));
        let now = "2026-03-02T11:00:00Z".parse().unwrap();
        let of = |attempt| dispatched(&traced(attempt), now, now).unwrap().id;
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn polecat_of_a_person_has_a_trace_of_its_own() {
        let mut polecat = traced(1);
        polecat.annotations_mut().remove(work::TRACEPARENT);
        let spans = ended(&polecat, Some(&pod()));
        assert_eq!((spans.len(), spans[0].parent), (5, None));
        let now = "2026-03-02T11:00:00Z".parse().unwrap();
        assert_eq!(dispatched(&polecat, now, now), None);
    }
}
