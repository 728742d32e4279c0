//! The settings for git made into what the fetcher takes: files and secrets are read here, once.

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use beadlet_sync::git::{
    Auth, CaBundle, GitUrl, Proxy, Secret, SettingsError, Source, UrlError, known_hosts,
};

use crate::cli::GitArgs;

/// What is wrong with the settings for git.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("cannot read the file {} given by {flag}", path.display())]
    File {
        flag: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the file {} given by {flag} is empty", path.display())]
    Empty { flag: &'static str, path: PathBuf },
    #[error("cannot use the certificates in {}", path.display())]
    Ca {
        path: PathBuf,
        source: SettingsError,
    },
    #[error("cannot use the proxy")]
    Proxy { source: UrlError },
    #[error("a password without a user name; add --username")]
    NoUsername,
    #[error(
        "a user name without a password or an ssh key; add --password-file, --ssh-key-file or BEADLET_PASSWORD"
    )]
    NoPassword,
    #[error("more than one way to log in ({}); keep one", .0.join(", "))]
    Several(Vec<&'static str>),
}

/// The secrets that are given by environment variable.
const PASSWORD: &str = "BEADLET_PASSWORD";
const TOKEN: &str = "BEADLET_TOKEN";
const PASSPHRASE: &str = "BEADLET_SSH_PASSPHRASE";

/// Reads the files and secrets that the settings name. A line of the known hosts that cannot be used is logged.
///
/// # Errors
/// When a file cannot be read or settings contradict each other.
pub fn source(url: GitUrl, args: &GitArgs, cache_dir: PathBuf) -> Result<Source, SourceError> {
    let GitArgs {
        branch,
        path,
        ssh_key_file: _,
        ssh_passphrase_file: _,
        known_hosts_file,
        username: _,
        password_file: _,
        token_file: _,
        ca_file,
        proxy: proxy_url,
        git_timeout,
        depth,
        max_file_mib,
    } = args;
    let hosts = known_hosts_file
        .as_deref()
        .map(read_known_hosts)
        .transpose()?;
    Ok(Source {
        url,
        branch: branch.clone(),
        path: path.clone(),
        depth: *depth,
        auth: auth(credentials(args)?)?,
        known_hosts: hosts.unwrap_or_default(),
        ca_bundle: ca_file.as_deref().map(read_ca).transpose()?,
        proxy: proxy(proxy_url.as_deref())?,
        cache_dir,
        timeout: *git_timeout,
        max_file_bytes: NonZeroU64::from(*max_file_mib).saturating_mul(MIB),
    })
}

const MIB: NonZeroU64 = NonZeroU64::new(1 << 20).unwrap();

/// All that may be given to log in with.
#[derive(Debug, Default)]
struct Credentials {
    username: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    key: Option<Secret>,
    passphrase: Option<Secret>,
}

fn credentials(args: &GitArgs) -> Result<Credentials, SourceError> {
    Ok(Credentials {
        username: args.username.clone(),
        password: secret_of("--password-file", args.password_file.as_deref(), PASSWORD)?,
        token: secret_of("--token-file", args.token_file.as_deref(), TOKEN)?,
        key: args
            .ssh_key_file
            .as_deref()
            .map(|path| read("--ssh-key-file", path).map(Secret::new))
            .transpose()?,
        passphrase: secret_of(
            "--ssh-passphrase-file",
            args.ssh_passphrase_file.as_deref(),
            PASSPHRASE,
        )?,
    })
}

/// Chooses the way to log in.
fn auth(credentials: Credentials) -> Result<Auth, SourceError> {
    let Credentials {
        username,
        password,
        token,
        key,
        passphrase,
    } = credentials;
    match (key, token, password) {
        (None, None, None) if username.is_some() => Err(SourceError::NoPassword),
        (None, None, None) => Ok(Auth::None),
        (Some(private), None, None) => Ok(Auth::SshKey {
            private,
            passphrase,
            username,
        }),
        (None, Some(token), None) => Ok(Auth::Token(token)),
        (None, None, Some(password)) => username
            .map(|username| Auth::Basic { username, password })
            .ok_or(SourceError::NoUsername),
        (key, token, password) => {
            let given = [
                (key.is_some(), "ssh key"),
                (token.is_some(), "token"),
                (password.is_some(), "password"),
            ];
            Err(SourceError::Several(
                given
                    .into_iter()
                    .filter(|(given, _)| *given)
                    .map(|(_, name)| name)
                    .collect(),
            ))
        }
    }
}

