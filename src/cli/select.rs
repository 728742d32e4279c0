//! Which issues to print.

use clap::Args;

use crate::selector::LabelSelector;

/// Which issues are printed. An issue has to meet every flag that is given.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Only these statuses
    #[arg(
        long,
        env = "BEADLET_STATUS",
        value_name = "STATUS",
        value_delimiter = ','
    )]
    pub status: Vec<String>,

    /// Only these issue types
    #[arg(
        long = "type",
        env = "BEADLET_TYPE",
        value_name = "TYPE",
        value_delimiter = ','
    )]
    pub issue_type: Vec<String>,

    /// Only issues that have all these labels, as written in git
    #[arg(
        long,
        env = "BEADLET_LABEL",
        value_name = "LABEL",
        value_delimiter = ','
    )]
    pub label: Vec<String>,

    /// Only issues of these assignees
    #[arg(
        long,
        env = "BEADLET_ASSIGNEE",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub assignee: Vec<String>,

    /// Only issues whose ConfigMap has these Kubernetes labels: key=value, key!=value, key in (a,b), key notin (a,b), key, !key
    #[arg(short = 'l', long, env = "BEADLET_SELECTOR")]
    pub selector: Option<LabelSelector>,
}
