//! What is told of a BeadStore in Events.

use super::Post;
use crate::condition::{ConditionType, Conditions, Urgency};

impl Post {
    /// Tells of a new commit, and of what is in its way.
    async fn tell_written(&mut self) {
        let written = self.written().unwrap_or_default();
        if let Some(last) = written
            .last
            .as_ref()
            .filter(|last| self.told_written.last.as_ref() != Some(last))
        {
            let message = format!("commit {}: {}", last.id, last.subject);
            self.cluster
                .tell(&self.store, "WrittenBack", message, false)
                .await;
        }
        if let Some(trouble) = written
            .trouble
            .as_ref()
            .filter(|trouble| self.told_written.trouble.as_ref() != Some(trouble))
        {
            self.cluster
                .tell(&self.store, trouble.reason, trouble.message.clone(), true)
                .await;
        }
        self.told_written = written;
    }

    /// Tells what is in the way of webhooks.
    async fn tell_webhook(&mut self) {
        let webhook = self.orders.borrow().webhook.clone();
        let wrong = webhook.and_then(Result::err);
        let reason = wrong.as_ref().map(|wrong| wrong.reason());
        if let (Some(wrong), true) = (&wrong, reason != self.told_webhook) {
            self.cluster
                .tell(&self.store, wrong.reason(), wrong.to_string(), true)
                .await;
        }
        self.told_webhook = reason;
    }

    /// Tells what changed in the conditions.
    pub(super) async fn tell(&mut self) {
        self.tell_written().await;
        self.tell_webhook().await;
        let conditions = self.shown.borrow().conditions.clone();
        for (urgency, transition) in conditions.news_since(&self.told) {
            let is_warning = urgency != Urgency::Info;
            self.cluster
                .tell(
                    &self.store,
                    transition.reason.as_str(),
                    transition.message,
                    is_warning,
                )
                .await;
        }
        self.tell_commit(&conditions).await;
        self.told = conditions;
    }

    /// Tells of a commit after which nothing else is new: the store was in order before, and is.
    async fn tell_commit(&mut self, conditions: &Conditions) {
        let ready = conditions.find(ConditionType::Ready);
        let Some(ready) = ready.filter(|ready| ready.status) else {
            return;
        };
        let commit = {
            let report = self.shown.borrow();
            report.revision.as_ref().map(|revision| revision.commit)
        };
        let is_told = self.told.is_true(ConditionType::Ready);
        if commit != self.told_commit && is_told {
            let (reason, message) = (ready.reason.as_str(), ready.message.clone());
            self.cluster.tell(&self.store, reason, message, false).await;
        }
        self.told_commit = commit;
    }
}
