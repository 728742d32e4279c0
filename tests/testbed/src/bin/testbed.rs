//! `testbed build` builds the control plane, `testbed up` brings one up.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use beadlet_testbed::{
    images, node,
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
        /// With a node, so that pods really run (Linux, as root)
        #[arg(long)]
        node: bool,
    },
    /// Say whether this machine can be a node: success, or what it lacks
    CanBeNode,
    /// The first process in a node's namespaces
    #[command(hide = true)]
    InsideNode {
        folder: PathBuf,
        kubelet: PathBuf,
        containerd: PathBuf,
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
        Command::Build => {
            tools::build::missing()?;
            match node::obstacle() {
                None => images::missing(),
                Some(_) => Ok(()),
            }
        }
        Command::Up {
            until_stdin_closes: true,
            node,
        } => supervisor::run(Owner::Pipe, *node),
        Command::Up {
            until_stdin_closes: false,
            node,
        } => {
            tools::build::missing()?;
            supervisor::run(Owner::Person, *node)
        }
        Command::CanBeNode => match node::obstacle() {
            None => Ok(()),
            Some(obstacle) => bail!("this machine cannot be a node: {obstacle}"),
        },
        Command::InsideNode {
            folder,
            kubelet,
            containerd,
        } => node::inside::run(folder, kubelet, containerd),
    }
}
