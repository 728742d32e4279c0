//! The metrics of `beadlet controller`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use beadlet_scheduler::fault::{Ask, Reason};
use beadlet_scheduler::observations::{Controller, Observations, Queue};
use beadlet_store::kinds::{FailureClass, WaitReason};
use beadlet_store::trace::Watcher;
use beadlet_sync::condition::ConditionType;
use beadlet_sync::controller::Reports;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::webhook::Calls;

/// The metrics, and who counts them.
#[derive(Debug)]
pub struct ControllerMetrics {
    registry: Registry,
    watcher: Watcher,
    leads: Gauge,
    /// The Rigs that have gauges.
    rigs: Mutex<BTreeSet<String>>,
    limit: Family<OfRig, Gauge>,
    taken: Family<OfRig, Gauge>,
    running: Family<OfRig, Gauge>,
    queued: Family<OfRig, Gauge>,
    waiting: Family<Waiting, Gauge>,
    ready_to_job: Family<OfRig, Histogram>,
    ended: Family<Ended, Counter>,
    failed: Family<Failed, Counter>,
    reconcile: Family<Look, Histogram>,
    dropped: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRig {
    rig: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waiting {
    rig: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    rig: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    ask: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Look {
    controller: &'static str,
    outcome: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 14))
}

impl ControllerMetrics {
    /// Metrics of the controllers and of the mirrors that make these reports.
    #[must_use]
    pub fn new(reports: Reports, calls: &Calls) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("beadlet"),
            watcher: None,
            leads: Gauge::default(),
            rigs: Mutex::default(),
            limit: Family::default(),
            taken: Family::default(),
            running: Family::default(),
            queued: Family::default(),
            waiting: Family::default(),
            ready_to_job: Family::new_with_constructor(seconds),
            ended: Family::default(),
            failed: Family::default(),
            reconcile: Family::new_with_constructor(seconds),
            dropped: Counter::default(),
        };
        metrics.register(reports);
        calls.register(&mut metrics.registry);
        metrics
    }

    /// Passes spans on to `watcher`.
    #[must_use]
    pub fn traced(mut self, watcher: Watcher) -> Self {
        self.watcher = watcher;
        self
    }

    fn register(&mut self, reports: Reports) {
        let registry = &mut self.registry;
        registry.register("leads", "1 while this process leads", self.leads.clone());
        registry.register(
            "rig_limit",
            "polecats that may work at once",
            self.limit.clone(),
        );
        registry.register("rig_taken", "places that are taken", self.taken.clone());
        registry.register(
            "rig_running",
            "polecats whose agent runs",
            self.running.clone(),
        );
        registry.register(
            "rig_queued",
            "beads and Polecats that wait for a place, a convoy or a window",
            self.queued.clone(),
        );
        registry.register(
            "rig_waiting",
            "ready beads and Polecats that wait, by what for",
            self.waiting.clone(),
        );
        let ready_to_job = self.ready_to_job.clone();
        registry.register_with_unit(
            "ready_to_job",
            "from a bead seen ready to its Job",
            Unit::Seconds,
            ready_to_job,
        );
        registry.register(
            "polecats_ended",
            "Polecats that ended, by failure class or `Ended`",
            self.ended.clone(),
        );
        registry.register(
            "requests_failed",
            "requests to the API server that were refused or failed",
            self.failed.clone(),
        );
        registry.register_with_unit(
            "reconcile",
            "looks at one object",
            Unit::Seconds,
            self.reconcile.clone(),
        );
        registry.register(
            "events_dropped",
            "Events that were not written because too many waited",
            self.dropped.clone(),
        );
        registry.register_collector(Box::new(Stores(reports)));
    }

    /// Takes away the gauges of a Rig.
    fn forget(&self, rig: &str) {
        let rig = rig.to_owned();
        for reason in WaitReason::ALL.map(WaitReason::as_str) {
            let rig = rig.clone();
            self.waiting.remove(&Waiting { rig, reason });
        }
        let of_rig = OfRig { rig };
        for family in [&self.limit, &self.taken, &self.running, &self.queued] {
            family.remove(&of_rig);
        }
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a value cannot be written as text, which does not happen.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Observations for ControllerMetrics {
    fn queue(&self, queue: &Queue<'_>) {
        // A last pass may end after the Lease was lost.
        if self.leads.get() == 0 {
            return;
        }
        let Queue {
            rig,
            limit,
            taken,
            running,
            queued,
            waiting,
        } = queue;
        let of_rig = OfRig {
            rig: (*rig).to_owned(),
        };
        let mut shown = self.rigs.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert((*rig).to_owned());
        for (family, number) in [
            (&self.limit, limit),
            (&self.taken, taken),
            (&self.running, running),
            (&self.queued, queued),
        ] {
            family.get_or_create(&of_rig).set(gauge(*number));
        }
        for reason in WaitReason::ALL {
            let label = Waiting {
                rig: (*rig).to_owned(),
                reason: reason.as_str(),
            };
            match waiting.iter().find(|(known, _)| *known == reason) {
                Some((_, count)) => {
                    self.waiting.get_or_create(&label).set(gauge(*count));
                }
                None => {
                    self.waiting.remove(&label);
                }
            }
        }
    }

    fn job_created(&self, rig: &str, after_ready: Duration) {
        self.ready_to_job
            .get_or_create(&OfRig {
                rig: rig.to_owned(),
            })
            .observe(after_ready.as_secs_f64());
    }

    fn polecat_ended(&self, rig: &str, class: Option<FailureClass>) {
        let outcome = class.map_or("Ended", FailureClass::as_str);
        self.ended
            .get_or_create(&Ended {
                rig: rig.to_owned(),
                outcome,
            })
            .inc();
    }

    fn refused(&self, ask: Ask, reason: Reason) {
        self.failed
            .get_or_create(&Failed {
                ask: ask.as_str(),
                reason: reason.as_str(),
            })
            .inc();
    }

    fn reconciled(&self, controller: Controller, took: Duration, is_good: bool) {
        let outcome = if is_good { "good" } else { "failed" };
        self.reconcile
            .get_or_create(&Look {
                controller: controller.as_str(),
                outcome,
            })
            .observe(took.as_secs_f64());
    }

    fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
        if !leads {
            // Another process knows better.
            self.rigs(&BTreeSet::new());
        }
    }

    fn rigs(&self, there: &BTreeSet<String>) {
        let mut shown = self.rigs.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown.difference(there) {
            self.forget(gone);
        }
        shown.retain(|rig| there.contains(rig));
    }

    fn event_dropped(&self) {
        self.dropped.inc();
    }

    fn watcher(&self) -> Watcher {
        self.watcher.clone()
    }
}

