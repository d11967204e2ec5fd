//! The status pages over HTTP: access, content and operator actions.

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use viva_import::{
    config::REPORTS,
    import::{Import, State},
    messages,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        host::{Front, HttpAnswer},
        service::{Call, ServiceFault},
    },
};

use crate::stage::{GOOD_CSV, a_second_later, csv_of, ended, import_of, stage, until};

const KEY: &str = "a-key-of-this-test";
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
const BAD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nsecret-person,11/01/2026,ana@contoso.com,Sales\n\
     bo@contoso.com,secret-date,ana@contoso.com,<script>secret-cell</script>\n";

async fn ask(
    stage: &Stage,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> HttpAnswer {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, value.parse().unwrap());
    }
    if method == Method::POST {
        all.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    }
    stage.host.http(method, path, all, body.to_owned().into()).await
}

fn text(answer: &HttpAnswer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn json_of(stage: &Stage, path: &str) -> Value {
    let answer = ask(stage, Method::GET, path, &[], "").await;
    assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
    serde_json::from_slice(&answer.body).unwrap()
}

async fn page(stage: &Stage, path: &str) -> String {
    let answer = ask(stage, Method::GET, path, &[HTML], "").await;
    assert_eq!(answer.status, 200, "{path}");
    text(&answer)
}

/// Posts a form as a browser without cookies does.
async fn action(stage: &Stage, path: &str, form: &str) -> (u16, String) {
    let answer = ask(stage, Method::POST, path, &[], form).await;
    (answer.status.as_u16(), text(&answer))
}

/// The connection `hr` from the API.
async fn hr(stage: &Stage) -> Value {
    json_of(stage, "/api/v1/connections/hr").await
}

/// The page of an import.
fn at(import: &Import) -> String {
    format!("/api/console/{}", import.id)
}

/// A stage with a bad file that is rejected.
async fn with_bad_file(settings: &[(&str, &str)]) -> (Stage, Import) {
    let stage = stage(settings).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/bad.csv").await;
    assert_eq!(import.state, State::Rejected);
    (stage, import)
}

#[tokio::test]
async fn nothing_is_public_and_a_key_is_only_in_the_links_of_a_page_opened_with_it() {
    let (stage, import) = with_bad_file(&[]).await;
    let front: Front = stage.host.open_front(KEY).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str, header: Option<&str>| {
        let request = client.get(format!("http://{}{path}", front.address)).header(HTML.0, HTML.1);
        let request = match header {
            Some(key) => request.header("x-functions-key", key),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let addresses = ["/api/status", "/api/console", "/api/v1/imports", "/api/health", &at(&import)];
    for path in addresses {
        assert_eq!(get(path, None).await.0, 401, "{path}");
        assert_eq!(get(&format!("{path}?code=wrong"), None).await.0, 401, "{path}");
        assert_eq!(get(&format!("{path}?code={KEY}"), None).await.0, 200, "{path}");
        let (status, body) = get(path, Some(KEY)).await;
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains(KEY), "{path}: a key that came in a header is on no page");
    }
    let (_, home) = get(&format!("/api/status?code={KEY}"), None).await;
    let links = home.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let links: Vec<&str> = links.filter(|link| link.starts_with('/')).collect();
    assert!(links.len() > 2 && links.iter().all(|link| link.contains(KEY)), "{links:?}");
    // Without App Service Authentication nobody can use the pages without a key, whatever headers a
    // request has.
    for headers in [vec![], vec![("x-ms-client-principal-name", "ana@contoso.com")]] {
        let path = "/api/signedin";
        let answer = ask(&stage, Method::GET, path, &headers, "").await;
        assert_eq!(answer.status, 403);
        assert!(text(&answer).contains("APP_SERVICE_AUTH is not set, or"), "{}", text(&answer));
    }
    let forged = [("x-ms-client-principal-name", "mallory"), HTML];
    let home = text(&ask(&stage, Method::GET, "/api/status", &forged, "").await);
    assert!(!home.contains("mallory"));
}

#[tokio::test]
async fn no_page_and_no_json_holds_a_value_and_names_are_no_markup() {
    let stage = stage(&[]).await;
    let name = "hr/<img src=x onerror=alert(1)>&'\".csv";
    stage.arrive(name, BAD_CSV.into()).await.unwrap();
    let import = ended(&stage, name).await;
    let addresses = ["/api/status", "/api/v1/imports", "/api/v1/connections", &at(&import)];
    for path in addresses {
        for headers in [&[HTML][..], &[]] {
            let answer = ask(&stage, Method::GET, path, headers, "").await;
            let body = text(&answer);
            assert_eq!(answer.status, 200, "{body}");
            assert!(!body.contains("secret-"), "{path}: {body}");
            if body.starts_with("<!DOCTYPE") {
                assert!(!body.contains("<img"), "{body}");
                assert!(body.contains("&#60;img") || body.contains("&lt;img"), "{body}");
            }
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
            let kept = answer.headers["cache-control"].to_str().unwrap();
            assert_eq!(kept, if path.contains("/v1/") { "private, no-cache" } else { "no-store" });
            assert_eq!(answer.headers["referrer-policy"], "same-origin");
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing_and_a_form_of_this_app_does() {
    let (stage, import) = with_bad_file(&[]).await;
    let first = ask(&stage, Method::GET, &at(&import), &[HTML], "").await;
    let cookie = first.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let token = cookie.split_once('=').unwrap().1;
    assert!(text(&first).contains(&format!("name=\"token\" value=\"{token}\"")));
    let ours = format!("action=retry&token={token}");
    let other = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
    let origin = ("origin", "https://elsewhere.example");
    let cross = ("sec-fetch-site", "cross-site");
    let same = ("sec-fetch-site", "same-origin");
    for (headers, form) in [
        (vec![origin], "action=retry".to_owned()),
        (vec![cross], "action=retry".to_owned()),
        (vec![origin], ours.clone()),
        (vec![origin, ("cookie", cookie)], format!("action=retry&token={other}")),
        (vec![origin, cross, ("cookie", cookie)], ours.clone()),
        (vec![("origin", "null"), ("cookie", cookie)], "action=retry".to_owned()),
        (vec![origin, ("cookie", cookie)], ours.clone()),
        (vec![("origin", "null"), same, ("cookie", cookie)], ours.clone()),
        (vec![("origin", "https://localhost"), ("cookie", cookie)], ours.clone()),
    ] {
        let answer = ask(&stage, Method::POST, &at(&import), &headers, &form).await;
        assert_eq!(answer.status, 403, "{headers:?} {form}");
        assert!(text(&answer).contains("repeat the action"), "{}", text(&answer));
    }
    let api = format!("/api/v1/imports/{}:retry", import.id.name());
    let by_api = ask(&stage, Method::POST, &api, &[origin], "{}").await;
    assert_eq!(by_api.status, 403);
    assert_eq!(stage.imports().await.unwrap()[0].operator_actions, None, "nothing has changed");

    let path = format!("{}?code={KEY}", at(&import));
    let own = [("host", "hr.contoso.com:7071"), ("origin", "http://hr.contoso.com:7071")];
    let forged = ("x-forwarded-host", "elsewhere.example");
    let headers = [own[0], own[1], forged, ("cookie", cookie), HTML];
    let answer = ask(&stage, Method::POST, &path, &headers, &ours).await;
    assert_eq!(answer.status, 303, "{}", text(&answer));
    assert_eq!(answer.headers["location"], format!("{}?done=retry&code={KEY}", at(&import)));
    import_of(&stage, "hr/bad.csv", |import| import.operator_actions.is_some()).await;
}

#[tokio::test]
async fn an_operator_action_is_done_or_a_conflict_with_the_reason() {
    let stage = stage(&[("MAX_PUSH_FAILURES", "1")]).await;
    // Approved once.
    stage.arrive("hr/full.csv", csv_of(20).into()).await.unwrap();
    ended(&stage, "hr/full.csv").await;
    a_second_later().await;
    stage.arrive("hr/few.csv", csv_of(5).into()).await.unwrap();
    let few = ended(&stage, "hr/few.csv").await;
    assert!(few.is_guarded());
    let shown = page(&stage, &at(&few)).await;
    assert!(shown.contains("Approve this file once"), "{shown}");
    let (status, answer) = action(&stage, &at(&few), "action=approve").await;
    assert_eq!(status, 303, "{answer}");
    let done = page(&stage, &format!("{}?done=approve", at(&few))).await;
    assert!(done.contains("The file is approved once."), "{done}");
    let few = import_of(&stage, "hr/few.csv", |import| import.state == State::Completed).await;
    let by = few.approval.clone().unwrap().by;
    assert!(by.starts_with("by a console user with a key (approve) at 20"), "{by}");
    // A second approval is a conflict.
    let (status, answer) = action(&stage, &at(&few), "action=approve").await;
    assert_eq!(status, 409);
    assert!(answer.contains("Conflict") && answer.contains("needs no approval"), "{answer}");

    // A waiting import is cancelled; a paused connection is resumed.
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    a_second_later().await;
    stage.arrive("hr/waits.csv", csv_of(6).into()).await.unwrap();
    let waits = import_of(&stage, "hr/waits.csv", |import| import.pauses).await;
    let paused = hr(&stage).await;
    let wanted = (&json!("actionRequired"), &json!(true));
    assert_eq!((&paused["health"], &paused["paused"]), wanted, "{paused}");
    stage.service.always(Call::Ping, None);
    let (status, answer) = action(&stage, "/api/console", "action=resume&connection=hr").await;
    assert_eq!(status, 303, "{answer}");
    ended(&stage, "hr/waits.csv").await;
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    a_second_later().await;
    stage.arrive("hr/never.csv", csv_of(7).into()).await.unwrap();
    let never = import_of(&stage, "hr/never.csv", |import| import.busy_retries > 0).await;
    // A step may be in progress just then.
    until("the cancelling", async || {
        let (status, _) = action(&stage, &at(&never), "action=cancel").await;
        (status == 303).then_some(())
    })
    .await;
    let never = ended(&stage, "hr/never.csv").await;
    assert_eq!(never.state, State::Cancelled);
    let status = messages::status(&never);
    assert!(status.starts_with("Cancelled by a console user with a key"), "{status}");
    assert!(page(&stage, &at(&waits)).await.contains("Accepted by the service"));

    // What does not exist or does not apply.
    for (path, form, expected) in [
        ("/api/console/1-a", "action=retry", 409),
        ("/api/console", "action=retry", 400),
        ("/api/console", "action=sweep", 400),
        ("/api/console", "action=diagnose&connection=../x", 400),
        ("/api/console", "nothing", 400),
        ("/api/console", "action=resume&connection=hr", 409),
    ] {
        assert_eq!(action(&stage, path, form).await.0, expected, "{path} {form}");
    }
    for path in ["/api/Status", "/api/status/"] {
        let nothing = ask(&stage, Method::GET, path, &[HTML], "").await;
        assert_eq!(nothing.status, 404, "{path}");
        assert!(text(&nothing).contains("The status page is /api/status"), "{path}");
        assert!(text(&nothing).contains("href=\"/api/status\""), "{path}");
    }
    for path in ["/api/status/%01/1", "/api/status/no-tenant.1'x", "/api/status/a%2Fb/c"] {
        assert_eq!(ask(&stage, Method::GET, path, &[], "").await.status, 404, "{path}");
    }
    // Other rows of the table are no imports.
    for row in ["timer~advance", "connection~hr", "slot"] {
        let path = format!("/api/status/{row}");
        assert_eq!(ask(&stage, Method::GET, &path, &[HTML], "").await.status, 404, "{row}");
    }
    let log: Vec<String> = stage.host.log().into_iter().map(|line| line.message).collect();
    assert!(!log.iter().any(|line| line.contains("Skipped a row")), "{log:#?}");
    let missing = ask(&stage, Method::GET, "/api/status/1-a", &[HTML], "").await;
    assert_eq!(missing.status, 404);
    assert!(text(&missing).contains("Import 1-a does not exist."));
}

#[tokio::test]
async fn a_file_without_an_event_is_imported_after_a_sweep() {
    let stage = stage(&[]).await;
    stage.drop_file("hr/silent.csv", GOOD_CSV.into()).await.unwrap();
    let (status, answer) = action(&stage, "/api/console", "action=sweep&connection=hr").await;
    assert_eq!(status, 303, "{answer}");
    assert_eq!(ended(&stage, "hr/silent.csv").await.state, State::Completed);
    let (status, answer) = action(&stage, "/api/console", "action=diagnose&connection=hr").await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("all checks passed"), "{answer}");
}

#[tokio::test]
async fn the_services_error_file_is_downloaded_and_never_shown() {
    let stage = stage(&[("KEEP_SERVICE_ERRORS", "true")]).await;
    stage.arrive("hr/invalid.csv", GOOD_CSV.into()).await.unwrap();
    let ingestion = until("a push", async || stage.service.ingestions().pop()).await;
    stage.service.settle(&ingestion.id, "ValidationFailed");
    let import = ended(&stage, "hr/invalid.csv").await;
    assert_eq!(import.state, State::Rejected, "{}", messages::status(&import));
    // A line that the service may write there.
    let (name, quoted) = (import.report.clone().unwrap(), "row 2: secret-value is no date");
    let put = stage.storage.blobs.put(REPORTS, &name, "text/plain", quoted.into());
    put.await.unwrap();
    let errors = format!("{}/service-errors.txt", at(&import));
    let shown = page(&stage, &at(&import)).await;
    assert!(shown.contains("service-errors.txt"), "{shown}");
    let file = ask(&stage, Method::GET, &errors, &[HTML], "").await;
    assert_eq!(file.status, 200);
    assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(text(&file), quoted);
    let errors = errors.replace("/api/console/", "/api/status/");
    assert_eq!(ask(&stage, Method::GET, &errors, &[HTML], "").await.status, 403);
    let shown = page(&stage, &at(&import).replace("/api/console/", "/api/status/")).await;
    assert!(!shown.contains("Download it"), "a read-only user is offered no file");
    let shown = page(&stage, &at(&import)).await;
    assert!(!shown.contains("secret-value"));

    let (stage, import) = with_bad_file(&[]).await;
    let errors = format!("{}/service-errors.txt", at(&import));
    let none = ask(&stage, Method::GET, &errors, &[HTML], "").await;
    assert_eq!(none.status, 404);
    assert!(text(&none).contains("KEEP_SERVICE_ERRORS"));
}

#[tokio::test]
async fn the_status_text_of_a_connection_has_what_a_person_wants_to_know() {
    let stage = stage(&[]).await;
    let status = async || {
        let hr = hr(&stage).await;
        format!("{}: {}", hr["health"].as_str().unwrap(), hr["statusText"].as_str().unwrap())
    };
    assert_eq!(
        status().await,
        "noData: No file has arrived. Upload the file to inbox/hr/. No import has been accepted yet."
    );
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/good.csv").await;
    assert_eq!(status().await, "ok: Last accepted less than a minute ago: good.csv, 2 people.");
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    a_second_later().await;
    stage.arrive("hr/next.csv", csv_of(3).into()).await.unwrap();
    import_of(&stage, "hr/next.csv", |import| {
        import.busy_retries > 0 && import.state == State::Packed
    })
    .await;
    let waits =
        until("it waits", async || Some(status().await).filter(|it| it.starts_with("waiting")));
    let waits = waits.await;
    for words in [
        "Last accepted less than a minute ago: good.csv, 2 people.",
        "next.csv (arrived less than a minute ago) is waiting (for less than a minute): ",
        "The service has not finished this tenant's previous import.",
    ] {
        assert!(waits.contains(words), "{waits}");
    }
    stage.service.always(Call::Push, None);
    ended(&stage, "hr/next.csv").await;
    a_second_later().await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    ended(&stage, "hr/bad.csv").await;
    let rejected = status().await;
    assert!(rejected.contains(" Last accepted"), "{rejected}");
    assert!(rejected.contains("bad.csv (arrived less than a minute ago) was rejected: 2 errors."));
    // The corrected file: the earlier ones need no action any more.
    a_second_later().await;
    stage.arrive("hr/corrected.csv", csv_of(4).into()).await.unwrap();
    ended(&stage, "hr/corrected.csv").await;
    assert_eq!(
        status().await,
        "ok: Last accepted less than a minute ago: corrected.csv, 4 people."
    );
    stage.connect("hr", "{").await.unwrap();
    let broken = status().await;
    assert!(
        broken.starts_with("actionRequired: ") && broken.contains("hr.json is invalid: "),
        "{broken}"
    );
    let expects = SAMPLE_CONNECTION.replace("\"full\"", "\"full\", \"expectedEveryDays\": 7");
    stage.connect("hr", &expects).await.unwrap();
    let expecting = hr(&stage).await;
    assert!(expecting["expectedBy"].is_string());
    let upcoming = expecting["upcoming"].to_string();
    assert!(upcoming.contains("Next file expected by"), "{upcoming}");
    assert!(page(&stage, "/api/status").await.contains("Next file expected by"));
}

#[tokio::test]
async fn lost_changes_of_an_incremental_file_and_a_missing_document_are_reported() {
    let stage = stage(&[]).await;
    let incremental = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect("hr", &incremental).await.unwrap();
    stage.arrive("hr/1.csv", BAD_CSV.into()).await.unwrap();
    ended(&stage, "hr/1.csv").await;
    a_second_later().await;
    stage.arrive("hr/2.csv", csv_of(2).into()).await.unwrap();
    ended(&stage, "hr/2.csv").await;
    let hr_now = hr(&stage).await;
    assert_eq!(hr_now["health"], "ok", "{hr_now}");
    let words = "1 earlier file was not accepted: Viva does not have those changes.";
    assert!(hr_now["statusText"].as_str().unwrap().ends_with(words), "{hr_now}");

    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    a_second_later().await;
    stage.arrive("hr/3.csv", csv_of(3).into()).await.unwrap();
    import_of(&stage, "hr/3.csv", |import| import.busy_retries > 0).await;
    stage.storage.blobs.delete_all("connections", "hr.json").await.unwrap();
    let lost = import_of(&stage, "hr/3.csv", Import::needs_person).await;
    let hr_now = hr(&stage).await;
    let wanted = (&json!("hr"), &json!("actionRequired"));
    assert_eq!((&hr_now["name"], &hr_now["health"]), wanted, "{hr_now}");
    let text = hr_now["statusText"].as_str().unwrap();
    assert!(text.contains("connections/hr.json does not exist any more"), "{text}");
    let shown = page(&stage, &at(&lost)).await;
    assert!(
        shown.contains("correct what it reports. The import then resumes automatically"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_filter_narrows_and_an_invalid_filter_is_400() {
    let (stage, _) = with_bad_file(&[]).await;
    let count = async |query: &str| {
        let page = page(&stage, &format!("/api/status{query}")).await;
        page.matches("role=\"rowheader\"").count()
    };
    for (query, imports) in [
        ("", 1),
        ("?connection=hr", 1),
        ("?connection=other", 0),
        ("?connection=hr%27%20or%20RowKey%20ne%20%27", 0),
        ("?state=rejected", 1),
        ("?state=completed", 0),
        ("?after=no-tenant.0", 1),
        ("?after=no-tenant.9999", 0),
        ("?top=1000", 1),
        ("?connection=&state=", 1),
    ] {
        assert_eq!(count(query).await, imports, "{query}");
    }
    for (query, words) in [
        ("top=many", "from 1 to 1000"),
        ("top=0", "from 1 to 1000"),
        ("top=1001", "from 1 to 1000"),
        ("state=nonsense", "Expected: received, packed"),
        ("after=nonsense", "from a link of a page"),
        ("after=x%27.0%27", "from a link of a page"),
        ("top=5&top=6", "A parameter is invalid or occurs twice."),
    ] {
        let path = format!("/api/status?{query}");
        let wrong = ask(&stage, Method::GET, &path, &[HTML], "").await;
        assert_eq!(wrong.status, 400, "{path}");
        assert!(text(&wrong).contains(words), "{path}: {}", text(&wrong));
    }
}
