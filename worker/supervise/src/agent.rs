//! The agents: from what the Polecat asks for to a command line, an environment and configuration files.

mod claude_code;
mod custom;
mod opencode;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::contract::places;
use crate::report::Format;

/// The programs that are known, and any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    #[default]
    Opencode,
    ClaudeCode,
    /// A command of the user's own, with placeholders.
    Custom,
}

/// How the model endpoint speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Provider {
    /// A gateway that speaks both OpenAI's and Anthropic's protocol.
    #[default]
    Litellm,
    Anthropic,
    Openai,
    Ollama,
}

/// The model and how to reach it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub provider: Provider,
    pub name: Option<String>,
    /// The URL up to and with `/v1`, or without it.
    pub endpoint: Option<String>,
    pub api_key: Option<ApiKey>,
    /// How long one request may take.
    pub timeout: std::time::Duration,
}

/// The key of the model endpoint. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// `None` when there is nothing but white space around it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What to start and how.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub kind: Kind,
    /// In place of the agent's usual program; the first word is the program.
    pub command: Vec<String>,
    /// Further arguments, after our own.
    pub arguments: Vec<String>,
    pub model: Model,
    /// A folder with the user's own configuration of the agent.
    pub config: Option<PathBuf>,
    /// The files of `config`, so that only what is there is passed on.
    pub config_files: Vec<String>,
    /// The agent's home; it can be written to.
    pub home: PathBuf,
}

/// What the agent is to do, and where.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// See [`crate::prompt::argument`].
    pub prompt: String,
    pub prompt_file: PathBuf,
    pub usage_file: PathBuf,
    pub repository: PathBuf,
    pub branch: String,
    pub bead: String,
    pub polecat: String,
    pub rig: String,
    pub author: Author,
}

/// Who signs the agent's own commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments; never empty.
    pub command: Vec<String>,
    /// Set on top of what the container gives.
    pub environment: BTreeMap<String, String>,
    /// How its standard output is to be read.
    pub format: Format,
}

/// Why the agent cannot be started as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    #[error("a custom agent needs a command")]
    NoCommand,
    #[error("{agent} needs a model: set agentConfig.model")]
    NoModel { agent: &'static str },
    #[error("the provider {provider} needs an endpoint: set agentConfig.modelProvider.endpoint")]
    NoEndpoint { provider: &'static str },
    #[error(
        "claude-code speaks Anthropic's protocol only: use the provider litellm, anthropic or ollama, or the agent opencode"
    )]
    ClaudeCodeWithOpenai,
    #[error("{agent} ends without a task: the Polecat has neither an issue nor a taskDescription")]
    NoTask { agent: &'static str },
}

/// The process for these settings.
///
/// # Errors
/// When the settings do not fit together.
pub fn launch(settings: &Settings, assignment: &Assignment) -> Result<Launch, LaunchError> {
    let mut launch = match settings.kind {
        Kind::Opencode => opencode::launch(settings, assignment),
        Kind::ClaudeCode => claude_code::launch(settings, assignment),
        Kind::Custom => custom::launch(settings, assignment),
    }?;
    for (name, value) in common_environment(settings, assignment) {
        launch.environment.entry(name).or_insert(value);
    }
    Ok(launch)
}

