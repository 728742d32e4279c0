//! The mirror of one issue file: one task that owns the state, and everything that can start a pass.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::report::Report;
use crate::settings::Settings;
use crate::triggers::{Puller, Triggers};

/// One issue file in git, kept as ConfigMaps in one namespace.
pub struct Mirror {
    _client: kube::Client,
    _settings: Settings,
    puller: Puller,
    _triggers: Triggers,
}

impl Mirror {
    /// Touches neither the repository nor the cluster.
    #[must_use]
    pub fn new(client: kube::Client, settings: Settings) -> Self {
        let (puller, triggers) = Triggers::channel();
        Self {
            _client: client,
            _settings: settings,
            puller,
            _triggers: triggers,
        }
    }

    /// Starts passes from outside: a signal, a webhook, a person.
    #[must_use]
    pub fn puller(&self) -> Puller {
        self.puller.clone()
    }

    /// One pass, for a CronJob. The report's `last_pass` says how it went. Dropping the future ends the pass between two writes.
    #[allow(clippy::unused_async)]
    pub async fn once(&mut self) -> Report {
        todo!()
    }

    /// Passes until `stop` is cancelled, and then finishes the one in flight (for at most 20 seconds). Watches the repository
    /// and the cluster by itself. A report is sent after each pass that changed something of it, and whenever the watch starts or stops.
    #[allow(clippy::unused_async)]
    pub async fn run(
        self,
        _settings: watch::Receiver<Settings>,
        _report: watch::Sender<Report>,
        _stop: CancellationToken,
    ) {
        todo!()
    }
}
