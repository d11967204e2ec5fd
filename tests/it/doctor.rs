//! The results of the doctor, by the shell and by HTTP: when all is right, and for each failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Output,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::IntoResponse as _,
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};
use viva_import::{
    config::{ARRIVALS, PACKAGES, POISON, REPORTS, STEPS, STEPS_POISON},
    import::{Import, State},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, TOKEN_SETTING},
        service::{Call, Rules, ServiceFault},
    },
};

use crate::{
    poison::count,
    stage::{
        BINARY, GOOD_CSV, TOKEN, a_second_later, azurite, csv_of, ended, log, new_account, rules,
        stage, stage_with, until,
    },
};

/// The settings of a stage with changes.
fn settings(stage: &Stage, changed: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut settings = stage.settings().clone();
    settings.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    settings
}

/// Runs the doctor in the shell. It never prints a token.
async fn shell(settings: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    let mut process = Command::new(BINARY);
    let output = process.arg("doctor").args(arguments).envs(settings).output().await.unwrap();
    for printed in [&output.stdout, &output.stderr] {
        let printed = String::from_utf8_lossy(printed);
        let token = settings.get(TOKEN_SETTING).filter(|token| !token.is_empty());
        let token = token.map_or(TOKEN, String::as_str);
        assert!(!printed.contains(token) && !printed.contains("AccountKey"), "{printed}");
    }
    output
}

/// The diagnosis of a connection in the shell.
async fn by_shell(settings: &BTreeMap<String, String>, arguments: &[&str]) -> Diagnosis {
    let output = shell(settings, &[arguments, &["--format", "json"]].concat()).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(code == 0, json["healthy"] == true, "{json:#}");
    assert!(code < 2);
    Diagnosis(json)
}

struct Diagnosis(Value);

impl Diagnosis {
    fn checks(&self) -> &[Value] {
        self.0["checks"].as_array().unwrap()
    }

    fn check(&self, name: &str) -> &Value {
        self.checks().iter().find(|it| it["name"] == name).unwrap()
    }

    /// The check has this status and these words, and a remedy only if it failed.
    fn says(&self, name: &str, status: &str, words: &str) {
        let check = self.check(name);
        assert_eq!(check["status"], status, "{check:#}");
        let text =
            ["message", "remedy"].map(|key| check[key].as_str().unwrap_or_default()).join(" ");
        assert!(text.contains(words), "{text}");
        assert_eq!(check["remedy"].is_string(), status == "fail", "{check:#}");
    }

    /// The names of the checks with this status.
    fn those(&self, status: &str) -> Vec<&str> {
        let checks = self.checks().iter().filter(|check| check["status"] == status);
        checks.map(|check| check["name"].as_str().unwrap()).collect()
    }
}

const RIGHTS: [&str; 10] = [
    "read inbox",
    "read connections",
    "write packages",
    "write reports",
    "read imports",
    "write imports",
    "queue arrivals",
    "queue arrivals-poison",
    "queue steps",
    "queue steps-poison",
];

/// The diagnosis of a connection in the app.
async fn diagnose(stage: &Stage, name: &str, body: &'static str) -> (StatusCode, String) {
    let path = format!("/api/v1/connections/{name}:diagnose");
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    let answer = stage.host.http(Method::POST, &path, headers, body.into()).await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

/// An address on which no process listens.
async fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn account_at(address: &str) -> String {
    format!(
        "AccountName=a;AccountKey=a2V5;BlobEndpoint={address}/a;QueueEndpoint={address}/a;\
         TableEndpoint={address}/a"
    )
}

/// The import of a file, once it is as `wanted`.
async fn import_of(stage: &Stage, name: &str, wanted: impl Fn(&Import) -> bool) -> Import {
    let found = until(name, async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.source.name == name && wanted(import))
    });
    found.await
}

