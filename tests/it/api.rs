//! `/api/v1` as programs use it: answers, problems and conflicts, and repeated requests.

use std::{io::Write as _, time::Duration};

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use viva_import::{
    import::{Import, State},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        host::HttpAnswer,
        service::{Call, ServiceFault},
    },
};

use crate::stage::{GOOD_CSV, a_second_later, csv_of, ended, stage, until};

const BAD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nsecret-person,11/01/2026,ana@contoso.com,Sales\n";

async fn ask(
    stage: &Stage,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> HttpAnswer {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, value.parse().unwrap());
    }
    let path = format!("/api/v1/{path}");
    stage.host.http(method, &path, all, body.to_owned().into()).await
}

async fn get(stage: &Stage, path: &str) -> (u16, Value) {
    let answer = ask(stage, Method::GET, path, &[], "").await;
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
}

async fn post(stage: &Stage, path: &str, body: &str) -> (u16, Value) {
    let json = [("content-type", "application/json")];
    let answer = ask(stage, Method::POST, path, &json, body).await;
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
}

/// The answer has problem details of RFC 9457 with this code.
fn is_problem(answer: &HttpAnswer, status: u16, code: &str) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{body}");
    assert_eq!(body["type"], format!("urn:viva-import:problem:{code}"));
    assert!(body["title"].is_string() && body["detail"].as_str().unwrap().len() > 10, "{body}");
}

async fn import_of(stage: &Stage, name: &str, wanted: impl Fn(&Import) -> bool) -> Import {
    until(&format!("{name} as wanted"), async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.source.name == name && wanted(import))
    })
    .await
}

#[tokio::test]
async fn an_import_is_listed_shown_and_its_findings_are_typed() {
    let stage = stage(&[("WEBSITE_HOSTNAME", "127.0.0.1:7071")]).await;
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/good.csv").await;
    a_second_later().await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let bad = ended(&stage, "hr/bad.csv").await;

    let (_, all) = get(&stage, "imports").await;
    let states = |page: &Value| -> Vec<String> {
        let imports = page["value"].as_array().unwrap().iter();
        imports.map(|it| it["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&all), ["rejected", "completed"]);
    assert!(all["value"][0].get("history").is_none(), "lists are slim");
    let first = &all["value"][0];
    assert_eq!(first["id"], bad.id.name());
    assert_eq!(first["reason"]["class"], "actionRequired");
    let received = first["received"].as_str().unwrap();
    assert!(
        received.len() == 24 && received.ends_with('Z') && received.contains('.'),
        "{received}"
    );

    let day = bad.source.last_modified.date();
    let next_day = day.next_day().unwrap();
    for (query, expected) in [
        ("connection=hr".to_owned(), 2),
        ("connection=other".to_owned(), 0),
        ("state=rejected".to_owned(), 1),
        ("class=actionRequired".to_owned(), 1),
        ("class=final".to_owned(), 1),
        ("class=waiting".to_owned(), 0),
        (format!("from={day}&to={next_day}"), 2),
        (format!("from={next_day}"), 0),
        (format!("to={day}"), 0),
        ("from=2020-01-01T00:00:00%2B02:00".to_owned(), 2),
        ("from=0000-01-01".to_owned(), 2),
        ("to=9999-12-31T23:59:59Z".to_owned(), 2),
        ("top=1000&code=k&clientId=default".to_owned(), 2),
    ] {
        let (code, page) = get(&stage, &format!("imports?{query}")).await;
        assert_eq!((code, states(&page).len()), (200, expected), "{query}");
    }
    let (_, page) = get(&stage, "imports?top=1&connection=hr&code=the-key").await;
    let next = page["nextLink"].as_str().unwrap();
    assert!(
        next.starts_with("http://127.0.0.1:7071/api/v1/imports?connection=hr&top=1&skipToken=")
    );
    assert!(!next.contains("the-key"), "{next}");
    let (_, rest) = get(&stage, next.split_once("/api/v1/").unwrap().1).await;
    assert_eq!((states(&rest), rest.get("nextLink")), (vec!["completed".to_owned()], None));

    let (_, detail) = get(&stage, &format!("imports/{}", bad.id.name())).await;
    assert_eq!(detail["history"].as_array().unwrap().len(), bad.history.len());
    let (_, findings) = get(&stage, &format!("imports/{}/findings", bad.id.name())).await;
    assert_eq!(findings["value"][0]["severity"], "error");
    assert_eq!(findings["value"][0]["rows"], json!([3]));
    for json in [all, detail, findings] {
        assert!(!json.to_string().contains("secret-"), "{json}");
    }
}

#[tokio::test]
async fn a_client_with_the_same_content_gets_304() {
    let stage = stage(&[]).await;
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/good.csv").await;
    let detail = format!("imports/{}", import.id.name());
    for path in ["imports", detail.as_str(), "openapi.json"] {
        let first = ask(&stage, Method::GET, path, &[], "").await;
        let etag = first.headers["etag"].to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let again =
                ask(&stage, Method::GET, path, &[("if-none-match", known.as_str())], "").await;
            assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.headers["etag"].to_str().unwrap(), etag);
        }
        let other = ask(&stage, Method::GET, path, &[("if-none-match", "\"other\"")], "").await;
        assert_eq!(other.status, 200);
        let head = ask(&stage, Method::HEAD, path, &[], "").await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0), "{path}");
        assert_eq!(head.headers["etag"].to_str().unwrap(), etag);
    }
}

