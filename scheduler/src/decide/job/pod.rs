//! The pod: it passes the `restricted` Pod Security Standard.

use k8s_openapi::api::core::v1::{
    LocalObjectReference, PodSecurityContext, PodSpec, SeccompProfile,
};

use super::{containers, some, volumes};
use crate::decide::order::{Order, Placement};

/// User and group of all containers.
const USER: i64 = 10001;

pub(super) fn spec(order: &Order) -> PodSpec {
    let Placement {
        priority_class,
        runtime_class,
        service_account,
        pull_secrets,
        node_selector,
        tolerations,
    } = order.placement.clone();
    PodSpec {
        restart_policy: Some("Never".into()),
        init_containers: Some(vec![containers::git_init(order)]),
        containers: vec![containers::agent(order), containers::git_push(order)],
        volumes: Some(volumes::volumes(order)),
        security_context: Some(security_context()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        share_process_namespace: Some(false),
        termination_grace_period_seconds: Some(order.grace_seconds),
        priority_class_name: priority_class,
        runtime_class_name: runtime_class,
        service_account_name: service_account,
        image_pull_secrets: (!pull_secrets.is_empty()).then(|| {
            pull_secrets
                .into_iter()
                .map(|name| LocalObjectReference { name })
                .collect()
        }),
        node_selector: some(node_selector),
        tolerations: (!tolerations.is_empty()).then_some(tolerations),
        ..PodSpec::default()
    }
}

fn security_context() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
}
