//! The result as Markdown. What people wrote below the generated part stays.

use std::fmt::{Display, Write as _};
use std::fs;
use std::io::{self, Write as _};

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::figures::{Deciding, Figures, FirstSync, Idle, Push, Unchanged};
use crate::report::jobs::{dispatch, push_to_job};
use crate::targets::targets;
use crate::text::{grouped, megabytes, milliseconds, rate, time};

mod jobs;
mod pod;

/// Everything above this line is replaced by each run.
const END: &str = "<!-- made by `make bench`; written by hand from here on, and kept -->";
const HEAD: &str = "# Benchmarks

`make bench` makes this page: on one API server, in one run, with the release build. It takes about 20 minutes after the
first build. `make bench BENCH=\"--only push --pushes 50\"` measures a part and prints it; `BENCH=--help` lists what else
can be chosen. Clients take turns, figures of several rounds are medians, and requests are counted in the API server's
audit log. Server and clients share the machine's cores, so speeds are for comparing within a run.
";
const HAND: &str = "\n## Where a target is missed, and why\n\nNot looked into yet.\n";

/// Prints the result, and writes it where the arguments say.
///
/// # Errors
/// The file cannot be written; then it is as it was.
pub(crate) fn write(
    arguments: &Arguments,
    figures: &Figures,
    machine: &[(&str, String)],
) -> Result<()> {
    let generated = markdown(figures, machine);
    let Some(path) = arguments.out() else {
        return io::stdout()
            .write_all(generated.as_bytes())
            .context("cannot print the result");
    };
    let before = fs::read_to_string(&path).unwrap_or_default();
    let whole = format!("{generated}\n{END}\n{}", by_hand(&before));
    fs::write(&path, whole).with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("written to {}", path.display());
    Ok(())
}

/// The part of a page that people wrote.
fn by_hand(page: &str) -> &str {
    page.split_once(END)
        .map_or(HAND, |(_, hand)| hand.strip_prefix('\n').unwrap_or(hand))
}

fn markdown(figures: &Figures, machine: &[(&str, String)]) -> String {
    let mut page = HEAD.to_owned();
    let rows = machine
        .iter()
        .map(|(key, value)| vec![(*key).to_owned(), value.clone()]);
    table(&mut page, "The machine", &["", ""], rows);
    let rows = targets(figures)
        .into_iter()
        .map(|row| vec![row.what, row.wanted, row.measured, row.verdict]);
    table(
        &mut page,
        "What was to be reached",
        &["", "target", "measured", ""],
        rows,
    );
    first_sync(&mut page, &figures.first_sync);
    table(
        &mut page,
        "From a push to a watching client",
        &["", ""],
        figures.push.iter().flat_map(push),
    );
    table(
        &mut page,
        "From a push to a watching client, over http with a webhook",
        &["", ""],
        figures.webhook.iter().flat_map(push),
    );
    table(
        &mut page,
        "Nothing changed",
        &["", ""],
        figures.unchanged.iter().flat_map(unchanged),
    );
    table(
        &mut page,
        "Idle",
        &["", ""],
        figures.idle.iter().flat_map(idle),
    );
    figures
        .dispatch
        .iter()
        .for_each(|figures| dispatch(&mut page, figures));
    figures
        .push_to_job
        .iter()
        .for_each(|figures| push_to_job(&mut page, figures));
    table(
        &mut page,
        "Deciding, without git and cluster",
        &["", ""],
        figures.deciding.iter().flat_map(deciding),
    );
    figures
        .pod
        .iter()
        .for_each(|figures| pod::pod(&mut page, figures));
    page
}

/// A section with a table; nothing when there are no rows.
fn table(
    page: &mut String,
    heading: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let rule: Vec<String> = columns.iter().map(|_| "---".to_owned()).collect();
    let _ = write!(page, "\n## {heading}\n\n{}{}", line(&head), line(&rule));
    rows.for_each(|row| page.push_str(&line(&row)));
}

fn first_sync(page: &mut String, all: &[FirstSync]) {
    let columns = [
        "issues",
        "client",
        "time",
        "ConfigMaps",
        "beside",
        "requests",
        "peak memory",
    ];
    table(page, "First sync", &columns, all.iter().flat_map(clients));
    if let Some(first) = all.first() {
        let _ = write!(
            page,
            "\nThe bare client creates the ConfigMaps that `beadlet sync` made, {} at once, the best of 16, 32, 64 and 128 here.\n\
             Its time has no reading of git, no rendering, no LIST and no process start in it; that of beadlet has.\n",
            first.bare_at_once
        );
    }
}

