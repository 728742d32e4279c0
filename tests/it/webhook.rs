//! Webhooks: who is believed, what comes of it, and what comes of those who are not.

use serde_json::json;

use super::scheduler_program::lines;
use super::scheduler_town::SOON;

mod flood;
mod mirror;
mod stores;

const ISSUES: &str = ".beads/issues.jsonl";

/// A file with issues `gt-0` to `gt-<count - 1>`.
fn issues(count: usize) -> String {
    lines(count, &json!({}))
}
