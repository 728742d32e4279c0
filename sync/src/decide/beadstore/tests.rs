#![allow(
    clippy::needless_pass_by_value,
    reason = "tests read better with values"
)]

use beadlet_store::kinds::ConfigMapRef;
use serde_json::{Value, from_value, json};

use super::*;

fn store(spec: Value) -> BeadStore {
    from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore",
        "metadata": {"name": "beads", "namespace": "ns", "uid": "u", "annotations": {annotation::ALLOW_DELETE: "abc"}}, "spec": spec}))
    .unwrap()
}

fn rig() -> Rig {
    from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": "r"},
        "spec": {"gitURL": "https://git.example.com/r.git", "beadsPrefix": "my-proj", "localPath": "/srv/r"}}))
    .unwrap()
}

fn made(
    store: &BeadStore,
    rig: Option<&Rig>,
    inputs: &Inputs,
    local: LocalRepositories,
) -> Result<Settings, Wrong> {
    settings(Given {
        store,
        rig,
        inputs,
        clones: Path::new("/clones"),
        local_repositories: local,
    })
}

fn of(spec: Value) -> Result<Settings, Wrong> {
    made(
        &store(spec),
        None,
        &Inputs::default(),
        LocalRepositories::Refused,
    )
}

fn secret(keys: &[(&str, &str)]) -> Inputs {
    let credential = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
        .collect();
    Inputs {
        credential,
        ..Inputs::default()
    }
}

#[test]
fn every_choice_of_the_spec_is_one_of_the_mirror() {
    let settings = of(json!({
        "source": {"url": "https://git.example.com/b.git", "branch": "main", "path": "x.jsonl", "depth": 7, "proxy": "http://proxy.example.com:3128"},
        "prefix": "gt-", "syncInterval": "90s", "suspend": true, "readyProfile": "br-0.1", "closedRetention": "24h",
        "prune": {"maxDeletePercent": 50},
    }))
    .unwrap();
    let source = &settings.source;
    assert_eq!(
        (
            source.branch.as_deref(),
            source.path.as_deref(),
            source.depth.get()
        ),
        (Some("main"), Some("x.jsonl"), 7)
    );
    assert!(matches!(source.proxy, Proxy::Url(_)));
    assert_eq!(
        (
            settings.sync_interval.as_secs(),
            settings.suspend,
            settings.prune.max_delete_percent
        ),
        (90, true, 50)
    );
    let scope = &settings.scope;
    assert_eq!(
        (
            scope.profile,
            scope.closed_retention.map(|age| age.as_secs())
        ),
        (Profile::Br01, Some(86400))
    );
    assert_eq!(
        (scope.prefixes.as_slice(), scope.store.as_str()),
        (&["gt".to_owned()][..], "beads")
    );
    assert_eq!(scope.owner.as_ref().unwrap().uid, "u");
    assert_eq!(settings.allow_delete.as_deref(), Some("abc"));
}

#[test]
fn store_without_a_url_reads_its_rigs_repository() {
    let store = store(json!({"rigRef": "r"}));
    let url = |local| {
        made(&store, Some(&rig()), &Inputs::default(), local)
            .unwrap()
            .source
            .url
            .to_string()
    };
    assert_eq!(
        url(LocalRepositories::Refused),
        "https://git.example.com/r.git"
    );
    assert_eq!(url(LocalRepositories::Allowed), "/srv/r");
    let gone = made(&store, None, &Inputs::default(), LocalRepositories::Refused).unwrap_err();
    assert_eq!(
        (
            gone.reason(),
            gone.to_string().starts_with("there is no Rig r")
        ),
        ("NoRig", true)
    );
}

#[test]
fn path_on_our_own_disk_is_read_only_where_that_is_allowed() {
    let store = store(json!({"source": {"url": "/etc"}}));
    assert_eq!(
        made(&store, None, &Inputs::default(), LocalRepositories::Refused)
            .unwrap_err()
            .reason(),
        "LocalPathRefused"
    );
    assert!(made(&store, None, &Inputs::default(), LocalRepositories::Allowed).is_ok());
}

