//! The rules about the tree that ARCHITECTURE.md states: what decides does not do, and who may depend on whom.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose files decide: values in, values out.
const DECIDES: [&str; 8] = [
    "store/src",
    "sync/src/decide",
    "scheduler/src/decide",
    "src/view",
    "src/plugin/decide",
    "worker/supervise/src/agent",
    "worker/supervise/src/contract",
    "worker/supervise/src/report",
];
/// The part of them that does.
const DOES: &str = "store/src/cluster";
/// What no deciding file may touch: the clock, the network, files, the environment, the log, the runtime.
const FORBIDDEN: [&str; 12] = [
    "async fn",
    ".await",
    "tokio::",
    "tracing::",
    "kube::Client",
    "git2::",
    "Timestamp::now",
    "SystemTime",
    "Instant::now",
    "std::env",
    "std::fs",
    "std::net",
];
/// Who must not know whom.
const APART: [(&str, &[&str]); 6] = [
    (
        "store",
        &["git2", "beadlet-sync", "beadlet-scheduler", "axum", "clap"],
    ),
    ("sync", &["beadlet-scheduler", "axum", "clap"]),
    ("scheduler", &["beadlet-sync", "git2", "axum", "clap"]),
    ("git", &["kube", "k8s-openapi", "beadlet-store"]),
    (
        "worker",
        &["kube", "k8s-openapi", "beadlet-store", "beadlet-sync"],
    ),
    (
        "worker/supervise",
        &["kube", "git2", "beadlet-git", "beadlet-store", "ssh2"],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file: without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn deciding_code_does_not_touch_the_world() {
    let mut wrong = Vec::new();
    for folder in DECIDES {
        let files = sources(&root().join(folder));
        assert!(!files.is_empty(), "{folder} has no files");
        for file in files {
            let name = file.strip_prefix(root()).unwrap();
            if name.starts_with(DOES) || is_test(name) {
                continue;
            }
            let code = code(&file);
            let touched = FORBIDDEN.iter().filter(|word| code.contains(*word));
            wrong.extend(touched.map(|word| format!("{} has `{word}`", name.display())));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn crates_that_must_not_know_each_other_do_not() {
    for (folder, foreign) in APART {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for name in foreign {
            let depends = dependencies
                .lines()
                .any(|line| line.split(['.', ' ', '=']).next() == Some(name));
            assert!(!depends, "{folder} depends on {name}");
        }
    }
}

#[test]
fn every_folder_at_the_top_is_in_the_architecture() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') && name != "target" {
            assert!(
                architecture.contains(&format!("`{name}/"))
                    || architecture.contains(&format!("`{name}`")),
                "ARCHITECTURE.md does not say what is in {name}/"
            );
        }
    }
}
