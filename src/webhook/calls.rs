//! How calls ended, counted.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Unsigned,
    WrongSignature,
    TooLarge,
    NoSuchPath,
    WrongMethod,
    TimedOut,
    Broken,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Unsigned,
        Self::WrongSignature,
        Self::TooLarge,
        Self::NoSuchPath,
        Self::WrongMethod,
        Self::TimedOut,
        Self::Broken,
    ];

    /// For logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unsigned => "unsigned",
            Self::WrongSignature => "wrong_signature",
            Self::TooLarge => "too_large",
            Self::NoSuchPath => "no_such_path",
            Self::WrongMethod => "wrong_method",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    outcome: &'static str,
}

/// Calls by how they ended. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Calls(Family<Of, Counter>);

impl Calls {
    pub(super) fn count(&self, outcome: Outcome) {
        let outcome = outcome.as_str();
        self.0.get_or_create(&Of { outcome }).inc();
    }

    /// Makes them a metric, in which every outcome stands from the start.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for outcome in Outcome::ALL {
            let outcome = outcome.as_str();
            drop(self.0.get_or_create(&Of { outcome }));
        }
        let help = "calls of the webhook";
        registry.register("webhook_calls", help, self.0.clone());
    }
}
