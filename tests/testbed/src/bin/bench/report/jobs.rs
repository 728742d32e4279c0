//! The sections about Jobs.

use std::fmt::Write as _;
use std::time::Duration;

use super::table;
use crate::figures::{Dispatch, PushToJob, percentile};
use crate::text::{grouped, milliseconds, rate, time};

pub(super) fn dispatch(page: &mut String, dispatch: &Dispatch) {
    let row = |client: &str, taken: Duration| {
        let beside = format!(
            "{:.2}",
            dispatch.rate(taken) / dispatch.rate(dispatch.created)
        );
        let beads = grouped(dispatch.beads as u64);
        vec![
            beads,
            client.to_owned(),
            time(taken),
            rate(dispatch.rate(taken)),
            beside,
        ]
    };
    let rounds = match dispatch.rounds {
        1 => "one sample".to_owned(),
        rounds => format!("median of {rounds}"),
    };
    let rows = [
        row(
            &format!("**beadlet controller**, {rounds}"),
            dispatch.created,
        ),
        row("the same until the last Job is started", dispatch.started),
        row("bare client that only creates", dispatch.bare),
        row("kube loop, one after the other", dispatch.one_by_one),
        row(
            &format!(
                "beadlet controller with {} places and pods that end, until the last Job is started (one sample)",
                grouped(dispatch.through.places as u64)
            ),
            dispatch.through.time,
        ),
    ];
    let columns = ["ready", "client", "time", "Jobs", "beside"];
    table(page, "Ready issues become Jobs", &columns, rows);
    let _ = write!(
        page,
        "\nThe issues are mirrored and ready; the clock starts when a Rig with a place for each is made. The bare client creates the Jobs that\n\
         beadlet made, {} at once, the best of 16, 32 and 64 here, each started at once: no limit, no record of the attempt, nothing that would\n\
         keep a Job from being made twice. The limit is counted over all writes of Jobs, whoever made them.\n",
        dispatch.bare_at_once
    );
    let requests = dispatch.requests.iter().map(|(what, count)| {
        let each = *count as f64 / dispatch.beads as f64;
        vec![what.clone(), grouped(*count as u64), format!("{each:.2}")]
    });
    table(
        page,
        "Requests of beadlet for them",
        &["", "requests", "an issue"],
        requests,
    );
    let _ = write!(
        page,
        "\nUntil the last pod is there, {} of processor time were used by beadlet for them: {} an issue.\n",
        time(dispatch.used),
        milliseconds(dispatch.used / u32::try_from(dispatch.beads).unwrap_or(u32::MAX)),
    );
}

pub(super) fn push_to_job(page: &mut String, push: &PushToJob) {
    let row = |what: &str, times: &[Duration]| {
        let at = |percent| milliseconds(percentile(times, percent));
        vec![what.to_owned(), at(50), at(90), at(99), at(100)]
    };
    let heading = "From a push to a watching client that sees the Job";
    let columns = [
        "seen",
        "median",
        "90th percentile",
        "99th percentile",
        "longest",
    ];
    let rows = [
        row("the Polecat", &push.polecat),
        row("its Job", &push.created),
        row("its Job, started", &push.started),
    ];
    table(page, heading, &columns, rows);
    let _ = write!(
        page,
        "\n{} pushes of a new ready issue to a local repository of {} issues, one after the other.\n",
        push.created.len(),
        grouped(push.issues as u64)
    );
}
