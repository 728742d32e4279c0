//! ConfigMaps as files for `kubectl apply -f -`.

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::json::{FormError, pretty, yaml};

/// One YAML document of several.
///
/// # Errors
/// When the object has no YAML form.
pub fn document(configmap: &ConfigMap) -> Result<String, FormError> {
    Ok(format!("---\n{}", yaml(configmap)?))
}

/// All of them as one List object in JSON.
///
/// # Errors
/// When an object has no JSON form.
pub fn list(configmaps: &[ConfigMap]) -> Result<String, FormError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        api_version: &'static str,
        kind: &'static str,
        items: &'a [ConfigMap],
    }
    pretty(&List {
        api_version: "v1",
        kind: "List",
        items: configmaps,
    })
}

/// The name by which kubectl knows one.
#[must_use]
pub fn name(configmap: &ConfigMap) -> String {
    format!(
        "configmap/{}\n",
        configmap.metadata.name.as_deref().unwrap_or_default()
    )
}
