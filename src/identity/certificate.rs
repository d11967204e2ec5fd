//! A certificate with its private key, out of PEM or PKCS#12.

use std::borrow::Cow;

use aws_lc_rs::{rsa::KeyPair, signature::KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p12_keystore::{Pkcs12Archive, error::Error as Pkcs12Error};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

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
    /// What is wrong with it, as the rest of a sentence.
    pub(super) fn read(
        content: &[u8],
        password: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, String> {
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
    fn key(self, now: OffsetDateTime) -> Result<Key, String> {
        if self.certificates.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        if self.keys.is_empty() {
            return Err("there is no private key in it".to_owned());
        }
        let keys: Vec<KeyPair> = self.keys.into_iter().flatten().collect();
        if keys.is_empty() {
            return Err("its private key is not an RSA key of 2048 bits or more, and Microsoft \
                        Entra takes no other"
                .to_owned());
        }
        let mut others = vec![];
        for der in &self.certificates {
            let parsed = parse_x509_certificate(der);
            others.push(parsed.map_err(|_| "a certificate in it is damaged")?.1);
        }
        let pair_of = |certificate: &X509Certificate<'_>| {
            let public = &certificate.public_key().subject_public_key.data;
            keys.iter().position(|key| key.public_key().as_ref() == &public[..])
        };
        let found = others.iter().enumerate().find_map(|(at, other)| Some((at, pair_of(other)?)));
        let (at, pair) = found.ok_or("the private key in it is not that of a certificate in it")?;
        let leaf = others.remove(at);
        let end = leaf.validity().not_after.to_datetime();
        if end <= now {
            return Err(format!("it expired on {}", end.date()));
        }
        let mut chain = vec![leaf];
        while let Some(at) = chain.last().and_then(|last| {
            others.iter().position(|other| other.subject().as_raw() == last.issuer().as_raw())
        }) {
            chain.push(others.remove(at));
        }
        let chain = chain.iter().map(|certificate| certificate.as_raw().to_vec()).collect();
        let pair = keys.into_iter().nth(pair).ok_or("there is no private key in it")?;
        Ok(Key { pair, chain })
    }
}

fn pem(text: &str) -> Result<Parts, String> {
    // A setting of one line has its line ends spelled out.
    let text = text.replace("\\n", "\n");
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4") {
        return Err("its private key is encrypted; only that of a PKCS#12 may be".to_owned());
    }
    let mut parts = Parts::default();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes()) {
        let (kind, der) = section.map_err(|_| "the PEM is damaged")?;
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

fn pkcs12(content: &[u8], password: Option<&str>) -> Result<Parts, String> {
    let archive = Pkcs12Archive::from_pkcs12(content, password.unwrap_or_default());
    let archive = archive.map_err(|error| match (error, password) {
        (Pkcs12Error::MacError(_), Some(_)) => "the password does not open it",
        (Pkcs12Error::MacError(_), None) => {
            "it has a password; put that into a setting and name it in \"passwordSetting\" (--password-from)"
        }
        (Pkcs12Error::UnsupportedEncryptionScheme | Pkcs12Error::UnsupportedMacAlgorithm, _) => {
            "it is a PKCS#12 encrypted in an unknown way; export it with AES-256 and SHA-256"
        }
        _ => "it is neither PEM nor a PKCS#12 that can be read",
    })?;
    Ok(Parts {
        keys: archive.keys.iter().map(|bag| KeyPair::from_pkcs8(bag.key.as_der()).ok()).collect(),
        certificates: archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect(),
    })
}

#[cfg(test)]
mod tests;