fn proxy(given: Option<&str>) -> Result<Proxy, SourceError> {
    match given {
        None => Ok(Proxy::Environment),
        Some("none") => Ok(Proxy::None),
        Some(url) => url
            .parse()
            .map(Proxy::Url)
            .map_err(|source| SourceError::Proxy { source }),
    }
}

/// A secret from its file, else from its environment variable. One line end after it is not part of it.
pub(crate) fn secret_of(
    flag: &'static str,
    path: Option<&Path>,
    variable: &str,
) -> Result<Option<Secret>, SourceError> {
    match path {
        Some(path) => Ok(Some(Secret::new(without_line_end(read(flag, path)?)))),
        None => Ok(std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(OsString::into_vec)
            .map(Secret::new)),
    }
}

fn without_line_end(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

fn read_known_hosts(path: &Path) -> Result<known_hosts::KnownHosts, SourceError> {
    let (hosts, rejected) = known_hosts::parse(&read("--known-hosts-file", path)?);
    for line in rejected {
        tracing::warn!(file = %path.display(), line = line.line, reason = %line.error, "known hosts line cannot be used");
    }
    Ok(hosts)
}

fn read_ca(path: &Path) -> Result<CaBundle, SourceError> {
    let failed = |source| SourceError::Ca {
        path: path.to_owned(),
        source,
    };
    CaBundle::parse(&read("--ca-file", path)?).map_err(failed)
}

fn read(flag: &'static str, path: &Path) -> Result<Vec<u8>, SourceError> {
    let bytes = std::fs::read(path).map_err(|source| SourceError::File {
        flag,
        path: path.to_owned(),
        source,
    })?;
    if bytes.is_empty() {
        Err(SourceError::Empty {
            flag,
            path: path.to_owned(),
        })
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<Secret> {
        Some(Secret::new(text))
    }

    #[test]
    fn the_way_to_log_in_follows_from_what_is_given() {
        let username = Some("ann".to_owned());
        assert!(matches!(auth(Credentials::default()), Ok(Auth::None)));
        let key = Credentials {
            key: some("k"),
            username: username.clone(),
            ..Credentials::default()
        };
        assert!(matches!(auth(key), Ok(Auth::SshKey { .. })));
        assert!(matches!(
            auth(Credentials {
                token: some("t"),
                ..Credentials::default()
            }),
            Ok(Auth::Token(_))
        ));
        let basic = Credentials {
            password: some("p"),
            username: username.clone(),
            ..Credentials::default()
        };
        assert!(matches!(auth(basic), Ok(Auth::Basic { .. })));
    }

    #[test]
    fn credentials_that_contradict_each_other_are_refused() {
        let username = Some("ann".to_owned());
        let refused = |credentials| auth(credentials).expect_err("refused").to_string();
        assert!(
            refused(Credentials {
                username,
                ..Credentials::default()
            })
            .contains("add --password-file")
        );
        assert!(
            refused(Credentials {
                password: some("p"),
                ..Credentials::default()
            })
            .contains("add --username")
        );
        let both = Credentials {
            key: some("k"),
            token: some("t"),
            ..Credentials::default()
        };
        assert_eq!(
            refused(both),
            "more than one way to log in (ssh key, token); keep one"
        );
    }

    #[test]
    fn one_line_end_after_a_secret_is_not_part_of_it() {
        for (file, secret) in [
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s", "s"),
            ("s\n\n", "s\n"),
            (" s ", " s "),
        ] {
            assert_eq!(
                without_line_end(file.as_bytes().to_vec()),
                secret.as_bytes(),
                "{file:?}"
            );
        }
    }
}