#[test]
fn stores_of_the_same_url_share_a_clone() {
    let folder = |url: &str, branch: &str| {
        of(json!({"source": {"url": url, "branch": branch}}))
            .unwrap()
            .source
            .cache_dir
    };
    assert_eq!(
        folder("https://x.example/a", "one"),
        folder("https://x.example/a", "two")
    );
    assert_ne!(
        folder("https://x.example/a", "one"),
        folder("https://x.example/b", "one")
    );
}

#[test]
fn secret_says_how_to_log_in() {
    let store =
        store(json!({"source": {"url": "https://x.example/a"}, "gitSecretRef": {"name": "s"}}));
    let auth = |keys: &[(&str, &str)]| {
        made(&store, None, &secret(keys), LocalRepositories::Refused)
            .map(|settings| settings.source.auth)
    };
    assert!(matches!(
        auth(&[("ssh-privatekey", "k")]),
        Ok(Auth::SshKey { .. })
    ));
    assert!(matches!(auth(&[("token", "t\n")]), Ok(Auth::Token(token)) if token.reveal() == b"t"));
    assert!(matches!(
        auth(&[("username", "u"), ("password", "p")]),
        Ok(Auth::Basic { .. })
    ));
    let wrong = auth(&[("username", "u")]).unwrap_err().to_string();
    assert_eq!(wrong, "Secret s lacks the key password: add it");
}

#[test]
fn known_hosts_come_from_the_configmap_before_the_secret() {
    let mut store =
        store(json!({"source": {"url": "ssh://git@x.example/a"}, "gitSecretRef": {"name": "s"}}));
    let inputs = secret(&[
        ("ssh-privatekey", "k"),
        (
            "known_hosts",
            "x.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        ),
    ]);
    assert!(made(&store, None, &inputs, LocalRepositories::Refused).is_ok());
    store
        .spec
        .source
        .as_mut()
        .unwrap()
        .ssh_known_hosts_config_map_ref = Some(ConfigMapRef {
        name: "hosts".into(),
    });
    let wrong = made(&store, None, &inputs, LocalRepositories::Refused)
        .unwrap_err()
        .to_string();
    assert_eq!(wrong, "ConfigMap hosts lacks the key known_hosts: add it");
}

#[test]
fn whole_history_is_asked_for_with_zero() {
    assert_eq!(
        (depth(None).get(), depth(Some(0)), depth(Some(3)).get()),
        (1, NonZeroU32::MAX, 3)
    );
}

#[test]
fn branch_to_write_to_needs_another_one_that_is_read() {
    let of = |source: Value| {
        of(json!({"source": source, "writeBack": {"mode": "Claim", "branch": "claims"}}))
    };
    let url = "https://git.example.com/b.git";
    let made = of(json!({"url": url, "branch": "main"})).unwrap();
    assert_eq!(made.write_back.unwrap().branch.as_deref(), Some("claims"));
    let open = of(json!({"url": url})).unwrap_err();
    assert!(matches!(open, Wrong::NoBranchRead));
    for same in ["claims", "refs/heads/claims"] {
        let same = of(json!({"url": url, "branch": same})).unwrap_err();
        assert!(matches!(same, Wrong::BranchRead));
        assert_eq!(same.reason(), "WriteBackBranchInvalid");
    }
}

#[test]
fn signing_key_that_cannot_sign_stops_the_mirror() {
    let spec = json!({"source": {"url": "https://git.example.com/b.git"},
        "writeBack": {"mode": "Claim", "signingKeySecretRef": {"name": "keys", "key": "id"}}});
    let with = |keys: &[(&str, &str)]| {
        let inputs = Inputs {
            signing_key: secret(keys).credential,
            ..Inputs::default()
        };
        made(
            &store(spec.clone()),
            None,
            &inputs,
            LocalRepositories::Refused,
        )
        .unwrap_err()
        .to_string()
    };
    assert_eq!(with(&[]), "Secret keys lacks the key id: add it");
    let broken = with(&[("id", "hush")]);
    assert!(
        broken.starts_with("the signing key in Secret keys cannot be used: it is no private key"),
        "{broken}"
    );
    assert!(!broken.contains("hush"));
}

#[test]
fn signing_key_is_read_only_by_who_writes() {
    let store = store(json!({"source": {"url": "https://git.example.com/b.git"},
        "writeBack": {"mode": "None", "signingKeySecretRef": {"name": "keys", "key": "id"}}}));
    assert_eq!(References::of(&store.spec), References::default());
}
