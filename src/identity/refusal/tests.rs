//! A refusal says what a person can do, and nothing that was sent.

use azure_core::http::{RawResponse, StatusCode, headers::Headers};

use super::*;

const SCOPE: &str = SCOPES[0];
const SECRET: &str = "hunter2";

/// An answer of an authority, as `azure_identity` reports it.
fn answered(status: u16, body: &str) -> Error {
    let status = StatusCode::from(status);
    let response = RawResponse::from_bytes(status, Headers::new(), body.to_owned());
    let kind = ErrorKind::HttpResponse {
        status,
        error_code: None,
        raw_response: Some(Box::new(response)),
    };
    let error = Error::new(kind, body.to_owned());
    Error::with_error(ErrorKind::Credential, error, body.to_owned())
}

fn text(issuer: TokenIssuer, status: u16, body: &str, scope: &str) -> String {
    of(issuer, &answered(status, body), scope).text
}

#[test]
fn a_known_code_has_its_remedy_and_another_stands_alone() {
    for (code, part) in [
        ("500011", "INGESTION_SCOPE"),
        ("70011", "/.default"),
        ("1002012", "/.default"),
        ("7000215", "value, not its id"),
        ("7000222", "expired"),
        ("700016", "no such app registration"),
        ("90002", "tenant does not exist"),
        ("900023", "tenant does not exist"),
        ("700027", "certificate is not registered"),
        ("70021", "matches the identity"),
        ("700211", "issuer"),
        ("700212", "audience"),
        ("700213", "subject"),
        ("700236", "different tenants"),
        ("7000229", "service principal"),
        ("650052", "service principal"),
        ("65002", "another kind of credential"),
        ("700024", "clock"),
        ("53003", "Conditional Access"),
        ("7000112", "disabled"),
        ("501051", "app role"),
    ] {
        let body = format!("AADSTS{code}: {SECRET}");
        let text = text(TokenIssuer::Entra, 400, &body, SCOPE);
        assert!(text.starts_with(&format!("Microsoft Entra answered AADSTS{code}: ")), "{text}");
        assert!(text.contains(part) && !text.contains(SECRET), "{text}");
        // A row and a log keep only this much of it.
        assert!(text.len() < 270, "{text}");
    }
    let unknown = text(TokenIssuer::Entra, 400, &format!("AADSTS50034: {SECRET}"), SCOPE);
    assert_eq!(unknown, "Microsoft Entra answered 400 (AADSTS50034)");
    assert_eq!(text(TokenIssuer::Entra, 503, SECRET, SCOPE), "Microsoft Entra answered 503");
}

#[test]
fn the_remedy_for_an_unknown_name_of_the_service_is_its_other_name() {
    for issuer in [TokenIssuer::Entra, TokenIssuer::Identity] {
        let [first, second] = SCOPES;
        assert!(text(issuer, 400, "invalid_resource", first).ends_with(second));
        assert!(text(issuer, 400, "AADSTS500011", second).ends_with(first));
        assert!(text(issuer, 400, "AADSTS500011", "api://else/.default").ends_with(first));
    }
}

#[test]
fn a_missing_identity_differs_from_an_endpoint_that_fails() {
    let missing = text(TokenIssuer::Identity, 400, SECRET, SCOPE);
    assert!(missing.contains("does not have this managed identity") && !missing.contains(SECRET));
    let failing = text(TokenIssuer::Identity, 500, SECRET, SCOPE);
    assert_eq!(failing, "the endpoint of the managed identity answered 500");
    let lasts = |issuer, status| of(issuer, &answered(status, SECRET), SCOPE).is_lasting;
    for status in [404, 410, 429, 500] {
        assert!(!lasts(TokenIssuer::Identity, status), "{status}");
    }
    assert!(lasts(TokenIssuer::Identity, 400) && lasts(TokenIssuer::Entra, 404));
}

