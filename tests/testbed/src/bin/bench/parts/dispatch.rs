//! Ready beads become Jobs, beside clients that do nothing but create the same Jobs. They take turns.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use beadlet_testbed::kubelet::PlayedKubelet;
use beadlet_testbed::town::{Bead, Town, TownRepo};
use beadlet_testbed::watching::Watching;
use beadlet_testbed::{JobHistory, Requests, kinds};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::from_value;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::clients::create;
use crate::controlled::{Controlled, inhabitable, settled};
use crate::figures::{Dispatch, Through, median};
use crate::text::rate;

const PATIENCE: Duration = Duration::from_secs(300);
/// The numbers of requests in flight that are tried for the bare client.
const AT_ONCE: [usize; 3] = [16, 32, 64];
/// One in so many has a place when Jobs end and others follow.
const PLACES: usize = 10;
/// How long the containers run then.
const RUN: Duration = Duration::from_millis(100);

pub(crate) async fn dispatch(bench: &Bench, arguments: &Arguments) -> Result<Dispatch> {
    kinds::install(&bench.testbed.client()).await?;
    let beads = arguments.ready as usize;
    let repo = TownRepo::create(&bench.folder().join("ready"), &ready(beads))?;
    let mut contest = Contest {
        bench,
        repo,
        beads,
        best: NonZeroUsize::MIN,
        jobs: Vec::new(),
        created: Vec::new(),
        started: Vec::new(),
        bare: Vec::new(),
        one_by_one: Vec::new(),
        requests: BTreeMap::new(),
        used: Duration::ZERO,
        most_at_once: 0,
    };
    for round in 0..arguments.rounds(arguments.ready) {
        contest.round(round).await?;
    }
    let through = contest.through().await?;
    Ok(contest.figures(through))
}

/// Issues that nothing stands in the way of.
fn ready(count: usize) -> Town {
    let now = Timestamp::now();
    let bead = |number: usize| {
        Bead::new("task", &format!("gt-{number:04}"), &format!("Ready issue {number}"), now)
            .priority((number % 5) as u8)
            .says("Made for the benchmark, and as long as many an issue is that somebody writes down in a hurry.")
    };
    Town {
        beads: (0..count).map(bead).collect(),
    }
}

struct Contest<'a> {
    bench: &'a Bench,
    repo: TownRepo,
    beads: usize,
    best: NonZeroUsize,
    /// As beadlet asked for them in its first round, but not suspended: for the others to create as well.
    jobs: Vec<Job>,
    created: Vec<Duration>,
    started: Vec<Duration>,
    bare: Vec<Duration>,
    one_by_one: Vec<Duration>,
    requests: BTreeMap<String, usize>,
    used: Duration,
    most_at_once: usize,
}

