//! Signatures of commits with an ssh key, as `git commit -S` makes them with `gpg.format=ssh` (SSHSIG in the header `gpgsig`).

use std::fmt;

use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey};

/// What git says that it signs, so that a signature of something else is none of a commit.
const NAMESPACE: &str = "git";

/// A key that signs commits.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(PrivateKey);

/// Why a key cannot sign. Holds nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    #[error(
        "it is no private key in OpenSSH's form: make one with `ssh-keygen -t ed25519 -N \"\"`"
    )]
    NotAKey,
    #[error("it is locked with a passphrase: take that off a copy of it (`ssh-keygen -p`)")]
    Locked,
    #[error(
        "keys of type {0} are not signed with here: use ssh-ed25519, ecdsa-sha2-nistp256 or ecdsa-sha2-nistp384"
    )]
    Unsupported(String),
    #[error("it makes no signature")]
    Unusable,
}

impl SigningKey {
    /// # Errors
    /// When it is no key that can sign.
    pub fn parse(text: &[u8]) -> Result<Self, SigningKeyError> {
        let key = PrivateKey::from_openssh(text).map_err(|_| SigningKeyError::NotAKey)?;
        if key.is_encrypted() {
            return Err(SigningKeyError::Locked);
        }
        let curve = match key.algorithm() {
            Algorithm::Ed25519 => None,
            Algorithm::Ecdsa { curve } => Some(curve),
            other => return Err(SigningKeyError::Unsupported(other.to_string())),
        };
        if curve == Some(EcdsaCurve::NistP521) {
            return Err(SigningKeyError::Unsupported(key.algorithm().to_string()));
        }
        let key = Self(key);
        key.sign(b"").map(|_| key)
    }

    /// The signature of a commit, in the form that stands in its header.
    pub(crate) fn sign(&self, commit: &[u8]) -> Result<String, SigningKeyError> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, commit);
        signature
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map(|pem| pem.trim_end().to_owned())
            .map_err(|_| SigningKeyError::Unusable)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.0.fingerprint(HashAlg::Sha256))
    }
}

#[cfg(test)]
mod tests {
    use ssh_key::private::{Ed25519Keypair, KeypairData};

    use super::*;

    #[test]
    fn key_signs_and_is_not_told() {
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let key = PrivateKey::new(KeypairData::Ed25519(pair), "me").unwrap();
        let text = key.to_openssh(LineEnding::LF).unwrap();
        let key = SigningKey::parse(text.as_bytes()).unwrap();
        let signature = key.sign(b"tree 0").unwrap();
        assert!(signature.starts_with("-----BEGIN SSH SIGNATURE-----\n"));
        assert!(format!("{key:?}").starts_with("SigningKey(SHA256:"));
    }

    #[test]
    fn what_cannot_sign_is_said() {
        assert_eq!(SigningKey::parse(b"x"), Err(SigningKeyError::NotAKey));
        assert_eq!(
            SigningKey::parse(LOCKED.as_bytes()),
            Err(SigningKeyError::Locked)
        );
    }

    /// Made with `ssh-keygen -t ed25519 -N secret`; it opens nothing.
    const LOCKED: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
        b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABD5cIyhRr\n\
        p7pxGR68tr49NPAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIFMe7AF8EEpkz1ND\n\
        FHIgBI7GpZJjS6+6VEKwzdtRkQVdAAAAkAOKClgmM1ajXoLT1/Wblk0G9Z28jVZ4P+0BwM\n\
        /56pOHIQY5LlvSn+OX/Qkgrm8qzPzWGWqUDq3siq9SCQUz4u7XnThOz/iVwxhNUjZ8GI8k\n\
        4XkOnhUkok+bR7OZQACcsF8Ouukglmw5TeEF1QNeAnMfIpHXDVInpvMV1cibCvXNxrW0ot\n\
        o2k1F1d+A5umuPtw==\n\
        -----END OPENSSH PRIVATE KEY-----\n";
}
