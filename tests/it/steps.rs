//! Steps by queue: what hangs or ends the process delays nobody else, and a message that is lost, doubled or invalid
//! does no harm.

use std::time::Duration;

use azure_storage_queue::models::QueueMessage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::join_all;
use viva_import::{
    config::{PACKAGES, STEPS, STEPS_POISON},
    engine::StepMessage,
    import::{Import, OperatorAction, State, reason::ReasonCode},
    storage::import_table::properties,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        service::{Call, ServiceFault},
    },
};

use crate::{
    proxy::{Fault, Moment, Seen, Upstream},
    stage::{GOOD_CSV, ended, log, peeked, stage, until},
    world::{Kind, To, World},
};

/// The tenants whose push hangs. The host runs 16 steps at once.
const HANGING: usize = 12;
const OTHERS: usize = 6;

async fn connect(stage: &Stage, number: usize) -> String {
    let name = format!("t{number:02}");
    let document = SAMPLE_CONNECTION.replace("c0d1e2f3a4b5", &format!("c0d1e2f3a4{number:02}"));
    stage.connect(&name, &document).await.unwrap();
    format!("{name}/a.csv")
}

#[tokio::test]
async fn twelve_pushes_that_hang_delay_no_other_tenant() {
    let stage = stage(&[]).await;
    for _ in 0..HANGING {
        stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    }
    for number in 0..HANGING {
        let file = connect(&stage, number).await;
        stage.arrive(&file, GOOD_CSV.into()).await.unwrap();
    }
    let pushing = async || {
        let imports = stage.imports().await.unwrap();
        imports.iter().filter(|import| import.state == State::Pushing).count()
    };
    until("all of them to hang", async || (pushing().await == HANGING).then_some(())).await;
    let mut files = vec![];
    for number in HANGING..HANGING + OTHERS {
        let file = connect(&stage, number).await;
        stage.arrive(&file, GOOD_CSV.into()).await.unwrap();
        files.push(file);
    }
    let others = join_all(files.iter().map(|file| ended(&stage, file))).await;
    assert!(others.iter().all(|import| import.state == State::Completed));
    assert_eq!(pushing().await, HANGING, "the others still hang");
    stage.service.release();
    for number in 0..HANGING {
        let import = ended(&stage, &format!("t{number:02}/a.csv")).await;
        assert_eq!(import.state, State::Completed);
    }
}

#[tokio::test]
async fn a_message_that_is_invalid_stale_or_of_a_deleted_row_does_no_harm() {
    let stage = stage(&[("AzureFunctionsJobHost__extensions__queues__maxDequeueCount", "2")]).await;
    let import = {
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        ended(&stage, "hr/a.csv").await
    };
    let (tenant, key) = (import.id.tenant.clone(), import.id.key.clone());
    let queue = stage.queue(STEPS).unwrap();
    for message in [
        serde_json::json!({ "tenant": tenant, "key": key, "step": 0 }),
        serde_json::json!({ "tenant": tenant, "key": "1-deleted", "step": 0 }),
        serde_json::json!({ "step": "all" }),
        serde_json::json!("not one of ours"),
    ] {
        let text = STANDARD.encode(message.to_string());
        let message = QueueMessage { message_text: Some(text) };
        queue.send_message(message.try_into().unwrap(), None).await.unwrap();
    }
    until("the message that is no object in the other queue", async || {
        (peeked(&stage, STEPS_POISON).await > 0).then_some(())
    })
    .await;
    stage.host.timer("advance", false).await;
    assert!(log(&stage).contains("Messages deleted from the queue steps-poison: 1"));
    until("the others to be skipped", async || {
        log(&stage).contains("Skipped an invalid message in the steps queue").then_some(())
    })
    .await;
    assert_eq!(ended(&stage, "hr/a.csv").await, import, "nothing has changed");
    assert_eq!(stage.service.ingestions().len(), 1);
}

fn message_of(import: &Import) -> StepMessage {
    let (tenant, key) = (import.id.tenant.clone(), import.id.key.clone());
    StepMessage { tenant, key, step: import.step }
}

async fn of(world: &World, name: &str) -> Import {
    let imports = world.imports().await;
    imports.into_iter().find(|import| import.source.name == name).unwrap()
}

fn is_poll(seen: &Seen) -> bool {
    seen.upstream == Upstream::Service && seen.method == "GET"
}

/// Whether a pack reads `full/a.csv`.
fn is_suspect_read(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path.contains("/inbox/full")
}

