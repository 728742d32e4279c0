//! One task a BeadStore: runs its mirror and writes its status.

mod tell;

use std::sync::Arc;
use std::time::Duration;

use beadlet_store::keys::annotation;
use beadlet_store::kinds::{BeadStore, BeadStoreStatus};
use beadlet_store::trace::Watcher;
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cluster::Cluster;
use super::doors::Pullers;
use super::{Refusal, key};
use crate::condition::Conditions;
use crate::decide::store_status::{Seen, status, wrong};
use crate::decide::writeback::Written;
use crate::git::CommitId;
use crate::mirror::Mirror;
use crate::report::{Pass, Report};
use crate::settings::Settings;
use crate::triggers::{Puller, Trigger};
use crate::writeback::{Desk, Scribe};

/// How long until a status is written again that could not be.
const AGAIN: Duration = Duration::from_secs(5);

/// Settings with the fingerprint of what they were made from, or why there are none.
pub(super) type Resolved = Result<(Box<Settings>, String), Refusal>;

/// A BeadStore as it is now.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) store: Arc<BeadStore>,
    pub(super) settings: Resolved,
    /// Why no webhook is believed, where one is awaited; `None` where none is.
    pub(super) webhook: Option<Result<(), Refusal>>,
}

/// A task that keeps one BeadStore. Dropped, it stops where it is.
pub(super) struct Keeper {
    orders: watch::Sender<Order>,
    reports: watch::Receiver<Report>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(cluster: Cluster, desk: Arc<Desk>, pullers: Pullers, order: Order) -> Self {
        let (orders, told) = watch::channel(order);
        let (reports, seen) = watch::channel(Report::default());
        let stop = CancellationToken::new();
        let task =
            tokio::spawn(Post::new(cluster, desk, pullers, told, reports).keep(stop.clone()));
        Self {
            orders,
            reports: seen,
            stop,
            task: Some(task),
        }
    }

    /// # Errors
    /// Gives the order back when the task has ended.
    pub(super) fn tell(&self, order: Order) -> Result<(), Order> {
        self.orders.send(order).map_err(|error| error.0)
    }

    pub(super) fn reports(&self) -> watch::Receiver<Report> {
        self.reports.clone()
    }

    /// Lets the pass in flight finish.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "a beadstore's task broke");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What the task knows.
struct Post {
    cluster: Cluster,
    desk: Arc<Desk>,
    /// For webhooks.
    pullers: Pullers,
    orders: watch::Receiver<Order>,
    /// For whoever looks from outside.
    shown: watch::Sender<Report>,
    mirror: Option<Running>,
    writing: Option<Writing>,
    told_written: Written,
    /// As it was seen, or written, last.
    store: BeadStore,
    /// The spec that the reports are about.
    generation: Option<i64>,
    asked: Option<Asked>,
    handled: Option<String>,
    /// The last push that somebody announced.
    announced: Option<String>,
    told: Conditions,
    /// The commit that was told of last.
    told_commit: Option<CommitId>,
    told_webhook: Option<&'static str>,
    passed: Option<Pass>,
}

/// A mirror at work. Dropped, it stops where it is.
struct Running {
    settings: watch::Sender<Settings>,
    fingerprint: String,
    reports: watch::Receiver<Report>,
    puller: Puller,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Commits to the issue file. Dropped, it stops where it is.
struct Writing {
    fingerprint: String,
    written: watch::Receiver<Written>,
    _task: AbortOnDropHandle<()>,
}

/// Somebody asked to sync now.
struct Asked {
    value: String,
    at: Timestamp,
}

enum Wake {
    Stop,
    Order,
    Report,
    Written,
    Again,
}

impl Post {
    fn new(
        cluster: Cluster,
        desk: Arc<Desk>,
        pullers: Pullers,
        orders: watch::Receiver<Order>,
        shown: watch::Sender<Report>,
    ) -> Self {
        let store = orders.borrow().store.as_ref().clone();
        Self {
            cluster,
            desk,
            pullers,
            orders,
            shown,
            mirror: None,
            writing: None,
            told_written: Written::default(),
            handled: store
                .status
                .as_ref()
                .and_then(|status| status.last_handled_sync_request.clone()),
            announced: store.annotations().get(annotation::PUSH_ANNOUNCED).cloned(),
            store,
            generation: None,
            asked: None,
            told: Conditions::default(),
            told_commit: None,
            told_webhook: None,
            passed: None,
        }
    }

