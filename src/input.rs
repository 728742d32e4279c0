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
    pub tracker: TrackerConfig,
    /// The commit; empty for what is not a repository.
    pub commit: String,
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
        Target::Path(path) => repository(&path.to_string_lossy(), reading).await,
        Target::Url(url) => repository(url, reading).await,
    }
}

/// Reads the issues, by the rules of the tracker: one line that cannot be read refuses the file, unless such lines are left out.
///
/// # Errors
/// When the file is refused.
pub fn read<'a>(input: &'a Input, args: &ReadingArgs) -> Result<Reading<'a>, InputError> {
    let origin = || input.origin.clone();
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
    let tracker = tracker_file(args.tracker_config.as_deref())?;
    Ok(Input {
        bytes,
        origin: "standard input".to_owned(),
        tracker,
        commit: String::new(),
    })
}

fn file(path: &Path, args: &ReadingArgs) -> Result<Input, InputError> {
    let bytes = read_file(path)?;
    let tracker = match &args.tracker_config {
        Some(given) => tracker_file(Some(given))?,
        None => tracker_file(beside(path).as_deref())?,
    };
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
    let config = folder.join("config.yaml");
    config.is_file().then_some(config)
}

fn tracker_file(path: Option<&Path>) -> Result<TrackerConfig, InputError> {
    let Some(path) = path else {
        return Ok(TrackerConfig::default());
    };
    tracker(&read_file(path)?, &path.display().to_string())
}

fn tracker(yaml: &[u8], origin: &str) -> Result<TrackerConfig, InputError> {
    TrackerConfig::parse(yaml).map_err(|source| InputError::Tracker {
        origin: origin.to_owned(),
        source,
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, InputError> {
    std::fs::read(path).map_err(|source| InputError::File {
        path: path.to_owned(),
        source,
    })
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
    let config_origin = format!("{origin} .beads/config.yaml");
    let tracker = match (&args.tracker_config, &snapshot.tracker_config) {
        (Some(given), _) => tracker_file(Some(given))?,
        (None, Some(yaml)) => tracker(yaml, &config_origin)?,
        (None, None) => TrackerConfig::default(),
    };
    Ok(Input {
        bytes: snapshot.file.to_vec(),
        origin: format!("{origin} {}", snapshot.path),
        tracker,
        commit: snapshot.commit.to_string(),
    })
}
