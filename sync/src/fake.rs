//! An API server in memory that knows ConfigMaps, and fails where a test wants it to. It is for what a real one does not do on
//! demand, and for a thousand cases a second; everything else is tested against a real one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

/// Clones share the objects.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    objects: BTreeMap<String, Value>,
    version: u64,
    requests: Vec<(Method, String)>,
    faults: Vec<Rule>,
}

struct Rule {
    method: Method,
    name: Option<String>,
    times: usize,
    fault: Fault,
}

/// What happens instead of an answer.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Code, body, and `Retry-After` in seconds.
    Answer(u16, Value, Option<u32>),
    /// The request does its work, and its answer is lost.
    LoseAnswer,
    /// The request is lost.
    LoseRequest,
}

impl Fake {
    pub(crate) fn client(&self) -> kube::Client {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(request).await }
        });
        kube::Client::new(service, "town")
    }

    /// Lets the next `times` requests of this method, about the object `name` or about any, meet a fault.
    pub(crate) fn fail(&self, method: Method, name: Option<&str>, times: usize, fault: Fault) {
        let name = name.map(str::to_owned);
        self.world().faults.push(Rule {
            method,
            name,
            times,
            fault,
        });
    }

    /// Methods and names of all requests but lists, oldest first.
    pub(crate) fn requests(&self) -> Vec<(Method, String)> {
        let requests = self.world().requests.clone();
        requests
            .into_iter()
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.world().requests.clear();
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Value> {
        self.world().objects.clone()
    }

    /// Does to an object what somebody else would do: the object gets a new version.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut world = self.world();
        edit(world.objects.get_mut(name).unwrap());
        world.touch(name);
    }

    /// Puts an object there that somebody else made.
    pub(crate) fn put(&self, name: &str, object: Value) {
        let mut world = self.world();
        let object = with_identity(object, name, "kubectl-create");
        world.objects.insert(name.to_owned(), object);
        world.touch(name);
    }

    pub(crate) fn delete(&self, name: &str) {
        self.world().objects.remove(name);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut world = self.world();
        let path = parts
            .uri
            .path()
            .strip_prefix("/api/v1/namespaces/town/configmaps")
            .unwrap();
        let posted = body["metadata"]["name"]
            .as_str()
            .filter(|_| parts.method == Method::POST);
        let name = posted.unwrap_or(path.trim_start_matches('/')).to_owned();
        world.requests.push((parts.method.clone(), name.clone()));
        match world.fault(&parts.method, &name) {
            Some(Fault::LoseRequest) => return Err(std::io::Error::other("connection reset")),
            Some(Fault::Answer(code, body, after)) => return Ok(answer(code, &body, after)),
            Some(Fault::LoseAnswer) => {
                let _ = world.act(&parts.method, &name, body);
                return Err(std::io::Error::other("connection reset"));
            }
            None => {}
        }
        let Ok((code, body)) = world.act(&parts.method, &name, body);
        Ok(answer(code, &body, None))
    }
}

impl World {
    fn fault(&mut self, method: &Method, name: &str) -> Option<Fault> {
        let matches = |r: &&mut Rule| {
            r.times > 0 && r.method == method && r.name.as_deref().is_none_or(|n| n == name)
        };
        let rule = self.faults.iter_mut().find(matches)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn act(
        &mut self,
        method: &Method,
        name: &str,
        body: Value,
    ) -> Result<(u16, Value), Infallible> {
        let found = self.objects.get(name).cloned();
        Ok(match (method.as_str(), found) {
            ("GET", _) if name.is_empty() => self.list(),
            ("GET", Some(object)) => (200, object),
            ("POST", Some(_)) => status(409, "AlreadyExists"),
            ("POST", None) => {
                self.objects
                    .insert(name.to_owned(), with_identity(body, name, "beadlet"));
                (201, self.touch(name))
            }
            ("PATCH", Some(object)) if !is_for(&body["metadata"], &object) => {
                status(409, "Conflict")
            }
            ("PATCH", Some(mut object)) => {
                merge(&mut object, body);
                self.objects.insert(name.to_owned(), object);
                (200, self.touch(name))
            }
            ("DELETE", Some(object)) if !is_for(&body["preconditions"], &object) => {
                status(409, "Conflict")
            }
            ("DELETE", Some(_)) => {
                self.objects.remove(name);
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            _ => status(404, "NotFound"),
        })
    }

    fn list(&self) -> (u16, Value) {
        let ours = |o: &&Value| {
            let labels = &o["metadata"]["labels"];
            labels["gastown.gastown.io/store"] == "town"
                && labels["app.kubernetes.io/managed-by"] == "beadlet"
        };
        let items: Vec<_> = self.objects.values().filter(ours).collect();
        (
            200,
            json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
        )
    }

    fn touch(&mut self, name: &str) -> Value {
        self.version += 1;
        let object = self.objects.get_mut(name).unwrap();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object.clone()
    }
}

fn with_identity(mut object: Value, name: &str, manager: &str) -> Value {
    object["metadata"]["name"] = name.into();
    object["metadata"]["uid"] = format!("uid-{name}-{manager}").into();
    object["metadata"]["managedFields"] = json!([{"manager": manager, "fieldsV1": {}}]);
    object
}

fn is_for(guard: &Value, object: &Value) -> bool {
    ["uid", "resourceVersion"]
        .iter()
        .all(|key| guard[key] == object["metadata"][key])
}

/// RFC 7386.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&key);
        } else {
            merge(&mut target[&key], value);
        }
    }
}

fn status(code: u16, reason: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "reason": reason, "message": reason}),
    )
}

fn answer(code: u16, body: &Value, after: Option<u32>) -> Response<Body> {
    let mut answer = Response::builder().status(StatusCode::from_u16(code).unwrap());
    if let Some(after) = after {
        answer = answer.header("Retry-After", after.to_string());
    }
    answer
        .body(Body::from(body.to_string().into_bytes()))
        .unwrap()
}
