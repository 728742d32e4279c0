//! Each way in which an attempt fails, by a real cause: what the Polecat says, what becomes of the next attempt, and what is on the branch.

use beadlet_store::{
    keys::work,
    kinds::{FailureClass, Polecat, PolecatPhase, PolecatStatus},
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::scene::{self, Scene};

mod agent;
mod clone;
mod disk;
mod model;
mod node;

/// What an agent's script begins with: what an earlier attempt, or pod, left is gone on with, and is all that is to be done.
const GO_ON: &str = "if [ -e story ]; then echo again >> story; exit 0; fi\n";
/// What an agent leaves before it fails, and what the next one makes of it.
const ONCE: &str = "once\n";
const AGAIN: &str = "once\nagain\n";

/// What a cause makes of the first attempt at a bead.
struct Failure<'a> {
    bead: &'a str,
    class: FailureClass,
    /// They are in the Polecat's message, in this order.
    words: &'a [&'a str],
    /// What the agent left is on a branch.
    is_kept: bool,
}

impl Failure<'_> {
    /// The second attempt comes by itself, goes on from what is on the branch, and ends well.
    async fn is_mended_by_the_next_attempt(&self, scene: &Scene) {
        let first = self.seen(scene, PolecatPhase::Failed).await;
        let second = scene
            .ended(&format!("{}-2", self.bead), PolecatPhase::Done)
            .await;
        assert_eq!(second.attempt, Some(2), "{}", self.bead);
        let result = second.result.unwrap();
        let branch = result.branch.unwrap();
        assert_eq!(result.commit, scene.project.repo.head(&branch));
        if self.is_kept {
            let kept = first.result.and_then(|result| result.branch);
            // A pod that was deleted may be gone before anybody has seen what it said last.
            let is_told = !matches!(
                self.class,
                FailureClass::Killed | FailureClass::DeadlineExceeded
            );
            if is_told || kept.is_some() {
                assert_eq!(kept.as_ref(), Some(&branch), "{}", self.bead);
            }
            let of_first = format!("polecat/{}-1", self.bead);
            assert!(branch.starts_with(&of_first), "{}: {branch}", self.bead);
            let story = scene.project.text(&branch, "story").unwrap();
            assert_eq!(story, AGAIN, "{}", self.bead);
        }
    }

    /// A person has to look: no attempt comes by itself.
    async fn is_a_persons_affair(&self, scene: &Scene) {
        self.seen(scene, PolecatPhase::Stuck).await;
    }

    /// How the first attempt ended.
    async fn seen(&self, scene: &Scene, phase: PolecatPhase) -> PolecatStatus {
        let status = scene.ended(&format!("{}-1", self.bead), phase).await;
        let message = message(&status);
        assert_eq!(
            status.failure_class,
            Some(self.class),
            "{}: {message}",
            self.bead
        );
        let mut rest = message.as_str();
        for words in self.words {
            let at = rest.find(words);
            let at = at.unwrap_or_else(|| panic!("{}: {words:?} not in {message:?}", self.bead));
            rest = &rest[at + words.len()..];
        }
        status
    }
}

/// What a Polecat says to people.
fn message(status: &PolecatStatus) -> String {
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready");
    ready.unwrap().message.clone()
}

/// A person asks for another attempt at a bead, which is its second and ends well.
async fn asked_again(scene: &Scene, bead: &str) -> Polecat {
    let ask = json!({"metadata": {"annotations": {work::RETRY: "now"}}});
    scene.town.patch_polecat(&format!("{bead}-1"), ask).await;
    let second = format!("{bead}-2");
    scene.ended(&second, PolecatPhase::Done).await;
    let second = scene.town.polecats().get(&second).await.unwrap();
    // Nobody but the person wanted it.
    assert_eq!(second.annotations()[work::BECAUSE], "Asked");
    second
}

/// A Rig whose polecats run this script, twice at most, with this over its template.
fn rig(script: &str, template: &Value) -> Value {
    let mut spec = scene::custom(script);
    crate::scheduler_town::merge(&mut spec, template);
    json!({"polecatTemplate": {"spec": spec}, "dispatch": {"maxAttempts": 2}})
}
