//! A TCP connection to the server, straight or through a proxy.

use std::fmt;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{Limits, WireError};
use crate::Secret;
use crate::access::{Proxy, SettingsError};
use crate::url::{Place, RemoteUrl, Scheme};

/// A host that swallows packets shall not use up the whole silence if it has another address.
const CONNECT: Duration = Duration::from_secs(10);

/// The head of a proxy's answer is short.
const MAX_HEAD: usize = 16 << 10;

/// Knows the proxies.
pub(super) struct Dialer(Rule);

enum Rule {
    Straight,
    Always(ProxyServer),
    Environment(Box<Matcher>),
}

/// A proxy that speaks http.
#[derive(Clone)]
pub(super) struct ProxyServer {
    host: String,
    port: u16,
    pub(super) authorization: Option<HeaderValue>,
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Dialer {
    pub(super) fn new(proxy: &Proxy, target: &RemoteUrl) -> Result<Self, SettingsError> {
        Ok(Self(match proxy {
            Proxy::None => Rule::Straight,
            // As git does: the variables are about http.
            Proxy::Environment if target.scheme == Scheme::Ssh => Rule::Straight,
            Proxy::Environment => Rule::Environment(Box::new(Matcher::from_env())),
            Proxy::Url(url) => match &url.0 {
                Place::Remote(url) if url.scheme == Scheme::Http && url.path.is_empty() => {
                    Rule::Always(ProxyServer {
                        host: url.host.clone(),
                        port: url.port,
                        authorization: basic(url.username.as_ref(), url.password.as_ref()),
                    })
                }
                _ => return Err(SettingsError::Proxy(url.to_string())),
            },
        }))
    }

    /// The proxy on the way to `scheme://host:port`, if there is one.
    pub(super) fn proxy(
        &self,
        scheme: Scheme,
        host: &str,
        port: u16,
    ) -> Result<Option<ProxyServer>, WireError> {
        match &self.0 {
            Rule::Straight => Ok(None),
            Rule::Always(proxy) => Ok(Some(proxy.clone())),
            Rule::Environment(matcher) => {
                let scheme = if scheme == Scheme::Https {
                    "https"
                } else {
                    "http"
                };
                let host = if host.contains(':') {
                    format!("[{host}]")
                } else {
                    host.to_owned()
                };
                let uri = format!("{scheme}://{host}:{port}/").parse::<Uri>().ok();
                uri.and_then(|uri| matcher.intercept(&uri))
                    .map(|found| by_environment(found.uri(), found.basic_auth()))
                    .transpose()
            }
        }
    }

    /// A connection through which bytes go to `host:port` unchanged.
    pub(super) async fn tunnel(
        &self,
        scheme: Scheme,
        host: &str,
        port: u16,
        limits: &Limits,
    ) -> Result<TcpStream, WireError> {
        match self.proxy(scheme, host, port)? {
            None => connect(host, port, limits).await,
            Some(proxy) => {
                let stream = connect_proxy(&proxy, limits).await?;
                limits.within(ask(stream, &proxy, host, port)).await?
            }
        }
    }
}

fn by_environment(
    uri: &Uri,
    authorization: Option<&HeaderValue>,
) -> Result<ProxyServer, WireError> {
    let host = uri
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    if uri.scheme_str() != Some("http") {
        let detail = "the environment names a proxy that is not http://".to_owned();
        return Err(WireError::Proxy {
            proxy: host,
            detail,
        });
    }
    Ok(ProxyServer {
        host,
        port: uri.port_u16().unwrap_or(80),
        authorization: authorization.cloned(),
    })
}

/// Drives connections while a call waits for them.
pub(super) fn runtime() -> Result<Runtime, SettingsError> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    built.map_err(|error| SettingsError::Machine(error.to_string()))
}

/// The header of basic authentication, kept out of logs.
pub(super) fn basic(username: Option<&Secret>, password: Option<&Secret>) -> Option<HeaderValue> {
    if username.is_none() && password.is_none() {
        return None;
    }
    let reveal = |secret: Option<&Secret>| {
        secret
            .map(|secret| secret.reveal().to_vec())
            .unwrap_or_default()
    };
    let plain = Secret::new([reveal(username), b":".to_vec(), reveal(password)].concat());
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(plain.reveal()))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Tries all addresses of the host, one after the other.
pub(super) async fn connect(
    host: &str,
    port: u16,
    limits: &Limits,
) -> Result<TcpStream, WireError> {
    limits
        .within(async {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in tokio::net::lookup_host((host, port)).await? {
                match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => return stream.set_nodelay(true).map(|()| stream),
                    Ok(Err(error)) => last = error,
                    Err(_) => last = io::ErrorKind::TimedOut.into(),
                }
            }
            Err(last)
        })
        .await?
        .map_err(WireError::Unreachable)
}

pub(super) async fn connect_proxy(
    proxy: &ProxyServer,
    limits: &Limits,
) -> Result<TcpStream, WireError> {
    connect(&proxy.host, proxy.port, limits)
        .await
        .map_err(|error| match error {
            WireError::Unreachable(error) => WireError::Proxy {
                proxy: proxy.to_string(),
                detail: error.to_string(),
            },
            other => other,
        })
}

/// Asks the proxy for a tunnel (RFC 9110, section 9.3.6).
async fn ask(
    mut stream: TcpStream,
    proxy: &ProxyServer,
    host: &str,
    port: u16,
) -> Result<TcpStream, WireError> {
    let failed = |detail: String| WireError::Proxy {
        proxy: proxy.to_string(),
        detail,
    };
    let target = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream
        .write_all(&request)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let head = head(&mut stream)
        .await
        .map_err(|error| failed(error.to_string()))?;
    match status(&head) {
        Some(status) if status.starts_with('2') => Ok(stream),
        Some("407") => Err(failed(
            "it asks for credentials or refuses those given".to_owned(),
        )),
        Some(status) => Err(failed(format!(
            "it refuses the tunnel with status {status}"
        ))),
        None => Err(failed("it does not answer in http".to_owned())),
    }
}

/// The answer up to and with its blank line. Read byte by byte, as what follows belongs to the tunnel.
async fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(io::Error::other("its answer has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words
        .next()
        .filter(|version| version.starts_with("HTTP/1."))?;
    words.next().filter(|status| status.len() == 3)
}

#[cfg(test)]
mod tests;
