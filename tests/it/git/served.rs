//! A repository served over http or https, for the tests.

use std::fs;
use std::time::Duration;

use beadlet_sync::git::{Auth, CaBundle, Secret, Source};
use beadlet_testbed::git::GitRepo;
use beadlet_testbed::git::http::{self, GitHttp, Tls};
use tempfile::TempDir;

use super::{beads, source};

/// A served repository and a folder for its clone.
pub(super) struct Served {
    pub(super) repo: GitRepo,
    pub(super) server: GitHttp,
    pub(super) cache: TempDir,
}

impl Served {
    pub(super) fn start(tls: Tls, auth: http::Auth) -> Self {
        let repo = beads();
        Self {
            server: GitHttp::start(&repo, tls, auth),
            repo,
            cache: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn plain() -> Self {
        Self::start(Tls::Plain, http::Auth::Anyone)
    }

    pub(super) fn with_password() -> Self {
        Self::start(Tls::Plain, basic("secret"))
    }

    pub(super) fn source(&self) -> Source {
        source(&self.server.url(&self.repo), self.cache.path())
    }

    pub(super) fn trusting(&self) -> Source {
        let ca = CaBundle::parse(&fs::read(self.server.ca_file()).unwrap()).unwrap();
        Source {
            ca_bundle: Some(ca),
            ..self.source()
        }
    }

    pub(super) fn impatient(&self) -> Source {
        Source {
            timeout: Duration::from_secs(1),
            ..self.source()
        }
    }

    /// What was asked of the server since `mark`.
    pub(super) fn asked(&self, mark: usize) -> Vec<String> {
        self.server
            .seen()
            .split_off(mark)
            .into_iter()
            .map(|seen| format!("{} {}", seen.method, tail(&seen.path)))
            .collect()
    }
}

fn tail(path: &str) -> String {
    path.split_once(".git")
        .map_or(path, |(_, tail)| tail)
        .to_owned()
}

fn basic(password: &str) -> http::Auth {
    http::Auth::Basic {
        user: "ann".to_owned(),
        password: password.to_owned(),
    }
}

pub(super) fn password(password: &str) -> Auth {
    Auth::Basic {
        username: "ann".to_owned(),
        password: Secret::new(password),
    }
}

pub(super) const LOOK: &str = "GET /info/refs?service=git-upload-pack";
