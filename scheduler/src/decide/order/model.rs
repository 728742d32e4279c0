//! Which model the agent talks to. The supervisor tells the agent, in the agent's own words; here is checked whether it can.

use beadlet_store::kinds::{Agent, Provider, SecretKeyRef};

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

/// The model as the supervisor is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub provider: Provider,
    pub name: Option<String>,
    /// `None`: the provider's own.
    pub endpoint: Option<String>,
    pub key: Option<SecretKeyRef>,
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
        let endpoint = endpoint(&wanted);
        match wanted.agent {
            // Its own files may say it all.
            Agent::OpenCode if wanted.has_own_files && wanted.model.is_none() => {}
            Agent::OpenCode => opencode(&wanted, provider, endpoint.as_deref())?,
            Agent::ClaudeCode => claude(&wanted, provider, endpoint.as_deref())?,
            Agent::Custom => {}
        }
        let Wanted { model, key, .. } = wanted;
        Ok(Self {
            provider,
            name: model,
            endpoint,
            key,
        })
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        text(self.provider)
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

fn endpoint(wanted: &Wanted) -> Option<String> {
    let said = wanted.endpoint.as_deref()?;
    Some(said.trim_end_matches('/').to_owned())
}

/// Whether there is an endpoint, where the provider has none of its own.
fn check_endpoint(provider: Provider, endpoint: Option<&str>) -> Result<(), ModelError> {
    match (provider, endpoint) {
        (Provider::LiteLlm | Provider::Ollama, None) => Err(ModelError::NoEndpoint(text(provider))),
        _ => Ok(()),
    }
}

fn opencode(wanted: &Wanted, provider: Provider, endpoint: Option<&str>) -> Result<(), ModelError> {
    if wanted.model.is_none() {
        return Err(ModelError::NoModel);
    }
    check_endpoint(provider, endpoint)?;
    if wanted.key.is_none() && provider != Provider::Ollama {
        return Err(ModelError::NoKey);
    }
    Ok(())
}

fn claude(wanted: &Wanted, provider: Provider, endpoint: Option<&str>) -> Result<(), ModelError> {
    if provider == Provider::OpenAi {
        return Err(ModelError::WrongProtocol("OpenAI"));
    }
    check_endpoint(provider, endpoint)?;
    match provider {
        Provider::Anthropic if wanted.key.is_none() && !wanted.has_login => Err(ModelError::NoKey),
        Provider::LiteLlm if wanted.key.is_none() => Err(ModelError::NoKey),
        _ => Ok(()),
    }
}
