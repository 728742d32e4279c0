//! The real kubectl, on what the demo shows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::screen::Screen;

/// kubectl, told which cluster and namespace are meant.
pub(crate) struct Kubectl {
    program: PathBuf,
    /// None: as the environment says.
    kubeconfig: Option<PathBuf>,
    /// Arguments that a person needs as well.
    flags: Vec<String>,
}

impl Kubectl {
    /// For a kubeconfig whose context names the namespace already.
    pub(crate) fn with_kubeconfig(program: PathBuf, kubeconfig: &Path) -> Self {
        Self {
            program,
            kubeconfig: Some(kubeconfig.to_owned()),
            flags: Vec::new(),
        }
    }

    /// For a context of the person's own kubeconfig.
    pub(crate) fn with_context(program: PathBuf, context: &str, namespace: &str) -> Self {
        let flags = ["--context", context, "-n", namespace]
            .map(str::to_owned)
            .to_vec();
        Self {
            program,
            kubeconfig: None,
            flags,
        }
    }

    /// Runs a command and shows it with the first `rows` rows of what it prints.
    pub(crate) async fn show(&self, screen: Screen, arguments: &[&str], rows: usize) -> Result<()> {
        screen.command(&self.words(arguments));
        screen.table(&self.run(arguments).await?, rows);
        Ok(())
    }

    /// Runs a command and shows it without what it prints.
    pub(crate) async fn quietly(&self, screen: Screen, arguments: &[&str]) -> Result<()> {
        screen.command(&self.words(arguments));
        self.run(arguments).await.map(drop)
    }

    /// A command as a person types it.
    pub(crate) fn typed(&self, arguments: &[&str]) -> String {
        self.words(arguments).join(" ")
    }

    fn words(&self, arguments: &[&str]) -> Vec<String> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        ["kubectl".to_owned()]
            .into_iter()
            .chain(self.flags.iter().cloned())
            .chain(arguments)
            .collect()
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(&self.flags).args(arguments).kill_on_drop(true);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        let output = command
            .output()
            .await
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        if !output.status.success() {
            bail!(
                "{} failed: {}",
                self.typed(arguments),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
