//! What the doctor tells: by the shell and by HTTP, of what is well and of each thing that is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Output,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::CONTENT_TYPE},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};
use viva_import::{
    config::{ARRIVALS, PACKAGES, POISON, REPORTS},
    import::{Import, State},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, TOKEN_SETTING},
        service::{Call, Rules, ServiceFault},
    },
};

use crate::stage::{
    BINARY, GOOD_CSV, TOKEN, a_second_later, azurite, csv_of, ended, log, new_account, rules,
    stage, stage_with, until,
};

/// The settings of a stage, with some changed.
fn settings(stage: &Stage, changed: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut settings = stage.settings().clone();
    settings.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    settings
}

/// Asks by the shell. Whatever comes of it, no token is told.
async fn shell(settings: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    let mut process = Command::new(BINARY);
    let output = process.arg("doctor").args(arguments).envs(settings).output().await.unwrap();
    for told in [&output.stdout, &output.stderr] {
        let told = String::from_utf8_lossy(told);
        let token = settings.get(TOKEN_SETTING).filter(|token| !token.is_empty());
        let token = token.map_or(TOKEN, String::as_str);
        assert!(!told.contains(token) && !told.contains("AccountKey"), "{told}");
    }
    output
}

/// What the doctor tells of a connection, by the shell.
async fn told(settings: &BTreeMap<String, String>, arguments: &[&str]) -> Told {
    let output = shell(settings, &[arguments, &["--format", "json"]].concat()).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(code == 0, json["healthy"] == true, "{json:#}");
    assert!(code < 2);
    Told(json)
}

struct Told(Value);

impl Told {
    fn lines(&self) -> &[Value] {
        self.0["checks"].as_array().unwrap()
    }

    fn line(&self, about: &str) -> &Value {
        self.lines().iter().find(|line| line["name"] == about).unwrap()
    }

    /// The line says so, and has a remedy where it is a cross and only there.
    fn says(&self, about: &str, verdict: &str, words: &str) {
        let line = self.line(about);
        assert_eq!(line["status"], verdict, "{line:#}");
        let all = format!("{} {}", line["message"], line["remedy"]);
        assert!(all.contains(words), "{all}");
        assert_eq!(line["remedy"].is_string(), verdict == "fail", "{line:#}");
    }

    /// What has this verdict.
    fn those(&self, verdict: &str) -> Vec<&str> {
        let lines = self.lines().iter().filter(|line| line["status"] == verdict);
        lines.map(|line| line["name"].as_str().unwrap()).collect()
    }
}

const RIGHTS: [&str; 8] = [
    "read inbox",
    "read connections",
    "write packages",
    "write reports",
    "read imports",
    "write imports",
    "queue arrivals",
    "queue arrivals-poison",
];

/// What the app itself tells of a connection.
async fn diagnose(stage: &Stage, name: &str, body: &'static str) -> (StatusCode, String) {
    let path = format!("/api/v1/connections/{name}:diagnose");
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    let answer = stage.host.http(Method::POST, &path, headers, body.into()).await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn account_at(address: &str) -> String {
    format!(
        "AccountName=a;AccountKey=a2V5;BlobEndpoint={address}/a;QueueEndpoint={address}/a;\
         TableEndpoint={address}/a"
    )
}

/// The import of a file, once it is as wanted.
async fn import_of(stage: &Stage, name: &str, wanted: impl Fn(&Import) -> bool) -> Import {
    let found = until(name, async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.source.name == name && wanted(import))
    });
    found.await
}