#[tokio::test]
async fn every_error_is_a_problem_of_a_stable_kind() {
    let stage = stage(&[]).await;
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/good.csv").await;
    let id = import.id.name();
    let queries = [
        ("imports?top=0", 400, "invalidParameter"),
        ("imports?top=1001", 400, "invalidParameter"),
        ("imports?top=x", 400, "invalidParameter"),
        ("imports?state=Rejected", 400, "invalidParameter"),
        ("imports?class=good", 400, "invalidParameter"),
        ("imports?to=9999-12-31T23:59:59-01:00", 400, "invalidParameter"),
        ("imports?from=yesterday", 400, "invalidParameter"),
        ("imports?skipToken=x", 400, "invalidParameter"),
        ("imports?top=5&top=6", 400, "invalidParameter"),
        ("imports?filter=x", 400, "invalidParameter"),
        ("imports?connection=%00", 400, "invalidParameter"),
        ("imports?connection=a%27b", 400, "invalidParameter"),
        ("imports/timer~advance", 404, "importNotFound"),
        ("", 404, "pathNotFound"),
        ("connections?top=1", 400, "invalidParameter"),
        ("imports/no-tenant.1-a", 404, "importNotFound"),
        ("imports/1-a", 404, "importNotFound"),
        // The host encodes it anew, so that it is no longer invalid.
        ("imports/%FF", 404, "importNotFound"),
        ("imports/no-tenant.1-a/findings", 404, "importNotFound"),
        ("connections/nobody", 404, "connectionNotFound"),
        ("connections/-x", 404, "connectionNotFound"),
        ("nothing", 404, "pathNotFound"),
        ("imports/x/y/z", 404, "pathNotFound"),
        ("connections/hr:dance", 404, "pathNotFound"),
        ("connections/hr:sweep", 405, "methodNotAllowed"),
    ];
    for (path, status, code) in queries {
        is_problem(&ask(&stage, Method::GET, path, &[], "").await, status, code);
    }
    let retry = format!("imports/{id}:retry");
    let json = ("content-type", "application/json");
    for (path, headers, body, status, code) in [
        (retry.as_str(), vec![json], "", 400, "invalidBody"),
        (&retry, vec![json], "[]", 400, "invalidBody"),
        (&retry, vec![json], "{", 400, "invalidBody"),
        (&retry, vec![json], "{\"force\": true}", 400, "invalidBody"),
        (&retry, vec![], "{}", 415, "unsupportedMediaType"),
        (&retry, vec![("content-type", "text/plain")], "{}", 415, "unsupportedMediaType"),
        (&retry, vec![json, ("origin", "https://elsewhere.example")], "{}", 403, "foreignOrigin"),
        (&retry, vec![json], "{}", 409, "conflict"),
        ("connections/hr:resume", vec![json], "{}", 409, "conflict"),
        ("connections/nobody:sweep", vec![json], "{}", 404, "connectionNotFound"),
        ("connections/hr:retry", vec![json], "{}", 404, "pathNotFound"),
        ("imports/no-tenant.1-a:cancel", vec![json], "{}", 404, "importNotFound"),
        ("imports", vec![json], "{}", 405, "methodNotAllowed"),
    ] {
        let answer = ask(&stage, Method::POST, path, &headers, body).await;
        is_problem(&answer, status, code);
        if status == 405 {
            assert_eq!(answer.headers["allow"], "GET, HEAD");
        }
    }
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(70_000));
    is_problem(&ask(&stage, Method::POST, &retry, &[json], &large).await, 413, "bodyTooLarge");
    // A cookie of the platform does not make a request one of a browser.
    let with_cookie = [json, ("cookie", "ARRAffinity=abc")];
    is_problem(&ask(&stage, Method::POST, &retry, &with_cookie, "{}").await, 409, "conflict");
    // The host answers other methods.
    let other = ask(&stage, Method::PUT, "imports", &[], "").await;
    assert_eq!(
        (other.status, other.headers.contains_key("content-type")),
        (StatusCode::NOT_FOUND, false)
    );
}

