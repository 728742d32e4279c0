//! Who may clone.

use http::{HeaderValue, header, request::Parts};

/// Whom it serves. Only a user who has said who they are may push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    Anyone,
    Basic {
        user: String,
        password: String,
    },
    /// `Authorization: Bearer <token>`.
    Bearer(String),
}

impl Auth {
    /// Who asks, nobody in particular where anyone may.
    ///
    /// # Errors
    /// Somebody else; what is missing, as `WWW-Authenticate` says it.
    pub(super) fn user(&self, request: &Parts) -> Result<Option<String>, &'static str> {
        let sent = request
            .headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        let (wanted, user, scheme) = match self {
            Auth::Anyone => return Ok(None),
            Auth::Basic { user, password } => {
                let login = base64(&format!("{user}:{password}"));
                (
                    format!("Basic {login}"),
                    user.as_str(),
                    "Basic realm=\"git\"",
                )
            }
            Auth::Bearer(token) => (format!("Bearer {token}"), "token", "Bearer"),
        };
        let known = sent == Some(wanted.as_bytes());
        known.then(|| Some(user.to_owned())).ok_or(scheme)
    }
}

/// RFC 4648, with padding.
pub(in crate::git) fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().enumerate().fold(0_usize, |bits, (at, byte)| {
            bits | usize::from(*byte) << (16 - 8 * at)
        });
        for place in 0..4 {
            let digit = ALPHABET[bits >> (18 - 6 * place) & 63];
            encoded.push(if place <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain), encoded);
        }
    }
}
