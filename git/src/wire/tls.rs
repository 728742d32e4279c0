//! TLS with the certificate authorities of one source.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::CaBundle;
use super::{Limits, WireError};

pub(super) struct Tls {
    bundle: Option<CaBundle>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(bundle: Option<CaBundle>) -> Self {
        Self {
            bundle,
            config: OnceLock::new(),
        }
    }

    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
        limits: &Limits,
    ) -> Result<TlsStream<TcpStream>, WireError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| WireError::Tls(error.to_string()))?;
        let connector = TlsConnector::from(self.config()?);
        limits
            .within(connector.connect(name, stream))
            .await?
            .map_err(|error| {
                match error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                {
                    Some(rustls::Error::InvalidCertificate(why)) => {
                        WireError::Certificate(why.to_string())
                    }
                    Some(other) => WireError::Tls(other.to_string()),
                    None => WireError::Broken(error.to_string()),
                }
            })
    }

    /// The authorities of the system are read when they are first needed and not again: a changed bundle needs a new process, or a source
    /// with a bundle of its own.
    fn config(&self) -> Result<Arc<ClientConfig>, WireError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let roots = match &self.bundle {
            Some(bundle) => Arc::clone(&bundle.0),
            None => Arc::new(of_the_system()?),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| WireError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}

fn of_the_system() -> Result<RootCertStore, WireError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        Err(WireError::NoAuthorities)
    } else {
        Ok(roots)
    }
}
