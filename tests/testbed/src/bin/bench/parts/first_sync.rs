//! First syncs beside clients that do nothing but write. They take turns, so that a noisy machine is noisy for all.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Result;
use beadlet_testbed::town::{Town, TownRepo};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::clients::{self, create};
use crate::figures::{FirstSync, Kubectl, median};
use crate::text::{grouped, rate};

/// The numbers of requests in flight that are tried for the bare client.
const AT_ONCE: [NonZeroUsize; 4] = [at_once(16), at_once(32), at_once(64), at_once(128)];
/// On so many ConfigMaps.
const TRIED_ON: usize = 2_000;
/// Up to here the slow clients are measured; beyond they are reckoned.
const SLOW_UP_TO: u32 = 1_000;

pub(crate) async fn first_sync(bench: &Bench, arguments: &Arguments) -> Result<Vec<FirstSync>> {
    let best = best_concurrency(bench).await?;
    let mut figures = Vec::new();
    for size in &arguments.sizes {
        figures.push(
            Contest::new(bench, *size, best)?
                .run(arguments.rounds(*size))
                .await?,
        );
    }
    Ok(figures)
}

const fn at_once(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

/// Tries every concurrency twice, in both directions, and takes the one that was fastest.
async fn best_concurrency(bench: &Bench) -> Result<NonZeroUsize> {
    let town = Town::grown(TRIED_ON, Timestamp::now());
    let repo = TownRepo::create(&bench.folder().join("tried"), &town)?;
    let mirrored = bench.mirror(&repo).await?;
    let beads = bench.beads(&mirrored.namespace, TRIED_ON).await?;
    mirrored.daemon.stop();
    let mut best = (Duration::MAX, AT_ONCE[0]);
    for number in AT_ONCE.into_iter().chain(AT_ONCE.into_iter().rev()) {
        let namespace = bench.namespace("bare").await?;
        let time = create(bench.client("bare"), &namespace, &beads, number).await?;
        bench.tell(&format!(
            "bare client, {number} at once: {}",
            rate(TRIED_ON as f64 / time.as_secs_f64())
        ));
        best = best.min((time, number));
    }
    Ok(best.1)
}

/// One size, all clients.
struct Contest<'a> {
    bench: &'a Bench,
    size: u32,
    best: NonZeroUsize,
    repo: TownRepo,
    file: u64,
    /// What the daemon made of the town in its first round, for the others to make as well.
    beads: Vec<ConfigMap>,
    beadlet: Vec<Duration>,
    bare: Vec<Duration>,
    one_by_one: Vec<Duration>,
    kubectl: Vec<Duration>,
    kubectl_again: Option<Duration>,
    peak: u64,
    creates: usize,
    other_requests: usize,
}

#[derive(Clone, Copy, Debug)]
enum Contestant {
    Beadlet,
    Bare,
    OneByOne,
    Kubectl,
}

impl<'a> Contest<'a> {
    fn new(bench: &'a Bench, size: u32, best: NonZeroUsize) -> Result<Self> {
        let town = Town::grown(size as usize, Timestamp::now());
        let repo = TownRepo::create(&bench.folder().join(format!("first-sync-{size}")), &town)?;
        let file = std::fs::metadata(repo.issues_path())?.len();
        Ok(Self {
            bench,
            size,
            best,
            repo,
            file,
            beads: Vec::new(),
            beadlet: Vec::new(),
            bare: Vec::new(),
            one_by_one: Vec::new(),
            kubectl: Vec::new(),
            kubectl_again: None,
            peak: 0,
            creates: 0,
            other_requests: 0,
        })
    }

    async fn run(mut self, rounds: u8) -> Result<FirstSync> {
        for round in 0..rounds {
            let mut order = vec![Contestant::Beadlet, Contestant::Bare];
            if self.size <= SLOW_UP_TO {
                order.extend([Contestant::OneByOne, Contestant::Kubectl]);
            }
            let first = usize::from(round) % order.len();
            order.rotate_left(first);
            for contestant in order {
                let time = self.turn(contestant).await?;
                let speed = rate(f64::from(self.size) / time.as_secs_f64());
                let issues = grouped(self.size.into());
                self.bench.tell(&format!(
                    "{issues} issues, round {} of {rounds}, {contestant:?}: {speed}",
                    round + 1
                ));
            }
        }
        Ok(self.figures(rounds))
    }

    async fn turn(&mut self, contestant: Contestant) -> Result<Duration> {
        let time = match contestant {
            Contestant::Beadlet => self.beadlet().await?,
            Contestant::Bare => self.create("bare", self.best).await?,
            Contestant::OneByOne => self.create("one-by-one", NonZeroUsize::MIN).await?,
            Contestant::Kubectl => self.kubectl().await?,
        };
        match contestant {
            Contestant::Beadlet => self.beadlet.push(time),
            Contestant::Bare => self.bare.push(time),
            Contestant::OneByOne => self.one_by_one.push(time),
            Contestant::Kubectl => self.kubectl.push(time),
        }
        Ok(time)
    }

    async fn beadlet(&mut self) -> Result<Duration> {
        let mark = self.bench.testbed.audit().mark().await;
        let mirrored = self.bench.mirror(&self.repo).await?;
        self.peak = self.peak.max(mirrored.daemon.usage()?.peak);
        let requests = self.bench.asked(mark).await;
        let all = requests.len();
        self.creates = requests.verb("create").of("configmaps").successful().len();
        self.other_requests = all - self.creates;
        mirrored.daemon.stop();
        if self.beads.is_empty() {
            self.beads = self
                .bench
                .beads(&mirrored.namespace, self.size as usize)
                .await?;
        }
        Ok(mirrored.ready_after)
    }

    async fn create(&self, user: &str, at_once: NonZeroUsize) -> Result<Duration> {
        let namespace = self.bench.namespace(user).await?;
        create(self.bench.client(user), &namespace, &self.beads, at_once).await
    }

    async fn kubectl(&mut self) -> Result<Duration> {
        let namespace = self.bench.namespace("kubectl").await?;
        let kubectl = clients::Kubectl::new(self.bench)?;
        let time = kubectl.apply(&namespace, &self.beads).await?;
        if self.kubectl_again.is_none() {
            let mut edited = self.beads.clone();
            if let Some(title) = edited[0]
                .data
                .as_mut()
                .and_then(|data| data.get_mut("title"))
            {
                title.push_str(", edited");
            }
            self.kubectl_again = Some(kubectl.apply(&namespace, &edited).await?);
        }
        Ok(time)
    }

    fn figures(self, rounds: u8) -> FirstSync {
        let some = |times: &[Duration]| (!times.is_empty()).then(|| median(times));
        FirstSync {
            issues: self.size as usize,
            file: self.file,
            rounds,
            beadlet: median(&self.beadlet),
            peak: self.peak,
            creates: self.creates,
            other_requests: self.other_requests,
            bare: median(&self.bare),
            bare_at_once: self.best,
            one_by_one: some(&self.one_by_one),
            kubectl: some(&self.kubectl)
                .zip(self.kubectl_again)
                .map(|(first, again)| Kubectl { first, again }),
        }
    }
}
