//! Claude Code, headless. It speaks Anthropic's protocol, which LiteLLM and Ollama serve as well.

use std::collections::BTreeMap;

use super::{Assignment, Launch, LaunchError, Provider, Settings, config_file, without_version};
use crate::report::Format;

const AGENT: &str = "claude-code";
const PROGRAM: &str = "claude";
const OLLAMA: &str = "http://localhost:11434";

pub(super) fn launch(settings: &Settings, assignment: &Assignment) -> Result<Launch, LaunchError> {
    if assignment.prompt.is_empty() {
        return Err(LaunchError::NoTask { agent: AGENT });
    }
    Ok(Launch {
        command: command(settings, assignment),
        environment: environment(settings)?,
        format: Format::ClaudeCode,
    })
}

fn command(settings: &Settings, assignment: &Assignment) -> Vec<String> {
    let mut command = settings.command.clone();
    if command.is_empty() {
        command.push(PROGRAM.to_owned());
    }
    command.extend(
        [
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--dangerously-skip-permissions",
        ]
        .map(str::to_owned),
    );
    let settings_file = config_file(settings, "settings.json");
    let mcp_file = config_file(settings, "mcp.json");
    for (option, value) in [
        ("--model", &settings.model.name),
        ("--settings", &settings_file),
        ("--mcp-config", &mcp_file),
    ] {
        if let Some(value) = value {
            command.extend([option.to_owned(), value.clone()]);
        }
    }
    command.extend(settings.arguments.iter().cloned());
    command.extend(["--".to_owned(), assignment.prompt.clone()]);
    command
}

fn environment(settings: &Settings) -> Result<BTreeMap<String, String>, LaunchError> {
    let mut environment: BTreeMap<String, String> = [
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_ERROR_REPORTING", "1"),
        ("DISABLE_TELEMETRY", "1"),
        // It refuses to skip permissions as root anywhere but in a sandbox; a container is one.
        ("IS_SANDBOX", "1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    environment.insert(
        "API_TIMEOUT_MS".to_owned(),
        settings.model.timeout.as_millis().to_string(),
    );
    environment.extend(endpoint(settings)?);
    environment.extend(key(settings));
    environment.extend(models(settings));
    Ok(environment)
}

fn endpoint(settings: &Settings) -> Result<Option<(String, String)>, LaunchError> {
    let endpoint = match (settings.model.provider, &settings.model.endpoint) {
        (Provider::Openai, _) => return Err(LaunchError::ClaudeCodeWithOpenai),
        (Provider::Litellm, None) => {
            return Err(LaunchError::NoEndpoint {
                provider: "litellm",
            });
        }
        (Provider::Anthropic, None) => return Ok(None),
        (Provider::Ollama, None) => OLLAMA.to_owned(),
        (_, Some(endpoint)) => without_version(endpoint),
    };
    Ok(Some(("ANTHROPIC_BASE_URL".to_owned(), endpoint)))
}

/// Anthropic takes its key in `x-api-key`, a gateway as a bearer token. Ollama wants one but does not look at it.
fn key(settings: &Settings) -> Option<(String, String)> {
    let variable = match settings.model.provider {
        Provider::Anthropic => "ANTHROPIC_API_KEY",
        Provider::Litellm | Provider::Openai | Provider::Ollama => "ANTHROPIC_AUTH_TOKEN",
    };
    let value = match (&settings.model.api_key, settings.model.provider) {
        (Some(key), _) => key.reveal(),
        (None, Provider::Ollama) => "ollama",
        (None, _) => return None,
    };
    Some((variable.to_owned(), value.to_owned()))
}

/// A gateway knows the one model it was given, so the small tasks go there too.
fn models(settings: &Settings) -> Vec<(String, String)> {
    let Some(model) = &settings.model.name else {
        return Vec::new();
    };
    if settings.model.provider == Provider::Anthropic {
        return Vec::new();
    }
    [
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "CLAUDE_CODE_SUBAGENT_MODEL",
    ]
    .map(|variable| (variable.to_owned(), model.clone()))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assignment, settings};
    use super::super::{Kind, launch};
    use super::*;

    fn variable(settings: &Settings, name: &str) -> Option<String> {
        launch(settings, &assignment())
            .unwrap()
            .environment
            .get(name)
            .cloned()
    }

    #[test]
    fn prompt_is_one_argument_behind_the_end_of_options() {
        let command = launch(
            &settings(Kind::ClaudeCode, Provider::Anthropic),
            &assignment(),
        )
        .unwrap()
        .command;
        assert_eq!(command[..2], ["claude", "-p"]);
        assert_eq!(command[command.len() - 2..], ["--", &assignment().prompt]);
        assert!(
            command
                .windows(2)
                .any(|pair| pair == ["--model", "devstral-123b"])
        );
    }

    #[test]
    fn gateway_gets_the_key_as_a_bearer_token_and_all_models_are_its_own() {
        let settings = settings(Kind::ClaudeCode, Provider::Litellm);
        assert_eq!(
            variable(&settings, "ANTHROPIC_BASE_URL").as_deref(),
            Some("https://gateway.example")
        );
        assert_eq!(
            variable(&settings, "ANTHROPIC_AUTH_TOKEN").as_deref(),
            Some("sk-secret")
        );
        assert_eq!(variable(&settings, "ANTHROPIC_API_KEY"), None);
        assert_eq!(
            variable(&settings, "ANTHROPIC_DEFAULT_HAIKU_MODEL").as_deref(),
            Some("devstral-123b")
        );
    }

    #[test]
    fn anthropic_gets_the_key_as_its_own_and_needs_no_endpoint() {
        let mut settings = settings(Kind::ClaudeCode, Provider::Anthropic);
        settings.model.endpoint = None;
        assert_eq!(variable(&settings, "ANTHROPIC_BASE_URL"), None);
        assert_eq!(
            variable(&settings, "ANTHROPIC_API_KEY").as_deref(),
            Some("sk-secret")
        );
        assert_eq!(variable(&settings, "ANTHROPIC_DEFAULT_HAIKU_MODEL"), None);
    }

    #[test]
    fn ollama_needs_neither_endpoint_nor_key() {
        let mut settings = settings(Kind::ClaudeCode, Provider::Ollama);
        settings.model.endpoint = None;
        settings.model.api_key = None;
        assert_eq!(
            variable(&settings, "ANTHROPIC_BASE_URL").as_deref(),
            Some(OLLAMA)
        );
        assert_eq!(
            variable(&settings, "ANTHROPIC_AUTH_TOKEN").as_deref(),
            Some("ollama")
        );
    }

    #[test]
    fn openai_and_a_gateway_without_an_endpoint_are_refused() {
        assert_eq!(
            launch(&settings(Kind::ClaudeCode, Provider::Openai), &assignment()),
            Err(LaunchError::ClaudeCodeWithOpenai)
        );
        let mut settings = settings(Kind::ClaudeCode, Provider::Litellm);
        settings.model.endpoint = None;
        assert_eq!(
            launch(&settings, &assignment()),
            Err(LaunchError::NoEndpoint {
                provider: "litellm"
            })
        );
    }

    #[test]
    fn configuration_of_the_user_is_passed_on_when_it_is_there() {
        let mut settings = settings(Kind::ClaudeCode, Provider::Anthropic);
        settings.config = Some("/agent-config".into());
        settings.config_files = vec!["settings.json".into()];
        let command = launch(&settings, &assignment()).unwrap().command;
        assert!(
            command
                .windows(2)
                .any(|pair| pair == ["--settings", "/agent-config/settings.json"])
        );
        assert!(!command.iter().any(|word| word == "--mcp-config"));
    }
}