#[tokio::test]
async fn all_is_well_by_shell_and_by_http_and_nothing_is_left_behind() {
    let stage = stage(&[]).await;
    let fresh = told(&settings(&stage, &[]), &["hr"]).await;
    fresh.says("last import", "info", "no file has arrived yet");
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/a.csv").await;
    let output = shell(stage.settings(), &["hr"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.ends_with("connection hr: all is well\n"), "{text}");
    let told = told(stage.settings(), &["hr"]).await;
    assert_eq!((told.those("fail").len(), told.those("unknown").len()), (0, 0));
    assert_eq!(told.those("info"), ["metadata.json", "notify", "reachability of the sign-in"]);
    told.says("connection", "pass", "full refresh, which replaces everything");
    told.says("token", "pass", "its content is not readable");
    told.says("scale unit", "pass", "novaprdwus2-02, as the service tells it");
    told.says("metadata.json", "info", "\\\"Mapping\\\" with the types DateTime_MMDDYYYY");
    told.says("last import", "pass", "inbox/hr/a.csv: completed");
    told.says("pause", "pass", "not paused");

    let (status, body) = diagnose(&stage, "hr", "{}").await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["healthy"]), (StatusCode::OK, &json!(true)), "{body}");
    let abouts = |json: &Value| -> Vec<Value> {
        json["checks"].as_array().unwrap().iter().map(|line| line["name"].clone()).collect()
    };
    assert_eq!(abouts(&answer), abouts(&told.0));
    for name in ["-hr", "h%20r", "a%2Fb", "%FF"] {
        let (status, body) = diagnose(&stage, name, "{}").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["detail"].is_string());
    }

    for container in [PACKAGES, REPORTS] {
        let blobs = stage.storage.blobs.list(container, "doctor").await.unwrap();
        assert!(blobs.is_empty(), "{blobs:?}");
    }
    let rows = stage.storage.imports.query("PartitionKey eq 'doctor'").await.unwrap();
    assert!(rows.is_empty());
    assert!(!log(&stage).contains(TOKEN));
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_not_looked_at() {
    for name in ["h r", "../hr", ""] {
        let output = shell(&BTreeMap::new(), &[name]).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("the name of a connection"));
    }
}

#[tokio::test]
async fn settings_that_are_missing_or_wrong_are_told_all_at_once_and_nothing_else_is_asked() {
    let wrong = BTreeMap::from([
        ("MAX_PUSH_FAILURES".to_owned(), "many".to_owned()),
        ("INGESTION_ENDPOINT".to_owned(), "http://example.com".to_owned()),
    ]);
    let told = told(&wrong, &["hr"]).await;
    let stage = stage(&[]).await;
    let abouts = |told: &Told| -> Vec<Value> {
        told.lines().iter().map(|line| line["name"].clone()).collect()
    };
    assert_eq!(abouts(&told), abouts(&self::told(stage.settings(), &["hr"]).await));
    for words in ["no storage account", "MAX_PUSH_FAILURES must be", "INGESTION_ENDPOINT must be"] {
        told.says("settings", "fail", words);
    }
    assert_eq!(told.those("unknown").len() + 1, told.lines().len());
}

#[tokio::test]
async fn a_document_that_is_missing_or_faulty_is_told_and_what_hangs_on_it_is_not_asked() {
    let stage = stage(&[]).await;
    let faulty = SAMPLE_CONNECTION.replace("\"full\"", "\"whole\"").replace("0f2c1d3e-", "");
    stage.connect("faulty", &faulty).await.unwrap();
    let other = "{ \"name\": \"ManagerId\", \"type\": \"int32\" }";
    let unmapped = "{ \"name\": \"ManagerId\", \"type\": \"EmailType\" }";
    stage.connect("mapping", &SAMPLE_CONNECTION.replace(unmapped, other)).await.unwrap();
    let absent = told(stage.settings(), &["absent"]).await;
    absent.says("connection", "fail", "connections/absent.json is not there");
    let faulty = told(stage.settings(), &["faulty"]).await;
    faulty.says("connection", "fail", "/tenantId: must be");
    faulty.says("connection", "fail", "/refresh: must be");
    for told in [&absent, &faulty] {
        assert_eq!(told.those("fail"), ["connection"]);
        let unknown = ["mapping", "metadata.json", "notify", "token", "scale unit", "connector"];
        assert_eq!(told.those("unknown"), unknown);
    }
    let mapping = told(stage.settings(), &["mapping"]).await;
    assert_eq!(mapping.those("fail"), ["mapping"]);
    mapping.says("mapping", "fail", "ManagerId must have the type EmailType, not int32");
}

