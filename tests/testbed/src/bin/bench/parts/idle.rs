//! What a daemon uses while nothing happens.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::mirrored;
use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::figures::Idle;

/// Until what the first pass left behind is done.
const CALM: Duration = Duration::from_secs(5);

pub(crate) async fn idle(bench: &Bench, arguments: &Arguments) -> Result<Idle> {
    let (town, _repo, mirrored) = mirrored(bench, arguments, "idle").await?;
    sleep(CALM).await;
    let mark = bench.testbed.audit().mark().await;
    let (begin, before) = (Instant::now(), mirrored.daemon.usage()?);
    bench.tell(&format!(
        "watching an idle daemon for {:?}",
        arguments.idle()
    ));
    sleep(arguments.idle()).await;
    let (after, watched) = (mirrored.daemon.usage()?, begin.elapsed());
    let requests = bench.asked(mark).await.len();
    mirrored.daemon.stop();
    Ok(Idle {
        issues: town.beads.len(),
        resident: after.resident,
        time: after.time.saturating_sub(before.time),
        watched,
        requests,
    })
}
