//! The settings of `clone` and `push`, from their command line and environment.

use std::path::PathBuf;
use std::time::Duration;

use beadlet_supervise::contract::places;
use beadlet_supervise::setting::duration;
use clap::{Args, ValueEnum};

/// What both sides of an attempt need to know
#[derive(Args, Clone, Debug)]
pub struct ProjectArgs {
    /// The volume that all containers of the pod share
    #[arg(long, env = "BEADLET_WORKSPACE", value_name = "DIR", default_value = places::WORKSPACE)]
    pub workspace: PathBuf,
    /// A volume that git-init and git-push share, and the agent does not see
    #[arg(long, env = "BEADLET_STATE", value_name = "DIR", default_value = places::STATE)]
    pub state: PathBuf,
    /// Where the container's last message goes
    #[arg(long, env = "BEADLET_TERMINATION_LOG", value_name = "FILE", default_value = places::TERMINATION_LOG)]
    pub termination_log: PathBuf,
    /// The Polecat's name
    #[arg(
        long,
        env = "GT_POLECAT",
        default_value = "",
        hide_default_value = true
    )]
    pub polecat: String,

    /// The project's repository
    #[arg(
        long,
        env = "BEADLET_GIT_REPOSITORY",
        value_name = "URL",
        help_heading = "Git",
        hide_env_values = true
    )]
    pub repository: String,
    /// The branch that the work starts from [default: the server's default branch]
    #[arg(
        long,
        env = "BEADLET_GIT_BRANCH",
        value_name = "BRANCH",
        help_heading = "Git",
        default_value = "",
        hide_default_value = true
    )]
    pub branch: String,
    /// The branch that the work is pushed to [default: polecat/<the Polecat's name>]
    #[arg(
        long,
        env = "BEADLET_WORK_BRANCH",
        value_name = "BRANCH",
        help_heading = "Git",
        default_value = "",
        hide_default_value = true
    )]
    pub work_branch: String,
    /// Let the work be pushed to the branch that it starts from, or to the server's default branch
    #[arg(long, env = "BEADLET_ALLOW_BASE_BRANCH", help_heading = "Git")]
    pub allow_base_branch: bool,
    /// Where the git Secret is mounted: ssh-privatekey (and ssh-passphrase, known_hosts), or username and password, or token (and ca.crt)
    #[arg(
        long,
        env = "BEADLET_GIT_SECRET",
        value_name = "DIR",
        help_heading = "Git"
    )]
    pub git_secret: Option<PathBuf>,
    /// A file in the known_hosts format: the only host keys that are believed. Goes before the one in the Secret
    #[arg(
        long,
        env = "BEADLET_KNOWN_HOSTS_FILE",
        value_name = "FILE",
        help_heading = "Git"
    )]
    pub known_hosts_file: Option<PathBuf>,
    /// A file with PEM certificates: the only ones trusted for https [default: the Secret's ca.crt, else those of the system]
    #[arg(
        long,
        env = "BEADLET_CA_FILE",
        value_name = "FILE",
        help_heading = "Git"
    )]
    pub ca_file: Option<PathBuf>,
    /// The proxy, like http://proxy.example.com:3128, or `none` [default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY]
    #[arg(
        long,
        env = "BEADLET_PROXY",
        value_name = "URL",
        help_heading = "Git",
        hide_env_values = true
    )]
    pub proxy: Option<String>,
    /// How long a server may be silent
    #[arg(long, env = "BEADLET_GIT_TIMEOUT", value_name = "DURATION", help_heading = "Git", value_parser = duration, default_value = "30s")]
    pub git_timeout: Duration,
    /// How long one exchange with a server may take as a whole
    #[arg(long, env = "BEADLET_GIT_TOTAL_TIMEOUT", value_name = "DURATION", help_heading = "Git", value_parser = duration, default_value = "30m")]
    pub git_total_timeout: Duration,

    /// The name under which work is committed
    #[arg(
        long,
        env = "BEADLET_AUTHOR_NAME",
        value_name = "NAME",
        default_value = "beadlet"
    )]
    pub author_name: String,
    /// Its e-mail address
    #[arg(
        long,
        env = "BEADLET_AUTHOR_EMAIL",
        value_name = "ADDRESS",
        default_value = "beadlet@localhost"
    )]
    pub author_email: String,
}

/// Brings the repository into the workspace and makes the work branch
#[derive(Args, Clone, Debug)]
pub struct CloneArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// How many commits of history are brought; 0 brings all
    #[arg(long, env = "BEADLET_DEPTH", value_name = "COUNT", default_value_t = 1)]
    pub depth: u32,
    /// Whether submodules are brought
    #[arg(long, env = "BEADLET_SUBMODULES", value_enum, default_value_t)]
    pub submodules: Submodules,
    /// What is done about files in Git LFS
    #[arg(long, env = "BEADLET_LFS", value_enum, default_value_t)]
    pub lfs: Lfs,
    /// Check only this folder out, with the files of the folders above it; may be given several times, or several separated by commas
    #[arg(
        long,
        env = "BEADLET_SPARSE",
        value_name = "FOLDER",
        value_delimiter = ','
    )]
    pub sparse: Vec<String>,
    /// The program that supervises the agent, linked statically [default: beadlet-supervise beside this program]
    #[arg(long, env = "BEADLET_SUPERVISOR", value_name = "FILE")]
    pub supervisor: Option<PathBuf>,
}

/// Whether submodules are brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Submodules {
    /// Their folders stay empty
    #[default]
    None,
    /// All, and theirs; the credential is used on the project's own server only
    Recursive,
}

/// What is done about files in Git LFS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Lfs {
    /// They are brought by git-lfs; without it, a repository that has some is refused
    #[default]
    Fetch,
    /// The pointers are left as they are
    Pointers,
}

/// Waits for the agent to end, commits what it left, pushes the work branch
#[derive(Args, Clone, Debug)]
pub struct PushArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The bead's id
    #[arg(long, env = "GT_ISSUE", default_value = "", hide_default_value = true)]
    pub bead: String,
    /// The convoy that the bead belongs to
    #[arg(long, env = "GT_CONVOY", default_value = "", hide_default_value = true)]
    pub convoy: String,
    /// How long the agent's container may take to start
    #[arg(long, env = "BEADLET_START_TIMEOUT", value_name = "DURATION", value_parser = duration, default_value = "30m")]
    pub start_timeout: Duration,
    /// How long the agent has to end once the pod is told to stop; what it left is pushed then in any case
    #[arg(long, env = "BEADLET_STOP_PATIENCE", value_name = "DURATION", value_parser = duration, default_value = "25s")]
    pub stop_patience: Duration,
    /// For how long a push that failed is tried again
    #[arg(long, env = "BEADLET_PUSH_RETRY", value_name = "DURATION", value_parser = duration, default_value = "2m")]
    pub push_retry: Duration,
    /// A larger file is left out of the commit, in MiB: the large forges refuse a push that has one
    #[arg(
        long,
        env = "BEADLET_MAX_FILE_MIB",
        value_name = "MIB",
        default_value_t = 100
    )]
    pub max_file_mib: u64,
}
