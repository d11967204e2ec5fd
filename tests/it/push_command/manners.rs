//! Waits, progress, files that exist and commands to be pasted.

use std::process::{Output, Stdio};

use tokio::process::Command;
use viva_import::testbed::{
    SAMPLE_CONNECTION,
    service::{Call, ServiceFault},
};

use super::{TENANT, World, assert_is_private, code, shown};
use crate::stage::{BINARY, TOKEN};

/// What a person sees at a terminal.
async fn at_terminal(world: &World, arguments: &str) -> String {
    let endpoint = world.service.endpoint();
    let line = format!(
        "stty cols 100 rows 24; {BINARY} {arguments} --tenant {TENANT} --credential accessToken \
         --endpoint {endpoint}"
    );
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(world.folder.path())
        .env("VIVA_ACCESS_TOKEN", TOKEN)
        .envs([("POLL_MIN_SECONDS", "1"), ("BUSY_WAIT_SECONDS", "1"), ("TERM", "xterm")])
        .stdin(Stdio::null());
    String::from_utf8(command.output().await.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_wait_is_one_line_in_a_pipe_and_nothing_with_quiet() {
    let world = World::new().await;
    let busy = || {
        (0..3).for_each(|_| world.service.fault(Call::Push, ServiceFault::Busy));
    };
    let lines = |output: &Output| -> Vec<String> {
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    busy();
    let waited = world.call(&["push", "info.zip", "--wait"]).await;
    let [line] = &lines(&waited)[..] else { panic!("{waited:?}") };
    assert!(line.starts_with("The service is busy with the tenant's previous import."), "{line}");
    let id = world.service.ingestions().pop().unwrap().id;
    let status = world.call(&["status", &id, "--follow"]).await;
    let [line] = &lines(&status)[..] else { panic!("{status:?}") };
    assert!(line.starts_with(&format!("Following ingestion {id}. Waiting")), "{line}");
    let followed = world.call(&["push", "info.zip", "--follow"]).await;
    let id = world.service.ingestions().pop().unwrap().id;
    let [line] = &lines(&followed)[..] else { panic!("{followed:?}") };
    assert!(line.starts_with(&format!("Accepted as ingestion {id}. Waiting")), "{line}");
    busy();
    let quiet = world.call(&["push", "info.zip", "--wait", "--follow", "-q"]).await;
    assert_eq!((code(&quiet), lines(&quiet)), (0, vec![]));
    let id = world.service.ingestions().pop().unwrap().id;
    assert!(shown(&quiet).contains(&format!("Accepted as ingestion {id}: info.zip")), "{quiet:?}");
}

#[tokio::test]
async fn a_push_at_a_terminal_shows_what_is_sent_and_awaited_and_cleans_up() {
    let world = World::new().await;
    world.service.fault(Call::Push, ServiceFault::Busy);
    let shown = at_terminal(&world, "push info.zip --wait --follow").await;
    for part in [
        "Checking info.zip",
        "Signing in",
        "Sending info.zip [",
        "The service is busy with the tenant's previous import",
        "Following ingestion ",
    ] {
        assert!(shown.contains(part), "{part}: {shown:?}");
    }
    // The answer begins on a line that was cleared.
    let answer = shown.rfind("\u{1b}[1m\u{1b}[32maccepted").map(|at| &shown[..at]).unwrap();
    assert!(answer.ends_with("\u{1b}[2K"), "{shown:?}");
    assert!(shown.contains("Completed: The service has accepted the file."), "{shown:?}");
}

#[tokio::test]
async fn an_error_file_is_replaced_with_force_alone_and_nothing_is_pushed_before() {
    let world = World::new().await;
    world.put("errors.txt", "mine");
    let follow = ["push", "info.zip", "--follow", "--errors", "errors.txt"];
    let refused = world.call(&follow).await;
    let says = "error: errors.txt already exists\n  Choose another file, or add `--force`";
    assert_eq!(code(&refused), 2);
    assert!(shown(&refused).contains(says), "{}", shown(&refused));
    assert!(world.service.requests().is_empty());
    let id = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    let refused = world.call(&["errors", id, "--out", "errors.txt"]).await;
    assert!(shown(&refused).contains(says), "{}", shown(&refused));
    assert!(world.service.requests().is_empty());

    let metadata = r#"{"DatasetType":"HR","IsBootstrap":"true","Mapping":{
        "Employee":{"name":"PersonId","type":"EmailType"},
        "Gone":{"name":"Organization","type":"StringType"}}}"#;
    let zip = [("data.csv", "Employee\nana@contoso.com\n"), ("metadata.json", metadata)];
    world.put("bad.zip", crate::rules::case::zip(&zip));
    let push = ["push", "bad.zip", "--allow-rejected"];
    let failed = world.call(&[&push[..], &follow[2..], &["--force"]].concat()).await;
    assert_eq!(code(&failed), 1, "{}", shown(&failed));
    let errors = world.service.ingestions()[0].errors.clone();
    assert_eq!(world.read("errors.txt"), errors.as_bytes());
    assert_is_private(&world.folder.path().join("errors.txt"));
    let without = world.call(&["push", "info.zip", "--errors", "other.txt"]).await;
    assert!(shown(&without).contains("without `--follow` there is no error file"), "{without:?}");
}

#[tokio::test]
async fn the_command_that_shows_the_status_can_be_pasted() {
    for is_by_document in [true, false] {
        let world = World::new().await;
        world.put("it's $hr.json", SAMPLE_CONNECTION);
        let endpoint = world.service.endpoint().to_string();
        let document = ["--connection", "it's $hr.json", "--endpoint", &endpoint];
        let push = ["push", "info.zip"];
        let text = shown(&if is_by_document {
            world.run(&[&push[..], &document].concat()).await
        } else {
            world.call(&push).await
        });
        let begin = text.find("`viva-import status ").unwrap() + "`viva-import".len();
        let line = format!("{BINARY}{}", &text[begin..text.rfind('`').unwrap()]);
        let mut sh = Command::new("sh");
        sh.args(["-c", &line])
            .current_dir(world.folder.path())
            .envs([("VIVA_ACCESS_TOKEN", TOKEN), ("MOCK_SERVICE_TOKEN", TOKEN)]);
        let output = sh.output().await.unwrap();
        assert_eq!(code(&output), 0, "{line}: {}", shown(&output));
    }
}
