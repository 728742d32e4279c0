//! Being told to stop while something blocks.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The runtime that signals are waited for in, and the signals themselves.
pub(crate) struct Listening {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

/// Listens from now on.
pub(crate) fn listen() -> std::io::Result<Listening> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let _guard = runtime.enter();
    let (terminate, interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    drop(_guard);
    Ok(Listening {
        runtime,
        terminate,
        interrupt,
    })
}

impl Listening {
    /// Runs `work`, with a token that is cancelled when the process is told to stop.
    pub(crate) fn run<T, F: Future<Output = T>>(
        self,
        work: impl FnOnce(CancellationToken) -> F,
    ) -> T {
        let Self {
            runtime,
            mut terminate,
            mut interrupt,
        } = self;
        let stop = CancellationToken::new();
        let told = stop.clone();
        let result = runtime.block_on(async move {
            tokio::spawn(async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                told.cancel();
            });
            work(stop).await
        });
        // What still blocks ends with the process.
        runtime.shutdown_timeout(Duration::ZERO);
        result
    }
}
