//! What the service reads of a request, and how it dates an ingestion.

use reqwest::header::CONTENT_TYPE;

use super::*;

#[tokio::test]
async fn media_types_are_compared_without_case_and_parameters() {
    let rows = r#"[{"PersonId":"a@x.com"}]"#;
    for (media_type, body) in [
        ("text/csv; charset=utf-8", CSV),
        ("Text/CSV", CSV),
        ("application/json;charset=UTF-8", rows),
        ("Application/JSON", rows),
    ] {
        let service = started().await;
        let push = post(&service).header(CONTENT_TYPE, media_type).body(body);
        assert_eq!(push.send().await.unwrap().status(), StatusCode::OK, "{media_type}");
        assert_eq!(service.ingestions()[0].status, "Completed", "{media_type}");
    }
    let service = started().await;
    let mut body = b"--B\r\nContent-Disposition: form-data; name=info; filename=i\r\n\r\n".to_vec();
    body.extend(good());
    body.extend(b"\r\n--B--\r\n");
    let form = post(&service).header(CONTENT_TYPE, "Multipart/Form-Data; Boundary=B").body(body);
    assert_eq!(form.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_scheme_of_the_token_has_no_case_and_any_number_of_spaces_after_it() {
    let service = started().await;
    let url = format!("{}/tenants/t1/scopes/t1/scaleUnit", service.endpoint());
    for (authorization, status) in [
        ("Bearer mock-token", 200),
        ("bearer mock-token", 200),
        ("BEARER   mock-token", 200),
        ("Bearermock-token", 403),
        ("Basic mock-token", 403),
        ("Bearer another", 403),
        ("Bearer Mock-Token", 403),
        ("mock-token", 403),
    ] {
        let request = reqwest::Client::new().get(&url).header("Authorization", authorization);
        assert_eq!(request.send().await.unwrap().status(), status, "{authorization}");
    }
}

#[tokio::test]
async fn each_ingestion_has_the_time_of_its_own_start() {
    let (service, clock) = started_with_clock().await;
    let mut starts = vec![];
    for _ in 0..2 {
        clock.fetch_add(90_000, Ordering::Relaxed);
        let answer: Value = push(&service, good()).await.json().await.unwrap();
        clock.fetch_add(2_000, Ordering::Relaxed);
        let later = poll(&service, answer["Id"].as_str().unwrap()).await;
        assert_eq!(later["StartDate"], answer["StartDate"]);
        starts.push(answer["StartDate"].as_str().unwrap().to_owned());
    }
    assert_eq!(starts, ["2026-01-05T19:06:30.0000000Z", "2026-01-05T19:08:02.0000000Z"]);
}

#[tokio::test]
async fn without_a_clock_of_its_own_the_service_reads_that_of_the_machine() {
    let service = started().await;
    push(&service, good()).await;
    #[expect(clippy::disallowed_methods, reason = "the test compares the two clocks")]
    let now = time::OffsetDateTime::now_utc();
    let started = service.ingestions()[0].started;
    assert!((now - started).abs() < time::Duration::MINUTE, "{started}");
}
