//! Details are taken from any text, and nothing else is.

use super::*;

const SECRET: &str = "hunter2";
const TRACE: &str = "255d1aef-8c98-452f-ac51-23d051240864";
const CORRELATION: &str = "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7";
const AT: &str = "2016-01-09 02:02:12Z";

fn expected() -> SignInDetails {
    SignInDetails {
        codes: vec!["AADSTS70011".to_owned()],
        trace_id: Some(TRACE.to_owned()),
        correlation_id: Some(CORRELATION.to_owned()),
        timestamp: Some(AT.to_owned()),
    }
}

#[test]
fn codes_are_found_in_any_text_and_end_with_their_digits() {
    for (text, expected) in [
        ("AADSTS7000215: Invalid client secret. Trace ID: 5", vec!["AADSTS7000215"]),
        ("AADSTS50020, then AADSTS50020 and AADSTS90002", vec!["AADSTS50020", "AADSTS90002"]),
        (r#"{"error":"invalid_resource","error_description":"x"}"#, vec!["invalid_resource"]),
        (
            r#"{"error_description":"AADSTS5","error_codes":[5,50034]}"#,
            vec!["AADSTS5", "AADSTS50034"],
        ),
        (r#"{"error_codes":["hunter2",-5,1.5,null]}"#, vec![]),
        (r#"{"error_codes":"hunter2"}"#, vec![]),
        ("AADSTS123456789012345", vec!["AADSTS1234567890"]),
        ("AADSTShunter2 aadsts5", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(SignInDetails::of(text).codes, expected, "{text}");
    }
}

#[test]
fn ids_and_time_are_members_of_the_answer() {
    let answer = json!({
        "error": "invalid_scope",
        "error_description": format!("AADSTS70011: {SECRET}"),
        "error_codes": [70011],
        "timestamp": AT,
        "trace_id": TRACE,
        "correlation_id": CORRELATION,
        "claims": SECRET,
    });
    let details = SignInDetails::of(&answer.to_string());
    assert_eq!(details, expected());
    let redacted = details.answer().to_string();
    assert!(!redacted.contains(SECRET), "{redacted}");
    assert_eq!(SignInDetails::of(&redacted), details);
    assert_eq!(
        SignInDetails::of(&SignInDetails::default().answer().to_string()),
        SignInDetails::default()
    );
}

#[test]
fn ids_and_time_are_found_behind_their_labels() {
    for end in [" ", "\n", "\r\n"] {
        let printed = format!(
            "ERROR: AADSTS70011: {SECRET}. Trace ID: {TRACE}{end}Correlation ID: {CORRELATION}{end}Timestamp: {AT}"
        );
        assert_eq!(SignInDetails::of(&printed), expected(), "{printed}");
    }
    let cut = format!("Trace ID: {}", &TRACE[..30]);
    assert_eq!(SignInDetails::of(&cut), SignInDetails::default());
}

#[test]
fn an_id_or_a_time_of_another_shape_is_dropped() {
    for value in [
        json!(SECRET),
        json!(""),
        json!(5),
        json!(null),
        json!([TRACE]),
        json!(format!("{TRACE} {SECRET}")),
    ] {
        let answer = json!({ "trace_id": value, "correlation_id": value, "timestamp": value });
        assert_eq!(SignInDetails::of(&answer.to_string()), SignInDetails::default(), "{answer}");
    }
    let swapped = json!({ "trace_id": AT, "timestamp": TRACE });
    assert_eq!(SignInDetails::of(&swapped.to_string()), SignInDetails::default());
}
