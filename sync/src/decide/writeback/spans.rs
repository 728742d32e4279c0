//! What was written back, as spans of the traces of those whose work it is.

use beadlet_store::kinds::Polecat;
use beadlet_store::trace::{Span, TraceParent, attribute};
use jiff::Timestamp;
use kube::ResourceExt;

use super::Done;

/// A span for each record that was changed for a Polecat which has a trace.
#[must_use]
pub fn spans<'a>(
    polecats: impl IntoIterator<Item = &'a Polecat>,
    done: &[Done],
    begin: Timestamp,
    end: Timestamp,
) -> Vec<Span> {
    let traced: Vec<(String, TraceParent)> = polecats
        .into_iter()
        .filter_map(|polecat| Some((polecat.name_any(), TraceParent::on(polecat)?)))
        .collect();
    let span = |done: &Done| {
        let (_, name) = done.by.rsplit_once('/')?;
        let (_, parent) = traced.iter().find(|(known, _)| known == name)?;
        let deed = done.deed.as_str();
        Some(Span {
            // Each attempt has one.
            id: parent.child(name).child(deed),
            ..Span::under(*parent, deed, begin, end)
                .with(attribute::BEAD, done.bead.to_string())
                .with(attribute::POLECAT, name)
        })
    };
    done.iter().filter_map(span).collect()
}

#[cfg(test)]
mod tests {
    use beadlet_store::issue::IssueId;
    use beadlet_store::keys::work;
    use serde_json::{from_value, json};

    use super::super::Deed;
    use super::*;

    #[test]
    fn deeds_are_told_in_the_traces_of_their_polecats() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let polecat = |name: &str, annotations| -> Polecat {
            from_value(
                json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat",
                "metadata": {"name": name, "annotations": annotations}, "spec": {}}),
            )
            .unwrap()
        };
        let polecats = [
            polecat("gt-1-1", json!({work::TRACEPARENT: parent})),
            polecat("gt-2-1", json!({})),
        ];
        let done = |bead: &str, deed, by: &str| Done {
            bead: IssueId::new(bead).unwrap(),
            deed,
            by: by.to_owned(),
        };
        let done = [
            done("gt-1", Deed::Claimed, "rig/polecats/gt-1-1"),
            done("gt-1", Deed::Closed, "rig/polecats/gt-1-1"),
            done("gt-2", Deed::Closed, "rig/polecats/gt-2-1"),
            done("cv-1", Deed::ConvoyClosed, ""),
        ];
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let spans = spans(&polecats, &done, now, now);
        let names: Vec<&str> = spans.iter().map(|span| span.name).collect();
        assert_eq!(names, ["claim", "close"]);
        let parent = TraceParent::parse(parent);
        assert!(spans.iter().all(|span| span.parent == parent));
        assert_ne!(spans[0].id, spans[1].id);
    }
}
