//! The mirror as a process of its own: a sidecar, or with `--once` a CronJob.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use beadlet_store::ready::Profile;
use clap::{Args, ValueEnum};

use beadlet_sync::settings::Settings;

use super::duration::positive_duration;
use super::offline::MirrorArgs;
use super::{ClusterArgs, GitArgs};

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 it ended well, 1 the pass failed (--once) or the mirror could not go on, 2 wrong arguments.\n\
    SIGTERM and SIGINT let the pass finish, a second one aborts. SIGHUP syncs now.\n\n\
    Examples:\n  beadlet sync --repo https://github.com/example/beads.git --namespace beads\n  \
    beadlet sync --repo git@github.com:example/beads.git --ssh-key-file /keys/id --known-hosts-file /keys/known_hosts --once\n  \
    beadlet sync --repo /srv/beads --namespace beads --sync-interval 1s --listen 127.0.0.1:8080"
)]
pub struct SyncArgs {
    /// The repository: a path or a URL
    #[arg(
        long,
        env = "BEADLET_REPO",
        value_name = "REPO",
        hide_env_values = true
    )]
    pub repo: String,

    /// End after one pass
    #[arg(long, env = "BEADLET_ONCE")]
    pub once: bool,

    #[command(flatten)]
    pub git: GitArgs,

    /// Where clones are kept [default: $XDG_CACHE_HOME/beadlet, else ~/.cache/beadlet, else a folder of this user in the temporary folder]
    #[arg(
        long,
        env = "BEADLET_CACHE_DIR",
        value_name = "DIR",
        help_heading = "Git"
    )]
    pub cache_dir: Option<PathBuf>,

    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub mirror: MirrorArgs,

    #[command(flatten)]
    pub passes: PassArgs,

    /// The address of /livez, /readyz, /metrics and /status, like 0.0.0.0:8080; not with --once [default: none]
    #[arg(long, env = "BEADLET_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    #[command(flatten)]
    pub webhook: WebhookArgs,
}

/// Where the forge says that somebody pushed.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Webhook")]
pub struct WebhookArgs {
    /// The address of POST /webhook, which the forge calls after a push, like 0.0.0.0:8081; not with --once [default: none]
    #[arg(long, env = "BEADLET_WEBHOOK_LISTEN", value_name = "ADDRESS")]
    pub webhook_listen: Option<SocketAddr>,

    /// A file with what the forge signs its calls with; BEADLET_WEBHOOK_SECRET holds the secret itself
    #[arg(
        long,
        env = "BEADLET_WEBHOOK_SECRET_FILE",
        value_name = "FILE",
        requires = "webhook_listen"
    )]
    pub webhook_secret_file: Option<PathBuf>,
}

/// When a pass is made and what it may do.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Mirror")]
pub struct PassArgs {
    /// Whose READY rules decide: those of this version of the tracker
    #[arg(long, env = "BEADLET_PROFILE", default_value = "bd-1.1", value_parser = super::target::profile())]
    pub profile: Profile,

    /// How often the repository is asked for a change [default: 1s for a path, 5s for a URL]
    #[arg(long, env = "BEADLET_SYNC_INTERVAL", value_name = "DURATION", value_parser = positive_duration)]
    pub sync_interval: Option<Duration>,

    /// A commit that would delete more than this percentage of the issues, and more than 10, waits for a person
    #[arg(long, env = "BEADLET_MAX_DELETE_PERCENT", value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub max_delete_percent: u8,

    /// Let the deletions of this commit through, whatever their number: its full or short id
    #[arg(long, env = "BEADLET_ALLOW_DELETE", value_name = "COMMIT", value_parser = commit)]
    pub allow_delete: Option<String>,

    /// What to do with a revision in which some lines cannot be read. Neither way deletes an issue
    #[arg(
        long,
        env = "BEADLET_REJECTED_LINES",
        value_name = "POLICY",
        default_value = "keep-last-good"
    )]
    pub rejected_lines: RejectedLines,

    /// Requests to the API server in flight at once
    #[arg(long, env = "BEADLET_CONCURRENCY", value_name = "COUNT", default_value_t = Settings::DEFAULT_CONCURRENCY)]
    pub concurrency: NonZeroUsize,
}

/// What a pass does with a revision in which some lines cannot be read.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RejectedLines {
    /// The last good state stays until all lines can be read, as with the tracker itself
    #[default]
    KeepLastGood,
    /// The other lines are mirrored, and nothing is deleted
    Skip,
}

fn commit(text: &str) -> Result<String, &'static str> {
    let is_commit =
        (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("give at least 7 hexadecimal digits of a commit")
    }
}
