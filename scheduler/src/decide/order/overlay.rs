//! A Polecat's own words over those of its Rig's template.

use beadlet_store::kinds::{
    AgentConfig, Kubernetes, ModelProvider, PolecatSpec, PolecatTemplateSpec,
};
use k8s_openapi::api::core::v1::EnvVar;

/// What the Polecat says itself, in the form of a template; the seed form (`agent` under `kubernetes`) is the same as the other.
pub(super) fn own_words(polecat: &PolecatSpec) -> PolecatTemplateSpec {
    let PolecatSpec {
        rig: _,
        bead_id: _,
        desired_state: _,
        execution_mode: _,
        agent,
        agent_config,
        kubernetes,
        resources,
        max_idle_seconds,
        ttl_seconds_after_finished,
        task_description,
    } = polecat.clone();
    PolecatTemplateSpec {
        agent,
        agent_config,
        kubernetes,
        resources,
        max_idle_seconds,
        ttl_seconds_after_finished,
        task_description,
    }
}

/// `top` where it says something, else `base`.
pub(super) fn overlay(top: PolecatTemplateSpec, base: PolecatTemplateSpec) -> PolecatTemplateSpec {
    let (top, base) = (raised(top), raised(base));
    PolecatTemplateSpec {
        agent: top.agent.or(base.agent),
        agent_config: both(top.agent_config, base.agent_config, agent_config),
        kubernetes: both(top.kubernetes, base.kubernetes, kubernetes),
        resources: top.resources.or(base.resources),
        max_idle_seconds: top.max_idle_seconds.or(base.max_idle_seconds),
        ttl_seconds_after_finished: top
            .ttl_seconds_after_finished
            .or(base.ttl_seconds_after_finished),
        task_description: top.task_description.or(base.task_description),
    }
}

/// The same with what stands under `kubernetes` and has a place of its own moved there.
fn raised(mut spec: PolecatTemplateSpec) -> PolecatTemplateSpec {
    if let Some(kubernetes) = &mut spec.kubernetes {
        spec.agent = kubernetes.agent.take().or(spec.agent);
        spec.agent_config = kubernetes.agent_config.take().or(spec.agent_config);
        spec.resources = kubernetes.resources.take().or(spec.resources);
    }
    spec
}

fn both<T>(top: Option<T>, base: Option<T>, merge: impl FnOnce(T, T) -> T) -> Option<T> {
    match (top, base) {
        (Some(top), Some(base)) => Some(merge(top, base)),
        (top, base) => top.or(base),
    }
}

fn agent_config(top: AgentConfig, base: AgentConfig) -> AgentConfig {
    let AgentConfig {
        args,
        command,
        config_map_ref,
        env,
        image,
        model,
        model_provider,
        provider,
    } = top;
    AgentConfig {
        args: filled(args, base.args),
        command: filled(command, base.command),
        config_map_ref: config_map_ref.or(base.config_map_ref),
        env: variables(env, base.env),
        image: image.or(base.image),
        model: model.or(base.model),
        model_provider: both(model_provider, base.model_provider, |top, base| {
            ModelProvider {
                api_key_secret_ref: top.api_key_secret_ref.or(base.api_key_secret_ref),
                endpoint: top.endpoint.or(base.endpoint),
            }
        }),
        provider: provider.or(base.provider),
    }
}

fn kubernetes(top: Kubernetes, base: Kubernetes) -> Kubernetes {
    let Kubernetes {
        agent,
        agent_config,
        git_repository,
        git_branch,
        work_branch,
        git_secret_ref,
        ssh_known_hosts_config_map_ref,
        ssh_strict_host_key_checking,
        api_key_secret_ref,
        claude_creds_secret_ref,
        image,
        image_pull_secrets,
        active_deadline_seconds,
        termination_grace_period_seconds,
        resources,
        workspace,
        queue_name,
        priority_class_name,
        runtime_class_name,
        service_account_name,
        mut node_selector,
        tolerations,
    } = top;
    for (key, value) in base.node_selector {
        node_selector.entry(key).or_insert(value);
    }
    Kubernetes {
        agent: agent.or(base.agent),
        agent_config: agent_config.or(base.agent_config),
        git_repository: git_repository.or(base.git_repository),
        git_branch: git_branch.or(base.git_branch),
        work_branch: work_branch.or(base.work_branch),
        git_secret_ref: git_secret_ref.or(base.git_secret_ref),
        ssh_known_hosts_config_map_ref: ssh_known_hosts_config_map_ref
            .or(base.ssh_known_hosts_config_map_ref),
        ssh_strict_host_key_checking: ssh_strict_host_key_checking
            .or(base.ssh_strict_host_key_checking),
        api_key_secret_ref: api_key_secret_ref.or(base.api_key_secret_ref),
        claude_creds_secret_ref: claude_creds_secret_ref.or(base.claude_creds_secret_ref),
        image: image.or(base.image),
        image_pull_secrets: filled(image_pull_secrets, base.image_pull_secrets),
        active_deadline_seconds: active_deadline_seconds.or(base.active_deadline_seconds),
        termination_grace_period_seconds: termination_grace_period_seconds
            .or(base.termination_grace_period_seconds),
        resources: resources.or(base.resources),
        workspace: workspace.or(base.workspace),
        queue_name: queue_name.or(base.queue_name),
        priority_class_name: priority_class_name.or(base.priority_class_name),
        runtime_class_name: runtime_class_name.or(base.runtime_class_name),
        service_account_name: service_account_name.or(base.service_account_name),
        node_selector,
        tolerations: filled(tolerations, base.tolerations),
    }
}

fn filled<T>(top: Vec<T>, base: Vec<T>) -> Vec<T> {
    if top.is_empty() { base } else { top }
}

/// The base's variables, then those of the top; a variable of both is the top's.
fn variables(top: Vec<EnvVar>, base: Vec<EnvVar>) -> Vec<EnvVar> {
    let is_new = |variable: &EnvVar| top.iter().all(|other| other.name != variable.name);
    let mut variables: Vec<EnvVar> = base.into_iter().filter(is_new).collect();
    variables.extend(top);
    variables
}
