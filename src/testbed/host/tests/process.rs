use reqwest::StatusCode;
use tracing::Level;

use super::*;

/// Makes the handler exit and waits until the host has seen it.
async fn exit(host: &Host, code: u8) {
    host.ready().await.unwrap();
    let pid = host.handler_pid();
    assert!(failed(&command(host, &format!("exit {code}")).await));
    while host.handler_pid() == pid {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_handler_gets_what_the_host_gives() {
    let deployed = Deployed::new().unscheduled().set("MY_SETTING", "mine");
    let host = deployed.start().await;
    let Outcome::Succeeded(answer) = command(&host, "environment").await else { panic!("failed") };
    let seen = answer.return_value;
    let port = host.handler_port().to_string();
    assert_eq!(seen["argv"], json!(["--port", port]));
    assert_eq!(seen["env"]["MY_SETTING"], "mine");
    for name in ["FUNCTIONS_HTTPWORKER_PORT", "FUNCTIONS_CUSTOMHANDLER_PORT"] {
        assert_eq!(seen["env"][name], json!(port));
    }
    let id = &seen["env"]["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"];
    assert!(id.is_string() && *id == seen["env"]["FUNCTIONS_HTTPWORKER_ID"]);
    assert_eq!(seen["env"]["FUNCTIONS_APP_ROOT_PATH"], seen["cwd"]);

    let request = &deployed.requests()[0];
    assert_eq!((&request["method"], &request["url"]), (&json!("POST"), &json!("/Work")));
    let headers: Vec<_> = request["headers"].as_array().unwrap().iter().step_by(2).collect();
    assert_eq!(
        headers[..6],
        [
            "host",
            "x-azure-functions-hostversion",
            "x-azure-functions-invocationid",
            "user-agent",
            "traceparent",
            "content-type"
        ]
    );
    assert!(headers.contains(&&json!("transfer-encoding")), "{headers:?}");
    assert!(!headers.contains(&&json!("content-length")), "{headers:?}");
    host.stop().await;
}

#[tokio::test]
async fn an_empty_body_hangs_until_the_timeout_which_kills_the_process() {
    let deployed = Deployed::new().unscheduled().seconds_for_a_call(5);
    let host = deployed.start().await;
    host.ready().await.unwrap();
    assert!(succeeded(&command(&host, "ok").await));
    let (port, pid) = (host.handler_port(), host.handler_pid());
    assert_eq!(command(&host, "empty").await, Outcome::TimedOut);
    host.ready().await.unwrap();
    assert!(succeeded(&command(&host, "ok").await));
    assert_eq!(host.handler_port(), port);
    assert!(host.handler_pid().is_some() && host.handler_pid() != pid);
    // The functionTimeout, and two seconds of grace.
    assert!(host.outcomes()[1].took >= Duration::from_secs(7));
    // A timeout is not a crash, however often it happens.
    assert_eq!(host.stopped(), None);
}

#[tokio::test]
async fn a_call_that_ends_within_the_grace_period_times_out_without_a_kill() {
    let deployed = Deployed::new().unscheduled().seconds_for_a_call(5);
    let host = deployed.start().await;
    host.ready().await.unwrap();
    let pid = host.handler_pid();
    assert_eq!(command(&host, "wait 5200").await, Outcome::TimedOut);
    assert_eq!(host.handler_pid(), pid);
}

#[tokio::test]
async fn one_timeout_fails_every_call_in_progress() {
    let deployed = Deployed::new().unscheduled().seconds_for_a_call(5);
    let host = deployed.start().await;
    host.ready().await.unwrap();
    let late = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        command(&host, "wait 60000").await
    };
    let (first, second) = tokio::join!(command(&host, "empty"), late);
    assert_eq!(first, Outcome::TimedOut);
    assert!(failed(&second), "{second:?}");
}

#[tokio::test]
async fn exit_code_0_ends_the_handler_but_not_the_host() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    assert!(failed(&command(&host, "exit 0").await));
    host.until_logged(|line| line.message.contains("exited with code 0")).await;
    let Outcome::Failed { why } = command(&host, "ok").await else { panic!("a handler answered") };
    assert!(why.contains("refused"), "{why}");
    assert_eq!((host.handler_pid(), host.stopped()), (None, None));
    host.stop().await;
}

#[tokio::test]
async fn the_third_crash_stops_the_host() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    for crash in 1..=3 {
        assert_eq!(host.stopped(), None, "before crash {crash}");
        exit(&host, 1).await;
    }
    host.until_stopped().await;
    let why = host.stopped().unwrap();
    assert!(why.starts_with("Exceeded http worker restart retry count"), "{why}");
    assert!(why.ends_with("the handler exited (exit status: 1). last words"), "{why}");
    let Outcome::Failed { why } = command(&host, "ok").await else { panic!("still running") };
    assert!(why.starts_with("the host has stopped"), "{why}");
    host.stop().await;
}

#[tokio::test]
async fn a_handler_that_crashes_on_start_or_never_listens_stops_the_host() {
    let mut deployed = Deployed::new().unscheduled().set("CRASH_ON_START", "1");
    let host = deployed.start().await;
    assert!(host.ready().await.unwrap_err().to_string().contains("exit status: 1"));
    deployed = deployed.unscheduled().set("NEVER_LISTEN", "1");
    deployed.settings.remove("CRASH_ON_START");
    deployed.host["customHandler"]["initializationTimeout"] = json!("00:00:00.300");
    let host = deployed.start().await;
    assert!(host.ready().await.unwrap_err().to_string().contains("did not listen in 300ms"));
}

#[tokio::test]
async fn exit_code_200_restarts_and_is_no_error() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    for _ in 0..4 {
        exit(&host, 200).await;
    }
    assert!(succeeded(&command(&host, "ok").await));
    host.stop().await;
}

