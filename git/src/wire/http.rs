//! The smart protocol over http and https (gitprotocol-http(5)), with a connection that is kept between calls.

mod connection;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use git2::transport::Service;
use http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Runtime;

use super::dial::{self, Dialer};
use super::tls::Tls;
use super::{Limits, Opener, WireError, WireStream};
use crate::Secret;
use crate::access::{Access, Auth, SettingsError};
use crate::url::{GitUrl, Place, RemoteUrl, Scheme};
use connection::{Base, Connections, Outgoing};

const MAX_REDIRECTS: usize = 5;

/// Of an answer that is an error, as much is read as a person wants to see.
const MAX_WORDS: usize = 4 << 10;

pub(super) struct Http(Arc<Inner>);

struct Inner {
    connections: Connections,
    /// Drives the connections. It runs only while a call waits.
    runtime: Runtime,
    /// Where redirects of the exchange under way have led.
    moved: Mutex<Option<Base>>,
}

impl Http {
    pub(super) fn new(
        access: &Access,
        url: &RemoteUrl,
        dialer: Dialer,
    ) -> Result<Self, SettingsError> {
        let authorizations = authorizations(&access.auth, url)?;
        if url.scheme == Scheme::Http && !authorizations.is_empty() {
            tracing::warn!(%url, "credentials go to the server unencrypted: use https");
        }
        let tls = Tls::new(access.ca_bundle.clone());
        let connections = Connections::new(Base::from(url), authorizations, dialer, tls);
        Ok(Self(Arc::new(Inner {
            connections,
            runtime: dial::runtime()?,
            moved: Mutex::default(),
        })))
    }
}

/// The `Authorization` header that a server at `url` gets, for programs that speak to it beside us. `None` without a credential.
///
/// # Errors
/// When the credential is for another kind of server.
pub fn authorization(auth: &Auth, url: &RemoteUrl) -> Result<Option<Secret>, SettingsError> {
    let values = authorizations(auth, url)?;
    Ok(values
        .first()
        .map(|value| Secret::new(value.as_bytes().to_vec())))
}

/// Sent with the first request: a server that wants it would have answered 401 first, which would double every look at the refs.
fn authorizations(auth: &Auth, url: &RemoteUrl) -> Result<Vec<HeaderValue>, SettingsError> {
    let basic = |username: &[u8], password: &Secret| {
        dial::basic(Some(&Secret::new(username)), Some(password))
    };
    Ok(match auth {
        Auth::None => dial::basic(url.username.as_ref(), url.password.as_ref())
            .into_iter()
            .collect(),
        Auth::Basic { username, password } => {
            basic(username.as_bytes(), password).into_iter().collect()
        }
        Auth::Token(token) => [
            basic(token_user(&url.host).as_bytes(), token),
            bearer(token),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Auth::SshKey { .. } => return Err(SettingsError::KeyOverHttp),
    })
}

fn bearer(token: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token.reveal()].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether the server wants a bearer token and nothing else.
fn asks_for_bearer(answer: &Response<Incoming>) -> bool {
    let challenges: Vec<_> = answer
        .headers()
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let has = |scheme: &str| {
        challenges
            .iter()
            .any(|challenge| challenge.to_ascii_lowercase().contains(scheme))
    };
    has("bearer") && !has("basic")
}

/// The forges take a token as the password of a user whose name depends on the forge.
fn token_user(host: &str) -> &'static str {
    if host == "bitbucket.org" {
        "x-token-auth"
    } else if host.contains("gitlab") {
        "oauth2"
    } else {
        "x-access-token"
    }
}

impl Opener for Http {
    fn stateless(&self) -> bool {
        true
    }

    fn open(&self, service: Service, limits: &Limits) -> Result<Box<dyn WireStream>, WireError> {
        let (name, advertise) = match service {
            Service::UploadPackLs => ("git-upload-pack", true),
            Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs => ("git-receive-pack", true),
            Service::ReceivePack => ("git-receive-pack", false),
        };
        let inner = Arc::clone(&self.0);
        let limits = limits.clone();
        let answer = if advertise {
            Some(inner.runtime.block_on(inner.advertisement(name, &limits))?)
        } else {
            None
        };
        Ok(Box::new(Call {
            inner,
            limits,
            service: name,
            request: Vec::new(),
            answer,
            rest: Bytes::new(),
        }))
    }
}

/// One request and its answer.
struct Call {
    inner: Arc<Inner>,
    limits: Limits,
    service: &'static str,
    /// Collected until the answer is wanted.
    request: Vec<u8>,
    answer: Option<Incoming>,
    rest: Bytes,
}

