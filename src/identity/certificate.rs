//! Certificates with their private key, read from PEM or PKCS#12, and the assertions that an app registration
//! sends to Microsoft Entra instead of a secret.

use std::{borrow::Cow, fmt, sync::Arc};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PSS_SHA256},
};
use azure_core::{
    Error, Result as AzureResult, Uuid,
    credentials::{TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{ClientMethodOptions, Url},
};
use azure_identity::ClientAssertion;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use p12_keystore::{Pkcs12Archive, error::Error as Pkcs12Error};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};
use x509_parser::{certificate::X509Certificate, error::X509Error, nom, parse_x509_certificate};

use super::{refusal::Refusal, token::now};

/// Why a certificate cannot be used, as the second half of a sentence. It never quotes the certificate: of a
/// library's error only what quotes nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No certificate.
    #[error("it contains no certificate")]
    NoCertificate,
    /// No private key.
    #[error("it contains no private key")]
    NoKey,
    /// No key that Microsoft Entra accepts.
    #[error("its private key is not an RSA key of at least 2048 bits, as Microsoft Entra requires")]
    NotRsa,
    /// A certificate that is not X.509.
    #[error("it contains a damaged certificate: {0}")]
    DamagedCertificate(#[source] nom::Err<X509Error>),
    /// The key belongs to no certificate.
    #[error("its private key does not belong to any of its certificates")]
    NoPair,
    /// The certificate has expired.
    #[error("it expired on {0}. Create a new one with `viva-import certificate viva-hr`")]
    Expired(Date),
    /// PEM with an encrypted key.
    #[error("its private key is encrypted, which is supported only in PKCS#12. Decrypt the key")]
    EncryptedKey,
    /// PEM that ends early or is not base64; the library's error quotes lines.
    #[error("its PEM is damaged")]
    DamagedPem,
    /// PKCS#12 with another password.
    #[error("its password is wrong")]
    WrongPassword,
    /// PKCS#12 with a password, and none was given.
    #[error(
        "it has a password. Put the password into a setting, and name the setting in \"passwordSetting\" \
         (--password-from)"
    )]
    NoPassword,
    /// PKCS#12 with unsupported ciphers.
    #[error("its encryption is not supported ({0}). Export the PKCS#12 with AES-256 and SHA-256")]
    UnknownEncryption(#[source] Pkcs12Error),
    /// Something else, perhaps another secret; the library's error quotes bytes.
    #[error("it is neither PEM nor a readable PKCS#12")]
    Unreadable,
}

/// A private key with its certificate.
pub(super) struct Key {
    /// The key.
    pub(super) pair: KeyPair,
    /// Its certificate, then that of its issuer, and so on, as far as they are given; DER.
    pub(super) chain: Vec<Vec<u8>>,
}

/// The content of a file; a key that is not RSA is `None`.
#[derive(Default)]
struct Parts {
    keys: Vec<Option<KeyPair>>,
    certificates: Vec<Vec<u8>>,
}

impl Key {
    /// Reads PEM in any order, or PKCS#12, which may be encoded in base64.
    ///
    /// # Errors
    /// If it holds no usable key and certificate.
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
    // A setting in one line has its line ends written as `\n`.
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

/// The scope of a managed identity's token that is used as an assertion.
const EXCHANGE: &str = "api://AzureADTokenExchange/.default";
/// How long a signed assertion is valid.
const SECONDS: i64 = 300;

/// The token of a managed identity that the app registration trusts.
#[derive(Debug)]
pub(super) struct IdentityAssertion(pub(super) Arc<dyn TokenCredential>);

#[async_trait::async_trait]
impl ClientAssertion for IdentityAssertion {
    async fn secret(&self, options: Option<ClientMethodOptions<'_>>) -> AzureResult<String> {
        let options = options.map(|method_options| TokenRequestOptions { method_options });
        let token = self.0.get_token(&[EXCHANGE], options).await?;
        Ok(token.token.secret().to_owned())
    }
}

/// A statement that is signed with the key of a certificate of the app registration.
///
/// Source: "Microsoft identity platform application authentication certificate credentials" on
/// Microsoft Learn. The certificates are sent along, as Microsoft's C# sample does (`SendX5C`).
pub(super) struct SignedAssertion {
    client_id: String,
    audience: Url,
    key: Key,
}

impl SignedAssertion {
    /// Of the app registration `client_id`, for the token endpoint `audience`.
    pub(super) fn new(client_id: &str, audience: Url, key: Key) -> Self {
        Self { client_id: client_id.to_owned(), audience, key }
    }

    fn signed(&self) -> Option<String> {
        let [leaf, ..] = &self.key.chain[..] else { return None };
        let chain: Vec<String> =
            self.key.chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
        let head = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf)),
            "x5c": chain,
        });
        let now = now().unix_timestamp();
        let claims = json!({
            "aud": self.audience.as_str(),
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(),
            // The authority's clock may be a little behind.
            "nbf": now - SECONDS,
            "iat": now,
            "exp": now + SECONDS,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let content = format!("{}.{}", encode(&head), encode(&claims));
        let mut signature = vec![0; self.key.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.pair.sign(&RSA_PSS_SHA256, &random, content.as_bytes(), &mut signature).ok()?;
        Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for SignedAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedAssertion")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ClientAssertion for SignedAssertion {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> AzureResult<String> {
        self.signed().ok_or_else(|| {
            let why = "the private key of the certificate failed to sign";
            Error::new(ErrorKind::Credential, Refusal::lasting(why))
        })
    }
}

#[cfg(test)]
mod tests;
