//! From the settings and the mounted bead to what is to be started.

use std::path::{Path, PathBuf};

use crate::agent::{ApiKey, Assignment, Author, Launch, Model, Settings, launch};
use crate::args::RunArgs;
use crate::bead::Bead;
use crate::contract::{Earlier, Workspace, places};
use crate::files;
use crate::prompt::{Convoy, Task, argument, prompt};
use crate::run::{RunError, with_sources};

/// The largest ConfigMap is 1 MiB.
const BEAD_LIMIT: usize = 2 << 20;
/// Two names of git.
const EARLIER_LIMIT: usize = 16 << 10;

/// Writes the task down and decides what to start.
pub(crate) fn prepared(args: &RunArgs, workspace: &Workspace) -> Result<Launch, RunError> {
    let failed = |path: PathBuf| move |source| RunError::Workspace { path, source };
    std::fs::create_dir_all(&args.home).map_err(failed(args.home.clone()))?;
    if let Some(folder) = &args.claude_credentials {
        let target = args.home.join(".claude");
        copy_files(folder, &target).map_err(|source| RunError::Credentials {
            path: target,
            source,
        })?;
    }
    let task = task(args, workspace)?;
    let prompt = prompt(&task, &workspace.repository());
    files::write(&workspace.prompt(), prompt.as_bytes()).map_err(failed(workspace.prompt()))?;
    Ok(launch(
        &settings(args),
        &assignment(args, workspace, &prompt),
    )?)
}

fn task(args: &RunArgs, workspace: &Workspace) -> Result<Task, RunError> {
    Ok(Task {
        id: args.bead.clone(),
        bead: bead(args, workspace)?,
        description: args.task_description.clone(),
        convoy: (!args.convoy.is_empty()).then(|| Convoy {
            name: args.convoy.clone(),
            description: args.convoy_description.clone(),
        }),
        branch: args.work_branch.clone(),
        earlier: earlier(workspace),
    })
}

/// What `git-init` found. Without it the agent finds it by itself.
fn earlier(workspace: &Workspace) -> Option<Earlier> {
    let found = files::read(&workspace.earlier(), EARLIER_LIMIT).ok()??;
    serde_json::from_slice(&found).ok()
}

/// The bead as mounted. One that cannot be read as JSON still has its title beside it.
fn bead(args: &RunArgs, workspace: &Workspace) -> Result<Option<Bead>, RunError> {
    let Some(issue) = mounted(&args.bead_dir.join("issue.json"))? else {
        return Ok(None);
    };
    files::write(&workspace.issue(), &issue).map_err(|source| RunError::Workspace {
        path: workspace.issue(),
        source,
    })?;
    match Bead::parse(&issue) {
        Ok(bead) => Ok(Some(bead)),
        Err(error) => {
            tracing::warn!(
                error = with_sources(&error),
                "bead unreadable, only its title is passed on"
            );
            let title = mounted(&args.bead_dir.join("title"))?.unwrap_or_default();
            let title = String::from_utf8_lossy(&title).into_owned();
            Ok(Some(Bead {
                id: args.bead.clone(),
                title,
                ..Bead::default()
            }))
        }
    }
}

/// A mounted ConfigMap is made of links, so links are followed here; the agent cannot write there.
fn mounted(path: &Path) -> Result<Option<Vec<u8>>, RunError> {
    let failed = |source| RunError::Bead {
        path: path.to_owned(),
        source,
    };
    let real = match path.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    files::read(&real, BEAD_LIMIT).map_err(failed)
}

fn settings(args: &RunArgs) -> Settings {
    let config_files = args
        .agent_config
        .as_deref()
        .map(file_names)
        .unwrap_or_default();
    Settings {
        kind: args.agent,
        command: args.command.clone(),
        arguments: args.arguments.clone(),
        model: Model {
            provider: args.provider,
            name: args.model.clone().filter(|name| !name.is_empty()),
            endpoint: args
                .endpoint
                .clone()
                .filter(|endpoint| !endpoint.is_empty()),
            api_key: api_key(),
            timeout: args.request_timeout,
        },
        config: args.agent_config.clone(),
        config_files,
        home: args.home.clone(),
    }
}

fn assignment(args: &RunArgs, workspace: &Workspace, prompt: &str) -> Assignment {
    Assignment {
        prompt: argument(prompt, &workspace.prompt()),
        prompt_file: workspace.prompt(),
        usage_file: workspace.usage(),
        repository: workspace.repository(),
        branch: args.work_branch.clone(),
        bead: args.bead.clone(),
        polecat: args.polecat.clone(),
        rig: args.rig.clone(),
        author: Author {
            name: args.author_name.clone(),
            email: args.author_email.clone(),
        },
    }
}

pub(crate) fn api_key() -> Option<ApiKey> {
    ApiKey::new(&std::env::var(places::API_KEY).ok()?)
}

fn file_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Copies the plain files of a mounted Secret, whose own bookkeeping starts with `..`.
fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("..") && entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
