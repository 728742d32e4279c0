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
        ("https://host:99999/x", UrlError::Port),
        ("https://user:pa/ss@host/x", UrlError::Port),
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