#[tokio::test]
async fn a_repeated_request_is_harmless() {
    let stage = stage(&[("MAX_PUSH_FAILURES", "1")]).await;
    stage.arrive("hr/full.csv", csv_of(20).into()).await.unwrap();
    ended(&stage, "hr/full.csv").await;
    a_second_later().await;
    stage.arrive("hr/few.csv", csv_of(5).into()).await.unwrap();
    let few = ended(&stage, "hr/few.csv").await;
    assert!(few.is_guarded());
    let approve = format!("imports/{}:approve", few.id.name());
    let (one, two) = tokio::join!(post(&stage, &approve, "{}"), post(&stage, &approve, "{}"));
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?} {two:?}");
    let few = import_of(&stage, "hr/few.csv", |import| import.state == State::Completed).await;
    let by = few.approval.clone().unwrap().by;
    assert!(by.starts_with("by an API client with a key (approve) at 20"), "{by}");
    assert_eq!(post(&stage, &approve, "{}").await.0, 409);
    assert_eq!(stage.service.ingestions().len(), 2, "each file was pushed once");

    // A paused connection that is resumed twice.
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    a_second_later().await;
    stage.arrive("hr/waits.csv", csv_of(6).into()).await.unwrap();
    import_of(&stage, "hr/waits.csv", |import| import.pauses).await;
    let (_, hr) = get(&stage, "connections/hr").await;
    assert_eq!((&hr["health"], &hr["paused"]), (&json!("actionRequired"), &json!(true)));
    stage.service.always(Call::Ping, None);
    let resume = || post(&stage, "connections/hr:resume", "{}");
    let (one, two, three) = tokio::join!(resume(), resume(), resume());
    let mut statuses = [one.0, two.0, three.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409], "{one:?} {two:?} {three:?}");
    ended(&stage, "hr/waits.csv").await;

    // A waiting import that is cancelled by two clients at once.
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    a_second_later().await;
    stage.arrive("hr/never.csv", csv_of(8).into()).await.unwrap();
    let never = import_of(&stage, "hr/never.csv", |import| import.busy_retries > 0).await;
    let cancel = format!("imports/{}:cancel", never.id.name());
    until("the cancelling", async || {
        let (one, two) = tokio::join!(post(&stage, &cancel, "{}"), post(&stage, &cancel, "{}"));
        assert!(one.0 < 500 && two.0 < 500, "{one:?} {two:?}");
        (one.0 == 200 || two.0 == 200).then_some(())
    })
    .await;
    assert_eq!(ended(&stage, "hr/never.csv").await.state, State::Cancelled);
    assert_eq!(post(&stage, &cancel, "{}").await.0, 409);
    stage.service.always(Call::Push, None);

    // A file without an event, and two sweeps at once.
    a_second_later().await;
    stage.drop_file("hr/silent.csv", csv_of(7).into()).await.unwrap();
    let sweep = "connections/hr:sweep";
    let (one, two) = tokio::join!(post(&stage, sweep, "{}"), post(&stage, sweep, "{}"));
    assert_eq!((one.0, two.0), (200, 200));
    ended(&stage, "hr/silent.csv").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let of_it = stage.imports().await.unwrap();
    assert_eq!(of_it.iter().filter(|it| it.source.name == "hr/silent.csv").count(), 1);
    assert_eq!(stage.service.ingestions().len(), 4);

    let diagnose = "connections/hr:diagnose";
    let (one, two) = tokio::join!(post(&stage, diagnose, "{}"), post(&stage, diagnose, "{}"));
    for (status, diagnosis) in [one, two] {
        assert_eq!((status, &diagnosis["healthy"]), (200, &json!(true)), "{diagnosis}");
    }
}

