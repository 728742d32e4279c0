//! A comment more on a record.

use beadlet_store::edit::{Change, json_text, value};
use beadlet_store::issue::Issue;
use beadlet_store::reader::Reading;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What somebody says on a bead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comment<'a> {
    pub(crate) author: &'a str,
    pub(crate) text: &'a str,
    /// In whole seconds, as the tracker writes them.
    pub(crate) at: &'a str,
}

/// Ids for new comments of one revision: numbers where the file's comments have numbers (trackers before 1.0), else UUIDs.
pub(crate) struct CommentIds<'a> {
    reading: &'a Reading<'a>,
    /// The largest number, once it was looked for. `None` inside where there are none.
    largest: Option<Option<i64>>,
}

impl<'a> CommentIds<'a> {
    pub(crate) fn of(reading: &'a Reading<'a>) -> Self {
        Self {
            reading,
            largest: None,
        }
    }

    /// The next id as JSON text. A UUID is the same for the same comment, so that it is not said twice.
    fn next(&mut self, issue: &Issue<'_>, comment: &Comment<'_>) -> String {
        let issues = &self.reading.issues;
        let numbers = || issues.iter().flat_map(|issue| numbers(issue.raw)).max();
        match self.largest.get_or_insert_with(numbers) {
            Some(largest) => {
                *largest += 1;
                largest.to_string()
            }
            None => uuid(issue, comment),
        }
    }
}

impl Comment<'_> {
    /// The record's comments with this one behind them.
    pub(crate) fn added_to(&self, issue: &Issue<'_>, ids: &mut CommentIds<'_>) -> Change {
        let comment = format!(
            "{{\"id\":{},\"issue_id\":{},\"author\":{},\"text\":{},\"created_at\":{}}}",
            ids.next(issue, self),
            json_text(issue.id.as_str()),
            json_text(self.author),
            json_text(self.text),
            json_text(self.at),
        );
        with(issue, "comments", &comment)
    }
}

/// The list of a key with one element more.
pub(crate) fn with(issue: &Issue<'_>, key: &'static str, element: &str) -> Change {
    let before = value(issue.raw, key).ok().flatten().unwrap_or("[]");
    let inside = before
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.unwrap_or_default().trim_end();
    let comma = if inside.trim().is_empty() { "" } else { "," };
    Change {
        key,
        value: Some(format!("[{inside}{comma}{element}]")),
    }
}

/// RFC 9562, version 8: made in a way of one's own.
fn uuid(issue: &Issue<'_>, comment: &Comment<'_>) -> String {
    let Comment { author, text, at } = comment;
    let digest = Sha256::digest(format!("{}\n{author}\n{at}\n{text}", issue.id));
    let mut bytes: [u8; 16] = std::array::from_fn(|index| digest[index]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = HEXLOWER.encode(&bytes);
    format!(
        "\"{}-{}-{}-{}-{}\"",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn numbers(line: &[u8]) -> Vec<i64> {
    let comments = value(line, "comments").ok().flatten();
    let comments = comments.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    let ids = comments.into_iter().flatten();
    ids.filter_map(|comment| comment["id"].as_i64()).collect()
}