#[tokio::test]
async fn a_service_that_is_away_or_does_not_say_what_it_should_is_told_by_its_answer() {
    let stage = stage(&[]).await;
    let unit = "\"scaleUnit\": \"novaprdwus2-02\", \"refresh\"";
    stage.connect("unit", &SAMPLE_CONNECTION.replace("\"refresh\"", unit)).await.unwrap();

    let away = settings(&stage, &[("INGESTION_ENDPOINT", &nobody().await)]);
    let away = told(&away, &["hr"]).await;
    assert_eq!(away.those("fail"), ["reachability of the service"]);
    away.says("reachability of the service", "fail", "there is no connection to it");
    assert_eq!(away.those("unknown"), ["clock of the service", "scale unit", "connector"]);

    for (fault, words, a_name_helps) in [
        (ServiceFault::SignInPage, "sign-in page", false),
        (ServiceFault::Garbled, "scale unit could not be read", true),
        (ServiceFault::Unauthorized, "answered 401", false),
        (ServiceFault::Forbidden, "answered 403", false),
        (ServiceFault::NotFound, "answered 404", true),
        (ServiceFault::ServiceUnavailable { retry_after: None }, "answered 503", true),
    ] {
        stage.service.always(Call::ScaleUnit, Some(fault));
        let nowhere = told(stage.settings(), &["hr"]).await;
        assert_eq!(nowhere.those("fail"), ["scale unit"]);
        nowhere.says("scale unit", "fail", words);
        nowhere.says("connector", "unknown", "until this is right: scale unit");
        let remedy = nowhere.line("scale unit")["remedy"].as_str().unwrap();
        assert_eq!(remedy.contains("scaleUnit"), a_name_helps, "{remedy}");
        let named = told(stage.settings(), &["unit"]).await;
        assert!(named.those("fail").is_empty());
        named.says("scale unit", "pass", "novaprdwus2-02, as the connection says");
        named.says("scale unit", "pass", words);
    }
    stage.service.always(Call::ScaleUnit, None);
    for (fault, verdict, words) in [
        (ServiceFault::SignInPage, "fail", "sign-in page"),
        (ServiceFault::Forbidden, "fail", "one of three"),
        (ServiceFault::NotFound, "info", "no such question (404); the push will tell"),
    ] {
        stage.service.always(Call::Ping, Some(fault));
        told(stage.settings(), &["hr"]).await.says("connector", verdict, words);
    }
    let silent = settings(&stage, &[("REQUEST_TIMEOUT_SECONDS", "1")]);
    stage.service.always(Call::Ping, Some(ServiceFault::Silent));
    told(&silent, &["hr"]).await.says("connector", "fail", "no answer within 1 s");
}

#[tokio::test]
async fn a_token_says_whom_it_is_for_and_is_never_shown() {
    let client_id = "aaaaaaaa-1111-2222-3333-444444444444";
    let token = |expires: i64| {
        let claims = json!({ "appid": client_id, "aud": "api://viva", "exp": expires });
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    };
    let good = token(4_102_444_800);
    let rules = Rules { token: good.clone(), ..rules() };
    let stage = stage_with(rules, &[(TOKEN_SETTING, &good)]).await;
    let told_well = told(stage.settings(), &["hr"]).await;
    let words =
        format!("client id {client_id} and audience api://viva, until 2100-01-01T00:00:00Z");
    told_well.says("token", "pass", &words);
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    let words = format!("enter the client id {client_id}");
    told(stage.settings(), &["hr"]).await.says("connector", "fail", &words);
    for (token, words) in [
        (token(1_700_000_000), "has expired"),
        (String::new(), "no access"),
        (good.replacen('.', ".\n", 1), "a fresh token, without line breaks, into the setting"),
    ] {
        let told = told(&settings(&stage, &[(TOKEN_SETTING, &token)]), &["hr"]).await;
        told.says("token", "fail", words);
        assert_eq!(told.those("unknown"), ["scale unit", "connector"]);
    }
}

