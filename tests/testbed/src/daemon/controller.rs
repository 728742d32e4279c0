//! `beadlet controller`.

use std::path::PathBuf;

use anyhow::Result;

use super::Daemon;
use crate::process::command;

/// What a controller is started with: it looks after one namespace, and reads repositories on this machine's disk.
#[derive(Clone, Debug)]
pub struct ControllerSetup {
    /// The program `beadlet`.
    pub program: PathBuf,
    pub namespace: String,
    /// None: as the environment says.
    pub kubeconfig: Option<PathBuf>,
    /// None: the current one.
    pub context: Option<String>,
    /// The image of beadlet in pods. None: what the controller chooses.
    pub image: Option<String>,
    /// Where clones are kept.
    pub cache: PathBuf,
    /// Everything the controller says is appended here.
    pub log: PathBuf,
}

impl ControllerSetup {
    /// The arguments, for showing and for running.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let context = self.context.iter().flat_map(|name| ["--context", name]);
        let image = self.image.iter().flat_map(|name| ["--image", name]);
        ["controller"]
            .into_iter()
            .chain(context)
            .chain(["--namespace", &self.namespace, "--local-repositories"])
            .chain(image)
            .map(str::to_owned)
            .collect()
    }

    /// Starts the controller.
    ///
    /// # Errors
    /// The program is not there, or no port is free.
    pub fn start(&self) -> Result<Daemon> {
        let mut command = command(&self.program);
        command.args(self.arguments());
        Daemon::start(command, &self.cache, self.kubeconfig.as_deref(), &self.log)
    }
}
