//! What is mounted where. The git credential is in the git containers only, the model's files in the agent's only.

use beadlet_supervise::contract::places;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, EphemeralVolumeSource, PersistentVolumeClaimSpec,
    PersistentVolumeClaimTemplate, PersistentVolumeClaimVolumeSource, SecretVolumeSource,
    Volume as PodVolume, VolumeMount, VolumeResourceRequirements,
};

use crate::decide::contract::path;
use crate::decide::order::{Order, Volume};

const WORKSPACE: &str = "workspace";
const BEAD: &str = "bead";
/// The git containers' own.
const STATE: &str = "state";
const AGENT_CONFIG: &str = "agent-config";
const CLAUDE_CREDENTIALS: &str = "claude-credentials";
const GIT_CREDENTIAL: &str = "git-credential";
const KNOWN_HOSTS: &str = "known-hosts";
/// The agent's and the git containers' own.
const AGENT_TMP: &str = "agent-tmp";
const GIT_TMP: &str = "git-tmp";

/// The user's group may read, nobody else: files of a Secret belong to root and the pod's group.
const SECRET_MODE: i32 = 0o440;

pub(super) fn volumes(order: &Order) -> Vec<PodVolume> {
    let mut volumes = vec![
        workspace(order),
        scratch(AGENT_TMP),
        scratch(GIT_TMP),
        scratch(STATE),
    ];
    volumes.extend(
        order
            .bead
            .as_ref()
            .map(|(_, configmap)| config_map(BEAD, configmap, true)),
    );
    volumes.extend(
        order
            .agent_config
            .as_ref()
            .map(|name| config_map(AGENT_CONFIG, name, false)),
    );
    volumes.extend(
        order
            .git
            .known_hosts
            .as_ref()
            .map(|name| config_map(KNOWN_HOSTS, name, false)),
    );
    volumes.extend(
        order
            .git
            .secret
            .as_ref()
            .map(|name| secret(GIT_CREDENTIAL, name)),
    );
    volumes.extend(
        order
            .claude_credentials
            .as_ref()
            .map(|name| secret(CLAUDE_CREDENTIALS, name)),
    );
    volumes
}

pub(super) fn of_git(order: &Order) -> Vec<VolumeMount> {
    let mut mounts = shared(order, GIT_TMP);
    mounts.push(writable(STATE, places::STATE));
    mounts.extend(
        order
            .git
            .secret
            .is_some()
            .then(|| read_only(GIT_CREDENTIAL, path::GIT_CREDENTIAL)),
    );
    mounts.extend(
        order
            .git
            .known_hosts
            .is_some()
            .then(|| read_only(KNOWN_HOSTS, path::KNOWN_HOSTS)),
    );
    mounts
}

pub(super) fn of_agent(order: &Order) -> Vec<VolumeMount> {
    let mut mounts = shared(order, AGENT_TMP);
    mounts.extend(
        order
            .agent_config
            .is_some()
            .then(|| read_only(AGENT_CONFIG, path::AGENT_CONFIG)),
    );
    mounts.extend(
        order
            .claude_credentials
            .is_some()
            .then(|| read_only(CLAUDE_CREDENTIALS, path::CLAUDE_CREDENTIALS)),
    );
    mounts
}

fn shared(order: &Order, tmp: &str) -> Vec<VolumeMount> {
    // A claim that others use too: each polecat has its own folder.
    let sub_path =
        matches!(order.workspace, Volume::Claim { .. }).then(|| order.polecat.name.clone());
    let mut mounts = vec![
        VolumeMount {
            sub_path,
            ..writable(WORKSPACE, places::WORKSPACE)
        },
        writable(tmp, path::TEMPORARY),
    ];
    mounts.extend(order.bead.is_some().then(|| read_only(BEAD, places::BEAD)));
    mounts
}

fn workspace(order: &Order) -> PodVolume {
    let mut volume = PodVolume {
        name: WORKSPACE.to_owned(),
        ..PodVolume::default()
    };
    match order.workspace.clone() {
        Volume::EmptyDir { limit } => {
            volume.empty_dir = Some(EmptyDirVolumeSource {
                size_limit: limit,
                ..EmptyDirVolumeSource::default()
            })
        }
        Volume::Claim { name } => {
            volume.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                claim_name: name,
                read_only: None,
            });
        }
        Volume::NewClaim { size, class } => {
            let spec = PersistentVolumeClaimSpec {
                access_modes: Some(vec!["ReadWriteOnce".into()]),
                resources: Some(VolumeResourceRequirements {
                    requests: Some([("storage".to_owned(), size)].into()),
                    limits: None,
                }),
                storage_class_name: class,
                ..PersistentVolumeClaimSpec::default()
            };
            let template = PersistentVolumeClaimTemplate {
                metadata: None,
                spec,
            };
            volume.ephemeral = Some(EphemeralVolumeSource {
                volume_claim_template: Some(template),
            });
        }
    }
    volume
}

fn scratch(name: &str) -> PodVolume {
    PodVolume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..PodVolume::default()
    }
}

fn config_map(name: &str, configmap: &str, optional: bool) -> PodVolume {
    let source = ConfigMapVolumeSource {
        name: configmap.to_owned(),
        optional: Some(optional),
        ..ConfigMapVolumeSource::default()
    };
    PodVolume {
        name: name.to_owned(),
        config_map: Some(source),
        ..PodVolume::default()
    }
}

fn secret(name: &str, secret: &str) -> PodVolume {
    let source = SecretVolumeSource {
        secret_name: Some(secret.to_owned()),
        default_mode: Some(SECRET_MODE),
        ..SecretVolumeSource::default()
    };
    PodVolume {
        name: name.to_owned(),
        secret: Some(source),
        ..PodVolume::default()
    }
}

fn writable(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}

fn read_only(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        read_only: Some(true),
        ..writable(name, path)
    }
}
