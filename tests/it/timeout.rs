//! The host loses patience with one invocation, and kills the handler with all of them.

use std::collections::BTreeSet;

use viva_import::{
    import::State,
    testbed::{
        SAMPLE_CONNECTION,
        host::Outcome,
        service::{Call, ServiceFault},
    },
};

use crate::stage::{GOOD_CSV, ended, log, stage, until};

#[tokio::test]
async fn a_timeout_that_takes_other_invocations_along_loses_nothing() {
    // The push would give up at nine tenths of its step's time, so the host has to be quicker.
    let stage = stage(&[
        ("AzureFunctionsJobHost__functionTimeout", "00:00:13"),
        ("STEP_TIMEOUT_SECONDS", "16"),
        ("LEASE_SECONDS", "12"),
        ("AzureWebJobs.advance.Disabled", "true"),
    ])
    .await;
    // One import each gets stuck at each of these, whichever comes there first.
    let stuck = [
        (Call::ScaleUnit, ServiceFault::Silent),
        (Call::Ping, ServiceFault::Silent),
        (Call::Push, ServiceFault::HoldBody { after_bytes: 1 }),
        (Call::Status, ServiceFault::Silent),
    ];
    for (call, fault) in stuck.clone() {
        stage.service.fault(call, fault);
    }
    let pid = stage.host.handler_pid();
    let names = ["t0", "t1", "t2", "t3"].map(|name| (name, format!("{name}/a.csv")));
    for (number, (name, file)) in names.iter().enumerate() {
        let tenant = SAMPLE_CONNECTION.replace("f3a4b5", &format!("f3a4b{number}"));
        stage.connect(name, &tenant).await.unwrap();
        stage.arrive(file, GOOD_CSV.into()).await.unwrap();
    }
    let open = || {
        let requests = stage.service.requests();
        let open = requests.iter().filter(|request| request.status.is_none());
        open.map(|open| format!("{:?}", open.call)).collect::<BTreeSet<String>>()
    };
    // The timer comes when three are stuck in invocations of their own, and is stuck with the last.
    let drives = async {
        until("three imports that are stuck", async || (open().len() == 3).then_some(())).await;
        loop {
            stage.host.timer("advance", false).await;
        }
    };
    let ends = async {
        until("an import stuck at every call", async || {
            (open().len() == stuck.len()).then_some(())
        })
        .await;
        assert_eq!(stage.host.handler_pid(), pid, "all of them are in the one process");
        until("the handler to be killed and started again", async || {
            stage.host.handler_pid().filter(|now| Some(*now) != pid)
        })
        .await;
        for (_, file) in &names {
            let import = ended(&stage, file).await;
            assert_eq!(import.state, State::Completed, "{file}: {:?}", import.reason);
        }
        assert!(stage.host.outcomes().iter().any(|ended| ended.outcome == Outcome::TimedOut));
        assert!(log(&stage).contains("has not ended: the handler is killed"));
        assert_eq!(stage.imports().await.unwrap().len(), names.len());
        // The push that was cut had arrived whole: it alone is there twice.
        let mut tenants: Vec<String> =
            stage.service.ingestions().into_iter().map(|ingestion| ingestion.tenant).collect();
        assert_eq!(tenants.len(), names.len() + 1);
        tenants.sort();
        tenants.dedup();
        assert_eq!(tenants.len(), names.len());
    };
    tokio::select! {
        () = drives => {}
        () = ends => {}
    }
}
