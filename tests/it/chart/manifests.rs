//! `deploy/controller` is the chart rendered for those who use no Helm.

use std::{env, fs};

use serde_json::{Value, json};

use super::helm::{objects, repository, template};

const HEAD: &str = "# Generated from deploy/chart/beadlet: UPDATE=1 cargo test -p beadlet --test it plain_manifests\n";
/// What stands in which file, and why.
const ROLE: &str = "# The least that `beadlet controller` works with. A test runs everything with it and compares it with what was used.\n";
const DEPLOYMENT: &str =
    "# One controller works, the other waits for the Lease. The images are those that you built.\n";
/// The templates whose objects are rights; all others go into the other file.
const RIGHTS: [&str; 2] = ["serviceaccount.yaml", "rbac.yaml"];
/// Of Helm alone.
const OF_HELM: [&str; 3] = [
    "# Source: ",
    "helm.sh/chart: ",
    "app.kubernetes.io/managed-by: Helm",
];

/// A form of the manifests: folder, namespace, values.
fn forms() -> [(&'static str, &'static str, Value); 2] {
    [
        (
            "all-namespaces",
            "beadlet",
            json!({"crds": {"enabled": false}, "releaseOnUninstall": false}),
        ),
        (
            "one-namespace",
            "beads",
            json!({"crds": {"enabled": false}, "releaseOnUninstall": false, "scope": "Namespace"}),
        ),
    ]
}

/// The text of the files `role.yaml` and `deployment.yaml`.
fn files(rendered: &str) -> [(&'static str, String); 2] {
    let of_rights = |document: &&str| RIGHTS.iter().any(|name| document.contains(name));
    let documents = rendered.split("---\n").map(str::trim);
    let (rights, others): (Vec<&str>, Vec<&str>) = documents
        .filter(|document| !document.is_empty())
        .partition(of_rights);
    [
        ("role.yaml", file(ROLE, &rights)),
        ("deployment.yaml", file(DEPLOYMENT, &others)),
    ]
}

fn file(about: &str, documents: &[&str]) -> String {
    let is_ours = |line: &&str| !OF_HELM.iter().any(|word| line.trim().starts_with(word));
    let document = |text: &&str| {
        text.lines()
            .filter(is_ours)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let documents: Vec<String> = documents.iter().map(document).collect();
    format!("{HEAD}{about}{}", documents.join("---\n"))
}

#[test]
fn plain_manifests_are_those_of_the_chart() {
    for (folder, namespace, values) in forms() {
        for (name, wanted) in files(&template(namespace, &values)) {
            let path = repository()
                .join("deploy/controller")
                .join(folder)
                .join(name);
            if env::var_os("UPDATE").is_some() {
                fs::write(&path, &wanted).unwrap();
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == wanted,
                "{} is not what the chart says: run the command in its first line",
                path.display()
            );
            assert!(!objects(&found).is_empty());
        }
    }
}
