//! The way from pods to a server on loopback: a port on the address that they know this machine by.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

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
    /// Passes on what comes to `port` of `host` to port `to` of loopback.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) fn start(host: IpAddr, port: u16, to: u16) -> Result<Self> {
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

async fn accept(listener: TcpListener, to: u16, stop: CancellationToken) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        // Out of file descriptors, say: the next may work.
        let Ok((mut client, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await {
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                // Either end may hang up at any time.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }));
    }
}
