//! Where the issues come from and how to get there.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use super::{Access, Auth, CaBundle, GitUrl, KnownHosts, Proxy};

/// One file in one branch of one repository, and all that is needed to reach it.
#[derive(Clone, Debug)]
pub struct Source {
    pub url: GitUrl,
    /// A branch name or a full ref name (`refs/…`). Without one it is chosen, see [`crate::decide::branch`].
    pub branch: Option<String>,
    /// The file, from the top of the repository. Without one it is chosen, see [`crate::decide::path`].
    pub path: Option<String>,
    /// How many commits of history a fetch brings.
    pub depth: NonZeroU32,
    pub auth: Auth,
    /// Consulted before the built-in keys of the well-known forges, which only count for a host that is not in here.
    pub known_hosts: KnownHosts,
    /// The only certificates trusted for https. Without one: those of the system.
    pub ca_bundle: Option<CaBundle>,
    pub proxy: Proxy,
    /// Belongs to this source alone: what is left there of another URL is removed. Not used for a local path.
    pub cache_dir: PathBuf,
    /// How long a server may be silent. One call takes at most [`Source::TOTAL_FACTOR`] times as long.
    pub timeout: Duration,
    /// A larger issue file is refused.
    pub max_file_bytes: NonZeroU64,
}

impl Source {
    /// A call of `tip` or `fetch` ends after this many times `timeout`, also when the server sends a byte now and then.
    pub const TOTAL_FACTOR: u32 = 10;
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    pub const DEFAULT_MAX_FILE_BYTES: NonZeroU64 = NonZeroU64::MIN.saturating_add((256 << 20) - 1);

    /// The source with every choice left open: no credentials, the built-in known hosts, the system's certificates, no proxy.
    #[must_use]
    pub fn new(url: GitUrl, cache_dir: PathBuf) -> Self {
        Self {
            url,
            branch: None,
            path: None,
            depth: NonZeroU32::MIN,
            auth: Auth::None,
            known_hosts: KnownHosts::default(),
            ca_bundle: None,
            proxy: Proxy::None,
            cache_dir,
            timeout: Self::DEFAULT_TIMEOUT,
            max_file_bytes: Self::DEFAULT_MAX_FILE_BYTES,
        }
    }

    /// What is needed to talk to the server.
    pub(crate) fn access(&self) -> Access {
        Access {
            auth: self.auth.clone(),
            known_hosts: self.known_hosts.clone(),
            ca_bundle: self.ca_bundle.clone(),
            proxy: self.proxy.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_limit_is_256_mebibytes() {
        assert_eq!(Source::DEFAULT_MAX_FILE_BYTES.get(), 256 * 1024 * 1024);
    }
}
