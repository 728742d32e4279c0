//! The images of `deploy/images`, built where no registry is reached: their bases are made of Debian packages. The image files are the
//! same that are used elsewhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{
    process::{self, on_path, tail},
    tools::{build::lock, cache},
};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// What the image files call their bases.
const DEBIAN: &str = "localhost/debian:bookworm-slim";
const NODE: &str = "localhost/node:22-bookworm-slim";
const SUITE: &str = "bookworm";

/// The same as its namesake, so far as the image files go: a small Debian.
const DEBIAN_FILE: &str = "FROM scratch\nADD base.tar /\n";
/// Node's package manager, and the authorities that this machine trusts, since it may be behind a proxy of its own.
const NODE_FILE: &str = "ARG BASE\nFROM ${BASE}\n\
    RUN apt-get update && apt-get install --yes --no-install-recommends npm && rm -rf /var/lib/apt/lists/*\n\
    COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\n\
    ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n";
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// An agent's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    OpenCode,
    ClaudeCode,
}

impl Agent {
    pub const ALL: [Agent; 2] = [Agent::OpenCode, Agent::ClaudeCode];

    fn file(self) -> &'static str {
        match self {
            Agent::OpenCode => "opencode",
            Agent::ClaudeCode => "claude-code",
        }
    }

    /// The image's name.
    #[must_use]
    pub fn name(self) -> String {
        format!("localhost/beadlet-{}:test", self.file())
    }

    /// The archive that the image is in, if it is built.
    ///
    /// # Errors
    /// It is not; the message says how to build it.
    pub fn archive(self) -> Result<PathBuf> {
        let archive = archive(self.file(), &[])?;
        if !archive.is_file() {
            bail!(
                "the image of {} is not built yet: run `cargo run -p beadlet-testbed -- build`",
                self.file()
            );
        }
        Ok(archive)
    }
}

/// The name of the image that [`beadlet`] builds.
pub const BEADLET: &str = "localhost/beadlet:test";

/// Builds the agents' images that are not in the cache.
///
/// # Errors
/// A tool is missing or fails; its last lines are in the message.
pub fn missing() -> Result<()> {
    for agent in Agent::ALL {
        let archive = archive(agent.file(), &[])?;
        if !archive.is_file() {
            let workshop = Workshop::open()?;
            eprintln!(
                "testbed: building the image of {}, about two minutes the first time",
                agent.file()
            );
            workshop.node()?;
            workshop.image(agent.file(), &agent.name(), &workshop.empty()?, &archive)?;
        }
    }
    Ok(())
}

/// Builds the image of beadlet with these programs, unless the same is in the cache, and gives its archive.
///
/// # Errors
/// As of [`missing`].
pub fn beadlet(program: &Path, supervisor: &Path) -> Result<PathBuf> {
    let archive = archive("beadlet", &[program, supervisor])?;
    if archive.is_file() {
        return Ok(archive);
    }
    let workshop = Workshop::open()?;
    let context = tempfile::tempdir().context("cannot make a temporary folder")?;
    // What debuggers need is most of a program that is built for tests.
    let stripped = context.path().join("beadlet");
    workshop.run(
        Command::new("objcopy")
            .arg("--strip-debug")
            .arg(program)
            .arg(stripped),
        "objcopy",
    )?;
    fs::copy(supervisor, context.path().join("beadlet-supervise"))
        .context("cannot copy the supervisor")?;
    workshop.image("beadlet", BEADLET, context.path(), &archive)?;
    Ok(archive)
}

/// Builds the supervisor as it goes into images, below the folder of builds `target`, and gives it. Later builds find everything done.
///
/// # Errors
/// cargo fails, or is not there.
pub fn supervisor(target: &Path) -> Result<PathBuf> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target = target.join("static");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = "build --locked --quiet --package beadlet-supervise --profile supervisor";
    let status = Command::new(cargo)
        .args(arguments.split(' '))
        .args(["--target", &triple])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(REPOSITORY)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo cannot build the supervisor: {status}");
    }
    Ok(target.join(triple).join("supervisor/beadlet-supervise"))
}

/// Where the image of these sources is or will be.
fn archive(file: &str, programs: &[&Path]) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for text in [SUITE, DEBIAN_FILE, NODE_FILE] {
        hash.update(text);
    }
    hash.update(
        fs::read(image_file(file))
            .with_context(|| format!("cannot read the image file of {file}"))?,
    );
    for program in programs {
        hash.update(
            fs::read(program).with_context(|| format!("cannot read {}", program.display()))?,
        );
    }
    let hash: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(folder()?.join(format!("{file}-{hash}.tar")))
}

fn image_file(file: &str) -> PathBuf {
    Path::new(REPOSITORY)
        .join("deploy/images")
        .join(format!("{file}.Containerfile"))
}