#[test]
fn what_the_azure_cli_prints_is_not_shown() {
    let of = |error: Error| of(TokenIssuer::AzureCli, &error, SCOPE).text;
    let printed = |text: String| Error::with_message(ErrorKind::Credential, text);
    let plain = of(printed(format!("ERROR: {SECRET}")));
    assert!(plain.contains("`az login --tenant $TENANT`") && !plain.contains(SECRET), "{plain}");
    let coded = of(printed(format!("AADSTS50076: {SECRET}")));
    assert!(coded.contains("(AADSTS50076). Run `az login") && !coded.contains(SECRET), "{coded}");
    let advised = of(printed(format!("AADSTS65002: {SECRET}")));
    assert!(advised.contains("another kind of credential"), "{advised}");
    assert!(of(printed("az not found on PATH".to_owned())).contains("was not found"));
    let late = io::Error::from(io::ErrorKind::TimedOut);
    let late = Error::with_error(ErrorKind::Credential, late, SECRET);
    assert_eq!(of(late), "the Azure CLI did not answer in time");
    let odd = Error::with_message(ErrorKind::DataConversion, SECRET);
    let odd = of(Error::with_error(ErrorKind::Credential, odd, SECRET));
    assert!(odd.contains("2.54") && !odd.contains(SECRET), "{odd}");
}

#[test]
fn a_refusal_behind_another_error_is_the_reason() {
    let first = Refusal::lasting("no identity");
    let error = Error::new(ErrorKind::Credential, first.clone());
    let error = Error::with_error(ErrorKind::Credential, error, SECRET);
    assert_eq!(of(TokenIssuer::Entra, &error, SCOPE), first);
    let odd = Error::with_message(ErrorKind::DataConversion, SECRET);
    let odd = of(TokenIssuer::Entra, &odd, SCOPE).text;
    assert!(odd.contains("could not be read") && !odd.contains(SECRET), "{odd}");
}

#[test]
fn the_details_of_a_refusal_are_beside_its_text_and_behind_other_errors() {
    const ID: &str = "255d1aef-8c98-452f-ac51-23d051240864";
    let described = format!("AADSTS7000222: {SECRET}. Trace ID: {ID}");
    let body = serde_json::json!({ "error_description": described, "trace_id": ID }).to_string();
    for (issuer, error) in [
        (TokenIssuer::Entra, answered(401, &body)),
        (TokenIssuer::AzureCli, Error::with_message(ErrorKind::Credential, described.clone())),
    ] {
        let refusal = of(issuer, &error, SCOPE);
        assert!(!refusal.text.contains(ID), "{refusal}");
        let error = Error::new(ErrorKind::Credential, refusal);
        let details = sign_in_details(&Error::with_error(ErrorKind::Credential, error, SECRET));
        assert_eq!(details.trace_id.as_deref(), Some(ID));
        assert_eq!(details.codes, ["AADSTS7000222"]);
    }
    let other = Error::with_message(ErrorKind::Io, format!("Trace ID: {ID}"));
    assert_eq!(sign_in_details(&other), SignInDetails::default());
}

#[test]
fn what_a_person_must_correct_differs_from_what_passes() {
    for (issuer, status, body, lasts) in [
        (TokenIssuer::Entra, 400, "AADSTS7000222", true),
        (TokenIssuer::Entra, 401, "AADSTS50034", true),
        (TokenIssuer::Identity, 400, "", true),
        (TokenIssuer::Identity, 429, "", false),
        (TokenIssuer::Entra, 503, "", false),
    ] {
        let refusal = of(issuer, &answered(status, body), SCOPE);
        let error = Error::new(ErrorKind::Credential, refusal);
        let error = Error::with_error(ErrorKind::Credential, error, SECRET);
        assert_eq!(is_lasting(&error), lasts, "{status} {body}");
    }
    assert!(!is_lasting(&Error::with_message(ErrorKind::Io, "connection refused")));
}
