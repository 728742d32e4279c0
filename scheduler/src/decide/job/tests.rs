use beadlet_store::kinds::Polecat;
use beadlet_supervise::contract::places;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::{Value, json};

use super::super::fixture::{bead, by_hand, convoy, defaults, rig, seed};
use super::super::order::{Sources, order};
use super::*;

fn made(polecat: &Polecat) -> Job {
    job(&order(Sources {
        polecat,
        rig: None,
        bead: None,
        convoy: None,
        defaults: &defaults(),
    })
    .unwrap())
}

fn pod(job: &Job) -> PodSpec {
    job.spec.clone().unwrap().template.spec.unwrap()
}

fn containers(pod: &PodSpec) -> Vec<&Container> {
    pod.init_containers
        .iter()
        .flatten()
        .chain(&pod.containers)
        .collect()
}

#[test]
fn job_of_the_readmes_polecat() {
    insta::assert_yaml_snapshot!(made(&seed()));
}

#[test]
fn job_of_a_dispatched_polecat_knows_its_rig_bead_and_convoy() {
    let rig = rig(
        "gastown",
        json!({"polecatTemplate": {"spec": {"kubernetes": {"claudeCredsSecretRef": {"name": "login"}}}}}),
    );
    let mut polecat = super::super::fixture::polecat("gt-7", 2);
    polecat.spec.rig = Some("gastown".into());
    let (bead, convoy) = (bead("gt-7"), convoy("wave", &["gt-7"], 0));
    let sources = Sources {
        polecat: &polecat,
        rig: Some(&rig),
        bead: Some(&bead),
        convoy: Some(&convoy),
        defaults: &defaults(),
    };
    let job = job(&order(sources).unwrap());
    assert_eq!(job.metadata.name.as_deref(), Some("polecat-gt-7-2"));
    let labels = job.metadata.labels.as_ref().unwrap();
    for (key, value) in [
        ("convoy", "wave"),
        (work::RIG, "gastown"),
        (work::BEAD, "gt-7"),
        (work::ATTEMPT, "2"),
        (work::POLECAT, "gt-7-2"),
    ] {
        assert_eq!(labels[key], value);
    }
    let pod = pod(&job);
    let env = |name: &str| {
        containers(&pod)[1]
            .env
            .iter()
            .flatten()
            .find(|variable| variable.name == name)
            .unwrap()
            .value
            .clone()
            .unwrap()
    };
    assert_eq!(
        (
            env("GT_ISSUE"),
            env("GT_POLECAT"),
            env("GT_RIG"),
            env("GT_CONVOY")
        ),
        (
            "gt-7".into(),
            "gt-7-2".into(),
            "gastown".into(),
            "wave".into()
        )
    );
}

#[test]
fn git_credential_is_in_the_git_containers_only_and_the_key_in_the_agents_only() {
    let pod = pod(&made(&seed()));
    for container in containers(&pod) {
        let has_credential = container
            .volume_mounts
            .iter()
            .flatten()
            .any(|mount| mount.name == "git-credential");
        let has_key = container
            .env
            .iter()
            .flatten()
            .any(|variable| variable.name == places::API_KEY && variable.value_from.is_some());
        assert_eq!(
            (has_credential, has_key),
            if container.name == "agent" {
                (false, true)
            } else {
                (true, false)
            },
            "{}",
            container.name
        );
    }
}

#[test]
fn pod_is_restricted() {
    let pod = pod(&made(&seed()));
    assert_eq!(
        (
            pod.automount_service_account_token,
            pod.share_process_namespace,
            pod.host_network
        ),
        (Some(false), Some(false), None)
    );
    let context = pod.security_context.as_ref().unwrap();
    assert_eq!(
        (
            context.run_as_non_root,
            context.seccomp_profile.as_ref().unwrap().type_.as_str()
        ),
        (Some(true), "RuntimeDefault")
    );
    for container in containers(&pod) {
        let context = container.security_context.as_ref().unwrap();
        assert_eq!(
            (
                context.allow_privilege_escalation,
                context.read_only_root_filesystem
            ),
            (Some(false), Some(true))
        );
        assert_eq!(
            context.capabilities.as_ref().unwrap().drop.as_deref(),
            Some(&["ALL".to_owned()][..])
        );
    }
}

