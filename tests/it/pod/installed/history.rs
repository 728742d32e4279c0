//! What a person commits to the project of a town, and what stands in its history.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use beadlet_testbed::eventually;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Installed;
use crate::pod::scene::LONG;
use crate::scheduler_town::records;

const FILE: &str = ".beads/issues.jsonl";

impl Installed {
    /// Adds beads to the issue file and pushes it, with the program `git` over ssh, as a person does; again when somebody was faster.
    pub(in crate::pod) async fn push(&self, beads: &[&str]) {
        let clone = self.desk.path().join("clone");
        if !clone.exists() {
            let url = self.server.url(&self.project);
            self.git(&["clone", &url, "clone"], self.desk.path()).await;
        }
        let lines: String = beads.iter().map(|id| bead(id)).collect();
        eventually(LONG, "the push is taken", async || {
            self.add(&clone, &lines).await;
            self.try_git(&["push", "origin", "HEAD:main"], &clone).await
        })
        .await;
    }

    /// Commits on top of what the server has.
    async fn add(&self, clone: &Path, lines: &str) {
        self.git(&["fetch", "origin"], clone).await;
        let before = if self.project.head("main").is_some() {
            self.git(&["reset", "--hard", "origin/main"], clone).await;
            fs::read_to_string(clone.join(FILE)).unwrap()
        } else {
            fs::create_dir_all(clone.join(".beads")).unwrap();
            String::new()
        };
        fs::write(clone.join(FILE), before + lines).unwrap();
        self.git(&["add", "."], clone).await;
        self.git(&["commit", "--message", "More work"], clone).await;
    }

    async fn git(&self, arguments: &[&str], folder: &Path) {
        let ended = self.try_git(arguments, folder).await;
        ended.unwrap_or_else(|error| panic!("git {arguments:?}: {error}"));
    }

    async fn try_git(&self, arguments: &[&str], folder: &Path) -> Result<(), String> {
        let hosts = self.desk.path().join("known_hosts");
        fs::write(&hosts, self.server.known_hosts()).unwrap();
        let ssh = format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={}",
            self.server.client_key().display(),
            hosts.display()
        );
        let person = [
            "-c",
            "user.name=Mayor",
            "-c",
            "user.email=mayor@example.com",
        ];
        let output = Command::new("git")
            .current_dir(folder)
            .env("GIT_SSH_COMMAND", ssh)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.desk.path())
            .args(person)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let error = || String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(error)
    }

    /// The records of the issue file at the tip, by id.
    pub(in crate::pod) fn beads(&self) -> BTreeMap<String, Value> {
        let tip = self.project.head("main").unwrap();
        records(&self.project, &tip)
    }

    /// Waits until git says so.
    pub(in crate::pod) async fn git_says(
        &self,
        what: &str,
        is_so: impl Fn(&BTreeMap<String, Value>) -> bool,
    ) {
        eventually(2 * LONG, what, async || {
            let beads = self.beads();
            if is_so(&beads) {
                Ok(())
            } else {
                Err(format!(
                    "{beads:#?}\n{}",
                    self.kubectl(&["get", "polecats,pods", "-A"]).await
                ))
            }
        })
        .await;
    }

    /// How often each bead was closed, over all commits of the branch.
    pub(in crate::pod) fn closings(&self) -> BTreeMap<String, usize> {
        let opened = self.project.open();
        let mut walk = opened.revwalk().unwrap();
        walk.push_ref("refs/heads/main").unwrap();
        walk.set_sorting(git2::Sort::REVERSE | git2::Sort::TOPOLOGICAL)
            .unwrap();
        let (mut before, mut closings) = (BTreeMap::new(), BTreeMap::new());
        for commit in walk {
            let after = records(&self.project, &commit.unwrap().to_string());
            let is_closed = |beads: &BTreeMap<String, Value>, id: &str| {
                beads.get(id).is_some_and(|bead| bead["status"] == "closed")
            };
            for id in after.keys() {
                if is_closed(&after, id) && !is_closed(&before, id) {
                    *closings.entry(id.clone()).or_default() += 1;
                }
            }
            before = after;
        }
        closings
    }
}

/// A bead that could start now.
fn bead(id: &str) -> String {
    let bead = json!({"id": id, "title": "Greet the world", "description": "Write a greeting.", "status": "open", "priority": 2,
        "issue_type": "task", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    format!("{bead}\n")
}
