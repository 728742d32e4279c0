//! The section about what runs in a pod.

use super::table;
use crate::figures::{Attempt, Pod};
use crate::text::{megabytes, milliseconds};

pub(super) fn pod(page: &mut String, pod: &Pod) {
    let columns = ["history", "step", "time", "peak memory"];
    table(
        page,
        "In a Polecat's pod",
        &columns,
        pod.attempts.iter().flat_map(attempt),
    );
    if let Some(first) = pod.attempts.first() {
        page.push_str(&format!(
            "\nMedians of {} rounds, over http, from the start of the program to its end; the memory is the most of all rounds. \
             `clone` also makes the\nwork branch, the repository that `push` works in, and a copy of the supervisor. The agent changes one file.\n",
            first.rounds
        ));
    }
    let sizes = pod
        .sizes
        .iter()
        .map(|size| vec![size.what.clone(), megabytes(size.bytes)]);
    table(page, "Sizes", &["", ""], sizes);
    if !pod.sizes.is_empty() {
        page.push_str("\nImages are not compressed. What they have in common, their base, a node keeps once.\n");
    }
}

fn attempt(attempt: &Attempt) -> Vec<Vec<String>> {
    let row = |step: &str, time: String, memory: String| {
        vec![megabytes(attempt.history), step.to_owned(), time, memory]
    };
    let beside = attempt.clone.as_secs_f64() / attempt.git_clone.as_secs_f64();
    let cloned = format!("{}: {beside:.2} of git's", milliseconds(attempt.clone));
    let (clone, supervisor, push) = (
        megabytes(attempt.clone_peak),
        megabytes(attempt.supervisor_peak),
        megabytes(attempt.push_peak),
    );
    vec![
        row(
            "`git clone --depth 1`",
            milliseconds(attempt.git_clone),
            String::new(),
        ),
        row("**beadlet worker clone**", cloned, clone),
        row(
            "**beadlet-supervise**, beside the agent",
            String::new(),
            supervisor,
        ),
        row("**beadlet worker push**", milliseconds(attempt.push), push),
    ]
}
