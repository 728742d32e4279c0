//! The first process in the node's namespaces: starts containerd and the kubelet, and waits for everybody who dies.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, wait},
};

use super::{API_SERVICE, Relay, config, socket};
use crate::process::touch;

/// What this process itself says.
pub(super) const LOG: &str = "node.log";
/// The file that says that the network is there.
pub(super) const NETWORK: &str = "network-is-up";
const LOOK: Duration = Duration::from_millis(20);

/// A disk of the node that is soon full.
pub(super) const SMALL_DISK: &str = "small-disk";
/// For `mount`.
const SMALL: &str = "size=64m";

/// Where programs of a node keep things whose place cannot be set: the host's own are covered, so that nothing is left there.
const COVERED: [&str; 3] = ["/run", "/var/lib", "/var/log"];

/// Runs the node in `folder` until containerd or the kubelet ends.
///
/// # Errors
/// One of them cannot be started, or has ended.
pub fn run(folder: &Path, kubelet: &Path, containerd: &Path) -> Result<()> {
    cover(folder)?;
    until(|| folder.join(NETWORK).exists());
    let api_server = fs::read_to_string(folder.join(config::API_SERVER))?.parse()?;
    let _service = Relay::start(API_SERVICE.into(), 443, api_server)?;
    let programs = containerd.parent().context("a program is in a folder")?;
    let mut containerd = Command::new(containerd);
    containerd
        .arg("--config")
        .arg(folder.join(config::CONTAINERD));
    let containerd = start(containerd, folder, "containerd", programs)?;
    until(|| UnixStream::connect(socket(folder)).is_ok());
    let mut command = Command::new(kubelet);
    command.args(config::kubelet_arguments(folder)?);
    let kubelet = start(command, folder, "kubelet", programs)?;
    watch(&containerd, &kubelet)
}

fn cover(folder: &Path) -> Result<()> {
    for place in COVERED {
        if folder.starts_with(place) {
            bail!("the folder for temporary files must not be below {place}: set TMPDIR");
        }
        mount(Path::new(place), "mode=1777")?;
    }
    let small = folder.join(SMALL_DISK);
    fs::create_dir_all(&small).with_context(|| format!("cannot make {}", small.display()))?;
    mount(&small, SMALL)
}

/// Mounts a file system in memory.
fn mount(place: &Path, options: &str) -> Result<()> {
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "none"])
        .arg(place)
        .status();
    if !status.context("cannot start mount")?.success() {
        bail!("cannot mount anything at {}", place.display());
    }
    Ok(())
}

fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(LOOK);
    }
}

fn start(mut command: Command, folder: &Path, name: &str, programs: &Path) -> Result<Child> {
    let path = std::env::var("PATH").unwrap_or_default();
    let log = folder.join(format!("{name}.log"));
    touch(&log)?;
    let log = fs::OpenOptions::new().append(true).open(log)?;
    command
        // The shim is beside containerd; runc and mount are where administrators' programs are.
        .env(
            "PATH",
            format!("{}:{path}:/usr/sbin:/sbin", programs.display()),
        )
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command
        .spawn()
        .with_context(|| format!("cannot start {name}"))
}

/// Orphans of the whole namespace become our children.
fn watch(containerd: &Child, kubelet: &Child) -> Result<()> {
    loop {
        let (dead, status) = match wait(WaitOptions::empty()) {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(Errno::INTR) => continue,
            Err(error) => return Err(error).context("cannot wait for processes"),
        };
        for (child, name) in [(containerd, "containerd"), (kubelet, "kubelet")] {
            if i32::try_from(child.id()).ok().and_then(Pid::from_raw) == Some(dead) {
                bail!(
                    "{name} ended with {:?}",
                    status.exit_status().or(status.terminating_signal())
                );
            }
        }
    }
}