#[tokio::test]
async fn a_healthy_connection_passes_by_shell_and_by_http_and_nothing_is_left_behind() {
    let stage = stage(&[]).await;
    let fresh = by_shell(&settings(&stage, &[]), &["hr"]).await;
    fresh.says("last import", "info", "No file has arrived yet");
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/a.csv").await;
    let output = shell(stage.settings(), &["hr"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.ends_with("Connection hr is healthy: all checks passed\n"), "{text}");
    let diagnosis = by_shell(stage.settings(), &["hr"]).await;
    assert_eq!((diagnosis.those("fail").len(), diagnosis.those("unknown").len()), (0, 0));
    assert_eq!(diagnosis.those("info"), ["metadata.json", "notify", "reachability of the sign-in"]);
    diagnosis.says("connection", "pass", "full refresh (replaces all data)");
    diagnosis.says("token", "pass", "its claims cannot be read");
    diagnosis.says("scale unit", "pass", "The service reports novaprdwus2-02");
    diagnosis.says("metadata.json", "info", "\"Mapping\" with the types DateTime_MMDDYYYY");
    diagnosis.says("last import", "pass", "inbox/hr/a.csv: Completed");
    diagnosis.says("pause", "pass", "Not paused");

    let (status, body) = diagnose(&stage, "hr", "{}").await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["healthy"]), (StatusCode::OK, &json!(true)), "{body}");
    let names = |json: &Value| -> Vec<Value> {
        json["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect()
    };
    assert_eq!(names(&answer), names(&diagnosis.0));
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
    for name in [ARRIVALS, POISON, STEPS, STEPS_POISON] {
        // The message of the command expires.
        let queue = stage.queue(name).unwrap();
        until("no message in the queue", async || (count(&queue).await == 0).then_some(())).await;
    }
    let log = log(&stage);
    assert!(!log.contains(TOKEN) && !log.contains("Skipped an invalid message"), "{log}");
}

#[tokio::test]
async fn an_invalid_name_is_not_checked() {
    for name in ["h r", "../hr", ""] {
        let output = shell(&BTreeMap::new(), &[name]).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("connection name is invalid"));
    }
}

#[tokio::test]
async fn missing_and_invalid_settings_are_listed_and_nothing_else_is_checked() {
    let wrong = BTreeMap::from([
        ("MAX_PUSH_FAILURES".to_owned(), "many".to_owned()),
        ("INGESTION_ENDPOINT".to_owned(), "http://example.com".to_owned()),
    ]);
    let diagnosis = by_shell(&wrong, &["hr"]).await;
    let stage = stage(&[]).await;
    let names = |diagnosis: &Diagnosis| -> Vec<Value> {
        diagnosis.checks().iter().map(|check| check["name"].clone()).collect()
    };
    assert_eq!(names(&diagnosis), names(&self::by_shell(stage.settings(), &["hr"]).await));
    for words in [
        "ImportStorage__accountName is not set",
        "MAX_PUSH_FAILURES must be",
        "INGESTION_ENDPOINT must be",
    ] {
        diagnosis.says("settings", "fail", words);
    }
    assert_eq!(diagnosis.those("unknown").len() + 1, diagnosis.checks().len());
}

#[tokio::test]
async fn a_missing_or_invalid_document_fails_and_what_depends_on_it_is_not_checked() {
    let stage = stage(&[]).await;
    let faulty = SAMPLE_CONNECTION.replace("\"full\"", "\"whole\"").replace("0f2c1d3e-", "");
    stage.connect("faulty", &faulty).await.unwrap();
    let other = "{ \"name\": \"ManagerId\", \"type\": \"int32\" }";
    let unmapped = "{ \"name\": \"ManagerId\", \"type\": \"EmailType\" }";
    stage.connect("mapping", &SAMPLE_CONNECTION.replace(unmapped, other)).await.unwrap();
    let absent = by_shell(stage.settings(), &["absent"]).await;
    absent.says("connection", "fail", "connections/absent.json does not exist");
    let faulty = by_shell(stage.settings(), &["faulty"]).await;
    faulty.says("connection", "fail", "/tenantId: must be");
    faulty.says("connection", "fail", "/refresh: must be");
    for diagnosis in [&absent, &faulty] {
        assert_eq!(diagnosis.those("fail"), ["connection"]);
        let unknown = ["mapping", "metadata.json", "notify", "token", "scale unit", "connector"];
        assert_eq!(diagnosis.those("unknown"), unknown);
    }
    let mapping = by_shell(stage.settings(), &["mapping"]).await;
    assert_eq!(mapping.those("fail"), ["mapping"]);
    mapping.says("mapping", "fail", "ManagerId must have the type EmailType, not int32");
}

