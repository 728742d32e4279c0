//! What a controller sees of the cluster.

/// All namespaces, or one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Cluster,
    Namespace(String),
}

impl Scope {
    #[must_use]
    pub fn sees(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(only) => only == namespace,
        }
    }
}