    async fn keep(mut self, stop: CancellationToken) {
        self.follow_order();
        let mut is_written = self.write().await;
        loop {
            match self.wake(&stop, is_written).await {
                Wake::Stop => break,
                Wake::Order => self.follow_order(),
                Wake::Report if !self.read_report() => continue,
                Wake::Report | Wake::Written | Wake::Again => {}
            }
            is_written = self.write().await;
        }
        self.pullers.take(&key(&self.store));
        if let Some(mirror) = self.mirror.take() {
            mirror.end().await;
        }
    }

    async fn wake(&mut self, stop: &CancellationToken, is_written: bool) -> Wake {
        let reported = async {
            match &mut self.mirror {
                Some(mirror) => mirror.reports.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let written = async {
            match &mut self.writing {
                Some(writing) => writing.written.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            changed = self.orders.changed() => if changed.is_ok() { Wake::Order } else { Wake::Stop },
            // A mirror that ended by itself is started again with the next order.
            is_alive = reported => if is_alive { Wake::Report } else { self.mirror = None; Wake::Again },
            is_alive = written => if is_alive { Wake::Written } else { self.writing = None; Wake::Again },
            () = tokio::time::sleep(AGAIN), if !is_written => Wake::Again,
        }
    }

    fn follow_order(&mut self) {
        let order = self.orders.borrow_and_update().clone();
        self.store = order.store.as_ref().clone();
        match &order.settings {
            Ok((settings, fingerprint)) => {
                self.mirror_with(settings, fingerprint);
                self.write_back_with(settings, fingerprint);
            }
            // What was mirrored stays; nothing more is done until somebody mends it.
            Err(_) => (self.mirror, self.writing) = (None, None),
        }
        match &self.mirror {
            Some(mirror) => self.pullers.put(key(&self.store), mirror.puller.clone()),
            None => self.pullers.take(&key(&self.store)),
        }
        self.poke();
        self.look_at_push();
    }

    fn mirror_with(&mut self, settings: &Settings, fingerprint: &str) {
        match &mut self.mirror {
            Some(mirror) if mirror.fingerprint == fingerprint => {
                // Something in the object changed that the mirror does not depend on.
                self.generation = self.generation.and(self.store.metadata.generation);
            }
            Some(mirror) => {
                mirror.fingerprint = fingerprint.to_owned();
                mirror.settings.send_replace(settings.clone());
            }
            None => {
                self.mirror = Some(Running::start(
                    &self.cluster,
                    self.desk.watcher.clone(),
                    settings.clone(),
                    fingerprint,
                ))
            }
        }
    }

    fn write_back_with(&mut self, settings: &Settings, fingerprint: &str) {
        let orders = settings.write_back.clone().filter(|_| !settings.suspend);
        let (Some(orders), Some(mirror)) = (orders, &self.mirror) else {
            self.writing = None;
            return;
        };
        let goes_on = |writing: &Writing| writing.fingerprint == fingerprint;
        if self
            .writing
            .as_ref()
            .is_none_or(|writing| !goes_on(writing))
        {
            let scribe = Scribe::new(settings, orders, &self.desk, mirror.puller.clone());
            self.writing = Some(Writing::start(scribe, mirror.reports.clone(), fingerprint));
        }
    }

    fn poke(&mut self) {
        let Some(value) = self.store.annotations().get(annotation::SYNC_REQUESTED) else {
            return;
        };
        let is_known = self.handled.as_ref() == Some(value)
            || self
                .asked
                .as_ref()
                .is_some_and(|asked| asked.value == *value);
        if let (false, Some(mirror)) = (is_known, &self.mirror) {
            self.asked = Some(Asked {
                value: value.clone(),
                at: Timestamp::now(),
            });
            mirror.puller.pull(Trigger::Poke);
        }
    }

    /// Looks at the branch when a webhook came to another replica.
    fn look_at_push(&mut self) {
        let said = self.store.annotations().get(annotation::PUSH_ANNOUNCED);
        if said == self.announced.as_ref() {
            return;
        }
        self.announced = said.cloned();
        if let Some(mirror) = &self.mirror {
            mirror.puller.pull(Trigger::Webhook);
        }
    }

    /// Whether there is something to write down: a pass has ended, or a condition has changed. What a pass does meanwhile is no news.
    fn read_report(&mut self) -> bool {
        let Some(mirror) = &mut self.mirror else {
            return false;
        };
        let report = mirror.reports.borrow_and_update().clone();
        let is_news = report.last_pass != self.passed || report.conditions != self.told;
        self.passed = report.last_pass;
        self.generation = self.store.metadata.generation;
        if let Some(asked) = self.asked.take_if(|asked| {
            report
                .last_pass
                .is_some_and(|pass| pass.ended_at >= asked.at)
        }) {
            self.handled = Some(asked.value);
        }
        self.shown.send_replace(report);
        is_news
    }

    /// Writes the status where it differs. Says whether it stands; if not, it is tried again, with the next order when the object changed.
    async fn write(&mut self) -> bool {
        self.tell().await;
        let status = self.status();
        if self.store.status.as_ref() == Some(&status) {
            return true;
        }
        let wanted = BeadStore {
            status: Some(status),
            ..self.store.clone()
        };
        match self.cluster.write_status(&wanted).await {
            Ok(written) => {
                self.store = written;
                true
            }
            // The change comes as an order.
            Err(error) if error.is_outdated() => true,
            Err(error) => {
                tracing::warn!(%error, namespace = self.store.namespace(), name = self.store.name_any(), "status not written");
                false
            }
        }
    }

    fn status(&self) -> BeadStoreStatus {
        let order = self.orders.borrow();
        match &order.settings {
            Err(refusal) => wrong(&self.store, refusal, Timestamp::now()),
            Ok(_) => {
                let report = self.shown.borrow();
                let before = self
                    .store
                    .status
                    .as_ref()
                    .and_then(|status| status.observed_generation);
                let seen = Seen {
                    report: &report,
                    generation: self.generation.or(before),
                    handled_request: self.handled.as_deref(),
                    written: self.written(),
                    webhook: order
                        .webhook
                        .as_ref()
                        .map(|webhook| webhook.as_ref().map(drop).map_err(AsRef::as_ref)),
                };
                status(&self.store, &seen, Timestamp::now())
            }
        }
    }

    /// How it stands with what is written back; `None` where nothing is.
    fn written(&self) -> Option<Written> {
        let writing = self.writing.as_ref()?;
        Some(writing.written.borrow().clone())
    }
}

impl Writing {
    fn start(scribe: Scribe, reports: watch::Receiver<Report>, fingerprint: &str) -> Self {
        let (written, seen) = watch::channel(Written::default());
        let task = tokio::spawn(scribe.run(reports, written));
        Self {
            fingerprint: fingerprint.to_owned(),
            written: seen,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

impl Running {
    fn start(cluster: &Cluster, watcher: Watcher, settings: Settings, fingerprint: &str) -> Self {
        let mirror = Mirror::new(cluster.client(), settings.clone()).traced(watcher);
        let puller = mirror.puller();
        let (settings, told) = watch::channel(settings);
        let (report, reports) = watch::channel(Report::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(mirror.run(told, report, stop.clone()));
        Self {
            settings,
            fingerprint: fingerprint.to_owned(),
            reports,
            puller,
            stop,
            task,
        }
    }

    async fn end(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "a mirror broke");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
