//! A BeadStore and what it refers to, made into the settings of a mirror.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use beadlet_store::configmap::Scope;
use beadlet_store::keys::annotation;
use beadlet_store::kinds::{
    self, BeadStore, BeadStoreSpec, ConfigMapRef, ReadyProfile, Rig, SecretKeyRef, WriteBackMode,
};
use beadlet_store::ready::Profile;
use data_encoding::HEXLOWER;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use crate::decide::writeback::Mode;
use crate::git::{
    Auth, Author, CaBundle, GitUrl, KnownHosts, Proxy, Secret, SettingsError, SigningKey,
    SigningKeyError, Source, UrlError, known_hosts,
};
use crate::settings::{Prune, Settings, WriteBack};

/// A BeadStore with everything that it refers to.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    pub store: &'a BeadStore,
    /// The Rig that `spec.rigRef` names, if it exists.
    pub rig: Option<&'a Rig>,
    /// What is in the Secrets and ConfigMaps that `spec` names.
    pub inputs: &'a Inputs,
    /// Under which the clones are kept, one a URL.
    pub clones: &'a Path,
    /// Whether repositories on the controller's own disk may be read.
    pub local_repositories: LocalRepositories,
}

/// Whether repositories on the controller's own disk may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalRepositories {
    Allowed,
    Refused,
}

/// The contents of Secrets and ConfigMaps; empty for one that is not named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    pub credential: BTreeMap<String, Vec<u8>>,
    pub known_hosts: BTreeMap<String, String>,
    pub ca_bundle: BTreeMap<String, String>,
    pub signing_key: BTreeMap<String, Vec<u8>>,
}

/// The objects of a BeadStore's namespace that it refers to, by name. One without a name is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References<'a> {
    /// The Secret with the credential.
    pub credential: Option<&'a str>,
    pub known_hosts: Option<&'a str>,
    pub ca_bundle: Option<&'a str>,
    /// The Secret with the key that signs commits.
    pub signing_key: Option<&'a str>,
    /// The Secret that webhooks are signed with.
    pub webhook: Option<&'a str>,
}

impl<'a> References<'a> {
    #[must_use]
    pub fn of(spec: &'a BeadStoreSpec) -> Self {
        let source = spec.source.as_ref();
        let secret = spec.git_secret_ref.as_ref();
        Self {
            credential: secret.map(|reference| reference.name.as_str()),
            known_hosts: named(
                source.and_then(|source| source.ssh_known_hosts_config_map_ref.as_ref()),
            ),
            ca_bundle: named(source.and_then(|source| source.ca_bundle_config_map_ref.as_ref())),
            signing_key: (spec.write_back.mode != WriteBackMode::None)
                .then_some(spec.write_back.signing_key_secret_ref.as_ref())
                .flatten()
                .map(|reference| reference.name.as_str()),
            webhook: spec
                .webhook
                .as_ref()
                .map(|webhook| webhook.secret_ref.name.as_str()),
        }
    }

    /// Whether the settings depend on objects that are not watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn named(reference: Option<&ConfigMapRef>) -> Option<&str> {
    reference
        .map(|reference| reference.name.as_str())
        .filter(|name| !name.is_empty())
}

/// Why a BeadStore cannot be mirrored. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    #[error("there is no Rig {0}: create it, or name the repository in spec.source.url")]
    NoRig(String),
    #[error(
        "no repository is named: spec.source.url, or spec.rigRef of a Rig whose gitURL holds the issues"
    )]
    NoRepository,
    #[error("{url:?} is no address of a git repository: {source}")]
    Url { url: String, source: UrlError },
    #[error(
        "{0} is a path, and this controller reads no repositories from its own disk: start it with --local-repositories"
    )]
    LocalPath(String),
    #[error("spec.{field}: {source}")]
    Duration {
        field: &'static str,
        source: kinds::NotADuration,
    },
    #[error("there is no {kind} {name} in this namespace: create it")]
    Missing { kind: &'static str, name: String },
    #[error("the {kind} {name} may not be read: grant `get` on it to this controller")]
    Forbidden { kind: &'static str, name: String },
    #[error("{kind} {name} lacks the key {key}: add it")]
    Incomplete {
        kind: &'static str,
        name: String,
        key: String,
    },
    #[error("the certificates in ConfigMap {name} cannot be used: {source}")]
    Ca { name: String, source: SettingsError },
    #[error("the signing key in Secret {name} cannot be used: {source}")]
    SigningKey {
        name: String,
        source: SigningKeyError,
    },
    #[error("spec.writeBack.branch needs spec.source.branch: say which branch is read")]
    NoBranchRead,
    #[error("spec.writeBack.branch is the branch that is read: leave it out to write there")]
    BranchRead,
    #[error("spec.source.proxy is no address of a proxy: {0}")]
    Proxy(UrlError),
    #[error("nobody receives webhooks: start the controller with --webhook-listen")]
    NoReceiver,
}

impl Wrong {
    /// A closed set, for conditions.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoRig(_) => "NoRig",
            Self::NoRepository => "NoRepository",
            Self::Url { .. } => "UrlInvalid",
            Self::LocalPath(_) => "LocalPathRefused",
            Self::Duration { .. } => "DurationInvalid",
            Self::Missing { .. } => "NotFound",
            Self::Forbidden { .. } => "Forbidden",
            Self::Incomplete { .. } => "KeyMissing",
            Self::Ca { .. } => "CertificatesInvalid",
            Self::Proxy(_) => "ProxyInvalid",
            Self::SigningKey { .. } => "SigningKeyInvalid",
            Self::NoBranchRead | Self::BranchRead => "WriteBackBranchInvalid",
            Self::NoReceiver => "NoReceiver",
        }
    }
}

