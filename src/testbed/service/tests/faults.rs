//! Errors, ids and unknown words in the answers, early answers, and the gateway.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
};

use super::*;

const MEGABYTES: usize = 8 << 20;

async fn json_of(response: Response) -> Value {
    response.json().await.unwrap()
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn is_guid(text: &str) -> bool {
    text.parse::<azure_core::Uuid>().is_ok()
}

#[tokio::test]
async fn each_answer_has_a_request_id_of_its_own_and_repeats_that_of_the_client() {
    let service = started().await;
    service.fault(Call::Ping, ServiceFault::Forbidden);
    let mut ids = vec![];
    for path in [HR, HR, "no-such-path"] {
        let request = get(&service, path).header("Accept", "application/json");
        let answer = request.header("x-ms-client-request-id", "mine").send().await.unwrap();
        assert_eq!(header_of(&answer, "x-ms-client-request-id"), "mine");
        ids.push(header_of(&answer, "x-ms-request-id").to_owned());
    }
    let silent = get(&service, HR).send().await.unwrap();
    assert_eq!(silent.headers().get("x-ms-client-request-id"), None);
    assert!(ids.iter().all(|id| is_guid(id)) && ids[0] != ids[1], "{ids:?}");
    let seen = service.requests();
    let seen_ids: Vec<_> = seen[..3].iter().map(|seen| seen.request_id.clone().unwrap()).collect();
    assert_eq!(seen_ids, ids);
    assert_eq!(seen[0].client_request_id.as_deref(), Some("mine"));
    assert_eq!(seen[0].accept.as_deref(), Some("application/json"));
    assert_eq!(seen[3].client_request_id, None);
}

#[tokio::test]
async fn a_refusal_has_an_error_code_and_ids_in_its_body_and_headers() {
    let service = started().await;
    for status in [400, 413, 415, 500] {
        let code = "InvalidMetadata".to_owned();
        service.fault(Call::Push, ServiceFault::Refused { status, code });
        let answer = push(&service, good()).await;
        assert_eq!(answer.status(), status);
        for name in ["x-ms-request-id", "x-ms-correlation-id", "x-ms-activity-id"] {
            assert!(is_guid(header_of(&answer, name)), "{name}");
        }
        assert!(header_of(&answer, "date").ends_with(" GMT"));
        let activity = header_of(&answer, "x-ms-activity-id").to_owned();
        let error = json_of(answer).await;
        assert_eq!(error["error"]["code"], "InvalidMetadata");
        assert!(error["error"]["message"].is_string());
        assert_eq!(error["activityId"], activity);
    }
    assert!(service.ingestions().is_empty());
}

#[tokio::test]
async fn a_ping_can_be_answered_with_any_status_and_an_empty_object() {
    let service = started().await;
    for status in [405, 400, 200] {
        service.fault(Call::Ping, ServiceFault::Status(status));
        let answer = get(&service, HR).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(json_of(answer).await, serde_json::json!({}));
    }
}

#[tokio::test]
async fn an_unknown_word_comes_with_an_end_date_or_without() {
    let (service, _clock) = started_with_clock().await;
    let id = json_of(push(&service, good()).await).await["Id"].as_str().unwrap().to_owned();
    service.fault(Call::Status, ServiceFault::StatusWord("Aborted".into()));
    service.fault(Call::Status, ServiceFault::EndWord("Aborted".into()));
    let (open, ended) = (poll(&service, &id).await, poll(&service, &id).await);
    assert_eq!((&open["Status"], &open["EndDate"]), (&"Aborted".into(), &Value::Null));
    assert_eq!(ended["Status"], "Aborted");
    assert_eq!(ended["EndDate"], "2026-01-05T19:05:00.0000000Z");
    assert_eq!(poll(&service, &id).await["Status"], "NotStarted");
}

#[tokio::test]
async fn the_detail_of_a_failed_validation_is_a_rule() {
    let rules = Rules { error_detail: "Row 3 is wrong.".into(), ..Rules::default() };
    let service = Service::start(rules).await.unwrap();
    let invalid = zipped(&[("data.csv", CSV), ("metadata.json", "{")]);
    let id = json_of(push(&service, invalid).await).await["Id"].as_str().unwrap().to_owned();
    assert_eq!(poll(&service, &id).await["ErrorDetail"], "Row 3 is wrong.");
    let answer = json_of(push(&service, good()).await).await;
    assert_eq!(answer["ErrorDetail"], Value::Null);
}

#[tokio::test]
async fn an_id_of_any_shape_is_found_by_the_decoded_part_of_the_path() {
    for (shape, id, part) in [
        (
            IdShape::Guid,
            "00000000-0000-4000-8000-000000000001",
            "00000000-0000-4000-8000-000000000001",
        ),
        (
            IdShape::BracedGuid,
            "{00000000-0000-4000-8000-000000000001}",
            "%7B00000000-0000-4000-8000-000000000001%7d",
        ),
        (IdShape::Underscores, "job_2026_001", "job_2026_001"),
        (IdShape::Long, &format!("{}1", "a".repeat(69)), &format!("{}1", "a".repeat(69))),
        (IdShape::Slash, "job/001", "job%2F001"),
        (IdShape::Blank, "job 001", "job%20001"),
    ] {
        let rules = Rules { id_shape: shape, ..Rules::default() };
        let service = Service::start(rules).await.unwrap();
        assert_eq!(json_of(push(&service, good()).await).await["Id"], id);
        assert_eq!(poll(&service, part).await["Id"], id);
        let errors = get(&service, &format!("{HR}/ingestions/{part}/errors"));
        assert_eq!(errors.send().await.unwrap().status(), StatusCode::OK, "{shape:?}");
    }
    let rules = Rules { id_shape: IdShape::Slash, ..Rules::default() };
    let service = Service::start(rules).await.unwrap();
    push(&service, good()).await;
    let bare = get(&service, &format!("{HR}/ingestions/fileIngestion/job/001"));
    assert_eq!(bare.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// Pushes that many bytes from one thread and reads the answer in another. The answer, and whether the connection
/// was reset.
async fn raw_push(service: &Service, size: usize) -> (String, bool) {
    let address = service.endpoint().socket_addrs(|| None).unwrap()[0];
    let rules = Rules::default();
    let head = format!(
        "POST /v1.0/{HR}/ingestions/fileIngestion HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\
         Content-Type: text/csv\r\nAuthorization: Bearer {}\r\nx-nova-scaleunit: {}\r\n\r\n",
        rules.token, rules.scale_unit
    );
    let exchange = move || {
        let mut writer = TcpStream::connect(address).unwrap();
        let mut reader = writer.try_clone().unwrap();
        let answer = std::thread::spawn(move || {
            let mut bytes = vec![];
            let end = reader.read_to_end(&mut bytes);
            (String::from_utf8(bytes).unwrap(), end.err())
        });
        let written = writer.write_all(&[head.as_bytes(), &vec![7; size]].concat());
        let (answer, end) = answer.join().unwrap();
        // Only one of the two threads gets this error.
        let errors = [end, written.err()];
        let is_reset = |error: &std::io::Error| error.kind() == ErrorKind::ConnectionReset;
        (answer, errors.iter().flatten().any(is_reset))
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test]
async fn an_early_answer_arrives_before_the_reset() {
    for after_bytes in [0, 1, 100_000] {
        let service = started().await;
        let inner = ServiceFault::Refused { status: 413, code: "TooLarge".into() };
        let fault = ServiceFault::EarlyAnswer { after_bytes, fault: Box::new(inner) };
        service.fault(Call::Push, fault);
        let (answer, is_reset) = raw_push(&service, MEGABYTES).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{after_bytes}: {answer}");
        assert!(answer.contains(r#""code":"TooLarge""#) && answer.ends_with('}'), "{answer}");
        assert!(is_reset, "{after_bytes}");
        assert_eq!(service.requests()[0].status, Some(413));
        assert!(service.ingestions().is_empty());
    }
}

#[tokio::test]
async fn a_body_shorter_than_the_early_answer_is_answered_without_a_reset() {
    let service = started().await;
    let fault = ServiceFault::EarlyAnswer {
        after_bytes: MEGABYTES,
        fault: Box::new(ServiceFault::InternalError),
    };
    service.fault(Call::Push, fault);
    assert_eq!(push(&service, good()).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_gateway_rejects_a_large_body_early_with_a_web_page() {
    let rules = Rules { max_body_bytes: Some(100_000), ..Rules::default() };
    let service = Service::start(rules).await.unwrap();
    let (answer, is_reset) = raw_push(&service, MEGABYTES).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("</html>"), "{answer}");
    assert!(answer.contains("x-azure-ref: ") && is_reset, "{answer}");
    assert_eq!(push(&service, good()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_gateway_does_not_wait_for_a_slow_push_which_still_arrives() {
    let limit = Duration::from_millis(100);
    let rules = Rules { max_push_seconds: Some(limit), ..Rules::default() };
    let service = Service::start(rules).await.unwrap();
    service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    let answer = push(&service, good()).await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(is_guid(header_of(&answer, "x-azure-ref")));
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    assert_eq!(service.requests()[0].status, Some(504));
    assert!(service.ingestions().is_empty());
    service.release();
    service.quiet().await;
    assert_eq!(service.ingestions()[0].status, "Completed");
}
