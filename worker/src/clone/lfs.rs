//! Files in Git LFS: brought by the program `git-lfs`, which is started directly and never through a shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use git2::{ObjectType, Repository, Tree, TreeWalkMode, TreeWalkResult};

use crate::args::{CloneArgs, Lfs, ProjectArgs};
use crate::place::Place;
use crate::server::Pass;
use crate::sparse::Sparse;

/// The first line of a pointer (git-lfs specification, version 1).
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// What `git lfs install` would write: without it, git-lfs brings the content but does not put it in place.
const FILTER_SETTINGS: [(&str, &str); 3] = [
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge -- %f"),
    ("filter.lfs.process", "git-lfs filter-process"),
];
const FILTER: &[u8] = b"filter=lfs";
/// A pointer is shorter.
const POINTER_LIMIT: usize = 1024;

/// Why files in Git LFS could not be brought.
#[derive(Debug, thiserror::Error)]
pub(super) enum LfsError {
    #[error(
        "{count} files are in Git LFS (such as {example}), and {program} is not in this image: add it, or set lfs to pointers"
    )]
    NoProgram {
        count: usize,
        example: String,
        program: &'static str,
    },
    #[error(
        "{count} files are in Git LFS (such as {example}), which is fetched over https only: use the https address, or set lfs to pointers"
    )]
    NotHttps { count: usize, example: String },
    #[error("cannot look for files in Git LFS")]
    Git(#[source] git2::Error),
    #[error("cannot start git-lfs")]
    Start(#[source] std::io::Error),
    #[error("git-lfs failed: {0}")]
    Failed(String),
}

impl LfsError {
    /// Whether somebody has to change something first.
    pub(super) fn is_permanent(&self) -> bool {
        matches!(self, Self::NoProgram { .. } | Self::NotHttps { .. })
    }
}

/// Brings what the pointers of the checked-out files stand for.
pub(super) fn bring(
    repository: &Repository,
    place: &Place,
    args: &CloneArgs,
    sparse: &Sparse,
) -> Result<(), LfsError> {
    if args.lfs == Lfs::Pointers {
        return Ok(());
    }
    let pointers = pointers(repository, sparse).map_err(LfsError::Git)?;
    let Some(example) = pointers.first().cloned() else {
        return Ok(());
    };
    let count = pointers.len();
    let missing = |program| LfsError::NoProgram {
        count,
        example: example.clone(),
        program,
    };
    let program = on_path("git-lfs").ok_or_else(|| missing("git-lfs"))?;
    on_path("git").ok_or_else(|| missing("git"))?;
    let pass = place
        .server
        .pass()
        .ok_or(LfsError::NotHttps { count, example })?;
    let folder = repository.workdir().unwrap_or_else(|| repository.path());
    let mut command = Command::new(program);
    command.arg("pull").current_dir(folder).stdin(Stdio::null());
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    configure(&mut command, &pass, &args.project);
    pull(command)
}

/// The credential and the way to the server, in the environment of the one process that needs them.
fn configure(command: &mut Command, pass: &Pass, args: &ProjectArgs) {
    let mut settings: Vec<(String, OsString)> = FILTER_SETTINGS
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec();
    if let Some(authorization) = &pass.authorization {
        let header = [b"Authorization: ".as_slice(), authorization.reveal()].concat();
        settings.push((
            format!("http.{}.extraHeader", pass.url),
            OsStr::from_bytes(&header).to_owned(),
        ));
    }
    if let Some(file) = &args.ca_file {
        settings.push(("http.sslCAInfo".to_owned(), file.clone().into_os_string()));
    }
    if let Some(proxy) = &args.proxy {
        let proxy = if proxy == "none" { "" } else { proxy };
        settings.push(("http.proxy".to_owned(), proxy.into()));
    }
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (index, (name, value)) in settings.into_iter().enumerate() {
        command
            .env(format!("GIT_CONFIG_KEY_{index}"), name)
            .env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

fn pull(mut command: Command) -> Result<(), LfsError> {
    let output = command.output().map_err(LfsError::Start)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LfsError::Failed(beadlet_supervise::contract::shortened(
        &words, 1000,
    )))
}

/// The checked-out files that are pointers.
fn pointers(repository: &Repository, sparse: &Sparse) -> Result<Vec<String>, git2::Error> {
    let tree = repository.head()?.peel_to_tree()?;
    if !asks_for_lfs(repository, &tree)? {
        return Ok(Vec::new());
    }
    let odb = repository.odb()?;
    let mut found = Vec::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
        let is_file = entry.kind() == Some(ObjectType::Blob);
        if is_file && sparse.contains(&path) && is_pointer(&odb, entry.id()) {
            found.push(path);
        }
        TreeWalkResult::Ok
    })?;
    Ok(found)
}

/// Whether any `.gitattributes` names the filter: most projects have none, and their blobs need not be looked at.
fn asks_for_lfs(repository: &Repository, tree: &Tree<'_>) -> Result<bool, git2::Error> {
    let mut asks = false;
    tree.walk(TreeWalkMode::PreOrder, |_, entry| {
        let is_attributes =
            entry.name_bytes() == b".gitattributes" && entry.kind() == Some(ObjectType::Blob);
        if is_attributes && let Ok(blob) = repository.find_blob(entry.id()) {
            asks |= blob
                .content()
                .windows(FILTER.len())
                .any(|part| part == FILTER);
        }
        TreeWalkResult::Ok
    })?;
    Ok(asks)
}

fn is_pointer(odb: &git2::Odb<'_>, id: git2::Oid) -> bool {
    odb.read_header(id)
        .is_ok_and(|(size, _)| size < POINTER_LIMIT)
        && odb
            .read(id)
            .is_ok_and(|blob| blob.data().starts_with(POINTER))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
