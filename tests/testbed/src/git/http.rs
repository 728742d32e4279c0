//! Smart HTTP and HTTPS, with switches for what a real server does only now and then.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use tempfile::TempDir;

use super::{cgi, repo::GitRepo};
use crate::{
    pki::{Ca, Validity},
    server::{self, Body, BoxError, Dropped, Reply, Server},
};

mod auth;

pub use auth::Auth;
pub(super) use auth::base64;

/// How the server proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// It does not: `http://`.
    #[default]
    Plain,
    /// By a certificate of the authority in [`GitHttp::ca_file`].
    Valid,
    /// The same, also for another address than 127.0.0.1.
    At(Ipv4Addr),
    /// The same, ended in 2021.
    Expired,
    /// A certificate for another host.
    OtherHost,
}

/// What the server does with a request of somebody it serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    #[default]
    Serve,
    /// Nothing but this status.
    Status(u16),
    /// Never answers.
    Hang,
    /// Sends the first half of each pack, and then nothing more.
    HangMidPack,
    /// Sends the first half of each pack, and then closes the connection.
    DropMidPack,
    /// Sends everything in 16 pieces, with a pause before each.
    Slow(Duration),
    /// Sends the client to the same place below another address.
    Redirect(String),
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub path: String,
    /// The scheme of the `Authorization` header (`Basic`, `Bearer`), if there was one; never what it held.
    pub authorization: Option<String>,
    pub user_agent: String,
    /// Of the answer; `None` where there was none.
    pub status: Option<u16>,
}

/// A server for the repositories in one folder.
pub struct GitHttp {
    server: Server,
    state: Arc<State>,
    folder: TempDir,
    scheme: &'static str,
}

struct State {
    root: PathBuf,
    auth: Mutex<Auth>,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
}

impl GitHttp {
    /// Serves a repository, and any that is made beside it.
    pub fn start(repo: &GitRepo, tls: Tls, auth: Auth) -> Self {
        Self::of_folder(repo.parent(), tls, auth)
    }

    /// Serves every repository in a folder.
    pub fn of_folder(root: &Path, tls: Tls, auth: Auth) -> Self {
        let (folder, ca) = (
            tempfile::tempdir().unwrap(),
            Ca::new("testbed git servers").unwrap(),
        );
        ca.save(folder.path()).unwrap();
        let (name, validity) = match tls {
            Tls::OtherHost => ("git.example.com", Validity::Current),
            Tls::Expired => ("127.0.0.1", Validity::Expired),
            Tls::Plain | Tls::Valid | Tls::At(_) => ("127.0.0.1", Validity::Current),
        };
        let other = match tls {
            Tls::At(address) => Some(address.to_string()),
            _ => None,
        };
        let names: Vec<&str> = [name].into_iter().chain(other.as_deref()).collect();
        let pair = ca.server(&names, validity).unwrap();
        let (scheme, config) = match tls {
            Tls::Plain => ("http", None),
            _ => ("https", Some(server::tls(&pair, &["http/1.1"]).unwrap())),
        };
        let state = Arc::new(State {
            root: root.to_owned(),
            auth: Mutex::new(auth),
            behaviour: Mutex::default(),
            seen: Mutex::default(),
        });
        let shared = state.clone();
        let server =
            Server::start(config, move |request| respond(shared.clone(), request)).unwrap();
        Self {
            server,
            state,
            folder,
            scheme,
        }
    }

    /// Where a repository of the folder is.
    pub fn url(&self, repo: &GitRepo) -> String {
        format!(
            "{}/{}",
            self.base(),
            repo.path().file_name().unwrap().display()
        )
    }

    /// The address without a path: what [`Behaviour::Redirect`] of another server takes.
    pub fn base(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.server.port())
    }

    /// The authority's certificate, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// From now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = behaviour;
    }

    /// From now on: a rotated password or token.
    pub fn ask_for(&self, auth: Auth) {
        *lock(&self.state.auth) = auth;
    }

    /// What was answered (or not) until now, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let auth = lock(&state.auth).clone();
    let reply = match auth.user(&parts) {
        Err(scheme) => Ok(unauthorized(scheme)),
        Ok(user) => {
            let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
            let behaviour = lock(&state.behaviour).clone();
            behaviour
                .reply(&state.root, &parts, body, user.as_deref())
                .await
        }
    };
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .unwrap_or_default()
    };
    lock(&state.seen).push(Seen {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        authorization: text(header::AUTHORIZATION)
            .split_once(' ')
            .map(|(scheme, _)| scheme.to_owned()),
        user_agent: text(header::USER_AGENT).to_owned(),
        status: reply
            .as_ref()
            .ok()
            .map(|response| response.status().as_u16()),
    });
    match reply {
        // Recorded above, so that a test can wait until the server hangs.
        Err(Hangs::Forever) => std::future::pending().await,
        Err(Hangs::Broken) => Err(Dropped),
        Ok(response) => Ok(response),
    }
}

/// Why there is no answer.
enum Hangs {
    Forever,
    /// git could not be run.
    Broken,
}

impl Behaviour {
    async fn reply(
        self,
        root: &Path,
        request: &Parts,
        body: Bytes,
        user: Option<&str>,
    ) -> Result<Response<Body>, Hangs> {
        match &self {
            Behaviour::Hang => return Err(Hangs::Forever),
            Behaviour::Status(status) => {
                return Ok(server::empty(StatusCode::from_u16(*status).unwrap()));
            }
            Behaviour::Redirect(base) => {
                let mut response = server::empty(StatusCode::TEMPORARY_REDIRECT);
                response.headers_mut().insert(
                    header::LOCATION,
                    format!("{base}{}", request.uri).parse().unwrap(),
                );
                return Ok(response);
            }
            _ => {}
        }
        let response = cgi::answer(root, request, body, user)
            .await
            .map_err(|_| Hangs::Broken)?;
        Ok(
            response
                .map(|bytes| self.send(bytes, request.uri.path().ends_with("/git-upload-pack"))),
        )
    }

    fn send(&self, bytes: Bytes, pack: bool) -> Body {
        let half = bytes.slice(..bytes.len() / 2);
        match self {
            Behaviour::HangMidPack if pack => {
                body(stream::iter([Ok(half)]).chain(stream::pending()))
            }
            Behaviour::DropMidPack if pack => {
                body(stream::iter([Ok(half)]).chain(stream::once(server::broken())))
            }
            Behaviour::Slow(pause) => {
                let (pause, size) = (*pause, bytes.len().div_ceil(16).max(1));
                let pieces: Vec<Bytes> = bytes
                    .chunks(size)
                    .map(|piece| bytes.slice_ref(piece))
                    .collect();
                body(stream::iter(pieces).then(move |piece| async move {
                    tokio::time::sleep(pause).await;
                    Ok(piece)
                }))
            }
            _ => body(stream::iter([Ok(bytes)])),
        }
    }
}

fn body(pieces: impl futures::Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

fn unauthorized(scheme: &'static str) -> Response<Body> {
    let mut refused = server::empty(StatusCode::UNAUTHORIZED);
    refused
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    refused
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