#[tokio::test]
async fn connections_have_a_health_also_if_their_document_is_missing() {
    let stage = stage(&[]).await;
    let (_, all) = get(&stage, "connections").await;
    assert_eq!(all["value"][0]["health"], "noData");
    stage.connect("it", "{").await.unwrap();
    let (_, it) = get(&stage, "connections/it").await;
    assert_eq!((&it["health"], &it["refresh"]), (&json!("actionRequired"), &Value::Null));
    stage.connect("it", SAMPLE_CONNECTION).await.unwrap();
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |import| import.busy_retries > 0).await;
    let (_, hr) = get(&stage, "connections/hr").await;
    assert_eq!(hr["health"], "waiting", "{hr}");
    stage.storage.blobs.delete_all("connections", "hr.json").await.unwrap();
    let hr = until("a connection whose document is gone", async || {
        let (status, hr) = get(&stage, "connections/hr").await;
        (status == 200).then_some(hr)
    })
    .await;
    assert_eq!(hr["health"], "actionRequired", "{hr}");
    let (_, all) = get(&stage, "connections").await;
    let names: Vec<&Value> =
        all["value"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, [&json!("it"), &json!("hr")]);
}

/// Each answer matches the description, for valid and for arbitrary requests, and none is a server error.
/// `VIVA_IMPORT_SCHEMATHESIS` is the path of schemathesis.
#[tokio::test]
async fn every_answer_matches_the_description() {
    let Some(schemathesis) = std::env::var_os("VIVA_IMPORT_SCHEMATHESIS") else {
        let why = "SKIPPED, LOUDLY: the API is not compared with its description; set \
                   VIVA_IMPORT_SCHEMATHESIS to the path of schemathesis";
        writeln!(std::io::stderr(), "{why}").unwrap();
        return;
    };
    let stage = stage(&[]).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/bad.csv").await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("schemathesis.toml");
    // With parameters that exist, and with arbitrary ones.
    let known = format!("[parameters]\nid = \"{}\"\nname = \"hr\"\n", import.id.name());
    for parameters in [known.as_str(), ""] {
        std::fs::write(&config, parameters).unwrap();
        let address = format!("http://127.0.0.1:{}", stage.host.handler_port());
        let mut run = tokio::process::Command::new(&schemathesis);
        run.arg("--config-file").arg(&config).arg("run");
        // The handler leaves the keys to the host.
        run.args(["--exclude-checks", "ignored_auth", "--max-examples", "15", "--seed", "1"]);
        run.args(["--no-color", "--request-timeout", "60", "--url", &address]);
        run.arg(format!("{address}/api/v1/openapi.json")).current_dir(folder.path());
        let output =
            tokio::time::timeout(Duration::from_mins(5), run.output()).await.unwrap().unwrap();
        let output_text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{output_text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output_text.contains("Operations:"), "{output_text}");
    }
}

#[tokio::test]
async fn the_log_has_the_invocation_and_lines_for_approved_checked_and_ignored() {
    let stage = stage(&[]).await;
    stage.arrive("hr/full.csv", csv_of(20).into()).await.unwrap();
    ended(&stage, "hr/full.csv").await;
    a_second_later().await;
    stage.arrive("hr/few.csv", csv_of(5).into()).await.unwrap();
    let few = ended(&stage, "hr/few.csv").await;
    assert_eq!(post(&stage, &format!("imports/{}:approve", few.id.name()), "{}").await.0, 200);
    assert_eq!(post(&stage, "connections/hr:diagnose", "{}").await.0, 200);
    stage.arrive("hr/notes.txt", "x".into()).await.unwrap();
    let lines = until("the lines", async || {
        let log: Vec<String> = stage.host.log().into_iter().map(|line| line.message).collect();
        log.iter().any(|line| line.contains("event=ignored")).then_some(log)
    })
    .await;
    let invocations: Vec<String> = stage.host.outcomes().iter().map(|it| it.id.clone()).collect();
    for (event, connection) in
        [("received", "hr"), ("approved", "hr"), ("checked", "hr"), ("ignored", "none")]
    {
        let wanted = format!(" event={event} ");
        let line = lines.iter().find(|line| line.contains(&wanted)).unwrap();
        assert!(line.contains(&format!(" connection={connection} ")), "{line}");
        let invocation = line.split_once(" invocation=").unwrap().1.split(' ').next().unwrap();
        assert!(invocations.iter().any(|id| id == invocation), "{line}");
    }
}
