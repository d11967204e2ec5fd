//! The operator actions retry, cancel and resume, and the pauses that wait for them.

use std::process::Output;

use tokio::process::Command;
use viva_import::{
    config::PACKAGES,
    import::{Import, State, reason::Reason},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        service::{Call, ServiceFault},
    },
};

use crate::stage::{
    BINARY, GOOD_CSV, TOKEN, a_second_later, csv_of, ended, good_csv, import_of, stage, until, why,
};

async fn run(stage: &Stage, command: &str, argument: &str) -> Output {
    let mut process = Command::new(BINARY);
    process.args([command, argument]).envs(stage.settings()).output().await.unwrap()
}

/// The output of an action that is done.
pub(crate) async fn done(stage: &Stage, command: &str, argument: &str) -> String {
    let output = run(stage, command, argument).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The error of an action that is a conflict.
async fn conflict(stage: &Stage, command: &str, argument: &str) -> String {
    let output = run(stage, command, argument).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn says(import: &Import, words: &str) -> bool {
    why(import).contains(words)
}

fn incremental(more: &str) -> String {
    SAMPLE_CONNECTION.replace("\"full\"", &format!("\"incremental\"{more}"))
}

fn pushes(stage: &Stage) -> usize {
    stage.service.requests().iter().filter(|seen| seen.call == Some(Call::Push)).count()
}

#[tokio::test]
async fn a_403_pauses_the_connection_until_an_operator_resumes_it() {
    let at = |call| Box::pin(a_403_at(call));
    tokio::join!(at(Call::Ping), at(Call::Push));
}

async fn a_403_at(call: Call) {
    let stage = stage(&[]).await;
    stage.connect("changes", &incremental("")).await.unwrap();
    stage.service.fault(call, ServiceFault::Forbidden);
    stage.arrive("changes/1.csv", csv_of(1).into()).await.unwrap();
    let import = import_of(&stage, "changes/1.csv", |import| import.pauses).await;
    assert_eq!(import.state, State::Packed, "the file waits");
    assert!(says(&import, "Possible causes: (1)") && says(&import, "`viva-import resume changes`"));

    // The other files of the connection are not pushed, however often they are due.
    // (A step that was in progress has ended.)
    a_second_later().await;
    let (asked_until_now, pushed) = (stage.service.requests().len(), pushes(&stage));
    a_second_later().await;
    stage.arrive("changes/2.csv", csv_of(2).into()).await.unwrap();
    import_of(&stage, "changes/2.csv", |import| says(import, "Connection changes is paused")).await;
    a_second_later().await;
    assert_eq!(stage.service.requests().len(), asked_until_now);

    // Another connection of the tenant is not delayed by it.
    stage.connect("more", &incremental("")).await.unwrap();
    stage.arrive("more/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "more/a.csv").await.state, State::Completed);
    assert!(pushes(&stage) > pushed);

    assert!(conflict(&stage, "resume", "more").await.contains("Connection more is not paused."));
    let result = done(&stage, "resume", "changes").await;
    assert!(result.starts_with("inbox/changes/1.csv (import "), "{result}");
    let words =
        ") no longer pauses connection changes. Cause of the pause: The service answered 403";
    assert!(result.contains(words), "{result}");
    for name in ["changes/1.csv", "changes/2.csv"] {
        assert_eq!(ended(&stage, name).await.state, State::Completed, "{name}");
    }
    let import = import_of(&stage, "changes/1.csv", |import| !import.pauses).await;
    assert!(import.operator_actions.unwrap().starts_with("by `viva-import resume` at 20"));
    let order: Vec<u64> = stage.service.ingestions().iter().map(|it| it.rows).collect();
    assert_eq!(order[order.len() - 2..], [1, 2]);
}

#[tokio::test]
async fn a_rejected_incremental_file_stops_later_files_only_if_the_connection_says_so() {
    let bad = "Employee\n";
    let stage = stage(&[("AzureWebJobs.advance.Disabled", "true")]).await;
    stage.connect("goes", &incremental("")).await.unwrap();
    stage.connect("stops", &incremental(", \"stopAfterRejected\": true")).await.unwrap();
    for (connection, rows) in [("goes", 1), ("stops", 2)] {
        stage.drop_file(&format!("{connection}/1.csv"), csv_of(rows).into()).await.unwrap();
    }
    a_second_later().await;
    for connection in ["goes", "stops"] {
        stage.drop_file(&format!("{connection}/2.csv"), bad.into()).await.unwrap();
    }
    a_second_later().await;
    for (connection, rows) in [("goes", 3), ("stops", 4)] {
        stage.drop_file(&format!("{connection}/3.csv"), csv_of(rows).into()).await.unwrap();
    }
    stage.host.timer("sweep", true).await;
    let end = async |name: &str| {
        until(name, async || {
            stage.host.timer("advance", false).await;
            let imports = stage.imports().await.unwrap();
            imports.into_iter().find(|import| import.source.name == name && import.state.is_end())
        })
        .await
    };
    assert_eq!(end("goes/2.csv").await.state, State::Rejected);
    assert_eq!(end("goes/3.csv").await.state, State::Completed);
    let rejected = end("stops/2.csv").await;
    assert_eq!(rejected.state, State::Rejected);
    // Earlier files continue, later files wait.
    assert_eq!(end("stops/1.csv").await.state, State::Completed);
    let waiting = until("the file behind", async || {
        stage.host.timer("advance", false).await;
        let imports = stage.imports().await.unwrap();
        let mut behind = imports.into_iter().filter(|import| import.source.name == "stops/3.csv");
        behind.find(|import| says(import, "Connection stops is paused: inbox/stops/2.csv"))
    })
    .await;
    assert_eq!(waiting.state, State::Packed);
    done(&stage, "resume", "stops").await;
    assert_eq!(end("stops/3.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_retry_starts_a_rejected_or_stuck_import_again_after_a_correction() {
    let stage = stage(&[]).await;
    // A mapping that does not match the file, and its correction.
    let other = SAMPLE_CONNECTION.replace("\"Organization\"", "\"Department\"");
    stage.connect("hr", &other).await.unwrap();
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Rejected, "{:?}", import.reason);
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    done(&stage, "retry", &import.id.key).await;
    let import = import_of(&stage, "hr/a.csv", |import| import.state == State::Completed).await;
    assert!(import.operator_actions.unwrap().starts_with("by `viva-import retry` at 20"));
    assert_eq!((import.error_count, import.reason), (0, Some(Reason::Completed)));

    // A push that the service rejected for a reason of its own.
    stage.service.fault(Call::Push, ServiceFault::BadRequest);
    stage.arrive("hr/b.csv", good_csv("B").into()).await.unwrap();
    let import = ended(&stage, "hr/b.csv").await;
    assert_eq!(import.state, State::Stuck);
    done(&stage, "retry", &import.id.key).await;
    import_of(&stage, "hr/b.csv", |import| import.state == State::Completed).await;

    // An import that has ended or does not exist is not changed.
    let error = conflict(&stage, "retry", &import.id.key).await;
    assert!(error.contains("has ended and cannot be retried."), "{error}");
    assert!(conflict(&stage, "retry", "1'or'1").await.contains("Import 1'or'1 does not exist."));
    assert_eq!(stage.service.ingestions().len(), 2);
}

#[tokio::test]
async fn a_retry_of_a_waiting_import_starts_now() {
    let stage = stage(&[("BUSY_WAIT_SECONDS", "3600"), ("BUSY_WAIT_MAX_SECONDS", "3600")]).await;
    stage.service.fault(Call::Push, ServiceFault::Busy);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = import_of(&stage, "hr/a.csv", |import| import.busy_retries == 1).await;
    done(&stage, "retry", &import.id.key).await;
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_cancelled_file_is_not_pushed_and_later_files_continue() {
    let stage = stage(&[]).await;
    stage.connect("changes", &incremental("")).await.unwrap();
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("changes/1.csv", csv_of(1).into()).await.unwrap();
    let first = import_of(&stage, "changes/1.csv", |import| import.busy_retries > 0).await;
    a_second_later().await;
    stage.arrive("changes/2.csv", csv_of(2).into()).await.unwrap();
    import_of(&stage, "changes/2.csv", |import| says(import, "goes first")).await;

    // A push in progress cannot be cancelled, but a moment later it can.
    until("a cancelled import", async || {
        run(&stage, "cancel", &first.id.key).await.status.success().then_some(())
    })
    .await;
    let first = ended(&stage, "changes/1.csv").await;
    assert_eq!(first.state, State::Cancelled);
    assert!(says(&first, "Cancelled by `viva-import cancel` at 20"), "{:?}", first.reason);
    let error = conflict(&stage, "cancel", &first.id.key).await;
    assert!(error.contains("has already ended. Cancelled by"), "{error}");
    stage.service.always(Call::Push, None);
    assert_eq!(ended(&stage, "changes/2.csv").await.state, State::Completed);
    let rows: Vec<u64> = stage.service.ingestions().iter().map(|it| it.rows).collect();
    assert_eq!(rows, [2]);
    assert!(stage.storage.blobs.list(PACKAGES, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_ingestion_that_hangs_can_be_cancelled_and_the_tenant_continues() {
    let stage = stage(&[]).await;
    stage.service.always(Call::Status, Some(ServiceFault::StatusWord("NotStarted".to_owned())));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = import_of(&stage, "hr/a.csv", |import| import.state == State::Ingesting).await;
    let error = conflict(&stage, "retry", &import.id.key).await;
    assert!(error.contains("is in progress and cannot be retried."), "{error}");
    let result = done(&stage, "cancel", &import.id.key).await;
    let begin = "inbox/hr/a.csv: Cancelled by `viva-import cancel` at 20";
    assert!(result.starts_with(begin), "{result}");
    assert!(result.contains("The service has the file as ingestion"), "{result}");
    assert!(result.contains("and may still import it"), "{result}");
    let import = ended(&stage, "hr/a.csv").await;
    assert!(
        import.state == State::Cancelled && says(&import, "The service has the file as ingestion")
    );
    stage.service.always(Call::Status, None);
    stage.arrive("hr/b.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/b.csv").await.state, State::Completed);
    let log = crate::stage::log(&stage);
    assert!(!log.contains(TOKEN) && !log.contains("bo@contoso.com"));
}

#[tokio::test]
async fn if_a_connection_has_changed_its_tenant_an_operator_specifies_the_import() {
    let stage = stage(&[]).await;
    stage.arrive("hr/a.csv", "Employee\n".into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    let other = SAMPLE_CONNECTION.replace("0f2c1d3e", "1f2c1d3e");
    stage.connect("hr", &other).await.unwrap();
    stage.host.timer("sweep", false).await;
    until("the same content as an import of the other tenant", async || {
        let imports = stage.imports().await.unwrap();
        (imports.len() == 2 && imports.iter().all(|import| import.due.is_none())).then_some(())
    })
    .await;
    let (key, tenant) = (&import.id.key, &import.id.tenant);
    let error = conflict(&stage, "retry", key).await;
    assert!(error.contains("Specify ") && error.contains(&format!("{tenant}.{key}")), "{error}");
    done(&stage, "retry", &format!("{tenant}.{key}")).await;
    import_of(&stage, "hr/a.csv", |import| {
        import.operator_actions.is_some() && import.id.tenant == *tenant
    })
    .await;
}
