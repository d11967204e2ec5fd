//! Random events in random order: after the last fault, every file comes to its end and the invariants of
//! [`crate::world`] hold.
//!
//! `HISTORIES` is the number of tries and `SEED` selects them; a workflow tries many new ones each night.
#![expect(clippy::print_stdout, reason = "a long run says what it was")]

use std::{collections::BTreeMap, time::Instant};

use futures::{StreamExt as _, stream};
use proptest::{
    strategy::{Strategy as _, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::{generate::histories, operation::Operation};
use viva_import::{
    import::{Import, State, reason::ReasonCode},
    messages,
    schema::Id,
};

use crate::world::World;

mod generate;
mod known;
mod operation;
mod reached;

/// Histories that run at once: they mostly wait.
const AT_ONCE: usize = 8;
/// The most attempts to find a shorter history that also violates an invariant.
const SHORTER: usize = 60;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

/// What happened to the imports; or the invariant that is violated, with the details.
async fn ends(history: &[Operation]) -> Result<Vec<&'static str>, String> {
    let mut world = World::new().await;
    for operation in history {
        Box::pin(operation.happen(&mut world)).await;
    }
    let checked = async {
        let imports = world.rest().await?;
        world.check(&imports).await?;
        Ok::<_, String>(imports.iter().flat_map(words).chain(world.removals()).collect())
    };
    match Box::pin(checked).await {
        Ok(ends) => Ok(ends),
        Err(why) => Err(format!("{why}\n\n{}", world.details().await)),
    }
}

/// The end of an import, and whether it was approved although it is older than what the service had.
fn words(import: &Import) -> impl Iterator<Item = &'static str> {
    let is_rejected = import.state == State::Rejected && messages::status(import).contains("I05");
    let approval = import.approval.as_ref().filter(|approval| approval.names(Id::I05));
    let is_completed = import.state == State::Completed && approval.is_some();
    let never_ended = import.code() == Some(ReasonCode::StepNeverEnded);
    let more = [
        is_rejected.then_some("rejected by I05"),
        is_completed.then_some("completed in spite of I05"),
        never_ended.then_some("stuck because a step never ended"),
    ];
    [Some(import.state.into())].into_iter().chain(more).flatten()
}

/// The shortest history that still violates an invariant, and which.
async fn shortened(mut tree: impl ValueTree<Value = Vec<Operation>>, why: String) -> String {
    let mut found = (tree.current(), why);
    for _ in 0..SHORTER {
        if !tree.simplify() {
            break;
        }
        let shorter = tree.current();
        match ends(&shorter).await {
            Err(why) => found = (shorter, why),
            Ok(_) if tree.complicate() => {}
            Ok(_) => break,
        }
    }
    let (history, why) = found;
    format!("{history:?}\nviolates an invariant: {why}")
}

#[test]
fn the_workflow_of_each_night_names_the_test_of_many_histories() {
    let workflow = include_str!("../../.github/workflows/histories.yml");
    // Cargo runs no test, and succeeds, if a name has changed.
    assert!(workflow.contains("--test it simulation::after_any_history -- "), "{workflow}");
}

#[tokio::test]
async fn every_known_history_keeps_the_invariants() {
    let tried = known::KNOWN.iter().map(async |(name, history)| (name, ends(history).await));
    let tried: Vec<_> = stream::iter(tried).buffer_unordered(AT_ONCE).collect().await;
    for (name, ends) in tried {
        assert!(ends.is_ok(), "{name}: {}", ends.unwrap_err());
    }
}

#[tokio::test]
async fn after_any_history_every_file_comes_to_its_end_and_the_invariants_hold() {
    let (count, seed) = (number("HISTORIES", 40), number("SEED", 1));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(seed as u64).to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let started = Instant::now();
    let trees = (0..count).map(|_| histories().new_tree(&mut runner).unwrap());
    let tried = trees.map(async |tree| (ends(&tree.current()).await, tree));
    let mut tried = stream::iter(tried).buffer_unordered(AT_ONCE);
    let (mut found, mut tally) = (vec![], BTreeMap::new());
    while let Some((ends, tree)) = tried.next().await {
        match ends {
            Ok(ends) => ends.into_iter().for_each(|end| *tally.entry(end).or_insert(0) += 1),
            Err(why) => {
                println!("{:?}\nviolates an invariant: {why}", tree.current());
                found.push((tree, why));
            }
        }
    }
    let (time, violations) = (started.elapsed(), found.len());
    println!(
        "{count} histories of seed {seed} in {time:.0?}, {violations} violations; ends: {tally:?}"
    );
    if let Some((tree, why)) = found.into_iter().next() {
        panic!("{}", shortened(tree, why).await);
    }
}