/// The settings of the mirror.
///
/// # Errors
/// When what is said does not make a mirror.
pub fn settings(given: Given<'_>) -> Result<Settings, Wrong> {
    let spec = &given.store.spec;
    let url = repository(given)?;
    let source = spec.source.clone().unwrap_or_default();
    let git = Source {
        branch: source.branch,
        path: source.path,
        depth: depth(source.depth),
        auth: auth(given)?,
        known_hosts: hosts(given)?,
        ca_bundle: ca_bundle(given)?,
        proxy: source
            .proxy
            .map_or(Ok(Proxy::Environment), |proxy| {
                proxy.parse().map(Proxy::Url)
            })
            .map_err(Wrong::Proxy)?,
        ..Source::new(url.clone(), clone_folder(given.clones, &url))
    };
    let settings = Settings::new(git, scope(given)?);
    Ok(Settings {
        sync_interval: duration("syncInterval", spec.sync_interval.as_ref())?
            .unwrap_or(settings.sync_interval),
        prune: Prune {
            max_delete_percent: u8::try_from(spec.prune.max_delete_percent).unwrap_or(100),
            ..Prune::default()
        },
        allow_delete: given
            .store
            .annotations()
            .get(annotation::ALLOW_DELETE)
            .cloned(),
        suspend: spec.suspend,
        write_back: write_back(given)?,
        ..settings
    })
}

/// The repository that the store names itself, else its Rig's: a clone on our own disk where that may be read, else the remote.
fn repository(given: Given<'_>) -> Result<GitUrl, Wrong> {
    let is_allowed = given.local_repositories == LocalRepositories::Allowed;
    let own = given
        .store
        .spec
        .source
        .as_ref()
        .and_then(|source| source.url.clone());
    let text = match (own, &given.store.spec.rig_ref) {
        (Some(url), _) => url,
        (None, Some(name)) => {
            let rig = given.rig.ok_or_else(|| Wrong::NoRig(name.clone()))?;
            let local = rig.spec.local_path.clone().filter(|_| is_allowed);
            local.unwrap_or_else(|| rig.spec.git_url.clone())
        }
        (None, None) => return Err(Wrong::NoRepository),
    };
    let url: GitUrl = text.parse().map_err(|source| Wrong::Url {
        url: text.clone(),
        source,
    })?;
    if url.local_path().is_some() && !is_allowed {
        return Err(Wrong::LocalPath(text));
    }
    Ok(url)
}

/// Stores of the same URL share a folder, and with it a clone.
fn clone_folder(clones: &Path, url: &GitUrl) -> PathBuf {
    let digest = Sha256::digest(url.to_string());
    clones.join(HEXLOWER.encode(&digest[..16]))
}

/// 0 means everything, and as many commits as can be named are that.
fn depth(said: Option<i32>) -> NonZeroU32 {
    match said {
        None => NonZeroU32::MIN,
        Some(depth) => u32::try_from(depth)
            .ok()
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MAX),
    }
}

fn auth(given: Given<'_>) -> Result<Auth, Wrong> {
    let Some(secret) = References::of(&given.store.spec).credential else {
        return Ok(Auth::None);
    };
    let value = |key: &str| given.inputs.credential.get(key).cloned();
    let text =
        |key: &str| value(key).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let lacks = |key| Wrong::Incomplete {
        kind: "Secret",
        name: secret.to_owned(),
        key: String::from(key),
    };
    if let Some(private) = value("ssh-privatekey") {
        let passphrase = value("ssh-passphrase").map(Secret::new);
        return Ok(Auth::SshKey {
            private: Secret::new(private),
            passphrase,
            username: text("username"),
        });
    }
    if let Some(token) = text("token") {
        return Ok(Auth::Token(Secret::new(token)));
    }
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => Ok(Auth::Basic {
            username,
            password: Secret::new(password),
        }),
        (Some(_), None) => Err(lacks("password")),
        (None, Some(_)) => Err(lacks("username")),
        (None, None) => Err(lacks("ssh-privatekey")),
    }
}

