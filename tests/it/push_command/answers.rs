//! Answers of the service that come early, and what is shown of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use viva_import::testbed::service::{Call, Rules, ServiceFault};

use super::{SECRET, TENANT, World, code, shown};
use crate::stage::{TOKEN, rules};

/// Rows that are much larger than what a connection buffers.
fn large_csv() -> String {
    let head = "PersonId,EffectiveDate,ManagerId,Organization\n";
    let organization = "x".repeat(100);
    let row = |n| format!("p{n}@contoso.com,11/01/2026,{SECRET},{organization}\n");
    let rows = (0..80_000).map(row);
    format!("{head}{SECRET},11/01/2026,,{organization}\n{}", rows.collect::<String>())
}

#[tokio::test]
async fn a_refusal_before_the_file_was_read_is_shown_although_the_connection_is_reset() {
    let refused = |status, code: &str| ServiceFault::Refused { status, code: code.to_owned() };
    for (fault, expected, words) in [
        (refused(413, "TooLarge"), 1, "answered 413 (TooLarge) to the push: the file is larger"),
        (refused(415, "BadType"), 1, "The service answered 415 (BadType) to the push"),
        (ServiceFault::Forbidden, 1, "the connector was never set up or was removed"),
        (ServiceFault::Busy, 2, "is busy with the tenant's previous import"),
        (ServiceFault::Unauthorized, 0, "Accepted as ingestion"),
    ] {
        let world = World::new().await;
        world.put("large.csv", large_csv());
        let early =
            ServiceFault::EarlyAnswer { after_bytes: 1_000, fault: Box::new(fault.clone()) };
        if expected == 0 {
            world.service.fault(Call::Push, early);
        } else {
            // On a machine with much to do the answer may still be lost; then the push is repeated.
            world.service.always(Call::Push, Some(early));
        }
        let output = world.call(&["push", "large.csv"]).await;
        assert_eq!(code(&output), expected, "{fault:?}: {}", shown(&output));
        assert!(shown(&output).contains(words), "{fault:?}: {}", shown(&output));
    }
}

#[tokio::test]
async fn a_push_whose_end_was_not_sent_is_sent_again() {
    let world = World::new().await;
    world.put("large.csv", large_csv());
    world.service.fault(Call::Push, ServiceFault::CutMidBody { after_bytes: 1_000 });
    let output = world.call(&["push", "large.csv"]).await;
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert!(shown(&output).contains("before the whole file was sent"), "{}", shown(&output));
    assert_eq!(world.service.ingestions().len(), 1);
}

#[tokio::test]
async fn the_answer_to_a_push_is_shown_only_if_asked_for() {
    let fault = || ServiceFault::Refused { status: 400, code: "InvalidMetadata".to_owned() };
    let text = "The service rejected the request with the code";
    for (flags, is_shown) in [(vec![], false), (vec!["--show-answer", "--quiet"], true)] {
        let world = World::new().await;
        world.service.fault(Call::Push, fault());
        let output = world.call(&[&["push", "info.zip"], &flags[..]].concat()).await;
        assert_eq!(code(&output), 1);
        let printed = shown(&output);
        assert!(printed.contains("The service answered 400 (InvalidMetadata) to the push"));
        let seen = world.service.requests().pop().unwrap();
        let id = format!("x-ms-request-id: {}", seen.request_id.unwrap());
        for words in ["400 Bad Request", &id, text] {
            assert_eq!(printed.contains(words), is_shown, "{words}: {printed}");
        }
        assert!(!printed.contains(TOKEN));
        let accepted = world.call(&[&["push", "info.zip"], &flags[..]].concat()).await;
        assert_eq!(shown(&accepted).contains("\"Submitter\":\"System\""), is_shown);
    }
}

#[tokio::test]
async fn a_front_door_that_refuses_by_size_is_named_by_its_status() {
    let small = Rules { max_body_bytes: Some(100_000), ..rules() };
    let world = World::with(small).await;
    world.put("large.csv", large_csv());
    let output = world.call(&["push", "large.csv"]).await;
    assert_eq!(code(&output), 1, "{}", shown(&output));
    assert!(
        shown(&output).contains("answered 413 to the push: the file is larger than the service")
    );
    assert!(
        shown(&output).contains("For a support ticket: ")
            && shown(&output).contains("; x-azure-ref ")
    );
}

/// A service whose first answer to a push is a 400 that breaks off in the middle.
async fn breaks_off(listener: TcpListener, pushes: &AtomicUsize) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        while let Some((method, path)) = head_and_body(&mut stream).await {
            let body = match (method.as_str(), path.rsplit('/').next()) {
                ("GET", Some("scaleUnit")) => "\"unit-1\"",
                ("GET", _) => r#"{"ConnectorId":"c"}"#,
                _ if pushes.fetch_add(1, Ordering::SeqCst) == 0 => {
                    let cut = "HTTP/1.1 400 Bad Request\r\ncontent-length: 90\r\n\r\nPrevious";
                    stream.write_all(cut.as_bytes()).await.unwrap();
                    break;
                }
                _ => r#"{"Id":"42","Status":"NotStarted"}"#,
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
        }
    }
}

/// Reads one request to its end; returns its method and path.
async fn head_and_body(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut lines = vec![];
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.to_ascii_lowercase());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = lines[0].split_whitespace();
    let method = words.next()?.to_ascii_uppercase();
    Some((method, words.next()?.replace("scaleunit", "scaleUnit")))
}

#[tokio::test]
async fn a_400_that_breaks_off_may_be_that_of_a_busy_service_and_is_repeated() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1.0", listener.local_addr().unwrap());
    let pushes = AtomicUsize::new(0);
    let push = ["push", "info.zip", "--tenant", TENANT, "--credential", "accessToken"];
    let arguments = [&push[..], &["--endpoint", &endpoint]].concat();
    let output = tokio::select! {
        output = world.run(&arguments) => output,
        () = breaks_off(listener, &pushes) => unreachable!(),
    };
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert!(shown(&output).contains("Accepted as ingestion 42"), "{}", shown(&output));
    assert_eq!(pushes.load(Ordering::SeqCst), 2);
}