#[tokio::test]
async fn a_service_that_is_down_or_answers_wrongly_is_reported_by_its_answer() {
    let stage = stage(&[]).await;
    let unit = "\"scaleUnit\": \"novaprdwus2-02\", \"refresh\"";
    stage.connect("unit", &SAMPLE_CONNECTION.replace("\"refresh\"", unit)).await.unwrap();

    let away = settings(&stage, &[("INGESTION_ENDPOINT", &closed_address().await)]);
    let away = by_shell(&away, &["hr"]).await;
    assert_eq!(away.those("fail"), ["reachability of the service"]);
    away.says("reachability of the service", "fail", "no connection could be opened");
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
        let nowhere = by_shell(stage.settings(), &["hr"]).await;
        assert_eq!(nowhere.those("fail"), ["scale unit"]);
        nowhere.says("scale unit", "fail", words);
        nowhere.says("connector", "unknown", "because the check \"scale unit\" did not pass");
        let remedy = nowhere.check("scale unit")["remedy"].as_str().unwrap();
        assert_eq!(remedy.contains("scaleUnit"), a_name_helps, "{remedy}");
        let named = by_shell(stage.settings(), &["unit"]).await;
        assert!(named.those("fail").is_empty());
        named.says("scale unit", "pass", "The connection names novaprdwus2-02");
        named.says("scale unit", "pass", words);
    }
    stage.service.always(Call::ScaleUnit, None);
    for (fault, status, words) in [
        (ServiceFault::SignInPage, "info", "the service answered 200 to this check"),
        (ServiceFault::Unauthorized, "fail", "The service answered 401"),
        (ServiceFault::Forbidden, "fail", "Possible causes: (1)"),
        (ServiceFault::NotFound, "info", "the service answered 404 to this check"),
    ] {
        stage.service.always(Call::Ping, Some(fault));
        by_shell(stage.settings(), &["hr"]).await.says("connector", status, words);
    }
    let silent = settings(&stage, &[("REQUEST_TIMEOUT_SECONDS", "3")]);
    stage.service.always(Call::Ping, Some(ServiceFault::Silent));
    by_shell(&silent, &["hr"]).await.says("connector", "fail", "no answer within 3 s");
}

#[tokio::test]
async fn the_claims_of_a_token_are_shown_and_the_token_is_not() {
    let client_id = "aaaaaaaa-1111-2222-3333-444444444444";
    let token = |expires: i64| {
        let claims = json!({ "appid": client_id, "aud": "api://viva", "exp": expires });
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    };
    let good = token(4_102_444_800);
    let rules = Rules { token: good.clone(), ..rules() };
    let stage = stage_with(rules, &[(TOKEN_SETTING, &good)]).await;
    let valid = by_shell(stage.settings(), &["hr"]).await;
    let words =
        format!("Valid until 2100-01-01T00:00:00Z: client id {client_id}, audience api://viva");
    valid.says("token", "pass", &words);
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    let words = format!("enter the client id {client_id}");
    by_shell(stage.settings(), &["hr"]).await.says("connector", "fail", &words);
    for (token, words) in [
        (token(1_700_000_000), "has expired"),
        (String::new(), "is missing or empty"),
        (good.replacen('.', ".\n", 1), "a new token, without line breaks, into the setting"),
    ] {
        let diagnosis = by_shell(&settings(&stage, &[(TOKEN_SETTING, &token)]), &["hr"]).await;
        diagnosis.says("token", "fail", words);
        assert_eq!(diagnosis.those("unknown"), ["scale unit", "connector"]);
    }
}

#[tokio::test]
async fn a_managed_identity_that_signs_in_differs_from_one_that_does_not() {
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
    for (path, status, words) in [
        ("good", "pass", "Valid until 2100-01-01T00:00:00Z: client id me, audience viva"),
        ("none", "fail", "run the check in the app"),
    ] {
        let endpoint = format!("http://{address}/{path}");
        let identity = [
            ("IDENTITY_ENDPOINT", endpoint.as_str()),
            ("IDENTITY_HEADER", "header"),
            (TOKEN_SETTING, &token),
        ];
        let diagnosis = by_shell(&settings(&stage, &identity), &["hr"]).await;
        diagnosis.says("token", status, words);
        assert_eq!(diagnosis.those("fail").is_empty(), status == "pass");
        assert!(!diagnosis.0.to_string().contains("secret"), "{:#}", diagnosis.0);
    }
}

