//! What the service refuses, and in which shapes it may answer: what of that reaches the row, the reports and
//! the service's own log.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt as _, stream};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use viva_import::{
    config::REPORTS,
    import::{Import, State, reason::Operation},
    messages,
    testbed::{
        deployment::{Stage, TOKEN_SETTING},
        service::{Call, IdShape, Rules, ServiceFault},
    },
};

use crate::{
    health::proxied,
    proxy::{Fault, Seen},
    stage::{
        GOOD_CSV, TOKEN, csv_of, ended, import_of, log, next_status, rules, rules_with_clock,
        stage, stage_with, until, why,
    },
};

const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";

fn refused(status: u16, code: &str) -> ServiceFault {
    ServiceFault::Refused { status, code: code.to_owned() }
}

/// The import of one file, at its end.
async fn imported(stage: &Stage) -> Import {
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    ended(stage, "hr/a.csv").await
}

async fn stored(stage: &Stage, blob: &str) -> Option<String> {
    let content = stage.storage.blobs.read_small(REPORTS, blob, 1 << 20).await.unwrap()?;
    Some(String::from_utf8(content).unwrap())
}

#[tokio::test]
async fn a_refusal_is_recorded_with_its_codes_and_ids_and_its_text_is_stored_only_if_asked_for() {
    let text = "The service rejected the request with the code InvalidMetadata";
    for keeps in ["false", "true"] {
        let stage = stage(&[("KEEP_SERVICE_ERRORS", keeps)]).await;
        stage.service.always(Call::Push, Some(refused(400, "InvalidMetadata")));
        let import = imported(&stage).await;
        assert_eq!(import.state, State::Stuck);
        assert!(why(&import).contains("answered 400 (InvalidMetadata) to the push"));

        let mut sent = import.diagnostics.exchanges.iter();
        let push = sent.find(|sent| sent.operation == Operation::Push).unwrap();
        let seen = stage.service.requests();
        let seen = seen.iter().find(|seen| seen.call == Some(Call::Push)).unwrap();
        assert_eq!(push.status, Some(400));
        assert_eq!(push.client_request_id.as_deref(), seen.client_request_id.as_deref());
        assert_eq!(&*push.headers["x-ms-request-id"], seen.request_id.as_deref().unwrap());
        assert_eq!(push.headers.len(), 4, "{:?}", push.headers);
        assert_eq!((push.codes.len(), push.ids.len()), (1, 1));
        assert_eq!(push.scale_unit.as_deref(), Some("novaprdwus2-02"));

        let record = messages::support(&import);
        let line = format!("push: 400 InvalidMetadata; x-ms-client-request-id {}", {
            seen.client_request_id.as_deref().unwrap()
        });
        for shown in [&record, &log(&stage)] {
            assert!(shown.contains(&line) && !shown.contains(text), "{shown}");
            assert!(!shown.contains(TOKEN), "{shown}");
        }
        let blob = format!("{}/service-answer.txt", import.id.key);
        let kept = stored(&stage, &blob).await;
        assert_eq!(kept.is_some_and(|kept| kept.contains(text)), keeps == "true");
        assert_eq!(record.contains(&blob), keeps == "true");
    }
}

/// A file whose zip is much larger than what a connection buffers.
fn large_csv() -> String {
    let head = "Employee,EffectiveDate,Manager,Organization\nana@contoso.com,11/01/2026,,HQ\n";
    let row = |n: u32| {
        let noise = format!("{:x}", Sha256::digest(n.to_le_bytes()));
        format!("p{n}@contoso.com,11/01/2026,ana@contoso.com,{noise}\n")
    };
    head.to_owned() + &(0..40_000).map(row).collect::<String>()
}

