//! A real sshd, for one user (ourselves), that runs git and nothing else.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::repo::GitRepo;
use crate::{
    control_plane::free_port,
    process::{Process, command, on_path},
};

/// How long sshd may take to listen.
const DEADLINE: Duration = Duration::from_secs(20);
/// How often to try again when somebody else took the port.
const ATTEMPTS: u32 = 5;

/// A kind of host key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKey {
    Ed25519,
    Rsa,
    Ecdsa,
}

/// An ssh server for every repository that this process may read.
pub struct GitSsh {
    // Dropped first: the process works in the folder.
    process: Process,
    folder: TempDir,
    host_keys: Vec<HostKey>,
    port: u16,
    user: String,
}

impl GitSsh {
    /// A server with these host keys, which lets [`GitSsh::client_key`] in.
    pub fn start(host_keys: &[HostKey]) -> Self {
        Self::try_start(host_keys)
            .unwrap_or_else(|error| panic!("the ssh server does not start: {error:#}"))
    }

    /// `ssh://user@127.0.0.1:port/path/of/repo.git`.
    pub fn url(&self, repo: &GitRepo) -> String {
        format!(
            "ssh://{}@127.0.0.1:{}{}",
            self.user,
            self.port,
            repo.path().display()
        )
    }

    /// A private key that is let in.
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    /// The same key, closed by [`GitSsh::PASSPHRASE`].
    pub fn client_key_with_passphrase(&self) -> PathBuf {
        self.folder.path().join("client-closed")
    }

    pub const PASSPHRASE: &str = "open sesame";

    /// A private key that is not let in.
    pub fn foreign_key(&self) -> PathBuf {
        self.folder.path().join("foreign")
    }

    /// The lines of a `known_hosts` file that name the present host keys.
    pub fn known_hosts(&self) -> String {
        let line = |key: &HostKey| {
            let public =
                fs::read_to_string(self.folder.path().join(format!("{}.pub", key.file()))).unwrap();
            let mut words = public.split(' ');
            let (kind, key) = words.next().zip(words.next()).unwrap();
            format!("[127.0.0.1]:{} {kind} {}\n", self.port, key.trim())
        };
        self.host_keys.iter().map(line).collect()
    }

    /// The present host keys as ssh shows them: `SHA256:…`.
    pub fn fingerprints(&self) -> Vec<String> {
        let fingerprint = |key: &HostKey| {
            let shown = keygen(
                &["-l", "-f"],
                &self.folder.path().join(format!("{}.pub", key.file())),
            )
            .unwrap();
            String::from_utf8_lossy(&shown.stdout)
                .split(' ')
                .nth(1)
                .unwrap()
                .to_owned()
        };
        self.host_keys.iter().map(fingerprint).collect()
    }

    /// Starts again on the same port with new host keys of the given kinds, as a re-installed (or another) machine.
    pub fn change_host_keys(&mut self, host_keys: &[HostKey]) {
        self.process.kill();
        make_host_keys(self.folder.path(), host_keys).unwrap();
        self.host_keys = host_keys.to_vec();
        self.process = listen(self.folder.path(), self.port, host_keys).unwrap();
    }

    /// What sshd has to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("sshd.log")).unwrap()
    }

    fn try_start(host_keys: &[HostKey]) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        for name in ["client", "foreign"] {
            make_key(&folder.path().join(name), "ed25519", "")?;
        }
        let closed = folder.path().join("client-closed");
        fs::copy(folder.path().join("client"), &closed)?;
        keygen(
            &["-q", "-p", "-P", "", "-N", Self::PASSPHRASE, "-f"],
            &closed,
        )?;
        fs::copy(
            folder.path().join("client.pub"),
            folder.path().join("authorized_keys"),
        )?;
        make_host_keys(folder.path(), host_keys)?;
        let (process, port) = on_a_free_port(folder.path(), host_keys)?;
        let user = Command::new("id")
            .arg("-un")
            .output()
            .context("cannot ask who we are")?;
        let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
        Ok(Self {
            process,
            folder,
            host_keys: host_keys.to_vec(),
            port,
            user,
        })
    }
}

