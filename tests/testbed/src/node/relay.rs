//! The way from pods to a server: a port on an address that they can reach.

use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::{Context, Result};
use tokio::{io::copy_bidirectional, net::TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server::runtime;

/// Takes connections and passes them on. It ends when dropped, with its connections.
#[derive(Debug)]
pub struct Relay {
    _stop: DropGuard,
}

impl Relay {
    /// Passes on what comes to `port` of `host`.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) fn start(host: IpAddr, port: u16, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((host, port))
            .with_context(|| format!("cannot listen on port {port} of {host}"))?;
        listener.set_nonblocking(true)?;
        let stop = CancellationToken::new();
        let accepting = accept(listener, to, stop.clone());
        runtime().spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            _stop: stop.drop_guard(),
        })
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, stop: CancellationToken) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        // Out of file descriptors, say: the next may work.
        let Ok((mut client, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            if let Ok(mut server) = TcpStream::connect(to).await {
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                // Either end may hang up at any time.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }));
    }
}
