//! What `.beads/config.yaml` says to a reader: custom statuses and types, the sync branch, the issue prefix.

use std::collections::HashSet;

use serde_json::Value;

use crate::reader::{Reading, Warning};

/// The settings of the tracker that a reader of git can see. All are optional in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackerConfig {
    /// `issue-prefix`.
    pub issue_prefix: Option<String>,
    /// `sync-branch`.
    pub sync_branch: Option<String>,
    /// `status.custom`, the names only.
    pub custom_statuses: Vec<String>,
    /// `types.custom`.
    pub custom_types: Vec<String>,
    /// `export.path`.
    pub export_path: Option<String>,
}

/// What is wrong with a `config.yaml`. Tells no value of it: there may be tokens among them.
#[derive(Debug, thiserror::Error)]
#[error("config.yaml: {message}")]
pub struct ConfigError {
    pub message: String,
}

/// Statuses and types that the tracker knows without being told, of any of its versions.
const STATUSES: [&str; 7] = [
    "open",
    "in_progress",
    "blocked",
    "deferred",
    "hooked",
    "pinned",
    "closed",
];
const TYPES: [&str; 19] = [
    "task",
    "bug",
    "feature",
    "epic",
    "chore",
    "decision",
    "message",
    "molecule",
    "gate",
    "spike",
    "story",
    "milestone",
    "event",
    "merge-request",
    "agent",
    "role",
    "convoy",
    "slot",
    "rig",
];

impl TrackerConfig {
    /// Reads `config.yaml`. Unknown keys are ignored, dotted and nested keys mean the same.
    ///
    /// # Errors
    /// When the text is not YAML or a known key has a value of the wrong type.
    pub fn parse(yaml: &[u8]) -> Result<Self, ConfigError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let settings: Option<Value> = serde_saphyr::from_slice_with_options(yaml, options)
            .map_err(|error| ConfigError {
                message: error.to_string(),
            })?;
        let settings = settings.unwrap_or_default();
        Ok(Self {
            issue_prefix: text(&settings, "issue-prefix")?,
            sync_branch: text(&settings, "sync-branch")?,
            custom_statuses: words(&settings, "status.custom")?
                .iter()
                .map(|word| without_category(word))
                .collect(),
            custom_types: words(&settings, "types.custom")?,
            export_path: text(&settings, "export.path")?,
        })
    }

    /// All statuses that the tracker takes.
    #[must_use]
    pub fn statuses(&self) -> Vec<&str> {
        with_custom(&STATUSES, &self.custom_statuses)
    }

    /// All issue types that the tracker takes.
    #[must_use]
    pub fn types(&self) -> Vec<&str> {
        with_custom(&TYPES, &self.custom_types)
    }

    /// What the tracker itself would refuse on import: statuses and types that are neither its own nor custom ones.
    /// One warning a word, on the line where it stands first.
    #[must_use]
    pub fn unknown_words(&self, reading: &Reading<'_>) -> Vec<Warning> {
        let mut statuses: HashSet<_> = self.statuses().into_iter().collect();
        let mut types: HashSet<_> = self.types().into_iter().collect();
        let mut warnings = Vec::new();
        for issue in &reading.issues {
            let mut warn = |what: &str, word: &str, key: &str| {
                let message = format!(
                    "{what} {word:?} is neither the tracker's own nor named in {key} of config.yaml"
                );
                warnings.push(Warning {
                    line: issue.line,
                    message,
                });
            };
            if statuses.insert(&issue.status) {
                warn("status", &issue.status, "status.custom");
            }
            if types.insert(&issue.issue_type) {
                warn("issue type", &issue.issue_type, "types.custom");
            }
        }
        warnings
    }
}

fn with_custom<'a>(own: &[&'a str], custom: &'a [String]) -> Vec<&'a str> {
    let custom = custom.iter().map(String::as_str);
    own.iter().copied().chain(custom).collect()
}

/// The name of `name:category`.
fn without_category(word: &str) -> String {
    word.split_once(':')
        .map_or(word, |(name, _)| name.trim_end())
        .to_owned()
}