#[tokio::test]
async fn imports_that_wait_after_a_403_are_resumed_and_other_pauses_stay() {
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

    let forbidden = by_shell(stage.settings(), &["stops", "--resume"]).await;
    forbidden.says("connector", "fail", "Possible causes: (1)");
    forbidden.says("pause", "fail", "It was not resumed, because a check above failed");
    let both = forbidden.check("pause")["remedy"].as_str().unwrap();
    assert_eq!(both.matches("`viva-import resume stops`").count(), 1, "{both}");
    forbidden.says("last import", "fail", "inbox/stops/2.csv: Rejected");
    let waiting = import_of(&stage, "stops/1.csv", |_| true).await;
    assert!(waiting.is_forbidden());

    stage.service.always(Call::Ping, None);
    let corrected = by_shell(stage.settings(), &["stops"]).await;
    corrected.says("pause", "fail", "`viva-import doctor stops --resume`");
    corrected.says("pause", "fail", "inbox/stops/1.csv");
    assert!(import_of(&stage, "stops/1.csv", |_| true).await.is_forbidden(), "asked, not resumed");
    let resumed = by_shell(stage.settings(), &["stops", "--resume"]).await;
    resumed.says("pause", "fail", "no longer pauses connection stops");
    resumed.says("pause", "fail", "`viva-import resume stops`");
    assert_eq!(ended(&stage, "stops/1.csv").await.state, State::Completed);
    assert!(import_of(&stage, "stops/2.csv", |_| true).await.pauses);
}

