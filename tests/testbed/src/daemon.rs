//! `beadlet sync` and `beadlet controller` as a user runs them: the built program, in a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::process::{Process, command};
use crate::usage::Usage;

mod controller;

pub use controller::ControllerSetup;

/// How often readiness is asked for. A question costs the daemon some 50 µs.
const LOOK: Duration = Duration::from_millis(10);
/// How long a stopped daemon may take to finish its pass.
const GRACE: Duration = Duration::from_secs(20);

/// What a daemon is started with.
#[derive(Clone, Debug)]
pub struct DaemonSetup {
    /// The program `beadlet`.
    pub program: PathBuf,
    /// A path or a URL.
    pub repo: String,
    /// None: what the daemon chooses.
    pub branch: Option<String>,
    pub namespace: String,
    /// None: as the environment says.
    pub kubeconfig: Option<PathBuf>,
    /// None: the current one.
    pub context: Option<String>,
    /// More arguments.
    pub more: Vec<String>,
    /// Where clones are kept.
    pub cache: PathBuf,
    /// Everything the daemon says is appended here.
    pub log: PathBuf,
}

/// A running daemon. Dropping it kills it.
pub struct Daemon {
    process: Process,
    listen: SocketAddr,
    log: PathBuf,
    started_at: Instant,
}

impl DaemonSetup {
    /// The arguments, for showing and for running.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["sync".to_owned(), "--repo".to_owned(), self.repo.clone()];
        let optional = [("--branch", &self.branch), ("--context", &self.context)];
        for (flag, value) in optional {
            arguments.extend(
                value
                    .iter()
                    .flat_map(|value| [flag.to_owned(), value.clone()]),
            );
        }
        arguments.extend(["--namespace".to_owned(), self.namespace.clone()]);
        arguments.extend(self.more.iter().cloned());
        arguments
    }

    /// Starts the daemon.
    ///
    /// # Errors
    /// The program is not there, or no port is free.
    pub fn start(&self) -> Result<Daemon> {
        let mut command = command(&self.program);
        command.args(self.arguments());
        Daemon::start(command, &self.cache, self.kubeconfig.as_deref(), &self.log)
    }
}

impl Daemon {
    /// Starts a command, with what only concerns the machine that it runs on.
    fn start(
        mut command: Command,
        cache: &Path,
        kubeconfig: Option<&Path>,
        log: &Path,
    ) -> Result<Self> {
        let listen = free_address()?;
        command.arg("--cache-dir").arg(cache);
        command.arg("--listen").arg(listen.to_string());
        if let Some(kubeconfig) = kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        let started_at = Instant::now();
        let process = Process::spawn("beadlet", command, log)?;
        Ok(Self {
            process,
            listen,
            log: log.to_owned(),
            started_at,
        })
    }

    /// Waits for the first good pass (a controller: until it serves) and says how long it took from the start of the process.
    ///
    /// # Errors
    /// The daemon ends before, or the time is over; the message has the end of its log.
    pub async fn ready(&mut self, at_most: Duration) -> Result<Duration> {
        while !self.answers_ready().await {
            if let Some(status) = self.process.exit() {
                bail!(
                    "beadlet ended with {status}; the end of its log:\n{}",
                    self.process.log_tail()
                );
            }
            if self.started_at.elapsed() > at_most {
                bail!(
                    "beadlet is not ready after {at_most:?}; the end of its log:\n{}",
                    self.process.log_tail()
                );
            }
            sleep(LOOK).await;
        }
        Ok(self.started_at.elapsed())
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }

    /// How the daemon ended, if it has.
    pub fn exit(&mut self) -> Option<std::process::ExitStatus> {
        self.process.exit()
    }

    /// Memory and time that the daemon has used.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.id())
    }

    /// Asks for a pass now (SIGHUP).
    ///
    /// # Errors
    /// It has ended.
    pub fn poke(&mut self) -> Result<()> {
        self.process.signal(Signal::HUP)
    }

    /// Lets the daemon finish its pass and waits for its end, blocking the thread.
    pub fn stop(mut self) {
        self.process.stop(GRACE);
    }

    /// The text of an endpoint, such as `/metrics`, without its headers.
    ///
    /// # Errors
    /// Nobody listens, or the answer is not HTTP.
    pub async fn endpoint(&self, path: &str) -> Result<String> {
        let answer = self.ask(path).await?;
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .with_context(|| format!("the answer to {path} has no body"))?;
        Ok(body.to_owned())
    }

    /// How many passes have ended without anything to write, as the daemon counts them.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn unchanged_passes(&self) -> Result<u64> {
        let metrics = self.endpoint("/metrics").await?;
        let sample = "beadlet_passes_total{outcome=\"unchanged\"} ";
        let count = metrics.lines().find_map(|line| line.strip_prefix(sample));
        let count = count.and_then(|count| count.parse::<f64>().ok());
        Ok(count.context("the metrics do not count unchanged passes")? as u64)
    }

    async fn answers_ready(&self) -> bool {
        self.ask("/readyz")
            .await
            .is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
    }

    async fn ask(&self, path: &str) -> Result<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.listen).await?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                self.listen
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        timeout(Duration::from_secs(5), exchange)
            .await
            .with_context(|| format!("no answer to {path}"))?
    }
}

/// An address of loopback that is free now.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<SocketAddr> {
    let listener =
        TcpListener::bind("127.0.0.1:0").context("there is no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}
