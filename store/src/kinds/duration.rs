//! Durations as Kubernetes users write them.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration in Go's notation (`30s`, `5m`, `1h30m`), kept as text until it is used: a bad one in a stored object must not make the
/// object unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DurationText(pub String);

/// The text is not a duration that can be waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write it like 30s, 5m or 1h30m")]
pub struct NotADuration(String);

impl DurationText {
    /// # Errors
    /// When the text is not in Go's notation, or negative.
    pub fn parse(&self) -> Result<Duration, NotADuration> {
        match kube::core::Duration::from_str(&self.0) {
            Ok(duration) if !duration.is_negative() => Ok(duration.into()),
            _ => Err(NotADuration(self.0.clone())),
        }
    }
}

impl From<&str> for DurationText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 64,
            "x-kubernetes-validations": [{
                "rule": "self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$')",
                "message": "not a duration: write it like 30s, 5m or 1h30m",
            }],
        })
    }
}