/// A setting that is one word; an empty one is none.
fn text(settings: &Value, key: &str) -> Result<Option<String>, ConfigError> {
    let text = match setting(settings, key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.trim().to_owned()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => return Err(wrong_type(key, "a string")),
    };
    Ok(text.filter(|text| !text.is_empty()))
}

/// A setting that is a list, or a string with commas.
fn words(settings: &Value, key: &str) -> Result<Vec<String>, ConfigError> {
    let words = match setting(settings, key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
        Some(Value::Array(list)) => {
            strings(list).ok_or_else(|| wrong_type(key, "a list of strings"))?
        }
        Some(_) => return Err(wrong_type(key, "a list or a string with commas")),
    };
    let words = words
        .iter()
        .map(|word| word.trim())
        .filter(|word| !word.is_empty());
    Ok(words.map(str::to_owned).collect())
}

fn strings(list: &[Value]) -> Option<Vec<String>> {
    list.iter()
        .map(|word| word.as_str().map(str::to_owned))
        .collect()
}

fn wrong_type(key: &str, wanted: &str) -> ConfigError {
    ConfigError {
        message: format!("{key} is not {wanted}"),
    }
}

/// The value at a dotted path, of which any dot may be a level of nesting. Keys are compared without regard to case, as
/// the tracker does.
fn setting<'a>(settings: &'a Value, path: &str) -> Option<&'a Value> {
    settings.as_object()?.iter().find_map(|(key, value)| {
        let (head, rest) = path.split_at_checked(key.len())?;
        match rest.strip_prefix('.') {
            _ if !head.eq_ignore_ascii_case(key) => None,
            Some(nested) => setting(value, nested),
            None => rest.is_empty().then_some(value),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    fn parsed(yaml: &str) -> TrackerConfig {
        TrackerConfig::parse(yaml.as_bytes()).unwrap()
    }

    #[test]
    fn dotted_and_nested_keys_mean_the_same() {
        let dotted = parsed(
            "issue-prefix: gt\nstatus.custom: \"waiting, done:done\"\nexport.path: .beads/x.jsonl\n",
        );
        let nested = parsed(
            "Issue-Prefix: gt\nstatus:\n  custom: [waiting, 'done:done']\nexport: {path: .beads/x.jsonl}",
        );
        assert_eq!(dotted, nested);
        assert_eq!(dotted.custom_statuses, ["waiting", "done"]);
        assert_eq!(dotted.export_path.as_deref(), Some(".beads/x.jsonl"));
    }

    #[test]
    fn file_without_settings_is_the_default() {
        for yaml in [
            "",
            "# nothing\n",
            "---\n",
            "no-db: true\n",
            "sync-branch: \"\"\nissue-prefix:\n",
        ] {
            assert_eq!(parsed(yaml), TrackerConfig::default(), "{yaml:?}");
        }
    }

    #[test]
    fn setting_of_the_wrong_type_is_named() {
        let error = TrackerConfig::parse(b"sync-branch: [a]").unwrap_err();
        assert_eq!(
            error.to_string(),
            "config.yaml: sync-branch is not a string"
        );
        let error = TrackerConfig::parse(b"types:\n  custom: {a: b}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "config.yaml: types.custom is not a list or a string with commas"
        );
    }

    #[test]
    fn error_about_broken_yaml_shows_no_value() {
        let error = TrackerConfig::parse(b"linear.api-key: hush\nfoo: [hush\nbar: hush: hush\n")
            .unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
    }

    #[test]
    fn each_unknown_word_is_told_once_where_it_stands_first() {
        let file = b"{\"id\":\"a-1\"}\n{\"id\":\"a-2\",\"status\":\"waiting\"}\n{\"id\":\"a-3\",\"status\":\"waiting\"}\n\
            {\"id\":\"a-4\",\"issue_type\":\"madeup\"}\n";
        let reading = read(file).unwrap();
        let lines = |config: TrackerConfig| {
            config
                .unknown_words(&reading)
                .iter()
                .map(|w| w.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(TrackerConfig::default()), [2, 4]);
        assert_eq!(lines(parsed("status.custom: waiting")), [4]);
    }
}
