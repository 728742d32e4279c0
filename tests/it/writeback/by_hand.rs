//! Commands of people that write into the issue file: `kubectl bead create`, `claim`, `close`, `update`, `dep`, `label`, `comment`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use beadlet_testbed::git::http::{Auth, GitHttp, Tls};
use beadlet_testbed::{GitRepo, Running, eventually};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, from_value, json};

use super::story::{FILE, bead};
use crate::scheduler_plugin::{Plugin, Said};
use crate::scheduler_town::{SOON, Town, beadstore, records};

/// A town whose beads lie behind a password, with a controller that mirrors them; nothing is dispatched.
struct Place {
    town: Town,
    repo: GitRepo,
    plugin: Plugin,
    controller: Running,
    _server: GitHttp,
}

impl Place {
    async fn new(name: &str, file: &str) -> Self {
        let town = Town::new(name, json!({"dispatch": {"enabled": false}})).await;
        let repo = GitRepo::bare();
        repo.commit("main", FILE, file);
        let server = GitHttp::start(&repo, Tls::Plain, password());
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "beads-git"}, "stringData": {"username": "gt", "password": "right"}});
        let secret: Secret = from_value(secret).unwrap();
        let api: Api<Secret> = town.namespace.api();
        api.create(&PostParams::default(), &secret).await.unwrap();
        store(&town, "beads", &server.url(&repo)).await;
        let controller = town.program().start();
        Self {
            plugin: Plugin::of(&town),
            town,
            repo,
            controller,
            _server: server,
        }
    }

    /// Runs a command that makes one commit, which touches only the records of these beads.
    async fn commits(&self, arguments: &[&str], beads: &[&str]) -> String {
        let before = self.repo.head("main").unwrap();
        let said = self.plugin.out(arguments).await;
        assert_eq!(
            touched(&self.repo, &before),
            BTreeSet::from_iter(beads.iter().map(|id| (*id).to_owned()))
        );
        said
    }

    async fn record(&self, id: &str) -> Value {
        records(&self.repo, "main")[id].clone()
    }

    /// Waits until these are the ready beads, as the plugin shows them.
    async fn ready(&self, ids: &[&str]) {
        eventually(SOON, "these beads are ready", async || {
            let ready = self.plugin.out(&["ready", "--no-headers"]).await;
            let found: BTreeSet<&str> = ready
                .lines()
                .filter_map(|line| line.split_whitespace().next())
                .collect();
            if found == ids.iter().copied().collect() {
                Ok(())
            } else {
                Err(ready)
            }
        })
        .await;
    }
}

/// What the Secret holds: who is let in may push.
fn password() -> Auth {
    Auth::Basic {
        user: "gt".to_owned(),
        password: "right".to_owned(),
    }
}

async fn store(town: &Town, name: &str, url: &str) {
    let spec = json!({"source": {"url": url}, "rigRef": town.name(), "gitSecretRef": {"name": "beads-git"}, "syncInterval": "200ms",
        "writeBack": {"author": {"name": "Mayor", "email": "mayor@example.com"}}});
    beadstore(&town.namespace, name, spec).await;
}

