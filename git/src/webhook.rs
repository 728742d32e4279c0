//! What a call to a webhook says to prove that it comes from the forge that knows the secret. Values in, values out.
//!
//! | header | who sends it | what it holds |
//! |---|---|---|
//! | `X-Hub-Signature-256` | GitHub, Gitea, Forgejo | `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits |
//! | `X-Hub-Signature` | Bitbucket | the same; one that starts with `sha1=` proves nothing |
//! | `X-Gitea-Signature`, `X-Forgejo-Signature`, `X-Gogs-Signature` | Gitea, Forgejo, Gogs | the HMAC-SHA256 of the body in hexadecimal digits |
//! | `X-Signature` | anybody | the same, with or without `sha256=` |
//! | `webhook-signature` | GitLab's signing token, and who follows Standard Webhooks | `v1,` and the HMAC-SHA256 of `webhook-id`, `webhook-timestamp` and the body, joined by dots, in base64; several, with spaces between them |
//! | `X-Gitlab-Token` | GitLab's secret token | the secret itself |
//!
//! One proof that is right is enough, whatever the others are: nobody can make one without the secret. How old a call is does not matter,
//! since a call that is repeated does nothing but have somebody look once more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

use crate::Secret;

/// Headers with the HMAC of the body, and whether their value must name the hash.
const OF_BODY: [(&str, Prefix); 6] = [
    ("x-hub-signature-256", Prefix::Needed),
    ("x-hub-signature", Prefix::Needed),
    ("x-gitea-signature", Prefix::Optional),
    ("x-forgejo-signature", Prefix::Optional),
    ("x-gogs-signature", Prefix::Optional),
    ("x-signature", Prefix::Optional),
];
const TOKEN: &str = "x-gitlab-token";
const STANDARD_SIGNATURE: &str = "webhook-signature";
const STANDARD_ID: &str = "webhook-id";
const STANDARD_TIMESTAMP: &str = "webhook-timestamp";

/// What the secrets of Standard Webhooks start with; base64 follows.
const STANDARD_SECRET: &str = "whsec_";
/// While a secret is exchanged for another, a call is signed with both. More signatures are not looked at.
const AT_MOST: usize = 8;
/// Of HMAC-SHA256.
const TAG: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Needed,
    Optional,
}

/// The proofs that the headers of a call hold. None of them is believed yet.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    of_body: Vec<[u8; TAG]>,
    standard: Option<Standard>,
    tokens: Vec<Secret>,
}

/// What is signed beside the body, and the signatures.
#[derive(Clone, Debug)]
struct Standard {
    before_body: Vec<u8>,
    tags: Vec<[u8; TAG]>,
}

impl Proofs {
    /// What has not the form of a proof is none.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let of_body = OF_BODY.iter().flat_map(|(name, prefix)| {
            let values = headers.get_all(*name).iter();
            values.filter_map(|value| of_body(value, *prefix))
        });
        let tokens = headers.get_all(TOKEN).iter();
        Self {
            of_body: of_body.take(AT_MOST).collect(),
            standard: Standard::of(headers),
            tokens: tokens
                .take(AT_MOST)
                .map(|token| Secret::new(token.as_bytes()))
                .collect(),
        }
    }

    /// Whether the call does not even say that it knows the secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_body.is_empty() && self.standard.is_none() && self.tokens.is_empty()
    }

    /// Begins to check them. An empty secret proves nothing: everybody knows it.
    #[must_use]
    pub fn check(self, secret: &Secret) -> Check {
        let key = secret.reveal();
        let is_token = self.tokens.iter().fold(Choice::from(0), |any, token| {
            any | token.reveal().ct_eq(key)
        });
        let usable = (!key.is_empty()).then_some(key);
        Check {
            is_token: usable.is_some() && bool::from(is_token),
            of_body: usable
                .filter(|_| !self.of_body.is_empty())
                .and_then(mac)
                .map(|mac| (mac, self.of_body)),
            standard: usable
                .zip(self.standard)
                .and_then(|(key, standard)| standard.check(key)),
        }
    }
}

impl Standard {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(STANDARD_ID)?.as_bytes();
        let timestamp = headers.get(STANDARD_TIMESTAMP)?.as_bytes();
        let text = headers.get(STANDARD_SIGNATURE)?.to_str().ok()?;
        let tags: Vec<_> = text
            .split(' ')
            .take(AT_MOST)
            .filter_map(|signature| tag(&STANDARD.decode(signature.strip_prefix("v1,")?).ok()?))
            .collect();
        let before_body = [id, b".", timestamp, b"."].concat();
        (!tags.is_empty()).then_some(Self { before_body, tags })
    }

    fn check(self, secret: &[u8]) -> Option<(Hmac<Sha256>, Vec<[u8; TAG]>)> {
        let encoded = secret.strip_prefix(STANDARD_SECRET.as_bytes());
        let decoded = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
        let key = decoded.map(Secret::new);
        let key = key.as_ref().map_or(secret, Secret::reveal);
        if key.is_empty() {
            return None;
        }
        let mut mac = mac(key)?;
        mac.update(&self.before_body);
        Some((mac, self.tags))
    }
}

/// Proofs while the body comes in. It is not kept, whatever its size.
#[derive(Clone, Debug)]
pub struct Check {
    is_token: bool,
    of_body: Option<(Hmac<Sha256>, Vec<[u8; TAG]>)>,
    standard: Option<(Hmac<Sha256>, Vec<[u8; TAG]>)>,
}

impl Check {
    /// Takes the next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        for (mac, _) in self.of_body.iter_mut().chain(&mut self.standard) {
            mac.update(part);
        }
    }

    /// Whether one of the proofs is right, in a time that does not tell how much of it is.
    #[must_use]
    pub fn is_right(self) -> bool {
        let Self {
            is_token,
            of_body,
            standard,
        } = self;
        let signed = of_body.into_iter().chain(standard).any(|(mac, tags)| {
            let is_of = |tag: &[u8; TAG]| mac.clone().verify_slice(tag).is_ok();
            tags.iter().any(is_of)
        });
        is_token || signed
    }
}

fn mac(key: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(key).ok()
}

fn of_body(value: &HeaderValue, prefix: Prefix) -> Option<[u8; TAG]> {
    let text = value.to_str().ok()?;
    let digits = match (text.strip_prefix("sha256="), prefix) {
        (Some(digits), _) => digits,
        (None, Prefix::Optional) => text,
        (None, Prefix::Needed) => return None,
    };
    hexadecimal(digits.as_bytes())
}

fn hexadecimal(digits: &[u8]) -> Option<[u8; TAG]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    tag(&bytes.filter(|_| rest.is_empty())?)
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

fn tag(bytes: &[u8]) -> Option<[u8; TAG]> {
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests;
