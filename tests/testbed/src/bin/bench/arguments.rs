//! What is measured, and how often.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

/// Measure beadlet beside other ways to bring ConfigMaps and Jobs into a cluster
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Measure only this; may be given more than once. Then the tables are printed, and written only with --out
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How many issues are synced for the first time
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sizes: Vec<u32>,
    /// How often first syncs and ready issues are measured; a first sync of more than 20,000 issues is measured once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// How many issues are there when pushes, unchanged passes and idleness are measured
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(crate) mirrored: u32,
    /// How many pushes are measured
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pushes: u32,
    /// How many issues are ready, with a place for each, when it is measured how fast they become Jobs
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=5000))]
    pub(crate) ready: u32,
    /// How long an idle daemon is watched, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    idle: u32,
    /// Where the result goes [default: BENCHMARKS.md when everything is measured]
    #[arg(long)]
    out: Option<PathBuf>,
    /// The program beadlet [default: beside this program]
    #[arg(long, value_name = "PATH")]
    beadlet: Option<PathBuf>,
}

/// What can be measured on its own.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// First syncs, beside other clients that create the same ConfigMaps
    FirstSync,
    /// From a push until a watching client sees the ConfigMap
    Push,
    /// The same over http, with a webhook that says when
    Webhook,
    /// Passes and restarts with nothing changed
    Unchanged,
    /// Memory and processor time of an idle daemon
    Idle,
    /// Ready issues become Jobs, beside other clients that create the same Jobs
    Dispatch,
    /// From a push until a watching client sees the Job
    PushToJob,
    /// Reading, READY, rendering and hashing, without git and cluster
    Deciding,
    /// Clone, supervisor and push beside `git clone`, without a cluster; the sizes of programs and images
    Pod,
}

impl Arguments {
    pub(crate) fn parts(&self) -> Vec<Part> {
        let all = Part::value_variants().iter().copied();
        all.filter(|part| self.only.is_empty() || self.only.contains(part))
            .collect()
    }

    pub(crate) fn rounds(&self, size: u32) -> u8 {
        if size > 20_000 { 1 } else { self.rounds }
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle.into())
    }

    /// None: only printed.
    pub(crate) fn out(&self) -> Option<PathBuf> {
        let whole = self.only.is_empty().then(|| PathBuf::from("BENCHMARKS.md"));
        self.out.clone().or(whole)
    }

    /// # Errors
    /// The program is not there; the message says how to build it.
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
            "the program beadlet is not built: run `make bench`, or `cargo build --release`",
        )
    }
}
