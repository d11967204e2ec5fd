//! A new certificate can be read again, and no file is overwritten.

use time::macros::datetime;
use x509_parser::pem::parse_x509_pem;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

#[test]
fn a_certificate_has_its_name_and_its_validity() {
    let made = make("hr-push", 365, NOW).unwrap();
    let (_, pem) = parse_x509_pem(made.certificate.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=hr-push");
    assert_eq!(certificate.issuer(), certificate.subject());
    assert_eq!(certificate.validity().not_after.to_datetime(), datetime!(2027-11-23 06:00 UTC));
    assert!(certificate.validity().not_before.to_datetime() < NOW);
    assert!(!certificate.is_ca());
    assert_eq!(made.expires, datetime!(2027-11-23 06:00 UTC));
    assert_eq!(made.thumbprint.len(), 40);
    assert!(made.thumbprint.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()));
    assert!(!format!("{made:?}").contains("PRIVATE"));
}

#[test]
fn an_invalid_name_and_an_invalid_number_of_days_are_errors() {
    for name in ["", "../hr", "a b", "hr/push"] {
        assert!(make(name, 365, NOW).unwrap_err().contains("the name must be"), "{name}");
    }
    for days in [0, 3651, u32::MAX] {
        assert!(make("hr", days, NOW).unwrap_err().contains("1 to 3650 days"), "{days}");
    }
}

#[test]
fn only_the_owner_can_read_the_private_part_and_the_public_part_has_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("keys");
    let text = run("hr", 30, &inner, NOW).unwrap().text;
    let public = fs::read_to_string(inner.join("hr.cer")).unwrap();
    let private = fs::read_to_string(inner.join("hr.pem")).unwrap();
    assert!(public.starts_with("-----BEGIN CERTIFICATE") && !public.contains("PRIVATE"));
    assert!(private.starts_with("-----BEGIN PRIVATE KEY") && private.contains(&public));
    for word in ["hr.cer", "hr.pem", "2026-12-23", "az keyvault secret set"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(!text.contains("BEGIN"));
    #[cfg(unix)]
    {
        let mode = |name| {
            let metadata = fs::metadata(inner.join(name)).unwrap();
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777
        };
        assert_eq!(mode("hr.pem"), 0o600);
        assert_ne!(mode("hr.cer"), 0o600);
    }
}

#[test]
fn an_existing_file_is_kept_and_no_other_file_is_left() {
    let made = make("hr", 30, NOW).unwrap();
    for (there, other) in [("hr.pem", "hr.cer"), ("hr.cer", "hr.pem")] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(there), "mine").unwrap();
        let why = write(&made, folder.path()).unwrap_err();
        assert!(why.contains("already exists") && why.contains(there), "{why}");
        assert_eq!(fs::read_to_string(folder.path().join(there)).unwrap(), "mine");
        assert!(!folder.path().join(other).exists());
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let why = write(&made, &folder.path().join("file")).unwrap_err();
    assert!(why.contains("cannot be written") || why.contains("already exists"), "{why}");
}
