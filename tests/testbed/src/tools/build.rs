//! Builds what is missing in the cache, once, however many ask for it at the same time.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{Tool, cache, monitoring, requirement};
use crate::{
    node,
    process::{self, tail},
};

/// Builds every program of a control plane, and of a node where this machine can be one, that is neither given nor in the
/// cache, telling on stderr what is done and how far it is.
/// A program turns up in the cache only when it is whole, so a build may be interrupted at any time.
///
/// # Errors
/// Go is missing or too old, the cache cannot be written, or the compiler fails; its last lines are in the message.
pub fn missing() -> Result<()> {
    let obstacle = node::obstacle();
    if let Some(obstacle) = &obstacle {
        eprintln!("testbed: there will be no node, so no real pods: {obstacle}");
    }
    let of_node = Tool::NODE.into_iter().filter(|_| obstacle.is_none());
    let todo = |tool: &Tool| tool.locate().is_err();
    let wanted: Vec<Tool> = Tool::CONTROL_PLANE.into_iter().chain(of_node).collect();
    if !wanted.iter().any(todo) && monitoring::kinds().is_ok() {
        return Ok(());
    }
    let cache = cache()?;
    fs::create_dir_all(&cache)
        .with_context(|| format!("cannot make the cache folder {}", cache.display()))?;
    let _only_builder = lock(&cache.join("build.lock"))?;
    let todo: Vec<Tool> = wanted.into_iter().filter(todo).collect();
    check_go(&todo)?;
    for (done, tool) in todo.iter().enumerate() {
        build(*tool, &format!("step {} of {}", done + 1, todo.len()))?;
    }
    monitoring::fetch()
}

/// Waits until no other process builds. The lock ends with the file handle, so a killed builder leaves none behind.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file =
        File::create(path).with_context(|| format!("cannot open the lock {}", path.display()))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        eprintln!("testbed: another process is building, waiting for it");
        file.lock()
            .with_context(|| format!("cannot take the lock {}", path.display()))?;
    }
    Ok(file)
}

fn build(tool: Tool, step: &str) -> Result<()> {
    let program = tool.cached()?;
    let folder = program
        .parent()
        .context("a cached program is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let unfinished = folder.join(format!(".{}.unfinished", tool.program()));
    let log = folder.join(format!("{}.build.log", tool.program()));
    let what = format!("{step}: building {tool} {}", tool.version()?);
    eprintln!(
        "testbed: {what}, about {} on 2 cores",
        spoken(tool.usual_build())
    );
    let child = compiler(tool, &unfinished, &log)?;
    watch(child, &what)
        .with_context(|| format!("{tool} did not build; its last lines:\n{}", tail(&log, 20)))?;
    fs::rename(&unfinished, &program)
        .with_context(|| format!("cannot put {} in place", program.display()))?;
    Ok(())
}

fn compiler(tool: Tool, output: &Path, log: &Path) -> Result<Child> {
    let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    // Tied to us: nobody may write the unfinished program when another builder has taken over.
    let mut compiler = process::command(go());
    compiler
        .current_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("go")
                .join(tool.pinned().name),
        )
        .env("CGO_ENABLED", "0")
        .args(["build", "-trimpath", "-ldflags"])
        .arg(linker_flags(tool)?)
        .arg("-o")
        .arg(output)
        .arg(package(tool))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    process::spawn(compiler).context("cannot start go")
}

fn package(tool: Tool) -> String {
    match tool {
        Tool::Etcd => tool.pinned().upstream.to_owned(),
        _ => format!("{}/cmd/{}", tool.pinned().upstream, tool.program()),
    }
}

/// Without these flags the API server reports version v0.0.0, and kubectl warns about it.
fn linker_flags(tool: Tool) -> Result<String> {
    let version = tool.version()?;
    match tool.pinned().name {
        "kubernetes" => {}
        "containerd" => {
            return Ok(format!(
                "-s -w -X {}/version.Version={version}",
                tool.pinned().upstream
            ));
        }
        "helm" => {
            let set = "-X helm.sh/helm/v4/internal/version.version";
            return Ok(format!("-s -w {set}={version}"));
        }
        _ => return Ok("-s -w".into()),
    }
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = numbers
        .next()
        .zip(numbers.next())
        .context("a version has a major and a minor number")?;
    let set = "-X k8s.io/component-base/version";
    Ok(format!(
        "-s -w {set}.gitVersion={version} {set}.gitMajor={major} {set}.gitMinor={minor}"
    ))
}

/// Waits for the compiler, and says now and then how long it has been at work.
fn watch(mut child: Child, what: &str) -> Result<()> {
    let (begin, terminal) = (Instant::now(), io::stderr().is_terminal());
    let every = Duration::from_secs(if terminal { 1 } else { 30 });
    let mut next = begin + every;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= next {
            next += every;
            let (begin_line, end_line) = if terminal { ("\r", "") } else { ("", "\n") };
            eprint!(
                "{begin_line}testbed: {what}, {} so far{end_line}",
                spoken(begin.elapsed())
            );
            io::stderr().flush()?;
        }
        thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("go build ended with {status}");
    }
    eprintln!(
        "{}testbed: {what}, done in {}",
        if terminal { "\r" } else { "" },
        spoken(begin.elapsed())
    );
    Ok(())
}

fn check_go(todo: &[Tool]) -> Result<()> {
    let needed = todo
        .iter()
        .filter_map(|tool| go_line(tool.pinned().go_mod))
        .max()
        .unwrap_or((1, 0));
    let advice = format!(
        "install Go {}.{} or newer (https://go.dev/dl), or point KUBEBUILDER_ASSETS to a folder with {}",
        needed.0,
        needed.1,
        todo.iter()
            .map(Tool::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    );
    // Asked outside of any module, so that go answers for itself and does not look for another toolchain.
    let answer = Command::new(go())
        .arg("version")
        .current_dir(env::temp_dir())
        .output();
    let answer = answer.ok().filter(|output| output.status.success());
    let Some(answer) = answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    else {
        bail!("building the control plane needs Go, which is not on the PATH: {advice}");
    };
    if go_version(&answer).is_none_or(|found| found < needed) {
        bail!(
            "building the control plane needs a newer Go than `{}`: {advice}",
            answer.trim()
        );
    }
    Ok(())
}

/// `go` of the PATH, else where its installer puts it.
pub(super) fn go() -> OsString {
    let usual = PathBuf::from("/usr/local/go/bin/go");
    let on_path = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|dir| dir.join("go").is_file()));
    if !on_path && usual.is_file() {
        usual.into()
    } else {
        "go".into()
    }
}

/// (major, minor) of the `go` line of a go.mod.
fn go_line(go_mod: &str) -> Option<(u32, u32)> {
    major_minor(&requirement(go_mod, "go")?)
}

/// (major, minor) in what `go version` prints: `go version go1.26.8 linux/amd64`.
fn go_version(answer: &str) -> Option<(u32, u32)> {
    major_minor(answer.split_whitespace().nth(2)?.strip_prefix("go")?)
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_version_is_read_from_what_go_prints() {
        assert_eq!(
            go_version("go version go1.26.8 linux/amd64\n"),
            Some((1, 26))
        );
        assert_eq!(go_version("go version devel"), None);
        assert_eq!(go_line("module x\n\ngo 1.26.0\n"), Some((1, 26)));
    }

    #[test]
    fn the_api_server_is_told_its_version() {
        assert!(
            linker_flags(Tool::ApiServer)
                .unwrap()
                .contains("gitVersion=v1.37.2")
        );
    }
}
