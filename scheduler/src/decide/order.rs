//! A Polecat, its Rig's template and the defaults, resolved into one order that cannot be misunderstood any more.

use std::collections::BTreeMap;

use beadlet_store::issue::IssueId;
use beadlet_store::kinds::{
    Agent, AgentConfig, Claim, ConfigMapRef, Convoy, Kubernetes, Polecat, PolecatTemplate, Rig,
    TemplateMetadata, Workspace,
};
use beadlet_store::name::configmap_name;
use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;

use super::alias::alias;
use super::attempt::Attempt;
use super::bead::Bead;
use super::route::serves;
use super::slot::PolecatKey;
use model::Wanted;

mod model;
mod overlay;

pub use model::{Model, ModelError};

const BRANCH: &str = "main";
const DEADLINE_SECONDS: i64 = 3600;
const GRACE_SECONDS: i64 = 60;

/// What holds when neither a Polecat nor its Rig says.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Image with the `beadlet` program, for the git containers.
    pub beadlet_image: String,
    pub opencode_image: String,
    pub claude_code_image: String,
    /// E-mail address of the commits.
    pub author_email: String,
    /// Resources of the agent's container.
    pub agent_resources: ResourceRequirements,
}

/// Everything that the Job of one Polecat is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub polecat: PolecatKey,
    pub polecat_uid: String,
    pub rig: Option<String>,
    /// The bead's id, and the ConfigMap that holds it.
    pub bead: Option<(String, String)>,
    pub attempt: u32,
    /// Name of the author of the commits.
    pub alias: String,
    pub author_email: String,
    /// Name and description.
    pub convoy: Option<(String, String)>,
    pub task: Option<String>,
    pub metadata: TemplateMetadata,
    pub agent: Agent,
    pub agent_image: String,
    pub beadlet_image: String,
    /// The command in place of the agent's usual program; empty for the usual one.
    pub command: Vec<String>,
    /// Arguments after the supervisor's own.
    pub arguments: Vec<String>,
    pub model: Model,
    /// What the user puts into the agent's environment.
    pub env: Vec<EnvVar>,
    pub agent_config: Option<String>,
    pub claude_credentials: Option<String>,
    pub git: Git,
    pub max_idle_seconds: Option<i64>,
    pub deadline_seconds: i64,
    pub grace_seconds: i64,
    pub ttl_seconds: Option<i32>,
    pub resources: ResourceRequirements,
    pub workspace: Volume,
    pub queue: Option<String>,
    pub placement: Placement,
}

/// The repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    pub url: String,
    pub branch: String,
    pub work_branch: String,
    /// Name of the Secret.
    pub secret: Option<String>,
    /// Name of the ConfigMap.
    pub known_hosts: Option<String>,
}

/// The workspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Volume {
    EmptyDir {
        limit: Option<Quantity>,
    },
    /// A claim that exists.
    Claim {
        name: String,
    },
    /// A claim that is made with the pod.
    NewClaim {
        size: Quantity,
        class: Option<String>,
    },
}

/// Where and as whom the pod runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    pub priority_class: Option<String>,
    pub runtime_class: Option<String>,
    pub service_account: Option<String>,
    pub pull_secrets: Vec<String>,
    pub node_selector: BTreeMap<String, String>,
    pub tolerations: Vec<Toleration>,
}

/// Why a Polecat cannot become a Job. Each says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no Rig {0}: create it, or take spec.rig out")]
    NoRig(String),
    #[error(
        "Rig {rig} does not serve namespace {namespace}: add it to spec.allowedNamespaces of the Rig"
    )]
    NamespaceNotAllowed { rig: String, namespace: String },
    #[error(
        "no repository is given: spec.kubernetes.gitRepository, or spec.rig of a Rig whose gitURL is the repository"
    )]
    NoRepository,
    #[error("agent custom needs an image: spec.agentConfig.image")]
    NoImage,
    #[error("agent custom needs a command: spec.agentConfig.command")]
    NoCommand,
    #[error("spec.agentConfig.env must not set {0}: beadlet sets it")]
    ReservedVariable(String),
    #[error(
        "spec.kubernetes.workBranch is the branch {0} that is started from: the work is pushed to a branch of its own"
    )]
    WorkBranchIsBase(String),
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl OrderError {
    /// A closed set, for conditions.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoRig(_) => "NoRig",
            Self::NamespaceNotAllowed { .. } => "NamespaceNotAllowed",
            Self::NoRepository => "NoRepository",
            Self::NoImage => "NoImage",
            Self::NoCommand => "NoCommand",
            Self::ReservedVariable(_) => "ReservedVariable",
            Self::WorkBranchIsBase(_) => "WorkBranchIsBase",
            Self::Model(_) => "ModelIncomplete",
        }
    }
}