/// A world, an import that has ended the program twice, and one that has just been received.
async fn with_suspect() -> (World, Import, Import) {
    let mut world = World::with(&[To::Full, To::Other], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.sweep().await;
    for _ in 0..2 {
        world.proxy.next(is_suspect_read, Fault::PowerCut(Moment::Before));
        world.drive().await;
        world.advance(3600);
    }
    let suspect = of(&world, "full/a.csv").await;
    assert_eq!((suspect.state, suspect.tries), (State::Received, 2));
    world.put(To::Other, "other/a.csv", Kind::Right).await;
    world.sweep().await;
    let neighbour = of(&world, "other/a.csv").await;
    assert_eq!(neighbour.state, State::Received);
    (world, suspect, neighbour)
}

#[tokio::test]
async fn a_lost_message_is_sent_by_the_timer_and_not_again_before_a_quarter_of_an_hour() {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    // The row is written, and its message is not delivered.
    world.sweep().await;
    let engine = world.engine(0);
    assert_eq!(engine.advance().await.unwrap(), 0, "the message may still come");
    for (minutes, sent) in [(2, 1), (5, 0), (5, 0), (6, 1)] {
        world.advance(minutes * 60);
        assert_eq!(engine.advance().await.unwrap(), sent, "after {minutes} minutes");
    }
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
}

#[tokio::test]
async fn an_import_whose_row_was_deleted_by_hand_keeps_nobody_waiting() {
    let mut world = World::with(&[To::Changes], Duration::ZERO).await;
    world.put(To::Changes, "changes/1.csv", Kind::Right).await;
    world.sweep().await;
    let older = world.imports().await.remove(0);
    world.put(To::Changes, "changes/2.csv", Kind::Right).await;
    world.sweep().await;
    world.delete("changes/1.csv").await;
    let mut row = properties(&older);
    row.retain(|column, _| column == "PartitionKey" || column == "RowKey");
    world.storage.imports.delete(&row, &"*".into()).await.unwrap();
    let imports = world.rest().await.unwrap();
    let names: Vec<_> = imports.iter().map(|import| (&*import.source.name, import.state)).collect();
    assert_eq!(names, [("changes/2.csv", State::Completed)]);
    assert!(world.engine(0).imports().live().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_zip_that_was_staged_when_the_program_ended_is_deleted_after_a_cancellation() {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.sweep().await;
    let received = of(&world, "full/a.csv").await;
    let is_staged = |seen: &Seen| seen.method == "PUT" && seen.path.contains("/packages/");
    world.proxy.next(is_staged, Fault::PowerCut(Moment::After));
    world.deliver(&received, 1).await;
    let staged = async |world: &World| world.storage.blobs.list(PACKAGES, "").await.unwrap().len();
    assert_eq!(staged(&world).await, 1);
    world.ask(OperatorAction::Cancel, 0).await;
    assert_eq!(world.rest().await.unwrap()[0].state, State::Cancelled);
    assert_eq!(staged(&world).await, 0);
}

#[tokio::test]
async fn of_many_messages_for_one_step_one_takes_it() {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.sweep().await;
    let engine = world.engine(0);
    let message = message_of(&world.imports().await[0]);
    for taken in join_all((0..5).map(|_| engine.take_step(&message, 1))).await {
        taken.unwrap();
    }
    engine.take_step(&message, 1).await.unwrap();
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
    assert_eq!(world.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_file_that_ends_the_program_each_time_is_stuck_in_the_end_and_its_neighbour_completes() {
    let mut world = World::with(&[To::Full, To::Other], Duration::ZERO).await;
    for (to, name) in [(To::Full, "full/a.csv"), (To::Other, "other/a.csv")] {
        world.put(to, name, Kind::Right).await;
    }
    world.sweep().await;
    for tries in 1..=8 {
        world.proxy.next(is_suspect_read, Fault::PowerCut(Moment::Before));
        // Later tries wait until no other step runs in the process.
        for _ in 0..5 {
            if of(&world, "full/a.csv").await.tries < tries {
                world.drive().await;
            }
        }
        assert_eq!(of(&world, "full/a.csv").await.tries, tries);
        world.advance(3600);
    }
    // So does the one that ends it.
    for _ in 0..5 {
        if !of(&world, "full/a.csv").await.state.is_end() {
            world.drive().await;
        }
    }
    let stuck = of(&world, "full/a.csv").await;
    let code = stuck.code();
    assert_eq!((stuck.state, code), (State::Stuck, Some(ReasonCode::StepNeverEnded)));
    world.proxy.clear();
    for _ in 0..5 {
        world.advance(60);
        world.drive().await;
    }
    assert_eq!(of(&world, "other/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_step_that_was_tried_often_runs_alone_and_lets_the_others_finish_first() {
    let (world, suspect, neighbour) = with_suspect().await;
    let is_other = |seen: &Seen| seen.method == "GET" && seen.path.contains("/inbox/other");
    world.proxy.next(is_other, Fault::Hang);
    let engine = world.engine(0);
    let neighbours = message_of(&neighbour);
    let beside = async {
        until("the neighbour to be read", async || {
            let seen = world.proxy.seen();
            seen.iter().any(|seen| matches!(seen.fault, Some(Fault::Hang))).then_some(())
        })
        .await;
        engine.take_step(&message_of(&suspect), 1).await.unwrap();
        let same = of(&world, "full/a.csv").await;
        assert_eq!((same.tries, same.attempts), (suspect.tries, suspect.attempts));
        world.proxy.release();
    };
    let (taken, ()) = tokio::join!(engine.take_step(&neighbours, 1), beside);
    taken.unwrap();
    engine.take_step(&message_of(&suspect), 1).await.unwrap();
    assert_eq!(of(&world, "full/a.csv").await.tries, 0, "it ended");
}

#[tokio::test]
async fn a_poll_that_ends_the_program_runs_alone_from_the_third_try_and_is_stuck_in_the_end() {
    let mut world = World::with(&[To::Full], Duration::from_mins(1)).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.receive("full/a.csv").await;
    let polled = of(&world, "full/a.csv").await;
    assert_eq!((polled.state, polled.tries), (State::Ingesting, 0));
    world.advance(3600);
    // As often as the host counts, and then by a message that `advance` has sent.
    for (deliveries, tries) in [(1, 0), (2, 2), (3, 3), (1, 4), (2, 5), (1, 6), (1, 7), (1, 8)] {
        world.proxy.next(is_poll, Fault::PowerCut(Moment::Before));
        world.deliver(&polled, deliveries).await;
        let import = of(&world, "full/a.csv").await;
        assert_eq!((import.state, import.step), (State::Ingesting, polled.step));
        assert_eq!(import.tries, tries);
    }
    world.deliver(&polled, 1).await;
    let stuck = of(&world, "full/a.csv").await;
    assert_eq!((stuck.state, stuck.code()), (State::Stuck, Some(ReasonCode::StepNeverEnded)));
    world.proxy.clear();
    let imports = world.rest().await.unwrap();
    assert_eq!(imports[0].state, State::Stuck);
}

#[tokio::test]
async fn a_message_that_was_delivered_again_because_storage_failed_counts_no_try() {
    let mut world = World::with(&[To::Full], Duration::from_mins(1)).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.receive("full/a.csv").await;
    let polled = of(&world, "full/a.csv").await;
    world.advance(3600);
    for deliveries in 1..=9 {
        world.proxy.next(|seen| seen.upstream == Upstream::Table, Fault::Answer(403, None));
        world.deliver(&polled, deliveries).await;
    }
    world.proxy.clear();
    assert_eq!(of(&world, "full/a.csv").await, polled);
    // The one that reaches the row is the second try, as far as anybody knows.
    world.proxy.next(is_poll, Fault::PowerCut(Moment::Before));
    world.deliver(&polled, 10).await;
    let import = of(&world, "full/a.csv").await;
    assert_eq!((import.state, import.tries), (State::Ingesting, 2));
}

#[tokio::test]
async fn a_message_that_the_timer_could_not_send_is_sent_by_its_next_run() {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.sweep().await;
    world.advance(120);
    let (engine, queue) = (world.engine(0), world.queue(STEPS));
    queue.delete(None).await.unwrap();
    assert!(engine.advance().await.is_err(), "there is no queue");
    queue.create(None).await.unwrap();
    world.advance(300);
    assert_eq!(engine.advance().await.unwrap(), 1);
}

#[tokio::test]
async fn the_push_after_a_pack_that_ran_alone_keeps_nobody_waiting() {
    let (world, suspect, neighbour) = with_suspect().await;
    world
        .proxy
        .next(|seen| seen.upstream == Upstream::Service && seen.method == "POST", Fault::Hang);
    let engine = world.engine(0);
    let pushed = async {
        engine.take_step(&message_of(&suspect), 1).await.unwrap();
        // As the host delivers the next message.
        engine.take_step(&message_of(&of(&world, "full/a.csv").await), 1).await.unwrap();
    };
    let beside = async {
        until("the push to begin", async || {
            (of(&world, "full/a.csv").await.state == State::Pushing).then_some(())
        })
        .await;
        engine.take_step(&message_of(&neighbour), 1).await.unwrap();
        let state = of(&world, "other/a.csv").await.state;
        assert_ne!(state, State::Received, "the neighbour was read while the push hangs");
        world.proxy.release();
    };
    tokio::join!(pushed, beside);
}
