//! `beadlet controller`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use beadlet_scheduler::decide::order::Defaults;
use beadlet_scheduler::decide::scope::Scope;
use beadlet_scheduler::observations::Observations;
use beadlet_scheduler::settings::{Controllers, Election, Settings};
use beadlet_scheduler::term::Term;
use beadlet_scheduler::{RunError, elected, lead};
use beadlet_store::trace::Spans;
use beadlet_sync::controller::{self, Doors, Pullers, Reports, Setup, keep_doors};
use beadlet_sync::decide::beadstore::LocalRepositories;
use beadlet_sync::git::Author;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::CommandError;
use crate::cache::{Places, clones_dir};
use crate::cli::controller::{ControllerArgs, ElectionArgs, MirrorsArgs, Name, PodArgs};
use crate::cluster::{Connection, connect};
use crate::http::{self, HttpError};
use crate::metrics::controller::ControllerMetrics;
use crate::signals::Ending;
use crate::telemetry::{self, TelemetryError};
use crate::webhook::{self, Callee, Calls};

/// Why the controllers could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Scheduler(#[from] RunError),
    #[error(
        "the lease must hold longer than it takes to renew it twice: --lease-duration, --lease-renewal"
    )]
    Lease,
    #[error("the mirrors ended on their own; start again")]
    Mirrors,
    #[error("the receiver of webhooks ended on its own; start again")]
    Receiver,
    #[error("aborted by a second signal; the next start takes up what is left")]
    Aborted,
}

/// Runs the chosen controllers until a signal comes.
pub(super) async fn controller(args: &ControllerArgs) -> Result<ExitCode, CommandError> {
    let cluster = args.cluster.to_cluster_args();
    let Connection { client, namespace } = connect(&cluster).await?;
    let telemetry = telemetry::start().map_err(ControllerError::Telemetry)?;
    let watcher = telemetry
        .clone()
        .map(|telemetry| telemetry as Arc<dyn Spans>);
    let work = Work {
        client,
        settings: settings(args, &namespace)?,
        is_mirroring: has(args, Name::Sync),
        setup: Setup {
            watcher: watcher.clone(),
            ..setup(args)?
        },
        reports: Reports::default(),
        stop: CancellationToken::new(),
    };
    let mut ending = Ending::listen().map_err(ControllerError::Signals)?;
    let calls = Calls::default();
    let metrics = Arc::new(ControllerMetrics::new(work.reports.clone(), &calls).traced(watcher));
    let webhook = match args.webhook_listen {
        Some(address) => Some(
            http::bind_webhook(address)
                .await
                .map_err(ControllerError::Http)?,
        ),
        None => None,
    };
    let listener = match args.listen {
        Some(address) => Some(http::bind(address).await.map_err(ControllerError::Http)?),
        None => None,
    };
    tracing::info!(scope = ?work.settings.scope, controllers = ?work.settings.controllers, mirrors = work.is_mirroring, "controllers start");
    let stop = work.stop.clone();
    let served = async {
        match listener {
            Some(listener) => http::serve_controller(listener, Arc::clone(&metrics), stop.clone())
                .await
                .map_err(ControllerError::Http),
            None => std::future::pending().await,
        }
    };
    let received = work.receive(webhook, calls);
    let answer = tokio::select! {
        answer = work.run(metrics.clone()) => answer,
        answer = served => answer,
        () = received => Err(ControllerError::Receiver),
        () = ending.second(&stop) => Err(ControllerError::Aborted),
    };
    if let Some(telemetry) = telemetry {
        telemetry.end().await;
    }
    Ok(answer.map(|()| ExitCode::SUCCESS)?)
}

/// Everything that the process does, most of it only while it leads.
struct Work {
    client: Client,
    settings: Settings,
    is_mirroring: bool,
    setup: Setup,
    reports: Reports,
    stop: CancellationToken,
}

impl Work {
    async fn run(&self, observations: Arc<dyn Observations>) -> Result<(), ControllerError> {
        let leads = AtomicBool::new(false);
        let work = |term| {
            leads.store(true, Ordering::Relaxed);
            self.lead(term, Arc::clone(&observations))
        };
        // While this process leads, the work ends in order by itself, and then the lease is given back.
        let idle_stop = async {
            self.stop.cancelled().await;
            if leads.load(Ordering::Relaxed) {
                std::future::pending().await
            }
        };
        elected(
            self.client.clone(),
            self.settings.election.clone(),
            Arc::clone(&observations),
            idle_stop,
            work,
        )
        .await
    }

