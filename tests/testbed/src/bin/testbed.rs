//! `testbed build` builds the control plane, `testbed up` brings one up.

use std::process::ExitCode;

use beadlet_testbed::{
    supervisor::{self, Owner},
    tools,
};
use clap::{Parser, Subcommand};

/// A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what is missing, once for all (needs Go; KUBEBUILDER_ASSETS is taken where it has a program)
    Build,
    /// Bring up a control plane and keep it until Ctrl-C
    Up {
        /// Keep it until stdin is closed, and take orders there
        #[arg(long)]
        until_stdin_closes: bool,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Build => tools::build::missing(),
        Command::Up {
            until_stdin_closes: true,
        } => supervisor::run(Owner::Pipe),
        Command::Up {
            until_stdin_closes: false,
        } => {
            tools::build::missing()?;
            supervisor::run(Owner::Person)
        }
    }
}
