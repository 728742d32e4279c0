use super::*;

fn remote(text: &str) -> RemoteUrl {
    match text.parse::<crate::GitUrl>().unwrap().0 {
        Place::Remote(url) => url,
        Place::Local(_) => panic!("{text} is local"),
    }
}

#[test]
fn proxy_is_an_http_url_without_a_path() {
    let target = remote("https://example.com/x");
    let dialer = |text: &str| Dialer::new(&Proxy::Url(text.parse().unwrap()), &target);
    let proxy = dialer("http://me:pass@proxy.example:3128")
        .unwrap()
        .proxy(Scheme::Https, "example.com", 443)
        .unwrap()
        .unwrap();
    assert_eq!(proxy.to_string(), "proxy.example:3128");
    assert_eq!(proxy.authorization.unwrap(), "Basic bWU6cGFzcw==");
    for text in [
        "https://proxy.example",
        "http://proxy.example/x",
        "ssh://proxy.example/x",
        "/tmp/x",
    ] {
        assert!(
            matches!(dialer(text), Err(SettingsError::Proxy(_))),
            "{text}"
        );
    }
}

#[test]
fn answer_of_a_proxy_is_read_by_its_status() {
    assert_eq!(
        status(b"HTTP/1.1 200 Connection established\r\n\r\n"),
        Some("200")
    );
    assert_eq!(status(b"HTTP/1.0 407 x\r\n\r\n"), Some("407"));
    assert_eq!(status(b"SSH-2.0-x\r\n\r\n"), None);
}
