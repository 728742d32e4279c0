//! Leader election on a Lease, as client-go does it: whoever holds it renews it; whoever does not, takes it when it was not renewed for
//! its duration by one's own clock. Times in the Lease are never compared with the own clock.

use std::sync::Arc;
use std::time::Duration;

use beadlet_store::keys::FIELD_MANAGER;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::fault::{Ask, Fault, Reason};
use crate::observations::Observations;
use crate::settings::Election;

/// What is kept of a Lease that somebody else holds.
#[derive(Debug)]
struct Rival {
    spec: LeaseSpec,
    /// When this was seen first.
    since: Instant,
}

/// Takes part in an election for ever. `until` says until when this process leads.
pub(crate) struct Elector {
    api: Api<Lease>,
    election: Election,
    rival: Option<Rival>,
    until: watch::Sender<Option<Instant>>,
    observations: Arc<dyn Observations>,
}

/// How one round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// The Lease is ours for its duration from this instant.
    Ours(Instant),
    Theirs,
}

impl Elector {
    pub(crate) fn new(
        client: Client,
        election: Election,
        observations: Arc<dyn Observations>,
    ) -> (Self, watch::Receiver<Option<Instant>>) {
        let (until, told) = watch::channel(None);
        let api = Api::namespaced(client, &election.namespace);
        (
            Self {
                api,
                election,
                rival: None,
                until,
                observations,
            },
            told,
        )
    }

    /// Never ends.
    pub(crate) async fn run(mut self) {
        loop {
            self.round().await;
            sleep(self.election.renewal).await;
        }
    }

    async fn round(&mut self) {
        // As it was told last: a Lease may have run out since.
        let leads = self.until.borrow().is_some();
        // An answer that comes later than this says nothing any more.
        let answer = timeout(self.election.renewal, self.ask()).await;
        let until = match answer {
            Ok(Ok(Round::Ours(begin))) => Some(begin + self.election.duration),
            Ok(Ok(Round::Theirs)) => None,
            Ok(Err(fault)) => {
                self.failed(&fault);
                *self.until.borrow()
            }
            Err(_) => {
                tracing::warn!(
                    lease = self.election.lease,
                    "the API server does not answer in time about the lease"
                );
                *self.until.borrow()
            }
        };
        let is_leading = until.is_some_and(|until| Instant::now() < until);
        if is_leading != leads {
            tracing::info!(
                identity = self.election.identity,
                lease = self.election.lease,
                leads = is_leading,
                "leadership changed"
            );
            self.observations.leads(is_leading);
        }
        self.until.send_replace(until.filter(|_| is_leading));
    }

    fn failed(&self, fault: &Fault) {
        self.observations.refused(Ask::Lease, fault.reason());
        tracing::warn!(error = %fault, lease = self.election.lease, namespace = self.election.namespace, "cannot take part in the election");
    }

    /// Renews, takes or leaves the Lease.
    async fn ask(&mut self) -> Result<Round, Fault> {
        // Before the request: whatever time it takes is lost to us, not to the others.
        let begin = Instant::now();
        let Some(found) = self
            .api
            .get_opt(&self.election.lease)
            .await
            .map_err(Fault::of(Ask::Lease))?
        else {
            return self.write(None, begin).await;
        };
        let spec = found.spec.clone().unwrap_or_default();
        if self.is_mine(&spec) || self.is_free(&spec) {
            return self.write(Some(found), begin).await;
        }
        Ok(Round::Theirs)
    }

    fn is_mine(&self, spec: &LeaseSpec) -> bool {
        spec.holder_identity.as_deref() == Some(&self.election.identity)
    }

    /// Whether nobody holds it, or its holder did not renew it for as long as it said it would.
    fn is_free(&mut self, spec: &LeaseSpec) -> bool {
        if spec
            .holder_identity
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            return true;
        }
        let rival = match self.rival.take() {
            Some(rival) if rival.spec == *spec => rival,
            _ => Rival {
                spec: spec.clone(),
                since: Instant::now(),
            },
        };
        let seconds = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        let duration = seconds.map_or(self.election.duration, Duration::from_secs);
        let is_over = rival.since.elapsed() >= duration;
        self.rival = Some(rival);
        is_over
    }

    /// Compare-and-swap: of several who try, one succeeds.
    async fn write(&mut self, found: Option<Lease>, begin: Instant) -> Result<Round, Fault> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        let written = match found {
            None => self.api.create(&params, &self.held(Lease::default())).await,
            Some(found) => {
                self.api
                    .replace(&self.election.lease, &params, &self.held(found))
                    .await
            }
        };
        match written.map_err(Fault::of(Ask::Lease)) {
            Ok(_) => Ok(Round::Ours(begin)),
            Err(fault) if matches!(fault.reason(), Reason::Conflict | Reason::AlreadyExists) => {
                Ok(Round::Theirs)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The Lease as it is when we hold it.
    fn held(&self, mut lease: Lease) -> Lease {
        let now = MicroTime(Timestamp::now());
        let before = lease.spec.take().unwrap_or_default();
        let is_new = !self.is_mine(&before);
        lease.metadata.name = Some(self.election.lease.clone());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.election.identity.clone()),
            lease_duration_seconds: i32::try_from(self.election.duration.as_secs().max(1)).ok(),
            acquire_time: if is_new {
                Some(now.clone())
            } else {
                before.acquire_time
            },
            renew_time: Some(now),
            lease_transitions: Some(before.lease_transitions.unwrap_or(0) + i32::from(is_new)),
            ..LeaseSpec::default()
        });
        lease
    }
}

/// Gives the Lease back, so that the next one need not wait. Best effort.
pub(crate) async fn release(client: Client, election: &Election) {
    let api: Api<Lease> = Api::namespaced(client, &election.namespace);
    let Ok(Some(mut lease)) = api.get_opt(&election.lease).await else {
        return;
    };
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() == Some(&election.identity) {
        spec.holder_identity = None;
        let answer = api
            .replace(&election.lease, &PostParams::default(), &lease)
            .await;
        tracing::debug!(
            lease = election.lease,
            released = answer.is_ok(),
            "lease given back"
        );
    }
}
