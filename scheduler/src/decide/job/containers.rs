//! The three containers.

use std::collections::BTreeMap;

use beadlet_store::kinds::Agent;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, ResourceRequirements, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::volumes;
use crate::decide::contract::{container, env, path};
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

/// The agent's program, wrapped by the one that `git-init` left in the workspace. Our variables come last: the last one of a name wins.
pub(super) fn agent(order: &Order) -> Container {
    let wrapper = [path::WORKER, "worker", "run", "--"]
        .map(ToOwned::to_owned)
        .to_vec();
    Container {
        name: container::AGENT.to_owned(),
        image: Some(order.agent_image.clone()),
        command: Some([wrapper, order.command.clone()].concat()),
        working_dir: Some(path::REPOSITORY.to_owned()),
        env: Some(
            [
                order.model.env.clone(),
                order.env.clone(),
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
        var(env::WORKSPACE, path::WORKSPACE),
        var(env::DEADLINE, order.deadline_seconds.to_string()),
        var(env::WORK_BRANCH, order.git.work_branch.as_str()),
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
    let mut vars = vec![
        var(env::GIT_URL, order.git.url.as_str()),
        var(env::GIT_BRANCH, order.git.branch.as_str()),
        var(env::AUTHOR_NAME, order.alias.as_str()),
        var(env::AUTHOR_EMAIL, order.author_email.as_str()),
    ];
    vars.extend(
        order
            .git
            .secret
            .is_some()
            .then(|| var(env::GIT_CREDENTIAL, path::GIT_CREDENTIAL)),
    );
    vars.extend(order.git.known_hosts.is_some().then(|| {
        var(
            env::KNOWN_HOSTS,
            format!("{}/known_hosts", path::KNOWN_HOSTS),
        )
    }));
    vars
}

fn agent_env(order: &Order) -> Vec<EnvVar> {
    let agent = match order.agent {
        Agent::ClaudeCode => "claude-code",
        Agent::OpenCode => "opencode",
        Agent::Custom => "custom",
    };
    let mut vars = vec![var(env::AGENT, agent)];
    vars.extend(
        order
            .max_idle_seconds
            .map(|seconds| var(env::MAX_IDLE, seconds.to_string())),
    );
    vars
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
