//! The git credential as it lies in a mounted Secret.

use std::collections::BTreeMap;

use beadlet_git::{Auth, Secret};

/// The file names of a Secret that mean something, as `kubernetes.io/ssh-auth` and `kubernetes.io/basic-auth` have them.
mod key {
    pub(super) const SSH_KEY: &str = "ssh-privatekey";
    pub(super) const PASSPHRASE: &str = "ssh-passphrase";
    pub(super) const KNOWN_HOSTS: &str = "known_hosts";
    pub(super) const CA: &str = "ca.crt";
    pub(super) const TOKEN: &str = "token";
    pub(super) const USERNAME: &str = "username";
    pub(super) const PASSWORD: &str = "password";
}

/// The files of a Secret by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a Secret holds.
#[derive(Debug)]
pub struct Credential {
    pub auth: Auth,
    pub known_hosts: Option<Vec<u8>>,
    /// PEM certificates: the only ones trusted for https.
    pub ca: Option<Vec<u8>>,
}

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Ssh,
    Http,
}

/// Why a Secret is no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    #[error(
        "the git Secret has no {expected}: the repository is reached over {over}, keys found: {found}"
    )]
    Unfit {
        expected: &'static str,
        over: &'static str,
        found: String,
    },
    #[error("the {0} of the git Secret is not UTF-8")]
    NotText(&'static str),
}

/// The credential for a server that is spoken to in this way. An empty Secret is no credential, and no error.
///
/// # Errors
/// When there is something in the Secret, but not what is needed.
pub fn credential(files: &Files, speech: Speech) -> Result<Credential, CredentialError> {
    let known_hosts = files.get(key::KNOWN_HOSTS).cloned();
    let ca = files.get(key::CA).cloned();
    let relevant = files
        .keys()
        .filter(|name| !matches!(name.as_str(), key::KNOWN_HOSTS | key::CA))
        .cloned()
        .collect::<Vec<_>>();
    if relevant.is_empty() {
        return Ok(Credential {
            auth: Auth::None,
            known_hosts,
            ca,
        });
    }
    let auth = match speech {
        Speech::Ssh => over_ssh(files)?,
        Speech::Http => over_http(files)?,
    };
    let unfit = || {
        let (expected, over) = match speech {
            Speech::Ssh => ("ssh-privatekey", "ssh"),
            Speech::Http => ("token, or username and password", "https"),
        };
        CredentialError::Unfit {
            expected,
            over,
            found: relevant.join(", "),
        }
    };
    Ok(Credential {
        auth: auth.ok_or_else(unfit)?,
        known_hosts,
        ca,
    })
}

fn over_ssh(files: &Files) -> Result<Option<Auth>, CredentialError> {
    let username = text(files, key::USERNAME)?;
    if let Some(private) = files.get(key::SSH_KEY) {
        let passphrase = line(files, key::PASSPHRASE).map(Secret::new);
        return Ok(Some(Auth::SshKey {
            private: Secret::new(private.clone()),
            passphrase,
            username,
        }));
    }
    Ok(username
        .zip(line(files, key::PASSWORD))
        .map(|(username, password)| Auth::Basic {
            username,
            password: Secret::new(password),
        }))
}

fn over_http(files: &Files) -> Result<Option<Auth>, CredentialError> {
    if let Some(token) = line(files, key::TOKEN) {
        return Ok(Some(Auth::Token(Secret::new(token))));
    }
    let username = text(files, key::USERNAME)?;
    Ok(line(files, key::PASSWORD).map(|password| match username {
        Some(username) => Auth::Basic {
            username,
            password: Secret::new(password),
        },
        // An access token is often stored as a password alone.
        None => Auth::Token(Secret::new(password)),
    }))
}

