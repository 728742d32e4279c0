//! How to get to a server: who we are to it, whom to expect there, and the way.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::{GitUrl, KnownHosts, Secret};

/// All that is needed beside the address.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub auth: Auth,
    /// Consulted before the built-in keys of the well-known forges, which only count for a host that is not in here.
    pub known_hosts: KnownHosts,
    /// The only certificates trusted for https. Without one: those of the system.
    pub ca_bundle: Option<CaBundle>,
    pub proxy: Proxy,
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
}
