//! What an agent prints: lines for a person, and what it says about tokens, cost and errors.

mod claude_code;
mod opencode;

use serde::Deserialize;
use serde_json::Value;

use crate::contract::{Tokens, Usage, shortened};

/// How an agent's standard output is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As it is.
    Text,
    /// `opencode run --format json`.
    Opencode,
    /// `claude -p --output-format stream-json`.
    ClaudeCode,
}

/// Reads an agent's standard output line by line.
#[derive(Clone, Debug)]
pub struct Reader {
    format: Format,
    usage: Usage,
    error: Option<String>,
}

impl Reader {
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            usage: Usage::default(),
            error: None,
        }
    }

    /// What a person should see of `line`, which has no line end. A line that is not an event of the format is shown as it is.
    pub fn read(&mut self, line: &str) -> Option<String> {
        let event: Option<Value> = match self.format {
            Format::Text => None,
            Format::Opencode | Format::ClaudeCode => {
                serde_json::from_str(line).ok().filter(Value::is_object)
            }
        };
        match (self.format, event) {
            (Format::Opencode, Some(event)) => opencode::read(self, &event),
            (Format::ClaudeCode, Some(event)) => claude_code::read(self, &event),
            _ => Some(line.to_owned()),
        }
    }

    /// What the agent used, as far as it said.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The last error that the agent reported and did not get over.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    fn add(&mut self, tokens: Tokens, cost: Option<f64>) {
        let sum = self.usage.tokens.get_or_insert_default();
        sum.input = sum.input.saturating_add(tokens.input);
        sum.output = sum.output.saturating_add(tokens.output);
        sum.cache_read = sum.cache_read.saturating_add(tokens.cache_read);
        sum.cache_write = sum.cache_write.saturating_add(tokens.cache_write);
        if let Some(cost) = cost {
            self.usage.cost = Some(self.usage.cost.unwrap_or_default() + cost);
        }
    }
}

/// Reads the file that a custom agent may leave. What cannot be read counts as not said.
#[must_use]
pub fn usage_file(bytes: &[u8]) -> Usage {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        tokens: Option<Tokens>,
        #[serde(default)]
        cost: Option<f64>,
    }
    serde_json::from_slice::<Said>(bytes)
        .map(|said| Usage {
            tokens: said.tokens,
            cost: said.cost.filter(|cost| cost.is_finite() && *cost >= 0.0),
        })
        .unwrap_or_default()
}

/// One line about a tool call: its name and the most telling word of its input.
fn tool_line(name: &str, input: &Value) -> String {
    const TELLING: [&str; 8] = [
        "command",
        "file_path",
        "filePath",
        "path",
        "pattern",
        "url",
        "query",
        "description",
    ];
    const LIMIT: usize = 200;
    let told = TELLING
        .iter()
        .find_map(|key| input[*key].as_str())
        .unwrap_or_default();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("→ {name} {}", shortened(&told, LIMIT))
        .trim_end()
        .to_owned()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_is() {
        let mut reader = Reader::new(Format::Text);
        for line in ["", "plain", r#"{"type":"error","error":{"message":"m"}}"#] {
            assert_eq!(reader.read(line).as_deref(), Some(line));
        }
        assert_eq!((reader.usage(), reader.error()), (Usage::default(), None));
    }

    #[test]
    fn line_that_is_no_event_is_shown_as_it_is() {
        for format in [Format::Opencode, Format::ClaudeCode] {
            let mut reader = Reader::new(format);
            for line in [
                "a warning",
                "[1, 2]",
                "{broken",
                r#"{"type":"something new"}"#,
                "{}",
            ] {
                assert_eq!(reader.read(line).as_deref(), Some(line), "{format:?}");
            }
        }
    }

    #[test]
    fn usage_file_counts_only_when_it_makes_sense() {
        let said = usage_file(br#"{"tokens":{"input":3,"output":4},"cost":0.5}"#);
        assert_eq!(
            said.tokens,
            Some(Tokens {
                input: 3,
                output: 4,
                ..Tokens::default()
            })
        );
        assert_eq!(said.cost, Some(0.5));
        assert_eq!(usage_file(br#"{"cost":-1}"#).cost, None);
        assert_eq!(usage_file(b"no JSON"), Usage::default());
    }
}
