//! The forms in which a repository can be named.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Secret;

/// A repository: a local path, `file://`, `https://`, `http://`, `ssh://` or `user@host:path`.
///
/// Shown without the credentials it may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl(pub(crate) Place);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Local(PathBuf),
    Remote(RemoteUrl),
}

/// A repository behind a server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RemoteUrl {
    pub(crate) scheme: Scheme,
    pub(crate) username: Option<Secret>,
    pub(crate) password: Option<Secret>,
    /// In lower case; a literal IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As it goes over the wire: percent-encoded for http, plain for ssh.
    pub(crate) path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    Http,
    Ssh,
}

impl Scheme {
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }
}

/// Why a text does not name a repository. Shows no more of it than the scheme or the host, as the rest may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("no repository is named: give a path or an https://, http:// or ssh:// URL")]
    Empty,
    #[error("the name of a repository cannot start with '-'")]
    OptionLike,
    #[error("the name of a repository cannot hold control characters")]
    ControlCharacter,
    #[error("remote helpers ({0}::) are not run: use https, http, ssh or a local path")]
    RemoteHelper(String),
    #[error("scheme {0:?} is not supported: use https, http, ssh, file or a local path")]
    Scheme(String),
    #[error(
        "file:// names another host ({0:?}): use ssh, or mount the repository and give its path"
    )]
    FileHost(String),
    #[error(
        "{0:?} is not a host name (write a name with other letters in its xn-- form, an IPv6 address in brackets)"
    )]
    Host(String),
    #[error("{0:?} is not a port")]
    Port(String),
    #[error("the URL names no repository behind its host")]
    NoPath,
    #[error("the path cannot start with '-'")]
    OptionLikePath,
    #[error(
        "the URL has a query or fragment, which a repository cannot have: give credentials by the settings for them"
    )]
    Query,
    #[error(
        "a percent sign in the URL is not followed by two hexadecimal digits, or stands for bytes that are not UTF-8"
    )]
    Percent,
}

impl GitUrl {
    /// The path, if the repository is on this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Local(path) => Some(path),
            Place::Remote(_) => None,
        }
    }
}

impl From<PathBuf> for GitUrl {
    fn from(path: PathBuf) -> Self {
        Self(Place::Local(path))
    }
}

impl FromStr for GitUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.starts_with('-') {
            return Err(UrlError::OptionLike);
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::ControlCharacter);
        }
        if let Some((scheme, rest)) = text
            .split_once("://")
            .filter(|(scheme, _)| is_scheme(scheme))
        {
            return with_scheme(scheme, rest);
        }
        if let Some((helper, _)) = text
            .split_once("::")
            .filter(|(helper, _)| is_scheme(helper))
        {
            return Err(UrlError::RemoteHelper(helper.to_owned()));
        }
        match scp_like(text) {
            Some((authority, path)) => ssh(authority, path).map(|url| Self(Place::Remote(url))),
            None => Ok(Self(Place::Local(PathBuf::from(text)))),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-' | '_'))
}

fn with_scheme(scheme: &str, rest: &str) -> Result<GitUrl, UrlError> {
    let remote = match scheme.to_ascii_lowercase().as_str() {
        "file" => return file(rest),
        "https" => web(Scheme::Https, rest)?,
        "http" => web(Scheme::Http, rest)?,
        "ssh" => {
            let (authority, path) = rest.split_once('/').ok_or(UrlError::NoPath)?;
            let path = decoded(path)?;
            // As git does: /~user/x is user's home, all else starts at the root.
            let path = if path.starts_with('~') {
                path
            } else {
                format!("/{path}")
            };
            ssh_at(Authority::parse(authority)?, path)?
        }
        _ => return Err(UrlError::Scheme(scheme.to_owned())),
    };
    Ok(GitUrl(Place::Remote(remote)))
}

fn file(rest: &str) -> Result<GitUrl, UrlError> {
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if !host.is_empty() && host != "localhost" {
        return Err(UrlError::FileHost(host.to_owned()));
    }
    if path.is_empty() {
        return Err(UrlError::NoPath);
    }
    Ok(GitUrl(Place::Local(PathBuf::from(decoded(path)?))))
}

