//! The node's network: a cable between this machine and the node, and a subnet for pods behind it. No way leads further.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::Ipv4Addr,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::API_SERVICE;
use crate::process::Process;

/// How long the kernel may take to give a device's name free.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// The addresses of one node. 198.18.0.0/15 is for tests of networks (RFC 2544): nobody's network has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// This machine, as the node and its pods see it.
    pub host: Ipv4Addr,
    /// The node.
    pub node: Ipv4Addr,
}

impl Network {
    /// One that no other node on this machine has.
    ///
    /// # Errors
    /// None of many tried is free.
    pub(crate) fn choose() -> Result<Self> {
        let taken = output("ip", &["-4", "-o", "address"])?;
        let candidate = |_| u16::try_from(RandomState::new().hash_one(()) % 512).unwrap_or(0);
        let of = |number: u16| {
            let [high, low] = number.to_be_bytes();
            let address = |last| Ipv4Addr::new(198, 18 + high, low, last);
            Self {
                host: address(1),
                node: address(2),
            }
        };
        let is_free = |network: &Self| {
            !taken.contains(&format!("{} ", network.host))
                && !taken.contains(&format!("{}/", network.host))
        };
        let found = (0..100).map(candidate).map(of).find(is_free);
        found.context("there is no free network for a node")
    }

    /// The pods' subnet.
    #[must_use]
    pub fn pods(&self) -> String {
        let [a, b, c, _] = self.host.octets();
        format!("{a}.{b}.{c}.128/25")
    }

    /// This machine's end of the cable.
    fn device(&self) -> String {
        let [_, b, c, _] = self.host.octets();
        format!("testbed-{b}-{c}")
    }
}

/// Lays the cable to the namespaces that `unshare` (the process) is in.
pub(super) fn up(network: &Network, namespaces: &mut Process) -> Result<()> {
    own_network(namespaces)?;
    let (id, device) = (namespaces.id().to_string(), network.device());
    let (host, node) = (network.host.to_string(), network.node.to_string());
    let end = Instant::now() + PATIENCE;
    // The device of a node that was killed goes when the kernel gets to it.
    while let Err(error) = run(
        "ip",
        &[
            "link", "add", &device, "type", "veth", "peer", "name", "eth0", "netns", &id,
        ],
    ) {
        if Instant::now() > end {
            return Err(error);
        }
        thread::sleep(LOOK);
    }
    run(
        "ip",
        &["address", "add", &host, "peer", &node, "dev", &device],
    )?;
    run("ip", &["link", "set", &device, "up"])?;
    let there = format!("--net=/proc/{id}/ns/net");
    let inside = |arguments: &[&str]| run("nsenter", &[&[&there, "ip"], arguments].concat());
    inside(&["link", "set", "lo", "up"])?;
    inside(&["address", "add", &API_SERVICE.to_string(), "dev", "lo"])?;
    inside(&["address", "add", &node, "peer", &host, "dev", "eth0"])?;
    inside(&["link", "set", "eth0", "up"])?;
    run("ip", &["route", "add", &network.pods(), "via", &node])
}

/// Takes the cable away. It goes by itself with the node's namespaces, but not at once.
pub(super) fn down(network: &Network) {
    let _ = run("ip", &["link", "delete", &network.device()]);
}

/// Waits until the process is in a network of its own.
fn own_network(namespaces: &mut Process) -> Result<()> {
    let ours =
        fs::read_link("/proc/self/ns/net").context("this kernel has no network namespaces")?;
    let path = format!("/proc/{}/ns/net", namespaces.id());
    let end = Instant::now() + PATIENCE;
    // A program that is only just being started has the names of its parent.
    while fs::read_link(&path).map_or(true, |its| its == ours) {
        if namespaces.exit().is_some() || Instant::now() > end {
            bail!(
                "no namespaces could be made for the node: {}",
                namespaces.log_tail()
            );
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    output(program, arguments).map(drop)
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(crate::process::on_path(program).unwrap_or_else(|| program.into()))
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!(
            "{program} {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_have_the_upper_half_of_the_network() {
        let network = Network {
            host: Ipv4Addr::new(198, 19, 7, 1),
            node: Ipv4Addr::new(198, 19, 7, 2),
        };
        assert_eq!(network.pods(), "198.19.7.128/25");
        // The kernel's limit is 15 characters.
        assert_eq!(network.device(), "testbed-19-7");
    }
}
