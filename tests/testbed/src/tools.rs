//! Where the programs of the control plane come from: `KUBEBUILDER_ASSETS`, or a cache that [`build`] fills.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

pub mod build;
pub mod monitoring;

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Etcd,
    ApiServer,
    ControllerManager,
    Kubectl,
    Scheduler,
    Kubelet,
    Containerd,
    /// What containerd starts for each pod.
    Shim,
    /// Of containerd, by hand.
    Ctr,
    /// What installs charts.
    Helm,
}

/// A folder under `go/`: a Go module that pins one upstream module.
struct Pinned {
    /// Name of the folder, and the first half of the cache folder's name.
    name: &'static str,
    upstream: &'static str,
    go_mod: &'static str,
}

const KUBERNETES: Pinned = Pinned {
    name: "kubernetes",
    upstream: "k8s.io/kubernetes",
    go_mod: include_str!("../go/kubernetes/go.mod"),
};
const ETCD: Pinned = Pinned {
    name: "etcd",
    upstream: "go.etcd.io/etcd/server/v3",
    go_mod: include_str!("../go/etcd/go.mod"),
};

const HELM: Pinned = Pinned {
    name: "helm",
    upstream: "helm.sh/helm/v4",
    go_mod: include_str!("../go/helm/go.mod"),
};

const CONTAINERD: Pinned = Pinned {
    name: "containerd",
    upstream: "github.com/containerd/containerd/v2",
    go_mod: include_str!("../go/containerd/go.mod"),
};

impl Tool {
    /// With what its users have on their desks.
    pub const CONTROL_PLANE: [Tool; 5] = [
        Tool::Etcd,
        Tool::ApiServer,
        Tool::ControllerManager,
        Tool::Kubectl,
        Tool::Helm,
    ];
    /// What a node needs beside what the distribution gives.
    pub const NODE: [Tool; 5] = [
        Tool::Scheduler,
        Tool::Kubelet,
        Tool::Containerd,
        Tool::Shim,
        Tool::Ctr,
    ];

    /// File name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Etcd => "etcd",
            Tool::ApiServer => "kube-apiserver",
            Tool::ControllerManager => "kube-controller-manager",
            Tool::Kubectl => "kubectl",
            Tool::Scheduler => "kube-scheduler",
            Tool::Kubelet => "kubelet",
            Tool::Containerd => "containerd",
            Tool::Shim => "containerd-shim-runc-v2",
            Tool::Ctr => "ctr",
            Tool::Helm => "helm",
        }
    }

    /// The version pinned in `go.mod`, with its `v`.
    ///
    /// # Errors
    /// `go.mod` names no version.
    pub fn version(self) -> Result<String> {
        let pinned = self.pinned();
        requirement(pinned.go_mod, pinned.upstream).with_context(|| {
            format!(
                "go/{}/go.mod requires no version of {}",
                pinned.name, pinned.upstream
            )
        })
    }

    /// Where the program is, whether it was built or given.
    ///
    /// # Errors
    /// It is in neither place; the message says how to build it.
    pub fn locate(self) -> Result<PathBuf> {
        if let Some(given) = self.given() {
            return Ok(given);
        }
        let cached = self.cached()?;
        if !cached.is_file() {
            bail!("{self} is not built yet: run `cargo run -p beadlet-testbed -- build`");
        }
        Ok(cached)
    }

    /// The program in `KUBEBUILDER_ASSETS`, if that has it. (Its usual content lacks kube-controller-manager.)
    fn given(self) -> Option<PathBuf> {
        let assets = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty())?;
        Some(Path::new(&assets).join(self.program())).filter(|path| path.is_file())
    }

    fn cached(self) -> Result<PathBuf> {
        Ok(cache()?
            .join(format!("{}-{}", self.pinned().name, self.version()?))
            .join(self.program()))
    }

    fn pinned(self) -> &'static Pinned {
        match self {
            Tool::Etcd => &ETCD,
            Tool::Helm => &HELM,
            Tool::Containerd | Tool::Shim | Tool::Ctr => &CONTAINERD,
            _ => &KUBERNETES,
        }
    }

    /// How long a first build takes on two cores.
    fn usual_build(self) -> Duration {
        Duration::from_secs(match self {
            Tool::Scheduler | Tool::Shim | Tool::Ctr => 10,
            Tool::Etcd | Tool::Kubectl | Tool::Kubelet => 30,
            Tool::Containerd => 60,
            Tool::ApiServer => 300,
            Tool::ControllerManager | Tool::Helm => 120,
        })
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// `$BEADLET_CACHE`, else `$XDG_CACHE_HOME/beadlet`, else `~/.cache/beadlet`; in it the testbed's own folder.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let root = set("BEADLET_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("beadlet")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/beadlet")))
        .context("there is no place to keep what is built: set BEADLET_CACHE to a folder")?;
    Ok(root.join("testbed"))
}

/// The version that a `go.mod` requires of a module: the line `<module> <version>`, in a block or after `require`.
fn requirement(go_mod: &str, module: &str) -> Option<String> {
    go_mod
        .lines()
        .filter(|line| !line.contains("=>"))
        .find_map(|line| {
            let mut words = line
                .split_whitespace()
                .skip_while(|word| *word == "require");
            (words.next() == Some(module)).then(|| words.next().map(str::to_owned))?
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_ones_pinned_in_go_mod() {
        assert_eq!(Tool::ApiServer.version().unwrap(), "v1.37.2");
        assert_eq!(Tool::Etcd.version().unwrap(), "v3.7.3");
        assert_eq!(Tool::Shim.version().unwrap(), "v2.4.2");
        assert_eq!(Tool::Helm.version().unwrap(), "v4.3.1");
    }

    #[test]
    fn requirement_is_read_in_a_block_and_alone_but_not_from_a_replacement() {
        let go_mod = "replace a.b/c => a.b/c v9.0.0\nrequire a.b/d v1.2.3\nrequire (\n\ta.b/c v1.0.0 // indirect\n)\n";
        assert_eq!(requirement(go_mod, "a.b/c").as_deref(), Some("v1.0.0"));
        assert_eq!(requirement(go_mod, "a.b/d").as_deref(), Some("v1.2.3"));
        assert_eq!(requirement(go_mod, "a.b/e"), None);
    }
}
