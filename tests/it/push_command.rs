//! `viva-import push`, `status`, `errors` and `ping` as a script runs them, against the mock
//! service over real HTTP.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};
use viva_import::{
    schema::NO_GUID,
    testbed::{
        SAMPLE_CONNECTION, SAMPLE_CSV,
        service::{Call, Rules, Service, ServiceFault},
    },
};

use crate::stage::{BINARY, TOKEN, csv_of, next_status, rules, rules_with_clock, until};

mod answers;
mod documents;
mod manners;

const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
/// Where a gateway redirects a request whose token it does not accept.
const SIGN_IN: &str = "https://login.microsoftonline.com/common/oauth2/authorize";
/// The content of a cell in every file here.
const SECRET: &str = "ana@contoso.com";

/// A folder with files, a service, and a caller.
struct World {
    folder: TempDir,
    service: Service,
    settings: Vec<(&'static str, String)>,
}

impl World {
    async fn new() -> Self {
        Self::with(rules()).await
    }

    async fn with(rules: Rules) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            service: Service::start(rules).await.unwrap(),
            settings: vec![],
        };
        world.put("hr.json", SAMPLE_CONNECTION);
        world.put("hr.csv", csv_of(3));
        let made =
            world.run(&["pack", "hr.csv", "--mapping", "hr.json", "--out", "info.zip"]).await;
        assert!(made.status.success(), "{made:?}");
        world
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command
            .current_dir(self.folder.path())
            .env("VIVA_ACCESS_TOKEN", TOKEN)
            .env("MOCK_SERVICE_TOKEN", TOKEN)
            .env("POLL_MIN_SECONDS", "1")
            .env("POLL_MAX_SECONDS", "1")
            .env("BUSY_WAIT_SECONDS", "1")
            .env("STEP_TIMEOUT_SECONDS", "5")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .args(arguments);
        let output = command.output().await.unwrap();
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
        }
        output
    }

    /// Runs a command that calls the service.
    async fn call(&self, arguments: &[&str]) -> Output {
        let endpoint = self.service.endpoint().to_string();
        let caller = ["--tenant", TENANT, "--credential", "accessToken", "--endpoint", &endpoint];
        self.run(&[arguments, &caller].concat()).await
    }

    async fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.call(&[arguments, &["--format", "json"]].concat()).await;
        (code(&output), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn shown(output: &Output) -> String {
    let text = |stream: &[u8]| String::from_utf8(stream.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test]
async fn a_zip_is_pushed_byte_for_byte_and_followed_to_its_end() {
    let world = World::new().await;
    let (code, answer) = world.json(&["push", "info.zip", "--follow"]).await;
    assert_eq!((code, &answer["status"]), (0, &"Completed".into()), "{answer}");
    assert_eq!(answer["scaleUnit"], "novaprdwus2-02");
    let ingestion = &world.service.ingestions()[0];
    assert_eq!(answer["ingestionId"], *ingestion.id);
    assert_eq!(ingestion.zip, world.read("info.zip"));
    assert_eq!((&*ingestion.part_name, &*ingestion.file_name), ("info", "info.zip"));
    // The local path is not sent, unlike with Microsoft's C# program.
    let push = world.service.requests().into_iter().find(|seen| seen.call == Some(Call::Push));
    assert_eq!(push.unwrap().bearer.as_deref(), Some(TOKEN));
}

#[tokio::test]
async fn without_follow_the_id_is_shown_and_can_be_polled() {
    let (rules, clock) = rules_with_clock();
    let world = World::with(rules).await;
    let output = world.call(&["push", "info.zip"]).await;
    assert_eq!(code(&output), 0);
    let id = world.service.ingestions()[0].id.clone();
    next_status(&clock);
    assert!(shown(&output).contains(&format!("Accepted as ingestion {id}")), "{}", shown(&output));
    let (code, answer) = world.json(&["status", &id]).await;
    assert_eq!((code, &answer["status"]), (0, &"ExtractionComplete".into()));
    next_status(&clock);
    let (code, answer) = world.json(&["status", &id, "--follow"]).await;
    assert_eq!((code, &answer["status"]), (0, &"Completed".into()));
}

#[tokio::test]
async fn a_connection_may_come_from_a_pipe_which_can_be_read_once() {
    let world = World::new().await;
    let pipe = world.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writes = tokio::task::spawn_blocking(move || std::fs::write(pipe, SAMPLE_CONNECTION));
    let endpoint = world.service.endpoint().to_string();
    let arguments = ["push", "hr.csv", "--connection", "pipe", "--endpoint", &endpoint];
    let pushed = tokio::time::timeout(Duration::from_secs(20), world.run(&arguments)).await;
    let pushed = pushed.expect("the pipe is opened a second time");
    assert!(pushed.status.success(), "{pushed:?}");
    writes.await.unwrap().unwrap();
    assert_eq!(world.service.ingestions().len(), 1);
}

#[tokio::test]
async fn rows_are_sent_as_they_are_or_packed_if_their_mapping_is_given() {
    let world = World::new().await;
    let rows = "PersonId,EffectiveDate,ManagerId,Organization\n\
                ana@contoso.com,11/01/2026,,HQ\nbo@contoso.com,11/01/2026,ana@contoso.com,HQ\n";
    world.put("rows.csv", rows);
    world.put("rows.json", r#"[{"PersonId":"ana@contoso.com"},{"PersonId":"bo@contoso.com"}]"#);
    for (arguments, media_type, count) in [
        (&["push", "rows.csv", "--follow"][..], "text/csv", 2),
        (&["push", "rows.json", "--follow"], "application/json", 2),
        (&["push", "hr.csv", "--mapping", "hr.json", "--follow"], "application/zip", 3),
    ] {
        let output = world.call(arguments).await;
        assert_eq!(code(&output), 0, "{}", shown(&output));
        let ingestion = world.service.ingestions().pop().unwrap();
        assert_eq!((ingestion.upload.media_type(), ingestion.rows), (media_type, count));
    }
    // The same bytes as `pack` makes.
    assert_eq!(world.service.ingestions().pop().unwrap().zip, world.read("info.zip"));
}

#[tokio::test]
async fn a_connection_says_it_all() {
    let world = World::new().await;
    let endpoint = world.service.endpoint().to_string();
    let arguments = ["hr.csv", "--connection", "hr.json", "--endpoint", &endpoint, "--follow"];
    let output = world.run(&[&["push"][..], &arguments].concat()).await;
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert_eq!(world.service.ingestions()[0].zip, world.read("info.zip"));
    let output = world.run(&["ping", "--connection", "hr.json", "--endpoint", &endpoint]).await;
    assert!(shown(&output).contains("The HR connector accepts a push"), "{}", shown(&output));
}

#[tokio::test]
async fn a_rejected_file_is_not_sent_unless_a_person_insists() {
    let world = World::new().await;
    let good = world.read("info.zip");
    world.put("cut.zip", &good[..good.len() / 2]);
    world.put("rows.csv", "PersonId,ManagerId,Organization\nana@contoso.com,,\n");
    world.put("rows.json", r#"[{"Person":"ana@contoso.com"}]"#);
    world.put("info.txt", "x");
    for (file, arguments, expected, words) in [
        ("cut.zip", &[][..], 1, "rejected: cut.zip"),
        ("cut.zip", &["--allow-rejected"], 1, "rejected: cut.zip"),
        ("rows.csv", &[], 1, "rejected: rows.csv"),
        ("rows.json", &[], 1, "row 1 has no PersonId"),
        ("info.txt", &[], 2, "info.txt cannot be pushed"),
        ("none.zip", &[], 2, "cannot be read"),
        (
            "info.zip",
            &["--connector", "Survey"],
            1,
            "is for the HR connector, and the command names Survey",
        ),
    ] {
        let output = world.call(&[&["push", file], arguments].concat()).await;
        assert_eq!(code(&output), expected, "{file}: {}", shown(&output));
        assert!(shown(&output).contains(words), "{file}: {}", shown(&output));
    }
    assert!(world.service.requests().is_empty(), "no request was made");

    // A zip of which only values are wrong.
    let bad = SAMPLE_CSV.replacen("@contoso.com", "", 1);
    world.put("bad.csv", bad);
    let mapping = ["--mapping", "hr.json", "--out", "bad.zip"];
    let refused = world.run(&[&["pack", "bad.csv"], &mapping[..]].concat()).await;
    assert_eq!(code(&refused), 1);
    assert!(!world.folder.path().join("bad.zip").exists(), "nothing is packed of a rejected file");
    let metadata = zip_entry(&good, "metadata.json");
    let csv = "Employee,EffectiveDate,Manager,Organization\nana,11/01/2026,,HQ\n";
    let bad = crate::rules::case::zip(&[
        ("data.csv", csv),
        ("metadata.json", &String::from_utf8(metadata).unwrap()),
    ]);
    world.put("bad.zip", bad);
    assert_eq!(code(&world.call(&["push", "bad.zip"]).await), 1);
    assert_eq!(world.service.ingestions().len(), 0);
    assert_eq!(code(&world.call(&["push", "bad.zip", "--allow-rejected"]).await), 0);
    assert_eq!(world.service.ingestions().len(), 1);
}

fn zip_entry(zip: &[u8], name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut content = vec![];
    std::io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut content).unwrap();
    content
}

#[tokio::test]
async fn each_way_in_which_the_service_misbehaves_has_its_exit_code_and_its_words() {
    let gateway = |status| ServiceFault::Gateway { status, reached: false };
    let soon = || Some("1".to_owned());
    for (fault, expected, words, taken) in [
        (ServiceFault::SignInPage, 0, "Accepted as ingestion", 1), // a new token is accepted
        (ServiceFault::Unauthorized, 0, "Accepted as ingestion", 1),
        (ServiceFault::Forbidden, 1, "the connector was never set up or was removed", 0),
        (ServiceFault::NotFound, 1, "the tenant id, the scale unit or INGESTION_ENDPOINT", 0),
        (ServiceFault::Busy, 2, "is busy with the tenant's previous import", 0),
        (ServiceFault::BadRequest, 1, "The service answered 400", 0),
        (ServiceFault::TooManyRequests { retry_after: soon() }, 0, "Accepted as ingestion", 1),
        (ServiceFault::ServiceUnavailable { retry_after: soon() }, 0, "Accepted as ingestion", 1),
        (ServiceFault::InternalError, 2, "The service answered 500", 0),
        (
            ServiceFault::Redirect("http://127.0.0.1:9/".to_owned()),
            1,
            "does not follow redirects",
            0,
        ),
        (ServiceFault::Redirect(SIGN_IN.to_owned()), 0, "Accepted as ingestion", 1),
        (ServiceFault::NoId, 2, "It probably has the file, so the push is not repeated", 0),
        (ServiceFault::Garbled, 2, "It probably has the file, so the push is not repeated", 0),
        (ServiceFault::StatusWord("Suspended".to_owned()), 0, "Accepted as ingestion", 1),
        (ServiceFault::AcceptThenCut, 2, "it is unknown whether the service accepted the push", 1),
        (
            gateway(StatusCode::BAD_GATEWAY),
            2,
            "it is unknown whether the service accepted the push",
            0,
        ),
        (
            // After the last byte.
            ServiceFault::CutMidBody { after_bytes: usize::MAX },
            2,
            "it is unknown whether the service accepted the push",
            0,
        ),
        // Both keep the connection open until the client ends it.
        (
            ServiceFault::HoldBody { after_bytes: 1 },
            2,
            "it is unknown whether the service accepted the push: no answer within",
            1,
        ),
        (
            ServiceFault::Silent,
            2,
            "it is unknown whether the service accepted the push: no answer within",
            0,
        ),
    ] {
        let world = World::new().await;
        world.service.fault(Call::Push, fault.clone());
        let output = world.call(&["push", "info.zip"]).await;
        world.service.quiet().await;
        assert_eq!(code(&output), expected, "{fault:?}: {}", shown(&output));
        assert!(shown(&output).contains(words), "{fault:?}: {}", shown(&output));
        assert_eq!(world.service.ingestions().len(), taken, "{fault:?}");
    }
}

#[tokio::test]
async fn a_service_that_misbehaves_permanently_is_rejected_or_failed_and_never_done() {
    for (call, fault, expected, words) in [
        (Call::Push, ServiceFault::SignInPage, 1, "a sign-in page instead of data"),
        (Call::Push, ServiceFault::Unauthorized, 1, "The service answered 401"),
        (Call::Ping, ServiceFault::Forbidden, 1, "the connector was never set up or was removed"),
        (Call::ScaleUnit, ServiceFault::SignInPage, 1, "a sign-in page instead of data"),
        (Call::ScaleUnit, ServiceFault::InternalError, 2, "The service answered 500"),
        (Call::ScaleUnit, ServiceFault::Garbled, 2, "scale unit could not be read"),
        (Call::Push, ServiceFault::Redirect(SIGN_IN.to_owned()), 1, "a redirect to a sign-in"),
    ] {
        let world = World::new().await;
        world.service.always(call, Some(fault.clone()));
        let output = world.call(&["push", "info.zip"]).await;
        assert_eq!(code(&output), expected, "{fault:?}: {}", shown(&output));
        assert!(shown(&output).contains(words), "{fault:?}: {}", shown(&output));
        assert_eq!(world.service.ingestions().len(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn a_followed_push_shows_its_id_even_if_no_status_can_be_read() {
    let world = World::new().await;
    world.service.always(Call::Status, Some(ServiceFault::Forbidden));
    let output = world.call(&["push", "info.zip", "--follow"]).await;
    let id = &world.service.ingestions()[0].id;
    assert_eq!(code(&output), 2, "{}", shown(&output));
    assert!(shown(&output).contains(&format!("was accepted as ingestion {id}, but")));
    assert!(shown(&output).contains("The service answered 403"));
}

#[tokio::test]
async fn a_service_that_wants_to_be_asked_again_at_once_is_asked_no_sooner_than_others() {
    let past = "Mon, 23 Nov 2020 06:00:00 GMT";
    let follow = async |retry_after: &str| {
        let mut world = World::new().await;
        world.settings.push(("INGESTION_TIMEOUT_SECONDS", "3".to_owned()));
        let again = ServiceFault::TooManyRequests { retry_after: Some(retry_after.to_owned()) };
        world.service.always(Call::Status, Some(again));
        let output = world.call(&["push", "info.zip", "--follow"]).await;
        assert_eq!(code(&output), 2, "{retry_after}: {}", shown(&output));
        assert!(shown(&output).contains("is not finished after 3 s"), "{}", shown(&output));
        let seen = world.service.requests();
        let asked = seen.iter().filter(|seen| seen.call == Some(Call::Status)).count();
        assert!((1..=4).contains(&asked), "{retry_after}: asked {asked} times in 3 s");
    };
    let push = async |retry_after: &str| {
        let world = World::new().await;
        let again = ServiceFault::ServiceUnavailable { retry_after: Some(retry_after.to_owned()) };
        world.service.always(Call::Push, Some(again));
        let begin = Instant::now();
        let output = world.call(&["push", "info.zip"]).await;
        assert_eq!(code(&output), 2, "{retry_after}: {}", shown(&output));
        let seen = world.service.requests();
        let pushed = seen.iter().filter(|seen| seen.call == Some(Call::Push)).count();
        let seconds = usize::try_from(begin.elapsed().as_secs()).unwrap();
        assert!(
            pushed > 1 && pushed <= seconds + 1,
            "{retry_after}: {pushed} bodies in {seconds} s"
        );
    };
    tokio::join!(follow("0"), follow(past), push("0"), push(past));
}

#[tokio::test]
async fn with_wait_a_busy_service_is_waited_for() {
    let world = World::new().await;
    for _ in 0..2 {
        world.service.fault(Call::Push, ServiceFault::Busy);
    }
    let output = world.call(&["push", "info.zip", "--wait"]).await;
    assert_eq!(code(&output), 0, "{}", shown(&output));
}

#[tokio::test]
async fn a_failed_validation_ends_in_1_with_its_error_file_saved_for_its_owner() {
    let world = World::new().await;
    let metadata = r#"{"DatasetType":"HR","IsBootstrap":"true","Mapping":{}}"#;
    let csv = "Employee\nana@contoso.com\n";
    let zip = crate::rules::case::zip(&[("data.csv", csv), ("metadata.json", metadata)]);
    // Our check rejects it; the mock service answers as the real one would.
    world.put("bad.zip", zip);
    let insisted = world.call(&["push", "bad.zip", "--allow-rejected", "--follow"]).await;
    assert_eq!(code(&insisted), 1, "{}", shown(&insisted));
    assert_eq!(world.service.ingestions().len(), 0, "its header is unknown");

    let metadata = r#"{"DatasetType":"HR","IsBootstrap":"true","Mapping":{
        "Employee":{"name":"PersonId","type":"EmailType"},
        "Gone":{"name":"Organization","type":"StringType"}}}"#;
    let zip = crate::rules::case::zip(&[("data.csv", csv), ("metadata.json", metadata)]);
    world.put("bad.zip", zip);
    let (code_, answer) = world.json(&["push", "bad.zip", "--allow-rejected", "--follow"]).await;
    assert_eq!((code_, &answer["status"]), (1, &"ValidationFailed".into()), "{answer}");
    let saved = answer["errors"].as_str().unwrap();
    assert_eq!(world.read(saved), world.service.ingestions()[0].errors.as_bytes());
    assert_is_private(&world.folder.path().join(saved));

    let id = answer["ingestionId"].as_str().unwrap();
    let output = world.call(&["errors", id, "--out", "again.txt"]).await;
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert_eq!(world.read("again.txt"), world.read(saved));
    let output = world.call(&["errors", id, "--out", "again.txt"]).await;
    assert_eq!(code(&output), 2, "an existing file is not replaced");
    let output = world.call(&["status", id]).await;
    assert_eq!(code(&output), 1, "{}", shown(&output));
    assert!(shown(&output).contains(&format!("viva-import errors {id}")), "{}", shown(&output));
}

#[tokio::test]
async fn a_flag_without_effect_is_an_error_and_never_ignored() {
    let world = World::new().await;
    world.put("rows.json", r#"[{"PersonId":"ana@contoso.com"}]"#);
    for (file, action) in [
        ("info.zip", &["--refresh", "incremental"][..]),
        ("info.zip", &["--lenient"]),
        ("info.zip", &["--mapping", "hr.json"]),
        ("hr.csv", &["--allow-rejected"]),
        ("rows.json", &["--refresh", "full"]),
        ("rows.json", &["--baseline", "hr.json"]),
    ] {
        let output = world.call(&[&["push", file], action].concat()).await;
        assert_eq!(code(&output), 2, "{file} {action:?}: {}", shown(&output));
        let words = format!("{} has no effect on this .", action[0]);
        assert!(shown(&output).contains(&words), "{}", shown(&output));
    }
    assert!(world.service.requests().is_empty());
}

#[tokio::test]
async fn what_was_checked_is_what_goes_though_the_file_changes_while_the_service_is_busy() {
    let world = World::new().await;
    let checked = world.read("info.zip");
    world.service.fault(Call::Push, ServiceFault::Busy);
    let changed = async {
        until("the first try", async || {
            let tries = world.service.requests();
            tries.iter().any(|seen| seen.call == Some(Call::Push)).then_some(())
        })
        .await;
        world.put("info.zip", "something else");
    };
    let (output, ()) = tokio::join!(world.call(&["push", "info.zip", "--wait"]), changed);
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert_eq!(world.service.ingestions()[0].zip, checked);
}

#[tokio::test]
async fn a_push_shows_what_is_skipped() {
    let world = World::new().await;
    let rows = format!("{}nobody,11/01/2026,ana@contoso.com,HQ\n", csv_of(3));
    world.put("hr.csv", rows);
    let (code, answer) = world.json(&["push", "hr.csv", "--mapping", "hr.json", "--lenient"]).await;
    assert_eq!(
        (code, &answer["rowsSkipped"], &answer["rows"]),
        (0, &1.into(), &3.into()),
        "{answer}"
    );
    assert!(answer["ingestionId"].is_string() && answer["findings"].is_array());
}

#[tokio::test]
async fn a_zip_in_the_dialect_of_its_connection_is_pushed_with_it() {
    let world = World::new().await;
    let mut connection: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap();
    connection["dialect"] = serde_json::json!({
        "isBootstrap": "boolean", "types": { "EmailType": "address" },
    });
    world.put("own.json", connection.to_string());
    let packed = world.run(&["pack", "hr.csv", "--mapping", "own.json", "--out", "own.zip"]).await;
    assert_eq!(code(&packed), 0, "{}", shown(&packed));
    let endpoint = world.service.endpoint().to_string();
    let caller = ["--connection", "own.json", "--endpoint", &endpoint, "--follow"];
    let output = world.run(&[&["push", "own.zip"], &caller[..]].concat()).await;
    assert_eq!(code(&output), 0, "{}", shown(&output));
    assert_eq!(world.service.ingestions()[0].is_bootstrap, Some(true));
}

#[tokio::test]
async fn nothing_that_is_read_is_written_over_and_a_killed_pack_leaves_nothing() {
    let world = World::new().await;
    for out in ["hr.csv", "hr.json"] {
        let before = world.read(out);
        let output = world.run(&["pack", "hr.csv", "--mapping", "hr.json", "--out", out]).await;
        assert_eq!(code(&output), 2, "{}", shown(&output));
        assert_eq!(world.read(out), before);
    }
    world.put("large.csv", csv_of(300_000));
    let files = || std::fs::read_dir(world.folder.path()).unwrap().count();
    let before = files();
    let mut pack = Command::new(BINARY);
    let arguments = ["pack", "large.csv", "--mapping", "hr.json", "--out", "large.zip"];
    let mut pack = pack.current_dir(world.folder.path()).args(arguments).spawn().unwrap();
    pack.kill().await.unwrap();
    assert_eq!(files(), before);
}

#[tokio::test]
async fn a_secret_in_place_of_its_name_is_not_shown() {
    let world = World::new().await;
    let secret = "eyJhbGciOiJub25lIn0.e30.c2ln";
    for flag in ["--token-from", "--secret-from"] {
        let kind = if flag == "--token-from" { "accessToken" } else { "clientSecret" };
        let output = world
            .run(&[
                "ping",
                "--tenant",
                TENANT,
                "--client-id",
                TENANT,
                "--credential",
                kind,
                flag,
                secret,
            ])
            .await;
        assert_eq!(code(&output), 2, "{}", shown(&output));
        assert!(!shown(&output).contains(secret), "{}", shown(&output));
    }
}

#[cfg(unix)]
fn assert_is_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(not(unix))]
fn assert_is_private(_: &Path) {}

#[tokio::test]
async fn older_paths_are_found() {
    let rules = Rules { older_paths: true, ..rules() };
    let world = World::with(rules).await;
    let (code, answer) = world.json(&["push", "info.zip", "--follow"]).await;
    assert_eq!((code, &answer["status"]), (0, &"Completed".into()), "{answer}");
}

#[tokio::test]
async fn what_the_command_line_lacks_is_named_by_its_flag() {
    let world = World::new().await;
    for (arguments, words) in [
        (&["--tenant", "x", "--credential", "managedIdentity"][..], "--tenant: must be the tenant"),
        (&["--tenant", NO_GUID, "--credential", "managedIdentity"], "--tenant: must be the tenant"),
        (
            &["--tenant", TENANT, "--credential", "managedIdentity", "--client-id", NO_GUID],
            "--client-id: must be",
        ),
        (
            &[
                "--tenant",
                TENANT,
                "--credential",
                "federatedIdentity",
                "--client-id",
                TENANT,
                "--identity",
                NO_GUID,
            ],
            "--identity: must be",
        ),
        (&["--tenant", TENANT], "--credential"),
        (&["--credential", "azureCli"], "--tenant"),
        (&["--tenant", TENANT, "--credential", "clientSecret"], "--client-id: missing"),
        (
            &["--tenant", TENANT, "--credential", "clientCertificate", "--client-id", TENANT],
            "--certificate",
        ),
        (
            &["--tenant", TENANT, "--credential", "azureCli", "--client-id", TENANT],
            "--client-id: this credential does not use it",
        ),
        (
            &[
                "--tenant",
                TENANT,
                "--credential",
                "accessToken",
                "--endpoint",
                "http://contoso.com",
            ],
            "--endpoint must be an https address",
        ),
        (
            &["--tenant", TENANT, "--credential", "accessToken", "--token-from", "NOT_SET"],
            "the setting NOT_SET is missing or empty. Put the access token into it",
        ),
    ] {
        let output = world.run(&[&["push", "info.zip"], arguments].concat()).await;
        assert_ne!(code(&output), 0, "{arguments:?}");
        assert!(shown(&output).contains(words), "{arguments:?}: {}", shown(&output));
    }
}

/// Only a person in sh can paste it.
#[cfg(unix)]
#[tokio::test]
async fn the_line_that_a_mock_service_prints_pushes_the_sample_file() {
    let folder = tempfile::tempdir().unwrap();
    // A name that a shell does not take as one word.
    let temporary = folder.path().join("bo's files");
    std::fs::create_dir(&temporary).unwrap();
    let mut service = Command::new(BINARY)
        .args(["mock-service", "--fault", "throttled", "--seconds-per-status", "0"])
        .env("TMPDIR", &temporary)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let line = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("viva-import push ") {
            break line;
        }
    };
    let mut sh = Command::new("sh");
    sh.args(["-c", &line]).current_dir(&folder).env_clear().stdin(Stdio::null());
    let output = sh.output().await.unwrap();
    assert_eq!(code(&output), 0, "{line}\n{}", shown(&output));
    assert!(shown(&output).contains("Completed: "), "{}", shown(&output));

    let pid = service.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(service.wait().await.unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(temporary).unwrap().count(), 0, "the sample file is left");
}

#[tokio::test]
async fn a_sign_in_that_fails_for_a_mock_service_names_the_token_to_use() {
    let mut world = World::new().await;
    // It answers 404 there.
    let nobody = format!("{}/token", world.service.endpoint());
    world.settings = vec![("IDENTITY_ENDPOINT", nobody), ("IDENTITY_HEADER", "x".to_owned())];
    let document = SAMPLE_CONNECTION
        .replace("\"accessToken\", \"setting\": \"MOCK_SERVICE_TOKEN\"", "\"managedIdentity\"");
    world.put("identity.json", document);
    let endpoint = world.service.endpoint().to_string();
    let identity = ["--tenant", TENANT, "--credential", "managedIdentity", "--endpoint", &endpoint];
    let connection = ["--connection", "identity.json", "--endpoint", &endpoint];
    let token =
        "set `VIVA_ACCESS_TOKEN` to the access token that `viva-import mock-service` printed";
    for (who, words) in [
        (&identity[..], "use `--credential accessToken`"),
        (
            &connection,
            "in identity.json, use `\"credential\": { \"kind\": \"accessToken\", \"setting\": \
             \"VIVA_ACCESS_TOKEN\" }`",
        ),
    ] {
        for command in [&["ping"][..], &["push", "info.zip"]] {
            let output = world.run(&[command, who].concat()).await;
            assert_eq!(code(&output), 2, "{}", shown(&output));
            let said = shown(&output);
            assert!(said.contains(words) && said.contains(token), "{said}");
        }
    }
    assert!(world.service.ingestions().is_empty());
}
