//! The order in a lane: nothing older undoes what is newer, whichever connection it belongs to, and the same bytes are
//! not pushed twice in a row.

use std::time::Duration;

use tokio::process::Command;
use viva_import::{
    import::{Import, State, reason::ReasonCode},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        service::{Call, ServiceFault},
    },
};

use crate::{
    stage::{BINARY, a_second_later, ended, import_of, stage, why},
    world::{Kind, To, World, pushed_content},
};

const HEADER: &str = "Employee,EffectiveDate,Manager,Organization\n";

/// A head, whose row has this date, and somebody with these other rows.
fn snapshot(day: &str, more: &str) -> Vec<u8> {
    format!("{HEADER}ana@contoso.com,{day},,Executive\n{more}").into_bytes()
}

/// A file with rows of people below.
fn change(rows: &[(&str, &str)]) -> Vec<u8> {
    let rows = rows.iter().map(|(person, day)| format!("{person}@contoso.com,{day},,Sales\n"));
    format!("{HEADER}{}", rows.collect::<String>()).into_bytes()
}

async fn imported(stage: &Stage, name: &str, csv: Vec<u8>) -> Import {
    stage.arrive(name, csv).await.unwrap();
    let import = ended(stage, name).await;
    a_second_later().await;
    import
}

async fn connect_incremental(stage: &Stage, name: &str) {
    let document = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    stage.connect(name, &document).await.unwrap();
}