/// What every agent gets: who and where it is, and a git that asks nobody and trusts the work tree whoever owns it.
fn common_environment(settings: &Settings, assignment: &Assignment) -> Vec<(String, String)> {
    let repository = assignment.repository.display().to_string();
    [
        ("HOME", settings.home.display().to_string()),
        ("GT_ISSUE", assignment.bead.clone()),
        ("GT_POLECAT", assignment.polecat.clone()),
        ("GT_RIG", assignment.rig.clone()),
        (
            places::USAGE_FILE,
            assignment.usage_file.display().to_string(),
        ),
        ("GIT_AUTHOR_NAME", assignment.author.name.clone()),
        ("GIT_AUTHOR_EMAIL", assignment.author.email.clone()),
        ("GIT_COMMITTER_NAME", assignment.author.name.clone()),
        ("GIT_COMMITTER_EMAIL", assignment.author.email.clone()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", "safe.directory".to_owned()),
        ("GIT_CONFIG_VALUE_0", repository),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The user's file of this name, if it is there.
fn config_file(settings: &Settings, name: &str) -> Option<String> {
    let folder = settings.config.as_ref()?;
    settings
        .config_files
        .iter()
        .any(|file| file == name)
        .then(|| folder.join(name).display().to_string())
}

/// Where the versioned paths start: the endpoint as it is, with `/v1` where it has no path of its own.
fn with_version(endpoint: &str) -> String {
    let bare = endpoint.trim().trim_end_matches('/');
    let host = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    if host.contains('/') {
        bare.to_owned()
    } else {
        format!("{bare}/v1")
    }
}

/// The endpoint without `/v1` and slashes at its end.
fn without_version(endpoint: &str) -> String {
    let bare = endpoint.trim().trim_end_matches('/');
    bare.strip_suffix("/v1")
        .unwrap_or(bare)
        .trim_end_matches('/')
        .to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings(kind: Kind, provider: Provider) -> Settings {
        Settings {
            kind,
            model: Model {
                provider,
                name: Some("devstral-123b".into()),
                endpoint: Some("https://gateway.example/v1/".into()),
                api_key: ApiKey::new("sk-secret\n"),
                timeout: std::time::Duration::from_secs(60),
            },
            home: "/tmp/home".into(),
            ..Settings::default()
        }
    }

    pub(crate) fn assignment() -> Assignment {
        Assignment {
            prompt: "# Issue gt-1: say \"hi\" to `x` and $(id)\n".into(),
            prompt_file: "/workspace/.beadlet/prompt.md".into(),
            usage_file: "/workspace/.beadlet/usage.json".into(),
            repository: "/workspace/repo".into(),
            branch: "polecat/a".into(),
            bead: "gt-1".into(),
            polecat: "a".into(),
            rig: "gastown".into(),
            author: Author {
                name: "Polecat".into(),
                email: "polecat@example.com".into(),
            },
        }
    }

    #[test]
    fn every_agent_knows_who_it_is_and_signs_as_told() {
        for kind in [Kind::Opencode, Kind::ClaudeCode, Kind::Custom] {
            let mut settings = settings(kind, Provider::Litellm);
            settings.command = vec!["agent".into()];
            let launch = launch(&settings, &assignment()).unwrap();
            for (name, value) in [
                ("GT_ISSUE", "gt-1"),
                ("GT_POLECAT", "a"),
                ("GT_RIG", "gastown"),
                ("GIT_AUTHOR_EMAIL", "polecat@example.com"),
                ("HOME", "/tmp/home"),
            ] {
                assert_eq!(
                    launch.environment.get(name).map(String::as_str),
                    Some(value),
                    "{kind:?}"
                );
            }
        }
    }

    #[test]
    fn key_is_in_no_argument_and_not_in_debug_text() {
        for kind in [Kind::Opencode, Kind::ClaudeCode, Kind::Custom] {
            let mut settings = settings(kind, Provider::Litellm);
            settings.command = vec!["agent".into()];
            let launch = launch(&settings, &assignment()).unwrap();
            assert!(
                launch
                    .command
                    .iter()
                    .all(|word| !word.contains("sk-secret")),
                "{kind:?}"
            );
            assert!(!format!("{settings:?}").contains("sk-secret"), "{kind:?}");
        }
    }

    #[test]
    fn endpoint_gets_and_loses_its_version() {
        for endpoint in ["https://a", "https://a/", "https://a/v1", " https://a/v1/ "] {
            assert_eq!(with_version(endpoint), "https://a/v1");
            assert_eq!(without_version(endpoint), "https://a");
        }
        assert_eq!(with_version("https://a/openai/v2"), "https://a/openai/v2");
    }
}
