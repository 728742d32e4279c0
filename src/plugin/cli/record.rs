//! The arguments of the commands that write into the issue file, in the words of `bd`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where the issue file is, and who writes.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Repository")]
pub struct BookArgs {
    /// A clone on this machine: no cluster is asked. A branch that is checked out is committed to together with its file
    #[arg(long, value_name = "PATH", conflicts_with = "store")]
    pub repo: Option<PathBuf>,

    /// The branch of the clone [default: as `beadlet` chooses it, see `beadlet list --help`]
    #[arg(long, value_name = "NAME", requires = "repo")]
    pub branch: Option<String>,

    /// The BeadStore whose repository is written to, with the Secret it names [default: the one that mirrors the bead, or the only one of the namespace]
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,

    /// Who claims, creates and comments [default: the name of the author]
    #[arg(long, env = "BD_ACTOR", value_name = "NAME")]
    pub actor: Option<String>,

    /// The author of the commit, as `Name <address>` [default: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, else git's user.name and user.email, else that of the BeadStore]
    #[arg(long, value_name = "AUTHOR", value_parser = author)]
    pub author: Option<(String, String)>,

    /// The form of the answer [default: for people]
    #[arg(short, long, value_name = "FORM", help_heading = "Output")]
    pub output: Option<RecordForm>,
}

/// The form of an answer about a record.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordForm {
    /// The bead's id
    Name,
    /// The record as it stands in git
    Json,
    /// The same as YAML
    Yaml,
}

/// Texts of a bead.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Fields")]
pub struct FieldArgs {
    /// What it is about
    #[arg(short, long, value_name = "TEXT")]
    pub description: Option<String>,

    /// How it is to be done
    #[arg(long, value_name = "TEXT")]
    pub design: Option<String>,

    /// When it is done
    #[arg(long, value_name = "TEXT")]
    pub acceptance: Option<String>,

    /// What else there is to know
    #[arg(long, value_name = "TEXT")]
    pub notes: Option<String>,

    /// 0 (first) to 4, or P0 to P4
    #[arg(short, long, value_parser = priority)]
    pub priority: Option<u8>,

    /// The type: task, bug, feature, epic, chore, or another one of the tracker
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub issue_type: Option<String>,

    /// Who has it
    #[arg(short, long, value_name = "NAME")]
    pub assignee: Option<String>,
}

#[derive(Args, Debug)]
pub struct CreateArgs {
    /// The title
    pub title: String,

    #[command(flatten)]
    pub fields: FieldArgs,

    /// Labels, with commas between them
    #[arg(
        short,
        long,
        value_name = "LABELS",
        value_delimiter = ',',
        help_heading = "Fields"
    )]
    pub labels: Vec<String>,

    /// The bead above it: the new one is named after it and has its labels too
    #[arg(
        long,
        value_name = "ID",
        conflicts_with = "id",
        help_heading = "Fields"
    )]
    pub parent: Option<String>,

    /// What it depends on, as ID or TYPE:ID, with commas between them; `blocks:ID` is what waits for it
    #[arg(
        long,
        value_name = "DEPS",
        value_delimiter = ',',
        help_heading = "Fields"
    )]
    pub deps: Vec<String>,

    /// Its id [default: made by the tracker's rules]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// With what the new id begins [default: that of the BeadStore, else issue-prefix of the tracker's config.yaml, else what most ids begin with]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,

    #[command(flatten)]
    pub book: BookArgs,
}

#[derive(Args, Debug)]
pub struct ClaimArgs {
    /// The bead's id
    pub id: String,

    #[command(flatten)]
    pub book: BookArgs,
}

#[derive(Args, Debug)]
pub struct CloseArgs {
    /// The bead's id
    pub id: String,

    /// Why, or with what outcome
    #[arg(short, long, value_name = "TEXT")]
    pub reason: Option<String>,

    /// Also when it is pinned, waits for something, or has open children
    #[arg(short, long)]
    pub force: bool,

    #[command(flatten)]
    pub book: BookArgs,
}

#[derive(Args, Debug)]
pub struct UpdateArgs {
    /// The bead's id
    pub id: String,

    /// open, in_progress, blocked, deferred, hooked, pinned, or another one of the tracker; `close` closes it
    #[arg(short, long, help_heading = "Fields")]
    pub status: Option<String>,

    /// The title
    #[arg(long, value_name = "TEXT", help_heading = "Fields")]
    pub title: Option<String>,

    #[command(flatten)]
    pub fields: FieldArgs,

    #[command(flatten)]
    pub book: BookArgs,
}

/// What to do with dependencies.
#[derive(Subcommand, Debug)]
pub enum DepCommand {
    /// Let a bead depend on another one
    Add(DepArgs),
    /// Refused: an import of the tracker takes no dependency away, and its next export would bring it back
    Remove(DepArgs),
}

#[derive(Args, Debug)]
pub struct DepArgs {
    /// The bead that depends on the other one
    pub id: String,

    /// The bead that it depends on
    pub on: String,

    /// The type of the dependency
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        default_value = "blocks"
    )]
    pub kind: String,

    #[command(flatten)]
    pub book: BookArgs,
}

/// What to do with labels.
#[derive(Subcommand, Debug)]
pub enum LabelCommand {
    /// Add a label to a bead
    Add(LabelArgs),
    /// Refused: an import of the tracker takes no label away, and its next export would bring it back
    Remove(LabelArgs),
}

#[derive(Args, Debug)]
pub struct LabelArgs {
    /// The bead's id
    pub id: String,

    /// The label
    pub label: String,

    #[command(flatten)]
    pub book: BookArgs,
}

#[derive(Args, Debug)]
pub struct CommentArgs {
    /// The bead's id
    pub id: String,

    /// What is said
    pub text: String,

    #[command(flatten)]
    pub book: BookArgs,
}

fn priority(text: &str) -> Result<u8, &'static str> {
    let digit = text.strip_prefix(['P', 'p']).unwrap_or(text);
    match digit.parse() {
        Ok(priority @ 0..=4) => Ok(priority),
        _ => Err("a priority is 0 (first) to 4 (last), or P0 to P4"),
    }
}

fn author(text: &str) -> Result<(String, String), &'static str> {
    let parts = text
        .strip_suffix('>')
        .and_then(|rest| rest.split_once('<'))
        .map(|(name, address)| (name.trim(), address.trim()));
    match parts {
        Some((name, address))
            if !name.is_empty()
                && !address.is_empty()
                && !format!("{name}{address}").contains(['<', '>', '\n']) =>
        {
            Ok((name.to_owned(), address.to_owned()))
        }
        _ => Err("write it like `Ann Smith <ann@example.com>`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_is_0_to_4() {
        assert_eq!(["0", "4", "P1", "p2"].map(priority), [0, 4, 1, 2].map(Ok));
        for wrong in ["5", "-1", "high", "", "P"] {
            assert!(priority(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn author_is_written_as_git_has_it() {
        let ann = ("Ann Smith".to_owned(), "ann@example.com".to_owned());
        assert_eq!(author("Ann Smith <ann@example.com>"), Ok(ann));
        for wrong in [
            "Ann",
            "<ann@example.com>",
            "Ann <>",
            "Ann <a> <b>",
            "A\nB <a@b>",
        ] {
            assert!(author(wrong).is_err(), "{wrong}");
        }
    }
}
