//! The three containers.

use std::collections::BTreeMap;

use beadlet_store::kinds::{Agent, SecretKeyRef};
use beadlet_supervise::contract::{Workspace, places};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceRequirements,
    SecretKeySelector, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::volumes;
use crate::decide::contract::{container, env, path, task};
use crate::decide::order::Order;

pub(super) fn git_init(order: &Order) -> Container {
    git(order, container::GIT_INIT, "clone")
}

pub(super) fn git_push(order: &Order) -> Container {
    git(order, container::GIT_PUSH, "push")
}

fn git(order: &Order, name: &str, command: &str) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(order.beadlet_image.clone()),
        command: Some(["beadlet", "worker", command].map(Into::into).to_vec()),
        env: Some([work_env(order), git_env(order)].concat()),
        volume_mounts: Some(volumes::of_git(order)),
        resources: Some(git_resources()),
        security_context: Some(locked_down()),
        ..Container::default()
    }
}

/// The agent's program, started by the supervisor that `git-init` left in the workspace. Our variables come last: the last one of a name
/// wins.
pub(super) fn agent(order: &Order) -> Container {
    Container {
        name: container::AGENT.to_owned(),
        image: Some(order.agent_image.clone()),
        command: Some(supervised(order)),
        working_dir: Some(workspace().repository().display().to_string()),
        env: Some(
            [
                order.env.clone(),
                model_env(order),
                work_env(order),
                agent_env(order),
            ]
            .concat(),
        ),
        volume_mounts: Some(volumes::of_agent(order)),
        resources: Some(order.resources.clone()),
        security_context: Some(locked_down()),
        ..Container::default()
    }
}

fn workspace() -> Workspace {
    Workspace::new(places::WORKSPACE)
}

fn supervised(order: &Order) -> Vec<String> {
    let supervisor = workspace().supervisor().display().to_string();
    // With `=`, so that a word that looks like an option is none.
    let program = order.command.iter().map(|word| format!("--command={word}"));
    [supervisor]
        .into_iter()
        .chain(program)
        .chain(["--".to_owned()])
        .chain(order.arguments.iter().cloned())
        .collect()
}

/// What all containers know.
fn work_env(order: &Order) -> Vec<EnvVar> {
    let bead = order
        .bead
        .as_ref()
        .map_or_else(String::new, |(id, _)| id.clone());
    let mut vars = vec![
        var("HOME", path::HOME),
        var(env::ISSUE, bead),
        var(env::POLECAT, order.polecat.name.as_str()),
        var(env::RIG, order.rig.clone().unwrap_or_default()),
        var(env::ATTEMPT, order.attempt.to_string()),
        var(env::WORK_BRANCH, order.git.work_branch.as_str()),
        var(env::AUTHOR_NAME, order.alias.as_str()),
        var(env::AUTHOR_EMAIL, order.author_email.as_str()),
    ];
    vars.extend(
        order
            .convoy
            .as_ref()
            .map(|(name, _)| var(env::CONVOY, name.as_str())),
    );
    vars
}

/// What only the containers with the git credential know.
fn git_env(order: &Order) -> Vec<EnvVar> {
    let patience = Grace::of(order).patience;
    let mut vars = vec![
        var(env::GIT_REPOSITORY, order.git.url.as_str()),
        var(env::GIT_BRANCH, order.git.branch.as_str()),
        var(env::STOP_PATIENCE, seconds(patience)),
    ];
    vars.extend(
        order
            .git
            .secret
            .is_some()
            .then(|| var(env::GIT_SECRET, path::GIT_CREDENTIAL)),
    );
    vars.extend(order.git.known_hosts.is_some().then(|| {
        var(
            env::KNOWN_HOSTS,
            format!("{}/known_hosts", path::KNOWN_HOSTS),
        )
    }));
    vars
}

fn model_env(order: &Order) -> Vec<EnvVar> {
    let model = &order.model;
    let told = [
        (env::PROVIDER, Some(model.provider())),
        (env::ENDPOINT, model.endpoint.as_deref()),
        (env::MODEL, model.name.as_deref()),
    ];
    let told = told
        .into_iter()
        .filter_map(|(name, value)| Some(var(name, value?)));
    told.chain(model.key.clone().map(key)).collect()
}

fn key(SecretKeyRef { name, key }: SecretKeyRef) -> EnvVar {
    let selector = SecretKeySelector {
        name,
        key,
        optional: None,
    };
    from(
        places::API_KEY,
        EnvVarSource {
            secret_key_ref: Some(selector),
            ..EnvVarSource::default()
        },
    )
}

fn agent_env(order: &Order) -> Vec<EnvVar> {
    let agent = match order.agent {
        Agent::ClaudeCode => "claude-code",
        Agent::OpenCode => "opencode",
        Agent::Custom => "custom",
    };
    let mut vars = vec![
        var(env::AGENT, agent),
        var(
            env::DEADLINE,
            seconds(agent_seconds(order.deadline_seconds)),
        ),
        var(env::GRACE, seconds(Grace::of(order).agent)),
        annotation(env::TASK_DESCRIPTION, task::DESCRIPTION),
        annotation(env::CONVOY_DESCRIPTION, task::CONVOY),
    ];
    let optional = [
        (env::MAX_IDLE, order.max_idle_seconds.map(seconds)),
        (
            env::AGENT_CONFIG,
            order
                .agent_config
                .is_some()
                .then(|| path::AGENT_CONFIG.to_owned()),
        ),
        (
            env::CLAUDE_CREDENTIALS,
            order
                .claude_credentials
                .is_some()
                .then(|| path::CLAUDE_CREDENTIALS.to_owned()),
        ),
    ];
    let optional = optional
        .into_iter()
        .filter_map(|(name, value)| Some(var(name, value?)));
    vars.extend(optional);
    vars
}

/// How the time that a pod has to end is shared out: first the agent ends, then its work is pushed.
struct Grace {
    /// After which the agent is ended by force, in seconds.
    agent: i64,
    /// After which its work is pushed whether it ended or not, in seconds.
    patience: i64,
}

impl Grace {
    fn of(order: &Order) -> Self {
        let all = order.grace_seconds;
        Self {
            agent: all / 3,
            patience: all * 5 / 12,
        }
    }
}

/// The agent's share of the Job's time: what is left is for pushing its work, which could not be pushed any more when the Job's time is
/// over. At most two minutes, at most a fifth.
fn agent_seconds(deadline: i64) -> i64 {
    deadline - (deadline / 5).min(120)
}

/// As the worker reads durations.
fn seconds(seconds: i64) -> String {
    format!("{seconds}s")
}

/// A variable with the value of one of the pod's annotations.
fn annotation(name: &str, annotation: &str) -> EnvVar {
    let selector = ObjectFieldSelector {
        field_path: format!("metadata.annotations['{annotation}']"),
        api_version: None,
    };
    from(
        name,
        EnvVarSource {
            field_ref: Some(selector),
            ..EnvVarSource::default()
        },
    )
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(source),
    }
}

fn var(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.into()),
        value_from: None,
    }
}

/// What a clone of a large repository takes.
fn git_resources() -> ResourceRequirements {
    let of = |pairs: [(&str, &str); 2]| -> BTreeMap<String, Quantity> {
        pairs
            .into_iter()
            .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
            .collect()
    };
    ResourceRequirements {
        requests: Some(of([("cpu", "50m"), ("memory", "64Mi")])),
        limits: Some(of([("cpu", "1"), ("memory", "1Gi")])),
        claims: None,
    }
}

fn locked_down() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            add: None,
        }),
        ..SecurityContext::default()
    }
}
