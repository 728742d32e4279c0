//! What a commit of ours says of itself.

use super::{Deed, Done};

/// Beads that are named in the subject.
const NAMED: usize = 3;

/// A subject for the log, and a line for each record.
#[must_use]
pub fn message(done: &[Done]) -> String {
    let subject = format!("beads: {}", summary(done));
    let lines = done.iter().map(|done| {
        let by = if done.by.is_empty() {
            String::new()
        } else {
            format!(" ({})", done.by)
        };
        format!("{} {}{by}\n", done.deed.as_str(), done.bead)
    });
    format!("{subject}\n\n{}", lines.collect::<String>())
}

/// What was done, in one line.
#[must_use]
pub fn summary(done: &[Done]) -> String {
    let parts: Vec<String> = Deed::ALL
        .into_iter()
        .filter_map(|deed| {
            let of: Vec<&str> = done
                .iter()
                .filter(|done| done.deed == deed)
                .map(|done| done.bead.as_str())
                .collect();
            (!of.is_empty()).then(|| format!("{} {}", deed.as_str(), some(&of)))
        })
        .collect();
    parts.join("; ")
}

fn some(ids: &[&str]) -> String {
    if ids.len() <= NAMED {
        ids.join(", ")
    } else {
        format!("{} beads", ids.len())
    }
}

#[cfg(test)]
mod tests {
    use beadlet_store::issue::IssueId;

    use super::*;

    fn done(bead: &str, deed: Deed) -> Done {
        Done {
            bead: IssueId::new(bead).unwrap(),
            deed,
            by: "rig/polecats/nux".to_owned(),
        }
    }

    #[test]
    fn one_change_is_the_subject() {
        assert_eq!(
            message(&[done("gt-1", Deed::Claimed)]),
            "beads: claim gt-1\n\nclaim gt-1 (rig/polecats/nux)\n"
        );
    }

    #[test]
    fn many_changes_are_counted() {
        let all: Vec<Done> = (0..5)
            .map(|n| done(&format!("gt-{n}"), Deed::Closed))
            .chain([done("gt-9", Deed::Claimed)])
            .collect();
        assert!(message(&all).starts_with("beads: claim gt-9; close 5 beads\n\nclose gt-0 "));
    }
}