    async fn lead(
        &self,
        term: Term,
        observations: Arc<dyn Observations>,
    ) -> Result<(), ControllerError> {
        let scheduler = lead(
            self.client.clone(),
            self.settings.clone(),
            observations,
            term,
        );
        let mut mirrors = std::pin::pin!(self.mirror());
        tokio::select! {
            answer = scheduler => return Ok(answer?),
            () = &mut mirrors => return if self.stop.is_cancelled() { Ok(()) } else { Err(ControllerError::Mirrors) },
            () = self.stop.cancelled() => {}
        }
        mirrors.await;
        Ok(())
    }

    /// Receives webhooks, whether this process leads or not. Never ends by itself.
    async fn receive(&self, listener: Option<TcpListener>, calls: Calls) {
        if let (Some(listener), Some(pullers)) = (listener, &self.setup.pullers) {
            let doors = Doors::default();
            let keeping = keep_doors(
                self.client.clone(),
                self.setup.namespace.clone(),
                doors.clone(),
                pullers.clone(),
                self.stop.clone(),
            );
            let callee = Callee::stores(doors);
            let served = webhook::serve(listener, callee, calls, self.stop.clone());
            tokio::join!(keeping, served);
        }
        // What was begun is finished by the others.
        if self.setup.pullers.is_none() || self.stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends after the passes in flight when `stop` is cancelled.
    async fn mirror(&self) {
        if self.is_mirroring {
            controller::run(
                self.client.clone(),
                self.setup.clone(),
                self.reports.clone(),
                self.stop.clone(),
            )
            .await;
        } else {
            self.stop.cancelled().await;
        }
    }
}

fn has(args: &ControllerArgs, name: Name) -> bool {
    args.controllers
        .iter()
        .any(|chosen| *chosen == name || *chosen == Name::All)
}

fn settings(args: &ControllerArgs, namespace: &str) -> Result<Settings, ControllerError> {
    Ok(Settings {
        scope: args
            .cluster
            .namespace
            .clone()
            .map_or(Scope::Cluster, Scope::Namespace),
        controllers: Controllers {
            dispatch: has(args, Name::Dispatch),
            polecat: has(args, Name::Polecat),
            convoy: has(args, Name::Convoy),
        },
        defaults: defaults(&args.pods),
        election: election(&args.election, namespace)?,
        resync: args.resync,
    })
}

fn defaults(args: &PodArgs) -> Defaults {
    let PodArgs {
        image,
        opencode_image,
        claude_code_image,
        author_email,
    } = args;
    let of = |pairs: &[(&str, &str)]| {
        Some(
            pairs
                .iter()
                .map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned())))
                .collect(),
        )
    };
    Defaults {
        beadlet_image: image.clone(),
        opencode_image: opencode_image.clone(),
        claude_code_image: claude_code_image.clone(),
        author_email: author_email.clone(),
        agent_resources: ResourceRequirements {
            requests: of(&[("cpu", "500m"), ("memory", "1Gi")]),
            limits: of(&[("cpu", "2"), ("memory", "4Gi")]),
            claims: None,
        },
    }
}

pub(super) fn election(
    args: &ElectionArgs,
    namespace: &str,
) -> Result<Option<Election>, ControllerError> {
    let ElectionArgs {
        leader_elect,
        lease_name,
        lease_namespace,
        lease_duration,
        lease_renewal,
    } = args;
    if !leader_elect {
        return Ok(None);
    }
    if *lease_duration <= *lease_renewal * 2 {
        return Err(ControllerError::Lease);
    }
    Ok(Some(Election {
        namespace: lease_namespace
            .clone()
            .unwrap_or_else(|| namespace.to_owned()),
        lease: lease_name.clone(),
        // A pod's name is its host name; the rest keeps two processes of one machine apart.
        identity: format!(
            "{}_{}",
            std::env::var("HOSTNAME").unwrap_or_else(|_| "beadlet".to_owned()),
            Uuid::new_v4()
        ),
        duration: *lease_duration,
        renewal: *lease_renewal,
    }))
}

fn setup(args: &ControllerArgs) -> Result<Setup, CommandError> {
    let MirrorsArgs {
        cache_dir,
        local_repositories,
    } = &args.mirrors;
    let clones: PathBuf = clones_dir(cache_dir.as_deref(), &Places::of_process())
        .map_err(crate::settings::SettingsError::Cache)?;
    let local_repositories = if *local_repositories {
        LocalRepositories::Allowed
    } else {
        LocalRepositories::Refused
    };
    Ok(Setup {
        pullers: args.webhook_listen.map(|_| Pullers::default()),
        watcher: None,
        namespace: args.cluster.namespace.clone(),
        clones,
        local_repositories,
        author: Author {
            name: "beadlet".to_owned(),
            email: args.pods.author_email.clone(),
        },
    })
}