fn folder() -> Result<PathBuf> {
    Ok(cache()?.join("images"))
}

/// The place where images are built, for one at a time.
struct Workshop {
    folder: PathBuf,
    _lock: fs::File,
}

impl Workshop {
    /// With the base of all images.
    fn open() -> Result<Self> {
        let folder = folder()?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let workshop = Self {
            _lock: lock(&folder.join("build.lock"))?,
            folder,
        };
        workshop.debian()?;
        Ok(workshop)
    }

    fn debian(&self) -> Result<()> {
        if self.has(DEBIAN) {
            return Ok(());
        }
        eprintln!("testbed: making a small Debian, about a minute");
        let made = tempfile::tempdir_in(&self.folder).context("cannot make a folder")?;
        let (root, context) = (made.path().join("root"), made.path().join("context"));
        fs::create_dir(&context).context("cannot make a folder")?;
        let debootstrap = on_path("debootstrap").unwrap_or_else(|| "debootstrap".into());
        self.run(
            Command::new(debootstrap)
                .args(["--variant=minbase", "--include=ca-certificates", SUITE])
                .arg(&root),
            "debootstrap",
        )?;
        let excluded = [
            "./var/cache/apt/*",
            "./var/lib/apt/lists/*",
            "./usr/share/doc/*",
            "./usr/share/man/*",
            "./usr/share/locale/*",
            "./dev/*",
        ];
        let excluded = excluded.map(|path| format!("--exclude={path}"));
        self.run(
            Command::new("tar")
                .args(excluded)
                .arg("-cf")
                .arg(context.join("base.tar"))
                .arg("-C")
                .arg(&root)
                .arg("."),
            "tar",
        )?;
        self.build(&write(&context, DEBIAN_FILE)?, DEBIAN, &context)
    }

    fn node(&self) -> Result<()> {
        if self.has(NODE) {
            return Ok(());
        }
        let context = tempfile::tempdir().context("cannot make a temporary folder")?;
        fs::copy(AUTHORITIES, context.path().join("ca-certificates.crt"))
            .with_context(|| format!("cannot copy {AUTHORITIES}"))?;
        self.build(&write(context.path(), NODE_FILE)?, NODE, context.path())
    }

    /// An empty context.
    fn empty(&self) -> Result<PathBuf> {
        let folder = self.folder.join("empty");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }

    /// Builds an image of `deploy/images` into an archive, in the place of older ones.
    fn image(&self, file: &str, name: &str, context: &Path, archive: &Path) -> Result<()> {
        self.build(&image_file(file), name, context)?;
        let unfinished = archive.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        self.run(
            self.buildah()
                .args(["push", name])
                .arg(format!("docker-archive:{}:{name}", unfinished.display())),
            "buildah push",
        )?;
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let old = entry
                .file_name()
                .to_string_lossy()
                .strip_prefix(file)
                .is_some_and(|rest| {
                    rest.ends_with(".tar") && rest.len() == "-0123456789abcdef.tar".len()
                });
            if old {
                let _ = fs::remove_file(entry.path());
            }
        }
        fs::rename(&unfinished, archive)
            .with_context(|| format!("cannot put {} in place", archive.display()))
    }

    fn build(&self, file: &Path, name: &str, context: &Path) -> Result<()> {
        let (base, node) = (format!("BASE={DEBIAN}"), format!("NODE={NODE}"));
        let mut buildah = self.buildah();
        // No container is needed to build one: a changed root is enough, and works inside of a container too.
        buildah.args([
            "build",
            "--layers",
            "--isolation",
            "chroot",
            "--build-arg",
            &base,
            "--build-arg",
            &node,
            "--tag",
            name,
            "--file",
        ]);
        self.run(buildah.arg(file).arg(context), "buildah")
    }

    fn has(&self, name: &str) -> bool {
        let found = self.buildah().args(["images", "--quiet", name]).output();
        found.is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
    }

    /// buildah with its images in the cache.
    fn buildah(&self) -> Command {
        let mut command = process::command("buildah");
        let path = |name: &str| self.folder.join(name);
        command
            .arg("--root")
            .arg(path("storage"))
            .arg("--runroot")
            .arg(path("run"));
        command
    }

    fn run(&self, command: &mut Command, what: &str) -> Result<()> {
        let log = self.folder.join("build.log");
        let file =
            fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let status = command
            .stdin(std::process::Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status();
        let status = status.with_context(|| format!("cannot start {what}"))?;
        if !status.success() {
            bail!(
                "{what} ended with {status}; its last lines:\n{}",
                tail(&log, 20)
            );
        }
        Ok(())
    }
}

fn write(folder: &Path, text: &str) -> Result<PathBuf> {
    let path = folder.join("Containerfile");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