/// The mirrors, read when somebody asks.
#[derive(Debug)]
struct Stores(Reports);

impl Collector for Stores {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (reports, now) = (self.0.all(), Timestamp::now());
        type Value = fn(&beadlet_sync::report::Report, Timestamp) -> f64;
        let families: [(&str, &str, Option<&Unit>, Value); 5] = [
            ("store_issues", "issues in the mirror", None, |report, _| {
                report.mirrored as f64
            }),
            (
                "store_ready",
                "issues that could start now",
                None,
                |report, _| report.contents.ready as f64,
            ),
            (
                "store_rejected_lines",
                "lines that could not be read",
                None,
                |report, _| report.rejected.total as f64,
            ),
            (
                "store_synced",
                "1 while the cluster shows the newest commit",
                None,
                |report, _| f64::from(u8::from(report.conditions.is_true(ConditionType::Ready))),
            ),
            (
                "store_behind",
                "how long there has been a commit that the cluster does not show; 0 when there is none",
                Some(&Unit::Seconds),
                |report, now| {
                    report
                        .behind_since
                        .map_or(0.0, |since| now.duration_since(since).as_secs_f64())
                },
            ),
        ];
        for (name, help, unit, value) in families {
            let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            for ((namespace, store), report) in &reports {
                let labels = [("namespace", namespace.as_str()), ("store", store.as_str())];
                family
                    .encode_family(&labels)?
                    .encode_gauge(&value(report, now))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics of which every one has a sample.
    fn observed() -> String {
        let metrics = ControllerMetrics::new(Reports::default(), &Calls::default());
        metrics.leads(true);
        metrics.queue(&Queue {
            rig: "gt",
            limit: 5,
            taken: 5,
            running: 4,
            queued: 7,
            waiting: &[(WaitReason::AtLimit, 7)],
        });
        metrics.polecat_ended("gt", Some(FailureClass::OutOfMemory));
        metrics.job_created("gt", Duration::from_millis(30));
        metrics.refused(Ask::CreateJob, Reason::QuotaExceeded);
        metrics.reconciled(Controller::Dispatch, Duration::from_millis(1), true);
        metrics.event_dropped();
        metrics.text().expect("text")
    }

    #[test]
    fn what_is_observed_is_counted() {
        let text = observed();
        for line in [
            "beadlet_rig_taken{rig=\"gt\"} 5",
            "beadlet_rig_waiting{rig=\"gt\",reason=\"AtLimit\"} 7",
            "beadlet_polecats_ended_total{rig=\"gt\",outcome=\"OutOfMemory\"} 1",
            "beadlet_ready_to_job_seconds_count{rig=\"gt\"} 1",
            "beadlet_leads 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn rig_that_is_gone_or_that_another_process_knows_better_is_shown_no_more() {
        let metrics = ControllerMetrics::new(Reports::default(), &Calls::default());
        metrics.leads(true);
        let queue = |rig| {
            let waiting = &[(WaitReason::AtLimit, 1)];
            let (limit, taken, running, queued) = (1, 1, 1, 1);
            metrics.queue(&Queue {
                rig,
                limit,
                taken,
                running,
                queued,
                waiting,
            });
        };
        ["gt", "hq"].into_iter().for_each(queue);
        metrics.rigs(&BTreeSet::from(["hq".to_owned()]));
        let text = metrics.text().unwrap();
        assert!(
            !text.contains("rig=\"gt\"") && text.contains("rig=\"hq\""),
            "{text}"
        );
        metrics.leads(false);
        assert!(!metrics.text().unwrap().contains("rig=\""));
        queue("gt");
        assert!(!metrics.text().unwrap().contains("rig=\""));
        metrics.leads(true);
        queue("gt");
        let text = metrics.text().unwrap();
        assert!(text.contains("beadlet_rig_taken{rig=\"gt\"} 1"), "{text}");
    }
}
