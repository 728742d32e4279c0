//! The settings of the supervisor, from its command line and environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::agent::{Kind, Provider};
use crate::contract::places;
use crate::setting::duration;

/// Starts the agent with the bead as its task, watches it, and records how it ended
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// The volume that all containers of the pod share
    #[arg(long, env = "BEADLET_WORKSPACE", default_value = places::WORKSPACE)]
    pub workspace: PathBuf,
    /// Where the bead's ConfigMap is mounted
    #[arg(long, env = "BEADLET_BEAD_DIR", default_value = places::BEAD)]
    pub bead_dir: PathBuf,
    /// Which agent it is
    #[arg(long, env = "BEADLET_AGENT", value_enum, default_value_t)]
    pub agent: Kind,
    /// In place of the agent's usual program; once for each word
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// The protocol of the model endpoint; its key is read from BEADLET_API_KEY
    #[arg(long, env = "BEADLET_PROVIDER", value_enum, default_value_t)]
    pub provider: Provider,
    /// The model's name at the endpoint
    #[arg(long, env = "BEADLET_MODEL")]
    pub model: Option<String>,
    /// The URL of the model endpoint
    #[arg(long, env = "BEADLET_ENDPOINT")]
    pub endpoint: Option<String>,
    /// How long the model endpoint may take for one answer
    #[arg(long, env = "BEADLET_REQUEST_TIMEOUT", value_parser = duration, default_value = "10m")]
    pub request_timeout: Duration,
    /// A folder with the agent's own configuration (opencode.json; settings.json, mcp.json)
    #[arg(long, env = "BEADLET_AGENT_CONFIG")]
    pub agent_config: Option<PathBuf>,
    /// A folder with the login of Claude Code, copied into the agent's home
    #[arg(long, env = "BEADLET_CLAUDE_CREDENTIALS")]
    pub claude_credentials: Option<PathBuf>,
    /// The agent's home folder, made if need be
    #[arg(long, env = "BEADLET_HOME", default_value = "/tmp/home")]
    pub home: PathBuf,
    /// What to do beside or instead of the bead
    #[arg(
        long,
        env = "BEADLET_TASK_DESCRIPTION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub task_description: String,
    /// The bead's id
    #[arg(long, env = "GT_ISSUE", default_value = "", hide_default_value = true)]
    pub bead: String,
    /// The Polecat's name
    #[arg(
        long,
        env = "GT_POLECAT",
        default_value = "",
        hide_default_value = true
    )]
    pub polecat: String,
    /// The Rig's name
    #[arg(long, env = "GT_RIG", default_value = "", hide_default_value = true)]
    pub rig: String,
    /// The convoy that the bead belongs to
    #[arg(long, env = "GT_CONVOY", default_value = "", hide_default_value = true)]
    pub convoy: String,
    /// What the convoy is about
    #[arg(
        long,
        env = "BEADLET_CONVOY_DESCRIPTION",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub convoy_description: String,
    /// The branch that the work will be pushed to
    #[arg(
        long,
        env = "BEADLET_WORK_BRANCH",
        default_value = "",
        hide_default_value = true
    )]
    pub work_branch: String,
    /// Who signs the agent's own commits
    #[arg(long, env = "BEADLET_AUTHOR_NAME", default_value = "beadlet")]
    pub author_name: String,
    /// Their e-mail address
    #[arg(
        long,
        env = "BEADLET_AUTHOR_EMAIL",
        default_value = "beadlet@localhost"
    )]
    pub author_email: String,
    /// End the agent after this time
    #[arg(long, env = "BEADLET_DEADLINE", value_parser = duration)]
    pub deadline: Option<Duration>,
    /// End the agent when it printed nothing and changed no file for this long
    #[arg(long, env = "BEADLET_MAX_IDLE", value_parser = duration)]
    pub max_idle: Option<Duration>,
    /// How long the agent has to end by itself before it is ended by force
    #[arg(long, env = "BEADLET_GRACE", value_parser = duration, default_value = "20s")]
    pub grace: Duration,
    /// Where the container's last message goes
    #[arg(long, env = "BEADLET_TERMINATION_LOG", default_value = places::TERMINATION_LOG)]
    pub termination_log: PathBuf,
    /// The command of a custom agent, or further arguments of a known one
    #[arg(last = true, value_name = "AGENT")]
    pub arguments: Vec<String>,
}
