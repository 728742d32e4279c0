//! Kubernetes label selectors, as `kubectl -l` takes them.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Requirements that labels have to meet, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    /// Met as well where the key is missing, as in Kubernetes.
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// What is wrong with a selector.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    #[error(
        "a requirement is empty; write key=value, key!=value, key in (a,b), key notin (a,b), key or !key"
    )]
    Empty,
    #[error(
        "'{0}' is not a requirement; write key=value, key!=value, key in (a,b), key notin (a,b), key or !key"
    )]
    Requirement(String),
    #[error("a parenthesis in '{0}' is not closed")]
    Parenthesis(String),
}

impl LabelSelector {
    /// Whether the labels meet every requirement.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.is_met(labels))
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        requirements(text)?
            .into_iter()
            .map(requirement)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Requirement {
    fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::Missing(key) => !labels.contains_key(key),
        }
    }
}

/// Splits at the commas outside parentheses.
fn requirements(text: &str) -> Result<Vec<&str>, SelectorError> {
    let mut parts = Vec::new();
    let (mut start, mut open) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !open => open = true,
            ')' if open => open = false,
            '(' | ')' => return Err(SelectorError::Parenthesis(text.to_owned())),
            ',' if !open => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open {
        return Err(SelectorError::Parenthesis(text.to_owned()));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(text: &str) -> Result<Requirement, SelectorError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SelectorError::Empty);
    }
    let wrong = || SelectorError::Requirement(text.to_owned());
    let key = |key: &str| {
        is_key(key.trim())
            .then(|| key.trim().to_owned())
            .ok_or_else(wrong)
    };
    let value = |value: &str| {
        is_value(value.trim())
            .then(|| value.trim().to_owned())
            .ok_or_else(wrong)
    };
    if let Some(set) = text.strip_suffix(')') {
        return set_requirement(set).ok_or_else(wrong);
    }
    if let Some(missing) = text.strip_prefix('!') {
        return Ok(Requirement::Missing(key(missing)?));
    }
    if let Some((left, right)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key(left)?, vec![value(right)?]));
    }
    if let Some((left, right)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(key(left)?, vec![value(right)?]));
    }
    Ok(Requirement::Exists(key(text)?))
}

/// `key in (a,b` or `key notin (a,b`: the closing parenthesis is gone already.
fn set_requirement(text: &str) -> Option<Requirement> {
    let (left, values) = text.split_once('(')?;
    let values: Vec<String> = values
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    let (key, operator) = left.trim().split_once(char::is_whitespace)?;
    if !is_key(key) || !values.iter().all(|value| is_value(value)) {
        return None;
    }
    match operator.trim() {
        "in" => Some(Requirement::In(key.to_owned(), values)),
        "notin" => Some(Requirement::NotIn(key.to_owned(), values)),
        _ => None,
    }
}

fn is_key(text: &str) -> bool {
    let name = text.split_once('/').map_or(text, |(_, name)| name);
    !name.is_empty() && is_value(name) && text.chars().all(|c| is_label_char(c) || c == '/')
}

fn is_value(text: &str) -> bool {
    text.chars().all(is_label_char)
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> BTreeMap<String, String> {
        [
            ("bead-status", "open"),
            ("bead-priority", "1"),
            ("bead-label/gt.owned", ""),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    #[track_caller]
    fn check(selector: &str, matches: bool) {
        let parsed: LabelSelector = selector.parse().expect(selector);
        assert_eq!(parsed.matches(&labels()), matches, "{selector}");
    }

    #[test]
    fn selectors_mean_what_they_mean_to_kubectl() {
        for selector in [
            "",
            "bead-status=open",
            "bead-status==open",
            "bead-status != closed",
            "bead-priority in (0, 1)",
            "bead-priority notin (3,4),bead-status=open",
            "bead-label/gt.owned",
            "bead-label/gt.owned=",
            "!bead-convoy/x",
            "absent!=x",
            "absent notin (x)",
        ] {
            check(selector, true);
        }
        for selector in [
            "bead-status=closed",
            "bead-priority in (3,4)",
            "!bead-status",
            "absent",
            "absent=x",
            "bead-status=open,absent",
        ] {
            check(selector, false);
        }
    }

    #[test]
    fn what_is_not_a_selector_is_refused() {
        for selector in [
            "=x",
            "a=b=c",
            "a in b",
            "a in (b",
            "a)b(",
            "a,,b",
            "a within (b)",
            "!",
            "a b",
            "a/b/c=d",
            "(a)",
        ] {
            assert!(selector.parse::<LabelSelector>().is_err(), "{selector}");
        }
    }
}
