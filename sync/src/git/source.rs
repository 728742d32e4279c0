//! Where the issues come from and how to get there.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{GitUrl, KnownHosts, Secret};

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
}

/// Who we are to the server. Goes before what the URL itself carries.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// What the URL carries, if anything. Over ssh without a password: the keys of the running agent.
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
    /// Over https and http, or as a password over ssh.
    Basic { username: String, password: Secret },
    /// Over https and http only: an access token of a forge, sent as the password of a user whose name the forge ignores or prescribes,
    /// or as a bearer token where the server asks for that.
    Token(Secret),
}

/// How to reach the server.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    #[default]
    None,
    /// For https and http: by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    Environment,
    /// `http://[user:password@]host[:port]`, also for ssh.
    Url(GitUrl),
}

/// Certificates of the authorities that are trusted.
#[derive(Clone)]
pub struct CaBundle(pub(crate) Arc<RootCertStore>);

impl CaBundle {
    /// Reads PEM text with at least one certificate.
    ///
    /// # Errors
    /// When a block is broken or there is none.
    pub fn parse(pem: &[u8]) -> Result<Self, SettingsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|error| SettingsError::CaBundle(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| SettingsError::CaBundle(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(SettingsError::CaBundle(
                "it holds no certificate".to_owned(),
            ));
        }
        Ok(Self(Arc::new(roots)))
    }
}

impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificates", self.0.len())
    }
}

/// Settings that do not go together or cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("no CA bundle: {0}")]
    CaBundle(String),
    #[error(
        "an ssh key is given for an http URL: give a user name and password or a token, or use the ssh URL"
    )]
    KeyOverHttp,
    #[error("a token is given for an ssh URL: give an ssh key, or use the https URL")]
    TokenOverSsh,
    #[error("the ssh key is not text in PEM or OpenSSH format")]
    KeyNotText,
    #[error("the user name or password for ssh is not UTF-8")]
    CredentialsNotText,
    #[error("this machine cannot start what a connection needs: {0}")]
    Machine(String),
    #[error("the proxy must be written http://[user:password@]host[:port], {0} is not")]
    Proxy(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ca_bundle_without_a_certificate_is_refused() {
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                matches!(
                    CaBundle::parse(pem.as_bytes()),
                    Err(SettingsError::CaBundle(_))
                ),
                "{pem}"
            );
        }
    }

    #[test]
    fn default_limit_is_256_mebibytes() {
        assert_eq!(Source::DEFAULT_MAX_FILE_BYTES.get(), 256 * 1024 * 1024);
    }
}
