//! BeadStore: the repository and how it is reached, what is made of its file, what is held back, and what stays in the end.

use std::collections::BTreeMap;
use std::path::Path;

use beadlet_store::kinds::{BeadStore, Rig};
use beadlet_sync::decide::{
    beadstore::{Given, Inputs, LocalRepositories, References, settings},
    farewell::farewell,
    guard::{Proposal, Rules, guard},
    revision::Revision,
};
use beadlet_sync::git::Auth;
use beadlet_sync::settings::Settings;
use serde_json::{Value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::{
    scene::{noon, object, rig},
    table::{Row, check, row},
};

/// Two issues that the rules of trackers, prefixes and the passing of time tell apart from others.
const FILE: &str = concat!(
    r#"{"id":"gt-1","title":"t","status":"open","priority":2,"issue_type":"task","labels":["human"],"created_at":"2026-01-01T00:00:00Z"}"#,
    "\n",
    r#"{"id":"gt-sub-1","title":"t","status":"closed","priority":2,"issue_type":"task","created_at":"2026-01-01T00:00:00Z","closed_at":"2026-01-02T00:00:00Z"}"#,
    "\n",
);

fn base() -> Value {
    json!({"source": {"url": "https://git.example.com/gt.git"}})
}

fn rows() -> Vec<Row> {
    let of_rig = json!({"source": null, "rigRef": "garden"});
    let own = [
        row(
            "rigRef",
            "other",
            "/mirrors = \"https://git.example.com/other.git\"",
        )
        .given(of_rig),
        row(
            "prefix",
            "gt-",
            "/file/bead-gt-sub-1/labels/bead-prefix = \"gt\"",
        ),
        row("gitSecretRef.name", "other", "/login = \"token of other\"")
            .given(json!({"gitSecretRef": {"name": "login"}})),
        row("syncInterval", "90s", "/asks every = \"90s\""),
        row("suspend", true, "/suspended = true"),
        row(
            "readyProfile",
            "bd-1.0.5",
            "/file/bead-gt-1/labels/bead-ready = \"true\"",
        ),
        row("closedRetention", "24h", "/file/bead-gt-sub-1"),
        row(
            "prune.maxDeletePercent",
            50,
            "/deletions of a quarter = \"Apply\"",
        ),
        row("deletionPolicy", "Orphan", "LeaveBeads"),
        row(
            "webhook.secretRef.name",
            "other",
            "/webhooks are signed with = \"other\"",
        )
        .given(json!({"webhook": {"secretRef": {"name": "hook"}}})),
        row("writeBack.mode", "Close", "claims: false, closes: true"),
        row("writeBack.author.name", "Mayor", "Mayor").given(signed()),
        row(
            "writeBack.author.email",
            "mayor@example.com",
            "mayor@example.com",
        )
        .given(signed()),
        row("writeBack.branch", "claims", "branch: Some(").given(aside()),
        row("writeBack.signingKeySecretRef.name", "other", "SHA256:").given(keyed()),
        row("writeBack.signingKeySecretRef.key", "spare", "SHA256:").given(keyed()),
    ];
    own.into_iter().chain(source()).collect()
}

fn signed() -> Value {
    json!({"writeBack": {"mode": "Claim", "author": {"name": "Deacon", "email": "deacon@example.com"}}})
}

fn aside() -> Value {
    json!({"source": {"url": "https://git.example.com/gt.git", "branch": "main"}, "writeBack": {"mode": "Claim"}})
}

fn keyed() -> Value {
    json!({"writeBack": {"mode": "Claim", "signingKeySecretRef": {"name": "keys", "key": "key"}}})
}

/// A Secret with two private keys, which are others than those of any other Secret.
fn signing_keys(secret: &str) -> BTreeMap<String, Vec<u8>> {
    let key = |name: &str| {
        let mut seed = [0; 32];
        let text = format!("{secret} {name}");
        seed[..text.len()].copy_from_slice(text.as_bytes());
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        let key = PrivateKey::new(pair, "").unwrap();
        let key = key.to_openssh(LineEnding::LF).unwrap();
        (name.to_owned(), key.as_bytes().to_vec())
    };
    ["key", "spare"].map(key).into()
}

fn source() -> Vec<Row> {
    let rows = [
        row(
            "url",
            "https://git.example.com/mp.git",
            "/mirrors = \"https://git.example.com/mp.git\"",
        ),
        row("branch", "next", "/branch = \"next\""),
        row("path", "other.jsonl", "/path = \"other.jsonl\""),
        row("depth", 7, "/depth = 7"),
        row("sshKnownHostsConfigMapRef.name", "hosts", "git.example.com"),
        row("caBundleConfigMapRef.name", "authorities", "1 certificates"),
        row(
            "proxy",
            "http://proxy.example.com:3128",
            "proxy.example.com",
        ),
    ];
    rows.into_iter().map(|row| row.under("source")).collect()
}

/// What the Secrets and ConfigMaps of the namespace hold.
fn inputs(refers: References<'_>) -> Inputs {
    let text = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let token = |name: &str| [("token".to_owned(), format!("token of {name}").into_bytes())].into();
    Inputs {
        credential: refers.credential.map(token).unwrap_or_default(),
        known_hosts: refers
            .known_hosts
            .map(|_| text("known_hosts", KNOWN_HOSTS))
            .unwrap_or_default(),
        ca_bundle: refers
            .ca_bundle
            .map(|_| text("ca.crt", AUTHORITY))
            .unwrap_or_default(),
        signing_key: refers.signing_key.map(signing_keys).unwrap_or_default(),
    }
}

fn decided(spec: &Value) -> Value {
    let store: BeadStore = object("BeadStore", "beads", spec);
    let rigs = ["garden", "other"].map(|name| rig(name, &json!({})));
    let named = |rig: &&Rig| rig.metadata.name == store.spec.rig_ref;
    let settings = settings(Given {
        store: &store,
        rig: rigs.iter().find(named),
        inputs: &inputs(References::of(&store.spec)),
        clones: Path::new("/clones"),
        local_repositories: LocalRepositories::Refused,
    })
    .unwrap();
    let source = &settings.source;
    json!({
        "mirrors": source.url.to_string(),
        "branch": source.branch,
        "path": source.path,
        "depth": source.depth,
        "login": login(&source.auth),
        "known hosts": format!("{:?}", source.known_hosts),
        "authorities": format!("{:?}", source.ca_bundle),
        "proxy": format!("{:?}", source.proxy),
        "asks every": format!("{:?}", settings.sync_interval),
        "suspended": settings.suspend,
        "file": file(&settings),
        "deletions of a quarter": verdict(&settings),
        "written back": format!("{:?}", settings.write_back),
        "webhooks are signed with": References::of(&store.spec).webhook,
        "farewell": format!("{:?}", farewell(&store.spec)),
    })
}

fn login(auth: &Auth) -> Option<String> {
    match auth {
        Auth::Token(token) => Some(String::from_utf8(token.reveal().to_vec()).unwrap()),
        _ => None,
    }
}

/// The ConfigMaps of [`FILE`], by name.
fn file(settings: &Settings) -> Value {
    let revision = Revision::read(FILE.as_bytes(), None, &settings.scope, noon()).unwrap();
    let renderer = revision.renderer(&settings.scope);
    let configmaps = revision.mirrored.issues.iter().map(|at| {
        let bead = renderer.desired(*at);
        (
            bead.name.clone(),
            json!(bead.to_configmap(&settings.scope).metadata),
        )
    });
    Value::Object(configmaps.collect())
}

/// Whether a commit may delete 25 of 100 issues.
fn verdict(settings: &Settings) -> String {
    let proposal = Proposal {
        commit: "0123456789",
        records: 75,
        rejected: &[],
        mirrored: 100,
        deletions: 25,
    };
    let rules = Rules {
        prune: settings.prune,
        rejected_lines: settings.rejected_lines,
        allow_delete: settings.allow_delete.as_deref(),
    };
    format!("{:?}", guard(&proposal, &rules))
}

#[tokio::test]
async fn every_field_of_a_bead_store_has_an_effect() {
    check("BeadStore", base(), rows(), decided).await;
}

const KNOWN_HOSTS: &str = "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUDYsiW/F4I2fRh6bC4xx9yRgrKCMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjUwNzU1NTJaGA8yMTI2MTEwMTA3NTU1
MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEzZ
4sM4erLpkXHksMrcFQmj4/bvCccizWsT8pWty99QehHU9XalL3T6fUg8n3QdR1GR
nYfLFGnuXkCQIq/cq06jUzBRMB0GA1UdDgQWBBRdG1nzaopBet/FYLjFfopPYGDO
+TAfBgNVHSMEGDAWgBRdG1nzaopBet/FYLjFfopPYGDO+TAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCA/aObrtmIZB8b8xFeY4CCDmb7BaeWBZjq
qMHuqLvNPwIgaLOZV9XSj8GhD+75V3jpljzZRxyHRI3ytQcenFa+1hg=
-----END CERTIFICATE-----
";
