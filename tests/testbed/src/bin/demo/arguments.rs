//! What the demo can be asked to do otherwise.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

/// Show how commits of a beads repository turn up in a cluster, and how work on them is started
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Mirror this repository, a path or a URL, instead of a made-up town; nothing is committed to it
    #[arg(long)]
    pub(crate) repo: Option<String>,
    /// The branch of that repository [default: what beadlet chooses]
    #[arg(long, requires = "repo")]
    pub(crate) branch: Option<String>,
    /// Use the cluster of this kubeconfig context, in a namespace that is removed at the end
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// End after the show instead of staying up
    #[arg(long)]
    pub(crate) once: bool,
    /// The program beadlet [default: beside this program]
    #[arg(long, value_name = "PATH")]
    beadlet: Option<PathBuf>,
}

impl Arguments {
    /// Where the program `beadlet` is.
    ///
    /// # Errors
    /// It is not there; the message says how to build it.
    pub(crate) fn beadlet(&self) -> Result<PathBuf> {
        let beside = || {
            env::current_exe()
                .ok()
                .map(|here| here.with_file_name("beadlet"))
        };
        let program = self
            .beadlet
            .clone()
            .or_else(beside)
            .filter(|path| path.is_file());
        program.context(
            "the program beadlet is not built: run `make demo`, or `cargo build --release`",
        )
    }

    /// The person's repository; a path is made absolute, so that it can be printed for use from anywhere.
    pub(crate) fn repo(&self) -> Option<String> {
        let repo = self.repo.as_ref()?;
        let absolute = Path::new(repo)
            .canonicalize()
            .map(|path| path.display().to_string());
        Some(absolute.unwrap_or_else(|_| repo.clone()))
    }
}
