//! What others do to our objects: a watch that is opened again for as long as it takes, and a mailbox for what it sees.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use beadlet_store::cluster::{Beads, Fault, ResourceVersion, Seen};
use futures::TryStreamExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::chance::chance;
use crate::decide::pace::Pace;
use crate::decide::suspicion::{Census, Sight};
use crate::observe;

/// A watch that lived this long was a good one: the next may be opened at once.
const GOOD: Duration = Duration::from_secs(10);

/// What the watch saw. It holds one sight of each object, so it cannot grow beyond their number. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    letters: Mutex<Letters>,
    posted: Notify,
}

/// What came since the last look into the mailbox.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) seen: HashMap<Box<str>, Sight>,
    /// Older than what is `seen`.
    pub(crate) census: Option<Census>,
    pub(crate) watching: bool,
    pub(crate) restarts: u64,
}

impl Mailbox {
    /// Waits until something came. Cancel safe.
    pub(crate) async fn posted(&self) {
        self.0.posted.notified().await;
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Letters {
        let mut letters = self
            .0
            .letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let watching = letters.watching;
        std::mem::replace(
            &mut *letters,
            Letters {
                watching,
                ..Letters::default()
            },
        )
    }

    fn post(&self, with: impl FnOnce(&mut Letters)) {
        with(
            &mut self
                .0
                .letters
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.0.posted.notify_one();
    }

    fn post_seen(&self, seen: Seen) {
        let (sighting, lost) = match seen {
            Seen::There(sighting) => (sighting, false),
            Seen::Lost(sighting) => (sighting, true),
            Seen::Progress(_) => return,
        };
        let sight = if lost { Sight::Lost } else { Sight::There };
        self.post(|letters| {
            letters.seen.insert(sighting.name, sight(sighting.version));
        });
    }
}

/// Watches from `version` on, for ever. A watch that breaks is opened again where it ended; one that is too late for the
/// server is bridged by a list of versions. Faults are waited out, longer and longer, so that a server in trouble is left alone.
pub(crate) async fn watch(beads: Beads, version: ResourceVersion, mailbox: Mailbox) {
    let (mut version, mut pace) = (
        version,
        Pace::new(Duration::from_millis(200), Duration::from_secs(30)),
    );
    loop {
        let opened = Instant::now();
        let end = watch_once(&beads, &mut version, &mailbox).await;
        let lived = opened.elapsed() >= GOOD;
        let recovered = match &end {
            Err(Fault::Expired) => match observe::census(&beads).await {
                Ok(census) => {
                    version = census.version.clone();
                    mailbox.post(|letters| {
                        letters.seen.clear();
                        letters.census = Some(census);
                    });
                    true
                }
                Err(_) => false,
            },
            Err(_) => false,
            Ok(()) => true,
        };
        if lived {
            pace.succeed();
        }
        if recovered && lived {
            continue;
        }
        let wait = pace.fail(chance());
        mailbox.post(|letters| {
            letters.watching = false;
            letters.restarts += 1;
        });
        report(end.as_ref().err(), wait);
        sleep(wait).await;
    }
}

fn report(fault: Option<&Fault>, wait: Duration) {
    let reason = fault.map_or("Closed", |f| f.reason().as_str());
    let error = fault.map(tracing::field::display);
    tracing::warn!(
        reason,
        error,
        wait_ms = wait.as_millis(),
        "watch ended and is opened again"
    );
}

async fn watch_once(
    beads: &Beads,
    version: &mut ResourceVersion,
    mailbox: &Mailbox,
) -> Result<(), Fault> {
    let mut events = pin!(beads.watch(version).await?);
    mailbox.post(|letters| letters.watching = true);
    while let Some(seen) = events.try_next().await? {
        version.clone_from(seen.version());
        mailbox.post_seen(seen);
    }
    Ok(())
}
