//! Reads what an offline command was pointed at: a file, standard input, or a repository.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use beadlet_store::reader::{self, Reading, Refusal};
use beadlet_store::tracker::{ConfigError, TrackerConfig};
use beadlet_sync::git::{GitError, GitUrl, Repository, UrlError};

use crate::cli::target::ReadingArgs;
use crate::cli::{Target, TargetArgs};
use crate::source::{SourceError, source};

/// The bytes of an issue file and what else the place they come from says.
#[derive(Debug)]
pub struct Input {
    pub bytes: Vec<u8>,
    /// Where the bytes come from, for messages.
    pub origin: String,
    pub tracker: Tracker,
    /// The commit; empty for what is not a repository.
    pub commit: String,
}

/// What the tracker's configuration says.
#[derive(Debug, Default)]
pub struct Tracker {
    pub config: TrackerConfig,
    /// What is wrong with it, where its settings are not used for that.
    pub problem: Option<String>,
}

/// Why there is nothing to answer from.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot read {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot read standard input")]
    Stdin { source: io::Error },
    #[error("cannot read {origin}")]
    Git {
        origin: String,
        source: Box<GitError>,
    },
    #[error(
        "cannot make a folder for the clone in the temporary folder; set TMPDIR to one that can be written"
    )]
    Clone { source: io::Error },
    #[error("cannot use the URL of the repository")]
    Url { source: UrlError },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("cannot use {origin}")]
    Tracker { origin: String, source: ConfigError },
    #[error("{origin} is refused")]
    Refused { origin: String, source: Refusal },
    #[error(
        "{origin} is refused: {lines}\nmend the file, or leave these lines out with --skip-rejected-lines"
    )]
    Rejected { origin: String, lines: String },
}

/// The lines that are named in a message; the rest is counted.
const SHOWN_LINES: usize = 20;

/// Reads the target.
///
/// # Errors
/// When it is not there or cannot be read.
pub async fn load(args: &TargetArgs) -> Result<Input, InputError> {
    let reading = &args.reading;
    match &args.target {
        Target::Stdin => stdin(reading),
        Target::Path(path) if !path.is_dir() => file(path, reading),
        Target::Path(path) => repository(&top(path).to_string_lossy(), reading).await,
        Target::Url(url) => repository(url, reading).await,
    }
}

/// Reads the issues, by the rules of the tracker: one line that cannot be read refuses the file, unless such lines are left out.
///
/// # Errors
/// When the file is refused.
pub fn read<'a>(input: &'a Input, args: &ReadingArgs) -> Result<Reading<'a>, InputError> {
    let origin = || input.origin.clone();
    if let Some(problem) = &input.tracker.problem {
        tracing::warn!(%problem, "the tracker's configuration is ignored");
    }
    let reading = reader::read(&input.bytes).map_err(|source| InputError::Refused {
        origin: origin(),
        source,
    })?;
    if reading.rejected.is_empty() || args.skip_rejected_lines {
        return Ok(reading);
    }
    Err(InputError::Rejected {
        origin: origin(),
        lines: rejected_lines(&reading),
    })
}

fn rejected_lines(reading: &Reading<'_>) -> String {
    let rejected = &reading.rejected;
    let mut lines: Vec<String> = rejected
        .iter()
        .take(SHOWN_LINES)
        .map(|line| format!("\n  line {}: {}", line.line, line.message))
        .collect();
    if rejected.len() > SHOWN_LINES {
        lines.push(format!(
            "\n  and {} more; `beadlet check` shows all",
            rejected.len() - SHOWN_LINES
        ));
    }
    let count = crate::view::text::count(rejected.len(), "line", "lines");
    format!("{count} cannot be read{}", lines.concat())
}

fn stdin(args: &ReadingArgs) -> Result<Input, InputError> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Stdin { source })?;
    let origin = "standard input".to_owned();
    let tracker = tracker(args, None)?;
    Ok(Input {
        bytes,
        origin,
        tracker,
        commit: String::new(),
    })
}

fn file(path: &Path, args: &ReadingArgs) -> Result<Input, InputError> {
    let bytes = read_file(path)?;
    let found = beside(path)
        .and_then(|config| Some((std::fs::read(&config).ok()?, config.display().to_string())));
    let tracker = tracker(
        args,
        found
            .as_ref()
            .map(|(yaml, origin)| (&yaml[..], &origin[..])),
    )?;
    Ok(Input {
        bytes,
        origin: path.display().to_string(),
        tracker,
        commit: String::new(),
    })
}

/// The tracker's configuration that lies beside an issue file in a `.beads` folder.
fn beside(path: &Path) -> Option<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| folder.file_name().is_some_and(|name| name == ".beads"))?;
    Some(folder.join("config.yaml"))
}

/// The configuration that was asked for has to be right; one that merely lies there costs a warning, as in the mirror.
fn tracker(args: &ReadingArgs, found: Option<(&[u8], &str)>) -> Result<Tracker, InputError> {
    if let Some(path) = &args.tracker_config {
        let origin = path.display().to_string();
        let config = TrackerConfig::parse(&read_file(path)?)
            .map_err(|source| InputError::Tracker { origin, source })?;
        return Ok(Tracker {
            config,
            problem: None,
        });
    }
    let Some((yaml, origin)) = found else {
        return Ok(Tracker::default());
    };
    Ok(match TrackerConfig::parse(yaml) {
        Ok(config) => Tracker {
            config,
            problem: None,
        },
        Err(error) => Tracker {
            problem: Some(format!("{origin}: {error}; its settings are not used")),
            ..Tracker::default()
        },
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, InputError> {
    std::fs::read(path).map_err(|source| InputError::File {
        path: path.to_owned(),
        source,
    })
}

/// The repository that a folder belongs to: the nearest one above, as git finds it, or the folder itself.
fn top(folder: &Path) -> PathBuf {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let is_inside = |above: &&Path| above.join(".git").exists();
    match absolute.ancestors().find(is_inside) {
        Some(above) if above != absolute => above.to_owned(),
        _ => folder.to_owned(),
    }
}

/// Reads the file at the tip of the branch. A clone of a remote repository is made in a folder that goes away afterwards.
async fn repository(url: &str, args: &ReadingArgs) -> Result<Input, InputError> {
    let url: GitUrl = url.parse().map_err(|source| InputError::Url { source })?;
    let origin = url.to_string();
    let failed = |source| InputError::Git {
        origin: origin.clone(),
        source: Box::new(source),
    };
    let clone = tempfile::tempdir().map_err(|source| InputError::Clone { source })?;
    let source = source(url, &args.git, clone.path().to_owned())?;
    let mut repository = Repository::open(source);
    let tip = repository.tip().await.map_err(&failed)?;
    let snapshot = repository.fetch(&tip).await.map_err(&failed)?;
    let tracker = tracker(
        args,
        snapshot
            .tracker_config
            .as_deref()
            .map(|yaml| (yaml, &origin[..])),
    )?;
    Ok(Input {
        bytes: snapshot.file.to_vec(),
        origin: format!("{origin} {}", snapshot.path),
        tracker,
        commit: snapshot.commit.to_string(),
    })
}
