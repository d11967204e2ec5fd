//! How a host ends, and what is left of it.

use futures::StreamExt as _;
use tokio::time::Instant;

use super::*;

const EACH_SECOND: &str = "* * * * * *";

/// A host whose timer runs for this time.
async fn with_running_timer(deployed: &Deployed, options: Options) -> Host {
    let host = deployed.start_with(options).await;
    deployed.until_requested("/Slow").await;
    host
}

fn slow(milliseconds: &str) -> Deployed {
    let deployed = Deployed::new().function("Slow", timer(EACH_SECOND));
    deployed.unscheduled().set("TIMERS_WAIT", milliseconds)
}

fn is_alive(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_host_without_an_invocation_kills_the_handler_at_once_when_it_stops() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    host.ready().await.unwrap();
    let (pid, started) = (host.handler_pid().unwrap(), Instant::now());
    assert!(host.stop().await.is_none());
    assert!(started.elapsed() < GRACE / 2, "it waited for nothing");
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_host_that_stops_waits_for_what_runs() {
    let deployed = slow("2000");
    let host = with_running_timer(&deployed, Options::default()).await;
    let log = host.follow_log();
    assert!(host.stop().await.is_none());
    let lines: Vec<LogLine> = log.collect().await;
    let is_success = |line: &LogLine| line.message.contains("'Functions.Slow' (Succeeded");
    assert!(lines.iter().any(is_success), "{lines:?}");
    assert_eq!(deployed.requests_for("/Slow").len(), 1, "no other run begins");
}

#[tokio::test]
async fn after_the_grace_period_the_host_is_gone_and_the_handler_lives_on() {
    let deployed = slow("60000");
    let grace = Duration::from_millis(100);
    let host = with_running_timer(&deployed, Options { grace, ..Options::default() }).await;
    let (pid, port) = (host.handler_pid(), host.handler_port());
    let mut orphan = host.stop().await.unwrap();
    assert_eq!(orphan.pid(), pid);
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(answer.status(), 404, "it still listens");
    let exit = tokio::time::timeout(Duration::from_millis(50), orphan.until_exit()).await;
    assert!(exit.is_err(), "it got no signal");
    drop(orphan);
    while is_alive(pid.unwrap())
        && tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_drained_host_fires_no_timer_but_ends_what_runs_and_answers_requests() {
    let deployed = slow("1000").function("Status", http("status"));
    let host = with_running_timer(&deployed, Options::default()).await;
    host.drain();
    host.until_outcomes(|ended| ended.len() == 1).await;
    assert!(succeeded(&host.outcomes()[0].outcome));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(deployed.requests_for("/Slow").len(), 1);
    let answer = host.http(Method::GET, "/api/status", HeaderMap::new(), Bytes::new()).await;
    assert_eq!(answer.status, 418);
    assert!(host.stop().await.is_none());
}

#[tokio::test]
async fn a_change_of_the_settings_kills_what_runs() {
    let deployed = slow("60000").set("AzureWebJobs.Work.Disabled", "true");
    let host = with_running_timer(&deployed, Options::default()).await;
    let pid = host.handler_pid().unwrap();
    let mut settings = deployed.settings.clone();
    settings.insert("AzureWebJobs.Slow.Disabled".to_owned(), "true".to_owned());
    settings.insert("MY_SETTING".to_owned(), "mine".to_owned());
    let host = host.change_settings(settings).await.unwrap();
    while is_alive(pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Outcome::Succeeded(answer) = command(&host, "environment").await else { panic!("failed") };
    assert_eq!(answer.return_value["env"]["MY_SETTING"], "mine");
}

#[tokio::test]
async fn an_instance_serves_only_the_functions_of_its_group() {
    let deployed = Deployed::new()
        .function("Tick", timer(EACH_SECOND))
        .function("Tock", timer(EACH_SECOND))
        .function("Status", http("status"));
    let start = async |group| deployed.start_with(Options { group, ..Options::default() }).await;
    let of_http = start(Group::Http).await;
    let of_tick = start(Group::Only("Tick".to_owned())).await;
    of_tick.until_outcomes(|ended| ended.len() >= 2).await;
    assert!(of_tick.outcomes().iter().all(|ended| ended.function == "Tick"));
    let status = async |host: &Host| {
        host.http(Method::GET, "/api/status", HeaderMap::new(), Bytes::new()).await.status.as_u16()
    };
    assert_eq!((status(&of_http).await, status(&of_tick).await), (418, 404));
    assert!(of_http.outcomes().iter().all(|ended| ended.function == "Status"));
}
