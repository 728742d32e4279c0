//! `beadlet sync`.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use beadlet_store::trace::Spans;
use beadlet_sync::mirror::Mirror;
use beadlet_sync::report::{Outcome, Report};
use beadlet_sync::settings::Settings;
use beadlet_sync::triggers;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::cli::SyncArgs;
use crate::cli::sync::WebhookArgs;
use crate::cluster::{Connection, connect};
use crate::http::{self, HttpError};
use crate::settings::settings;
use crate::signals::Ending;
use crate::telemetry::{self, TelemetryError};
use crate::webhook::{self, Callee, Calls, SecretError};

/// Mirrors until a signal comes, or once.
pub(super) async fn sync(args: &SyncArgs) -> Result<ExitCode, CommandError> {
    let Connection { client, namespace } = connect(&args.cluster).await?;
    let settings = settings(args, &namespace)?;
    let ending = Ending::listen().map_err(SyncError::Signals)?;
    tracing::info!(repository = %settings.source.url, namespace, store = %args.mirror.store, "mirror starts");
    let telemetry = telemetry::start().map_err(SyncError::Telemetry)?;
    let watcher = telemetry
        .clone()
        .map(|telemetry| telemetry as Arc<dyn Spans>);
    let mirror = Mirror::new(client, settings.clone()).traced(watcher);
    let answer = if args.once {
        once(mirror, ending).await
    } else {
        go_on(args, mirror, settings, ending).await
    };
    if let Some(telemetry) = telemetry {
        telemetry.end().await;
    }
    answer
}

async fn go_on(
    args: &SyncArgs,
    mirror: Mirror,
    settings: Settings,
    ending: Ending,
) -> Result<ExitCode, CommandError> {
    let listeners = listeners(args, &mirror).await?;
    Ok(run(mirror, settings, listeners, ending).await?)
}

/// The addresses that were asked for.
#[derive(Default)]
struct Listeners {
    endpoints: Option<TcpListener>,
    webhook: Option<(TcpListener, Callee)>,
}

async fn listeners(args: &SyncArgs, mirror: &Mirror) -> Result<Listeners, SyncError> {
    let WebhookArgs {
        webhook_listen,
        webhook_secret_file,
    } = &args.webhook;
    let mut listeners = Listeners::default();
    if let Some(address) = args.listen {
        listeners.endpoints = Some(http::bind(address).await?);
    }
    if let Some(address) = *webhook_listen {
        let secret = webhook::secret(webhook_secret_file.as_deref())?;
        let callee = Callee::mirror(secret, mirror.puller());
        listeners.webhook = Some((http::bind_webhook(address).await?, callee));
    }
    Ok(listeners)
}

/// Why the mirror could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Webhook(#[from] SecretError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("a part of the mirror ended on its own ({0}); start it again")]
    Ended(&'static str),
    #[error("a part of the mirror broke; start it again")]
    Broke(#[from] tokio::task::JoinError),
    #[error("aborted by a second signal; the next start takes up what is left")]
    Aborted,
}

/// One pass. A signal lets it finish, a second one aborts it.
async fn once(mut mirror: Mirror, mut ending: Ending) -> Result<ExitCode, CommandError> {
    let stop = CancellationToken::new();
    let report = tokio::select! {
        report = mirror.once() => report,
        () = ending.second(&stop) => return Err(SyncError::Aborted.into()),
    };
    let is_good = is_good(&report);
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether every issue is in the cluster as it should be. A name that somebody else holds keeps the others from nothing, but one
/// issue is missing, and a CronJob has no conditions to say so.
fn is_good(report: &Report) -> bool {
    let pass = report.last_pass.as_ref();
    pass.is_some_and(|pass| pass.outcome != Outcome::Failed) && report.foreign.is_empty()
}

/// A part of the process that runs as long as the process.
type Part = Result<&'static str, SyncError>;

/// Passes until a signal comes. A part that ends on its own ends the process: whoever supervises it starts it again.
async fn run(
    mirror: Mirror,
    settings: Settings,
    listeners: Listeners,
    mut ending: Ending,
) -> Result<ExitCode, SyncError> {
    let stop = CancellationToken::new();
    // The sender stays here: the settings of this process never change.
    let (_unchanging, settings) = watch::channel(settings);
    let mut parts = parts(mirror, settings, listeners, &stop);
    tokio::select! {
        ended = all_ended(&mut parts, &stop) => ended.map(|()| ExitCode::SUCCESS),
        () = ending.second(&stop) => Err(SyncError::Aborted),
    }
}

fn parts(
    mirror: Mirror,
    settings: watch::Receiver<Settings>,
    listeners: Listeners,
    stop: &CancellationToken,
) -> JoinSet<Part> {
    let (sender, reports) = watch::channel(Report::default());
    let mut parts = JoinSet::new();
    let hangup = triggers::hangup(mirror.puller(), stop.clone());
    parts.spawn(async { hangup.await.map(|()| "hangup").map_err(SyncError::Signals) });
    let (calls, ended) = (Calls::default(), stop.clone());
    if let Some((listener, callee)) = listeners.webhook {
        let served = webhook::serve(listener, callee, calls.clone(), stop.clone());
        parts.spawn(async {
            served.await;
            Ok("webhook")
        });
    }
    if let Some(listener) = listeners.endpoints {
        parts.spawn(async move {
            let served = http::serve(listener, reports, &calls, ended).await;
            served.map(|()| "http").map_err(SyncError::Http)
        });
    }
    let passes = mirror.run(settings, sender, stop.clone());
    parts.spawn(async {
        passes.await;
        Ok("mirror")
    });
    parts
}

/// Waits until all parts have ended after `stop`.
///
/// # Errors
/// When one fails, or ends before.
async fn all_ended(parts: &mut JoinSet<Part>, stop: &CancellationToken) -> Result<(), SyncError> {
    while let Some(ended) = parts.join_next().await {
        let part = ended??;
        if !stop.is_cancelled() {
            return Err(SyncError::Ended(part));
        }
    }
    Ok(())
}
