use std::{
    io::{Cursor, Write},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

mod faults;
mod requests;
mod zips;

/// 2026-01-05 19:05 UTC in milliseconds.
const OPENED_AT: i64 = 1_767_639_900_000;
const HR: &str = "scopes/t1/ingress/connectors/HR";
const CSV: &str = "PersonId,Team\na@x.com,Blue\nb@x.com,Red\n";
const METADATA: &str = r#"{"DatasetType":"HR","IsBootstrap":"true","Mapping":{
    "PersonId":{"name":"PersonId","type":"EmailType"},
    "Team":{"name":"Organization","type":"String"}}}"#;

fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn good() -> Vec<u8> {
    zipped(&[("data.csv", CSV), ("metadata.json", METADATA)])
}

fn form(zip: Vec<u8>) -> Form {
    Form::new().text("note", "x").part("info", Part::bytes(zip).file_name("info.zip"))
}

fn with_headers(request: RequestBuilder) -> RequestBuilder {
    let rules = Rules::default();
    request.bearer_auth(rules.token).header("x-nova-scaleunit", rules.scale_unit)
}

fn get(service: &Service, path: &str) -> RequestBuilder {
    with_headers(reqwest::Client::new().get(format!("{}/{path}", service.endpoint())))
}

fn post(service: &Service) -> RequestBuilder {
    let path = format!("{}/{HR}/ingestions/fileIngestion", service.endpoint());
    with_headers(reqwest::Client::new().post(path))
}

async fn push(service: &Service, zip: Vec<u8>) -> Response {
    post(service).multipart(form(zip)).send().await.unwrap()
}

async fn poll(service: &Service, id: &str) -> Value {
    let path = format!("scopes/t1/ingress/connectors/Hr/ingestions/fileIngestion/{id}");
    get(service, &path).send().await.unwrap().json().await.unwrap()
}

async fn started() -> Service {
    Service::start(Rules::default()).await.unwrap()
}

/// A service whose ingestions have each status for a second of the clock that is returned.
async fn started_with_clock() -> (Service, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(OPENED_AT));
    let (time_per_status, clock_of_service) =
        (Duration::from_secs(1), Clock::Manual(clock.clone()));
    let rules = Rules { time_per_status, clock: clock_of_service, ..Rules::default() };
    (Service::start(rules).await.unwrap(), clock)
}

/// Pushes, and polls a few times, once a second; the statuses.
async fn statuses(zip: Vec<u8>) -> (Service, Vec<String>) {
    let (service, clock) = started_with_clock().await;
    let answer: Value = push(&service, zip).await.json().await.unwrap();
    let id = answer["Id"].as_str().unwrap();
    let mut statuses = vec![answer["Status"].as_str().unwrap().to_owned()];
    for _ in 0..3 {
        clock.fetch_add(1000, Ordering::Relaxed);
        statuses.push(poll(&service, id).await["Status"].as_str().unwrap().to_owned());
    }
    (service, statuses)
}

#[tokio::test]
async fn a_good_file_is_completed_in_two_steps() {
    let (service, statuses) = statuses(good()).await;
    assert_eq!(statuses, ["NotStarted", "ExtractionComplete", "Completed", "Completed"]);
    let [ingestion] = service.ingestions().try_into().unwrap();
    assert_eq!((ingestion.rows, ingestion.is_bootstrap), (2, Some(true)));
    assert_eq!(ingestion.mapping[1], ("Team".into(), "Organization".into()));
    assert_eq!((&*ingestion.part_name, &*ingestion.file_name), ("info", "info.zip"));
    assert_eq!(ingestion.zip, good());
    let answer = poll(&service, &ingestion.id).await;
    let start = answer["StartDate"].as_str().unwrap();
    assert_eq!(start, "2026-01-05T19:05:00.0000000Z");
    assert_eq!(answer["EndDate"], "2026-01-05T19:05:02.0000000Z");
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "FriendlyName",
            "Id",
            "ConnectorId",
            "Submitter",
            "StartDate",
            "Status",
            "ErrorDetail",
            "EndDate",
            "Type"
        ]
    );
}

