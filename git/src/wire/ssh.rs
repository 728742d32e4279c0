//! The smart protocol over ssh: `git-upload-pack` run by the server, with a connection that is kept between calls.

mod session;

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use git2::transport::Service;

use super::dial::{self, Dialer};
use super::{Limits, Opener, WireError, WireStream};
use crate::Secret;
use crate::access::{Access, Auth, SettingsError};
use crate::known_hosts::Known;
use crate::url::RemoteUrl;
use session::Session;

/// A connection that was silent for longer is not used again: a firewall may have forgotten it, which shows only by a timeout.
const KEEP: Duration = Duration::from_secs(60);

/// Of what the server says to an error, as much is read as a person wants to see.
const MAX_WORDS: u64 = 4 << 10;

pub(super) struct Ssh {
    host: Host,
    login: Login,
    /// Quoted for the shell of the server.
    path: String,
    kept: Arc<Mutex<Option<(Session, Instant)>>>,
}

/// Where to connect to and whom to expect there.
struct Host {
    name: String,
    port: u16,
    known: Known,
    dialer: Dialer,
    runtime: tokio::runtime::Runtime,
}

/// Who we say to be.
struct Login {
    user: String,
    proof: Proof,
}

enum Proof {
    Key {
        private: Secret,
        passphrase: Option<Secret>,
    },
    Password(Secret),
    Agent,
}

impl Ssh {
    pub(super) fn new(
        access: &Access,
        url: &RemoteUrl,
        dialer: Dialer,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            login: Login::new(&access.auth, url)?,
            host: Host {
                name: url.host.clone(),
                port: url.port,
                known: access.known_hosts.of(&url.host, url.port),
                dialer,
                runtime: dial::runtime()?,
            },
            path: quoted(&url.path),
            kept: Arc::default(),
        })
    }
}

impl Login {
    fn new(auth: &Auth, url: &RemoteUrl) -> Result<Self, SettingsError> {
        let of_url = url
            .username
            .as_ref()
            .map_or_else(|| Ok("git".to_owned()), text)?;
        Ok(match auth {
            Auth::SshKey {
                private,
                passphrase,
                username,
            } => {
                text(private).map_err(|_| SettingsError::KeyNotText)?;
                let proof = Proof::Key {
                    private: private.clone(),
                    passphrase: passphrase.clone(),
                };
                Self {
                    user: username.clone().unwrap_or(of_url),
                    proof,
                }
            }
            Auth::Basic { username, password } => Self {
                user: username.clone(),
                proof: Proof::Password(password.clone()),
            },
            Auth::Token(_) => return Err(SettingsError::TokenOverSsh),
            Auth::None => {
                let proof = url.password.clone().map_or(Proof::Agent, Proof::Password);
                Self {
                    user: of_url,
                    proof,
                }
            }
        })
    }
}

fn text(secret: &Secret) -> Result<String, SettingsError> {
    String::from_utf8(secret.reveal().to_vec()).map_err(|_| SettingsError::CredentialsNotText)
}

/// In single quotes, as git does: forges and shells take it apart the same way.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

impl Opener for Ssh {
    fn stateless(&self) -> bool {
        false
    }

    fn open(&self, service: Service, limits: &Limits) -> Result<Box<dyn WireStream>, WireError> {
        let program = match service {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let command = format!("{program} {}", self.path);
        let (session, channel) = self.run(&command, limits)?;
        Ok(Box::new(Channel {
            channel: Some(channel),
            session: Some(session),
            limits: limits.clone(),
            kept: Arc::clone(&self.kept),
        }))
    }
}

impl Ssh {
    /// Runs over the connection that is kept, or over a new one when there is none or it turns out to be closed.
    fn run(&self, command: &str, limits: &Limits) -> Result<(Session, ssh2::Channel), WireError> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((session, _)) = kept.filter(|(_, used)| used.elapsed() < KEEP)
            && let Ok(channel) = session.run(command, limits)
        {
            return Ok((session, channel));
        }
        let session = Session::connect(&self.host, &self.login, limits)?;
        let channel = session.run(command, limits)?;
        Ok((session, channel))
    }
}

/// A command that runs on the server. Gives its connection back when it ends well.
struct Channel {
    channel: Option<ssh2::Channel>,
    session: Option<Session>,
    limits: Limits,
    kept: Arc<Mutex<Option<(Session, Instant)>>>,
}

impl Channel {
    fn parts(&mut self) -> Result<(&mut ssh2::Channel, &Session), WireError> {
        match (&mut self.channel, &self.session) {
            (Some(channel), Some(session)) => Ok((channel, session)),
            _ => Err(WireError::Broken("the stream has failed before".to_owned())),
        }
    }

    /// A connection that has failed once is never used again, and closed hard, so that nothing waits for its other end.
    fn failed(&mut self, error: WireError) -> WireError {
        if let Some(session) = self.session.take() {
            session.cut();
        }
        self.channel = None;
        error
    }
}

impl WireStream for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, WireError> {
        let limits = self.limits.clone();
        let (channel, session) = self.parts()?;
        let read = session.limited(&limits).and_then(|()| {
            channel
                .read(buffer)
                .map_err(|error| session::io_error(&error, &limits))
        });
        match read {
            Ok(0) => {
                let words = words(channel);
                if words.is_empty() {
                    Ok(0)
                } else {
                    Err(WireError::said(&words))
                }
            }
            Ok(count) => Ok(count),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let limits = self.limits.clone();
        let (channel, session) = self.parts()?;
        let written = session.limited(&limits).and_then(|()| {
            channel
                .write_all(bytes)
                .and_then(|()| channel.flush())
                .map_err(|error| session::io_error(&error, &limits))
        });
        written.map_err(|error| self.failed(error))
    }
}

/// What the command says on its standard error, once it has ended.
fn words(channel: &mut ssh2::Channel) -> String {
    let mut words = Vec::new();
    // Read in part is as good: the words are only shown.
    let _ = channel.stderr().take(MAX_WORDS).read_to_end(&mut words);
    String::from_utf8_lossy(&words).into_owned()
}

impl Drop for Channel {
    fn drop(&mut self) {
        let (Some(channel), Some(session)) = (self.channel.take(), self.session.take()) else {
            return;
        };
        if session.closed(channel, &self.limits).is_ok() {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((session, Instant::now()));
        } else {
            session.cut();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_one_word_for_every_shell() {
        assert_eq!(quoted("/srv/a b.git"), "'/srv/a b.git'");
        assert_eq!(quoted("it's;id!"), r"'it'\''s;id'\!''");
    }
}
