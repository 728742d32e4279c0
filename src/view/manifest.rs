//! ConfigMaps as files for `kubectl apply -f -`.

use k8s_openapi::api::core::v1::ConfigMap;

use super::json::{FormError, indented, yaml};

/// One YAML document of several.
///
/// # Errors
/// When the object has no YAML form.
pub fn document(configmap: &ConfigMap) -> Result<String, FormError> {
    Ok(format!("---\n{}", yaml(configmap)?))
}

/// The start and the end of a List object in JSON, around its items.
pub const LIST: [&str; 2] = [
    "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"List\",\n    \"items\": [",
    "\n    ]\n}\n",
];

/// The item at a place of a List object, with what separates it from the one before.
///
/// # Errors
/// When the object has no JSON form.
pub fn item(place: usize, configmap: &ConfigMap) -> Result<String, FormError> {
    let separator = if place == 0 { "" } else { "," };
    let text = indented(&serde_json::to_vec(configmap)?, 2);
    Ok(format!("{separator}\n        {text}"))
}

/// The name by which kubectl knows one.
#[must_use]
pub fn name(configmap: &ConfigMap) -> String {
    format!(
        "configmap/{}\n",
        configmap.metadata.name.as_deref().unwrap_or_default()
    )
}