/// The texts of the Secret that must not appear in what is pushed: each is long enough to be no coincidence.
#[must_use]
pub fn telltales(files: &Files) -> Vec<Vec<u8>> {
    const TELLING: usize = 8;
    let words = [key::TOKEN, key::PASSWORD]
        .into_iter()
        .filter_map(|name| line(files, name).map(<[u8]>::to_vec));
    let key_lines = files
        .get(key::SSH_KEY)
        .into_iter()
        .flat_map(|key| key.split(|&byte| byte == b'\n'));
    let longest = key_lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.starts_with(b"-----"))
        .max_by_key(|line| line.len());
    words
        .chain(longest.map(<[u8]>::to_vec))
        .filter(|text| text.len() >= TELLING)
        .collect()
}

/// A value without the line end that editors and `kubectl create secret --from-file` leave behind it.
fn line<'a>(files: &'a Files, name: &str) -> Option<&'a [u8]> {
    let value = files.get(name)?;
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    (!value.is_empty()).then_some(value)
}

fn text(files: &Files, name: &'static str) -> Result<Option<String>, CredentialError> {
    line(files, name)
        .map(|value| String::from_utf8(value.to_vec()).map_err(|_| CredentialError::NotText(name)))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    fn auth(given: &[(&str, &str)], speech: Speech) -> Result<Auth, CredentialError> {
        credential(&files(given), speech).map(|credential| credential.auth)
    }

    #[test]
    fn key_is_for_ssh_and_token_for_https() {
        let both = [("ssh-privatekey", "k\n"), ("token", "t\n")];
        assert!(matches!(auth(&both, Speech::Ssh), Ok(Auth::SshKey { .. })));
        assert!(
            matches!(auth(&both, Speech::Http), Ok(Auth::Token(token)) if token == Secret::new("t"))
        );
    }

    #[test]
    fn user_and_password_lose_their_line_ends() {
        let given = [("username", "ann\n"), ("password", "p w\r\n")];
        let expected = |auth| matches!(auth, Ok(Auth::Basic { username, password }) if username == "ann" && password == Secret::new("p w"));
        assert!(expected(auth(&given, Speech::Http)) && expected(auth(&given, Speech::Ssh)));
    }

    #[test]
    fn password_alone_is_a_token() {
        assert!(matches!(
            auth(&[("password", "p")], Speech::Http),
            Ok(Auth::Token(_))
        ));
    }

    #[test]
    fn secret_without_what_is_needed_names_what_it_has() {
        let error = auth(
            &[("ssh-privatekey", "k"), ("known_hosts", "h")],
            Speech::Http,
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the git Secret has no token, or username and password: the repository is reached over https, keys found: ssh-privatekey"
        );
        assert!(auth(&[("token", "t")], Speech::Ssh).is_err());
        assert!(auth(&[("username", "ann")], Speech::Http).is_err());
    }

    #[test]
    fn no_secret_is_no_credential() {
        let credential = credential(&files(&[("known_hosts", "h")]), Speech::Ssh).unwrap();
        assert!(matches!(credential.auth, Auth::None));
        assert_eq!(credential.known_hosts.as_deref(), Some(b"h".as_slice()));
    }

    #[test]
    fn authority_of_the_server_may_stand_beside_the_token() {
        let given = files(&[("token", "t"), ("ca.crt", "pem")]);
        let credential = credential(&given, Speech::Http).unwrap();
        assert!(matches!(credential.auth, Auth::Token(_)));
        assert_eq!(credential.ca.as_deref(), Some(b"pem".as_slice()));
    }

    #[test]
    fn telltales_are_what_nobody_writes_by_chance() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\nshort\n-----END OPENSSH PRIVATE KEY-----\n";
        let given = files(&[
            ("ssh-privatekey", key),
            ("token", "ghp_123456\n"),
            ("password", "git"),
            ("username", "long-user-name"),
        ]);
        assert_eq!(
            telltales(&given),
            [b"ghp_123456".to_vec(), b"b3BlbnNzaC1rZXktdjE".to_vec()]
        );
    }
}
