//! The figures of the design that a run has measured: what was to be reached, what was reached.

use std::time::Duration;

use crate::figures::{Dispatch, Figures, FirstSync, Idle, Push, Unchanged};
use crate::text::{grouped, megabytes, milliseconds, rate, time};

/// A row of the first table.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) measured: String,
    pub(crate) verdict: String,
}

/// Shares of the bare client's speed, and multiples of kubectl's.
const OF_BARE: f64 = 0.85;
const OF_KUBECTL: f64 = 20.0;
/// Memory of a first sync: multiples of the file, and bytes beside them.
const OF_FILE: u64 = 3;
const BESIDE_FILE: u64 = 40_000_000;
const MEDIAN: Duration = Duration::from_millis(100);
const NINETY_NINTH: Duration = Duration::from_millis(300);
/// A second.
const JOBS: f64 = 100.0;
const IDLE_MEMORY: u64 = 60_000_000;
const IDLE_SHARE: f64 = 0.01;

pub(crate) fn targets(figures: &Figures) -> Vec<Target> {
    let mut targets = Vec::new();
    let of_size = |issues| figures.first_sync.iter().find(|sync| sync.issues == issues);
    if let Some(sync) = of_size(10_000) {
        targets.push(beside_bare(sync));
        let kubectl = figures
            .first_sync
            .iter()
            .find(|sync| sync.kubectl.is_some());
        targets.extend(kubectl.and_then(|measured| beside_kubectl(sync, measured)));
    }
    targets.extend(of_size(100_000).map(memory));
    targets.extend(figures.push.iter().flat_map(push));
    targets.extend(figures.webhook.iter().map(webhook));
    targets.extend(figures.unchanged.iter().flat_map(unchanged));
    targets.extend(figures.idle.iter().flat_map(idle));
    targets.extend(figures.dispatch.iter().flat_map(dispatch));
    targets
}

fn beside_bare(sync: &FirstSync) -> Target {
    let share = sync.bare.as_secs_f64() / sync.beadlet.as_secs_f64();
    Target {
        what: format!("first sync of {} issues", grouped(sync.issues as u64)),
        wanted: format!(
            "{:.0} % of a bare client that only creates",
            OF_BARE * 100.0
        ),
        measured: format!(
            "{} beside {}: {:.0} %",
            rate(sync.rate(sync.beadlet)),
            rate(sync.rate(sync.bare)),
            share * 100.0
        ),
        verdict: at_least(share, OF_BARE),
    }
}

fn beside_kubectl(sync: &FirstSync, measured: &FirstSync) -> Option<Target> {
    let kubectl = measured.rate(measured.kubectl?.first);
    let own = sync.rate(sync.beadlet);
    Some(Target {
        what: format!("first sync of {} issues", grouped(sync.issues as u64)),
        wanted: format!("{OF_KUBECTL:.0} times `kubectl apply --server-side`"),
        measured: format!(
            "{} beside {}: {:.0} times",
            rate(own),
            rate(kubectl),
            own / kubectl
        ),
        verdict: at_least(own / kubectl, OF_KUBECTL),
    })
}

fn memory(sync: &FirstSync) -> Target {
    let limit = OF_FILE * sync.file + BESIDE_FILE;
    Target {
        what: format!("first sync of {} issues", grouped(sync.issues as u64)),
        wanted: format!(
            "completes in {OF_FILE} times the file + {}: {}",
            megabytes(BESIDE_FILE),
            megabytes(limit)
        ),
        measured: format!("{} in {}", megabytes(sync.peak), time(sync.beadlet)),
        verdict: at_most(sync.peak as f64, limit as f64),
    }
}

