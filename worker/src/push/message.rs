//! The message of the commit that takes what the agent left uncommitted.

use beadlet_supervise::contract::shortened;

/// What the commit is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) title: String,
    pub(super) bead: String,
    pub(super) polecat: String,
    pub(super) convoy: String,
    /// What was said when the agent did not end well.
    pub(super) unfinished: String,
}

/// Where mail and logs cut a subject off, in bytes.
const SUBJECT: usize = 72;

/// Subject, body and trailers (git-interpret-trailers(1)). Nothing of the bead can add a line.
pub(super) fn message(subject: &Subject) -> String {
    let mut text = format!("{}\n", subject_line(subject));
    let unfinished = one_line(&subject.unfinished);
    if !unfinished.is_empty() {
        text.push_str(&format!("\nUnfinished: {unfinished}\n"));
    }
    let trailers = [
        ("Bead", &subject.bead),
        ("Polecat", &subject.polecat),
        ("Convoy", &subject.convoy),
    ];
    let trailers: Vec<_> = trailers
        .into_iter()
        .map(|(name, value)| (name, one_line(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if !trailers.is_empty() {
        text.push('\n');
    }
    for (name, value) in trailers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text
}

fn subject_line(subject: &Subject) -> String {
    let (title, bead) = (one_line(&subject.title), one_line(&subject.bead));
    match (title.as_str(), bead.as_str()) {
        ("", "") => "Work of an agent".to_owned(),
        ("", bead) => format!("Work on {bead}"),
        (title, "") => shortened(title, SUBJECT),
        (title, bead) => {
            let end = format!(" ({bead})");
            format!(
                "{}{end}",
                shortened(title, SUBJECT.saturating_sub(end.len()).max(SUBJECT / 2))
            )
        }
    }
}

fn one_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(title: &str) -> Subject {
        Subject {
            title: title.into(),
            bead: "gt-1".into(),
            polecat: "gt-1-2".into(),
            ..Subject::default()
        }
    }

    #[test]
    fn commit_names_the_bead_and_who_did_it() {
        assert_eq!(
            message(&Subject {
                convoy: "hq-cv-1".into(),
                ..subject("Mend the gate")
            }),
            "Mend the gate (gt-1)\n\nBead: gt-1\nPolecat: gt-1-2\nConvoy: hq-cv-1\n"
        );
    }

    #[test]
    fn unfinished_work_says_so() {
        let message = message(&Subject {
            unfinished: "exit code 1:\nboom".into(),
            ..subject("T")
        });
        assert_eq!(
            message,
            "T (gt-1)\n\nUnfinished: exit code 1: boom\n\nBead: gt-1\nPolecat: gt-1-2\n"
        );
    }

    #[test]
    fn title_cannot_add_lines_or_trailers() {
        let text = message(&subject(
            "T\n\nSigned-off-by: someone\0\u{1b}[1m\nBead: gt-2",
        ));
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("Bead:") || line.starts_with("Signed-off-by:"))
                .count(),
            1
        );
        assert!(!text.contains(['\0', '\u{1b}']));
    }

    #[test]
    fn long_title_is_cut_before_the_bead() {
        let text = message(&subject(&"word ".repeat(40)));
        let line = text.lines().next().unwrap();
        assert!(
            line.len() <= SUBJECT && line.ends_with("… (gt-1)"),
            "{line}"
        );
    }

    #[test]
    fn work_without_a_title_still_has_a_subject() {
        assert!(message(&subject("")).starts_with("Work on gt-1\n"));
        assert!(message(&Subject::default()).starts_with("Work of an agent\n"));
    }
}
