//! The format of the audit log.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Request;

/// A line of the log, as far as we read it: `audit.k8s.io/v1` Event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: EventUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: Status,
    #[serde(default)]
    request_object: Value,
    #[serde(default)]
    response_object: Value,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct EventUser {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl Event {
    /// A watch is counted when it begins, everything else when it is answered.
    pub(super) fn into_request(self) -> Option<Request> {
        let counts = if self.verb == "watch" {
            "ResponseStarted"
        } else {
            "ResponseComplete"
        };
        (self.stage == counts || self.stage == "Panic").then_some(Request {
            id: self.audit_id,
            received: self.request_received_timestamp,
            answered: self.stage_timestamp,
            user: self.user.username,
            user_agent: self.user_agent,
            verb: self.verb,
            uri: self.request_uri,
            group: self.object_ref.api_group,
            resource: self.object_ref.resource,
            subresource: self.object_ref.subresource,
            namespace: self.object_ref.namespace,
            name: self.object_ref.name,
            code: self.response_status.code,
            request_object: self.request_object,
            response_object: self.response_object,
        })
    }
}