/// Whose records the one commit after `before` changed.
fn touched(repo: &GitRepo, before: &str) -> BTreeSet<String> {
    let opened = repo.open();
    let head = opened
        .revparse_single("main")
        .unwrap()
        .peel_to_commit()
        .unwrap();
    assert_eq!(head.parent_id(0).unwrap().to_string(), before, "one commit");
    let lines = |tree: &git2::Tree<'_>| {
        let blob = tree.get_path(Path::new(FILE)).unwrap().id();
        let text = opened.find_blob(blob).unwrap().content().to_vec();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (old, new) = (
        lines(&head.parent(0).unwrap().tree().unwrap()),
        lines(&head.tree().unwrap()),
    );
    old.symmetric_difference(&new)
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beads_are_made_and_moved_from_the_command_line_until_they_are_closed() {
    let mut place = Place::new("byhand", &bead("gt-1", &json!({"labels": ["x"]}))).await;
    place.ready(&["gt-1"]).await;

    let create = [
        "create",
        "Mend it",
        "-t",
        "bug",
        "-p",
        "P1",
        "-d",
        "a <b> & c",
        "--deps",
        "gt-1",
        "-o",
        "name",
    ];
    let before = place.repo.head("main").unwrap();
    let id = place.plugin.out(&create).await.trim().to_owned();
    assert_eq!(touched(&place.repo, &before), BTreeSet::from([id.clone()]));
    let made = place.record(&id).await;
    assert!(id.starts_with("gt-") && id.len() == 6, "{id}");
    assert_eq!(
        (
            &made["title"],
            &made["description"],
            &made["issue_type"],
            &made["priority"]
        ),
        (
            &json!("Mend it"),
            &json!("a <b> & c"),
            &json!("bug"),
            &json!(1)
        )
    );
    assert_eq!(
        made["created_by"], "Mayor",
        "the BeadStore's author, where nobody says"
    );
    let child = place
        .commits(
            &[
                "create",
                "Part",
                "--parent",
                "gt-1",
                "--author",
                "Ann <ann@example.com>",
            ],
            &["gt-1.1"],
        )
        .await;
    assert!(child.starts_with("gt-1.1 created (commit "), "{child}");
    assert_eq!(place.record("gt-1.1").await["labels"], json!(["x"]));
    place.ready(&["gt-1", "gt-1.1"]).await;

    place
        .commits(&["claim", "gt-1", "--actor", "ann"], &["gt-1"])
        .await;
    place.ready(&["gt-1.1"]).await;
    let said = place
        .plugin
        .refused(&["claim", "gt-1", "--actor", "bob"])
        .await;
    assert!(said.contains("bead gt-1 is claimed by ann"), "{said}");
    let said = place.plugin.out(&["claim", "gt-1", "--actor", "ann"]).await;
    assert!(said.contains("gt-1 is so already on main"), "{said}");
    let said = place.plugin.refused(&["close", &id]).await;
    assert!(said.contains("waits for gt-1: close those first"), "{said}");

    place
        .commits(&["comment", "gt-1", "nearly"], &["gt-1"])
        .await;
    place
        .commits(&["label", "add", "gt-1", "team:a"], &["gt-1"])
        .await;
    place
        .commits(&["update", &id, "--title", "Mend all", "-a", "bob"], &[&id])
        .await;
    place
        .commits(
            &["dep", "add", "gt-1.1", &id, "--type", "related"],
            &["gt-1.1"],
        )
        .await;
    place
        .commits(&["close", "gt-1", "-r", "Mended"], &["gt-1"])
        .await;
    place.ready(&["gt-1.1", &id]).await;

    let closed = place.record("gt-1").await;
    assert_eq!(
        (
            &closed["status"],
            &closed["close_reason"],
            &closed["closed_at"]
        ),
        (&json!("closed"), &json!("Mended"), &closed["updated_at"])
    );
    assert_eq!(
        (&closed["labels"], &closed["comments"][0]["text"]),
        (&json!(["x", "team:a"]), &json!("nearly"))
    );
    let shown: Value = serde_json::from_str(
        &place
            .plugin
            .out(&["update", &id, "-p", "1", "-o", "json"])
            .await,
    )
    .unwrap();
    assert_eq!(
        (&shown["title"], &shown["assignee"]),
        (&json!("Mend all"), &json!("bob"))
    );
    for (arguments, sentence) in [
        (
            &["dep", "remove", "gt-1.1", "gt-1"][..],
            "with the tracker itself",
        ),
        (&["label", "remove", "gt-1", "x"], "with the tracker itself"),
        (
            &["update", "gt-1", "-s", "done"],
            "status \"done\" is one the tracker does not know",
        ),
        (&["update", "gt-9", "-p", "1"], "there is no bead gt-9"),
        (
            &["create", "x", "-p", "5"],
            "a priority is 0 (first) to 4 (last)",
        ),
        (
            &["claim", "gt-1", "--store", "other"],
            "no BeadStore other is in namespace",
        ),
    ] {
        let said = place.plugin.refused(arguments).await;
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
    assert!(place.controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_at_the_same_time_lose_nothing() {
    let mut place = Place::new("byhandrace", &bead("gt-1", &json!({}))).await;
    let texts = ["one", "two", "three", "four"];
    let comments = texts.map(|text| {
        let plugin = &place.plugin;
        async move { plugin.out(&["comment", "gt-1", text]).await }
    });
    futures::future::join_all(comments).await;
    let record = place.record("gt-1").await;
    let said: BTreeSet<&str> = record["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| comment["text"].as_str().unwrap())
        .collect();
    assert_eq!(said, texts.into());
    assert!(place.controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bead_leads_to_the_store_that_mirrors_it() {
    let mut place = Place::new("byhandtwo", &bead("gt-1", &json!({}))).await;
    let other = GitRepo::bare();
    other.commit("main", FILE, bead("hq-1", &json!({})));
    let server = GitHttp::start(&other, Tls::Plain, password());
    store(&place.town, "other", &server.url(&other)).await;
    place.ready(&["gt-1", "hq-1"]).await;
    place.plugin.out(&["claim", "hq-1"]).await;
    assert_eq!(records(&other, "main")["hq-1"]["status"], "in_progress");
    let said = place.plugin.refused(&["create", "x"]).await;
    assert!(
        said.contains("(beads, other): name one with --store"),
        "{said}"
    );
    place.plugin.out(&["create", "x", "--store", "other"]).await;
    assert_eq!(records(&other, "main").len(), 2);
    assert!(place.controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn person_who_may_not_read_the_secret_writes_nothing() {
    let mut place = Place::new("byhandrights", &bead("gt-1", &json!({}))).await;
    let name = format!("reader-{}", place.town.name());
    let role: Role = from_value(json!({"metadata": {"name": "reader"}, "rules": [
        {"apiGroups": ["gastown.gastown.io"], "resources": ["beadstores"], "verbs": ["list"]}]}))
    .unwrap();
    let binding: RoleBinding = from_value(json!({"metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]}))
    .unwrap();
    let (roles, bindings): (Api<Role>, Api<RoleBinding>) =
        (place.town.namespace.api(), place.town.namespace.api());
    roles.create(&PostParams::default(), &role).await.unwrap();
    bindings
        .create(&PostParams::default(), &binding)
        .await
        .unwrap();
    let user = place.town.namespace.testbed().user_in(&name, &[]);
    let plugin = Plugin::of_user(&place.town, user.kubeconfig());
    let head = place.repo.head("main");
    eventually(SOON, "the role is in force, and says so", async || {
        let said = plugin.refused(&["claim", "gt-1"]).await;
        if said.contains("you may not read the Secret beads-git") {
            Ok(())
        } else {
            Err(said)
        }
    })
    .await;
    assert_eq!(place.repo.head("main"), head);
    assert!(place.controller.terminate(SOON).await.success());
}

/// Runs the plugin without a cluster.
fn alone(arguments: &[&str], repo: &Path) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl-bead");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_beadlet"), &program).unwrap();
    let output = Command::new(program)
        .args(arguments)
        .arg("--repo")
        .arg(repo)
        .env_clear()
        .env("HOME", folder.path())
        .env("GIT_AUTHOR_NAME", "ann")
        .env("GIT_AUTHOR_EMAIL", "ann@example.com")
        .output()
        .unwrap();
    Said::of(output)
}

fn git(repo: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(repo)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

fn checked_out() -> GitRepo {
    let repo = GitRepo::with_work_tree();
    repo.set_head("main");
    repo.on("main")
        .write(FILE, bead("gt-1", &json!({})))
        .write("README", "r")
        .commit("base");
    repo
}

#[test]
fn clone_that_is_checked_out_gets_the_commit_and_its_file() {
    let repo = checked_out();
    std::fs::write(repo.path().join("README"), "changed").unwrap();
    std::fs::write(repo.path().join("new"), "new").unwrap();
    git(repo.path(), &["add", "new"]);
    let said = alone(&["create", "Mend it", "-o", "name"], repo.path());
    assert!(said.is_good, "{}", said.err);
    let id = said.out.trim();
    let text = std::fs::read_to_string(repo.path().join(FILE)).unwrap();
    assert!(text.lines().count() == 2 && text.contains(id), "{text}");
    assert_eq!(repo.read("main", FILE).unwrap(), text.as_bytes());
    // What else is going on in the work tree is not touched, and not committed.
    assert_eq!(
        git(repo.path(), &["status", "--porcelain"]),
        " M README\nA  new\n"
    );
    let log = git(repo.path(), &["log", "-1", "--format=%an <%ae>%n%s"]);
    assert_eq!(log, format!("ann <ann@example.com>\nbeads: create {id}\n"));
    assert_eq!(
        git(repo.path(), &["show", "--numstat", "--format="]),
        format!("1\t0\t{FILE}\n")
    );
}

#[test]
fn file_with_changes_of_its_own_is_left_alone() {
    let repo = checked_out();
    let head = repo.head("main");
    let mine = bead("gt-1", &json!({"title": "mine"}));
    for is_staged in [false, true] {
        std::fs::write(repo.path().join(FILE), &mine).unwrap();
        if is_staged {
            git(repo.path(), &["add", FILE]);
        }
        let said = alone(&["claim", "gt-1"], repo.path());
        assert!(
            !said.is_good && said.err.contains("not committed: commit them first"),
            "{}",
            said.err
        );
        assert_eq!(
            (
                repo.head("main"),
                std::fs::read_to_string(repo.path().join(FILE)).unwrap()
            ),
            (head.clone(), mine.clone())
        );
    }
}

#[test]
fn branch_of_another_work_tree_is_left_alone() {
    let repo = checked_out();
    git(repo.path(), &["branch", "beads-sync"]);
    let other = tempfile::tempdir().unwrap();
    let place = other.path().join("sync");
    git(
        repo.path(),
        &["worktree", "add", place.to_str().unwrap(), "beads-sync"],
    );
    let head = repo.head("beads-sync");
    let said = alone(&["claim", "gt-1"], repo.path());
    let hint = format!("go to {}", place.canonicalize().unwrap().display());
    assert!(!said.is_good && said.err.contains(&hint), "{}", said.err);
    assert_eq!(repo.head("beads-sync"), head);
    let said = alone(&["claim", "gt-1"], &place);
    assert!(said.is_good, "{}", said.err);
    assert_ne!(repo.head("beads-sync"), head);
    assert_eq!(git(&place, &["status", "--porcelain"]), "");
}

#[test]
fn clone_without_a_work_tree_gets_the_commit() {
    let repo = GitRepo::bare();
    repo.commit("main", FILE, bead("gt-1", &json!({})));
    let said = alone(&["close", "gt-1"], repo.path());
    assert!(
        said.is_good && said.out.starts_with("gt-1 closed (commit "),
        "{} {}",
        said.out,
        said.err
    );
    assert_eq!(records(&repo, "main")["gt-1"]["close_reason"], "Closed");
    let said = alone(&["close", "gt-1", "--branch", "nowhere"], repo.path());
    assert!(
        !said.is_good && said.err.contains("nowhere"),
        "{}",
        said.err
    );
    repo.set_reference(
        "refs/remotes/origin/beads-sync",
        &repo.head("main").unwrap(),
    );
    let said = alone(
        &["comment", "gt-1", "x", "--branch", "beads-sync"],
        repo.path(),
    );
    assert!(
        !said.is_good && said.err.contains("git branch beads-sync origin/beads-sync"),
        "{}",
        said.err
    );
}