#[tokio::test]
async fn a_managed_identity_that_signs_in_is_told_from_one_that_does_not() {
    let claims = json!({ "azp": "me", "aud": "viva", "exp": 4_102_444_800_i64 });
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let answer = json!({ "access_token": token, "expires_on": "4102444800", "resource": "viva",
        "token_type": "Bearer" });
    let endpoint = Router::new()
        .route("/good", get(async || Json(answer)))
        .route("/none", get(async || (StatusCode::BAD_REQUEST, "secret")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, endpoint).into_future());
    let stage = stage_with(Rules { token: token.clone(), ..rules() }, &[]).await;
    let given = "\"accessToken\", \"setting\": \"MOCK_SERVICE_TOKEN\"";
    let identity = SAMPLE_CONNECTION.replace(given, "\"managedIdentity\"");
    stage.connect("hr", &identity).await.unwrap();
    for (path, verdict, words) in [
        ("good", "pass", "client id me and audience viva, until 2100-01-01T00:00:00Z"),
        ("none", "fail", "let the app itself answer"),
    ] {
        let endpoint = format!("http://{address}/{path}");
        let identity = [
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", "header"),
            (TOKEN_SETTING, &token),
        ];
        let told = told(&settings(&stage, &identity), &["hr"]).await;
        told.says("token", verdict, words);
        assert_eq!(told.those("fail").is_empty(), verdict == "pass");
        assert!(!told.0.to_string().contains("secret"), "{:#}", told.0);
    }
}

#[tokio::test]
async fn what_waits_after_a_403_goes_on_once_that_is_mended_and_what_else_pauses_stays() {
    let stage = stage(&[]).await;
    let stops = "\"incremental\", \"stopAfterRejected\": true";
    stage.connect("stops", &SAMPLE_CONNECTION.replace("\"full\"", stops)).await.unwrap();
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    stage.arrive("stops/1.csv", csv_of(1).into()).await.unwrap();
    import_of(&stage, "stops/1.csv", |import| import.pauses).await;
    a_second_later().await;
    stage.arrive("stops/2.csv", "Employee\n".into()).await.unwrap();
    let rejected = import_of(&stage, "stops/2.csv", |import| import.pauses).await;
    assert_eq!(rejected.state, State::Rejected);

    let forbidden = told(stage.settings(), &["stops", "--resume"]).await;
    forbidden.says("connector", "fail", "one of three");
    forbidden.says("pause", "fail", "not let go on, because something above is crossed");
    let both = forbidden.line("pause")["remedy"].as_str().unwrap();
    assert_eq!(both.matches("`viva-import resume stops`").count(), 1, "{both}");
    forbidden.says("last import", "fail", "inbox/stops/2.csv: rejected");
    let waiting = import_of(&stage, "stops/1.csv", |_| true).await;
    assert!(waiting.is_forbidden());

    stage.service.always(Call::Ping, None);
    let mended = told(stage.settings(), &["stops"]).await;
    mended.says("pause", "fail", "`viva-import doctor stops --resume`");
    mended.says("pause", "fail", "inbox/stops/1.csv");
    assert!(import_of(&stage, "stops/1.csv", |_| true).await.is_forbidden(), "asked, not resumed");
    let resumed = told(stage.settings(), &["stops", "--resume"]).await;
    resumed.says("pause", "fail", "pauses stops no longer");
    resumed.says("pause", "fail", "`viva-import resume stops`");
    assert_eq!(ended(&stage, "stops/1.csv").await.state, State::Completed);
    assert!(import_of(&stage, "stops/2.csv", |_| true).await.pauses);
}

