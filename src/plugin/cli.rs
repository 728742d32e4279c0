//! The arguments of `kubectl bead`, in kubectl's own words.

pub mod record;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::{ClusterArgs, Colour, SelectArgs};
use record::{ClaimArgs, CloseArgs, CommentArgs, CreateArgs, DepCommand, LabelCommand, UpdateArgs};

/// Beads, and the polecats that work on them
#[derive(Parser, Debug)]
#[command(
    name = "kubectl-bead",
    bin_name = "kubectl bead",
    version,
    max_term_width = 120,
    after_help = "Examples:\n  kubectl bead ready -A\n  kubectl bead why gt-0042\n  kubectl bead sling gt-0042\n  kubectl bead queue"
)]
pub struct Cli {
    #[command(flatten)]
    pub cluster: KubectlArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that kubectl has everywhere.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Cluster")]
pub struct KubectlArgs {
    /// The kubeconfig file [default: the files in KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current context]
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,

    /// The namespace [default: that of the context]
    #[arg(short, long, global = true)]
    pub namespace: Option<String>,
}

impl KubectlArgs {
    pub(super) fn to_cluster_args(&self) -> ClusterArgs {
        let Self {
            kubeconfig,
            context,
            namespace,
        } = self.clone();
        ClusterArgs {
            kubeconfig,
            context,
            namespace,
        }
    }
}

/// Where beads are looked for.
#[derive(Args, Debug, Clone, Copy, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ScopeArgs {
    /// Look in all namespaces, whatever --namespace says
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
}

/// How the answer is printed.
#[derive(Args, Debug, Clone, Copy, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the answer [default: for people]
    #[arg(short, long, value_name = "FORM")]
    pub output: Option<Form>,

    /// Leave out the header line of a table
    #[arg(long)]
    pub no_headers: bool,

    /// When to use colours. `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Colour,
}

/// The form of an answer.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table with more columns
    Wide,
    /// Names that kubectl takes, one a line
    Name,
    /// The objects as they stand in the cluster
    Json,
    /// The same as YAML
    Yaml,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Print beads, the ready ones first
    List(ListArgs),
    /// Print the beads that could be worked on now, in dispatch order, with what each waits for
    Ready(ListArgs),
    /// Say what a bead waits for, or which polecat has it
    Why(BeadArgs),
    /// Print everything about a bead: what it says, what it waits for, its polecats, its convoys
    Show(BeadArgs),
    /// Make a polecat for a bead, whatever dispatch thinks of it; it waits for nothing but a place of its Rig
    Sling(SlingArgs),
    /// Ask dispatch for another attempt at a bead
    Retry(RetryArgs),
    /// End a polecat for good; its record stays
    Stop(StopArgs),
    /// Batches of beads
    Convoy {
        #[command(subcommand)]
        command: ConvoyCommand,
    },
    /// Print what works and what waits, a line a Rig; of one Rig, bead by bead
    Queue(QueueArgs),
    #[command(flatten)]
    Record(RecordCommand),
}

/// What to write into the issue file: a commit to its repository.
#[derive(Subcommand, Debug)]
pub enum RecordCommand {
    /// Add a bead to the issue file
    Create(Box<CreateArgs>),
    /// Make an open bead yours
    Claim(ClaimArgs),
    /// Close a bead
    Close(CloseArgs),
    /// Change fields of a bead
    Update(Box<UpdateArgs>),
    /// What a bead depends on
    Dep {
        #[command(subcommand)]
        command: DepCommand,
    },
    /// Labels of a bead
    Label {
        #[command(subcommand)]
        command: LabelCommand,
    },
    /// Say something on a bead
    Comment(CommentArgs),
}

impl RecordCommand {
    /// The bead that it is about, if that is there already.
    #[must_use]
    pub fn bead(&self) -> Option<&str> {
        match self {
            Self::Create(args) => args.parent.as_deref(),
            Self::Claim(args) => Some(&args.id),
            Self::Close(args) => Some(&args.id),
            Self::Update(args) => Some(&args.id),
            Self::Dep {
                command: DepCommand::Add(args) | DepCommand::Remove(args),
            } => Some(&args.id),
            Self::Label {
                command: LabelCommand::Add(args) | LabelCommand::Remove(args),
            } => Some(&args.id),
            Self::Comment(args) => Some(&args.id),
        }
    }
}

/// What to do with convoys.
#[derive(Subcommand, Debug)]
pub enum ConvoyCommand {
    /// Make a convoy of beads
    Create(CreateConvoyArgs),
    /// Print convoys
    List(ConvoysArgs),
    /// Print how far a convoy is, bead by bead
    Status(ConvoyArgs),
}

/// Which beads.
#[derive(Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which bead.
#[derive(Args, Debug)]
pub struct BeadArgs {
    /// The bead's id
    pub id: String,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct SlingArgs {
    /// The bead's id
    pub id: String,

    /// The Rig [default: the one that the bead leads to]
    #[arg(long, value_name = "NAME")]
    pub rig: Option<String>,

    /// What to do, beside what the bead says [default: what the Rig's template says]
    #[arg(long, value_name = "TEXT")]
    pub task: Option<String>,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct RetryArgs {
    /// The bead's id
    pub id: String,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct StopArgs {
    /// The Polecat's name
    pub polecat: String,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct CreateConvoyArgs {
    /// The convoy's name
    pub name: String,

    /// The beads
    #[arg(required = true, value_name = "ID")]
    pub beads: Vec<String>,

    /// What it is about; its polecats are told [default: its name]
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// The Rig that works on its beads [default: the one that each bead leads to]
    #[arg(long, value_name = "NAME")]
    pub rig: Option<String>,

    /// How many of its polecats work at once; 0 sets no limit beside the Rig's
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub parallelism: u32,

    /// Who is to hear of its end
    #[arg(long, value_name = "WHOM")]
    pub notify: Option<String>,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct ConvoysArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which convoy.
#[derive(Args, Debug)]
pub struct ConvoyArgs {
    /// The convoy's name
    pub name: String,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args, Debug)]
pub struct QueueArgs {
    /// Only this Rig, with the beads that are under way or wait
    pub rig: Option<String>,

    #[command(flatten)]
    pub scope: ScopeArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}