fn web(scheme: Scheme, rest: &str) -> Result<RemoteUrl, UrlError> {
    if rest.contains(['?', '#']) {
        return Err(UrlError::Query);
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let Authority {
        username,
        password,
        host,
        port,
    } = Authority::parse(authority)?;
    decoded(path)?;
    Ok(RemoteUrl {
        scheme,
        username,
        password,
        host,
        port: port.unwrap_or(scheme.default_port()),
        path: encoded(path.trim_end_matches('/')),
    })
}

/// `[user@]host:path`, where no slash stands before the colon. A literal IPv6 address stands in brackets.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let after_host = text.find(']').filter(|_| text.contains('[')).unwrap_or(0);
    let colon = after_host + text[after_host..].find(':')?;
    (!text[..colon].contains('/')).then(|| (&text[..colon], &text[colon + 1..]))
}

fn ssh(authority: &str, path: &str) -> Result<RemoteUrl, UrlError> {
    let (user, host) = authority
        .rsplit_once('@')
        .map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = host_and_port(host)?;
    let username = user.filter(|user| !user.is_empty()).map(Secret::new);
    ssh_at(
        Authority {
            username,
            password: None,
            host,
            port,
        },
        path.to_owned(),
    )
}

fn ssh_at(authority: Authority, path: String) -> Result<RemoteUrl, UrlError> {
    let Authority {
        username,
        password,
        host,
        port,
    } = authority;
    if path.is_empty() || path == "/" {
        return Err(UrlError::NoPath);
    }
    if path.starts_with('-') {
        return Err(UrlError::OptionLikePath);
    }
    let port = port.unwrap_or(Scheme::Ssh.default_port());
    Ok(RemoteUrl {
        scheme: Scheme::Ssh,
        username,
        password,
        host,
        port,
        path,
    })
}

/// `[user[:password]@]host[:port]`.
struct Authority {
    username: Option<Secret>,
    password: Option<Secret>,
    host: String,
    port: Option<u16>,
}

impl Authority {
    fn parse(text: &str) -> Result<Self, UrlError> {
        let (userinfo, host) = text
            .rsplit_once('@')
            .map_or(("", text), |(user, host)| (user, host));
        let (username, password) = userinfo
            .split_once(':')
            .map_or((userinfo, None), |(user, pass)| (user, Some(pass)));
        let (host, port) = host_and_port(host)?;
        Ok(Self {
            username: if username.is_empty() {
                None
            } else {
                Some(Secret::new(decoded(username)?))
            },
            password: password.map(decoded).transpose()?.map(Secret::new),
            host,
            port,
        })
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest
            .split_once(']')
            .ok_or_else(|| UrlError::Host(text.to_owned()))?;
        address
            .parse::<std::net::Ipv6Addr>()
            .map_err(|_| UrlError::Host(text.to_owned()))?;
        (address, port)
    } else {
        let (host, port) = text.find(':').map_or((text, ""), |at| text.split_at(at));
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || host.starts_with('-') || !host.chars().all(good) {
            return Err(UrlError::Host(host.to_owned()));
        }
        (host, port)
    };
    Ok((host.to_ascii_lowercase(), port_of(port)?))
}

fn port_of(text: &str) -> Result<Option<u16>, UrlError> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Ok(None),
        Some("") => Ok(None),
        Some(digits) => digits
            .parse()
            .map(Some)
            .map_err(|_| UrlError::Port(digits.to_owned())),
        None => Err(UrlError::Port(text.to_owned())),
    }
}

fn decoded(text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|b| char::from(b).to_digit(16))
                .ok_or(UrlError::Percent)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| UrlError::Percent)?);
    }
    let text = String::from_utf8(bytes).map_err(|_| UrlError::Percent)?;
    if text.chars().any(char::is_control) {
        Err(UrlError::ControlCharacter)
    } else {
        Ok(text)
    }
}