#[tokio::test]
async fn who_asks_to_resume_lets_go_on_what_is_only_told_otherwise() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::Forbidden);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |import| import.pauses).await;
    for (body, well) in [("{}", false), (r#"{"resume": true}"#, true)] {
        let (_, body) = diagnose(&stage, "hr", body).await;
        let told = Told(serde_json::from_str(&body).unwrap());
        assert_eq!(told.0["healthy"], well, "{body}");
        let verdict = if well { "pass" } else { "fail" };
        told.says("pause", verdict, if well { "pauses hr no longer" } else { "--resume" });
    }
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn storage_that_is_away_or_empty_is_told_and_the_service_all_the_same() {
    let stage = stage(&[]).await;
    let away = settings(&stage, &[("ImportStorage", &account_at(&nobody().await))]);
    let away = told(&away, &["hr"]).await;
    assert_eq!(
        away.those("fail"),
        ["reachability of blobs", "reachability of tables", "reachability of queues"]
    );
    for about in RIGHTS.iter().chain(&["connection", "token", "last import", "pause"]) {
        away.says(about, "unknown", "");
    }
    away.says("reachability of the service", "pass", "answers");

    let empty = azurite().await.connection_string(&new_account());
    let empty = told(&settings(&stage, &[("ImportStorage", &empty)]), &["hr"]).await;
    assert!(!empty.0.to_string().contains("ImportStorage__accountName"), "{:#}", empty.0);
    let crossed: Vec<&str> =
        RIGHTS.into_iter().filter(|about| !["write imports", RIGHTS[7]].contains(about)).collect();
    assert_eq!(empty.those("fail"), crossed);
    for about in crossed {
        empty.says(about, "fail", "create it, as the deployment does");
    }
    empty.says(RIGHTS[7], "pass", "not there");
    empty.says("connection", "unknown", "until this is right: read connections");
}

#[tokio::test]
async fn messages_that_nobody_could_read_are_told_and_an_empty_poison_queue_is_not() {
    let stage = stage(&[]).await;
    let poison = stage.queue(POISON).unwrap();
    poison.create(None).await.unwrap();
    told(stage.settings(), &["hr"]).await.says("queue arrivals-poison", "pass", "empty");
    assert_eq!(POISON, format!("{ARRIVALS}-poison"));
    let message = azure_storage_queue::models::QueueMessage {
        message_text: Some("a private matter".to_owned()),
    };
    poison.send_message(message.try_into().unwrap(), None).await.unwrap();
    let told = told(stage.settings(), &["hr"]).await;
    assert_eq!(told.those("fail"), ["queue arrivals-poison"]);
    told.says("queue arrivals-poison", "fail", "1 message that `intake` could not take in");
    assert!(!told.0.to_string().contains("private"));
}

/// Storage by this door.
async fn storage_of(door: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, door).into_future());
    account_at(&format!("http://{address}"))
}

/// Storage that refuses everything with this code, and whose clock stands still.
async fn refusing(code: &'static str) -> String {
    let headers = [("x-ms-error-code", code), ("date", "Mon, 05 Jan 2026 19:05:00 GMT")];
    let refuse = async move || (StatusCode::FORBIDDEN, headers, "secret");
    storage_of(Router::new().fallback(refuse)).await
}