#[tokio::test]
async fn a_refusal_before_the_whole_zip_was_sent_is_read() {
    let early = |fault| ServiceFault::EarlyAnswer { after_bytes: 1_000, fault: Box::new(fault) };
    let checks = [
        (early(refused(413, "TooLarge")), State::Stuck, 0),
        (early(ServiceFault::Busy), State::Completed, 1),
        (ServiceFault::CutMidBody { after_bytes: 1_000 }, State::Completed, 1),
    ];
    let checks = checks.map(async |(fault, state, taken)| {
        let stage = stage(&[]).await;
        if taken == 0 {
            // On a machine with much to do the answer may still be lost; then the push is repeated.
            stage.service.always(Call::Push, Some(fault.clone()));
        } else {
            stage.service.fault(Call::Push, fault.clone());
        }
        stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
        let import = ended(&stage, "hr/a.csv").await;
        assert_eq!(import.state, state, "{fault:?}: {}", why(&import));
        assert_eq!(stage.service.ingestions().len(), taken, "{fault:?}");
        assert_eq!((import.failed_pushes, import.push_outcome_unknown), (0, false), "{fault:?}");
        if state == State::Stuck {
            assert!(
                why(&import).contains("answered 413 (TooLarge) to the push: the file is larger")
            );
        }
    });
    Box::pin(stream::iter(checks).buffer_unordered(3).collect::<()>()).await;
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own_and_the_error_file_may_have_any_type() {
    let (rules, clock) = rules_with_clock();
    let stage = stage_with(rules, &[("KEEP_SERVICE_ERRORS", "true")]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let pushed = until("the push", async || stage.service.ingestions().pop()).await;
    next_status(&clock);
    stage.service.settle(&pushed.id, "ValidationFailed");
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Rejected);
    let seen = stage.service.requests();
    let mut ids: Vec<_> = seen.iter().map(|seen| seen.client_request_id.clone().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), seen.len());
    for seen in seen {
        let accepted = if seen.call == Some(Call::Errors) { "*/*" } else { "application/json" };
        assert_eq!(seen.accept.as_deref(), Some(accepted), "{:?}", seen.call);
    }
}

