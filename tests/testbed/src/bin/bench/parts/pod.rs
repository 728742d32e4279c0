//! What runs in a Polecat's pod: its time, its memory, and its size.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use beadlet_testbed::GitRepo;
use beadlet_testbed::git::GitHttp;
use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::images::{self, Agent};
use beadlet_testbed::process::command;
use beadlet_testbed::usage::Usage;
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::figures::{Attempt, Pod, Size, median};
use crate::history;

/// Bytes of history, of a small and of a large project.
const HISTORIES: [usize; 2] = [10_000_000, 500_000_000];
/// How often a process is looked at; what it takes more of memory in its last look's time is not seen.
const LOOK: Duration = Duration::from_millis(1);
/// How long the agent works: long enough that its supervisor has nothing left to do but to wait.
const AGENT: [&str; 3] = ["sh", "-c", "sleep 1; echo work > work.txt"];

pub(crate) fn pod(bench: &Bench, arguments: &Arguments) -> Result<Pod> {
    let supervisor = images::supervisor(
        bench
            .program()
            .ancestors()
            .nth(2)
            .context("beadlet is in no folder of builds")?,
    )?;
    let attempts = HISTORIES
        .into_iter()
        .map(|bytes| attempt(bench, &supervisor, arguments.rounds(0), bytes))
        .collect::<Result<_>>()?;
    Ok(Pod {
        attempts,
        sizes: sizes(bench, &supervisor)?,
    })
}

/// The three containers one after the other, and git's own clone, in turns.
fn attempt(bench: &Bench, supervisor: &Path, rounds: u8, bytes: usize) -> Result<Attempt> {
    bench.tell(&format!(
        "a project with {} MB of history",
        bytes / 1_000_000
    ));
    let project = history::repository(bytes)?;
    project.let_anyone_push();
    let server = GitHttp::start(&project, Tls::Plain, Auth::Anyone);
    let url = server.url(&project);
    let mut rows = Vec::new();
    for round in 1..=rounds {
        bench.tell(&format!("round {round} of {rounds}"));
        let folder = tempfile::tempdir_in(bench.folder())?;
        let git = run(git_clone(&url, &folder))?;
        let containers = Containers {
            bench,
            supervisor,
            url: &url,
            folder,
            name: format!("round-{round}"),
        };
        rows.push([
            git,
            run(containers.of("clone"))?,
            run(containers.agent())?,
            run(containers.of("push"))?,
        ]);
        ensure!(
            project
                .head(&format!("polecat/{}", containers.name))
                .is_some(),
            "nothing was pushed"
        );
    }
    let time = |step: usize| median(&rows.iter().map(|row| row[step].time).collect::<Vec<_>>());
    let peak = |step: usize| {
        rows.iter()
            .map(|row| row[step].peak)
            .max()
            .unwrap_or_default()
    };
    Ok(Attempt {
        history: size(&project)?,
        rounds,
        git_clone: time(0),
        clone: time(1),
        push: time(3),
        clone_peak: peak(1),
        supervisor_peak: peak(2),
        push_peak: peak(3),
    })
}

fn git_clone(url: &str, folder: &TempDir) -> Command {
    let mut command = command("git");
    command
        .args(["clone", "--quiet", "--depth", "1", "--branch", "main", url])
        .arg(folder.path().join("git"));
    command
}

/// The containers of a pod as processes.
struct Containers<'a> {
    bench: &'a Bench,
    supervisor: &'a Path,
    url: &'a str,
    folder: TempDir,
    name: String,
}

impl Containers<'_> {
    fn of(&self, name: &str) -> Command {
        let mut command = command(self.bench.program());
        command.args(["worker", name]);
        self.told(command)
    }

    fn agent(&self) -> Command {
        let mut command = command(self.supervisor);
        command.arg("--").args(AGENT);
        self.told(command)
    }

    fn told(&self, mut command: Command) -> Command {
        let path = |name: &str| self.folder.path().join(name);
        command
            .env("BEADLET_WORKSPACE", path("workspace"))
            .env("BEADLET_STATE", path("state"))
            .env("BEADLET_BEAD_DIR", path("bead"))
            .env("BEADLET_HOME", path("home"))
            .env("BEADLET_TERMINATION_LOG", path("message"))
            .env("BEADLET_GIT_REPOSITORY", self.url)
            .env("BEADLET_GIT_BRANCH", "main")
            .env("BEADLET_AGENT", "custom")
            .env("BEADLET_SUPERVISOR", self.supervisor)
            .env("GT_POLECAT", &self.name)
            .env("GT_ISSUE", "bench-1");
        command
    }
}

struct Run {
    time: Duration,
    peak: u64,
}

/// Runs a program to its good end.
fn run(mut command: Command) -> Result<Run> {
    let begin = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // Nothing is known of a process that has just ended.
        peak = Usage::of(child.id()).map_or(peak, |usage| peak.max(usage.peak));
        sleep(LOOK);
    };
    let time = begin.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(Run { time, peak })
}

/// Bytes of a repository's packs.
fn size(repo: &GitRepo) -> Result<u64> {
    let packs = fs::read_dir(repo.path().join("objects/pack"))?;
    packs.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

fn sizes(bench: &Bench, supervisor: &Path) -> Result<Vec<Size>> {
    bench.tell("images");
    images::missing()?;
    let of = |what: &str, path: &Path| -> Result<Size> {
        let bytes = fs::metadata(path)
            .with_context(|| format!("cannot look at {}", path.display()))?
            .len();
        Ok(Size {
            what: what.to_owned(),
            bytes,
        })
    };
    Ok(vec![
        of("program `beadlet`", bench.program())?,
        of("program `beadlet-supervise`, static", supervisor)?,
        of(
            "image of beadlet",
            &images::beadlet(bench.program(), supervisor)?,
        )?,
        of("image of OpenCode", &Agent::OpenCode.archive()?)?,
        of("image of Claude Code", &Agent::ClaudeCode.archive()?)?,
    ])
}
