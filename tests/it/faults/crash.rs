//! SIGKILL before and after every single write of a pass, then a start.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use beadlet_testbed::{Fault, FaultProxy, On, Running, eventually};
use futures::StreamExt as _;

use super::place::{Place, SOON, edited, issues};

/// Three new issues, two edited ones, two deleted ones.
const WRITES: usize = 7;
/// How many crashes are tried at once.
const AT_ONCE: usize = 3;

/// Where in a pass the program dies.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// The write never reaches the API server.
    Before(usize),
    /// The write is done, and the program never hears of it.
    After(usize),
}

/// Writes that the audit log shows as done.
struct Writes {
    before_death: usize,
    in_all: usize,
}

fn before() -> String {
    issues(0..10)
}

fn after() -> String {
    edited(0..2) + &issues(2..8) + &issues(20..23)
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_at_any_write_loses_nothing_and_writes_nothing_twice() {
    let crashes = (1..=WRITES).flat_map(|n| [Crash::Before(n), Crash::After(n)]);
    let crashes = crashes.map(|crash| async move {
        let done = crashed_at(crash, "1").await;
        // One write after the other: what was done is known to the last one.
        let expected = match crash {
            Crash::Before(n) => n - 1,
            Crash::After(n) => n,
        };
        assert_eq!(
            (done.before_death, done.in_all),
            (expected, WRITES),
            "{crash:?}"
        );
    });
    futures::stream::iter(crashes)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_with_many_writes_in_flight_loses_nothing_and_writes_nothing_twice() {
    for crash in [
        Crash::Before(1),
        Crash::After(1),
        Crash::Before(WRITES),
        Crash::After(WRITES - 2),
    ] {
        let done = crashed_at(crash, "32").await;
        // A write whose client dies before the answer may be done and not be told as a success.
        assert!(done.in_all <= WRITES, "{crash:?}");
    }
}

/// Lets a pass die, starts another, and gives how often both wrote.
async fn crashed_at(crash: Crash, concurrency: &str) -> Writes {
    let place = Place::new("crash").await;
    place.commit(before());
    place.synced().await;
    place.commit(after());
    let mark = place.mark().await;
    dies(&place, crash, concurrency).await;
    let done = place.written_since(mark).await.len();
    place.synced().await;
    place.shows(after()).await;
    let written = place.written_since(mark).await;
    let objects: BTreeSet<_> = written.iter().map(|w| (&w.verb, &w.name)).collect();
    assert_eq!(written.len(), objects.len(), "{crash:?}: {written}");
    Writes {
        before_death: done,
        in_all: written.len(),
    }
}

async fn dies(place: &Place, crash: Crash, concurrency: &str) {
    let proxy = FaultProxy::start(&place.user);
    let victim = Arc::new(Mutex::new(None::<Running>));
    let kill = {
        let victim = Arc::clone(&victim);
        move || victim.lock().unwrap().as_mut().unwrap().kill()
    };
    let killed = match crash {
        Crash::Before(n) => proxy.rule(On::writes().nth(n), Fault::instead(move |_| kill())),
        Crash::After(n) => proxy.rule(On::writes().nth(n), Fault::after(move |_| kill())),
    };
    let program = place
        .program(proxy.kubeconfig())
        .args(["--once", "--concurrency", concurrency]);
    *victim.lock().unwrap() = Some(program.start());
    eventually(SOON, "the program is dead", async || {
        victim.lock().unwrap().as_mut().unwrap().exit()
    })
    .await;
    assert_eq!(killed.held(), 1, "{crash:?}");
}
