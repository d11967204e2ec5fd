//! Valid credentials, and the faults of invalid ones.

use super::*;

const ID: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const OTHER: &str = "bbbbbbbb-1111-2222-3333-444444444444";

/// The credential of a document, or its faults.
fn read(document: &str) -> Result<Credential, Vec<String>> {
    let document = document.replace("ID", ID).replace("OTHER", OTHER);
    let document =
        format!(r#"{{ "tenantId": "{ID}", "connector": "HR", "credential": {document} }}"#);
    match ServiceIdentity::parse(document.as_bytes()) {
        Ok(caller) => Ok(caller.credential),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn every_kind_is_read_with_and_without_its_optional_members() {
    let id = || ID.to_owned();
    let setting = || "A_SETTING".to_owned();
    let certificate = |certificate, password| Credential::ClientCertificate {
        client_id: id(),
        certificate,
        password,
    };
    let table = [
        (r#"{"kind":"managedIdentity"}"#, Credential::ManagedIdentity { client_id: None }),
        (
            r#"{"kind":"managedIdentity","clientId":"ID"}"#,
            Credential::ManagedIdentity { client_id: Some(id()) },
        ),
        (
            r#"{"kind":"federatedIdentity","clientId":"ID"}"#,
            Credential::FederatedIdentity { client_id: id(), identity: None },
        ),
        (
            r#"{"kind":"federatedIdentity","clientId":"ID","identityClientId":"OTHER"}"#,
            Credential::FederatedIdentity { client_id: id(), identity: Some(OTHER.to_owned()) },
        ),
        (
            r#"{"kind":"clientCertificate","clientId":"ID","file":"/keys/a.pem"}"#,
            certificate(Certificate::File("/keys/a.pem".into()), None),
        ),
        (
            r#"{"kind":"clientCertificate","clientId":"ID","setting":"A_SETTING",
                "passwordSetting":"PASSWORD"}"#,
            certificate(Certificate::Setting(setting()), Some("PASSWORD".to_owned())),
        ),
        (
            r#"{"kind":"clientSecret","clientId":"ID","setting":"A_SETTING"}"#,
            Credential::ClientSecret { client_id: id(), setting: setting() },
        ),
        (r#"{"kind":"azureCli"}"#, Credential::AzureCli),
        (
            r#"{"kind":"accessToken","setting":"A_SETTING"}"#,
            Credential::AccessToken { setting: setting() },
        ),
    ];
    for (document, expected) in table {
        let credential = read(document).unwrap();
        assert_eq!(credential, expected);
        assert_eq!(credential.client_id().is_some(), document.contains("\"clientId\""));
    }
}

#[test]
fn a_member_that_is_missing_unknown_or_not_a_guid_is_a_fault_with_its_place() {
    let table: &[(&str, &[&str])] = &[
        ("{}", &["/credential/kind: missing"]),
        (r#"{"kind":"password"}"#, &["/credential/kind: must be"]),
        (
            r#"{"kind":"managedIdentity","clientId":"hr-app","setting":"X"}"#,
            &["/credential/setting: unknown", "/credential/clientId: must be a client id"],
        ),
        (
            r#"{"kind":"federatedIdentity","identityClientId":"mine"}"#,
            &["/credential/clientId: missing", "/credential/identityClientId: must be"],
        ),
        (r#"{"kind":"clientSecret","clientId":"ID"}"#, &["/credential/setting: missing"]),
        (
            r#"{"kind":"clientSecret","clientId":7,"setting":" "}"#,
            &["/credential/clientId: must be a text", "/credential/setting: must be the name"],
        ),
        (
            r#"{"kind":"clientCertificate","clientId":"ID","file":"a","setting":"b"}"#,
            &["/credential: must name the certificate by exactly one"],
        ),
        (
            r#"{"kind":"clientCertificate","clientId":"ID","passwordSetting":5}"#,
            &["/credential: must name the certificate", "/credential/passwordSetting: must be"],
        ),
        (r#"{"kind":"azureCli","clientId":"ID"}"#, &["/credential/clientId: unknown"]),
        (r#"{"kind":"accessToken"}"#, &["/credential/setting: missing"]),
    ];
    for (document, expected) in table {
        let faults = read(document).unwrap_err();
        assert_eq!(faults.len(), expected.len(), "{document}: {faults:?}");
        for place in *expected {
            assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place} in {faults:?}");
        }
    }
}

#[test]
fn a_secret_in_the_document_is_a_fault_that_says_where_it_belongs() {
    for (kind, member) in [
        ("clientSecret", "secret"),
        ("clientSecret", "clientSecret"),
        ("clientCertificate", "password"),
        ("accessToken", "token"),
        ("azureCli", "password"),
    ] {
        let document = format!(r#"{{"kind":"{kind}","{member}":"hunter2"}}"#);
        let faults = read(&document).unwrap_err();
        let expected = format!("/credential/{member}: must not be here, because it is a secret");
        assert!(faults.iter().any(|fault| fault.starts_with(&expected)), "{faults:?}");
        assert!(!faults.concat().contains("hunter2"));
    }
}