/// The rows of one size.
fn clients(sync: &FirstSync) -> Vec<Vec<String>> {
    let row = |client: &str, taken, requests: String, memory: String| {
        let beside = format!("{:.2}", sync.rate(taken) / sync.rate(sync.beadlet));
        let issues = grouped(sync.issues as u64);
        vec![
            issues,
            client.to_owned(),
            time(taken),
            rate(sync.rate(taken)),
            beside,
            requests,
            memory,
        ]
    };
    let requests = format!(
        "{} creates, {} others",
        grouped(sync.creates as u64),
        sync.other_requests
    );
    let memory = format!("{} (file {})", megabytes(sync.peak), megabytes(sync.file));
    let rounds = match sync.rounds {
        1 => "one sample".to_owned(),
        rounds => format!("median of {rounds}"),
    };
    let mut rows = vec![
        row(
            &format!("**beadlet sync**, {rounds}"),
            sync.beadlet,
            requests,
            memory,
        ),
        row(
            "bare client that only creates",
            sync.bare,
            String::new(),
            String::new(),
        ),
    ];
    let slow = |name: &str, taken| row(name, taken, String::new(), String::new());
    rows.extend(
        sync.one_by_one
            .map(|taken| slow("kube loop, one after the other", taken)),
    );
    if let Some(kubectl) = sync.kubectl {
        rows.push(slow("`kubectl apply --server-side -f`", kubectl.first));
        rows.push(slow(
            "the same again, one ConfigMap changed (one sample)",
            kubectl.again,
        ));
    }
    rows
}

fn push(push: &Push) -> Vec<Vec<String>> {
    let percentiles = [
        ("median", 50),
        ("90th percentile", 90),
        ("99th percentile", 99),
        ("longest", 100),
    ];
    let mut rows = vec![row(
        "pushes",
        format!(
            "{}, {} issues",
            push.latencies.len(),
            grouped(push.issues as u64)
        ),
    )];
    rows.extend(
        percentiles.map(|(name, percent)| row(name, milliseconds(push.percentile(percent)))),
    );
    rows.push(row("writes of beadlet", push.writes));
    rows.push(row("other requests of beadlet", push.other_requests));
    rows
}

fn unchanged(unchanged: &Unchanged) -> Vec<Vec<String>> {
    vec![
        row("issues", grouped(unchanged.issues as u64)),
        row(
            &format!("{} passes asked for by SIGHUP", unchanged.pokes),
            requests(unchanged.poke_requests),
        ),
        row(
            &format!("{} commits beside the issue file", unchanged.commits),
            requests(unchanged.commit_requests),
        ),
        row(
            "restart",
            format!(
                "{} writes, {} reads, ready after {}",
                unchanged.restart_writes,
                unchanged.restart_reads,
                time(unchanged.restart)
            ),
        ),
    ]
}

fn idle(idle: &Idle) -> Vec<Vec<String>> {
    vec![
        row("issues", grouped(idle.issues as u64)),
        row("resident memory", megabytes(idle.resident)),
        row(
            "processor time",
            format!(
                "{} in {}: {:.2} % of a core",
                milliseconds(idle.time),
                time(idle.watched),
                idle.share() * 100.0
            ),
        ),
        row("requests", idle.requests),
    ]
}

fn deciding(deciding: &Deciding) -> Vec<Vec<String>> {
    vec![
        row("issues", grouped(deciding.issues as u64)),
        row("reading", milliseconds(deciding.read)),
        row("READY", milliseconds(deciding.ready)),
        row("rendering and hashing", milliseconds(deciding.render)),
    ]
}

fn row(name: &str, value: impl Display) -> Vec<String> {
    vec![name.to_owned(), format!("{value}")]
}

fn requests(count: usize) -> String {
    format!("{count} requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_kept() {
        let page = format!("# Old figures\n\n{END}\n\n## Why\n\nBecause.\n");
        assert_eq!(by_hand(&page), "\n## Why\n\nBecause.\n");
        assert_eq!(by_hand("# A page without the mark\n"), HAND);
    }

    #[test]
    fn section_without_figures_is_left_out() {
        assert!(!markdown(&Figures::default(), &[]).contains("## Idle"));
    }
}
