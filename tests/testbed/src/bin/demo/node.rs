//! Who runs the pods of the second act. Everything that the demo knows about nodes stands here.

use std::time::Duration;

use beadlet_testbed::kubelet::PlayedKubelet;

use crate::place::Place;

/// How long a played pod seems to run: long enough to look at what waits meanwhile.
const RUN: Duration = Duration::from_secs(4);
/// The label that beadlet puts on the pods of Polecats.
const OF_POLECATS: &str = "gastown.gastown.io/polecat";

/// There is no node. Dropping this ends the play.
pub(crate) struct Node {
    _kubelet: PlayedKubelet,
}

impl Node {
    pub(crate) fn start(place: &Place) -> Self {
        let client = place.client.clone();
        Self {
            _kubelet: PlayedKubelet::start(client, &place.namespace, OF_POLECATS, RUN),
        }
    }

    /// What the audience is told.
    pub(crate) fn told(&self) -> String {
        format!(
            "no node here: the demo plays the kubelet, pods only seem to run ({} s each)",
            RUN.as_secs()
        )
    }
}
