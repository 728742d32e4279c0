//! The signals that a supervisor listens for.

use rustix::process::Signal;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy)]
pub(crate) enum Received {
    /// A child has ended, or it is time to look.
    Nothing,
    Stop,
    PassOn(Signal),
}

/// Signals are listened for before anything else: to the first process of a container, one that nobody listens for is lost.
pub(crate) struct Listening {
    pub(crate) runtime: Runtime,
    pub(crate) signals: Signals,
}

pub(crate) fn listen() -> std::io::Result<Listening> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let signals = {
        let _guard = runtime.enter();
        Signals::listen()?
    };
    Ok(Listening { runtime, signals })
}

/// The signals that are waited for.
pub(crate) struct Signals {
    child: SignalStream,
    terminate: SignalStream,
    interrupt: SignalStream,
    quit: SignalStream,
    hangup: SignalStream,
    user1: SignalStream,
    user2: SignalStream,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Received {
        tokio::select! {
            _ = self.child.recv() => Received::Nothing,
            _ = self.terminate.recv() => Received::Stop,
            _ = self.interrupt.recv() => Received::Stop,
            _ = self.quit.recv() => Received::Stop,
            _ = self.hangup.recv() => Received::PassOn(Signal::HUP),
            _ = self.user1.recv() => Received::PassOn(Signal::USR1),
            _ = self.user2.recv() => Received::PassOn(Signal::USR2),
        }
    }
}