/// What a URL cannot hold is percent-encoded, what is encoded already stays.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            )
        {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

impl RemoteUrl {
    /// `host`, or `host:port` where the port is not the usual one.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.path.starts_with('/') || self.path.is_empty() {
            ""
        } else {
            "/"
        };
        let userinfo = match (self.scheme, &self.username, &self.password) {
            (_, None, None) => String::new(),
            // A user name over ssh is public. Over http a forge may take a token for it.
            (Scheme::Ssh, Some(user), None) => {
                format!("{}@", String::from_utf8_lossy(user.reveal()))
            }
            _ => "***@".to_owned(),
        };
        write!(
            f,
            "{}://{userinfo}{}{slash}{}",
            self.scheme.name(),
            self.authority(),
            self.path
        )
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Local(path) => path.display().fmt(f),
            Place::Remote(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> GitUrl {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn remote(text: &str) -> RemoteUrl {
        match url(text).0 {
            Place::Remote(remote) => remote,
            Place::Local(path) => panic!("{text} is the local path {}", path.display()),
        }
    }

    fn check(text: &str, host: &str, port: u16, path: &str) {
        let remote = remote(text);
        assert_eq!(
            (remote.host.as_str(), remote.port, remote.path.as_str()),
            (host, port, path),
            "{text}"
        );
    }

    #[test]
    fn local_paths_are_recognised() {
        for text in [
            "/srv/beads",
            "./a:b",
            "../x",
            "beads",
            "/srv/with space/x.git",
            "dir/host:path",
        ] {
            assert_eq!(url(text).local_path(), Some(Path::new(text)), "{text}");
        }
        assert_eq!(
            url("file:///srv/a%20b").local_path(),
            Some(Path::new("/srv/a b"))
        );
        assert_eq!(
            url("file://localhost/srv/a").local_path(),
            Some(Path::new("/srv/a"))
        );
    }

    #[test]
    fn servers_are_recognised() {
        check(
            "https://Example.com/a/b.git/",
            "example.com",
            443,
            "/a/b.git",
        );
        check("http://example.com:8080/a b", "example.com", 8080, "/a%20b");
        check("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443, "/x");
        check(
            "ssh://git@example.com/srv/x.git",
            "example.com",
            22,
            "/srv/x.git",
        );
        check(
            "ssh://git@example.com:2222/~me/x.git",
            "example.com",
            2222,
            "~me/x.git",
        );
        check(
            "git@github.com:example/repo.git",
            "github.com",
            22,
            "example/repo.git",
        );
        check("example.com:/srv/x.git", "example.com", 22, "/srv/x.git");
        check("git@[::1]:x.git", "::1", 22, "x.git");
    }

    #[test]
    fn what_is_not_a_repository_says_why() {
        let cases: &[(&str, UrlError)] = &[
            ("", UrlError::Empty),
            ("--upload-pack=touch /tmp/x", UrlError::OptionLike),
            ("ext::sh -c id", UrlError::RemoteHelper("ext".to_owned())),
            ("git://example.com/x", UrlError::Scheme("git".to_owned())),
            ("s3://bucket/x", UrlError::Scheme("s3".to_owned())),
            (
                "file://server/share",
                UrlError::FileHost("server".to_owned()),
            ),
            (
                "ssh://-oProxyCommand=id/x",
                UrlError::Host("-oProxyCommand=id".to_owned()),
            ),
            ("-oProxyCommand=id@host:x", UrlError::OptionLike),
            (
                "git@-oProxyCommand=id:x",
                UrlError::Host("-oProxyCommand=id".to_owned()),
            ),
            ("git@host:-x", UrlError::OptionLikePath),
            ("git@host:", UrlError::NoPath),
            ("ssh://host", UrlError::NoPath),
            ("https://host:99999/x", UrlError::Port("99999".to_owned())),
            ("https:///x", UrlError::Host(String::new())),
            ("https://host/x?private_token=s3cret", UrlError::Query),
            ("https://host/%zz", UrlError::Percent),
            ("https://host/%0a", UrlError::ControlCharacter),
            ("https://host/x\n", UrlError::ControlCharacter),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<GitUrl>().as_ref(), Err(error), "{text}");
        }
    }

    #[test]
    fn credentials_are_taken_from_the_url_and_not_shown() {
        let text = "https://me%40corp:p%3ass@example.com/x.git";
        let remote = remote(text);
        assert_eq!(remote.username, Some(Secret::new("me@corp")));
        assert_eq!(remote.password, Some(Secret::new("p:ss")));
        assert_eq!(
            format!("{0} {0:?}", url(text)),
            "https://***@example.com/x.git https://***@example.com/x.git"
        );
        assert_eq!(
            url("https://ghp_token@github.com/x/y").to_string(),
            "https://***@github.com/x/y"
        );
        assert_eq!(
            url("ssh://git:secret@example.com/x").to_string(),
            "ssh://***@example.com/x"
        );
        assert_eq!(
            url("git@example.com:x").to_string(),
            "ssh://git@example.com/x"
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_is_shown_hides_the_password(user in "[a-z]{1,8}", password in "[A-Z0-9]{12}", any in ".*") {
            let _ = any.parse::<GitUrl>();
            let shown = url(&format!("https://{user}:{password}@example.com/r")).to_string();
            prop_assert!(!shown.contains(&password));
        }
    }
}
