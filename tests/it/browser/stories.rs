//! What users see and do.

use std::process::Stdio;

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use viva_import::{
    import::State,
    testbed::{
        deployment::Stage,
        host::Front,
        service::{Call, ServiceFault},
    },
};

use super::{Browser, browser};
use crate::stage::{
    BINARY, GOOD_CSV, PATIENCE, a_second_later, csv_of, ended, import_of, next_status,
    rules_with_clock, stage, stage_with, until,
};

/// A demo that runs until this is dropped; then it stops what it has started.
struct Demo(Child);

impl Demo {
    fn start() -> Self {
        let mut demo = Command::new(BINARY);
        demo.args(["demo", "--keep-running"]).stdout(Stdio::piped());
        Self(demo.spawn().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(pid) = self.0.id() {
            let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
        }
    }
}

const KEY: &str = "a-key-of-this-test";
/// A file with three errors, in rows 3 and 4; its values must not be shown.
const BAD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nsecret-person,11/01/2026,ana@contoso.com,Sales\n\
     bo@contoso.com,secret-date,ana@contoso.com,Sales\n";

async fn front(stage: &Stage) -> Front {
    stage.host.open_front(KEY).await.unwrap()
}

fn home(front: &Front) -> String {
    format!("http://{}/api/console?code={KEY}", front.address)
}

/// Signs in as a user with these app roles, in a browser without earlier cookies.
async fn sign_in(browser: &mut Browser, front: &Front, name: &str, roles: &[&str]) {
    browser.open(json!({})).await;
    assert_eq!(browser.go(&front.sign_in(name, roles).unwrap()).await, 200, "the start page");
}

/// The service was busy when the file was pushed.
async fn busy(stage: &Stage, name: &str) {
    import_of(stage, name, |import| import.busy_retries > 0).await;
}

#[tokio::test]
async fn the_page_alone_shows_what_happened_to_the_four_files_of_the_demo() {
    let Some(mut browser) = browser().await else { return };
    let mut demo = Demo::start();
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut url = String::new();
    let shown = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(address) = line.strip_prefix("Status page: ") {
                address.clone_into(&mut url);
            }
            if line.starts_with("The status page stays open") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.unwrap();

    browser.open(json!({})).await;
    assert_eq!(browser.go(&url).await, 200);
    assert_eq!(browser.text("#verdict").await, "Action required: hr");
    let rows = browser.texts("tbody tr").await;
    for (row, file, words) in [
        (0, "truncated.csv", ["Rejected", "it would delete or undo data", "39 people, was 61"]),
        (1, "busy.csv", ["Completed", "Accepted by the service", "busy 2 times"]),
        (2, "bad.csv", ["Rejected", "Row 21, column Employee", "2 more errors"]),
        (3, "good.csv", ["Completed", "Accepted by the service", "244"]),
    ] {
        let row = &rows[row];
        assert!(row.contains(file), "{row}");
        for words in words {
            assert!(row.contains(words), "{words}: {row}");
        }
    }
    let sentence = browser.text(".sentence").await;
    assert!(sentence.contains("truncated.csv (arrived"), "{sentence}");
    browser.is_for_everybody("main page").await;
    browser.picture("home").await;
    browser.click("a:has-text('bad.csv')").await;
    let findings = browser.texts("[aria-labelledby=findings] tbody tr").await;
    for (finding, words) in [(0, "Employee, row 21"), (1, "EffectiveDate, row 7"), (2, "row 13")] {
        assert!(findings[finding].contains(words), "{findings:?}");
    }
    browser.is_for_everybody("a rejected file").await;
    browser.picture("rejected").await;
    let asked = browser.asked().await;
    let own = url.split("/api").next().unwrap();
    assert!(asked.iter().all(|address| address.starts_with(own)), "{asked:?}");

    for window in [json!({ "width": 390 }), json!({ "width": 320, "dark": true })] {
        browser.open(window.clone()).await;
        browser.go(&url).await;
        browser.is_for_everybody(&window.to_string()).await;
        if window["width"] == 390 {
            browser.picture("phone").await;
        }
        browser.click("a:has-text('truncated.csv')").await;
        browser.is_for_everybody(&format!("{window}, an import")).await;
    }
    browser.open(json!({ "dark": true })).await;
    browser.go(&url).await;
    browser.is_for_everybody("dark").await;
}

#[tokio::test]
async fn a_rejected_file_is_shown_a_valid_one_is_followed_and_a_stuck_one_is_retried() {
    let Some(mut browser) = browser().await else { return };
    let (rules, clock) = rules_with_clock();
    let stage = stage_with(rules, &[("MAX_PUSH_FAILURES", "1")]).await;
    let front = front(&stage).await;
    browser.open(json!({})).await;
    browser.go(&home(&front)).await;
    let empty = browser.text("main").await;
    assert!(empty.contains("No file has arrived. Upload the file to inbox/hr/"), "{empty}");
    browser.is_for_everybody("nothing yet").await;

    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    ended(&stage, "hr/bad.csv").await;
    browser.go(&home(&front)).await;
    browser.click("a:has-text('bad.csv')").await;
    let findings = browser.texts("[aria-labelledby=findings] tbody tr").await.join("\n");
    assert!(findings.contains("Employee, row 3") && findings.contains("EffectiveDate, row 4"));
    assert!(!browser.source().await.contains("secret-"), "a value is shown");

    // The page follows the import without a reload.
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    busy(&stage, "hr/good.csv").await;
    browser.go(&home(&front)).await;
    browser.click("a:has-text('good.csv')").await;
    browser.until("h1", "Packed").await;
    browser
        .until("ol.timeline", "The service has not finished this tenant's previous import")
        .await;
    stage.service.always(Call::Push, None);
    until("the push", async || stage.service.ingestions().pop()).await;
    next_status(&clock);
    browser.until("ol.timeline", "Service status: ExtractionComplete").await;
    next_status(&clock);
    browser.until("h1", "Completed").await;
    browser.until("#todo + p", "Viva shows the data hours later").await;
    browser.is_for_everybody("a completed import").await;

    stage.service.fault(Call::Push, ServiceFault::InternalError);
    stage
        .arrive(
            "hr/stuck.csv",
            format!("{GOOD_CSV}cy@contoso.com,11/01/2026,ana@contoso.com,HQ\n").into(),
        )
        .await
        .unwrap();
    assert_eq!(ended(&stage, "hr/stuck.csv").await.state, State::Stuck);
    browser.go(&home(&front)).await;
    assert_eq!(browser.text("#verdict").await, "Action required: hr");
    browser.click("a:has-text('stuck.csv')").await;
    browser.click("button:has-text('Retry with this same file')").await;
    browser.until("[role=alert]", "The import is retried now").await;
    until("the second push", async || stage.service.ingestions().into_iter().nth(1)).await;
    next_status(&clock);
    next_status(&clock);
    browser.until("h1", "Completed").await;
    let import = ended(&stage, "hr/stuck.csv").await;
    let by = import.operator_actions.unwrap();
    assert!(by.starts_with("by a console user with a key (retry) at 20"), "{by}");
    browser.go(&home(&front)).await;
    assert_eq!(browser.text("#verdict").await, "All connections are healthy");

    // A page that cannot refresh any more says so.
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/waits.csv", csv_of(5).into()).await.unwrap();
    busy(&stage, "hr/waits.csv").await;
    browser.go(&home(&front)).await;
    browser.until("#verdict", "Waiting, no action required: hr").await;
    stage.host.stop().await;
    browser.until("#silent", "the last refresh failed").await;
}

#[tokio::test]
async fn everything_works_without_a_script_and_with_the_keyboard_alone() {
    let Some(mut browser) = browser().await else { return };
    let stage = stage(&[]).await;
    let front = front(&stage).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    ended(&stage, "hr/bad.csv").await;
    browser.open(json!({ "scripts": false })).await;
    browser.go(&home(&front)).await;
    assert!(browser.text("footer").await.contains("UTC"));
    assert!(browser.text("tbody").await.contains(" UTC"));
    browser.choose("select[name=state]", "completed").await;
    browser.click("button:has-text('Show')").await;
    assert!(browser.text("main").await.contains("No imports match the filter"));
    browser.choose("select[name=state]", "rejected").await;
    browser.click("button:has-text('Show')").await;
    browser.click("a:has-text('bad.csv')").await;
    browser.click("button:has-text('Check the setup')").await;
    assert!(browser.text("h1").await.starts_with("Doctor for hr"));
    browser.click("a:has-text('All imports')").await;
    // A file without an event.
    stage.drop_file("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    browser.click("button:has-text('Check for new files')").await;
    assert!(browser.text("[role=alert]").await.contains("The inbox was checked."));
    assert_eq!(ended(&stage, "hr/good.csv").await.state, State::Completed);

    // With a script: the keyboard goes from the first link to the content, and presses a button.
    browser.open(json!({})).await;
    browser.go(&home(&front)).await;
    browser.press("Tab").await;
    assert_eq!(browser.focused().await, "Skip to the content");
    browser.press("Enter").await;
    for _ in 0..20 {
        browser.press("Tab").await;
        if browser.focused().await.starts_with("Check the setup") {
            break;
        }
    }
    browser.press("Enter").await;
    browser.until("h1", "Doctor for hr").await;
    browser.is_for_everybody("a diagnosis").await;
}

#[tokio::test]
async fn a_signed_in_user_needs_no_key_and_is_recorded_in_the_row() {
    let Some(mut browser) = browser().await else { return };
    let stage = stage(&[("APP_SERVICE_AUTH", "true"), ("WEBSITE_AUTH_ENABLED", "True")]).await;
    let front = front(&stage).await;
    let builds = viva_import::testbed::SAMPLE_CONNECTION
        .replace("\"full\"", "\"incremental\", \"stopAfterRejected\": true");
    stage.connect("hr", &builds).await.unwrap();
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    ended(&stage, "hr/bad.csv").await;
    let url = format!("http://{}/api/signedin", front.address);
    browser.open(json!({})).await;
    assert_eq!(browser.go(&url).await, 403);
    sign_in(&mut browser, &front, "ana@contoso.com", &["Imports.Operate"]).await;
    assert_eq!(browser.go(&url).await, 200);
    assert!(browser.text("header").await.contains("Signed in as ana@contoso.com"));
    browser.click("button:has-text('Resume')").await;
    browser.until("[role=alert]", "The connection is resumed").await;
    assert!(browser.url().await.starts_with(&url));
    let import = stage.imports().await.unwrap().remove(0);
    let by = import.operator_actions.unwrap();
    assert!(by.starts_with("by ana@contoso.com on the console (resume) at 20"), "{by}");
}

#[tokio::test]
async fn each_button_is_shown_to_users_who_may_press_it_and_does_its_action() {
    let Some(mut browser) = browser().await else { return };
    let stage = stage(&[("APP_SERVICE_AUTH", "true"), ("WEBSITE_AUTH_ENABLED", "True")]).await;
    let front = front(&stage).await;
    stage.arrive("hr/full.csv", csv_of(20).into()).await.unwrap();
    ended(&stage, "hr/full.csv").await;
    a_second_later().await;
    stage.arrive("hr/few.csv", csv_of(5).into()).await.unwrap();
    assert!(ended(&stage, "hr/few.csv").await.is_guarded());
    let url = format!("http://{}/api/signedin", front.address);

    sign_in(&mut browser, &front, "bo@contoso.com", &[]).await;
    assert_eq!(browser.go(&url).await, 403);
    assert!(
        browser.text("main").await.contains("neither the role Imports.Read nor Imports.Operate")
    );

    sign_in(&mut browser, &front, "cy@contoso.com", &["Imports.Read"]).await;
    assert_eq!(browser.go(&url).await, 200);
    assert!(!browser.text("main").await.contains("Check the setup"));
    browser.click("a:has-text('Review few.csv')").await;
    browser.until("h1", "few.csv").await;
    assert!(!browser.text("main").await.contains("Approve this file once"));
    browser.is_for_everybody("an import to look at").await;

    sign_in(&mut browser, &front, "ana@contoso.com", &["Imports.Operate"]).await;
    browser.go(&url).await;
    browser.click("a:has-text('Review few.csv')").await;
    browser.click("button:has-text('Approve this file once')").await;
    browser.until("[role=alert]", "The file is approved once").await;
    let few = ended(&stage, "hr/few.csv").await;
    assert_eq!(few.state, State::Completed);
    assert!(few.approval.unwrap().by.starts_with("by ana@contoso.com on the console (approve)"));

    // A file of a paused connection rests; one that is being pushed cannot be cancelled.
    stage.service.fault(Call::Push, ServiceFault::Forbidden);
    a_second_later().await;
    stage.arrive("hr/waits.csv", csv_of(6).into()).await.unwrap();
    import_of(&stage, "hr/waits.csv", |import| import.pauses).await;
    browser.go(&url).await;
    browser.click("th a:has-text('waits.csv')").await;
    browser.click("button:has-text('Cancel this import')").await;
    browser.until("h1", "Cancelled").await;
    assert_eq!(ended(&stage, "hr/waits.csv").await.state, State::Cancelled);
}

#[tokio::test]
async fn a_form_sends_the_origin_of_its_page_and_no_other_origin_gets_the_key() {
    let Some(mut browser) = browser().await else { return };
    let stage = stage(&[]).await;
    let (front, other) = (front(&stage).await, front(&stage).await);
    browser.open(json!({})).await;
    browser.go(&home(&front)).await;
    browser.click("button:has-text('Check for new files')").await;
    browser.until("[role=alert]", "The inbox was checked").await;
    let requests = browser.requests().await;
    let posts: Vec<_> = requests.iter().filter(|request| request["method"] == "POST").collect();
    let own = format!("http://{}", front.address);
    assert_eq!(posts.len(), 1, "{requests:?}");
    assert_eq!(
        posts[0]["origin"], own,
        "without it App Service rejects a form of a signed-in user"
    );

    let elsewhere = format!("http://{}/api/signedin", other.address);
    browser.leave(&elsewhere).await;
    let requests = browser.requests().await;
    let there = requests.iter().find(|request| request["url"] == elsewhere).unwrap();
    assert_eq!(there["referer"], json!(null), "the address of the page contains the key");
}