/// Everything that an order is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    pub polecat: &'a Polecat,
    /// The Rig that `spec.rig` names, if it exists.
    pub rig: Option<&'a Rig>,
    pub bead: Option<&'a Bead>,
    pub convoy: Option<&'a Convoy>,
    pub defaults: &'a Defaults,
}

/// Resolves an order.
///
/// # Errors
/// When what is said does not make a Job.
pub fn order(sources: Sources<'_>) -> Result<Order, OrderError> {
    let Sources {
        polecat,
        rig,
        bead,
        convoy,
        defaults,
    } = sources;
    check_rig(polecat, rig)?;
    let PolecatTemplate { metadata, spec } = rig
        .and_then(|rig| rig.spec.polecat_template.clone())
        .unwrap_or_default();
    let spec = overlay::overlay(overlay::own_words(&polecat.spec), spec);
    let agent = spec.agent.unwrap_or(Agent::ClaudeCode);
    let config = spec.agent_config.unwrap_or_default();
    let kubernetes = spec.kubernetes.unwrap_or_default();
    let model = model(agent, &config, &kubernetes)?;
    Ok(Order {
        polecat: PolecatKey::of(polecat),
        polecat_uid: polecat.uid().unwrap_or_default(),
        rig: polecat.spec.rig.clone(),
        bead: polecat.bead().map(|key| bead_reference(bead, key.id)),
        attempt: polecat.number(),
        alias: alias(
            rig.and_then(|rig| rig.spec.settings.namepool_theme.as_deref()),
            &polecat.name_any(),
        ),
        author_email: defaults.author_email.clone(),
        convoy: convoy.map(|convoy| (convoy.name_any(), convoy.spec.description.clone())),
        task: spec.task_description,
        metadata: metadata.unwrap_or_default(),
        agent,
        agent_image: agent_image(agent, &config, &kubernetes, defaults)?,
        beadlet_image: defaults.beadlet_image.clone(),
        command: command(agent, &config)?,
        arguments: config.args,
        model,
        git: git(polecat, rig, &kubernetes)?,
        env: allowed(config.env)?,
        agent_config: named(config.config_map_ref.as_ref()),
        claude_credentials: kubernetes
            .claude_creds_secret_ref
            .as_ref()
            .map(|secret| secret.name.clone()),
        max_idle_seconds: spec.max_idle_seconds,
        deadline_seconds: kubernetes
            .active_deadline_seconds
            .unwrap_or(DEADLINE_SECONDS),
        grace_seconds: kubernetes
            .termination_grace_period_seconds
            .unwrap_or(GRACE_SECONDS),
        ttl_seconds: spec.ttl_seconds_after_finished,
        resources: spec
            .resources
            .unwrap_or_else(|| defaults.agent_resources.clone()),
        workspace: volume(kubernetes.workspace.clone().unwrap_or_default()),
        queue: kubernetes.queue_name.clone(),
        placement: placement(kubernetes),
    })
}

fn check_rig(polecat: &Polecat, rig: Option<&Rig>) -> Result<(), OrderError> {
    let Some(name) = &polecat.spec.rig else {
        return Ok(());
    };
    let rig = rig.ok_or_else(|| OrderError::NoRig(name.clone()))?;
    let namespace = polecat.namespace().unwrap_or_default();
    if serves(rig, &namespace) {
        Ok(())
    } else {
        Err(OrderError::NamespaceNotAllowed {
            rig: name.clone(),
            namespace,
        })
    }
}

/// The bead's id, and the ConfigMap that holds it or would hold it.
fn bead_reference(bead: Option<&Bead>, id: String) -> (String, String) {
    let expected = || IssueId::new(&id).map_or_else(String::new, |id| configmap_name(&id));
    let configmap = bead.map_or_else(expected, |bead| bead.configmap.clone());
    (id, configmap)
}