async fn ask(stage: &Stage, action: &str, import: &Import) {
    let mut command = Command::new(BINARY);
    command.args([action, &import.id.key]).envs(stage.settings());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Whether the file is rejected by rule I05 alone.
fn goes_back(import: &Import) -> bool {
    import.state == State::Rejected && import.is_guarded() && why(import).contains("I05")
}

/// The data of each push that the service accepted.
fn pushed(stage: &Stage) -> Vec<String> {
    let zips = stage.service.ingestions().into_iter().map(|ingestion| ingestion.zip);
    zips.map(|zip| String::from_utf8(pushed_content(&zip)).unwrap()).collect()
}

#[tokio::test]
async fn an_incremental_file_of_one_connection_waits_for_an_older_full_one_of_another() {
    let stage = stage(&[("BUSY_WAIT_SECONDS", "3")]).await;
    connect_incremental(&stage, "changes").await;
    stage.service.fault(Call::Push, ServiceFault::Busy);
    stage.arrive("hr/1.csv", snapshot("11/01/2026", "")).await.unwrap();
    import_of(&stage, "hr/1.csv", |import| import.busy_retries > 0).await;
    a_second_later().await;
    stage.arrive("changes/2.csv", change(&[("bob", "11/02/2026")])).await.unwrap();
    let is_behind = |import: &Import| import.code() == Some(ReasonCode::WaitingForOlder);
    import_of(&stage, "changes/2.csv", is_behind).await;
    assert_eq!(ended(&stage, "changes/2.csv").await.state, State::Completed);
    assert_eq!(ended(&stage, "hr/1.csv").await.state, State::Completed);
    let pushed = pushed(&stage);
    assert!(pushed[0].contains("ana@") && pushed[1].contains("bob@"), "{pushed:?}");
}

#[tokio::test]
async fn an_older_snapshot_is_rejected_however_new_its_blob_is_and_its_neighbours_pass() {
    let stage = stage(&[]).await;
    let hire = "cid@contoso.com,05/01/2027,ana@contoso.com,Sales\n";
    let typo = "cid@contoso.com,05/01/2062,ana@contoso.com,Sales\n";
    let hired = "cid@contoso.com,11/10/2026,ana@contoso.com,Sales\n";
    for (name, day, more) in [
        // A planned hire of next year, which is gone in the next file.
        ("hr/planned.csv", "11/01/2026", hire),
        ("hr/gone.csv", "11/02/2026", hired),
        ("hr/typo.csv", "11/03/2026", typo),
        // By the limit of seven days.
        ("hr/week.csv", "11/03/2026", hired),
    ] {
        let import = imported(&stage, name, snapshot(day, more)).await;
        assert_eq!(import.state, State::Completed, "{name}: {}", why(&import));
    }
    let archived = snapshot("04/01/2025", "cid@contoso.com,04/01/2025,ana@contoso.com,Sales\n");
    let import = imported(&stage, "hr/archive/2025-04.csv", archived).await;
    assert!(goes_back(&import), "{}", why(&import));
    let text = why(&import);
    assert!(text.contains("is 2025-04-01") && text.contains("(2026-11-10;"), "{text}");
    assert_eq!(stage.service.ingestions().len(), 4, "nothing was pushed");
    // A correction that is dated back.
    connect_incremental(&stage, "changes").await;
    let correction = change(&[("cid", "05/01/2025")]);
    let corrected = imported(&stage, "changes/1.csv", correction).await;
    assert_eq!(corrected.state, State::Completed, "{}", why(&corrected));

    // It is older than the correction, too. The approval covers the rule.
    ask(&stage, "approve", &import).await;
    let completed = |import: &Import| import.state == State::Completed;
    import_of(&stage, "hr/archive/2025-04.csv", completed).await;
}

#[tokio::test]
async fn an_older_file_whose_event_comes_late_is_pushed_first() {
    let stage = stage(&[]).await;
    connect_incremental(&stage, "hr").await;
    stage.drop_file("hr/z.csv", change(&[("zoe", "11/01/2026")])).await.unwrap();
    a_second_later().await;
    stage.arrive("hr/a.csv", change(&[("abe", "11/02/2026")])).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    assert_eq!(ended(&stage, "hr/z.csv").await.state, State::Completed);
    let pushed = pushed(&stage);
    assert!(pushed[0].contains("zoe@") && pushed[1].contains("abe@"), "{pushed:?}");
}

#[tokio::test]
async fn an_incremental_file_that_is_older_than_the_last_accepted_one_needs_an_approval() {
    let stage = stage(&[("UNMAPPED_COLUMNS", "refuse")]).await;
    connect_incremental(&stage, "hr").await;
    let wrong = String::from_utf8(change(&[("abe", "11/01/2026")])).unwrap();
    let wrong = wrong.replace("Organization", "Organization,Phone").replace("Sales", "Sales,1");
    let old = imported(&stage, "hr/1.csv", wrong.into_bytes()).await;
    assert_eq!(old.state, State::Rejected);
    let newer = imported(&stage, "hr/2.csv", change(&[("bob", "11/02/2026")])).await;
    assert_eq!(newer.state, State::Completed, "{}", why(&newer));
    let dropping = SAMPLE_CONNECTION
        .replace("\"full\"", "\"incremental\"")
        .replace("\"mapping\"", "\"unmappedColumns\": \"drop\", \"mapping\"");
    stage.connect("hr", &dropping).await.unwrap();
    ask(&stage, "retry", &old).await;
    let refused = import_of(&stage, "hr/1.csv", goes_back).await;
    assert!(why(&refused).contains("hr/2.csv"), "{}", why(&refused));
    ask(&stage, "approve", &refused).await;
    import_of(&stage, "hr/1.csv", |import| import.state == State::Completed).await;
    assert_eq!(stage.service.ingestions().len(), 2);
}

#[tokio::test]
async fn the_same_bytes_are_pushed_again_only_if_the_package_differs_or_an_operator_asks() {
    let stage = stage(&[]).await;
    let file = || snapshot("11/01/2026", "cid@contoso.com,11/01/2026,ana@contoso.com,Sales\n");
    assert_eq!(imported(&stage, "hr/1.csv", file()).await.state, State::Completed);
    // The same file again, and under another name.
    for name in ["hr/1.csv", "hr/2.csv"] {
        stage.arrive(name, file()).await.unwrap();
        let again =
            import_of(&stage, name, |import| import.code() == Some(ReasonCode::SameContent));
        assert_eq!(again.await.state, State::Superseded);
        a_second_later().await;
    }
    assert_eq!(stage.service.ingestions().len(), 1);
    // It counts as accepted: the connection was not idle.
    let again = ended(&stage, "hr/2.csv").await;
    let record = stage.table.connection(&again.id.tenant, "hr").await.unwrap();
    assert_eq!(record.last_accepted.unwrap().import, again.id.key);
    ask(&stage, "retry", &again).await;
    import_of(&stage, "hr/2.csv", |import| import.state == State::Completed).await;
    assert_eq!(stage.service.ingestions().len(), 2);
    // A corrected mapping makes another package of the same file.
    let corrected = SAMPLE_CONNECTION.replace(
        "\"Organization\", \"type\": \"StringType\"",
        "\"Organization\", \"type\": \"String\"",
    );
    assert_ne!(corrected, SAMPLE_CONNECTION);
    stage.connect("hr", &corrected).await.unwrap();
    let import = imported(&stage, "hr/3.csv", file()).await;
    assert_eq!(import.state, State::Completed, "{}", why(&import));
}

#[tokio::test]
async fn a_full_refresh_undoes_no_newer_file_that_was_accepted_after_the_clock_was_set_back() {
    let days = 3 * 24 * 60 * 60;
    let mut world = World::with(&[To::Full, To::Changes], Duration::ZERO).await;
    world.advance(days);
    world.put(To::Full, "full/1.csv", Kind::Right).await;
    world.receive("full/1.csv").await;
    world.rest().await.unwrap();
    world.jump(-days);
    // Its event is lost, and the sweep finds it when a newer file was accepted.
    world.put(To::Full, "full/2.csv", Kind::Right).await;
    a_second_later().await;
    world.put(To::Changes, "changes/3.csv", Kind::Right).await;
    world.receive("changes/3.csv").await;
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
    let late = imports.iter().find(|import| import.source.name == "full/2.csv").unwrap();
    assert!(goes_back(late), "{}", why(late));
}
