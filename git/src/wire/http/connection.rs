//! Requests over a connection that is kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::dial::{self, Dialer};
use super::super::tls::Tls;
use super::super::{Limits, WireError};
use crate::url::{RemoteUrl, Scheme};

/// Some servers tell git from browsers by these first letters.
const AGENT: &str = concat!("git/2.0 (beadlet ", env!("CARGO_PKG_VERSION"), ")");

/// A repository on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

impl From<&RemoteUrl> for Base {
    fn from(url: &RemoteUrl) -> Self {
        Self {
            scheme: url.scheme,
            host: url.host.clone(),
            port: url.port,
            path: url.path.clone(),
        }
    }
}

impl Base {
    fn same_server(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Another repository of the same server.
    pub(super) fn at(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

/// A request that is still without its connection.
pub(super) struct Outgoing<'a> {
    base: &'a Base,
    method: Method,
    tail: String,
    /// The protocol's name for its content and that of its answer.
    service: Option<&'a str>,
    body: Bytes,
}

impl<'a> Outgoing<'a> {
    pub(super) fn get(base: &'a Base, tail: &str) -> Self {
        Self {
            base,
            method: Method::GET,
            tail: tail.to_owned(),
            service: None,
            body: Bytes::new(),
        }
    }

    pub(super) fn post(base: &'a Base, service: &'a str, body: Bytes) -> Self {
        Self {
            base,
            method: Method::POST,
            tail: format!("/{service}"),
            service: Some(service),
            body,
        }
    }

    /// A request that changes the server must not go out twice, so it never takes a connection that may have been closed meanwhile.
    fn is_repeatable(&self) -> bool {
        self.service != Some("git-receive-pack")
    }
}

pub(super) struct Connections {
    url: Base,
    /// The ways to log in, and which of them is used.
    authorizations: Vec<HeaderValue>,
    used: AtomicUsize,
    dialer: Dialer,
    tls: Tls,
    kept: Mutex<Option<(Base, Connection)>>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Set when a proxy passes on single requests: they then name the server.
    proxy_authorization: Option<Option<HeaderValue>>,
}

impl Connections {
    pub(super) fn new(
        url: Base,
        authorizations: Vec<HeaderValue>,
        dialer: Dialer,
        tls: Tls,
    ) -> Self {
        Self {
            url,
            authorizations,
            used: AtomicUsize::new(0),
            dialer,
            tls,
            kept: Mutex::default(),
        }
    }

    pub(super) fn url(&self) -> &Base {
        &self.url
    }

    pub(super) fn has_credentials(&self) -> bool {
        !self.authorizations.is_empty()
    }

    /// Uses the next way to log in from now on, if there is one.
    pub(super) fn try_next_credentials(&self) -> bool {
        let next = self.used.load(Ordering::Relaxed) + 1;
        if next < self.authorizations.len() {
            self.used.store(next, Ordering::Relaxed);
        }
        next < self.authorizations.len()
    }

    /// Sends over the connection that is kept, or over a new one when there is none or it turns out to be closed.
    pub(super) async fn send(
        &self,
        outgoing: &Outgoing<'_>,
        limits: &Limits,
    ) -> Result<Response<Incoming>, WireError> {
        if let Some(kept) = self
            .take(outgoing.base)
            .filter(|_| outgoing.is_repeatable())
        {
            match self.send_over(kept, outgoing, limits).await {
                Err(WireError::Broken(_)) => {}
                other => return other,
            }
        }
        let connection = self.connect(outgoing.base, limits).await?;
        self.send_over(connection, outgoing, limits).await
    }

    fn take(&self, base: &Base) -> Option<Connection> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        (kept.0.same_server(base) && !kept.1.sender.is_closed()).then_some(kept.1)
    }

    async fn send_over(
        &self,
        mut connection: Connection,
        outgoing: &Outgoing<'_>,
        limits: &Limits,
    ) -> Result<Response<Incoming>, WireError> {
        let request = self.request(&connection, outgoing)?;
        limits
            .within(connection.sender.ready())
            .await?
            .map_err(|error| broken(&error))?;
        let answer = limits
            .within(connection.sender.send_request(request))
            .await?
            .map_err(|error| broken(&error))?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((outgoing.base.clone(), connection));
        Ok(answer)
    }

    fn request(
        &self,
        connection: &Connection,
        outgoing: &Outgoing<'_>,
    ) -> Result<Request<Full<Bytes>>, WireError> {
        let Outgoing {
            base,
            method,
            tail,
            service,
            body,
        } = outgoing;
        let authority = base.authority();
        let mut target = format!("{}{tail}", base.path);
        if connection.proxy_authorization.is_some() {
            target = format!("http://{authority}{target}");
        }
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, authority)
            .header(USER_AGENT, AGENT);
        if let Some(service) = service {
            request = request
                .header(CONTENT_TYPE, format!("application/x-{service}-request"))
                .header(ACCEPT, format!("application/x-{service}-result"));
        }
        if let Some(Some(authorization)) = &connection.proxy_authorization {
            request = request.header(PROXY_AUTHORIZATION, authorization);
        }
        // The credentials are for the server that the settings name and for no other to which it may lead.
        if let Some(authorization) = self
            .authorizations
            .get(self.used.load(Ordering::Relaxed))
            .filter(|_| base.same_server(&self.url))
        {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
            .body(Full::new(body.clone()))
            .map_err(|error| WireError::Protocol(error.to_string()))
    }

    async fn connect(&self, base: &Base, limits: &Limits) -> Result<Connection, WireError> {
        let Base {
            scheme, host, port, ..
        } = base;
        if *scheme == Scheme::Https {
            let stream = self.dialer.tunnel(*scheme, host, *port, limits).await?;
            let sender = handshake(self.tls.connect(host, stream, limits).await?).await?;
            return Ok(Connection {
                sender,
                proxy_authorization: None,
            });
        }
        match self.dialer.proxy(*scheme, host, *port)? {
            Some(proxy) => {
                let sender = handshake(dial::connect_proxy(&proxy, limits).await?).await?;
                Ok(Connection {
                    sender,
                    proxy_authorization: Some(proxy.authorization),
                })
            }
            None => {
                let sender = handshake(dial::connect(host, *port, limits).await?).await?;
                Ok(Connection {
                    sender,
                    proxy_authorization: None,
                })
            }
        }
    }
}

/// The connection is driven by a task of its own. It ends with the connection, which ends when nobody holds the sender.
async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<SendRequest<Full<Bytes>>, WireError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    tokio::spawn(async move {
        // Whoever waits for an answer is told of the failure.
        let _ = connection.await;
    });
    Ok(sender)
}

pub(super) fn broken(error: &hyper::Error) -> WireError {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    WireError::Broken(format!("{error}{cause}"))
}
