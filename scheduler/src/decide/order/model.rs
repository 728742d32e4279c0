//! Which model the agent talks to, in each agent's own words (`shared/agents/README.md`: tried with the real programs).

use beadlet_store::kinds::{Agent, Provider, SecretKeyRef};
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};
use serde_json::json;

use crate::decide::contract::{PROMPT, env, path};

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) agent: Agent,
    pub(super) provider: Option<Provider>,
    pub(super) endpoint: Option<String>,
    pub(super) model: Option<String>,
    pub(super) key: Option<SecretKeyRef>,
    /// Whether there is a Claude login.
    pub(super) has_login: bool,
    /// Whether the agent has configuration files of its own.
    pub(super) has_own_files: bool,
}

/// The model as the agent finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub provider: Provider,
    pub name: Option<String>,
    pub key: Option<SecretKeyRef>,
    /// The agent's own configuration, as environment.
    pub env: Vec<EnvVar>,
}

/// Why a model cannot be talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error(
        "claude-code speaks the protocol of Anthropic, not of {0}: use the provider anthropic or litellm, or the agent opencode"
    )]
    WrongProtocol(&'static str),
    #[error("no endpoint is given for the provider {0}: spec.agentConfig.modelProvider.endpoint")]
    NoEndpoint(&'static str),
    #[error(
        "no model is given: spec.agentConfig.model, or spec.agentConfig.configMapRef with an opencode.json"
    )]
    NoModel,
    #[error(
        "no key is given for the model: spec.agentConfig.modelProvider.apiKeySecretRef, or spec.kubernetes.claudeCredsSecretRef for claude-code"
    )]
    NoKey,
}

impl Model {
    pub(super) fn resolve(wanted: Wanted) -> Result<Self, ModelError> {
        let provider = provider(&wanted);
        let env = match wanted.agent {
            Agent::OpenCode => opencode(&wanted, provider)?,
            Agent::ClaudeCode => claude(&wanted, provider)?,
            Agent::Custom => custom(&wanted, provider),
        };
        let Wanted { model, key, .. } = wanted;
        Ok(Self {
            provider,
            name: model,
            key,
            env,
        })
    }

    /// What starts the agent, and after the user's arguments what gives it the prompt. `None` for an agent that is not known.
    pub(super) fn command(&self, agent: Agent) -> Option<(Vec<String>, Vec<String>)> {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        match agent {
            Agent::OpenCode => Some((
                words(&["opencode", "run", "--dir", path::REPOSITORY]),
                words(&[PROMPT]),
            )),
            Agent::ClaudeCode => {
                let model = self
                    .name
                    .as_deref()
                    .map_or_else(Vec::new, |name| words(&["--model", name]));
                let start = [
                    words(&["claude", "-p", "--dangerously-skip-permissions"]),
                    model,
                ]
                .concat();
                Some((start, words(&[PROMPT])))
            }
            Agent::Custom => None,
        }
    }
}

fn provider(wanted: &Wanted) -> Provider {
    match (wanted.provider, wanted.agent) {
        // gastown-operator wrote litellm into every object; without an endpoint it always meant Anthropic's own.
        (None | Some(Provider::LiteLlm), Agent::ClaudeCode) if wanted.endpoint.is_none() => {
            Provider::Anthropic
        }
        (said, _) => said.unwrap_or(Provider::LiteLlm),
    }
}

fn text(provider: Provider) -> &'static str {
    match provider {
        Provider::LiteLlm => "litellm",
        Provider::Anthropic => "anthropic",
        Provider::OpenAi => "openai",
        Provider::Ollama => "ollama",
    }
}

/// The endpoint, or the provider's own where it has one.
fn endpoint(wanted: &Wanted, provider: Provider) -> Result<String, ModelError> {
    let own = match provider {
        Provider::Anthropic => Some("https://api.anthropic.com/v1"),
        Provider::OpenAi => Some("https://api.openai.com/v1"),
        Provider::LiteLlm | Provider::Ollama => None,
    };
    let said = wanted
        .endpoint
        .as_deref()
        .map(|endpoint| endpoint.trim_end_matches('/'));
    said.or(own)
        .map(ToOwned::to_owned)
        .ok_or(ModelError::NoEndpoint(text(provider)))
}

