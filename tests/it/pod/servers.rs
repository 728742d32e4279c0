//! What pods talk to: a project on a git server, a model endpoint, and a gate where agents wait for the test.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use beadlet_testbed::{
    GitRepo, Program, Running, Testbed, eventually,
    git::{
        GitHttp, GitSsh,
        http::{Auth, Tls},
        ssh::HostKey,
    },
    node::Relay,
};
use serde_json::{Value, json};

use super::scene::LONG;

/// What the model endpoint asks for.
pub(super) const MODEL_KEY: &str = "sk-of-the-model";
/// What the git server asks for.
pub(super) const GIT_TOKEN: &str = "token-of-the-project";

/// How the project is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Https,
    Ssh,
}

/// A project with one commit.
pub(super) struct Project {
    pub(super) repo: GitRepo,
    /// As pods have it.
    pub(super) url: String,
    /// The Secret that opens it.
    pub(super) secret: Value,
    pub(super) server: GitServer,
    _relay: Relay,
}

pub(super) enum GitServer {
    Http(GitHttp),
    Ssh(GitSsh),
}

impl Project {
    pub(super) fn serve(testbed: &Testbed, over: Over) -> Self {
        let repo = GitRepo::bare();
        repo.commit("main", "README.md", "a project\n");
        let host = testbed.host().unwrap();
        let from_pods = |text: String| text.replace("127.0.0.1", &host.to_string());
        let read = |path| std::fs::read_to_string(path).unwrap();
        let (server, url, secret) = match over {
            Over::Https => {
                let server = GitHttp::start(&repo, Tls::At(host), Auth::Bearer(GIT_TOKEN.into()));
                let (url, ca) = (server.url(&repo), read(server.ca_file()));
                (
                    GitServer::Http(server),
                    url,
                    json!({"token": GIT_TOKEN, "ca.crt": ca}),
                )
            }
            Over::Ssh => {
                let server = GitSsh::start(&[HostKey::Ed25519]);
                let (url, key) = (server.url(&repo), read(server.client_key()));
                let hosts = from_pods(server.known_hosts());
                (
                    GitServer::Ssh(server),
                    url,
                    json!({"ssh-privatekey": key, "known_hosts": hosts}),
                )
            }
        };
        let url = from_pods(url);
        Self {
            _relay: testbed.relay(port(&url)).unwrap(),
            repo,
            url,
            secret,
            server,
        }
    }

    pub(super) fn http(&self) -> &GitHttp {
        match &self.server {
            GitServer::Http(server) => server,
            GitServer::Ssh(_) => panic!("the project is served over ssh"),
        }
    }

    pub(super) fn ssh(&mut self) -> &mut GitSsh {
        match &mut self.server {
            GitServer::Ssh(server) => server,
            GitServer::Http(_) => panic!("the project is served over https"),
        }
    }

    /// A file on a branch, as text.
    pub(super) fn text(&self, branch: &str, file: &str) -> Option<String> {
        let bytes = self.repo.read(branch, file)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The stub of a model endpoint.
pub(super) struct Model {
    /// Its output has a line for each request.
    pub(super) program: Running,
    /// As pods have it.
    pub(super) endpoint: String,
    _relay: Relay,
}

impl Model {
    pub(super) async fn start(testbed: &Testbed, arguments: &[&str]) -> Self {
        let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/agents/stub_llm.py");
        let mut program = Program::new("/usr/bin/python3")
            .arg(stub)
            .args(["--port", "0", "--api-key", MODEL_KEY])
            .args(arguments)
            .start();
        let line = program.line("listening on", LONG).await;
        let port = port(line.split(' ').nth(2).unwrap());
        Self {
            program,
            endpoint: format!("http://{}:{port}/v1", testbed.host().unwrap()),
            _relay: testbed.relay(port).unwrap(),
        }
    }
}

/// The port in a URL.
pub(super) fn port(url: &str) -> u16 {
    let authority = url.split('/').nth(2).unwrap();
    authority.rsplit(':').next().unwrap().parse().unwrap()
}

/// Where agents wait, so that a test knows where they are and moves when they do not.
pub(super) struct Gate {
    /// A line of a script: waits until the test lets it go on.
    pub(super) wait: String,
    waiting: Arc<Mutex<HashMap<String, TcpStream>>>,
    _relay: Relay,
}

impl Gate {
    pub(super) fn new(testbed: &Testbed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting: Arc<Mutex<HashMap<String, TcpStream>>> = Arc::default();
        let arrivals = waiting.clone();
        // It ends with the process: nothing is lost with it.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut name = String::new();
                if BufReader::new(&stream).read_line(&mut name).is_ok() {
                    let mut waiting = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.insert(name.trim().to_owned(), stream);
                }
            }
        });
        Self {
            wait: format!(
                "echo \"$GT_POLECAT\" | busybox nc {} {port}",
                testbed.host().unwrap()
            ),
            waiting,
            _relay: testbed.relay(port).unwrap(),
        }
    }

    /// Waits until this polecat's agent waits.
    pub(super) async fn reached(&self, polecat: &str) {
        eventually(LONG, &format!("{polecat} is at the gate"), async || {
            self.waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains_key(polecat)
        })
        .await;
    }

    pub(super) fn open(&self, polecat: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(waiting.remove(polecat).unwrap());
    }
}
