//! The power goes at the worst moment.

use std::{fmt::Write as _, process::Stdio, time::Duration};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
};
use viva_import::{
    config::{PACKAGES, POISON, STEPS_POISON},
    import::State,
    testbed::service::{Call, ServiceFault},
};

use crate::stage::{BINARY, GOOD_CSV, ended, held, log, peeked, stage, until};

const ROWS: u32 = 30_000;

/// When the message of a step is shown again that was killed with its handler; a minute by default.
const SHOWN_AGAIN: &str = "AzureFunctionsJobHost__extensions__queues__visibilityTimeout";

/// A file whose zip is far larger than what the sockets between client and server can hold.
pub(crate) fn large_csv() -> String {
    let mut csv = "Employee,EffectiveDate,Manager,Organization\n".to_owned();
    csv.push_str("head@contoso.com,11/01/2026,,Sales\n");
    // Noise does not shrink, and many bytes in few rows are checked sooner.
    for row in 1..ROWS {
        let noise = [1, 2, 3, 4, 5]
            .map(|part: u32| format!("{:x}", Sha256::digest((part * ROWS + row).to_le_bytes())));
        let noise = noise.concat();
        let _ = writeln!(csv, "p{row}@contoso.com,11/01/2026,head@contoso.com,{noise}");
    }
    csv
}

#[tokio::test]
async fn kill_9_in_the_middle_of_a_push_ends_in_one_completed_row_and_one_accepted_ingestion() {
    let stage = stage(&[("LEASE_SECONDS", "12")]).await;
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 100_000 });
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    let imports = stage.imports().await.unwrap();
    assert_eq!(imports[0].state, State::Pushing, "the intent is written before the push");

    let pid = stage.host.handler_pid();
    stage.host.kill_handler().await;
    stage.service.release();
    stage.service.quiet().await;
    assert!(stage.service.ingestions().is_empty(), "half a body is no ingestion");
    until("the handler to be started again", async || {
        stage.host.handler_pid().filter(|now| Some(*now) != pid)
    })
    .await;

    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Completed);
    assert_eq!(stage.imports().await.unwrap().len(), 1);
    let ingestions = stage.service.ingestions();
    assert_eq!(ingestions.len(), 1);
    assert_eq!((ingestions[0].rows, import.rows), (u64::from(ROWS), Some(u64::from(ROWS))));
    assert!(stage.storage.blobs.list(PACKAGES, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn kill_9_while_an_ingestion_is_followed_loses_nothing() {
    let stage = stage(&[(SHOWN_AGAIN, "00:00:01")]).await;
    stage.service.always(Call::Status, Some(ServiceFault::InternalError));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    until("a pushed import", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.state == State::Ingesting)
    })
    .await;
    stage.host.kill_handler().await;
    stage.service.always(Call::Status, None);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_handler_that_is_killed_in_each_try_of_a_poll_loses_nothing_and_its_messages_are_no_poison()
 {
    let stage = stage(&[(SHOWN_AGAIN, "00:00:01")]).await;
    stage.service.always(Call::Status, Some(ServiceFault::Silent));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    // The first try is not written, because a poll does not begin with a write.
    for tries in [0, 2] {
        held(&stage).await;
        let imports = stage.imports().await.unwrap();
        assert_eq!((imports[0].state, imports[0].tries), (State::Ingesting, tries));
        stage.host.kill_handler().await;
        stage.service.quiet().await;
    }
    held(&stage).await;
    assert_eq!(stage.imports().await.unwrap()[0].tries, 3);
    stage.service.always(Call::Status, None);
    stage.service.release();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    assert_eq!(stage.service.ingestions().len(), 1);
    for queue in [POISON, STEPS_POISON] {
        assert_eq!(peeked(&stage, queue).await, 0, "{queue}");
    }
}

#[tokio::test]
async fn a_new_host_takes_up_what_the_old_one_left() {
    let stage = stage(&[("AzureWebJobs.advance.Disabled", "true")]).await;
    stage.service.fault(Call::Push, ServiceFault::Busy);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    until("an import that waits", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.reason.is_some())
    })
    .await;
    let stage = stage.restart().await.unwrap();
    until("the end", async || {
        stage.host.timer("advance", true).await;
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.state == State::Completed)
    })
    .await;
    tokio::time::timeout(Duration::from_secs(10), stage.host.stop()).await.unwrap();
}

#[tokio::test]
async fn sigterm_lets_a_push_in_progress_end() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    held(&stage).await;
    let pid = stage.host.handler_pid().unwrap();
    assert!(Command::new("kill").arg(pid.to_string()).status().await.unwrap().success());
    stage.service.release();
    until("the end of the handler", async || {
        stage.host.handler_pid().is_none_or(|now| now != pid).then_some(())
    })
    .await;
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!((import.state, import.push_outcome_unknown), (State::Completed, false));
    assert_eq!(stage.service.ingestions().len(), 1);
    assert!(log(&stage).contains("ended by SIGTERM"), "{}", log(&stage));
}

#[cfg(unix)]
#[tokio::test]
async fn a_handler_whose_host_is_gone_ends_and_one_that_waits_for_its_port_gets_it() {
    let stage = stage(&[]).await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    // A shell in the place of the host, which ends without a word.
    let mut host = Command::new("sh")
        .args(["-c", "\"$0\" serve >/dev/null 2>&1 & echo $!; read _", BINARY])
        .envs(stage.settings())
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut printed = BufReader::new(host.stdout.take().unwrap());
    printed.read_line(&mut line).await.unwrap();
    let handler = line.trim().to_owned();
    let lives = async || {
        let signal = Command::new("kill").args(["-0", &handler]).stderr(Stdio::null()).status();
        signal.await.unwrap().success()
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(lives().await, "it waits for its port");
    drop(taken);
    until("an answer", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    drop(host.stdin.take());
    host.wait().await.unwrap();
    until("the end of the handler", async || (!lives().await).then_some(())).await;
}

#[tokio::test]
async fn an_action_starts_no_work_outside_an_invocation() {
    let stage = stage(&[("AzureWebJobs.step.Disabled", "true")]).await;
    stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let action = async |path: &str| {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        let answer = stage.host.http(Method::POST, path, headers, "{}".into()).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
    };
    action("/api/v1/connections/hr:sweep").await;
    let import = stage.imports().await.unwrap().remove(0);
    action(&format!("/api/v1/imports/{}:retry", import.id.name())).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let import = stage.imports().await.unwrap().remove(0);
    assert_eq!((import.state, import.attempts), (State::Received, 0));
    let stage = stage.change_settings(&[("AzureWebJobs.step.Disabled", "false")]).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed, "by the queue alone");
}