fn model(agent: Agent, config: &AgentConfig, kubernetes: &Kubernetes) -> Result<Model, ModelError> {
    let provider = config.model_provider.clone().unwrap_or_default();
    Model::resolve(Wanted {
        agent,
        provider: config.provider,
        endpoint: provider.endpoint,
        model: config.model.clone(),
        key: provider
            .api_key_secret_ref
            .or_else(|| kubernetes.api_key_secret_ref.clone()),
        has_login: kubernetes.claude_creds_secret_ref.is_some(),
        has_own_files: named(config.config_map_ref.as_ref()).is_some(),
    })
}

fn agent_image(
    agent: Agent,
    config: &AgentConfig,
    kubernetes: &Kubernetes,
    defaults: &Defaults,
) -> Result<String, OrderError> {
    let said = config.image.clone().or_else(|| kubernetes.image.clone());
    match (said, agent) {
        (Some(image), _) => Ok(image),
        (None, Agent::ClaudeCode) => Ok(defaults.claude_code_image.clone()),
        (None, Agent::OpenCode) => Ok(defaults.opencode_image.clone()),
        (None, Agent::Custom) => Err(OrderError::NoImage),
    }
}

fn command(agent: Agent, config: &AgentConfig) -> Result<Vec<String>, OrderError> {
    if agent == Agent::Custom && config.command.is_empty() {
        return Err(OrderError::NoCommand);
    }
    Ok(config.command.clone())
}

fn git(polecat: &Polecat, rig: Option<&Rig>, kubernetes: &Kubernetes) -> Result<Git, OrderError> {
    let of_rig = || rig.map(|rig| rig.spec.git_url.clone());
    let git = Git {
        url: kubernetes
            .git_repository
            .clone()
            .or_else(of_rig)
            .ok_or(OrderError::NoRepository)?,
        branch: kubernetes
            .git_branch
            .clone()
            .unwrap_or_else(|| BRANCH.to_owned()),
        work_branch: kubernetes
            .work_branch
            .clone()
            .unwrap_or_else(|| format!("polecat/{}", polecat.name_any())),
        secret: kubernetes
            .git_secret_ref
            .as_ref()
            .map(|secret| secret.name.clone()),
        known_hosts: named(kubernetes.ssh_known_hosts_config_map_ref.as_ref()),
    };
    if git.branch == git.work_branch {
        return Err(OrderError::WorkBranchIsBase(git.branch));
    }
    Ok(git)
}

/// What is ours in the environment stays ours.
fn allowed(env: Vec<EnvVar>) -> Result<Vec<EnvVar>, OrderError> {
    let is_ours = |name: &str| name.starts_with("GT_") || name.starts_with("BEADLET_");
    match env.iter().find(|variable| is_ours(&variable.name)) {
        Some(variable) => Err(OrderError::ReservedVariable(variable.name.clone())),
        None => Ok(env),
    }
}

fn named(reference: Option<&ConfigMapRef>) -> Option<String> {
    reference
        .map(|reference| reference.name.clone())
        .filter(|name| !name.is_empty())
}

fn volume(workspace: Workspace) -> Volume {
    let Workspace { size_limit, claim } = workspace;
    let Claim {
        name,
        size,
        storage_class_name,
    } = claim.unwrap_or_default();
    match (name, size) {
        (Some(name), _) => Volume::Claim { name },
        (None, Some(size)) => Volume::NewClaim {
            size,
            class: storage_class_name,
        },
        (None, None) => Volume::EmptyDir { limit: size_limit },
    }
}

fn placement(kubernetes: Kubernetes) -> Placement {
    Placement {
        priority_class: kubernetes.priority_class_name,
        runtime_class: kubernetes.runtime_class_name,
        service_account: kubernetes.service_account_name,
        pull_secrets: kubernetes
            .image_pull_secrets
            .into_iter()
            .map(|secret| secret.name)
            .collect(),
        node_selector: kubernetes.node_selector,
        tolerations: kubernetes.tolerations,
    }
}

impl Order {
    /// The keys that must exist in Secrets of the Polecat's namespace before its Job is made, and what they are for.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&str, Option<&str>)> {
        let key = self
            .model
            .key
            .as_ref()
            .map(|key| (key.name.as_str(), Some(key.key.as_str())));
        let whole = [
            self.git.secret.as_deref(),
            self.claude_credentials.as_deref(),
        ];
        key.into_iter()
            .chain(whole.into_iter().flatten().map(|name| (name, None)))
            .collect()
    }

    /// The ConfigMaps that must exist before the Job is made.
    #[must_use]
    pub fn configmaps(&self) -> Vec<&str> {
        [
            self.git.known_hosts.as_deref(),
            self.agent_config.as_deref(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests;
