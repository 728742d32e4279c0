//! The machine and the versions that a result is of.

use std::process::Command;
use std::{fs, thread};

use anyhow::Result;
use beadlet_testbed::tools::Tool;
use jiff::Timestamp;

use crate::text::megabytes;

/// What stands above the figures, one line each.
pub(crate) fn described() -> Result<Vec<(&'static str, String)>> {
    let cores = thread::available_parallelism()?.get();
    Ok(vec![
        ("date", Timestamp::now().strftime("%Y-%m-%d").to_string()),
        (
            "processor",
            format!(
                "{}, {cores} cores for client and server together",
                line_of("/proc/cpuinfo", "model name")
            ),
        ),
        ("memory", memory()),
        (
            "system",
            format!(
                "Linux {}, {}",
                first_line("/proc/sys/kernel/osrelease"),
                distribution()
            ),
        ),
        (
            "beadlet",
            format!("{} ({})", env!("CARGO_PKG_VERSION"), commit()),
        ),
        ("compiler", output("rustc", &["--version"])),
        (
            "Kubernetes",
            format!(
                "{}, etcd {} without fsync",
                Tool::ApiServer.version()?,
                Tool::Etcd.version()?
            ),
        ),
    ])
}

fn memory() -> String {
    let kibibytes = line_of("/proc/meminfo", "MemTotal")
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.map_or_else(
        || "unknown".to_owned(),
        |kibibytes| megabytes(kibibytes * 1024),
    )
}

fn distribution() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown distribution")
        .trim_matches('"')
        .to_owned()
}

fn commit() -> String {
    match output("git", &["describe", "--always", "--dirty"]) {
        text if text.is_empty() => "not in a git repository".to_owned(),
        text => format!("commit {text}"),
    }
}

/// The value of a line `<key> : <value>`.
fn line_of(file: &str, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text
        .lines()
        .find_map(|line| Some(line.strip_prefix(key)?.split_once(':')?.1.trim().to_owned()));
    value.unwrap_or_else(|| "unknown".to_owned())
}

fn first_line(file: &str) -> String {
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

/// Empty when the program is missing or fails.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success());
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
