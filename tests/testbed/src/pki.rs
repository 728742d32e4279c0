//! A certificate authority of our own, and what it signs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority: a name, a key and its own certificate.
#[derive(Debug)]
pub struct Ca {
    name: String,
    key: KeyPair,
    pem: String,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

/// From when to when a server certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Current,
    /// It ended in 2021.
    Expired,
}

impl Ca {
    /// # Errors
    /// The key cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        Self::of(
            name,
            KeyPair::generate().context("cannot make a key for the CA")?,
        )
    }

    /// The authority that [`Ca::save`] wrote.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn load(name: &str, folder: &Path) -> Result<Self> {
        let path = folder.join("ca.key");
        let key =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::of(
            name,
            KeyPair::from_pem(&key).with_context(|| format!("{} holds no key", path.display()))?,
        )
    }

    /// Writes `ca.crt` and `ca.key`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.pair().write(folder, "ca").map(drop)
    }

    /// The certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A client certificate for a user in groups.
    ///
    /// # Errors
    /// More than two groups: the name of a certificate has room for two.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Pair> {
        ensure!(
            groups.len() <= 2,
            "user {user} is to be in {} groups, a certificate holds two",
            groups.len()
        );
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        // rcgen keeps one value for each type of name; 2.5.4.10 is the number of "organization", which holds groups.
        let organization = [
            DnType::OrganizationName,
            DnType::CustomDnType(vec![2, 5, 4, 10]),
        ];
        for (slot, group) in organization.into_iter().zip(groups) {
            params.distinguished_name.push(slot, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// A server certificate for host names and addresses.
    ///
    /// # Errors
    /// A name is not one that a certificate can hold.
    pub fn server(&self, names: &[&str], validity: Validity) -> Result<Pair> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).context("not a host name")?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        self.sign(params)
    }

    fn of(name: &str, key: KeyPair) -> Result<Self> {
        let certificate = ca_params(name)
            .self_signed(&key)
            .context("cannot sign the CA's certificate")?;
        Ok(Self {
            name: name.to_owned(),
            pem: certificate.pem(),
            key,
        })
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Pair> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().context("cannot make a key")?;
        let ca = ca_params(&self.name);
        let certificate = params.signed_by(&key, &Issuer::from_params(&ca, &self.key));
        Ok(Pair {
            cert: certificate.context("cannot sign a certificate")?.pem(),
            key: key.serialize_pem(),
        })
    }

    fn pair(&self) -> Pair {
        Pair {
            cert: self.pem.clone(),
            key: self.key.serialize_pem(),
        }
    }
}

impl Pair {
    /// Writes `<name>.crt` and `<name>.key` and gives their paths.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<(PathBuf, PathBuf)> {
        let (cert, key) = (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        );
        for (path, content) in [(&cert, &self.cert), (&key, &self.key)] {
            fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok((cert, key))
    }
}

/// A key pair that signs service-account tokens: (private, public), PEM.
///
/// # Errors
/// The key cannot be made.
pub fn signing_key() -> Result<(String, String)> {
    let key = KeyPair::generate().context("cannot make a key for service accounts")?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}