/// Those of the ConfigMap, else those of the credential's Secret.
fn hosts(given: Given<'_>) -> Result<KnownHosts, Wrong> {
    let text = match References::of(&given.store.spec).known_hosts {
        Some(name) => {
            let lacks = Wrong::Incomplete {
                kind: "ConfigMap",
                name: name.to_owned(),
                key: "known_hosts".to_owned(),
            };
            Some(
                given
                    .inputs
                    .known_hosts
                    .get("known_hosts")
                    .map(String::as_bytes)
                    .ok_or(lacks)?,
            )
        }
        None => given
            .inputs
            .credential
            .get("known_hosts")
            .map(Vec::as_slice),
    };
    Ok(text.map_or_else(KnownHosts::default, |text| known_hosts::parse(text).0))
}

fn ca_bundle(given: Given<'_>) -> Result<Option<CaBundle>, Wrong> {
    let Some(name) = References::of(&given.store.spec).ca_bundle else {
        return Ok(None);
    };
    let name = name.to_owned();
    let pem = given.inputs.ca_bundle.get("ca.crt");
    let pem = pem.ok_or_else(|| Wrong::Incomplete {
        kind: "ConfigMap",
        name: name.clone(),
        key: "ca.crt".to_owned(),
    })?;
    CaBundle::parse(pem.as_bytes())
        .map(Some)
        .map_err(|source| Wrong::Ca { name, source })
}

fn write_back(given: Given<'_>) -> Result<Option<WriteBack>, Wrong> {
    let spec = &given.store.spec.write_back;
    let (claims, closes) = match spec.mode {
        WriteBackMode::None => return Ok(None),
        WriteBackMode::Claim => (true, false),
        WriteBackMode::Close => (false, true),
        WriteBackMode::ClaimAndClose => (true, true),
    };
    let author = spec.author.clone().map(|author| Author {
        name: author.name,
        email: author.email,
    });
    Ok(Some(WriteBack {
        mode: Mode { claims, closes },
        author,
        branch: aside(given)?,
        signing_key: signing_key(given)?,
    }))
}

/// The branch that is written to and not read. Which one is read must be said: else it would be chosen, and the choice may fall on a
/// branch that was just made.
fn aside(given: Given<'_>) -> Result<Option<String>, Wrong> {
    let spec = &given.store.spec;
    let Some(branch) = &spec.write_back.branch else {
        return Ok(None);
    };
    let source = spec.source.as_ref();
    let read = source.and_then(|source| source.branch.as_deref());
    match read.ok_or(Wrong::NoBranchRead)? {
        read if read.strip_prefix("refs/heads/").unwrap_or(read) == branch => {
            Err(Wrong::BranchRead)
        }
        _ => Ok(Some(branch.clone())),
    }
}

fn signing_key(given: Given<'_>) -> Result<Option<SigningKey>, Wrong> {
    let Some(SecretKeyRef { name, key }) = &given.store.spec.write_back.signing_key_secret_ref
    else {
        return Ok(None);
    };
    let name = name.clone();
    let text = given.inputs.signing_key.get(key);
    let text = text.ok_or_else(|| Wrong::Incomplete {
        kind: "Secret",
        name: name.clone(),
        key: key.clone(),
    })?;
    SigningKey::parse(text)
        .map(Some)
        .map_err(|source| Wrong::SigningKey { name, source })
}

fn scope(given: Given<'_>) -> Result<Scope, Wrong> {
    let BeadStore { metadata, spec, .. } = given.store;
    let own = spec
        .prefix
        .as_deref()
        .map(|prefix| prefix.trim_end_matches('-').to_owned());
    let of_rig = given.rig.map(|rig| rig.spec.beads_prefix.clone());
    Ok(Scope {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        store: given.store.name_any(),
        owner: Some(owner(given.store)),
        profile: match spec.ready_profile {
            ReadyProfile::Bd11 => Profile::Bd11,
            ReadyProfile::Bd105 => Profile::Bd105,
            ReadyProfile::Bd049 => Profile::Bd049,
            ReadyProfile::Br01 => Profile::Br01,
        },
        prefixes: own.into_iter().chain(of_rig).collect(),
        closed_retention: duration("closedRetention", spec.closed_retention.as_ref())?,
    })
}

fn owner(store: &BeadStore) -> OwnerReference {
    OwnerReference {
        api_version: "gastown.gastown.io/v1alpha1".into(),
        kind: "BeadStore".into(),
        name: store.name_any(),
        uid: store.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

fn duration(
    field: &'static str,
    text: Option<&kinds::DurationText>,
) -> Result<Option<std::time::Duration>, Wrong> {
    text.map(kinds::DurationText::parse)
        .transpose()
        .map_err(|source| Wrong::Duration { field, source })
}

/// What the forge signs its calls with: the Secret's `token`, without a line end after it.
///
/// # Errors
/// When there is none, or nothing in it.
pub fn webhook_secret(name: &str, mut data: BTreeMap<String, Vec<u8>>) -> Result<Secret, Wrong> {
    let mut token = data.remove("token").unwrap_or_default();
    for end in [b'\n', b'\r'] {
        token.pop_if(|last| *last == end);
    }
    if token.is_empty() {
        return Err(Wrong::Incomplete {
            kind: "Secret",
            name: name.to_owned(),
            key: "token".to_owned(),
        });
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests;
