//! A command of the user's own. Placeholders in its words are filled in once; nothing is ever given to a shell.

use std::collections::BTreeMap;

use super::{Assignment, Launch, LaunchError, Provider, Settings, with_version, without_version};
use crate::report::Format;

pub(super) fn launch(settings: &Settings, assignment: &Assignment) -> Result<Launch, LaunchError> {
    let values = values(settings, assignment);
    let command: Vec<String> = settings
        .command
        .iter()
        .chain(&settings.arguments)
        .map(|word| filled_in(word, &values))
        .collect();
    if command.first().is_none_or(String::is_empty) {
        return Err(LaunchError::NoCommand);
    }
    Ok(Launch {
        command,
        environment: environment(settings, assignment),
        format: Format::Text,
    })
}

/// What the placeholders stand for.
fn values(settings: &Settings, assignment: &Assignment) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("prompt", assignment.prompt.clone()),
        ("prompt_file", assignment.prompt_file.display().to_string()),
        ("repository", assignment.repository.display().to_string()),
        ("branch", assignment.branch.clone()),
        ("bead", assignment.bead.clone()),
        ("polecat", assignment.polecat.clone()),
        ("rig", assignment.rig.clone()),
        ("model", settings.model.name.clone().unwrap_or_default()),
        (
            "endpoint",
            settings.model.endpoint.clone().unwrap_or_default(),
        ),
        (
            "config",
            settings
                .config
                .as_ref()
                .map(|folder| folder.display().to_string())
                .unwrap_or_default(),
        ),
    ])
}

/// `word` with each `{name}` of a known name replaced, in one pass: a brace in a value is text. `{{name}}` gives `{name}`.
fn filled_in(word: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut result = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let (text, length) = values
            .iter()
            .find_map(|(name, value)| {
                let escaped = format!("{{{{{name}}}}}");
                let plain = format!("{{{name}}}");
                if rest.starts_with(&escaped) {
                    Some((plain, escaped.len()))
                } else {
                    rest.starts_with(&plain)
                        .then(|| (value.clone(), plain.len()))
                }
            })
            .unwrap_or_else(|| ("{".to_owned(), 1));
        result.push_str(&text);
        rest = &rest[length..];
    }
    result.push_str(rest);
    result
}

/// The names under which programs commonly look for an endpoint and a key.
fn environment(settings: &Settings, assignment: &Assignment) -> BTreeMap<String, String> {
    let model = &settings.model;
    let key = model.api_key.as_ref().map(|key| key.reveal().to_owned());
    let speaks_openai = model.provider != Provider::Anthropic;
    let speaks_anthropic = matches!(model.provider, Provider::Anthropic | Provider::Litellm);
    let openai = model
        .endpoint
        .as_deref()
        .filter(|_| speaks_openai)
        .map(with_version);
    let anthropic = model
        .endpoint
        .as_deref()
        .filter(|_| speaks_anthropic)
        .map(without_version);
    [
        (
            "BEAD_PROMPT_FILE",
            Some(assignment.prompt_file.display().to_string()),
        ),
        ("LLM_MODEL", model.name.clone()),
        ("LLM_API_KEY", key.clone()),
        ("OPENAI_BASE_URL", openai),
        ("OPENAI_API_KEY", key.clone().filter(|_| speaks_openai)),
        ("ANTHROPIC_BASE_URL", anthropic),
        ("ANTHROPIC_API_KEY", key.filter(|_| speaks_anthropic)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assignment, settings};
    use super::super::{Kind, launch};
    use super::*;

    fn command(words: &[&str], assignment: &Assignment) -> Vec<String> {
        let mut settings = settings(Kind::Custom, Provider::Litellm);
        settings.arguments = words.iter().map(|&word| word.to_owned()).collect();
        launch(&settings, assignment).unwrap().command
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_are_text() {
        let words = [
            "agent",
            "--file={prompt_file}",
            "{bead}/{branch}@{model}",
            r#"{"json": "{repository}"}"#,
            "{unknown}",
            "{",
        ];
        let expected = [
            "agent",
            "--file=/workspace/.beadlet/prompt.md",
            "gt-1/polecat/a@devstral-123b",
            r#"{"json": "/workspace/repo"}"#,
            "{unknown}",
            "{",
        ];
        assert_eq!(command(&words, &assignment()), expected);
    }

    #[test]
    fn placeholder_in_a_value_is_not_filled_in_again() {
        let assignment = Assignment {
            prompt: "look at {branch} and {{bead}}".into(),
            ..assignment()
        };
        assert_eq!(
            command(&["agent", "{prompt}"], &assignment)[1],
            "look at {branch} and {{bead}}"
        );
    }

    #[test]
    fn doubled_braces_keep_the_placeholder() {
        assert_eq!(
            command(&["agent", "{{prompt}}"], &assignment())[1],
            "{prompt}"
        );
    }

    #[test]
    fn prompt_stays_one_argument() {
        let prompt = assignment().prompt;
        assert_eq!(
            command(&["agent", "{prompt}"], &assignment()),
            ["agent", &prompt]
        );
    }

    #[test]
    fn command_comes_before_the_arguments() {
        let mut settings = settings(Kind::Custom, Provider::Openai);
        settings.command = vec!["a".into(), "b".into()];
        settings.arguments = vec!["c".into()];
        assert_eq!(
            launch(&settings, &assignment()).unwrap().command,
            ["a", "b", "c"]
        );
    }

    #[test]
    fn nothing_to_run_is_refused() {
        assert_eq!(
            launch(&settings(Kind::Custom, Provider::Openai), &assignment()),
            Err(LaunchError::NoCommand)
        );
    }

    #[test]
    fn endpoint_and_key_have_their_usual_names() {
        for (provider, openai, anthropic) in [
            (Provider::Openai, Some("https://gateway.example/v1"), None),
            (Provider::Ollama, Some("https://gateway.example/v1"), None),
            (Provider::Anthropic, None, Some("https://gateway.example")),
            (
                Provider::Litellm,
                Some("https://gateway.example/v1"),
                Some("https://gateway.example"),
            ),
        ] {
            let mut settings = settings(Kind::Custom, provider);
            settings.command = vec!["agent".into()];
            let environment = launch(&settings, &assignment()).unwrap().environment;
            assert_eq!(
                environment.get("OPENAI_BASE_URL").map(String::as_str),
                openai,
                "{provider:?}"
            );
            assert_eq!(
                environment.get("ANTHROPIC_BASE_URL").map(String::as_str),
                anthropic,
                "{provider:?}"
            );
            assert_eq!(environment["LLM_API_KEY"], "sk-secret");
        }
    }
}
