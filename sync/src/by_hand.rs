//! A person's command, committed to the issue file. A push that was refused because somebody was faster is made anew from what stands there.

use std::time::Duration;

use beadlet_store::issue::IssueId;
use beadlet_store::reader::read;
use beadlet_store::ready::Profile;
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;

use crate::decide::by_hand::{Hand, Outcome, Refused, Request, by_hand};
use crate::decide::writeback::{Violation, check, message};
use crate::git::{Author, CommitId, GitError, Onto, Published, Repository, Revision, Snapshot};

/// How often a commit is made anew because somebody else was faster.
const RACES: usize = 8;
/// How long until a push is tried once more that a server refused: it may be at work on somebody else's, and says that in its own words.
const AGAIN: Duration = Duration::from_millis(500);

/// Where somebody sits who gives commands.
#[derive(Debug)]
pub struct Desk {
    pub repository: Repository,
    pub author: Author,
    /// As it stands in records.
    pub actor: String,
    /// Whose rules decide what waits for what.
    pub profile: Profile,
    /// Of new ids; the tracker's own when not given.
    pub prefix: Option<String>,
    /// What becomes of a branch that is checked out.
    pub onto: Onto,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub bead: IssueId,
    /// The bead's line now.
    pub record: Vec<u8>,
    pub branch: String,
    /// `None` when the file said so already.
    pub commit: Option<CommitId>,
}

/// Why a command could not be carried out. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the change would break a rule of the tracker: {0}")]
    Rule(Violation),
    #[error("the repository does not take the commit: {0}")]
    NotTaken(String),
    #[error("branch {branch} moved {RACES} times while a commit was on its way to it: try again")]
    Moving { branch: String },
}

impl Desk {
    /// Carries out a command.
    ///
    /// # Errors
    /// See [`HandError`].
    pub async fn carry_out(&mut self, request: &Request) -> Result<Written, HandError> {
        let (mut branch, mut refused) = (String::new(), None);
        for _ in 0..RACES {
            let base = self.base().await?;
            let now = Timestamp::now();
            let outcome = self.outcome(&base, request, now)?;
            if outcome.done.is_empty() {
                return Ok(written(&base, outcome, None));
            }
            if let Some(violation) = check(&base.file, &outcome.file, &outcome.done).pop() {
                return Err(HandError::Rule(violation));
            }
            match self.commit(&base, &outcome, now).await? {
                Published::At(commit) => return Ok(written(&base, outcome, Some(commit))),
                Published::Moved => {}
                Published::Refused(why) if refused.as_ref() == Some(&base.commit) => {
                    return Err(HandError::NotTaken(why));
                }
                Published::Refused(_) => {
                    refused = Some(base.commit);
                    tokio::time::sleep(AGAIN).await;
                }
            }
            branch = base.branch;
        }
        Err(HandError::Moving { branch })
    }

    async fn base(&mut self) -> Result<Snapshot, GitError> {
        let tip = self.repository.tip().await?;
        self.repository.fetch(&tip).await
    }

    fn outcome(
        &self,
        base: &Snapshot,
        request: &Request,
        now: Timestamp,
    ) -> Result<Outcome, Refused> {
        let tracker = base.tracker_config.as_deref().map(TrackerConfig::parse);
        // The mirror does without a broken one as well.
        let tracker = tracker.and_then(Result::ok).unwrap_or_default();
        let hand = Hand {
            actor: &self.actor,
            email: &self.author.email,
            now,
            tracker: &tracker,
            profile: self.profile,
            prefix: self.prefix.as_deref(),
        };
        by_hand(&base.file, request, &hand)
    }

    async fn commit(
        &mut self,
        base: &Snapshot,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Published, GitError> {
        let revision = Revision {
            file: outcome.file.clone(),
            author: self.author.clone(),
            at: now,
            message: message(&outcome.done),
            signing_key: None,
        };
        let onto = self.onto.clone();
        self.repository.commit(base, revision, onto).await
    }
}

fn written(base: &Snapshot, outcome: Outcome, commit: Option<CommitId>) -> Written {
    let Outcome { file, bead, .. } = outcome;
    let reading = read(&file).unwrap_or_default();
    let issue = reading.issues.iter().find(|issue| issue.id == bead);
    Written {
        record: issue.map(|issue| issue.raw.to_vec()).unwrap_or_default(),
        bead,
        branch: base.branch.clone(),
        commit,
    }
}
