//! The program that keeps a control plane for its owner: a person, or a process that holds the other end of its stdin.
//!
//! An owner that dies in any way closes that pipe, and the supervisor ends what it started. It is in a process group of
//! its own, so a Ctrl-C meant for the owner does not reach it. Orders come as JSON lines, each gets one line in answer.

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    control_plane::{Component, ControlPlane},
    node,
    process::Signal,
};

/// Differs between builds whose supervisor differs: a test and the program must be of the same source.
pub const FINGERPRINT: u64 = fingerprint(&[
    include_bytes!("supervisor.rs"),
    include_bytes!("process.rs"),
    include_bytes!("pki.rs"),
    include_bytes!("tools.rs"),
    include_bytes!("control_plane.rs"),
    include_bytes!("control_plane/access.rs"),
    include_bytes!("control_plane/commands.rs"),
    include_bytes!("control_plane/ready.rs"),
    include_bytes!("node.rs"),
    include_bytes!("node/cgroup.rs"),
    include_bytes!("node/config.rs"),
    include_bytes!("node/image.rs"),
    include_bytes!("node/inside.rs"),
    include_bytes!("node/network.rs"),
    include_bytes!("node/ready.rs"),
    include_bytes!("node/relay.rs"),
]);

/// What a control plane's user needs to know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub folder: PathBuf,
    /// The administrator's.
    pub kubeconfig: PathBuf,
    pub server: String,
    /// The ids of the processes at the start.
    pub processes: Vec<u32>,
    /// Where there is a node.
    pub node: Option<node::Endpoint>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// SIGSTOP.
    Pause(Component),
    /// SIGCONT.
    Resume(Component),
    Kill(Component),
    Start(Component),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// The first line: the sender's [`FINGERPRINT`].
    Hello(u64),
    Up(Endpoint),
    Done,
    Failed(String),
}

/// Who decides how long the control plane lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Whoever holds the other end of stdin.
    Pipe,
    /// A person who presses Ctrl-C.
    Person,
}

/// Brings up a control plane, with or without a node, and keeps it until its owner goes, or SIGINT or SIGTERM arrives.
///
/// # Errors
/// It does not come up. A pipe's owner is told through the pipe as well.
pub fn run(owner: Owner, with_node: bool) -> Result<()> {
    // One thread: nothing here takes long, but for the start and the end.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(supervise(owner, with_node))
}

async fn supervise(owner: Owner, with_node: bool) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut orders = orders(owner);
    say(owner, &Answer::Hello(FINGERPRINT));
    let end = async {
        select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {}, _ = hangup.recv() => {} }
    };
    tokio::pin!(end);
    let mut control_plane = select! {
        started = ControlPlane::start(with_node) => started.inspect_err(|error| say(owner, &Answer::Failed(format!("{error:#}"))))?,
        () = &mut end => return Ok(()),
        // Before the first answer an owner orders nothing: this is the end of the pipe.
        _ = orders.recv() => return Ok(()),
    };
    say(owner, &Answer::Up(control_plane.endpoint()));
    let result = select! {
        () = &mut end => Ok(()),
        result = serve(owner, &mut control_plane, &mut orders) => result,
    };
    control_plane.stop();
    result
}

/// Follows orders until the pipe closes.
async fn serve(
    owner: Owner,
    control_plane: &mut ControlPlane,
    orders: &mut mpsc::Receiver<String>,
) -> Result<()> {
    let mut look = interval(Duration::from_millis(500));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            order = orders.recv() => match order {
                None => return Ok(()),
                Some(line) => {
                    let failed = |error: anyhow::Error| Answer::Failed(format!("{error:#}"));
                    say(owner, &follow(control_plane, &line).await.map_or_else(failed, |()| Answer::Done));
                }
            },
            _ = look.tick() => if let Some(error) = control_plane.lost() {
                let _ = writeln!(io::stderr(), "testbed: {error:#}");
            },
        }
    }
}

async fn follow(control_plane: &mut ControlPlane, line: &str) -> Result<()> {
    match serde_json::from_str(line).map_err(|error| anyhow!("not an order: {error}"))? {
        Order::Pause(component) => control_plane.signal(component, Signal::STOP),
        Order::Resume(component) => control_plane.signal(component, Signal::CONT),
        Order::Kill(component) => control_plane.kill(component),
        Order::Start(component) => control_plane.start_again(component).await,
    }
}

/// The lines of stdin; closed at its end. For a person it stays open.
fn orders(owner: Owner) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(4);
    thread::spawn(move || match owner {
        Owner::Pipe => io::stdin()
            .lock()
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.blocking_send(line)),
        Owner::Person => loop {
            thread::park();
        },
    });
    receiver
}

/// An owner that is gone cannot be told anything, which its closed pipe says soon enough.
fn say(owner: Owner, answer: &Answer) {
    let mut out = io::stdout().lock();
    let _ = match (owner, answer) {
        (Owner::Pipe, answer) => serde_json::to_string(answer)
            .map_err(io::Error::other)
            .and_then(|line| writeln!(out, "{line}")),
        (Owner::Person, Answer::Up(endpoint)) => writeln!(
            out,
            "the control plane is up; Ctrl-C ends it\n\n  export KUBECONFIG={}",
            endpoint.kubeconfig.display()
        ),
        (Owner::Person, _) => Ok(()),
    };
    let _ = out.flush();
}

/// The first answer of a supervisor, which shows whether it is of this source.
pub(crate) fn check_hello(line: &str) -> Result<()> {
    match serde_json::from_str(line) {
        Ok(Answer::Hello(FINGERPRINT)) => Ok(()),
        _ => bail!(
            "the program `testbed` is of another version than this test: run `cargo build -p beadlet-testbed`"
        ),
    }
}

/// FNV-1a.
const fn fingerprint(sources: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut source = 0;
    while source < sources.len() {
        let (bytes, mut at) = (sources[source], 0);
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        source += 1;
    }
    hash
}
