//! An HTTP proxy that tunnels (`CONNECT`) and remembers where to.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::TcpStream};

use super::http::base64;
use crate::server::{Reply, Server, empty, full};

/// A proxy for `https://` addresses. It lets everybody through, or those who know its password.
pub struct ConnectProxy {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The `Proxy-Authorization` header that it asks for.
    wanted: Option<String>,
    tunnels: Mutex<Vec<Tunnel>>,
}

/// A request for a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `host:port`.
    pub target: String,
    /// Of the answer: 200, 407 without the password, 502 when the target is not there.
    pub status: u16,
}

impl ConnectProxy {
    pub fn start() -> Self {
        Self::with(State::default())
    }

    /// One that asks for a user name and a password.
    pub fn start_with_password(user: &str, password: &str) -> Self {
        let wanted = format!("Basic {}", base64(&format!("{user}:{password}")));
        Self::with(State {
            wanted: Some(wanted),
            ..State::default()
        })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// Who was asked for until now, in order.
    pub fn tunnels(&self) -> Vec<Tunnel> {
        self.state
            .tunnels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn with(state: State) -> Self {
        let state = Arc::new(state);
        let shared = state.clone();
        let server = Server::start(None, move |request| respond(shared.clone(), request)).unwrap();
        Self { server, state }
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Reply {
    if request.method() != Method::CONNECT {
        return Ok(full(
            StatusCode::METHOD_NOT_ALLOWED,
            "this proxy only tunnels",
        ));
    }
    let target = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let sent = request
        .headers()
        .get(header::PROXY_AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    let admitted = state.wanted.is_none() || sent == state.wanted.as_deref().map(str::as_bytes);
    let mut response = match admitted {
        false => empty(StatusCode::PROXY_AUTHENTICATION_REQUIRED),
        true => empty(tunnel(request, &target).await),
    };
    if !admitted {
        response.headers_mut().insert(
            header::PROXY_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"proxy\""),
        );
    }
    let tunnel = Tunnel {
        target,
        status: response.status().as_u16(),
    };
    state
        .tunnels
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(tunnel);
    Ok(response)
}

/// Connects to the target, and joins both ends as soon as the client has our answer.
async fn tunnel(request: Request<Incoming>, target: &str) -> StatusCode {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return StatusCode::BAD_GATEWAY;
    };
    tokio::spawn(async move {
        if let Ok(client) = hyper::upgrade::on(request).await {
            // Either end may hang up at any time.
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut server).await;
        }
    });
    StatusCode::OK
}
