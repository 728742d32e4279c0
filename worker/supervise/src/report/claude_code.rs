//! The events of `claude -p --output-format stream-json --verbose`, one JSON object a line (recorded from 2.1, see `fixtures/`).

use serde_json::Value;

use super::{Reader, count, tool_line};
use crate::contract::{Tokens, Usage};

pub(super) fn read(reader: &mut Reader, event: &Value) -> Option<String> {
    match (event["type"].as_str(), event["subtype"].as_str()) {
        (Some("system"), Some("init")) => Some(format!(
            "claude-code {}, model {}",
            event["claude_code_version"]
                .as_str()
                .unwrap_or("of unknown version"),
            event["model"].as_str().unwrap_or("unknown")
        )),
        (Some("system"), Some("api_retry")) => Some(retry(event)),
        (Some("system" | "stream_event"), _) => None,
        (Some("assistant"), _) => lines(&event["message"]["content"], said),
        (Some("user"), _) => lines(&event["message"]["content"], refused),
        (Some("result"), _) => {
            result(reader, event);
            reader
                .error
                .as_ref()
                .map(|message| format!("error: {message}"))
        }
        _ => Some(event.to_string()),
    }
}

fn retry(event: &Value) -> String {
    let status = event["error_status"].as_u64().map_or_else(
        || "did not answer".to_owned(),
        |status| format!("answered {status}"),
    );
    format!(
        "the model endpoint {status}; attempt {} of {}",
        count(&event["attempt"]),
        count(&event["max_retries"])
    )
}

fn lines(content: &Value, line: fn(&Value) -> Option<String>) -> Option<String> {
    let lines: Vec<String> = content.as_array()?.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn said(block: &Value) -> Option<String> {
    match block["type"].as_str() {
        Some("text") => block["text"].as_str().map(str::to_owned),
        Some("tool_use") => Some(tool_line(
            block["name"].as_str().unwrap_or("tool"),
            &block["input"],
        )),
        _ => None,
    }
}

/// A tool's result is not shown, its failure is.
fn refused(block: &Value) -> Option<String> {
    (block["is_error"] == true).then(|| {
        format!(
            "the tool failed: {}",
            block["content"].as_str().unwrap_or("no reason given")
        )
    })
}

/// The last event: totals of the whole run, and whether it failed.
fn result(reader: &mut Reader, event: &Value) {
    let usage = &event["usage"];
    reader.usage = Usage {
        tokens: Some(Tokens {
            input: count(&usage["input_tokens"]),
            output: count(&usage["output_tokens"]),
            cache_read: count(&usage["cache_read_input_tokens"]),
            cache_write: count(&usage["cache_creation_input_tokens"]),
        }),
        cost: event["total_cost_usd"].as_f64(),
    };
    reader.error = (event["is_error"] == true).then(|| {
        event["result"]
            .as_str()
            .or(event["subtype"].as_str())
            .unwrap_or("the agent gave no reason")
            .to_owned()
    });
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn read_all(events: &str) -> (Reader, Vec<String>) {
        let mut reader = Reader::new(Format::ClaudeCode);
        let shown = events
            .lines()
            .filter_map(|line| reader.read(line))
            .collect();
        (reader, shown)
    }

    #[test]
    fn recorded_run_shows_its_words_and_tools_and_adds_up() {
        let (reader, shown) = read_all(include_str!("../../fixtures/claude-code-2.1-write.jsonl"));
        assert_eq!(
            shown,
            [
                "claude-code 2.1.197, model MODEL",
                "I will write the file.",
                "→ Write /workspace/repo/hello.txt",
                "Done: the file is written."
            ]
        );
        assert_eq!(
            reader.usage().tokens,
            Some(Tokens {
                input: 1600,
                output: 100,
                cache_read: 400,
                cache_write: 0
            })
        );
        assert!(
            reader
                .usage()
                .cost
                .is_some_and(|cost| (cost - 0.0107).abs() < 1e-9)
        );
        assert_eq!(reader.error(), None);
    }

    #[test]
    fn recorded_refusal_is_an_error() {
        let (reader, shown) = read_all(include_str!(
            "../../fixtures/claude-code-2.1-unauthorized.jsonl"
        ));
        assert_eq!(
            reader.error(),
            Some("Failed to authenticate. API Error: 401 invalid api key")
        );
        assert!(
            shown
                .iter()
                .any(|line| line.starts_with("the model endpoint answered 401; attempt 1 of")),
            "{shown:?}"
        );
    }

    #[test]
    fn tool_that_failed_says_so() {
        let (_, shown) = read_all(
            r#"{"type":"user","message":{"content":[{"type":"tool_result","is_error":true,"content":"no such file"}]}}"#,
        );
        assert_eq!(shown, ["the tool failed: no such file"]);
    }

    #[test]
    fn run_that_used_up_its_turns_is_an_error() {
        let (reader, _) =
            read_all(r#"{"type":"result","subtype":"error_max_turns","is_error":true,"usage":{}}"#);
        assert_eq!(reader.error(), Some("error_max_turns"));
    }
}
