//! The forms taken apart, as gitremote-helpers(7) and git-clone(1) describe them.

use std::path::PathBuf;
use std::str::FromStr;

use super::super::Secret;
use super::{GitUrl, Place, RemoteUrl, Scheme, UrlError};

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
        Some(digits) => digits.parse().map(Some).map_err(|_| UrlError::Port),
        None => Err(UrlError::Port),
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
