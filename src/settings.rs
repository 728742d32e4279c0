//! The arguments of `beadlet sync` made into the settings of the mirror.

use beadlet_store::configmap::Scope;
use beadlet_store::ready::Profile;
use beadlet_sync::git::{GitUrl, UrlError};
use beadlet_sync::settings::{self, Prune, Settings};

use crate::cache::{CacheError, Places, clone_dir};
use crate::cli::SyncArgs;
use crate::cli::offline::MirrorArgs;
use crate::cli::sync::{PassArgs, RejectedLines};
use crate::source::{SourceError, source};

/// What is wrong with the arguments, beyond what their form shows.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot use the repository given by --repo")]
    Url { source: UrlError },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Reads the files that the arguments name and makes the folder for the clone.
///
/// # Errors
/// When a file cannot be read, a folder cannot be made, or settings contradict each other.
pub fn settings(args: &SyncArgs, namespace: &str) -> Result<Settings, SettingsError> {
    let url: GitUrl = args
        .repo
        .parse()
        .map_err(|source| SettingsError::Url { source })?;
    let clone = match url.local_path() {
        Some(path) => path.to_owned(),
        None => clone_dir(
            args.cache_dir.as_deref(),
            &Places::of_process(),
            &url.to_string(),
            args.git.branch.as_deref(),
        )?,
    };
    let source = source(url, &args.git, clone)?;
    Ok(with_choices(
        Settings::new(source, scope(args.passes.profile, &args.mirror, namespace)),
        &args.passes,
    ))
}

/// What is the same for all ConfigMaps of a mirror that nobody but its arguments says something about.
#[must_use]
pub fn scope(profile: Profile, mirror: &MirrorArgs, namespace: &str) -> Scope {
    let MirrorArgs {
        store,
        closed_retention,
    } = mirror;
    Scope {
        namespace: namespace.to_owned(),
        store: store.clone(),
        owner: None,
        profile,
        prefixes: Vec::new(),
        closed_retention: *closed_retention,
    }
}

/// The settings with what the person chose.
fn with_choices(settings: Settings, passes: &PassArgs) -> Settings {
    let PassArgs {
        profile: _,
        sync_interval,
        max_delete_percent,
        allow_delete,
        rejected_lines,
        concurrency,
    } = passes;
    Settings {
        sync_interval: sync_interval.unwrap_or(settings.sync_interval),
        prune: Prune {
            max_delete_percent: *max_delete_percent,
            ..Prune::default()
        },
        allow_delete: allow_delete.clone(),
        rejected_lines: match rejected_lines {
            RejectedLines::KeepLastGood => settings::RejectedLines::KeepLastGood,
            RejectedLines::Skip => settings::RejectedLines::Skip,
        },
        concurrency: *concurrency,
        ..settings
    }
}
