//! Certificates in every supported form, and the errors of those that cannot be used.
//!
//! `tests/certificates` holds a throwaway key that OpenSSL 3.0 has encrypted with its default ciphers and with
//! `-legacy`.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as Made, PKCS_RSA_SHA256,
    RsaKeySize,
};
use time::{Duration, macros::datetime};

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-24 06:00 UTC);
const PASSWORD: &str = "open-sesame";

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/", $name))
    };
}

const MODERN: &[u8] = fixture!("modern.pfx");
const MODERN_PASSWORD: &[u8] = fixture!("modern-password.pfx");
const LEGACY: &[u8] = fixture!("legacy.pfx");
const LEGACY_PASSWORD: &[u8] = fixture!("legacy-password.pfx");
const PUBLIC: &[u8] = fixture!("throwaway.cer");
const PKCS1: &[u8] = fixture!("throwaway-pkcs1.pem");

fn read(content: impl AsRef<[u8]>, password: Option<&str>) -> Result<Key, CertificateError> {
    Key::read(content.as_ref(), password, NOW)
}

fn why(content: impl AsRef<[u8]>, password: Option<&str>) -> String {
    read(content, password).err().unwrap().to_string()
}

/// A key and its certificate, PEM.
fn made() -> (String, String) {
    let made = crate::certificate::make("hr", 30, NOW).unwrap();
    (made.key.secret().to_owned(), made.certificate)
}

#[test]
fn pem_is_read_in_both_orders_with_both_kinds_of_key_and_with_escaped_line_ends() {
    let (key, certificate) = made();
    let (public, pkcs1) = (str::from_utf8(PUBLIC).unwrap(), str::from_utf8(PKCS1).unwrap());
    for content in [
        format!("{key}{certificate}"),
        format!("{certificate}{key}"),
        format!("Bag Attributes\n    friendlyName: hr\n{certificate}\n\n{key}"),
        format!("{certificate}{key}").replace('\n', "\\n"),
        format!("{certificate}{key}").replace('\n', "\r\n"),
        format!("{pkcs1}{public}"),
        format!("{public}{pkcs1}"),
    ] {
        assert_eq!(read(&content, None).unwrap().chain.len(), 1);
        // A password that is not needed is ignored.
        assert!(read(&content, Some(PASSWORD)).is_ok());
    }
}

#[test]
fn of_a_chain_the_certificate_of_the_key_comes_first() {
    let mut issuer = CertificateParams::default();
    issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(issuer, Made::generate().unwrap()).unwrap();
    let key = Made::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let leaf = CertificateParams::new(["hr".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let (_, stranger) = made();
    let key = key.serialize_pem();
    let (leaf_pem, issuer_pem) = (leaf.pem(), issuer.pem());
    for content in [
        format!("{issuer_pem}{stranger}{key}{leaf_pem}"),
        format!("{leaf_pem}{issuer_pem}{key}{stranger}"),
    ] {
        let chain = read(content, None).unwrap().chain;
        assert_eq!(chain, [leaf.der().to_vec(), issuer.der().to_vec()]);
    }
}

#[test]
fn pkcs12_is_read_with_present_and_older_ciphers_and_as_base64() {
    for (content, password) in [
        (MODERN, None),
        (MODERN, Some("")),
        (MODERN_PASSWORD, Some(PASSWORD)),
        (LEGACY, None),
        (LEGACY_PASSWORD, Some(PASSWORD)),
    ] {
        let chain = read(content, password).unwrap().chain;
        assert_eq!(chain.len(), 1);
        let base64 = STANDARD.encode(content);
        assert_eq!(read(&base64, password).unwrap().chain, chain);
        let (first, second) = base64.split_at(64);
        assert_eq!(read(format!("{first}\n{second}\n"), password).unwrap().chain, chain);
    }
}

#[test]
fn the_error_of_a_certificate_says_what_is_wrong_with_it() {
    let (key, certificate) = made();
    let (other_key, _) = made();
    let curve = Made::generate().unwrap();
    let of_curve = CertificateParams::default().self_signed(&curve).unwrap().pem();
    let curve = curve.serialize_pem();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let damaged = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (content, password, expected) in [
        (key.clone(), None, "it contains no certificate"),
        (certificate.clone(), None, "it contains no private key"),
        (format!("{other_key}{certificate}"), None, "does not belong to any of its certificates"),
        (format!("{curve}{of_curve}"), None, "not an RSA key of at least 2048 bits"),
        (format!("{encrypted}{certificate}"), None, "its private key is encrypted"),
        (format!("{key}{damaged}"), None, "it contains a damaged certificate"),
        (format!("{certificate}{key}").replace("END CERT", "EMD CERT"), None, "damaged"),
        (STANDARD.encode(MODERN_PASSWORD), None, "name the setting in \"passwordSetting\""),
        (STANDARD.encode(LEGACY_PASSWORD), None, "name the setting in \"passwordSetting\""),
        (STANDARD.encode(MODERN_PASSWORD), Some("wrong"), "its password is wrong"),
        (STANDARD.encode(LEGACY_PASSWORD), Some("wrong"), "its password is wrong"),
        (STANDARD.encode(&MODERN[..900]), None, "neither PEM nor a readable PKCS#12"),
        ("hunter2".to_owned(), None, "neither PEM nor a readable PKCS#12"),
    ] {
        let why = why(content, password);
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn a_certificate_is_valid_until_it_expires_and_then_the_error_has_its_date() {
    let (key, certificate) = made();
    let content = format!("{key}{certificate}");
    let end = NOW + Duration::days(30);
    assert!(Key::read(content.as_bytes(), None, end - Duration::seconds(1)).is_ok());
    let why = Key::read(content.as_bytes(), None, end).err().unwrap();
    assert!(why.to_string().starts_with("it expired on 2026-12-24. "), "{why}");
}
