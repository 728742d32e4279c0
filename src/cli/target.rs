//! What an offline command reads: a repository, a file, or standard input.

use std::path::{Path, PathBuf};

use beadlet_store::ready::Profile;
use clap::Args;
use jiff::Timestamp;

use super::GitArgs;

/// Where issues come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stdin,
    /// A repository to fetch: `https://…`, `ssh://…`, `user@host:path`, `file://…`. Not looked into here: a message about a wrong
    /// argument shows the whole argument, and a URL may hold a password.
    Url(String),
    /// A directory with a repository, or an issue file itself.
    Path(PathBuf),
}

impl Target {
    /// Tells them apart by their form. `user@host:path` is a URL, unless there is a slash before the colon.
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text {
            "-" => Self::Stdin,
            url if url.contains("://") || is_scp_form(url) => Self::Url(url.to_owned()),
            path => Self::Path(path.into()),
        }
    }
}

fn target(text: &str) -> Result<Target, &'static str> {
    if text.is_empty() {
        Err("name a repository (path or URL), a .jsonl file, or - for standard input")
    } else {
        Ok(Target::of(text))
    }
}

/// Whether a text can only be a target and not an issue id: it says so by its form.
#[must_use]
pub fn is_certain(text: &str) -> bool {
    let is_file = Path::new(text)
        .extension()
        .is_some_and(|extension| extension == "jsonl");
    matches!(text, "-" | "." | "..") || text.contains('/') || is_scp_form(text) || is_file
}

/// `user@host:path`, as ssh and git take it.
fn is_scp_form(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(host, path)| host.contains('@') && !host.contains('/') && !path.is_empty())
}

/// The target and how it is read.
#[derive(Args, Debug, Clone)]
pub struct TargetArgs {
    /// A repository (path or URL), a .jsonl file, or `-` for standard input
    #[arg(env = "BEADLET_REPO", hide_env_values = true, default_value = ".", value_parser = target)]
    pub target: Target,

    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// How the target is read.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// Whose READY rules decide: those of this version of the tracker
    #[arg(long, env = "BEADLET_PROFILE", default_value = "bd-1.1", value_parser = profile())]
    pub profile: Profile,

    /// The instant to answer for, RFC 3339 [default: the clock]
    #[arg(long, env = "BEADLET_NOW", value_name = "INSTANT", value_parser = instant)]
    pub now: Option<Timestamp>,

    /// Leave out lines that cannot be read, instead of refusing the file as the tracker does
    #[arg(long, env = "BEADLET_SKIP_REJECTED_LINES")]
    pub skip_rejected_lines: bool,

    /// The tracker's config.yaml for a bare .jsonl file (custom statuses and types) [default: the one beside the file]
    #[arg(long, env = "BEADLET_TRACKER_CONFIG", value_name = "FILE")]
    pub tracker_config: Option<PathBuf>,

    #[command(flatten)]
    pub git: GitArgs,
}

impl ReadingArgs {
    /// The instant the answer is for.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "not an RFC 3339 instant; write it like 2026-11-24T00:00:00Z".to_owned())
}

/// The names of the profiles, with their possible values in `--help` and in completions.
#[must_use]
pub fn profile() -> impl clap::builder::TypedValueParser<Value = Profile> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Profile::ALL.map(Profile::name))
        .try_map(|name| name.parse::<Profile>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_form() {
        for url in [
            "https://example.com/beads.git",
            "git@example.com:team/beads.git",
            "file:///srv/beads",
        ] {
            assert_eq!(Target::of(url), Target::Url(url.to_owned()));
        }
        for path in [".", "./odd@name:1", "issues.jsonl", "/srv/beads"] {
            assert_eq!(Target::of(path), Target::Path(path.into()));
        }
        assert_eq!(Target::of("-"), Target::Stdin);
    }

    #[test]
    fn an_id_is_not_taken_for_a_target() {
        for id in ["gt-0042", "SEC-2sl.7", "beads_rust-q1d9", ""] {
            assert!(!is_certain(id), "{id}");
        }
        for target in [
            "-",
            ".",
            "./x",
            "a/b",
            "issues.jsonl",
            "https://example.com/x",
            "git@example.com:x",
        ] {
            assert!(is_certain(target), "{target}");
        }
    }
}
