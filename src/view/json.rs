//! JSON and YAML of issues, with nothing lost.

use serde::Serialize;

use super::node::Node;

const INDENT: usize = 4;

/// The JSON text with line ends and indentation, otherwise untouched: keys that stand twice, the spelling of numbers and escapes
/// stay as they are. `depth` is how many levels the whole is indented; the first line is not. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn indented(raw: &[u8], depth: usize) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = depth;
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * INDENT));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => copy_string(&mut chars, &mut out),
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(close) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Copies a string with its quotes; the opening one is gone from `chars` already.
fn copy_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('"');
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' => out.extend(chars.next()),
            '"' => break,
            _ => {}
        }
    }
}

/// A list of JSON objects, one text each.
#[must_use]
pub fn list<'a>(raws: impl IntoIterator<Item = &'a [u8]>) -> String {
    let items: Vec<String> = raws
        .into_iter()
        .map(|raw| format!("    {}", indented(raw, 1)))
        .collect();
    if items.is_empty() {
        "[]\n".to_owned()
    } else {
        format!("[\n{}\n]\n", items.join(",\n"))
    }
}

/// A list of issues as YAML, keys in the order of the file.
///
/// # Errors
/// When a text is not JSON.
pub fn yaml_list<'a>(raws: impl IntoIterator<Item = &'a [u8]>) -> Result<String, FormError> {
    let nodes: Vec<Node> = raws
        .into_iter()
        .map(Node::parse)
        .collect::<Result<_, _>>()?;
    yaml(&nodes)
}

/// A value of ours as indented JSON, with a line end.
///
/// # Errors
/// When it has no JSON form.
pub fn pretty(value: &impl Serialize) -> Result<String, FormError> {
    Ok(indented(&serde_json::to_vec(value)?, 0) + "\n")
}

/// A value as YAML, with a line end. Texts are written so that YAML 1.1 readers (kubectl) and 1.2 readers agree on them.
///
/// # Errors
/// When it has no YAML form.
pub fn yaml(value: &impl Serialize) -> Result<String, FormError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = serde_saphyr::to_string_with_options(value, options)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// A value that cannot be written in a form.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error("an issue cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("an issue cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_json_changes_nothing_but_whitespace() {
        let raw = br#"{"id":"gt-1","n":1.0e2,"n":12345678901234567890123,"t":"a\"{,}:\\ \u003c","e":{},"l":[ ],"m":[1, {"k":null}]}"#;
        let text = indented(raw, 0);
        let squeezed: String = text
            .lines()
            .map(str::trim_start)
            .collect::<String>()
            .replace("\": ", "\":");
        assert_eq!(
            squeezed,
            String::from_utf8_lossy(raw)
                .replace("[ ]", "[]")
                .replace(", {", ",{")
        );
        assert!(
            text.starts_with("{\n    \"id\": \"gt-1\",\n    \"n\": 1.0e2,\n"),
            "{text}"
        );
    }

    #[test]
    fn a_list_is_one_json_value() {
        assert_eq!(list([]), "[]\n");
        let raws: [&[u8]; 2] = [br#"{"id":"a"}"#, br#"{"id":"b","x":[]}"#];
        assert_eq!(
            list(raws),
            "[\n    {\n        \"id\": \"a\"\n    },\n    {\n        \"id\": \"b\",\n        \"x\": []\n    }\n]\n"
        );
    }

    #[test]
    fn yaml_reads_back_as_what_the_file_holds() {
        let raw = br#"{"id":"gt-1","title":"yes","notes":"a\nb\n\n","design":" lead","x":"1e3","m":{"k":[1,null,"~"]},"d":"2026-01-02"}"#;
        let text = yaml_list([raw.as_slice()]).expect("YAML");
        let back: Vec<serde_json::Value> = serde_saphyr::from_str(&text).expect(&text);
        assert_eq!(
            back,
            vec![serde_json::from_slice::<serde_json::Value>(raw).expect("JSON")],
            "{text}"
        );
    }
}
