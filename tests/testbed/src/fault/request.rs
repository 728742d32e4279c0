//! What an HTTP request means to the API server, in the words of its audit log.

use http::{Method, Uri};

/// A request to the API server. What is not there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// Path and query.
    pub uri: String,
}

impl Asked {
    /// As kube-apiserver's `RequestInfo`: `/api/v1/…` is the core group, `/apis/<group>/<version>/…` any other; then
    /// `namespaces/<namespace>` if the resource is in one; then resource, name, subresource.
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let mut asked = Self {
            uri: uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            ..Self::default()
        };
        let mut rest = match uri.path().split('/').skip(1).collect::<Vec<_>>().as_slice() {
            ["api", _version, rest @ ..] => rest.to_vec(),
            ["apis", group, _version, rest @ ..] => {
                asked.group = (*group).to_owned();
                rest.to_vec()
            }
            _ => Vec::new(),
        };
        if let ["namespaces", namespace, _resource, ..] = rest.as_slice()
            && !matches!(rest.as_slice(), [_, _, "status" | "finalize"])
        {
            asked.namespace = (*namespace).to_owned();
            rest.drain(..2);
        }
        let mut words = rest.into_iter().map(str::to_owned);
        asked.resource = words.next().unwrap_or_default();
        asked.name = words.next().unwrap_or_default();
        asked.subresource = words.next().unwrap_or_default();
        asked.verb = verb(
            method,
            !asked.name.is_empty(),
            uri.query().unwrap_or_default(),
            !asked.resource.is_empty(),
        );
        asked
    }

    pub fn is_write(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

fn verb(method: &Method, named: bool, query: &str, of_a_resource: bool) -> &'static str {
    let watch = query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1" | "watch"));
    match (method.as_str(), named) {
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ if watch => "watch",
        (_, false) if of_a_resource => "list",
        _ => "get",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(method: &Method, uri: &str) -> [String; 6] {
        let Asked {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
            ..
        } = Asked::of(method, &uri.parse().unwrap());
        [
            verb.to_owned(),
            group,
            namespace,
            resource,
            name,
            subresource,
        ]
    }

    #[test]
    fn requests_are_told_apart_as_the_server_does() {
        let list = "/api/v1/namespaces/a/configmaps";
        let cases = [
            (
                Method::GET,
                list.to_owned(),
                ["list", "", "a", "configmaps", "", ""],
            ),
            (
                Method::GET,
                format!("{list}?watch=true&x=1"),
                ["watch", "", "a", "configmaps", "", ""],
            ),
            (
                Method::GET,
                format!("{list}/b"),
                ["get", "", "a", "configmaps", "b", ""],
            ),
            (
                Method::POST,
                list.to_owned(),
                ["create", "", "a", "configmaps", "", ""],
            ),
            (
                Method::DELETE,
                list.to_owned(),
                ["deletecollection", "", "a", "configmaps", "", ""],
            ),
            (
                Method::DELETE,
                format!("{list}/b"),
                ["delete", "", "a", "configmaps", "b", ""],
            ),
            (
                Method::GET,
                "/api/v1/namespaces/a".into(),
                ["get", "", "", "namespaces", "a", ""],
            ),
            (
                Method::PUT,
                "/api/v1/namespaces/a/finalize".into(),
                ["update", "", "", "namespaces", "a", "finalize"],
            ),
            (
                Method::PATCH,
                "/apis/batch/v1/namespaces/a/jobs/b/status".into(),
                ["patch", "batch", "a", "jobs", "b", "status"],
            ),
            (
                Method::GET,
                "/apis/batch/v1/jobs".into(),
                ["list", "batch", "", "jobs", "", ""],
            ),
            (
                Method::GET,
                "/apis/batch/v1".into(),
                ["get", "batch", "", "", "", ""],
            ),
            (Method::GET, "/readyz".into(), ["get", "", "", "", "", ""]),
        ];
        for (method, uri, expected) in cases {
            assert_eq!(
                words(&method, &uri),
                expected.map(str::to_owned),
                "{method} {uri}"
            );
        }
    }
}
