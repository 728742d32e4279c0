//! `OpenCode`, headless: everything it needs to know goes into its environment.
//!
//! What was tried stands in the module's tests and in the recorded events beside them; it also ends well where its own background
//! downloads (plugins, model lists) are refused or never answered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Assignment, Launch, LaunchError, Model, Provider, Settings, config_file, with_version,
};
use crate::report::Format;

const AGENT: &str = "opencode";
/// How our provider is called in OpenCode's configuration.
const PROVIDER: &str = "llm";
const KEY_VARIABLE: &str = "LLM_API_KEY";
/// The user's own configuration.
const FILE: &str = "opencode.json";
const OLLAMA: &str = "http://localhost:11434/v1";

pub(super) fn launch(settings: &Settings, assignment: &Assignment) -> Result<Launch, LaunchError> {
    if assignment.prompt.is_empty() {
        return Err(LaunchError::NoTask { agent: AGENT });
    }
    let config = configuration(settings)?;
    Ok(Launch {
        command: command(settings, assignment),
        environment: environment(settings, &config),
        format: Format::Opencode,
    })
}

fn command(settings: &Settings, assignment: &Assignment) -> Vec<String> {
    let mut command = settings.command.clone();
    if command.is_empty() {
        command.push(AGENT.to_owned());
    }
    let repository = assignment.repository.display().to_string();
    command.extend(["run", "--format", "json", "--dir", &repository].map(str::to_owned));
    command.extend(settings.arguments.iter().cloned());
    command.extend(["--".to_owned(), assignment.prompt.clone()]);
    command
}

fn environment(settings: &Settings, config: &Value) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = [
        "OPENCODE_DISABLE_AUTOUPDATE",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS",
        "OPENCODE_DISABLE_LSP_DOWNLOAD",
        "OPENCODE_DISABLE_MODELS_FETCH",
        "OPENCODE_DISABLE_SHARE",
        "OPENCODE_DISABLE_TERMINAL_TITLE",
    ]
    .into_iter()
    .map(|switch| (switch.to_owned(), "1".to_owned()))
    .collect();
    environment.insert("OPENCODE_CONFIG_CONTENT".to_owned(), config.to_string());
    if let Some(key) = &settings.model.api_key {
        environment.insert(KEY_VARIABLE.to_owned(), key.reveal().to_owned());
    }
    if let Some(file) = config_file(settings, FILE) {
        environment.insert("OPENCODE_CONFIG".to_owned(), file);
    }
    environment
}

fn configuration(settings: &Settings) -> Result<Value, LaunchError> {
    let mut config = json!({
        "$schema": "https://opencode.ai/config.json",
        "share": "disabled",
        "autoupdate": false,
        // Its own undo history copies the work tree into the agent's home.
        "snapshot": false,
        "permission": "allow",
    });
    match settings.model.name.as_deref() {
        Some(model) => name_model(&mut config, settings, model)?,
        // The user's own file names it.
        None if config_file(settings, FILE).is_some() => {}
        None => return Err(LaunchError::NoModel { agent: AGENT }),
    }
    Ok(config)
}

fn name_model(config: &mut Value, settings: &Settings, model: &str) -> Result<(), LaunchError> {
    let full_name = format!("{PROVIDER}/{model}");
    config["model"] = json!(full_name);
    config["small_model"] = json!(full_name);
    config["enabled_providers"] = json!([PROVIDER]);
    config["provider"] = json!({ PROVIDER: {
        "npm": package(&settings.model),
        "name": PROVIDER,
        "options": options(settings)?,
        "models": { model: { "name": model, "tool_call": true, "limit": { "context": 128_000, "output": 8192 } } },
    } });
    Ok(())
}

/// The adapters that OpenCode has built in. That of OpenAI speaks the newer protocol (`/responses`), which others than OpenAI itself
/// rarely serve.
fn package(model: &Model) -> &'static str {
    match model.provider {
        Provider::Anthropic => "@ai-sdk/anthropic",
        Provider::Openai if model.endpoint.is_none() => "@ai-sdk/openai",
        Provider::Openai | Provider::Litellm | Provider::Ollama => "@ai-sdk/openai-compatible",
    }
}