#[test]
fn nothing_of_a_polecat_reaches_a_shell() {
    let nasty = "'; rm -rf / #`$(x)`\n--help";
    let polecat = by_hand(
        "p",
        json!({"agent": "custom", "taskDescription": nasty, "beadID": nasty,
        "agentConfig": {"image": "i", "command": ["run"], "args": [nasty]}, "kubernetes": {"gitRepository": "https://x.example/y"}}),
    );
    let job = made(&polecat);
    for container in containers(&pod(&job)) {
        let command = container.command.as_ref().unwrap();
        assert!(
            command[0] == "beadlet" || command[0] == "/workspace/.beadlet/bin/beadlet-supervise"
        );
        assert!(container.args.is_none());
    }
    assert!(
        !job.metadata.labels.unwrap().contains_key(work::BEAD),
        "an id that is no label value is in no label"
    );
    let annotations = job
        .spec
        .unwrap()
        .template
        .metadata
        .unwrap()
        .annotations
        .unwrap();
    assert_eq!(annotations[task::DESCRIPTION], nasty);
}

#[test]
fn workspace_is_what_was_asked_for() {
    let workspace = |workspace: Value| {
        let mut polecat = seed();
        polecat.spec.kubernetes.as_mut().unwrap().workspace =
            serde_json::from_value(workspace).unwrap();
        let pod = pod(&made(&polecat));
        let mount = containers(&pod)[0].volume_mounts.as_ref().unwrap()[0].clone();
        let volumes = pod.volumes.unwrap();
        (serde_json::to_value(&volumes[0]).unwrap(), mount.sub_path)
    };
    assert_eq!(
        workspace(json!({"sizeLimit": "5Gi"})).0["emptyDir"],
        json!({"sizeLimit": "5Gi"})
    );
    let (volume, folder) = workspace(json!({"claim": {"name": "shared"}}));
    assert_eq!(
        (
            &volume["persistentVolumeClaim"]["claimName"],
            folder.as_deref()
        ),
        (&json!("shared"), Some("test-worker"))
    );
    let (volume, _) = workspace(json!({"claim": {"size": "9Gi", "storageClassName": "fast"}}));
    let spec = &volume["ephemeral"]["volumeClaimTemplate"]["spec"];
    assert_eq!(
        (
            &spec["resources"]["requests"]["storage"],
            &spec["storageClassName"]
        ),
        (&json!("9Gi"), &json!("fast"))
    );
}

#[test]
fn evicted_pods_are_replaced_and_other_failures_end_the_job() {
    let policy = made(&seed()).spec.unwrap().pod_failure_policy.unwrap();
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| {
            (
                rule.action.as_str(),
                rule.on_exit_codes
                    .as_ref()
                    .and_then(|on| on.container_name.as_deref()),
            )
        })
        .collect();
    assert_eq!(
        rules,
        [
            ("Ignore", None),
            ("FailJob", Some("git-init")),
            ("FailJob", Some("agent")),
            ("FailJob", Some("git-push"))
        ]
    );
}

#[test]
fn queue_makes_the_job_kueues() {
    let mut polecat = seed();
    polecat.spec.kubernetes.as_mut().unwrap().queue_name = Some("agents".into());
    let job = made(&polecat);
    assert_eq!(job.metadata.labels.as_ref().unwrap()[work::QUEUE], "agents");
    assert_eq!(job.spec.as_ref().unwrap().suspend, Some(true));
    assert!(
        !job.spec
            .unwrap()
            .template
            .metadata
            .unwrap()
            .labels
            .unwrap()
            .contains_key(work::QUEUE)
    );
}