impl Contest<'_> {
    async fn round(&mut self, round: u8) -> Result<()> {
        self.beadlet().await?;
        if round == 0 {
            self.best = self.best_concurrency().await?;
        }
        let bare = self.create("bare", self.best).await?;
        let one_by_one = self.create("one-by-one", NonZeroUsize::MIN).await?;
        self.bare.push(bare);
        self.one_by_one.push(one_by_one);
        Ok(())
    }

    /// All beads are ready, and then a Rig with a place for each is made.
    async fn beadlet(&mut self) -> Result<()> {
        let controlled = Controlled::start(self.bench, &self.repo).await?;
        let namespace = controlled.namespace.clone();
        let mut watching = controlled.watching().await?;
        let mark = self.bench.testbed.audit().mark().await;
        let before = controlled.usage()?;
        let begin = Instant::now();
        controlled.rig("gt", self.beads).await?;
        let times = Times::of(&mut watching, self.beads, begin).await?;
        settled(self.bench, &namespace, self.beads).await?;
        self.used = controlled.usage()?.time.saturating_sub(before.time);
        let requests = self.bench.asked(mark).await;
        controlled.stop().await?;
        self.bench.tell(&format!(
            "beadlet: {} created, {} started",
            self.rate(times.created),
            self.rate(times.started)
        ));
        self.created.push(times.created);
        self.started.push(times.started);
        if self.jobs.is_empty() {
            self.jobs = jobs(&requests)?;
        }
        self.requests = counted(&requests);
        let all = self.bench.testbed.audit().since(mark).await;
        let history = JobHistory::of(all.in_namespace(&namespace));
        self.most_at_once = self.most_at_once.max(history.most_at_once());
        Ok(())
    }

    fn rate(&self, time: Duration) -> String {
        rate(self.beads as f64 / time.as_secs_f64())
    }

    async fn create(&self, user: &str, at_once: NonZeroUsize) -> Result<Duration> {
        let namespace = self.bench.namespace(user).await?;
        inhabitable(self.bench, &namespace).await?;
        let time = create(self.bench.client(user), &namespace, &self.jobs, at_once).await?;
        settled(self.bench, &namespace, self.beads).await?;
        self.bench
            .tell(&format!("{user}, {at_once} at once: {}", self.rate(time)));
        Ok(time)
    }

    async fn best_concurrency(&self) -> Result<NonZeroUsize> {
        let mut best = (Duration::MAX, NonZeroUsize::MIN);
        for number in AT_ONCE.into_iter().filter_map(NonZeroUsize::new) {
            best = best.min((self.create("bare", number).await?, number));
        }
        Ok(best.1)
    }

    /// The same beads through a tenth of the places, with pods that end.
    async fn through(&self) -> Result<Through> {
        let places = self.beads.div_ceil(PLACES);
        let controlled = Controlled::start(self.bench, &self.repo).await?;
        let mut watching = controlled.watching().await?;
        let client = self.bench.testbed.user("kubelet").client();
        let _kubelet = PlayedKubelet::start(client, &controlled.namespace, "", RUN);
        let mark = self.bench.testbed.audit().mark().await;
        let begin = Instant::now();
        controlled.rig("gt", places).await?;
        let times = Times::of(&mut watching, self.beads, begin).await?;
        settled(self.bench, &controlled.namespace, self.beads).await?;
        let all = self.bench.testbed.audit().since(mark).await;
        let history = JobHistory::of(all.in_namespace(&controlled.namespace));
        self.bench.tell(&format!(
            "through {places} places: {}",
            self.rate(times.started)
        ));
        controlled.stop().await?;
        Ok(Through {
            places,
            time: times.started,
            most_at_once: history.most_at_once(),
        })
    }

    fn figures(self, through: Through) -> Dispatch {
        Dispatch {
            beads: self.beads,
            rounds: self.created.len(),
            created: median(&self.created),
            started: median(&self.started),
            bare: median(&self.bare),
            bare_at_once: self.best,
            one_by_one: median(&self.one_by_one),
            requests: self.requests.into_iter().collect(),
            used: self.used,
            most_at_once: self.most_at_once,
            through,
        }
    }
}

/// Until the last Job was seen.
struct Times {
    created: Duration,
    /// Unsuspended.
    started: Duration,
}

impl Times {
    async fn of(watching: &mut Watching<Job>, jobs: usize, begin: Instant) -> Result<Self> {
        let (mut created, mut started) = (HashSet::new(), HashSet::new());
        let (mut last_created, mut last_started) = (begin, begin);
        while started.len() < jobs {
            let what = format!("Job number {} of {jobs}", started.len() + 1);
            let seen = watching.see(&what, PATIENCE, |seen| !seen.gone).await?;
            let name = seen.object.name_any();
            if is_started(&seen.object) && started.insert(name.clone()) {
                last_started = seen.at;
            }
            if created.insert(name) {
                last_created = seen.at;
            }
        }
        Ok(Self {
            created: last_created - begin,
            started: last_started - begin,
        })
    }
}

pub(super) fn is_started(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.suspend) == Some(false)
}

/// The Jobs as they were asked for, belonging to nobody, and started at once.
fn jobs(requests: &Requests) -> Result<Vec<Job>> {
    let created = requests.clone().of("jobs").verb("create").successful();
    let job = |request: beadlet_testbed::Request| {
        let mut job: Job =
            from_value(request.request_object).context("the audit log holds a Job that is none")?;
        job.metadata.namespace = None;
        job.metadata.owner_references = None;
        if let Some(spec) = &mut job.spec {
            spec.suspend = Some(false);
        }
        Ok(job)
    };
    created.into_iter().map(job).collect()
}

/// Requests by verb and resource.
fn counted(requests: &Requests) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests.iter() {
        let subresource = if request.subresource.is_empty() {
            String::new()
        } else {
            format!("/{}", request.subresource)
        };
        let what = format!("{} {}{subresource}", request.verb, request.resource);
        *counts.entry(what).or_default() += 1;
    }
    counts
}