fn opencode(wanted: &Wanted, provider: Provider) -> Result<Vec<EnvVar>, ModelError> {
    if wanted.has_own_files && wanted.model.is_none() {
        let file = format!("{}/opencode.json", path::AGENT_CONFIG);
        return Ok([
            Some(plain("OPENCODE_CONFIG", file)),
            key(env::LLM_API_KEY, wanted),
        ]
        .into_iter()
        .flatten()
        .collect());
    }
    let model = wanted.model.as_deref().ok_or(ModelError::NoModel)?;
    let base = endpoint(wanted, provider)?;
    if wanted.key.is_none() && provider != Provider::Ollama {
        return Err(ModelError::NoKey);
    }
    let mut options = json!({"baseURL": base});
    if wanted.key.is_some() {
        options["apiKey"] = json!(format!("{{env:{}}}", env::LLM_API_KEY));
    }
    let package = if provider == Provider::Anthropic {
        "@ai-sdk/anthropic"
    } else {
        "@ai-sdk/openai-compatible"
    };
    let config = json!({
        "$schema": "https://opencode.ai/config.json",
        "model": format!("llm/{model}"),
        "small_model": format!("llm/{model}"),
        "share": "disabled",
        "autoupdate": false,
        "enabled_providers": ["llm"],
        "provider": {"llm": {
            "npm": package,
            "name": "LLM",
            "options": options,
            "models": {model: {"name": model, "tool_call": true, "limit": {"context": 128_000, "output": 8192}}},
        }},
        "permission": "allow",
    });
    let own_files = wanted.has_own_files.then(|| {
        plain(
            "OPENCODE_CONFIG",
            format!("{}/opencode.json", path::AGENT_CONFIG),
        )
    });
    let content = plain("OPENCODE_CONFIG_CONTENT", config.to_string());
    Ok([Some(content), own_files, key(env::LLM_API_KEY, wanted)]
        .into_iter()
        .flatten()
        .collect())
}

fn claude(wanted: &Wanted, provider: Provider) -> Result<Vec<EnvVar>, ModelError> {
    let quiet = plain("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    // Claude Code puts /v1/messages behind the address itself.
    let address = |base: String| {
        plain(
            "ANTHROPIC_BASE_URL",
            base.strip_suffix("/v1").unwrap_or(&base),
        )
    };
    let mut vars = vec![quiet];
    match provider {
        Provider::OpenAi => return Err(ModelError::WrongProtocol("OpenAI")),
        Provider::Anthropic => {
            vars.extend(
                wanted
                    .endpoint
                    .is_some()
                    .then(|| endpoint(wanted, provider))
                    .transpose()?
                    .map(address),
            );
            match key("ANTHROPIC_API_KEY", wanted) {
                None if !wanted.has_login => return Err(ModelError::NoKey),
                key => vars.extend(key),
            }
        }
        Provider::LiteLlm => {
            vars.push(address(endpoint(wanted, provider)?));
            vars.push(key("ANTHROPIC_AUTH_TOKEN", wanted).ok_or(ModelError::NoKey)?);
        }
        Provider::Ollama => {
            vars.push(address(endpoint(wanted, provider)?));
            // Ollama asks for none, but Claude Code does not start without.
            vars.push(
                key("ANTHROPIC_AUTH_TOKEN", wanted)
                    .unwrap_or_else(|| plain("ANTHROPIC_AUTH_TOKEN", "ollama")),
            );
        }
    }
    Ok(vars)
}

/// Everything that is known, under our names and under those that programs of the provider's family look for.
fn custom(wanted: &Wanted, provider: Provider) -> Vec<EnvVar> {
    let (address_name, key_name) = match provider {
        Provider::Anthropic => ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
        Provider::LiteLlm | Provider::OpenAi | Provider::Ollama => {
            ("OPENAI_BASE_URL", "OPENAI_API_KEY")
        }
    };
    let address = wanted
        .endpoint
        .clone()
        .or_else(|| endpoint(wanted, provider).ok());
    let mut vars = vec![plain(env::LLM_PROVIDER, text(provider))];
    if let Some(address) = address {
        vars.extend([
            plain(env::LLM_ENDPOINT, address.as_str()),
            plain(address_name, address),
        ]);
    }
    vars.extend(
        wanted
            .model
            .as_deref()
            .map(|model| plain(env::LLM_MODEL, model)),
    );
    vars.extend(
        [key(env::LLM_API_KEY, wanted), key(key_name, wanted)]
            .into_iter()
            .flatten(),
    );
    vars
}

fn plain(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.into()),
        value_from: None,
    }
}

fn key(name: &str, wanted: &Wanted) -> Option<EnvVar> {
    let SecretKeyRef { name: secret, key } = wanted.key.clone()?;
    let selector = SecretKeySelector {
        name: secret,
        key,
        optional: None,
    };
    let value_from = EnvVarSource {
        secret_key_ref: Some(selector),
        ..EnvVarSource::default()
    };
    Some(EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(value_from),
    })
}
