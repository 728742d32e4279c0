//! What our servers have in common: a runtime that no test blocks, a port of loopback, TLS.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::{Arc, LazyLock},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::yield_now,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::pki::Pair;

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// An answer, or none: then the connection is closed.
pub(crate) type Reply = Result<Response<Body>, Dropped>;
type Handler =
    Arc<dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// Why a connection ends without (the rest of) an answer.
#[derive(Debug)]
pub(crate) struct Dropped;

/// A server on a port of its own. It ends when dropped, with its connections.
pub(crate) struct Server {
    address: SocketAddr,
    _stop: DropGuard,
}

/// Servers run on threads of their own, so that a test may block its thread in libgit2 meanwhile.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("testbed-server")
        .enable_all()
        .build()
        .unwrap()
});

pub(crate) fn runtime() -> &'static Runtime {
    &RUNTIME
}

impl Server {
    /// Serves HTTP/1.1, and HTTP/2 to clients that begin with it, on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub(crate) fn start<F>(
        tls: Option<ServerConfig>,
        handle: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener =
            TcpListener::bind("127.0.0.1:0").context("there is no free port on 127.0.0.1")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let handler: Handler = Arc::new(move |request| Box::pin(handle(request)));
        let (tls, stop) = (
            tls.map(|config| TlsAcceptor::from(Arc::new(config))),
            CancellationToken::new(),
        );
        let accepting = accept(listener, tls, handler, stop.clone());
        runtime().spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Handler,
    stop: CancellationToken,
) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        // Out of file descriptors, say: the next may work.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, handler) = (tls.clone(), handler.clone());
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(connection(stream, tls, handler)),
        );
    }
}

/// A client that goes away, or that does not trust us, ends its connection; it sees the reason itself.
async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, handler: Handler) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, handler).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, handler).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, handler: Handler) {
    let service = service_fn(move |request| handler(request));
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// TLS for a certificate.
///
/// # Errors
/// The pair is not one.
pub(crate) fn tls(pair: &Pair, protocols: &[&str]) -> Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(pair.cert.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?;
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(config)
}

/// The last piece of a body that breaks its connection. hyper sends what it has when a body makes it wait, so what came
/// before arrives.
pub(crate) async fn broken() -> Result<Bytes, BoxError> {
    yield_now().await;
    Err(Dropped.into())
}

pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let body = Empty::new()
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

pub(crate) fn full(status: StatusCode, bytes: impl Into<Bytes>) -> Response<Body> {
    empty(status).map(|_| {
        Full::new(bytes.into())
            .map_err(|never: Infallible| match never {})
            .boxed_unsync()
    })
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dropped on purpose")
    }
}

impl std::error::Error for Dropped {}
