//! A certificate with its private key, out of PEM or PKCS#12.

use std::borrow::Cow;

use aws_lc_rs::{rsa::KeyPair, signature::KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p12_keystore::{Pkcs12Archive, error::Error as Pkcs12Error};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use time::{Date, OffsetDateTime};
use x509_parser::{certificate::X509Certificate, error::X509Error, nom, parse_x509_certificate};

/// Why a certificate cannot be used, as the rest of a sentence. Never what it holds: of a library's
/// error only what quotes nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// No private key.
    #[error("there is no private key in it")]
    NoKey,
    /// No key that Microsoft Entra takes.
    #[error(
        "its private key is not an RSA key of 2048 bits or more, and Microsoft Entra takes no other"
    )]
    NotRsa,
    /// A certificate that is no X.509.
    #[error("a certificate in it is damaged: {0}")]
    DamagedCertificate(#[source] nom::Err<X509Error>),
    /// Key and certificate are no pair.
    #[error("the private key in it is not that of a certificate in it")]
    NoPair,
    /// The certificate has ended.
    #[error("it expired on {0}")]
    Expired(Date),
    /// PEM with an encrypted key.
    #[error("its private key is encrypted; only that of a PKCS#12 may be")]
    EncryptedKey,
    /// PEM that breaks off or is no base64; its own error quotes lines.
    #[error("the PEM is damaged")]
    DamagedPem,
    /// PKCS#12 with another password.
    #[error("the password does not open it")]
    WrongPassword,
    /// PKCS#12 with a password, and none was given.
    #[error(
        "it has a password; put that into a setting and name it in \"passwordSetting\" \
         (--password-from)"
    )]
    NoPassword,
    /// PKCS#12 with ciphers that are not known.
    #[error(
        "it is a PKCS#12 encrypted in an unknown way ({0}); export it with AES-256 and SHA-256"
    )]
    UnknownEncryption(#[source] Pkcs12Error),
    /// Something else, perhaps another secret; the library's own error quotes bytes.
    #[error("it is neither PEM nor a PKCS#12 that can be read")]
    Unreadable,
}

/// A key that can sign, and whose it is.
pub(super) struct Key {
    /// The key.
    pub(super) pair: KeyPair,
    /// Its certificate, then the one that certifies it, and so on, as far as they are there; DER.
    pub(super) chain: Vec<Vec<u8>>,
}

/// What a file holds; a key that is no RSA key is `None`.
#[derive(Default)]
struct Parts {
    keys: Vec<Option<KeyPair>>,
    certificates: Vec<Vec<u8>>,
}

impl Key {
    /// Reads PEM in any order, or a PKCS#12, which may be written as base64.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(
        content: &[u8],
        password: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, CertificateError> {
        let text = String::from_utf8_lossy(content);
        let parts = if text.contains("-----BEGIN ") {
            pem(&text)?
        } else {
            let base64: String = text.split_whitespace().collect();
            let decoded = STANDARD.decode(base64);
            pkcs12(&decoded.map_or(Cow::Borrowed(content), Cow::Owned), password)?
        };
        parts.key(now)
    }
}

impl Parts {
    fn key(self, now: OffsetDateTime) -> Result<Key, CertificateError> {
        if self.certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        if self.keys.is_empty() {
            return Err(CertificateError::NoKey);
        }
        let keys: Vec<KeyPair> = self.keys.into_iter().flatten().collect();
        if keys.is_empty() {
            return Err(CertificateError::NotRsa);
        }
        let mut others = vec![];
        for der in &self.certificates {
            let parsed = parse_x509_certificate(der);
            others.push(parsed.map_err(CertificateError::DamagedCertificate)?.1);
        }
        let pair_of = |certificate: &X509Certificate<'_>| {
            let public = &certificate.public_key().subject_public_key.data;
            keys.iter().position(|key| key.public_key().as_ref() == &public[..])
        };
        let found = others.iter().enumerate().find_map(|(at, other)| Some((at, pair_of(other)?)));
        let (at, pair) = found.ok_or(CertificateError::NoPair)?;
        let leaf = others.remove(at);
        let end = leaf.validity().not_after.to_datetime();
        if end <= now {
            return Err(CertificateError::Expired(end.date()));
        }
        let mut chain = vec![leaf];
        while let Some(at) = chain.last().and_then(|last| {
            others.iter().position(|other| other.subject().as_raw() == last.issuer().as_raw())
        }) {
            chain.push(others.remove(at));
        }
        let chain = chain.iter().map(|certificate| certificate.as_raw().to_vec()).collect();
        let pair = keys.into_iter().nth(pair).ok_or(CertificateError::NoKey)?;
        Ok(Key { pair, chain })
    }
}

fn pem(text: &str) -> Result<Parts, CertificateError> {
    // A setting of one line has its line ends spelled out.
    let text = text.replace("\\n", "\n");
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4") {
        return Err(CertificateError::EncryptedKey);
    }
    let mut parts = Parts::default();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| CertificateError::DamagedPem)?;
        if kind == SectionKind::Certificate {
            parts.certificates.push(der);
        } else if kind == SectionKind::PrivateKey {
            parts.keys.push(KeyPair::from_pkcs8(&der).ok());
        } else if kind == SectionKind::RsaPrivateKey {
            parts.keys.push(KeyPair::from_der(&der).ok());
        } else if kind == SectionKind::EcPrivateKey {
            parts.keys.push(None);
        }
    }
    Ok(parts)
}

fn pkcs12(content: &[u8], password: Option<&str>) -> Result<Parts, CertificateError> {
    let archive = Pkcs12Archive::from_pkcs12(content, password.unwrap_or_default());
    let archive = archive.map_err(|error| match (error, password) {
        (Pkcs12Error::MacError(_), Some(_)) => CertificateError::WrongPassword,
        (Pkcs12Error::MacError(_), None) => CertificateError::NoPassword,
        (
            error @ (Pkcs12Error::UnsupportedEncryptionScheme
            | Pkcs12Error::UnsupportedMacAlgorithm),
            _,
        ) => CertificateError::UnknownEncryption(error),
        _ => CertificateError::Unreadable,
    })?;
    Ok(Parts {
        keys: archive.keys.iter().map(|bag| KeyPair::from_pkcs8(bag.key.as_der()).ok()).collect(),
        certificates: archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect(),
    })
}

#[cfg(test)]
mod tests;
