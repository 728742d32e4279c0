//! The supervisor as it goes into every agent's container: one file that needs nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use beadlet_supervise::contract::{ExitCode, Outcome};
use beadlet_testbed::images;
use beadlet_worker::elf::check_static;

use super::pod::Pod;
use super::push::{WORK, project};

/// What may be copied into every pod without a thought.
const LARGEST: u64 = 3 << 20;

/// Built as for an image.
pub(crate) fn built() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_beadlet"));
        images::supervisor(program.ancestors().nth(2).unwrap()).unwrap()
    })
}

#[test]
fn supervisor_is_one_small_file_that_runs_in_any_image() {
    let bytes = std::fs::read(built()).unwrap();
    assert_eq!(check_static(&bytes), Ok(()));
    assert!(bytes.len() as u64 <= LARGEST, "{} bytes", bytes.len());
}

#[test]
fn supervisor_that_clone_left_runs_the_agent() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_SUPERVISOR", built().to_str().unwrap());
    let cloned = pod.clone();
    assert_eq!(cloned.code, ExitCode::Success, "{cloned:?}");
    let agent = Command::new(pod.workspace().supervisor())
        .args(["--agent", "custom", "--bead", "gt-0042", "--workspace"])
        .arg(pod.workspace().root())
        .arg("--home")
        .arg(pod.path("home"))
        .arg("--termination-log")
        .arg(pod.path("agent-message"))
        .args(["--", "sh", "-c", "echo new > new"])
        .status()
        .unwrap();
    assert!(agent.success());
    let pushed = pod.push();
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.read(WORK, "new").unwrap(), b"new\n");
}
