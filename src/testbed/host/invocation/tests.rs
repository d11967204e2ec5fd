use super::*;

/// The event of the two samples.
const EVENT: &str = include_str!("event.json");

fn message(id: &str, body: &str) -> Message {
    Message {
        id: id.to_owned(),
        receipt: "AgAAAAMAAAAAAAAAq1Yj0yE83AE=".to_owned(),
        dequeue_count: 1,
        inserted: datetime!(2026-11-24 10:00:05.25 UTC),
        expires: datetime!(2026-12-01 10:00:05.25 UTC),
        next_visible: datetime!(2026-11-24 10:10:06.25 UTC),
        body: body.as_bytes().to_vec(),
    }
}

fn sent(binary: bool, message: &Message, now: OffsetDateTime, guid: &str) -> String {
    queue("msg", binary, message, sys("ProcessBlobCreated", now, guid)).to_string()
}

#[test]
fn a_text_message_is_json_in_json_and_its_properties_are_metadata() {
    let message = message("5c0e1b9e-7f1f-4f3c-9a55-7d1b2a3c4d5e", EVENT.trim_end());
    let now = datetime!(2026-11-24 10:00:06.614682 UTC);
    let sent = sent(false, &message, now, "a7c9d2ea-c5a9-4b3f-bd67-6352ce4904f8");
    assert_eq!(sent, include_str!("sample_a.json").trim_end());
}

#[test]
fn a_binary_message_is_base64_and_its_metadata_is_its_own() {
    let message = message("5c0e1b9e-7f1f-4f3c-9a55-7d1b2a3c4d5e", EVENT.trim_end());
    let now = datetime!(2026-11-22 11:55:15.628049 UTC);
    let sent = sent(true, &message, now, "30d0b7c6-3a7c-4dd2-98a2-7deaa55a869d");
    assert_eq!(sent, include_str!("sample_b.json").trim_end());
}

#[test]
fn a_text_that_is_no_object_adds_no_metadata() {
    let now = datetime!(2026-11-24 10:00:06 UTC);
    for (body, data) in [("hello \"w\"", r#""\"hello \\\"w\\\"\"""#), ("[1,2]", r#""\"[1,2]\"""#)] {
        let sent = sent(false, &message("id", body), now, "guid");
        assert!(sent.starts_with(&format!(r#"{{"Data":{{"msg":{data}}},"Metadata":"#)), "{sent}");
        assert!(sent.ends_with(r#""RandGuid":"guid"}}}"#), "{sent}");
    }
}

#[test]
fn promoted_values_have_the_format_of_dotnet() {
    let body = r#"{"a":5,"b":true,"c":null,"d":[1],"e":"2026-11-24T12:00:04+02:00","f":"10:00",
        "g":"2026-11-24T10:00:04","BlobTrigger":"x","popreceipt":"mine","h":{"i":1}}"#;
    let mut metadata = Map::from_iter([("PopReceipt".to_owned(), text("the queue's"))]);
    promote(body, &mut metadata);
    let expected = json!({
        "PopReceipt": "\"mine\"", "a": "\"5\"", "b": "\"True\"", "e": "\"11/24/2026 10:00:04\"",
        "f": "\"10:00\"", "g": "\"11/24/2026 10:00:04\"", "h": { "i": 1 },
    });
    assert_eq!(Value::Object(metadata), expected);
}

#[test]
fn an_answer_is_evaluated_as_in_the_host() {
    const JSON: Option<&str> = Some("application/json; charset=utf-8");
    let success = Judgement::Success(Answer::default());
    let check = |status, media, body: &str, expected: &str| {
        let judgement = judge(status, media, body.as_bytes());
        let word = match judgement {
            Judgement::Success(_) => "success",
            Judgement::Failure(_) => "failure",
            Judgement::Hang => "hang",
        };
        assert_eq!(word, expected, "{status} {media:?} {body:?}");
    };
    assert_eq!(judge(200, JSON, b"{}"), success);
    check(202, Some("text/json"), r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#, "success");
    check(200, JSON, r#"{"unknown":1,"LOGS":null,"outputs":null}"#, "success");
    for (status, media) in [(200, JSON), (204, None), (200, Some("text/plain"))] {
        check(status, media, "", "hang");
    }
    check(200, JSON, "null", "hang");
    check(200, JSON, " \r\n", "hang");
    for status in [302, 404, 500, 503] {
        check(status, JSON, "{}", "failure");
    }
    for media in [None, Some("text/plain"), Some("application/problem+json")] {
        check(200, media, "{}", "failure");
    }
    for body in ["{", "[]", "\"text\"", "7", r#"{"Logs":[{}]}"#, r#"{"Logs":"x"}"#] {
        check(200, JSON, body, "failure");
    }
}

#[test]
fn a_byte_order_mark_and_what_follows_the_object_are_accepted_but_no_other_encoding() {
    let is_success =
        |media: &str, body: &[u8]| matches!(judge(200, Some(media), body), Judgement::Success(_));
    assert!(is_success("application/json", b"\xef\xbb\xbf{}"));
    assert!(is_success("application/json", b"{} and more"));
    assert!(!is_success("application/json; charset=utf-16", b"{}"));
    assert!(is_success("application/json; charset=\"UTF-16\"", b"{\0}\0"));
}

#[test]
fn logs_become_texts() {
    let body = br#"{"logs":["a",1,true,null],"RETURNVALUE":7,"Outputs":{"q":"x"}}"#;
    let Judgement::Success(answer) = judge(200, Some("application/json"), body) else {
        panic!("not accepted");
    };
    assert_eq!(answer.logs, ["a", "1", "True", ""]);
    assert_eq!((answer.return_value, &answer.outputs["q"]), (json!(7), &json!("x")));
}
