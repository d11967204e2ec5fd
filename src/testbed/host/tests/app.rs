use super::*;

fn faults(deployed: &Deployed) -> Vec<String> {
    deployed.write();
    App::read(&deployed.root, &deployed.settings).map(|_| ()).unwrap_err()
}

#[test]
fn all_faults_are_reported_together() {
    let queue = |name: &str, queue: &str, connection: &str| json!({ "type": "queueTrigger", "name": name, "queueName": queue, "connection": connection });
    let mut deployed = Deployed::new()
        .set("Here", "UseDevelopmentStorage=true")
        .set("AzureFunctionsJobHost__extensions__queues__batchSize", "33")
        .function("1st", queue("msg", "q", "Here"))
        .function("host", queue("msg", "q", "Here"))
        .function("BadBinding", queue("my_msg", "q", "Here"))
        .function("NoConnection", queue("msg", "q", "There"))
        .function("BadCron", timer("every day"))
        .function("Blob", json!({ "type": "blobTrigger", "name": "blob", "path": "in/{x}" }))
        .function("Two", timer("0 * * * * *"));
    let bindings = json!([timer("0 * * * * *"), queue("msg", "q", "Here")]);
    let two = deployed.root.join("Two").join("function.json");
    fs::write(two, json!({ "bindings": bindings, "retry": {} }).to_string()).unwrap();
    deployed.host["customHandler"]["http"] = json!({ "routes": [{ "route": "{*path}" }] });

    let found = faults(&deployed);
    let expected = [
        "host.json: extensions.queues.batchSize must be 1 to 32, not \"33\"",
        "1st: is not a valid function name",
        "BadBinding: 'my_msg' is not a valid binding name",
        "BadCron: schedule 'every day': is not an NCRONTAB expression (time spans are not supported)",
        "Blob: a blobTrigger is not emulated",
        "NoConnection: no setting 'There' holds a connection string",
        "Two: a retry policy is not emulated",
        "Two: binding 'timer' has no direction",
        "Two: needs exactly one trigger",
        "host: is not a valid function name",
        "Detected both function.json files and custom handler HTTP route configuration. Only one \
         configuration source is supported",
    ];
    for one in expected {
        assert!(
            found.iter().any(|fault| fault.starts_with(one)),
            "{one:?} is missing in {found:#?}"
        );
    }
}

#[tokio::test]
async fn a_setting_that_is_missing_disables_one_function_and_the_host_runs_on() {
    let deployed = Deployed::new().unscheduled().function("Other", timer("%NOWHERE%"));
    let host = deployed.start().await;
    assert!(succeeded(&command(&host, "ok").await));
    let why =
        "Other: schedule: '%NOWHERE%' does not resolve to a value. The function failed indexing";
    assert!(host.log().iter().any(|line| line.message.starts_with(why)), "{:?}", host.log());
    assert!(failed(&host.timer("Other", false).await));
    assert_eq!(host.stopped(), None);
}

#[test]
fn an_app_without_functions_is_a_fault() {
    assert_eq!(
        faults(&Deployed::new()),
        ["the app has no function, so the host would not start the handler"]
    );
}

#[test]
fn defaults_and_overrides_are_the_hosts() {
    let deployed = Deployed::new().unscheduled().seconds_for_a_call(3);
    let mut deployed = deployed.set("AzureWebJobs.Work.Disabled", "true");
    deployed.host["extensions"] = json!({});
    deployed.write();
    let app = App::read(&deployed.root, &deployed.settings).unwrap();
    assert_eq!(app.timeout, Some(Duration::from_secs(3)));
    assert_eq!((app.queues.batch_size, app.queues.max_dequeue_count), (16, 5));
    assert_eq!(app.queues.visibility_timeout, Duration::ZERO);
    assert_eq!(app.handler.patience, Duration::from_secs(30));
    assert!(app.queues.base64 && app.functions[0].disabled);
}

#[tokio::test]
async fn a_missing_executable_is_reported_on_start() {
    let deployed = Deployed::new().unscheduled();
    deployed.write();
    fs::remove_file(deployed.root.join("handler")).unwrap();
    let host = Host::start(&deployed.root, deployed.settings.clone()).await;
    assert!(matches!(host, Err(HostError::Handler(_))));
}
