//! A repository with a long history, made as fast as a disk takes it.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use beadlet_testbed::GitRepo;
use beadlet_testbed::process::command;

/// Bytes of each version of a file: nothing can make them smaller, so the history is as large as they are together.
const VERSION: usize = 16 << 10;
/// Files of the tip.
const FILES: usize = 100;

/// A bare repository of about this many bytes, whose every commit changes one of its files.
pub(crate) fn repository(bytes: usize) -> Result<GitRepo> {
    let repo = GitRepo::bare();
    let mut git = git(&repo)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start git")?;
    import(&mut git, bytes.div_ceil(VERSION)).context("git takes no history")?;
    let status = git.wait().context("cannot wait for git")?;
    ensure!(status.success(), "git fast-import ended with {status}");
    Ok(repo)
}

fn git(repo: &GitRepo) -> Command {
    let mut command = command("git");
    command.arg("-C").arg(repo.path()).args([
        "-c",
        "core.compression=0",
        "-c",
        "pack.compression=0",
    ]);
    command
}

fn import(git: &mut Child, commits: usize) -> Result<()> {
    let mut stream = BufWriter::new(git.stdin.take().context("git has no input")?);
    let mut random = File::open("/dev/urandom")?;
    let mut version = vec![0; VERSION];
    for commit in 0..commits {
        random.read_exact(&mut version)?;
        write!(
            stream,
            "commit refs/heads/main\ncommitter Bench <bench@example.com> {commit} +0000\ndata 0\n"
        )?;
        write!(
            stream,
            "M 100644 inline file-{:03}\ndata {VERSION}\n",
            commit % FILES
        )?;
        stream.write_all(&version)?;
        stream.write_all(b"\n")?;
    }
    stream.flush()?;
    Ok(())
}