fn push(push: &Push) -> Vec<Target> {
    let wanted = [
        ("median", 50, MEDIAN),
        ("99th percentile", 99, NINETY_NINTH),
    ];
    let target = |(name, percent, limit): (&str, usize, Duration)| Target {
        what: format!(
            "push until a watching client sees it, {} issues",
            grouped(push.issues as u64)
        ),
        wanted: format!("{name} {}", time(limit)),
        measured: milliseconds(push.percentile(percent)),
        verdict: at_most(push.percentile(percent).as_secs_f64(), limit.as_secs_f64()),
    };
    wanted.map(target).into()
}

fn webhook(push: &Push) -> Target {
    let median = push.percentile(50);
    Target {
        what: format!(
            "push over http with a webhook until a watching client sees it, {} issues",
            grouped(push.issues as u64)
        ),
        wanted: format!("median {}", time(MEDIAN)),
        measured: milliseconds(median),
        verdict: at_most(median.as_secs_f64(), MEDIAN.as_secs_f64()),
    }
}

fn unchanged(unchanged: &Unchanged) -> Vec<Target> {
    let requests = unchanged.poke_requests + unchanged.commit_requests;
    vec![
        Target {
            what: "pass with nothing changed".to_owned(),
            wanted: "0 requests".to_owned(),
            measured: format!(
                "{requests} in {} passes",
                unchanged.pokes + unchanged.commits
            ),
            verdict: at_most(requests as f64, 0.0),
        },
        Target {
            what: "restart with nothing changed".to_owned(),
            wanted: "0 writes".to_owned(),
            measured: format!(
                "{} writes, {} reads",
                unchanged.restart_writes, unchanged.restart_reads
            ),
            verdict: at_most(unchanged.restart_writes as f64, 0.0),
        },
    ]
}

fn idle(idle: &Idle) -> Vec<Target> {
    let what = format!("idle daemon, {} issues", grouped(idle.issues as u64));
    let share = idle.share();
    vec![
        Target {
            what: what.clone(),
            wanted: format!("under {} resident", megabytes(IDLE_MEMORY)),
            measured: megabytes(idle.resident),
            verdict: at_most(idle.resident as f64, IDLE_MEMORY as f64),
        },
        Target {
            what,
            wanted: format!("under {:.0} % of a core", IDLE_SHARE * 100.0),
            measured: format!("{:.2} %", share * 100.0),
            verdict: at_most(share, IDLE_SHARE),
        },
    ]
}

fn dispatch(dispatch: &Dispatch) -> Vec<Target> {
    let (beads, through) = (dispatch.beads, dispatch.through);
    let speed = dispatch.rate(dispatch.created);
    let limit = |places: usize, most: usize| Target {
        what: format!(
            "{} ready issues, limit {}",
            grouped(beads as u64),
            grouped(places as u64)
        ),
        wanted: "never above the limit".to_owned(),
        measured: format!("{} at once", grouped(most as u64)),
        verdict: at_most(most as f64, places as f64),
    };
    vec![
        Target {
            what: format!("ready issue to Job, {} ready", grouped(beads as u64)),
            wanted: rate(JOBS),
            measured: rate(speed),
            verdict: at_least(speed, JOBS),
        },
        limit(beads, dispatch.most_at_once),
        limit(through.places, through.most_at_once),
    ]
}

fn at_least(measured: f64, wanted: f64) -> String {
    if measured >= wanted {
        return reached();
    }
    format!("**missed**: {:.0} % of it", measured / wanted * 100.0)
}

fn at_most(measured: f64, wanted: f64) -> String {
    if measured <= wanted {
        return reached();
    }
    if wanted == 0.0 {
        return "**missed**".to_owned();
    }
    format!("**missed** by {:.0} %", (measured / wanted - 1.0) * 100.0)
}

fn reached() -> String {
    "reached".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_says_by_how_much_a_target_is_missed() {
        assert_eq!(at_most(90.0, 100.0), "reached");
        assert_eq!(at_most(125.0, 100.0), "**missed** by 25 %");
        assert_eq!(at_least(0.5, 2.0), "**missed**: 25 % of it");
        assert_eq!(at_most(3.0, 0.0), "**missed**");
    }
}