#[tokio::test]
async fn a_killed_handler_restarts_on_the_same_port() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    host.ready().await.unwrap();
    let pid = host.handler_pid();
    host.kill_handler().await;
    assert!(succeeded(&command(&host, "ok").await));
    assert_ne!(host.handler_pid(), pid);
}

#[tokio::test]
async fn many_calls_with_large_bodies_run_in_parallel() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    let large = "x".repeat(3_000_000);
    let calls = (0..16).map(|_| command(&host, &large));
    for outcome in futures::future::join_all(calls).await {
        let Outcome::Succeeded(answer) = outcome else { panic!("{outcome:?}") };
        assert!(answer.return_value.as_u64().unwrap() > 4_000_000);
    }
}

#[tokio::test]
async fn output_of_the_handler_gets_a_level_and_logs_of_its_answer_a_category() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    assert!(succeeded(&command(&host, "print").await));
    assert!(succeeded(&command(&host, "ok").await));
    for (level, category, message) in [
        (Level::INFO, "Host.Function.Console", "to stdout"),
        (Level::WARN, "Host.Function.Console", "a Warning"),
        (Level::ERROR, "Host.Function.Console", "an accident"),
        (Level::INFO, "Worker", "quiet"),
        (Level::INFO, "Function.Work.User", "did it"),
    ] {
        host.until_logged(|line| {
            line.level == level && line.category == category && line.message == message
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_is_proxied_with_the_hosts_headers() {
    let route = json!({ "type": "httpTrigger", "name": "req", "route": "status/{id?}",
        "methods": ["post"], "authLevel": "anonymous" });
    let deployed = Deployed::new().function("Status", route);
    let host = deployed.start().await;
    let mut headers = HeaderMap::new();
    headers.insert("x-ms-invocation-id", "mine".parse().unwrap());
    headers.insert("x-own", "kept".parse().unwrap());
    headers.insert("host", "hr.contoso.com".parse().unwrap());
    headers.insert("x-forwarded-host", "elsewhere.example".parse().unwrap());
    let send = async |method, path: &str| {
        host.http(method, path, headers.clone(), Bytes::from_static(b"hello")).await
    };
    let answer = send(Method::POST, "/api/Status/7?x=%20").await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (418, &b"proxied hello"[..]));
    assert_eq!(answer.headers["x-handler"], "yes");
    for (method, path) in [
        (Method::GET, "/api/status"),
        (Method::POST, "/status"),
        (Method::POST, "/api/Other"),
        (Method::POST, "/apistatus"),
        (Method::GET, "/"),
    ] {
        assert_eq!(send(method, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let ended = host.outcomes();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].cause, Cause::Http { request: "POST /api/Status/7".to_owned() });

    let request = &deployed.requests()[0];
    assert_eq!(request["url"], "/api/Status/7?x=%20");
    let headers: Vec<_> = request["headers"].as_array().unwrap().chunks(2).collect();
    let id = json!(ended[0].id);
    for (name, value) in [
        ("x-ms-invocation-id", &id),
        ("x-azure-functions-invocationid", &id),
        ("x-own", &json!("kept")),
        ("x-forwarded-host", &json!("hr.contoso.com")),
        ("x-forwarded-proto", &json!("http")),
        ("x-forwarded-for", &json!("127.0.0.1")),
        ("host", &json!(format!("127.0.0.1:{}", host.handler_port()))),
    ] {
        let given: Vec<_> = headers.iter().filter(|header| header[0] == name).collect();
        assert_eq!(given.len(), 1, "{name}");
        assert_eq!(given[0][1], *value, "{name}");
    }
}

#[tokio::test]
async fn a_timer_fires_on_schedule_unless_it_is_disabled() {
    let deployed = Deployed::new()
        .function("Tick", timer("* * * * * *"))
        .function("Off", timer("* * * * * *"))
        .set("AzureWebJobs.Off.Disabled", "true");
    let host = deployed.start().await;
    host.until_outcomes(|ended| ended.len() >= 2).await;
    assert!(host.outcomes().iter().all(|one| one.function == "Tick" && succeeded(&one.outcome)));
    assert!(succeeded(&host.timer("Off", true).await));
    let requests = deployed.requests();
    let off = requests.iter().find(|request| request["url"] == "/Off").unwrap();
    let body: Value = serde_json::from_str(off["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["Data"]["timer"]["IsPastDue"], true);
    // It fires more than once a minute, so the host keeps no status.
    assert_eq!(body["Data"]["timer"]["ScheduleStatus"], Value::Null);
    assert_eq!(body["Metadata"]["sys"]["MethodName"], "Off");
}

#[tokio::test]
async fn a_timer_run_shows_the_previous_run() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    for _ in 0..2 {
        assert!(succeeded(&host.timer("Work", false).await));
    }
    let last = |request: &Value| {
        let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        body["Data"]["timer"]["ScheduleStatus"]["Last"].as_str().unwrap().to_owned()
    };
    let requests = deployed.requests();
    assert_eq!(last(&requests[0]), "0001-01-01T00:00:00+00:00");
    assert!(last(&requests[1]).starts_with("20"));
}

#[tokio::test]
async fn nothing_is_left_when_the_host_has_stopped() {
    let alive = async |port| tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    for stopping in [true, false] {
        let deployed = Deployed::new().unscheduled();
        let host = deployed.start().await;
        host.ready().await.unwrap();
        let port = host.handler_port();
        assert!(alive(port).await);
        if stopping {
            host.stop().await;
        } else {
            drop(host);
        }
        let gone = async {
            while alive(port).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
    }
}
