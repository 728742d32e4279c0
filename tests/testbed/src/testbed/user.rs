//! Whom the API server knows.

use std::path::{Path, PathBuf};

use kube::Client;

use crate::control_plane;

/// Somebody whom the API server knows by a client certificate.
#[derive(Clone, Debug)]
pub struct User {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) kubeconfig: PathBuf,
    pub(super) server: String,
}

impl User {
    /// The name in the audit log.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A new client, bound to the runtime of the caller.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn client(&self) -> Client {
        let folder = self.kubeconfig.parent().unwrap();
        control_plane::client(folder, &self.server, &self.file).unwrap()
    }
}
