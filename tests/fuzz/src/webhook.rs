//! The proofs in a call of a webhook.

use beadlet_sync::git::Secret;
use beadlet_sync::git::webhook::Proofs;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Nobody guesses it, so that nothing but itself proves anything.
const SECRET: &str = "6b1f7c5e0d9a4f2b8c3e7a6d5f4e3c2b";

/// Takes `bytes` for a call: headers, an empty line, the body.
///
/// # Panics
/// When something does not hold that holds for every call.
pub fn check(bytes: &[u8]) {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &bytes[..0]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(100) {
        let at = line.iter().position(|byte| *byte == b':');
        let (name, value) = at.map_or((line, &line[..0]), |at| (&line[..at], &line[at + 1..]));
        let name = HeaderName::from_bytes(name.trim_ascii());
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let told = headers.values().any(|value| value == SECRET);
    for secret in [SECRET, "", "whsec_", "whsec_AAAA"] {
        let whole = is_right(&headers, secret, [body]);
        let parts = is_right(&headers, secret, body.chunks(3));
        assert_eq!(whole, parts, "how the body comes in does not matter");
        assert!(!whole || told || secret.len() == 10, "a call is believed");
    }
    headers.append("x-gitlab-token", HeaderValue::from_static(SECRET));
    let proofs = Proofs::of(&headers);
    assert!(!proofs.is_empty());
    assert!(!format!("{proofs:?}").contains(SECRET));
    let many = headers.get_all("x-gitlab-token").iter().count() > 8;
    assert!(many || is_right(&headers, SECRET, [body]), "it knows it");
}

fn is_right<'a>(
    headers: &HeaderMap,
    secret: &str,
    body: impl IntoIterator<Item = &'a [u8]>,
) -> bool {
    let mut check = Proofs::of(headers).check(&Secret::new(secret));
    body.into_iter().for_each(|part| check.update(part));
    check.is_right()
}
