//! The commands that answer a question and end.

use clap::Args;

use super::target::{Target, TargetArgs, is_certain};
use super::{ClusterArgs, OutputArgs, SelectArgs};

/// Which issues are printed, and how.
#[derive(Args, Debug)]
pub struct ListingArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub select: SelectArgs,

    /// Print at most this many issues [default: no limit]
    #[arg(
        long,
        env = "BEADLET_LIMIT",
        value_name = "COUNT",
        help_heading = "Selection"
    )]
    pub limit: Option<usize>,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 answered, 1 the file was refused or could not be read, 2 wrong arguments.\n\n\
    Examples:\n  beadlet ready\n  beadlet ready https://github.com/example/beads.git --branch beads-sync -o wide\n  \
    beadlet ready issues.jsonl --profile bd-1.1 --now 2026-11-24T00:00:00Z -o name\n  \
    git show HEAD~5:.beads/issues.jsonl | beadlet ready -"
)]
pub struct ReadyArgs {
    #[command(flatten)]
    pub listing: ListingArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 answered, 1 the file was refused or could not be read, 2 wrong arguments.\n\n\
    Examples:\n  beadlet list --status open,in_progress --type bug\n  beadlet list issues.jsonl --label gt:owned -o wide\n  \
    beadlet list -l bead-ready=true,'bead-priority in (0,1)' -o json"
)]
pub struct ListArgs {
    #[command(flatten)]
    pub listing: ListingArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 answered, 1 no such issue or the file was refused, 2 wrong arguments.\n\n\
    Examples:\n  beadlet show gt-0042\n  beadlet show gt-0042 issues.jsonl -o yaml"
)]
pub struct ShowArgs {
    /// The issue id as it stands in git
    #[arg(env = "BEADLET_ID")]
    pub id: String,

    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 answered, 1 no such issue or the file was refused, 2 wrong arguments.\n\n\
    Examples:\n  beadlet why gt-0042\n  beadlet why gt-0042 issues.jsonl --profile bd-1.0.5 -o json"
)]
pub struct WhyArgs {
    /// The issue id as it stands in git
    #[arg(env = "BEADLET_ID")]
    pub id: String,

    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 nothing is wrong, 1 something is, 2 the file could not be read or the arguments are wrong.\n\n\
    Examples:\n  beadlet check .beads/issues.jsonl\n  beadlet check -o json | jq '.problems[] | select(.severity==\"error\")'"
)]
pub struct CheckArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 printed, 1 the file was refused or could not be read, 2 wrong arguments.\n\n\
    Examples:\n  beadlet render -n beads | kubectl apply --server-side -f -\n  beadlet render issues.jsonl -o json | jq .items[].metadata.name"
)]
pub struct RenderArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub mirror: MirrorArgs,

    /// The namespace written into the ConfigMaps [default: none, so that `kubectl -n` decides]
    #[arg(short, long, env = "BEADLET_NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// The form of the answer
    #[arg(
        short,
        long,
        env = "BEADLET_OUTPUT",
        value_name = "FORM",
        default_value = "yaml",
        help_heading = "Output"
    )]
    pub output: RenderForm,
}

/// The form of rendered ConfigMaps.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RenderForm {
    /// One document a ConfigMap
    #[default]
    Yaml,
    /// One List object
    Json,
    /// `configmap/NAME`, one a line
    Name,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 nothing would change, 1 something would, 2 or more an error.\n\n\
    Examples:\n  beadlet diff -n beads\n  beadlet diff https://github.com/example/beads.git --context prod -n beads -o json"
)]
pub struct DiffArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    #[command(flatten)]
    pub mirror: MirrorArgs,

    /// Say when a pass would hold the revision: it deletes more than this percentage of the issues, and more than 10
    #[arg(
        long,
        env = "BEADLET_MAX_DELETE_PERCENT",
        value_name = "PERCENT",
        default_value_t = 20,
        value_parser = clap::value_parser!(u8).range(0..=100),
        help_heading = "Mirror"
    )]
    pub max_delete_percent: u8,

    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// What a mirror makes of the issues.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Mirror")]
pub struct MirrorArgs {
    /// The value of the label gastown.gastown.io/store on each ConfigMap
    #[arg(long, env = "BEADLET_STORE", value_name = "NAME", default_value = DEFAULT_STORE, value_parser = store_name)]
    pub store: String,

    /// Leave out issues that were closed longer ago than this [default: closed issues stay]
    #[arg(long, env = "BEADLET_CLOSED_RETENTION", value_name = "DURATION", value_parser = super::duration::duration)]
    pub closed_retention: Option<std::time::Duration>,
}

/// The store that a mirror without a name of its own belongs to.
const DEFAULT_STORE: &str = "beads";

impl Default for MirrorArgs {
    fn default() -> Self {
        Self {
            store: DEFAULT_STORE.to_owned(),
            closed_retention: None,
        }
    }
}

/// Reads the name of a store: it becomes a label value.
///
/// # Errors
/// When it does not fit a label.
pub fn store_name(text: &str) -> Result<String, String> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inside = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if inside && edge(text.chars().next()) && edge(text.chars().last()) && text.len() <= 63 {
        Ok(text.to_owned())
    } else {
        Err("must be a label value: at most 63 of a-z, A-Z, 0-9, '-', '_', '.', with a letter or digit at both ends".to_owned())
    }
}

impl ShowArgs {
    /// The id and the target, whichever order they were given in.
    #[must_use]
    pub fn ordered(self) -> Self {
        let Self { id, target, output } = self;
        let (id, target) = in_order(id, target);
        Self { id, target, output }
    }
}

impl WhyArgs {
    /// The id and the target, whichever order they were given in.
    #[must_use]
    pub fn ordered(self) -> Self {
        let Self { id, target, output } = self;
        let (id, target) = in_order(id, target);
        Self { id, target, output }
    }
}

/// `show TARGET ID` means what `show ID TARGET` means, where the first can only be a target and the second only an id.
fn in_order(id: String, target: TargetArgs) -> (String, TargetArgs) {
    let other = match &target.target {
        Target::Path(path) => path.to_string_lossy().into_owned(),
        Target::Stdin | Target::Url(_) => return (id, target),
    };
    if is_certain(&id) && !is_certain(&other) {
        (
            other,
            TargetArgs {
                target: Target::of(&id),
                ..target
            },
        )
    } else {
        (id, target)
    }
}