impl WireStream for Call {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, WireError> {
        let Self {
            inner,
            limits,
            service,
            request,
            answer,
            rest,
        } = self;
        inner.runtime.block_on(async {
            if answer.is_none() {
                let body = Bytes::from(std::mem::take(request));
                *answer = Some(inner.post(service, body, limits).await?);
            }
            let Some(body) = answer else { return Ok(0) };
            while rest.is_empty() {
                match limits.within(body.frame()).await? {
                    None => return Ok(0),
                    Some(Err(error)) => return Err(connection::broken(&error)),
                    Some(Ok(frame)) => *rest = frame.into_data().unwrap_or_default(),
                }
            }
            let taken = rest.split_to(rest.len().min(buffer.len()));
            buffer[..taken.len()].copy_from_slice(&taken);
            Ok(taken.len())
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.request.extend_from_slice(bytes);
        Ok(())
    }
}

impl Inner {
    /// Asks what refs there are, and follows where the server leads (only here, as git does).
    async fn advertisement(&self, service: &str, limits: &Limits) -> Result<Incoming, WireError> {
        let tail = format!("/info/refs?service={service}");
        let content_type = format!("application/x-{service}-advertisement");
        let mut base = self.connections.url().clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self
                .connections
                .send(&Outgoing::get(&base, &tail), limits)
                .await?;
            if answer.status() == StatusCode::UNAUTHORIZED
                && asks_for_bearer(&answer)
                && self.connections.try_next_credentials()
            {
                continue;
            }
            if !answer.status().is_redirection() {
                *self.moved() = (base != *self.connections.url()).then_some(base);
                return self.checked(answer, &content_type, limits).await;
            }
            base = redirected(&base, &location(&answer), &tail)?;
        }
        Err(WireError::Redirect {
            to: "one address after the other".to_owned(),
        })
    }

    async fn post(
        &self,
        service: &str,
        body: Bytes,
        limits: &Limits,
    ) -> Result<Incoming, WireError> {
        let base = self
            .moved()
            .clone()
            .unwrap_or_else(|| self.connections.url().clone());
        let answer = self
            .connections
            .send(&Outgoing::post(&base, service, body), limits)
            .await?;
        self.checked(answer, &format!("application/x-{service}-result"), limits)
            .await
    }

    fn moved(&self) -> MutexGuard<'_, Option<Base>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body of a good answer.
    async fn checked(
        &self,
        answer: Response<Incoming>,
        expected: &str,
        limits: &Limits,
    ) -> Result<Incoming, WireError> {
        if answer.status() != StatusCode::OK {
            return Err(self.refusal(answer, limits).await);
        }
        let content_type = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if content_type == expected {
            Ok(answer.into_body())
        } else {
            Err(WireError::NotGit {
                content_type: content_type.to_owned(),
            })
        }
    }

    async fn refusal(&self, answer: Response<Incoming>, limits: &Limits) -> WireError {
        let status = answer.status();
        match status {
            StatusCode::UNAUTHORIZED if !self.connections.has_credentials() => {
                WireError::NoCredentials
            }
            StatusCode::UNAUTHORIZED => WireError::BadCredentials,
            StatusCode::FORBIDDEN => WireError::Denied {
                message: words(answer, limits).await,
            },
            StatusCode::NOT_FOUND | StatusCode::GONE => WireError::NoRepository {
                message: words(answer, limits).await,
            },
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => WireError::Proxy {
                proxy: "on the way".to_owned(),
                detail: "it asks for credentials or refuses those given".to_owned(),
            },
            _ if status.is_redirection() => WireError::Redirect {
                to: location(&answer),
            },
            _ => WireError::Status(status),
        }
    }
}

fn location(answer: &Response<Incoming>) -> String {
    let value = answer.headers().get(LOCATION);
    String::from_utf8_lossy(value.map(HeaderValue::as_bytes).unwrap_or_default()).into_owned()
}

/// Where the repository is said to have moved. It must be a repository again, and not without TLS if it was with it before.
fn redirected(from: &Base, to: &str, tail: &str) -> Result<Base, WireError> {
    let refused = || WireError::Redirect {
        to: to.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    let repository = to.strip_suffix(tail).ok_or_else(refused)?;
    if repository.starts_with('/') {
        return Ok(from.at(repository));
    }
    match repository.parse::<GitUrl>().map(|url| url.0) {
        Ok(Place::Remote(url)) if url.scheme == Scheme::Https || url.scheme == from.scheme => {
            Ok(Base::from(&url))
        }
        _ => Err(refused()),
    }
}

/// What the server says to an error, if it is meant for people to read as it is.
async fn words(answer: Response<Incoming>, limits: &Limits) -> String {
    let content_type = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type.starts_with("text/plain") {
        return String::new();
    }
    let body = http_body_util::Limited::new(answer.into_body(), MAX_WORDS).collect();
    match limits.within(body).await {
        Ok(Ok(body)) => WireError::one_line(&String::from_utf8_lossy(&body.to_bytes())),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