#[tokio::test]
async fn the_path_at_which_the_status_was_found_is_the_first_one_from_then_on() {
    let (rules, clock) = rules_with_clock();
    let stage = stage_with(Rules { older_paths: true, ..rules }, &[]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let polls = |documented: bool| {
        let seen = stage.service.requests().into_iter();
        seen.filter(|seen| seen.method == "GET" && seen.path.contains("/ingestions/"))
            .filter(|seen| seen.path.to_lowercase().contains("/fileingestion/") == documented)
            .count()
    };
    until("four polls", async || (polls(false) >= 4).then_some(())).await;
    assert_eq!(polls(true), 1);
    next_status(&clock);
    next_status(&clock);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    assert_eq!(polls(true), 1);
}

#[tokio::test]
async fn an_id_of_any_shape_is_accepted_polled_and_asked_for_its_error_file() {
    let shapes =
        [IdShape::BracedGuid, IdShape::Underscores, IdShape::Long, IdShape::Slash, IdShape::Blank];
    let checks = shapes.map(async |id_shape| {
        let (rules, clock) = rules_with_clock();
        let rules = Rules { id_shape, ..rules };
        let stage = stage_with(rules, &[("KEEP_SERVICE_ERRORS", "true")]).await;
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let pushed = until("the push", async || stage.service.ingestions().pop()).await;
        next_status(&clock);
        stage.service.settle(&pushed.id, "ValidationFailed");
        let import = ended(&stage, "hr/a.csv").await;
        assert_eq!(import.state, State::Rejected, "{id_shape:?}");
        assert_eq!(import.ingestion.as_ref().unwrap().0, pushed.id);
        assert!(!log(&stage).contains('\u{1b}') && !log(&stage).contains("\n7 "), "{id_shape:?}");
        let errors = format!("{}/service-errors.txt", import.id.key);
        assert!(stored(&stage, &errors).await.is_some(), "{id_shape:?}");
        assert_eq!(stage.service.ingestions().len(), 1, "{id_shape:?}");
    });
    Box::pin(stream::iter(checks).buffer_unordered(6).collect::<()>()).await;
}

#[tokio::test]
async fn an_end_that_is_not_documented_frees_the_tenant_and_its_text_is_stored_only_if_asked_for() {
    for keeps in ["false", "true"] {
        let stage = stage(&[("KEEP_SERVICE_ERRORS", keeps)]).await;
        stage.service.always(Call::Status, Some(ServiceFault::EndWord("On hold!\n".to_owned())));
        let import = imported(&stage).await;
        assert_eq!(import.state, State::Stuck);
        assert!(why(&import).contains("the status On hold!"), "{}", why(&import));
        let warnings = log(&stage);
        let warnings = warnings.lines().filter(|line| line.contains("event=stuck"));
        assert_eq!(warnings.count(), 1);
        let blob = format!("{}/service-answer.txt", import.id.key);
        assert_eq!(stored(&stage, &blob).await.is_some(), keeps == "true");
        // The next file is pushed.
        stage.arrive("hr/b.csv", csv_of(9).into()).await.unwrap();
        ended(&stage, "hr/b.csv").await;
        assert_eq!(stage.service.ingestions().len(), 2);
    }
}

#[tokio::test]
async fn a_status_that_is_not_documented_is_logged_as_a_warning_once() {
    let (rules, clock) = rules_with_clock();
    let stage = stage_with(rules, &[]).await;
    let word = ServiceFault::StatusWord("Data processing".to_owned());
    stage.service.always(Call::Status, Some(word));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    import_of(&stage, "hr/a.csv", |it| it.service_status.as_deref() == Some("Data processing"))
        .await;
    let polls = || {
        let polls = stage.service.requests().into_iter();
        polls.filter(|seen| seen.call == Some(Call::Status)).count()
    };
    let before = polls();
    until("three more polls", async || (polls() > before + 2).then_some(())).await;
    stage.service.always(Call::Status, None);
    next_status(&clock);
    next_status(&clock);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    let lines = stage.host.log();
    let warned = lines.iter().filter(|line| line.message.contains("WARN"));
    assert_eq!(warned.count(), 1, "{}", log(&stage));
}

#[tokio::test]
async fn a_403_names_the_tenant_of_the_token_if_the_connection_names_another_one() {
    let other = "11111111-2222-4333-8444-555555555555";
    for (tid, names_it) in [(other, true), (TENANT, false)] {
        let claims = json!({ "tid": tid, "appid": "a", "aud": "b", "uti": "c" });
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let accepts_any = Rules { token: String::new(), ..rules() };
        let stage = stage_with(accepts_any, &[(TOKEN_SETTING, &token)]).await;
        stage.service.always(Call::Push, Some(ServiceFault::Forbidden));
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let import = import_of(&stage, "hr/a.csv", |import| import.pauses).await;
        let text = format!("The token was issued by tenant {other}");
        assert_eq!(why(&import).contains(&text), names_it, "{}", why(&import));
        // Another step queues it again for the same reason.
        let waits = import.due;
        let import = import_of(&stage, "hr/a.csv", |import| import.due > waits).await;
        assert_eq!(why(&import).contains(&text), names_it, "{}", why(&import));
        assert_eq!(
            log(&stage)
                .contains(&format!("is paused: The service answered 403 (forbidden). {text}")),
            names_it
        );
        let record = messages::support(&import);
        let ids = format!("token tid {tid}; token appid a; token aud b; token uti c");
        assert!(record.contains(&ids) && !record.contains(&token), "{record}");
    }
}

#[tokio::test]
async fn the_event_of_a_file_and_the_platform_are_on_record() {
    let stage = stage(&[("WEBSITE_INSTANCE_ID", "i-1"), ("REGION_NAME", "West Europe")]).await;
    let import = imported(&stage).await;
    let event = import.diagnostics.event.as_ref().unwrap();
    assert_eq!(event.e_tag.as_deref(), Some(import.source.etag.as_str()));
    let record = messages::support(&import);
    for words in ["Event Grid: id ", "api PutBlob", "poll: 200", &import.id.name()] {
        assert!(record.contains(words), "{words}: {record}");
    }
    let log = log(&stage);
    let first = log.lines().find(|line| line.contains("event=invoked")).unwrap();
    let words = ["host Azure-Functions-Host/", "instance i-1, region West Europe"];
    assert!(words.iter().all(|words| first.contains(words)), "{first}");
}

#[tokio::test]
async fn a_request_that_storage_refuses_is_on_record_with_its_status() {
    let (stage, proxy) = proxied().await;
    let is_of_export = |seen: &Seen| seen.path.contains("a.csv") && seen.method == "GET";
    proxy.always(is_of_export, Fault::Answer(403, None));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = import_of(&stage, "hr/a.csv", |it| it.diagnostics.storage.is_some()).await;
    let failed = import.diagnostics.storage.as_ref().unwrap();
    assert_eq!((failed.state, failed.status), (State::Received, Some(403)));
    let record = messages::support(&import);
    assert!(record.contains(" storage, while received: status 403"), "{record}");
}

#[tokio::test]
async fn a_request_without_an_answer_leaves_no_refusal_to_keep() {
    let settings = [("KEEP_SERVICE_ERRORS", "true"), ("REQUEST_TIMEOUT_SECONDS", "1")];
    let stage = stage(&settings).await;
    stage.service.always(Call::Ping, Some(ServiceFault::Silent));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    // The second attempt begins after everything of the first was stored.
    let import = import_of(&stage, "hr/a.csv", |import| import.failures > 1).await;
    let blob = format!("{}/service-answer.txt", import.id.key);
    assert_eq!(stored(&stage, &blob).await, None, "the answer before it was none of the ping");
    assert!(!messages::support(&import).contains(&blob));
}
