//! Valid documents, and the faults of invalid ones.

use super::*;
use crate::schema::{Credential, Id, NO_GUID, Severity, Unmapped, is_connection_name};

const GOOD: &str = r#"{
  "tenantId": "AAAAAAAA-2222-3333-4444-555555555555",
  "connector": "HR",
  "refresh": "full",
  "credential": { "kind": "managedIdentity" },
  "mapping": { "Employee/Id": { "name": "PersonId", "type": "EmailType" } }
}"#;

fn faults(document: &str) -> Vec<String> {
    Connection::parse("hr", document.as_bytes())
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_valid_document_is_read_with_and_without_a_byte_order_mark() {
    let connection = Connection::parse("hr", GOOD.as_bytes()).unwrap();
    assert_eq!(connection.caller.tenant, "aaaaaaaa-2222-3333-4444-555555555555");
    assert_eq!(connection.mapping[0].source, "Employee/Id");
    let marked = format!("\u{feff}{GOOD}");
    assert_eq!(Connection::parse("hr", marked.as_bytes()), Ok(connection));
}

#[test]
fn only_a_draft_may_have_zeros_as_its_tenant_and_none_as_a_client() {
    let zeros = NO_GUID;
    let document = GOOD.replace("AAAAAAAA-2222-3333-4444-555555555555", zeros);
    let expected = format!("/tenantId: must be the tenant id, and {zeros} is a placeholder");
    let fault = &faults(&document)[0];
    assert!(fault.starts_with(&expected) && fault.contains("`az account show"), "{fault}");
    assert_eq!(Connection::draft("hr", document.as_bytes()).unwrap().caller.tenant, zeros);
    for credential in [
        r#"{ "kind": "managedIdentity", "clientId": "ZEROS" }"#,
        r#"{ "kind": "federatedIdentity", "clientId": "ZEROS", "identityClientId": "ZEROS" }"#,
        r#"{ "kind": "clientCertificate", "clientId": "ZEROS", "setting": "A" }"#,
        r#"{ "kind": "clientSecret", "clientId": "ZEROS", "setting": "A" }"#,
    ] {
        let credential = credential.replace("ZEROS", zeros);
        let document = document.replace(r#"{ "kind": "managedIdentity" }"#, &credential);
        let faults = Connection::draft("hr", document.as_bytes()).unwrap_err();
        assert_eq!(faults.len(), credential.matches(zeros).count(), "{faults:?}");
        assert!(faults.iter().all(|fault| fault.what.contains("client id")), "{faults:?}");
        assert_eq!(self::faults(&document).len(), faults.len() + 1, "{document}");
    }
}

#[test]
fn the_optional_members_are_read() {
    let document = GOOD.replace(
        r#"{ "kind": "managedIdentity" }"#,
        r#"{ "kind": "managedIdentity", "clientId": "aaaaaaaa-2222-3333-4444-555555555555" },
           "scaleUnit": "novaprdwus2-02""#,
    );
    let connection = Connection::parse("hr", document.as_bytes()).unwrap();
    assert_eq!(connection.caller.scale_unit.as_deref(), Some("novaprdwus2-02"));
    assert!(matches!(
        connection.caller.credential,
        Credential::ManagedIdentity { client_id: Some(_) }
    ));
}

#[test]
fn every_fault_is_listed_with_its_place() {
    let document = r#"{
      "tenantId": "contoso.com",
      "conector": "HR",
      "refresh": "Full",
      "credential": { "kind": "password", "secret": "hunter2" },
      "scaleUnit": "a b",
      "mapping": {
        "A": { "name": "PersonId", "type": 5 },
        "A": { "name": "PersonId", "type": "EmailType" },
        "B": { "name": "PersonId" },
        "C/D": "PersonId",
        "": { "name": "X", "type": "StringType", "format": "y" }
      }
    }"#;
    let faults = faults(document);
    for place in [
        "/mapping/A: appears twice",
        "/conector: unknown",
        "/connector: missing",
        "/tenantId: must be the tenant id",
        "/refresh: must be",
        "/credential/kind: must be",
        "/scaleUnit: must be",
        "/mapping/B/type: missing",
        "/mapping/C~1D: must be an object",
        "/mapping/: must be the header",
        "/mapping//format: unknown",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place} in {faults:#?}");
    }
    assert!(!faults.join("\n").contains("hunter2"));
}

#[test]
fn the_options_of_the_check_are_read() {
    let document = GOOD.replace(
        r#""mapping""#,
        r#""lenient": true, "unmappedColumns": "refuse", "encoding": "Windows-1252",
           "delimiter": "tab", "rules": { "M05": "warning", "Q01": "off" }, "mapping""#,
    );
    let checks = Connection::parse("hr", document.as_bytes()).unwrap().checks;
    let expected = Checks {
        lenient: true,
        unmapped: Some(Unmapped::Refuse),
        encoding: Some(encoding_rs::WINDOWS_1252),
        delimiter: Some(b'\t'),
        rules: vec![(Id::M05, Some(Severity::Warning)), (Id::Q01, None)],
    };
    assert_eq!(checks, expected);
    let plain = GOOD.replace(
        r#""mapping""#,
        r#""lenient": false, "encoding": "utf-8", "delimiter": ",", "rules": {}, "mapping""#,
    );
    assert_eq!(Connection::parse("hr", plain.as_bytes()).unwrap().checks, Checks::default());
}

#[test]
fn each_fault_of_the_options_of_the_check_has_its_place() {
    let document = GOOD.replace(
        r#""mapping""#,
        r#""lenient": "yes", "unmappedColumns": "keep", "encoding": "klingon", "delimiter": "x",
           "rules": { "V99": "off", "m05": "off", "I04": "warning", "F03": "off", "M05": "error" }, "mapping""#,
    );
    let faults = faults(&document);
    for place in [
        "/lenient: must be true or false",
        "/unmappedColumns: must be",
        "/encoding: must be",
        "/delimiter: must be",
        "/rules/V99: is not a rule",
        "/rules/m05: must be written M05",
        "/rules/I04: cannot be lowered",
        "/rules/F03: cannot be lowered",
        "/rules/M05: must be",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(place)), "{place} in {faults:#?}");
    }
    assert_eq!(faults.len(), 9, "{faults:#?}");
}

#[test]
fn a_whole_metadata_json_instead_of_its_mapping_is_recognized() {
    let document = GOOD.replace(r#""mapping": {"#, r#""mapping": { "DatasetType": "HR","#);
    assert!(faults(&document)[0].contains("only the value of its \"Mapping\""));
}

#[test]
fn what_is_not_json_is_a_fault_with_line_and_column_and_is_never_quoted() {
    let faults = faults("{\n  \"tenantId\": secret\n}");
    assert_eq!(faults, ["line 2, column 15: not JSON (a syntax error)"]);
    assert!(self::faults("{").concat().contains("ends too early"));
    assert!(self::faults("[]").concat().contains("must be an object"));
    assert!(Connection::parse("hr", b"\xFF").is_err());
    assert!(Connection::parse("hr", &vec![b' '; MAX_BYTES + 1]).is_err());
}

#[test]
fn a_connections_name_can_be_a_folder_and_a_file() {
    for name in ["hr", "hr-japan", "HR_2", "a.b", "0"] {
        assert!(is_connection_name(name), "{name}");
    }
    for name in ["", ".hr", "-hr", "h r", "h/r", "hé", &"x".repeat(65)] {
        assert!(!is_connection_name(name), "{name}");
    }
}