#[tokio::test]
async fn resume_resumes_what_is_otherwise_only_reported() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::Forbidden);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |import| import.pauses).await;
    for (body, well) in [("{}", false), (r#"{"resume": true}"#, true)] {
        let (_, body) = diagnose(&stage, "hr", body).await;
        let diagnosis = Diagnosis(serde_json::from_str(&body).unwrap());
        assert_eq!(diagnosis.0["healthy"], well, "{body}");
        let status = if well { "pass" } else { "fail" };
        diagnosis.says(
            "pause",
            status,
            if well { "no longer pauses connection hr" } else { "--resume" },
        );
    }
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn storage_that_is_down_or_empty_fails_and_the_service_is_still_checked() {
    let stage = stage(&[]).await;
    let away = settings(&stage, &[("ImportStorage", &account_at(&closed_address().await))]);
    let away = by_shell(&away, &["hr"]).await;
    assert_eq!(
        away.those("fail"),
        ["reachability of blobs", "reachability of tables", "reachability of queues"]
    );
    for check in RIGHTS.iter().chain(&["connection", "token", "last import", "pause"]) {
        away.says(check, "unknown", "");
    }
    away.says("reachability of the service", "pass", "answers");

    let empty = azurite().await.connection_string(&new_account());
    let empty = by_shell(&settings(&stage, &[("ImportStorage", &empty)]), &["hr"]).await;
    assert!(!empty.0.to_string().contains("ImportStorage__accountName"), "{:#}", empty.0);
    let crossed: Vec<&str> = RIGHTS.into_iter().filter(|check| *check != "write imports").collect();
    assert_eq!(empty.those("fail"), crossed);
    for check in crossed {
        empty.says(check, "fail", "Run the deployment again");
    }
    empty.says("connection", "unknown", "because the check \"read connections\" did not pass");
}

#[tokio::test]
async fn messages_in_the_poison_queue_fail_and_an_empty_one_passes() {
    let stage = stage(&[]).await;
    let poison = stage.queue(POISON).unwrap();
    poison.create(None).await.unwrap();
    by_shell(stage.settings(), &["hr"]).await.says("queue arrivals-poison", "pass", "Empty");
    assert_eq!(POISON, format!("{ARRIVALS}-poison"));
    let message = azure_storage_queue::models::QueueMessage {
        message_text: Some("a private matter".to_owned()),
    };
    poison.send_message(message.try_into().unwrap(), None).await.unwrap();
    let diagnosis = by_shell(stage.settings(), &["hr"]).await;
    assert_eq!(diagnosis.those("fail"), ["queue arrivals-poison"]);
    diagnosis.says("queue arrivals-poison", "fail", "Messages that `intake` could not process: 1");
    assert!(!diagnosis.0.to_string().contains("private"));
}

/// The diagnosis of the connection `hr` in the app.
async fn by_app(stage: &Stage) -> Diagnosis {
    let (status, body) = diagnose(stage, "hr", "{}").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    Diagnosis(serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn messages_in_the_queue_of_failed_steps_fail_and_an_empty_one_passes() {
    // Otherwise it may delete them.
    let stage = stage(&[("AzureWebJobs.advance.Disabled", "true")]).await;
    let check = "queue steps-poison";
    for diagnosis in [by_shell(stage.settings(), &["hr"]).await, by_app(&stage).await] {
        diagnosis.says(check, "pass", "Empty");
        assert!(diagnosis.those("fail").is_empty());
    }
    let poison = stage.queue(STEPS_POISON).unwrap();
    for _ in 0..2 {
        let message_text = Some("a private matter".to_owned());
        let message = azure_storage_queue::models::QueueMessage { message_text };
        poison.send_message(message.try_into().unwrap(), None).await.unwrap();
    }
    for diagnosis in [by_shell(stage.settings(), &["hr"]).await, by_app(&stage).await] {
        assert_eq!(diagnosis.those("fail"), [check]);
        diagnosis.says(check, "fail", "Messages that `step` could not process: 2");
        diagnosis.says(check, "fail", "`advance` deletes these messages within 5 minutes");
        assert!(!diagnosis.0.to_string().contains("private"));
    }
    assert_eq!(count(&poison).await, 2, "they are still there");
}

#[tokio::test]
async fn a_missing_queue_fails_and_its_neighbour_passes() {
    let stage = stage(&[]).await;
    for (missing, neighbour) in [(STEPS, STEPS_POISON), (STEPS_POISON, STEPS)] {
        stage.queue(missing).unwrap().delete(None).await.unwrap();
        for diagnosis in [by_shell(stage.settings(), &["hr"]).await, by_app(&stage).await] {
            let check = format!("queue {missing}");
            assert_eq!(diagnosis.those("fail"), [check.as_str()]);
            diagnosis.says(&check, "fail", "(QueueNotFound)");
            diagnosis.says(&check, "fail", "Run the deployment again");
            diagnosis.says(&format!("queue {neighbour}"), "pass", "");
        }
        stage.queue(missing).unwrap().create(None).await.unwrap();
    }
}

/// The address of queues that permit everything except requests with this method.
async fn queues_without(forbidden: Arc<Mutex<Option<Method>>>) -> String {
    let answer = async move |method: Method, uri: Uri| {
        let of_storage = [("x-ms-request-id", "1")];
        if forbidden.lock().unwrap().as_ref() == Some(&method) && uri.path().contains("/messages") {
            let code = [("x-ms-error-code", "AuthorizationPermissionMismatch")];
            return (StatusCode::FORBIDDEN, of_storage, code).into_response();
        }
        let message =
            "<QueueMessage><MessageId>1</MessageId><PopReceipt>2</PopReceipt></QueueMessage>";
        let (status, message) = match method {
            Method::GET => (StatusCode::OK, ""),
            Method::POST => (StatusCode::CREATED, message),
            _ => return (StatusCode::NO_CONTENT, of_storage).into_response(),
        };
        let list = format!("<QueueMessagesList>{message}</QueueMessagesList>");
        (status, of_storage, list).into_response()
    };
    serving(Router::new().fallback(answer)).await
}

#[tokio::test]
async fn app_and_operator_need_the_roles_that_the_deployment_gives_them() {
    let forbidden = Arc::new(Mutex::new(None));
    let stage = stage(&[]).await;
    let queues = format!(";QueueEndpoint={}/a", queues_without(forbidden.clone()).await);
    let account: String = stage.settings()["ImportStorage"]
        .split(';')
        .filter(|part| !part.starts_with("QueueEndpoint"))
        .collect::<Vec<_>>()
        .join(";");
    let stage = stage.change_settings(&[("ImportStorage", &(account + &queues))]).await.unwrap();
    let queues = &RIGHTS[6..];
    let [arrivals, poison, steps, steps_poison] = queues else { panic!("{queues:?}") };
    for (method, app, operator) in [
        (None, vec![], vec![]),
        // To peek.
        (Some(Method::GET), queues.to_vec(), vec![*arrivals, poison, steps_poison]),
        // To send.
        (Some(Method::POST), vec![*poison, steps, steps_poison], vec![*steps]),
        (Some(Method::DELETE), vec![*poison, steps, steps_poison], vec![]),
    ] {
        *forbidden.lock().unwrap() = method.clone();
        for (diagnosis, expected, whom) in [
            (by_app(&stage).await, app, "Assign the app's identity"),
            (by_shell(stage.settings(), &["hr"]).await, operator, "Assign the user who runs"),
        ] {
            let failed = diagnosis.those("fail");
            assert_eq!(failed, expected, "{method:?}: {whom}");
            for check in failed {
                let queue = check.strip_prefix("queue ").unwrap();
                diagnosis.says(check, "fail", "answered 403 (AuthorizationPermissionMismatch)");
                diagnosis.says(check, "fail", whom);
                diagnosis.says(check, "fail", &format!("on the queue {queue}"));
            }
        }
    }
}

/// The address of a server with this router.
async fn serving(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}")
}

/// A storage account whose answers come from this router.
async fn storage_of(router: Router) -> String {
    account_at(&serving(router).await)
}

/// Storage that answers everything with 403 and this code, and whose clock stopped. Only the table service
/// sends its code in the body.
async fn forbidding(code: &'static str) -> String {
    let forbid = async move |uri: Uri| {
        let date = [("date", "Mon, 05 Jan 2026 19:05:00 GMT")];
        if uri.path().contains("imports(") {
            let message = json!({ "lang": "en-US", "value": "secret" });
            let body = json!({ "odata.error": { "code": code, "message": message } });
            return (StatusCode::FORBIDDEN, date, Json(body)).into_response();
        }
        (StatusCode::FORBIDDEN, date, [("x-ms-error-code", code)], "secret").into_response()
    };
    storage_of(Router::new().fallback(forbid)).await
}

#[tokio::test]
async fn missing_roles_a_firewall_and_a_wrong_clock_are_distinguished() {
    let stage = stage(&[]).await;
    let blobs = "Storage Blob Data Contributor on the containers packages and reports";
    for (code, words) in [
        ("AuthorizationPermissionMismatch", [blobs, "Storage Table Data Contributor on"]),
        ("AuthorizationFailure", ["firewall", "firewall"]),
    ] {
        let account = forbidding(code).await;
        let diagnosis = by_shell(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for check in RIGHTS {
            diagnosis.says(check, "fail", &format!("Azure Storage answered 403 ({code})"));
        }
        diagnosis.says("write packages", "fail", words[0]);
        diagnosis.says("write imports", "fail", words[1]);
        diagnosis.says("clock of storage", "fail", "ahead of it");
        diagnosis.says("clock of storage", "fail", "it agrees with the clock of the service");
        diagnosis.says("clock of the service", "pass", "");
        diagnosis.says("reachability of blobs", "pass", "answers");
        diagnosis.says("connection", "unknown", "Azure Storage answered 403");
        assert!(!diagnosis.0.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn an_error_of_storage_is_reported_by_its_status_and_not_by_the_end_of_the_retries() {
    let stage = stage(&[]).await;
    for (status, words) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "Azure Storage itself failed"),
        (StatusCode::SERVICE_UNAVAILABLE, "Azure Storage itself failed"),
        (StatusCode::TOO_MANY_REQUESTS, "throttled"),
    ] {
        let router = Router::new().fallback(async move || (status, [("x-ms-request-id", "1")]));
        let account = storage_of(router).await;
        let diagnosis = by_shell(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for check in RIGHTS {
            let said = format!("Azure Storage answered {} (no error code)", status.as_u16());
            diagnosis.says(check, "fail", &said);
            diagnosis.says(check, "fail", words);
        }
        diagnosis.says("pause", "unknown", &format!("Azure Storage answered {}", status.as_u16()));
    }
}

#[tokio::test]
async fn a_page_in_place_of_storage_is_not_taken_for_storage() {
    let stage = stage(&[]).await;
    for status in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY] {
        let router = Router::new().fallback(async move || (status, "<html>Sign in</html>"));
        let account = storage_of(router).await;
        let diagnosis = by_shell(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        assert_eq!(
            diagnosis.those("fail"),
            ["reachability of blobs", "reachability of tables", "reachability of queues"]
        );
        diagnosis.says("reachability of tables", "fail", "the answer is not from Azure Storage");
        diagnosis.says(
            "reachability of tables",
            "fail",
            "Correct ImportStorage if it is wrong. If it is right, a proxy",
        );
        for check in RIGHTS.iter().chain(&["clock of storage", "connection", "pause"]) {
            diagnosis.says(check, "unknown", "");
        }
    }
}

#[tokio::test]
async fn a_blob_that_cannot_be_deleted_is_reported_and_has_one_name() {
    let stage = stage(&[]).await;
    let written = Arc::new(Mutex::new(BTreeSet::new()));
    let book = written.clone();
    let router = Router::new().fallback(async move |method: Method, uri: Uri| {
        let code = [("x-ms-error-code", "AuthorizationPermissionMismatch")];
        if method == Method::PUT && uri.path().starts_with("/a/") {
            book.lock().unwrap().insert(uri.path().replace("%2F", "/"));
            (StatusCode::CREATED, code)
        } else {
            (StatusCode::FORBIDDEN, code)
        }
    });
    let account = storage_of(router).await;
    for _ in 0..2 {
        let diagnosis = by_shell(&settings(&stage, &[("ImportStorage", &account)]), &["hr"]).await;
        for (check, container) in [("write packages", PACKAGES), ("write reports", REPORTS)] {
            let words = format!(
                "{container}/doctor/probe was written but not deleted: Azure Storage answered"
            );
            diagnosis.says(check, "fail", &words);
            diagnosis.says(check, "fail", "containers/blobs/delete");
        }
    }
    let mut written = written.lock().unwrap().clone();
    // The row that does not exist is also replaced by PUT.
    written.retain(|path| !path.contains("/imports("));
    let names = [PACKAGES, REPORTS].map(|container| format!("/a/{container}/doctor/probe"));
    assert_eq!(written, BTreeSet::from(names));
}

#[tokio::test]
async fn of_several_who_resume_the_slower_ones_see_no_failure() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::Forbidden);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |import| import.pauses).await;
    let post = || diagnose(&stage, "hr", r#"{"resume": true}"#);
    let (one, two, three) = tokio::join!(post(), post(), post());
    for (_, body) in [one, two, three] {
        let diagnosis = Diagnosis(serde_json::from_str(&body).unwrap());
        diagnosis.says("pause", "pass", "");
        assert_eq!(diagnosis.those("fail").len(), 0, "{body}");
        let last = diagnosis.check("last import")["message"].as_str().unwrap();
        assert!(!last.contains("answered 403") && !last.contains("pauses"), "{last}");
    }
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_proxy_that_is_down_or_silent_is_named_only_by_its_setting() {
    let stage = stage(&[]).await;
    // The kernel accepts the connections; no process reads from them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let away = closed_address().await.replace("//", "//user:hunter2@");
    for (name, address) in [("HTTPS_PROXY", &away), ("ALL_PROXY", &away), ("HTTPS_PROXY", &silent)]
    {
        let changed = [
            (name, address.as_str()),
            ("INGESTION_ENDPOINT", "https://service.invalid"),
            // Storage answers in time, however busy the machine is.
            ("REQUEST_TIMEOUT_SECONDS", "5"),
        ];
        let diagnosis = by_shell(&settings(&stage, &changed), &["hr"]).await;
        assert_eq!(diagnosis.those("fail"), ["reachability of the service"]);
        diagnosis.says("reachability of the service", "fail", &format!("the proxy in {name}"));
        assert!(!diagnosis.0.to_string().contains("hunter2"));
    }
}
