//! The API server's own account of what it was asked.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use kube::Client;

use self::event::Event;
use crate::{eventually, testbed::Testbed};

mod event;
mod jobs;
mod requests;

pub use jobs::JobHistory;
pub use requests::{Request, Requests};

/// The audit log of a control plane.
#[derive(Clone)]
pub struct Audit {
    testbed: Testbed,
}

/// A place in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

impl Audit {
    pub(crate) fn new(testbed: Testbed) -> Self {
        Self { testbed }
    }

    /// A mark behind everything that was answered before.
    ///
    /// # Panics
    /// The log does not show our own requests.
    pub async fn mark(&self) -> Mark {
        self.settle().await;
        self.now()
    }

    /// Everything that was answered between the mark and this call, without the testbed's own questions.
    ///
    /// # Panics
    /// The log does not show our own requests.
    pub async fn since(&self, mark: Mark) -> Requests {
        self.settle().await;
        self.so_far(mark).unwrap()
    }

    /// What the log holds now; the newest requests may not be in it yet. Works without an API server.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn so_far(&self, mark: Mark) -> Result<Requests> {
        let mut requests = Vec::new();
        for line in self.lines_since(mark)?.lines() {
            let event: Event = serde_json::from_str(line)
                .with_context(|| format!("not an audit event: {line}"))?;
            requests.extend(
                event
                    .into_request()
                    .filter(|request| !request.uri.contains(PROBE)),
            );
        }
        Ok(Requests(requests))
    }

    /// The whole lines of the log behind the mark; one that is just being written is left out.
    fn lines_since(&self, mark: Mark) -> Result<String> {
        let path = self.path();
        let mut file =
            fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        file.seek(SeekFrom::Start(mark.0))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        bytes.truncate(
            bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1),
        );
        String::from_utf8(bytes).context("the audit log is not text")
    }

    /// Returns when the log holds every request that was answered before the call.
    ///
    /// The server writes a request's line when its handler returns, which is after the client has the answer. So we ask
    /// something ourselves, see it in the log, and do it again: what was under way at the first question has long
    /// returned at the second.
    async fn settle(&self) {
        let client = self.testbed.client();
        for _ in 0..2 {
            self.probe(&client).await;
        }
    }

    async fn probe(&self, client: &Client) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let begin = self.now();
        let uri = format!("/version?{PROBE}={}", COUNT.fetch_add(1, Ordering::Relaxed));
        eventually(
            Duration::from_secs(30),
            "the API server answers",
            async || {
                client
                    .request_text(http::Request::get(&uri).body(Vec::new()).unwrap())
                    .await
            },
        )
        .await;
        let needle = format!("\"{uri}\"");
        eventually(
            Duration::from_secs(30),
            "the audit log shows our own request",
            async || -> Result<(), String> {
                let seen = self
                    .lines_since(begin)
                    .map_err(|error| error.to_string())?
                    .contains(&needle);
                seen.then_some(()).ok_or_else(|| "it is not there".into())
            },
        )
        .await;
    }

    /// The end of the log as it is; requests that were answered before may still come behind it.
    pub(crate) fn now(&self) -> Mark {
        Mark(fs::metadata(self.path()).unwrap().len())
    }

    fn path(&self) -> PathBuf {
        self.testbed.folder().join("audit.log")
    }
}

/// In the address of our own questions.
const PROBE: &str = "beadlet-testbed-audit";

impl Mark {
    /// The begin of the log.
    pub const BEGIN: Mark = Mark(0);
}