#[tokio::test]
async fn a_corrupt_zip_is_accepted_and_never_moves_until_settled() {
    let mut zip = good();
    zip[40] ^= 1;
    let (service, statuses) = statuses(zip).await;
    assert_eq!(statuses, ["NotStarted"; 4]);
    assert_eq!(push(&service, good()).await.status(), StatusCode::BAD_REQUEST);
    service.settle(&service.ingestions()[0].id, "ValidationFailed");
    assert_eq!(push(&service, good()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_invalid_file_fails_validation_with_an_error_stream_without_cell_values() {
    for (csv, metadata, error) in [
        (CSV, "{", "is not valid JSON"),
        (CSV, &METADATA.replace("true", "yes"), "IsBootstrap"),
        (CSV, &METADATA.replace("\"HR\"", "\"Survey\""), "DatasetType"),
        (&CSV.replace("Team", "Group"), METADATA, "1,Error,\"Column Group is not"),
        (&CSV.replace("Team", "Team,X"), METADATA, "the file has 3 columns"),
        (&CSV.replace("Red", "Red,secret"), METADATA, "3,Error,\"The row has 3 columns"),
    ] {
        let zip = zipped(&[("data.csv", csv), ("metadata.json", metadata)]);
        let (service, statuses) = statuses(zip).await;
        assert_eq!(statuses[2], "ValidationFailed");
        let id = &service.ingestions()[0].id;
        let errors = get(&service, &format!("{HR}/ingestions/{id}/errors")).send().await.unwrap();
        let errors = errors.text().await.unwrap();
        assert!(errors.contains(error) && !errors.contains("secret"), "{errors}");
    }
}

#[tokio::test]
async fn the_service_is_busy_for_as_long_as_an_ingestion_lasts_and_no_longer() {
    let (service, clock) = started_with_clock().await;
    assert_eq!(push(&service, good()).await.status(), StatusCode::OK);
    for milliseconds in [0, 0, 1999] {
        clock.fetch_add(milliseconds, Ordering::Relaxed);
        let busy = push(&service, good()).await;
        assert_eq!(busy.status(), StatusCode::BAD_REQUEST);
        assert_eq!(busy.text().await.unwrap(), "Previous ingestion is not complete.");
    }
    clock.fetch_add(1, Ordering::Relaxed);
    assert_eq!(push(&service, good()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_ingestion_moves_though_nobody_polls() {
    let time_per_status = Duration::from_millis(50);
    let service = Service::start(Rules { time_per_status, ..Rules::default() }).await.unwrap();
    push(&service, good()).await;
    tokio::time::sleep(time_per_status * 2).await;
    assert_eq!(service.ingestions()[0].status, "Completed");
}

#[tokio::test]
async fn a_status_lasts_however_often_it_is_polled() {
    let (service, clock) = started_with_clock().await;
    push(&service, good()).await;
    let id = &service.ingestions()[0].id;
    for (milliseconds, status) in [
        (999, "NotStarted"),
        (0, "NotStarted"),
        (1, "ExtractionComplete"),
        (-500, "ExtractionComplete"),
    ] {
        clock.fetch_add(milliseconds, Ordering::Relaxed);
        assert_eq!(poll(&service, id).await["Status"], status);
    }
}

#[tokio::test]
async fn requests_need_token_scale_unit_and_length() {
    let service = started().await;
    let url = |path: &str| format!("{}/{path}", service.endpoint());
    let bare = reqwest::Client::new();
    let unit = || bare.get(url("tenants/t1/scopes/t1/scaleUnit"));
    let answer = unit().bearer_auth("mock-token").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "\"novaprdwus2-02\"");
    for (request, status) in [
        (unit().header("Authentication", "Bearer mock-token"), 403),
        (unit().bearer_auth("another"), 403),
        (with_headers(unit()), 400),
        (get(&service, HR), 200),
        (get(&service, "SCOPES/t1/ingress/connectors/survey"), 200),
        (bare.get(url(HR)).bearer_auth("mock-token"), 400),
        (bare.get(url(HR)).bearer_auth("mock-token").header("x-nova-scaleunit", "x"), 404),
        (get(&service, &format!("{HR}/ingestions/fileIngestion/none")), 404),
        (get(&service, &format!("{HR}/ingestions/none/errors")), 404),
        (post(&service).multipart(Form::new().text("info", "no file")), 500),
        (post(&service).multipart(chunked()), 411),
    ] {
        let (request, shown) = (request.build().unwrap(), service.requests().len());
        assert_eq!(bare.execute(request).await.unwrap().status(), status);
        assert_eq!(service.requests()[shown].status, Some(status));
    }
    assert!(service.ingestions().is_empty());
    assert_eq!(service.requests()[2].bearer.as_deref(), Some("another"));
}

fn chunked() -> Form {
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(good())]);
    let part = Part::stream(reqwest::Body::wrap_stream(stream));
    Form::new().part("info", part.file_name("info.zip"))
}

#[tokio::test]
async fn older_paths_answer_only_if_the_rules_say_so() {
    for older_paths in [false, true] {
        let service = Service::start(Rules { older_paths, ..Rules::default() }).await.unwrap();
        push(&service, good()).await;
        assert!(service.ingestions()[0].is_over());
        let id = &service.ingestions()[0].id;
        let older = format!("{HR}/ingestions/{id}");
        let newer = format!("{HR}/ingestions/fileIngestion/{id}");
        let ping = "scopes/t1/ingress/connectors/status?connectorType=Hr";
        for (path, is_older) in [(older.as_str(), true), (&newer, false), (ping, true)] {
            let status = get(&service, path).send().await.unwrap().status();
            assert_eq!(status.is_success(), is_older == older_paths, "{path}");
        }
    }
}

#[tokio::test]
async fn queued_faults_are_used_in_order_and_before_a_permanent_one() {
    let service = started().await;
    service.always(Call::Ping, Some(ServiceFault::Forbidden));
    service.fault(Call::Ping, ServiceFault::SignInPage);
    service.fault(Call::Ping, ServiceFault::TooManyRequests { retry_after: Some("7".into()) });
    let page = get(&service, HR).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(get(&service, HR).send().await.unwrap().headers()["retry-after"], "7");
    for _ in 0..2 {
        assert_eq!(get(&service, HR).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
    service.always(Call::Ping, None);
    assert_eq!(get(&service, HR).send().await.unwrap().status(), StatusCode::OK);
    service.always(Call::Push, Some(ServiceFault::StatusWord("Resting".into())));
    let answer: Value = push(&service, good()).await.json().await.unwrap();
    assert_eq!(answer["Status"], "Resting");
    assert_eq!(service.ingestions()[0].status, "Completed");
}

#[tokio::test]
async fn a_cut_push_is_accepted_only_if_cut_after_its_body() {
    let service = started().await;
    for (fault, accepted) in
        [(ServiceFault::CutMidBody { after_bytes: 100 }, 0), (ServiceFault::AcceptThenCut, 1)]
    {
        service.fault(Call::Push, fault);
        assert!(post(&service).multipart(form(good())).send().await.is_err());
        assert_eq!(service.ingestions().len(), accepted);
        assert_eq!(service.requests().last().unwrap().status, None);
    }
}

#[tokio::test]
async fn a_held_push_continues_when_released() {
    let service = started().await;
    service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 10 });
    let client = tokio::spawn(post(&service).multipart(form(good())).send());
    service.held().await;
    assert!(service.ingestions().is_empty());
    service.release();
    assert_eq!(client.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_held_push_of_a_disconnected_client_counts_only_if_it_had_arrived_completely() {
    for (missing, accepted) in [(0, 1), (1, 0)] {
        let service = started().await;
        service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 10 });
        let mut body =
            b"--b\r\nContent-Disposition: form-data; name=info; filename=i\r\n\r\n".to_vec();
        body.extend(good());
        body.extend(b"\r\n--b--\r\n");
        let rules = Rules::default();
        let head = format!(
            "POST /v1.0/{HR}/ingestions/fileIngestion HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nAuthorization: Bearer {}\r\n\
             x-nova-scaleunit: {}\r\n\r\n",
            body.len() + missing,
            rules.token,
            rules.scale_unit
        );
        let address = service.endpoint().socket_addrs(|| None).unwrap()[0];
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        service.held().await;
        drop(client);
        service.quiet().await;
        assert_eq!(service.ingestions().len(), accepted);
    }
}

#[tokio::test]
async fn a_big_push_abandoned_half_way_is_not_accepted() {
    let service = started().await;
    service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 << 20 });
    let client = tokio::spawn(post(&service).multipart(form(vec![7; 64 << 20])).send());
    service.held().await;
    client.abort();
    let _ = client.await;
    service.release();
    service.quiet().await;
    assert!(service.ingestions().is_empty());
}

#[tokio::test]
async fn a_dropped_service_closes_its_connections_and_its_port() {
    let service = started().await;
    service.fault(Call::Ping, ServiceFault::Silent);
    let client = tokio::spawn(get(&service, HR).send());
    service.held().await;
    let next = get(&service, HR);
    drop(service);
    assert!(client.await.unwrap().is_err());
    assert!(next.send().await.is_err());
}
