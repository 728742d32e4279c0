//! The events of `opencode run --format json`, one JSON object a line (recorded from 1.18, see `fixtures/`).

use serde_json::Value;

use super::{Reader, count, tool_line};
use crate::contract::Tokens;

pub(super) fn read(reader: &mut Reader, event: &Value) -> Option<String> {
    let part = &event["part"];
    match event["type"].as_str() {
        Some("text" | "reasoning") => part["text"].as_str().map(str::to_owned),
        Some("tool_use") => Some(tool(part)),
        Some("step_start") => None,
        Some("step_finish") => {
            // A step that ended well means that an earlier error was got over.
            reader.error = None;
            reader.add(tokens(&part["tokens"]), part["cost"].as_f64());
            None
        }
        Some("error") => {
            let message = error(&event["error"]);
            reader.error = Some(message.clone());
            Some(format!("error: {message}"))
        }
        _ => Some(event.to_string()),
    }
}

fn tool(part: &Value) -> String {
    let state = &part["state"];
    let line = tool_line(part["tool"].as_str().unwrap_or("tool"), &state["input"]);
    match state["error"].as_str() {
        Some(error) if state["status"] == "error" => format!("{line}: {error}"),
        _ => line,
    }
}

fn tokens(tokens: &Value) -> Tokens {
    Tokens {
        input: count(&tokens["input"]),
        output: count(&tokens["output"]).saturating_add(count(&tokens["reasoning"])),
        cache_read: count(&tokens["cache"]["read"]),
        cache_write: count(&tokens["cache"]["write"]),
    }
}

fn error(error: &Value) -> String {
    let message = error["data"]["message"]
        .as_str()
        .or(error["message"].as_str())
        .or(error["name"].as_str());
    let message = message.unwrap_or("the agent gave no reason");
    match error["data"]["statusCode"].as_u64() {
        Some(status) => format!("the model endpoint answered {status}: {message}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use crate::contract::Usage;

    fn read_all(events: &str) -> (Reader, Vec<String>) {
        let mut reader = Reader::new(Format::Opencode);
        let shown = events
            .lines()
            .filter_map(|line| reader.read(line))
            .collect();
        (reader, shown)
    }

    #[test]
    fn recorded_run_shows_its_words_and_tools_and_adds_up() {
        let (reader, shown) = read_all(include_str!("../../fixtures/opencode-1.18-write.jsonl"));
        assert_eq!(
            shown,
            [
                "I will write the file.",
                "→ write /workspace/repo/hello.txt",
                "Done: the file is written."
            ]
        );
        let tokens = Tokens {
            input: 1600,
            output: 100,
            cache_read: 400,
            cache_write: 0,
        };
        assert_eq!(
            reader.usage(),
            Usage {
                tokens: Some(tokens),
                cost: Some(0.0)
            }
        );
        assert_eq!(reader.error(), None);
    }

    #[test]
    fn recorded_refusal_is_an_error_with_its_status() {
        let (reader, shown) = read_all(include_str!(
            "../../fixtures/opencode-1.18-unauthorized.jsonl"
        ));
        assert_eq!(
            reader.error(),
            Some("the model endpoint answered 401: invalid api key")
        );
        assert_eq!(
            shown,
            ["error: the model endpoint answered 401: invalid api key"]
        );
    }

    #[test]
    fn error_that_was_got_over_does_not_stay() {
        let (reader, _) = read_all(
            "{\"type\":\"error\",\"error\":{\"name\":\"X\"}}\n{\"type\":\"step_finish\",\"part\":{}}",
        );
        assert_eq!(reader.error(), None);
    }

    #[test]
    fn tool_that_failed_says_so() {
        let (_, shown) = read_all(
            r#"{"type":"tool_use","part":{"tool":"bash","state":{"status":"error","input":{"command":"false\n now"},"error":"exit 1"}}}"#,
        );
        assert_eq!(shown, ["→ bash false now: exit 1"]);
    }
}