#[tokio::test]
async fn rights_that_are_missing_a_firewall_and_a_wrong_clock_are_told_apart() {
    let stage = stage(&[]).await;
    let blobs = "give the app's identity Storage Blob Data";
    for (code, words) in [
        ("AuthorizationPermissionMismatch", [blobs, "Storage Table Data Contributor on"]),
        ("AuthorizationFailure", ["firewall", "firewall"]),
    ] {
        let account = refusing(code).await;
        let told = told(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for about in RIGHTS {
            told.says(about, "fail", &format!("it answered 403 ({code})"));
        }
        told.says("write packages", "fail", words[0]);
        told.says("write imports", "fail", words[1]);
        told.says("clock of storage", "fail", "ahead of it");
        told.says("clock of storage", "fail", "agrees with that of the service, so leave it");
        told.says("clock of the service", "pass", "");
        told.says("reachability of blobs", "pass", "answers");
        told.says("connection", "unknown", "it answered 403");
        assert!(!told.0.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn storage_in_trouble_is_told_by_its_status_and_not_by_the_patience_spent_on_it() {
    let stage = stage(&[]).await;
    for (status, words) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "Azure's own trouble"),
        (StatusCode::SERVICE_UNAVAILABLE, "Azure's own trouble"),
        (StatusCode::TOO_MANY_REQUESTS, "throttled"),
    ] {
        let door = Router::new().fallback(async move || (status, [("x-ms-request-id", "1")]));
        let account = storage_of(door).await;
        let told = told(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for about in RIGHTS {
            let said = format!("it answered {} (no error code)", status.as_u16());
            told.says(about, "fail", &said);
            told.says(about, "fail", words);
        }
        told.says("pause", "unknown", &format!("it answered {}", status.as_u16()));
    }
}

#[tokio::test]
async fn a_page_in_place_of_storage_is_not_taken_for_storage() {
    let stage = stage(&[]).await;
    for status in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY] {
        let door = Router::new().fallback(async move || (status, "<html>Sign in</html>"));
        let account = storage_of(door).await;
        let told = told(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        assert_eq!(
            told.those("fail"),
            ["reachability of blobs", "reachability of tables", "reachability of queues"]
        );
        told.says("reachability of tables", "fail", "it is not Azure Storage that answers");
        told.says(
            "reachability of tables",
            "fail",
            "compare ImportStorage; if it is right, somebody in",
        );
        for about in RIGHTS.iter().chain(&["clock of storage", "connection", "pause"]) {
            told.says(about, "unknown", "");
        }
    }
}

#[tokio::test]
async fn what_was_written_and_cannot_be_deleted_is_told_and_has_one_name() {
    let stage = stage(&[]).await;
    let written = Arc::new(Mutex::new(BTreeSet::new()));
    let book = written.clone();
    let door = Router::new().fallback(async move |method: Method, uri: Uri| {
        let code = [("x-ms-error-code", "AuthorizationPermissionMismatch")];
        if method == Method::PUT && uri.path().starts_with("/a/") {
            book.lock().unwrap().insert(uri.path().replace("%2F", "/"));
            (StatusCode::CREATED, code)
        } else {
            (StatusCode::FORBIDDEN, code)
        }
    });
    let account = storage_of(door).await;
    for _ in 0..2 {
        let told = told(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for (about, container) in [("write packages", PACKAGES), ("write reports", REPORTS)] {
            let words =
                format!("{container}/doctor/probe was written but not deleted: it answered 403");
            told.says(about, "fail", &words);
            told.says(about, "fail", "containers/blobs/delete");
        }
    }
    let mut written = written.lock().unwrap().clone();
    // The row that is not there is asked for by PUT too.
    written.retain(|path| !path.contains("/imports("));
    let names = [PACKAGES, REPORTS].map(|container| format!("/a/{container}/doctor/probe"));
    assert_eq!(written, BTreeSet::from(names));
}

#[tokio::test]
async fn of_two_who_let_files_go_on_the_slower_finds_nothing_wrong() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::Forbidden);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |import| import.pauses).await;
    let post = || diagnose(&stage, "hr", r#"{"resume": true}"#);
    let (one, two, three) = tokio::join!(post(), post(), post());
    for (_, body) in [one, two, three] {
        let told = Told(serde_json::from_str(&body).unwrap());
        told.says("pause", "pass", "");
        assert_eq!(told.those("fail").len(), 0, "{body}");
        let last = told.line("last import")["message"].as_str().unwrap();
        assert!(!last.contains("answered 403") && !last.contains("pauses"), "{last}");
    }
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_proxy_that_is_away_or_silent_is_named_by_its_setting_alone() {
    let stage = stage(&[]).await;
    // The kernel takes the connections; nobody ever reads from them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let away = nobody().await.replace("//", "//user:hunter2@");
    for (name, address) in [("HTTPS_PROXY", &away), ("ALL_PROXY", &away), ("HTTPS_PROXY", &silent)]
    {
        let changed = [
            (name, address.as_str()),
            ("INGESTION_ENDPOINT", "https://service.invalid"),
            // Storage answers in time, however busy the machine is.
            ("REQUEST_TIMEOUT_SECONDS", "5"),
        ];
        let told = told(&settings(&stage, &changed), &["hr"]).await;
        assert_eq!(told.those("fail"), ["reachability of the service"]);
        told.says("reachability of the service", "fail", &format!("the proxy of {name}"));
        assert!(!told.0.to_string().contains("hunter2"));
    }
}
