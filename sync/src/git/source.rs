//! Where the issues come from and how to get there.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use super::{GitError, GitUrl, KnownHosts, Secret};

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
    pub const DEFAULT_MAX_FILE_BYTES: NonZeroU64 = NonZeroU64::new(256 << 20).unwrap();

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
}

/// Who we are to the server. Goes before what the URL itself carries.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Over ssh: the keys of the running agent, if there is one.
    #[default]
    None,
    /// Over ssh only.
    SshKey {
        /// In PEM or OpenSSH format.
        private: Secret,
        passphrase: Option<Secret>,
        /// Without one: the user of the URL, else `git`.
        username: Option<String>,
    },
    /// Over https, or as a password over ssh.
    Basic { username: String, password: Secret },
    /// Over https only: an access token of a forge.
    Token(Secret),
}

/// How to reach an http or https server.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    #[default]
    None,
    /// By `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    Environment,
    /// `http://[user:password@]host[:port]`, also for ssh.
    Url(GitUrl),
}

/// Certificates of the authorities that are trusted.
#[derive(Clone, Debug)]
pub struct CaBundle {}

impl CaBundle {
    /// Reads PEM text with at least one certificate.
    ///
    /// # Errors
    /// When a block is broken or there is none.
    pub fn parse(_pem: &[u8]) -> Result<Self, GitError> {
        todo!()
    }
}