impl HostKey {
    pub const ALL: [HostKey; 3] = [HostKey::Ed25519, HostKey::Rsa, HostKey::Ecdsa];

    /// Its name for `ssh-keygen -t`.
    fn kind(self) -> &'static str {
        match self {
            HostKey::Ed25519 => "ed25519",
            HostKey::Rsa => "rsa",
            HostKey::Ecdsa => "ecdsa",
        }
    }

    fn file(self) -> String {
        format!("host-{}", self.kind())
    }
}

fn on_a_free_port(folder: &Path, host_keys: &[HostKey]) -> Result<(Process, u16)> {
    let attempt = || {
        let port = free_port()?;
        Ok((listen(folder, port, host_keys)?, port))
    };
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if format!("{error:#}").contains("ddress already in use") => {}
            other => return other,
        }
    }
    attempt()
}

/// Starts sshd and waits until it greets.
fn listen(folder: &Path, port: u16, host_keys: &[HostKey]) -> Result<Process> {
    let sshd = on_path("sshd").context("sshd is missing: install openssh-server")?;
    // As root, sshd wants this folder of its Debian service even when that does not run.
    let _ = fs::create_dir_all("/run/sshd");
    let settings = folder.join("sshd_config");
    fs::write(&settings, configuration(folder, port, host_keys))?;
    // Newer versions shut out whoever fails to log in a few times, older ones do not know the setting.
    let penalties = ["-o", "PerSourcePenalties=no"];
    let knows = Command::new(&sshd)
        .args(["-t", "-f"])
        .arg(&settings)
        .args(penalties)
        .output()?
        .status
        .success();
    let mut command = command(sshd);
    command
        .args(["-D", "-e", "-f"])
        .arg(&settings)
        .args(penalties.iter().filter(|_| knows));
    let mut process = Process::spawn("sshd", command, &folder.join("sshd.log"))?;
    greeted(&mut process, port)?;
    Ok(process)
}

fn greeted(process: &mut Process, port: u16) -> Result<()> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if let Some(status) = process.exit() {
            bail!("sshd ended with {status}:\n{}", process.log_tail());
        }
        let mut line = String::new();
        let greeting = TcpStream::connect(("127.0.0.1", port))
            .and_then(|stream| BufReader::new(stream).read_line(&mut line));
        if greeting.is_ok() && line.starts_with("SSH-2.0") {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    bail!(
        "sshd does not greet after {} s:\n{}",
        DEADLINE.as_secs(),
        process.log_tail()
    )
}

fn configuration(folder: &Path, port: u16, host_keys: &[HostKey]) -> String {
    let keys = host_keys
        .iter()
        .map(|key| format!("HostKey {}\n", folder.join(key.file()).display()));
    let trust = "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'";
    format!(
        "ListenAddress 127.0.0.1:{port}\n{}AuthorizedKeysFile {}\n\
         PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nAllowTcpForwarding no\nX11Forwarding no\nPermitTTY no\n\
         AcceptEnv GIT_PROTOCOL\nMaxStartups 100\nLogLevel VERBOSE\n\
         ForceCommand env {trust} git-shell -c \"$SSH_ORIGINAL_COMMAND\"\n",
        keys.collect::<String>(),
        folder.join("authorized_keys").display(),
    )
}

fn make_host_keys(folder: &Path, host_keys: &[HostKey]) -> Result<()> {
    host_keys.iter().try_for_each(|key| {
        let path = folder.join(key.file());
        let _ = fs::remove_file(&path);
        make_key(&path, key.kind(), "")
    })
}

fn make_key(path: &Path, kind: &str, passphrase: &str) -> Result<()> {
    keygen(
        &["-q", "-t", kind, "-N", passphrase, "-C", "testbed", "-f"],
        path,
    )
    .map(drop)
}

fn keygen(arguments: &[&str], file: &Path) -> Result<Output> {
    let output = Command::new("ssh-keygen")
        .args(arguments)
        .arg(file)
        .output();
    let output = output.context("ssh-keygen is missing: install openssh-client")?;
    ensure!(
        output.status.success(),
        "ssh-keygen refuses: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output)
}
