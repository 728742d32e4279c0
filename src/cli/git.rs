//! How a repository is reached, and where in it the issue file lies.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration::positive_duration;

/// Where the issue file is, and the credentials to fetch it.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Git")]
pub struct GitArgs {
    /// The branch, or any ref [default: `sync-branch` of the tracker's config.yaml, else `beads-sync`, else HEAD]
    #[arg(long, env = "BEADLET_BRANCH")]
    pub branch: Option<String>,

    /// The path of the issue file in the repository [default: `export.path` of the tracker's config.yaml, else the first of issues.jsonl, beads.jsonl and export.jsonl in .beads]
    #[arg(long, env = "BEADLET_PATH")]
    pub path: Option<String>,

    /// A file with the private ssh key
    #[arg(long, env = "BEADLET_SSH_KEY_FILE", value_name = "FILE")]
    pub ssh_key_file: Option<PathBuf>,

    /// A file with the passphrase of the ssh key
    #[arg(
        long,
        env = "BEADLET_SSH_PASSPHRASE_FILE",
        value_name = "FILE",
        requires = "ssh_key_file"
    )]
    pub ssh_passphrase_file: Option<PathBuf>,

    /// A file in the known_hosts format. The keys of well-known forges are built in; any other host whose key is not in the file is refused
    #[arg(long, env = "BEADLET_KNOWN_HOSTS_FILE", value_name = "FILE")]
    pub known_hosts_file: Option<PathBuf>,

    /// The user name for a password, or for ssh
    #[arg(long, env = "BEADLET_USERNAME", value_name = "NAME")]
    pub username: Option<String>,

    /// A file with the password for https or ssh; BEADLET_PASSWORD holds the password itself
    #[arg(
        long,
        env = "BEADLET_PASSWORD_FILE",
        value_name = "FILE",
        conflicts_with = "token_file"
    )]
    pub password_file: Option<PathBuf>,

    /// A file with a token for https; BEADLET_TOKEN holds the token itself
    #[arg(long, env = "BEADLET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// A file with PEM certificates: the only ones trusted for https [default: those of the system]
    #[arg(long, env = "BEADLET_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// The proxy, like http://proxy.example.com:3128, or `none` [default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY]
    #[arg(
        long,
        env = "BEADLET_PROXY",
        value_name = "URL",
        hide_env_values = true
    )]
    pub proxy: Option<String>,

    /// How long a server may be silent; one exchange takes at most ten times as long
    #[arg(long, env = "BEADLET_GIT_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = positive_duration)]
    pub git_timeout: Duration,

    /// How many commits of history a fetch brings
    #[arg(long, env = "BEADLET_DEPTH", value_name = "COUNT", default_value = "1")]
    pub depth: NonZeroU32,

    /// A larger issue file is refused, in MiB
    #[arg(
        long,
        env = "BEADLET_MAX_FILE_MIB",
        value_name = "MIB",
        default_value = "256"
    )]
    pub max_file_mib: NonZeroU32,
}
