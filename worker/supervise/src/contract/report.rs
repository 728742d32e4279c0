//! What a container says when it ends: the record that the supervisor leaves for `git-push`, and every termination message.

use serde::{Deserialize, Serialize};

use super::Outcome;
use super::places::TERMINATION_LOG_LIMIT;

/// What the model endpoint was asked for, added up over the attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    /// Read anew, without what came from a cache.
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

/// What the agent says it used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// In US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// The work as it stands on the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub branch: String,
    /// 40 hexadecimal digits.
    pub commit: String,
    /// Files that differ between the base and `commit`.
    pub files: usize,
    /// Lines.
    pub insertions: usize,
    /// Lines.
    pub deletions: usize,
}

/// A container's last word. As JSON it is at most [`TERMINATION_LOG_LIMIT`] bytes long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub outcome: Outcome,
    /// For a person: what happened and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    #[serde(flatten, default)]
    pub usage: Usage,
}

impl Report {
    #[must_use]
    pub fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            outcome,
            message: message.into(),
            work: None,
            usage: Usage::default(),
        }
    }

    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    #[must_use]
    pub fn with_work(mut self, work: Work) -> Self {
        self.work = Some(work);
        self
    }

    /// The report as JSON, with its message shortened as far as needed to stay within the limit.
    #[must_use]
    pub fn termination_message(&self) -> String {
        let mut report = self.clone();
        loop {
            let text = serde_json::to_string(&report).unwrap_or_default();
            let excess = text.len().saturating_sub(TERMINATION_LOG_LIMIT);
            if excess == 0 || report.message.is_empty() {
                return text;
            }
            report.message = shortened(
                &report.message,
                report
                    .message
                    .len()
                    .saturating_sub(excess.div_ceil(6).max(16)),
            );
        }
    }
}

/// `text` with at most `limit` bytes, an ellipsis where something was cut off.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= limit {
        return text.to_owned();
    }
    match limit.checked_sub(ELLIPSIS.len_utf8()) {
        None => String::new(),
        Some(kept) => {
            let end = (0..=kept)
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or(0);
            let mut short = text[..end].to_owned();
            short.push(ELLIPSIS);
            short
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn report_of_finished_work_is_one_flat_object() {
        let report = Report::new(Outcome::Done, "")
            .with_work(Work {
                branch: "polecat/a".into(),
                commit: "c".repeat(40),
                files: 1,
                insertions: 2,
                deletions: 3,
            })
            .with_usage(Usage {
                tokens: Some(Tokens {
                    input: 1,
                    output: 2,
                    ..Tokens::default()
                }),
                cost: Some(0.25),
            });
        let text = report.termination_message();
        assert_eq!(
            text,
            format!(
                r#"{{"outcome":"done","branch":"polecat/a","commit":"{}","files":1,"insertions":2,"deletions":3,"tokens":{{"input":1,"output":2,"cacheRead":0,"cacheWrite":0}},"cost":0.25}}"#,
                "c".repeat(40)
            )
        );
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn report_without_work_reads_back() {
        let report = Report::new(Outcome::CloneFailed, "no such branch");
        assert_eq!(
            serde_json::from_str::<Report>(&report.termination_message()).unwrap(),
            report
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn termination_message_fits_and_reads_back(characters in proptest::collection::vec(any::<char>(), 0..5000)) {
            let message: String = characters.into_iter().collect();
            let text = Report::new(Outcome::AgentFailed, message.clone()).termination_message();
            prop_assert!(text.len() <= TERMINATION_LOG_LIMIT);
            let read: Report = serde_json::from_str(&text).unwrap();
            prop_assert!(read.message == message || read.message.ends_with('…'));
        }

        #[test]
        fn shortened_text_is_within_its_limit(text in "\\PC{0,40}", limit in 0usize..60) {
            let short = shortened(&text, limit);
            prop_assert!(short.len() <= limit);
            prop_assert!(text.len() > limit || short == text);
        }
    }
}