fn options(settings: &Settings) -> Result<Value, LaunchError> {
    let model = &settings.model;
    let mut options =
        json!({ "timeout": u64::try_from(model.timeout.as_millis()).unwrap_or(u64::MAX) });
    if model.api_key.is_some() {
        // The configuration is visible to whatever the agent starts; it holds the variable's name, not the key.
        options["apiKey"] = json!(format!("{{env:{KEY_VARIABLE}}}"));
    }
    match (&model.endpoint, model.provider) {
        (Some(endpoint), _) => options["baseURL"] = json!(with_version(endpoint)),
        (None, Provider::Ollama) => options["baseURL"] = json!(OLLAMA),
        (None, Provider::Litellm) => {
            return Err(LaunchError::NoEndpoint {
                provider: "litellm",
            });
        }
        (None, Provider::Anthropic | Provider::Openai) => {}
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assignment, settings};
    use super::super::{Kind, launch};
    use super::*;

    fn config(settings: &Settings) -> Value {
        let launch = launch(settings, &assignment()).unwrap();
        serde_json::from_str(&launch.environment["OPENCODE_CONFIG_CONTENT"]).unwrap()
    }

    #[test]
    fn prompt_is_one_argument_behind_the_end_of_options() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        settings.arguments = vec!["--variant".into(), "high".into()];
        let command = launch(&settings, &assignment()).unwrap().command;
        let expected = [
            "opencode",
            "run",
            "--format",
            "json",
            "--dir",
            "/workspace/repo",
            "--variant",
            "high",
            "--",
            &assignment().prompt,
        ];
        assert_eq!(command, expected);
    }

    #[test]
    fn command_of_the_user_takes_the_place_of_the_program() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        settings.command = vec!["node".into(), "/opencode.js".into()];
        assert_eq!(
            launch(&settings, &assignment()).unwrap().command[..3],
            ["node", "/opencode.js", "run"]
        );
    }

    #[test]
    fn each_provider_has_its_adapter_and_endpoint() {
        for (provider, package) in [
            (Provider::Litellm, "@ai-sdk/openai-compatible"),
            (Provider::Ollama, "@ai-sdk/openai-compatible"),
            (Provider::Anthropic, "@ai-sdk/anthropic"),
            (Provider::Openai, "@ai-sdk/openai-compatible"),
        ] {
            let config = config(&settings(Kind::Opencode, provider));
            let llm = &config["provider"]["llm"];
            assert_eq!(llm["npm"], package);
            assert_eq!(llm["options"]["baseURL"], "https://gateway.example/v1");
            assert_eq!(llm["options"]["apiKey"], "{env:LLM_API_KEY}");
            assert_eq!(llm["options"]["timeout"], 60_000);
            assert_eq!(config["model"], "llm/devstral-123b");
        }
    }

    #[test]
    fn provider_with_a_public_endpoint_needs_none() {
        for (provider, endpoint) in [
            (Provider::Anthropic, None),
            (Provider::Openai, None),
            (Provider::Ollama, Some(OLLAMA)),
        ] {
            let mut settings = settings(Kind::Opencode, provider);
            settings.model.endpoint = None;
            let config = config(&settings);
            assert_eq!(
                config["provider"]["llm"]["options"]["baseURL"].as_str(),
                endpoint
            );
            let is_openai = config["provider"]["llm"]["npm"] == "@ai-sdk/openai";
            assert_eq!(is_openai, provider == Provider::Openai);
        }
    }

    #[test]
    fn gateway_without_an_endpoint_is_refused() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        settings.model.endpoint = None;
        assert_eq!(
            launch(&settings, &assignment()),
            Err(LaunchError::NoEndpoint {
                provider: "litellm"
            })
        );
    }

    #[test]
    fn missing_model_or_task_is_refused() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        let idle = Assignment {
            prompt: String::new(),
            ..assignment()
        };
        assert_eq!(
            launch(&settings, &idle),
            Err(LaunchError::NoTask { agent: AGENT })
        );
        settings.model.name = None;
        assert_eq!(
            launch(&settings, &assignment()),
            Err(LaunchError::NoModel { agent: AGENT })
        );
    }

    #[test]
    fn key_stands_in_its_variable_only() {
        let launch = launch(&settings(Kind::Opencode, Provider::Litellm), &assignment()).unwrap();
        let holders: Vec<_> = launch
            .environment
            .iter()
            .filter(|(_, value)| value.contains("sk-secret"))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(holders, ["LLM_API_KEY"]);
    }

    #[test]
    fn configuration_of_the_user_is_passed_on_when_it_is_there() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        settings.config = Some("/agent-config".into());
        assert_eq!(
            launch(&settings, &assignment())
                .unwrap()
                .environment
                .get("OPENCODE_CONFIG"),
            None
        );
        settings.config_files = vec!["opencode.json".into()];
        assert_eq!(
            launch(&settings, &assignment()).unwrap().environment["OPENCODE_CONFIG"],
            "/agent-config/opencode.json"
        );
    }

    #[test]
    fn model_may_be_named_by_the_users_own_file() {
        let mut settings = settings(Kind::Opencode, Provider::Litellm);
        settings.model.name = None;
        let without = launch(&settings, &assignment());
        assert_eq!(without, Err(LaunchError::NoModel { agent: AGENT }));
        settings.config = Some("/agent-config".into());
        settings.config_files = vec![FILE.into()];
        let config = config(&settings);
        assert_eq!(
            (&config["model"], &config["permission"]),
            (&Value::Null, &json!("allow"))
        );
    }
}
