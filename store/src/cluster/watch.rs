//! One connection that says which of our objects changes, without its content.

use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::core::WatchEvent;
use kube::core::params::WatchParams;
use serde::Deserialize;

use super::beads::{Beads, malformed};
use super::fault::{Fault, Verb};
use super::stored::{ResourceVersion, Sighting};

/// After this time the server ends a watch by itself; one that is silent for longer is dead.
const LIFETIME: Duration = Duration::from_secs(290);

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The object is there in this version.
    There(Sighting),
    /// It was deleted, or lost the labels by which we find it.
    Lost(Sighting),
    /// Nothing of ours has changed up to here.
    Progress(ResourceVersion),
}

impl Seen {
    /// From where a later watch goes on.
    #[must_use]
    pub fn version(&self) -> &ResourceVersion {
        match self {
            Self::There(sighting) | Self::Lost(sighting) => &sighting.version,
            Self::Progress(version) => version,
        }
    }
}

#[derive(Clone, Deserialize)]
struct Slim {
    metadata: Sighting,
}

impl Beads {
    /// Opens a watch that tells what changes after `version`. The stream ends when the server closes it, or has been silent for
    /// longer than a watch lives.
    ///
    /// # Errors
    /// [`Fault::Expired`] when `version` is too old: then a list must say what is there. The stream ends after an error.
    pub async fn watch(
        &self,
        version: &ResourceVersion,
    ) -> Result<impl Stream<Item = Result<Seen, Fault>> + Send + use<>, Fault> {
        let params = WatchParams {
            label_selector: Some(self.selector()),
            timeout: u32::try_from(LIFETIME.as_secs()).ok(),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = self
            .requests()
            .watch_metadata(&params, version.as_str())
            .map_err(malformed)?;
        let namespace = self.transport.namespace().to_owned();
        let fault = move |error| fault(error, &namespace);
        let events = self
            .transport
            .client()
            .request_events::<Slim>(request)
            .await
            .map_err(&fault)?;
        let events = events.map(move |event| event.map_err(&fault).and_then(seen));
        Ok(until_silent_or_failed(events.boxed()))
    }
}

fn until_silent_or_failed<S>(events: S) -> impl Stream<Item = Result<Seen, Fault>> + Send
where
    S: Stream<Item = Result<Seen, Fault>> + Send + Unpin,
{
    futures::stream::unfold(Some(events), |events| async {
        let mut events = events?;
        let deadline = LIFETIME + Duration::from_secs(10);
        let event = tokio::time::timeout(deadline, events.next()).await.ok()??;
        let rest = event.is_ok().then_some(events);
        Some((event, rest))
    })
}

fn seen(event: WatchEvent<Slim>) -> Result<Seen, Fault> {
    match event {
        WatchEvent::Added(slim) | WatchEvent::Modified(slim) => Ok(Seen::There(slim.metadata)),
        WatchEvent::Deleted(slim) => Ok(Seen::Lost(slim.metadata)),
        WatchEvent::Bookmark(mark) => Ok(Seen::Progress(ResourceVersion::new(
            &mark.metadata.resource_version,
        ))),
        WatchEvent::Error(status) => Err(Fault::of_answer(
            Verb::Watch,
            "",
            status.code,
            None,
            &status,
        )),
    }
}

fn fault(error: kube::Error, namespace: &str) -> Fault {
    match error {
        kube::Error::Api(status) => {
            Fault::of_answer(Verb::Watch, namespace, status.code, None, &status)
        }
        kube::Error::SerdeError(error) => malformed(error),
        other => Fault::Unreachable {
            message: other.to_string(),
        },
    }
}
