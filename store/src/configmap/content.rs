//! The data of a bead, within what a ConfigMap holds.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::shorten;
use crate::issue::Issue;
use crate::keys::data;

/// What a ConfigMap holds at most, in bytes of all its values.
const MOST_DATA: usize = 1 << 20;

/// How much of its title an issue keeps that is too large for a ConfigMap, in bytes.
const MOST_TITLE: usize = 4 << 10;

/// The data of one ConfigMap.
pub(super) struct Content {
    pub(super) data: BTreeMap<String, String>,
    pub(super) binary_data: BTreeMap<String, Vec<u8>>,
    /// The fields that did not fit.
    pub(super) shortened: Vec<String>,
}

/// The issue's line as it stands in git and its title; shortened where that is too much.
pub(super) fn content(issue: &Issue<'_>) -> Content {
    if issue.raw.len() + issue.title.len() > MOST_DATA {
        return shortened_content(issue);
    }
    let mut data = BTreeMap::from([(data::TITLE.to_owned(), issue.title.to_string())]);
    let mut binary_data = BTreeMap::new();
    if let Ok(line) = std::str::from_utf8(issue.raw) {
        data.insert(data::ISSUE.to_owned(), line.to_owned());
    } else {
        binary_data.insert(data::ISSUE.to_owned(), issue.raw.to_owned());
    }
    Content {
        data,
        binary_data,
        shortened: Vec::new(),
    }
}

fn shortened_content(issue: &Issue<'_>) -> Content {
    let title = shorten::head(&issue.title, MOST_TITLE);
    let json = shorten::line(issue, MOST_DATA - title.len());
    let mut shortened = json.shortened;
    if title.len() < issue.title.len() && !shortened.iter().any(|field| field == data::TITLE) {
        shortened.push(data::TITLE.to_owned());
    }
    let data = [(data::TITLE, title.to_owned()), (data::ISSUE, json.text)];
    let data = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Content {
        data,
        binary_data: BTreeMap::new(),
        shortened,
    }
}

/// The first items as one text of bounded length, which says how many more there are.
pub(super) fn listed(items: &[impl Display], separator: &str) -> String {
    const MOST_ITEMS: usize = 10;
    const LONGEST_ITEM: usize = 200;
    let text = |item: &dyn Display| {
        let full = item.to_string();
        let head = shorten::head(&full, LONGEST_ITEM);
        if head.len() < full.len() {
            format!("{head}…")
        } else {
            full
        }
    };
    let mut texts: Vec<_> = items
        .iter()
        .take(MOST_ITEMS)
        .map(|item| text(item))
        .collect();
    if items.len() > MOST_ITEMS {
        texts.push(format!("and {} more", items.len() - MOST_ITEMS));
    }
    texts.join(separator)
}
