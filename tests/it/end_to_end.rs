//! From end to end: a CSV that arrives becomes an import, with its status in a table.

use std::io::{Cursor, Read as _};

use futures::{StreamExt as _, stream};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use viva_import::{
    config::{PACKAGES, REPORTS},
    import::{
        State,
        reason::{Reason, ReasonCode},
    },
    schema::Refresh,
    testbed::{
        SAMPLE_CONNECTION, SAMPLE_CSV, deployment,
        host::Outcome,
        service::{Call, Rules, ServiceFault},
    },
};

use crate::stage::{
    GOOD_CSV, TOKEN, a_second_later, csv_of, ended, good_csv, log, rules, rules_with_clock, stage,
    stage_with, time_passes, until, why,
};

#[tokio::test]
async fn a_csv_becomes_one_completed_row_and_one_accepted_ingestion() {
    let stage = stage(&[]).await;
    let blob = stage.arrive("hr/2026/november.csv", SAMPLE_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/2026/november.csv").await;

    assert_eq!(import.state, State::Completed);
    assert_eq!(import.connection, "hr");
    assert_eq!(import.source.etag, blob.etag);
    assert_eq!(
        (import.rows, import.error_count, import.refresh),
        (Some(244), 0, Some(Refresh::Full))
    );
    assert_eq!(import.service_status.as_deref(), Some("Completed"));
    assert_eq!(import.reason, Some(Reason::Completed));
    assert!(import.received <= import.pushed.unwrap() && import.pushed <= import.ended);
    assert_eq!(stage.imports().await.unwrap().len(), 1);

    let ingestions = stage.service.ingestions();
    assert_eq!(ingestions.len(), 1);
    let ingestion = &ingestions[0];
    assert_eq!(import.ingestion.unwrap().0, ingestion.id);
    assert_eq!(ingestion.rows, 244);
    assert_eq!(ingestion.is_bootstrap, Some(true));
    assert_eq!((ingestion.part_name.as_str(), ingestion.file_name.as_str()), ("info", "info.zip"));
    assert_eq!(ingestion.entries, ["metadata.json", "data.csv"]);

    // A column that is not mapped is dropped: here the desk phones of the sample.
    let mut archive = zip::ZipArchive::new(Cursor::new(ingestion.zip.clone())).unwrap();
    let mut data = String::new();
    archive.by_name("data.csv").unwrap().read_to_string(&mut data).unwrap();
    assert!(SAMPLE_CSV.contains("555 01") && !data.contains("555 01"));
    assert_eq!(data.lines().count(), 245);

    // The zip, which contains all data, is not kept.
    assert!(stage.storage.blobs.list(PACKAGES, "").await.unwrap().is_empty());

    let requests = stage.service.requests();
    assert!(requests.iter().all(|request| request.bearer.as_deref() == Some(TOKEN)));
    let push = requests.iter().find(|request| request.call == Some(Call::Push)).unwrap();
    assert!(push.content_length.unwrap() > ingestion.zip.len() as u64);
    assert_eq!(push.scale_unit.as_deref(), Some(rules().scale_unit.as_str()));
    assert!(!log(&stage).contains(TOKEN));
    stage.host.stop().await;
}

#[tokio::test]
async fn the_same_event_twice_is_one_import() {
    let stage = stage(&[]).await;
    let blob = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    for _ in 0..4 {
        stage.announce(&deployment::blob_created(&blob)).await.unwrap();
    }
    ended(&stage, "hr/a.csv").await;
    stage
        .host
        .until_outcomes(|ended| {
            ended.iter().filter(|invocation| invocation.function == "intake").count() == 4
        })
        .await;
    assert_eq!(stage.imports().await.unwrap().len(), 1);
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn new_content_under_the_same_name_is_a_new_import() {
    let stage = stage(&[]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/a.csv").await;
    stage
        .arrive(
            "hr/a.csv",
            format!("{GOOD_CSV}cy@contoso.com,11/01/2026,ana@contoso.com,HQ\n").into(),
        )
        .await
        .unwrap();
    until("two completed imports", async || {
        let imports = stage.imports().await.unwrap();
        let all =
            imports.len() == 2 && imports.iter().all(|import| import.state == State::Completed);
        all.then_some(())
    })
    .await;
    assert_eq!(stage.service.ingestions().len(), 2);
}

#[tokio::test]
async fn the_schedule_finds_the_newest_file_without_an_event() {
    let stage = stage(&[]).await;
    stage.drop_file("hr/older.csv", GOOD_CSV.into()).await.unwrap();
    a_second_later().await;
    stage.drop_file("hr/newest.csv", GOOD_CSV.into()).await.unwrap();
    stage.drop_file("nobody/a.csv", GOOD_CSV.into()).await.unwrap();
    let Outcome::Succeeded(answer) = stage.host.timer("schedule", true).await else { panic!() };
    assert_eq!(answer.logs, ["Found 1 file without an event."]);
    assert_eq!(ended(&stage, "hr/newest.csv").await.state, State::Completed);
    let Outcome::Succeeded(answer) = stage.host.timer("schedule", false).await else { panic!() };
    assert_eq!(answer.logs, ["Found 0 files without an event."]);
    assert_eq!(stage.imports().await.unwrap().len(), 1);
}

#[tokio::test]
async fn incremental_files_keep_their_order_and_none_is_lost() {
    let stage = stage(&[]).await;
    let incremental = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect("changes", &incremental).await.unwrap();
    let mut blobs = vec![];
    for rows in 1..=4 {
        blobs.push(
            stage.drop_file(&format!("changes/{rows}.csv"), csv_of(rows).into()).await.unwrap(),
        );
        a_second_later().await;
    }
    // The events arrive in another order than the files.
    for blob in [&blobs[0], &blobs[2], &blobs[1], &blobs[3]] {
        stage.announce(&deployment::blob_created(blob)).await.unwrap();
    }
    for rows in 1..=4 {
        let import = ended(&stage, &format!("changes/{rows}.csv")).await;
        assert_eq!(import.state, State::Completed, "{rows}: {:?}", import.reason);
    }
    let ingestions = stage.service.ingestions();
    let order: Vec<u64> = ingestions.iter().map(|ingestion| ingestion.rows).collect();
    assert_eq!(order, [1, 2, 3, 4]);
    assert!(ingestions.iter().all(|ingestion| ingestion.is_bootstrap == Some(false)));
    // The slot in the table kept them apart: the service was never busy.
    assert!(!stage.service.requests().iter().any(|request| request.status == Some(400)));
}

#[tokio::test]
async fn an_older_full_file_is_never_pushed_after_a_newer_one() {
    let (rules, clock) = rules_with_clock();
    let stage = stage_with(rules, &[]).await;
    for rows in 1..=4 {
        stage.arrive(&format!("hr/{rows}.csv"), csv_of(rows).into()).await.unwrap();
        a_second_later().await;
    }
    // The first has lasted until now.
    let last = tokio::select! {
        last = ended(&stage, "hr/4.csv") => last,
        never = time_passes(&clock) => never,
    };
    assert_eq!(last.state, State::Completed);
    let mut superseded = 0;
    for rows in 1..=3 {
        let import = ended(&stage, &format!("hr/{rows}.csv")).await;
        if import.state == State::Superseded {
            assert!(why(&import).contains("replaces all data"));
            superseded += 1;
        } else {
            assert_eq!(import.state, State::Completed);
        }
    }
    assert!(superseded > 0);
    let order = stage.service.ingestions();
    let order: Vec<u64> = order.iter().map(|ingestion| ingestion.rows).collect();
    assert!(order.is_sorted() && order.ends_with(&[4]), "{order:?}");
}

#[tokio::test]
async fn a_lost_answer_keeps_the_tenants_slot_until_the_result_is_known() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::AcceptThenCut);
    stage.arrive("hr/1.csv", csv_of(1).into()).await.unwrap();
    until("an accepted push without an answer", async || stage.service.ingestions().pop()).await;
    a_second_later().await;
    let other = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect("other", &other).await.unwrap();
    stage.arrive("other/2.csv", csv_of(2).into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/1.csv").await.state, State::Completed);
    assert_eq!(ended(&stage, "other/2.csv").await.state, State::Completed);
    let order = stage.service.ingestions();
    let order: Vec<u64> = order.iter().map(|ingestion| ingestion.rows).collect();
    assert_eq!(order, [1, 1, 2]);
}

#[tokio::test]
async fn an_older_late_file_and_one_with_a_lost_answer_do_not_wait_for_each_other_for_ever() {
    let stage = stage(&[]).await;
    let incremental = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect("changes", &incremental).await.unwrap();
    let older = stage.drop_file("changes/1.csv", csv_of(1).into()).await.unwrap();
    a_second_later().await;
    stage.service.fault(Call::Push, ServiceFault::AcceptThenCut);
    stage.arrive("changes/2.csv", csv_of(2).into()).await.unwrap();
    until("an accepted push without an answer", async || stage.service.ingestions().pop()).await;
    stage.announce(&deployment::blob_created(&older)).await.unwrap();
    for name in ["changes/1.csv", "changes/2.csv"] {
        assert_eq!(ended(&stage, name).await.state, State::Completed);
    }
}

#[tokio::test]
async fn imports_are_listed_newest_first() {
    let stage = stage(&[]).await;
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/good.csv").await;
    stage.arrive("hr/bad.csv", "Employee\n".into()).await.unwrap();
    ended(&stage, "hr/bad.csv").await;
    let get = async |path| {
        let answer = stage.host.http(Method::GET, path, HeaderMap::new(), bytes::Bytes::new());
        let answer = answer.await;
        assert_eq!(answer.status, 200);
        serde_json::from_slice::<Value>(&answer.body).unwrap()
    };
    let all = get("/api/v1/imports").await;
    let imports = all["value"].as_array().unwrap();
    assert_eq!(imports.len(), 2);
    let of = |file: &str| imports.iter().find(|import| import["file"] == file).unwrap();
    assert_eq!(of("inbox/hr/good.csv")["state"], "completed");
    assert_eq!(of("inbox/hr/good.csv")["ingestionId"], stage.service.ingestions()[0].id);
    assert_eq!(of("inbox/hr/bad.csv")["state"], "rejected");
    let order: Vec<&str> = imports.iter().map(|import| import["id"].as_str().unwrap()).collect();
    assert!(order.is_sorted());
    assert_eq!(get("/api/v1/imports?top=1").await["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn unverified_parts_of_the_protocol_have_settings() {
    let stage = stage(&[
        ("PUSH_PART_NAME", "file"),
        ("PUSH_FILE_NAME", "info"),
        ("METADATA_MAPPING_KEY", "ColumnMap"),
        // A proxy is not used for this machine.
        ("http_proxy", "http://127.0.0.1:9"),
    ])
    .await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    let ingestion = stage.service.ingestions().remove(0);
    assert_eq!((ingestion.part_name.as_str(), ingestion.file_name.as_str()), ("file", "info"));
    let mut archive = zip::ZipArchive::new(Cursor::new(ingestion.zip)).unwrap();
    let metadata = archive.by_name("metadata.json").unwrap();
    let metadata: Value = serde_json::from_reader(metadata).unwrap();
    assert!(metadata.get("ColumnMap").is_some() && metadata.get("Mapping").is_none());
}

#[tokio::test]
async fn a_file_larger_than_the_setting_is_rejected_unread() {
    let stage = stage(&[("MAX_FILE_BYTES", "100")]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Rejected);
    assert!(why(&import).contains("the limit is 100"));
}

#[tokio::test]
async fn older_paths_are_tried_if_the_documented_ones_do_not_exist() {
    let stage = stage_with(Rules { older_paths: true, ..rules() }, &[]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_file_that_the_service_finds_invalid_is_rejected_and_its_error_file_kept_if_configured() {
    let invalid = ServiceFault::StatusWord("ValidationFailed".to_owned());
    let unwanted = stage(&[]).await;
    unwanted.service.fault(Call::Status, invalid);
    unwanted.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&unwanted, "hr/a.csv").await;
    assert_eq!(import.state, State::Rejected);
    // The report of this program stays; the service's error file is not downloaded.
    assert!(import.report.unwrap().ends_with("report.html"));
    let kept = unwanted.storage.blobs.list(REPORTS, "").await.unwrap();
    assert!(kept.iter().all(|blob| blob.name.contains("/report.")), "{kept:?}");

    let stage = stage(&[("KEEP_SERVICE_ERRORS", "true")]).await;
    // The download of the error file is retried.
    stage.service.fault(Call::Errors, ServiceFault::ServiceUnavailable { retry_after: None });
    stage.service.fault(Call::Status, ServiceFault::StatusWord("ValidationFailed".to_owned()));
    stage.service.fault(Call::Status, ServiceFault::StatusWord("ValidationFailed".to_owned()));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Rejected);
    let report = import.report.clone().unwrap();
    assert!(why(&import).ends_with(&format!("The error file is reports/{report}")));
    assert!(stage.storage.blobs.look(REPORTS, &report).await.unwrap().is_some());
}

const BAD_GATEWAY: StatusCode = StatusCode::BAD_GATEWAY;
const TIMEOUT: StatusCode = StatusCode::GATEWAY_TIMEOUT;

/// A fault of the service, and how many ingestions there are in the end.
/// Where a gateway redirects a request whose token it does not accept.
const SIGN_IN: &str = "https://login.microsoftonline.com/common/oauth2/authorize";

#[tokio::test]
async fn documented_faults_of_the_service_end_in_a_completed_import() {
    let again = Some("1".to_owned());
    let cases = [
        ("busy", Call::Push, ServiceFault::Busy, 1),
        ("throttled", Call::Push, ServiceFault::TooManyRequests { retry_after: again.clone() }, 1),
        ("unavailable", Call::Push, ServiceFault::ServiceUnavailable { retry_after: again }, 1),
        ("failing", Call::Push, ServiceFault::InternalError, 1),
        ("sign-in-at-push", Call::Push, ServiceFault::SignInPage, 1),
        ("expired-at-push", Call::Push, ServiceFault::Unauthorized, 1),
        ("cut-mid-body", Call::Push, ServiceFault::CutMidBody { after_bytes: 10 }, 1),
        ("lost-answer", Call::Push, ServiceFault::AcceptThenCut, 2),
        (
            "bad-gateway",
            Call::Push,
            ServiceFault::Gateway { status: BAD_GATEWAY, reached: false },
            1,
        ),
        (
            "gateway-late",
            Call::Push,
            ServiceFault::Gateway { status: BAD_GATEWAY, reached: true },
            2,
        ),
        (
            "gateway-timeout",
            Call::Push,
            ServiceFault::Gateway { status: TIMEOUT, reached: true },
            2,
        ),
        ("sign-in-at-once", Call::ScaleUnit, ServiceFault::SignInPage, 1),
        ("expired-at-ping", Call::Ping, ServiceFault::Unauthorized, 1),
        ("failing-at-ping", Call::Ping, ServiceFault::InternalError, 1),
        ("sign-in-at-status", Call::Status, ServiceFault::SignInPage, 1),
        ("forbidden-at-status", Call::Status, ServiceFault::Forbidden, 1),
        ("garbled-status", Call::Status, ServiceFault::Garbled, 1),
        ("unknown-word", Call::Status, ServiceFault::StatusWord("Data processing".to_owned()), 1),
        ("odd-ping", Call::Ping, ServiceFault::BadRequest, 1),
        ("no-ping", Call::Ping, ServiceFault::NotFound, 1),
        ("ping-not-allowed", Call::Ping, ServiceFault::Status(405), 1),
        ("empty-ping", Call::Ping, ServiceFault::Status(200), 1),
        ("redirected-at-push", Call::Push, ServiceFault::Redirect(SIGN_IN.to_owned()), 1),
        ("redirected-at-status", Call::Status, ServiceFault::Redirect(SIGN_IN.to_owned()), 1),
        (
            "readme-word",
            Call::Status,
            ServiceFault::StatusWord("ExtractionCompleted".to_owned()),
            1,
        ),
    ];
    at_once(cases, async |(case, call, fault, accepted)| {
        let stage = stage(&[]).await;
        stage.service.fault(call, fault);
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let import = ended(&stage, "hr/a.csv").await;
        assert_eq!(import.state, State::Completed, "{case}: {:?}", import.reason);
        let ingestions = stage.service.ingestions();
        assert_eq!(ingestions.len(), accepted, "{case}");
        let content = &ingestions[0].zip_sha256;
        assert!(ingestions.iter().all(|again| again.zip_sha256 == *content), "{case}");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_never_answered_is_retried_later() {
    at_once([Call::ScaleUnit, Call::Ping, Call::Status], async |call| {
        let stage = stage(&[("REQUEST_TIMEOUT_SECONDS", "1")]).await;
        stage.service.always(call, Some(ServiceFault::Silent));
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        until("a timeout", async || {
            let imports = stage.imports().await.unwrap();
            imports.into_iter().find(|import| why(import).contains("no answer within 1 s"))
        })
        .await;
        stage.service.always(call, None);
        let import = ended(&stage, "hr/a.csv").await;
        assert_eq!(import.state, State::Completed, "{call:?}: {:?}", import.reason);
        assert_eq!(stage.service.ingestions().len(), 1, "{call:?}");
    })
    .await;
}

#[tokio::test]
async fn an_error_that_a_repetition_does_not_resolve_is_stuck_with_what_to_do() {
    let elsewhere = "http://127.0.0.1:9/elsewhere".to_owned();
    let cases = [
        ("no-id", Call::Push, ServiceFault::NoId, "it contains no Id"),
        ("garbled", Call::Push, ServiceFault::Garbled, "it is not JSON"),
        (
            "undocumented-end",
            Call::Status,
            ServiceFault::StatusWord("Suspended".to_owned()),
            "the status Suspended, which Microsoft does not document",
        ),
        ("bad-request", Call::Push, ServiceFault::BadRequest, "answered 400"),
        ("not-found", Call::Push, ServiceFault::NotFound, "INGESTION_ENDPOINT"),
        ("redirect", Call::Push, ServiceFault::Redirect(elsewhere), "does not follow redirects"),
        ("always-failing", Call::Push, ServiceFault::InternalError, "5 consecutive pushes failed"),
    ];
    at_once(cases, async |(case, call, fault, says)| {
        let stage = stage(&[]).await;
        stage.service.always(call, Some(fault));
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let import = ended(&stage, "hr/a.csv").await;
        let why = why(&import);
        assert_eq!(import.state, State::Stuck, "{case}: {why}");
        assert!(why.contains(says), "{case}: {why}");
        // What the service may have is pushed once, and never again unseen.
        let taken = usize::from(call == Call::Status);
        assert_eq!(stage.service.ingestions().len(), taken, "{case}");
        let pushes = stage.service.requests().into_iter().filter(|it| it.call == Some(Call::Push));
        assert_eq!(pushes.count(), if case == "always-failing" { 5 } else { 1 }, "{case}");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_retried_until_it_is() {
    let cases = [
        ("signed-in", Call::ScaleUnit, ServiceFault::SignInPage, "sign-in page"),
        ("authorized", Call::Ping, ServiceFault::Unauthorized, "INGESTION_SCOPE"),
        ("signed-in-at-push", Call::Push, ServiceFault::SignInPage, "sign-in page"),
        ("authorized-at-push", Call::Push, ServiceFault::Unauthorized, "INGESTION_SCOPE"),
        (
            "redirected-at-push",
            Call::Push,
            ServiceFault::Redirect(SIGN_IN.to_owned()),
            "a redirect to a sign-in",
        ),
    ];
    at_once(cases, async |(case, call, fault, says)| {
        let stage = stage(&[]).await;
        stage.service.always(call, Some(fault));
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let import = until(case, async || {
            let import = stage.imports().await.unwrap().pop()?;
            (import.code() == Some(ReasonCode::TokenRejected)).then_some(import)
        })
        .await;
        assert!(import.needs_person() && why(&import).contains(says), "{case}: {}", why(&import));
        let warned = " event=credential_failed reason=TokenRejected connection=hr ";
        // It is logged once, however often it is retried.
        until(case, async || {
            let asked = stage.service.requests().into_iter().filter(|it| it.call == Some(call));
            (asked.count() > 4).then_some(())
        })
        .await;
        assert_eq!(log(&stage).matches(warned).count(), 1, "{case}");
        stage.service.always(call, None);
        assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed, "{case}");
        assert_eq!(stage.service.ingestions().len(), 1, "{case}");
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_unavailable_for_long_is_waited_for() {
    let stage = stage(&[]).await;
    let away = ServiceFault::ServiceUnavailable { retry_after: None };
    stage.service.always(Call::ScaleUnit, Some(away));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    until("more failures than pushes may have", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.failures > 6)
    })
    .await;
    stage.service.always(Call::ScaleUnit, None);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn an_ingestion_that_never_moves_is_stuck_and_frees_the_tenant() {
    let stage = stage(&[("INGESTION_TIMEOUT_SECONDS", "2")]).await;
    stage.service.always(Call::Status, Some(ServiceFault::StatusWord("NotStarted".to_owned())));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Stuck);
    assert!(why(&import).contains("portal"));
    stage.service.always(Call::Status, None);
    stage.arrive("hr/b.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/b.csv").await.state, State::Completed);
}

#[tokio::test]
async fn concurrent_invocations_push_each_file_once() {
    let stage = stage(&[("AzureWebJobs.advance.Disabled", "true")]).await;
    let incremental = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect("changes", &incremental).await.unwrap();
    stage.arrive("changes/a.csv", good_csv("A").into()).await.unwrap();
    stage.arrive("changes/b.csv", good_csv("B").into()).await.unwrap();
    until("both imports at their end", async || {
        // As two instances of the app would do: the same query at the same moment.
        let empty = serde_json::Map::new;
        tokio::join!(
            stage.host.invoke("advance", one("timer"), empty()),
            stage.host.invoke("advance", one("timer"), empty()),
            stage.host.invoke("advance", one("timer"), empty()),
        );
        let imports = stage.imports().await.unwrap();
        let all = imports.len() == 2 && imports.iter().all(|import| import.due.is_none());
        all.then_some(())
    })
    .await;
    let imports = stage.imports().await.unwrap();
    assert!(imports.iter().all(|import| import.state == State::Completed));
    assert_eq!(stage.service.ingestions().len(), 2);
    let pushes = stage.service.requests();
    let pushes = pushes.iter().filter(|request| request.call == Some(Call::Push));
    assert_eq!(pushes.count(), 2);
}

/// Runs each case on a stage of its own, a few at a time: they mostly wait.
async fn at_once<C>(cases: impl IntoIterator<Item = C>, check: impl AsyncFn(C)) {
    let checks = cases.into_iter().map(|case| check(case));
    stream::iter(checks).buffer_unordered(6).collect::<()>().await;
}

fn one(name: &str) -> serde_json::Map<String, Value> {
    serde_json::Map::from_iter([(name.to_owned(), serde_json::json!({}))])
}
