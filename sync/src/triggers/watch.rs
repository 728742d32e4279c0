//! Watches the refs of a repository on this machine.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Puller, Trigger};
use crate::git;

/// A push changes several files within this time, and a person does not notice it.
const SETTLE: Duration = Duration::from_millis(4);

/// How often to look where watching is not possible, and how long until it is tried again.
const LOOK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(60);

/// Pulls [`Trigger::Files`] a few milliseconds after refs of the repository at `path` change, also when the repository is put there later
/// or replaced by another one. Where the system's watches are used up, it warns and pulls every second. Ends when `stop` is cancelled.
pub async fn watch(path: PathBuf, puller: Puller, stop: CancellationToken) {
    stop.run_until_cancelled(async {
        loop {
            let Err(error) = watched(&path, &puller).await;
            tracing::warn!(path = %path.display(), %error, "cannot watch the repository and looks every second instead");
            for _ in 0..RETRY.as_secs() / LOOK.as_secs() {
                puller.pull(Trigger::Files);
                tokio::time::sleep(LOOK).await;
            }
        }
    })
    .await;
}

async fn watched(path: &Path, puller: &Puller) -> Result<Infallible, notify::Error> {
    loop {
        // There is no need for more: a change says only that there is one.
        let (changed, mut changes) = mpsc::channel(1);
        let owned = path.to_owned();
        let (places, _watcher) = blocking(move || start(&owned, changed)).await?;
        // What changed until now was not seen.
        puller.pull(Trigger::Files);
        loop {
            if changes.recv().await.is_none() {
                return Err(notify::Error::generic("the watch has ended"));
            }
            tokio::time::sleep(SETTLE).await;
            // A change during the wait is seen by the pass that comes now.
            let _ = changes.try_recv();
            puller.pull(Trigger::Files);
            let owned = path.to_owned();
            if blocking(move || Ok(places_of(&owned))).await? != places {
                break;
            }
        }
    }
}

/// A file system may hang.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, notify::Error> + Send + 'static,
) -> Result<T, notify::Error> {
    tokio::task::spawn_blocking(act)
        .await
        .map_err(|error| notify::Error::generic(&error.to_string()))?
}

/// A folder to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Watched {
    folder: PathBuf,
    /// Tells it from another folder that comes to stand there.
    identity: Option<(u64, u64)>,
    matters: Matters,
}

/// What in a folder matters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Matters {
    /// One entry of the folder itself.
    Entry(String),
    /// HEAD and the packed refs.
    GitDir,
    /// Everything below.
    Refs,
}

fn start(
    path: &Path,
    changed: mpsc::Sender<()>,
) -> Result<(Vec<Watched>, RecommendedWatcher), notify::Error> {
    let places = places_of(path);
    let seen = places.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // After an error, such as an overflow of the queue, anything may have changed.
        if event.is_err() || event.is_ok_and(|event| matters(&seen, &event)) {
            // Full means that a change is waiting to be seen.
            let _ = changed.try_send(());
        }
    })?;
    for place in &places {
        let mode = if place.matters == Matters::Refs {
            RecursiveMode::Recursive
        } else {
            RecursiveMode::NonRecursive
        };
        match watcher.watch(&place.folder, mode) {
            // It has gone since; another place tells when it comes back.
            Err(error) if is_gone(&error) => {}
            result => result?,
        }
    }
    Ok((places, watcher))
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// The git directories, and what leads to them: folders and links may be replaced, or not be there yet.
fn places_of(path: &Path) -> Vec<Watched> {
    let mut places = Vec::new();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut leading = vec![absolute.clone(), absolute.join(".git")];
    if let Ok(dirs) = git::git_dirs(&absolute) {
        push(&mut places, dirs.own.clone(), Matters::GitDir);
        push(&mut places, dirs.common.clone(), Matters::GitDir);
        push(&mut places, dirs.common.join("refs"), Matters::Refs);
        leading.extend([dirs.own, dirs.common]);
    }
    leading.extend(absolute.canonicalize());
    for path in leading {
        if let Some((folder, name)) = existing(&path) {
            push(&mut places, folder, Matters::Entry(name));
        }
    }
    places
}

/// The deepest folder that exists above `path`, and the name in it that leads on.
fn existing(path: &Path) -> Option<(PathBuf, String)> {
    path.ancestors().find_map(|child| {
        let folder = child.parent().filter(|folder| folder.is_dir())?;
        Some((
            folder.to_owned(),
            child.file_name()?.to_string_lossy().into_owned(),
        ))
    })
}

fn push(places: &mut Vec<Watched>, folder: PathBuf, matters: Matters) {
    let identity = fs::metadata(&folder)
        .ok()
        .map(|found| (found.dev(), found.ino()));
    let place = Watched {
        folder,
        identity,
        matters,
    };
    if !places.contains(&place) {
        places.push(place);
    }
}

fn matters(places: &[Watched], event: &Event) -> bool {
    event.need_rescan()
        || writes(event.kind)
            && event
                .paths
                .iter()
                .any(|path| places.iter().any(|place| place.concerns(path)))
}

/// Reading must not count, or our own would start the next pass.
fn writes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    }
}

impl Watched {
    fn concerns(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.folder) else {
            return false;
        };
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        match &self.matters {
            _ if below.as_os_str().is_empty() => true,
            Matters::Entry(entry) => below.as_os_str() == entry.as_str(),
            Matters::GitDir => {
                below.components().count() == 1
                    && matches!(name, "HEAD" | "packed-refs" | "commondir")
            }
            // A ref is written under another name first and then takes its own.
            Matters::Refs => !name.ends_with(".lock"),
        }
    }
}
