//! An ssh connection: its host checked before anything is said, then logged in.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use ssh2::{ErrorCode, MethodType};

use super::super::{Limits, WireError};
use super::{Host, Login, Proof};
use crate::known_hosts::{Distrust, KeyKind, Known};
use crate::url::Scheme;

// Codes of libssh2.h.
const KEX_FAILURE: ErrorCode = ErrorCode::Session(-5);
const KEY_EXCHANGE_FAILURE: ErrorCode = ErrorCode::Session(-8);
const TIMEOUT: ErrorCode = ErrorCode::Session(-9);
const FILE: ErrorCode = ErrorCode::Session(-16);
const AUTHENTICATION_FAILED: ErrorCode = ErrorCode::Session(-18);
const PUBLICKEY_UNVERIFIED: ErrorCode = ErrorCode::Session(-19);

pub(super) struct Session {
    session: ssh2::Session,
    socket: TcpStream,
}

impl Session {
    pub(super) fn connect(host: &Host, login: &Login, limits: &Limits) -> Result<Self, WireError> {
        let session = Self::trusted(host, limits)?;
        session.log_in(login, limits)?;
        Ok(session)
    }

    /// Asks for a key of a kind that is known. A host that has none of those is asked for any, to tell which one it has.
    fn trusted(host: &Host, limits: &Limits) -> Result<Self, WireError> {
        let kinds = host.known.kinds();
        let session = match Self::shaken(host, &kinds, limits) {
            Err(Handshake::NoCommonMethod(_)) if !kinds.is_empty() => {
                Self::shaken(host, &[], limits)
            }
            other => other,
        }
        .map_err(|error| match error {
            Handshake::NoCommonMethod(detail) => WireError::Ssh {
                step: "key exchange",
                detail,
            },
            Handshake::Failed(error) => error,
        })?;
        session.check(&host.known).map_err(WireError::HostKey)?;
        Ok(session)
    }

    fn shaken(host: &Host, kinds: &[KeyKind], limits: &Limits) -> Result<Self, Handshake> {
        let connected =
            host.runtime.block_on(
                host.dialer
                    .tunnel(Scheme::Ssh, &host.name, host.port, limits),
            );
        let socket = connected
            .and_then(|stream| blocking(stream).map_err(WireError::Unreachable))
            .map_err(Handshake::Failed)?;
        let other_end = socket
            .try_clone()
            .map_err(|error| Handshake::Failed(WireError::Unreachable(error)))?;
        let ssh = |error: ssh2::Error| Handshake::Failed(step("handshake", &error, limits));
        let mut session = ssh2::Session::new().map_err(ssh)?;
        let kinds = if kinds.is_empty() {
            &KeyKind::ALL
        } else {
            kinds
        };
        let algorithms: Vec<_> = kinds
            .iter()
            .flat_map(|kind| kind.algorithms())
            .copied()
            .collect();
        session
            .method_pref(MethodType::HostKey, &algorithms.join(","))
            .map_err(ssh)?;
        session.set_tcp_stream(socket);
        let session = Self {
            session,
            socket: other_end,
        };
        session.limited(limits).map_err(Handshake::Failed)?;
        let mut handle = session.session.clone();
        match handle.handshake() {
            Ok(()) => Ok(session),
            Err(error) => {
                session.cut();
                Err(match error.code() {
                    KEX_FAILURE | KEY_EXCHANGE_FAILURE => {
                        Handshake::NoCommonMethod(error.message().to_owned())
                    }
                    _ => ssh(error),
                })
            }
        }
    }

    fn check(&self, known: &Known) -> Result<(), Distrust> {
        let key = self
            .session
            .host_key()
            .map(|(key, _)| key.to_vec())
            .unwrap_or_default();
        known.check(&key)
    }

    fn log_in(&self, login: &Login, limits: &Limits) -> Result<(), WireError> {
        self.limited(limits)?;
        let user = login.user.as_str();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let result = match &login.proof {
            Proof::Key {
                private,
                passphrase,
            } => {
                let private = super::Secret::new(normal(&text(private.reveal())));
                let private = std::str::from_utf8(private.reveal()).unwrap_or_default();
                let passphrase = passphrase.as_ref().map(|secret| text(secret.reveal()));
                self.session
                    .userauth_pubkey_memory(user, None, private, passphrase.as_deref())
            }
            Proof::Password(password) => self
                .session
                .userauth_password(user, &text(password.reveal())),
            Proof::Agent => return self.by_agent(user),
        };
        result.map_err(|error| match (&login.proof, error.code()) {
            (Proof::Password(_), AUTHENTICATION_FAILED) => WireError::BadCredentials,
            (Proof::Key { .. }, AUTHENTICATION_FAILED | PUBLICKEY_UNVERIFIED) => {
                WireError::KeyRefused {
                    user: user.to_owned(),
                }
            }
            (Proof::Key { .. }, FILE) => WireError::KeyUnusable(error.message().to_owned()),
            _ => step("login", &error, limits),
        })
    }

    fn by_agent(&self, user: &str) -> Result<(), WireError> {
        match self.session.userauth_agent(user) {
            Ok(()) => Ok(()),
            Err(error) if error.code() == AUTHENTICATION_FAILED => Err(WireError::KeyRefused {
                user: user.to_owned(),
            }),
            Err(_) => Err(WireError::NoCredentials),
        }
    }

    pub(super) fn run(&self, command: &str, limits: &Limits) -> Result<ssh2::Channel, WireError> {
        let failed = |error: ssh2::Error| step("command", &error, limits);
        self.limited(limits)?;
        let mut channel = self.session.channel_session().map_err(failed)?;
        self.limited(limits)?;
        channel.exec(command).map_err(failed)?;
        Ok(channel)
    }

    /// Lets the command end, so that the connection can carry the next one.
    pub(super) fn closed(
        &self,
        mut channel: ssh2::Channel,
        limits: &Limits,
    ) -> Result<(), WireError> {
        self.limited(limits)?;
        channel
            .close()
            .map_err(|error| step("close", &error, limits))
    }

    /// Bounds the next wait.
    pub(super) fn limited(&self, limits: &Limits) -> Result<(), WireError> {
        let wait = limits.next()?.max(Duration::from_millis(1));
        self.session
            .set_timeout(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Ends the connection without a word, so that freeing it does not wait for an answer.
    pub(super) fn cut(&self) {
        // It may be closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cut();
    }
}

enum Handshake {
    NoCommonMethod(String),
    Failed(WireError),
}

fn blocking(stream: tokio::net::TcpStream) -> io::Result<TcpStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Keys that went through a form or a Kubernetes Secret often come with CRLF or without their last newline, which OpenSSL refuses.
fn normal(private: &str) -> String {
    format!("{}\n", private.replace("\r\n", "\n").trim())
}

fn step(step: &'static str, error: &ssh2::Error, limits: &Limits) -> WireError {
    if error.code() == TIMEOUT {
        limits.run_out()
    } else {
        WireError::Ssh {
            step,
            detail: error.message().to_owned(),
        }
    }
}

pub(super) fn io_error(error: &io::Error, limits: &Limits) -> WireError {
    if error.kind() == io::ErrorKind::TimedOut {
        limits.run_out()
    } else {
        WireError::Broken(error.to_string())
    }
}
