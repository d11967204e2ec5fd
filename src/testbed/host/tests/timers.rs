//! The status of timers, timers by hand, and timers of several hosts.

use reqwest::Client;
use time::OffsetDateTime;

use super::{super::shared::Status, *};
use crate::testbed::host::journal::now;

const HOURLY: &str = "0 0 * * * *";

/// Storage in which the timer `Work` has this status.
fn stored(last_run: OffsetDateTime, next: OffsetDateTime) -> Options {
    let options = Options::default();
    let status = Status { last: last_run, next: Some(next), updated: last_run };
    options.storage.store("Work", status);
    options
}

/// The start of the hour that was so many hours ago.
fn hours_ago(hours: i64) -> OffsetDateTime {
    let time = now() - time::Duration::hours(hours);
    time.replace_minute(0).unwrap().replace_second(0).unwrap().replace_nanosecond(0).unwrap()
}

fn timer_of(request: &Value) -> Value {
    body_of(request)["Data"]["timer"].clone()
}

#[tokio::test]
async fn a_missed_run_fires_once_when_a_host_starts_and_is_past_due() {
    let options = stored(hours_ago(5), hours_ago(4));
    let deployed = Deployed::new().function("Work", timer(HOURLY));
    let host = deployed.start_with(options.clone()).await;
    host.until_outcomes(|ended| ended.len() == 1).await;
    assert_eq!(host.outcomes()[0].cause, Cause::Timer { past_due: true });
    let sent = timer_of(&deployed.requests()[0]);
    assert_eq!(sent["IsPastDue"], true);
    assert_eq!(sent["ScheduleStatus"]["Last"], invocation::local(hours_ago(5)));
    assert_eq!(sent["ScheduleStatus"]["Next"], invocation::local(hours_ago(4)));
    host.stop().await;
    // The next host knows that it ran.
    let host = deployed.start_with(options).await;
    assert!(succeeded(&host.timer("Work", false).await));
    let sent = timer_of(&deployed.requests()[1]);
    assert_eq!(sent["IsPastDue"], false);
    assert!(
        sent["ScheduleStatus"]["Last"].as_str().unwrap() > invocation::local(hours_ago(1)).as_str()
    );
}

#[tokio::test]
async fn the_first_start_has_no_last_run_and_was_updated_at_that_start() {
    let deployed = Deployed::new().function("Work", timer(HOURLY));
    let options = Options::default();
    let before = now();
    let host = deployed.start_with(options.clone()).await;
    host.ready().await.unwrap();
    let started = now();
    drop(host);
    let host = deployed.start_with(options).await;
    assert!(succeeded(&host.timer("Work", false).await));
    let status = timer_of(&deployed.requests()[0])["ScheduleStatus"].clone();
    assert_eq!(status["Last"], "0001-01-01T00:00:00+00:00");
    let updated = status["LastUpdated"].as_str().unwrap();
    assert!(*updated >= *invocation::local(before) && *updated <= *invocation::local(started));
}

#[tokio::test]
async fn a_timer_whose_schedule_has_changed_missed_nothing() {
    let options = stored(hours_ago(5), hours_ago(5) + time::Duration::minutes(7));
    let deployed = Deployed::new().function("Work", timer(HOURLY));
    let host = deployed.start_with(options.clone()).await;
    host.ready().await.unwrap();
    while options.storage.status("Work").unwrap().next < Some(now()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(host.outcomes(), []);
}

#[tokio::test]
async fn a_timer_by_hand_runs_beside_a_scheduled_run_and_leaves_the_status_alone() {
    let options = Options::default();
    let deployed = Deployed::new().function("Work", timer(HOURLY)).set("TIMERS_WAIT", "2000");
    let host = deployed.start_with(options.clone()).await;
    let front = host.open_front("the-key").await.unwrap();
    let start = async |function: &str, key: &str, body: &str| {
        let url = format!("http://{}/admin/functions/{function}", front.address);
        let request = Client::new().post(url).header("x-functions-key", key);
        request.body(body.to_owned()).send().await.unwrap().status().as_u16()
    };
    let by_hand = async {
        deployed.until_requested("/Work").await;
        assert_eq!(start("Work", "the-key", "{\"input\":\"\"}").await, 202);
        while deployed.requests_for("/Work").len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(host.outcomes(), [], "the scheduled run is still in progress");
    };
    tokio::join!(host.timer("Work", false), by_hand);
    let after_scheduled = options.storage.status("Work");
    host.until_outcomes(|ended| ended.len() == 2).await;
    assert_eq!(options.storage.status("Work"), after_scheduled);
    assert_eq!(host.outcomes()[1].cause, Cause::Hand);
    let sent = body_of(&deployed.requests_for("/Work")[1]);
    assert_eq!(sent["Metadata"]["timer"], "\"\"");
    assert_eq!(sent["Data"]["timer"]["IsPastDue"], false);
    for (function, key, body, expected) in [
        ("Work", "another-key", "{}", 401),
        ("Other", "the-key", "{}", 404),
        ("Work", "the-key", "x", 400),
    ] {
        assert_eq!(start(function, key, body).await, expected, "{function} {key} {body}");
    }
}

#[tokio::test]
async fn the_timers_of_two_hosts_run_on_one_and_after_its_death_on_the_other() {
    let storage = HostStorage::with_lease(Duration::from_secs(3));
    let options = Options { storage, ..Options::default() };
    let deployed = Deployed::new().function("Tick", timer("* * * * * *"));
    let one = deployed.start_with(options.clone()).await;
    one.until_outcomes(|ended| !ended.is_empty()).await;
    let other = deployed.start_with(options).await;
    let count = one.outcomes().len();
    one.until_outcomes(|ended| ended.len() > count).await;
    assert_eq!(other.outcomes(), []);
    let _orphan = one.die().await;
    other.until_outcomes(|ended| !ended.is_empty()).await;
}

#[tokio::test]
async fn a_host_that_stops_passes_its_timers_on_without_a_wait() {
    // With the lease of the real host.
    let options = Options::default();
    let deployed = Deployed::new().function("Work", timer(HOURLY));
    let one = deployed.start_with(options.clone()).await;
    one.ready().await.unwrap();
    one.stop().await;
    assert!(options.storage.lock("Work", Uuid::new_v4()));
}
