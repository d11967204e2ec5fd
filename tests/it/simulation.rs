//! Whatever happens in whatever order: when the faults are over, every file comes to its end and
//! the laws of [`crate::world`] hold.
//!
//! `HISTORIES` says how many are tried and `SEED` which; each night a workflow tries many new ones.
#![expect(clippy::print_stdout, reason = "a long run says what it was")]

use std::{collections::BTreeMap, time::Instant};

use futures::{StreamExt as _, stream};
use proptest::{
    strategy::{Strategy as _, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::operation::{Operation, histories};
use crate::world::World;

mod known;
mod operation;

/// Histories at once: they wait more than they work.
const AT_ONCE: usize = 8;
/// Tries to find a shorter history that breaks a law, too.
const SHORTER: usize = 60;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

/// How the imports ended; or the law that is broken, and the story.
async fn ends(history: &[Operation]) -> Result<Vec<&'static str>, String> {
    let mut world = World::new().await;
    for operation in history {
        Box::pin(operation.happen(&mut world)).await;
    }
    let lawful = async {
        let imports = world.rest().await?;
        world.laws(&imports).await?;
        Ok::<_, String>(imports.iter().map(|import| <&str>::from(import.state)).collect())
    };
    match Box::pin(lawful).await {
        Ok(ends) => Ok(ends),
        Err(why) => Err(format!("{why}\n\n{}", world.story().await)),
    }
}

/// The shortest that still breaks a law, and which.
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
    format!("{history:?}\nbreaks a law: {why}")
}

#[tokio::test]
async fn every_known_history_keeps_the_laws() {
    let tried = known::KNOWN.iter().map(async |(name, history)| (name, ends(history).await));
    let tried: Vec<_> = stream::iter(tried).buffer_unordered(AT_ONCE).collect().await;
    for (name, ends) in tried {
        assert!(ends.is_ok(), "{name}: {}", ends.unwrap_err());
    }
}

#[tokio::test]
async fn whatever_happens_every_file_comes_to_its_end_and_the_laws_hold() {
    let (count, seed) = (number("HISTORIES", 50), number("SEED", 1));
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
                println!("{:?}\nbreaks a law: {why}", tree.current());
                found.push((tree, why));
            }
        }
    }
    let (time, broken) = (started.elapsed(), found.len());
    println!(
        "{count} histories of seed {seed} in {time:.0?}, {broken} break a law; ends: {tally:?}"
    );
    if let Some((tree, why)) = found.into_iter().next() {
        panic!("{}", shortened(tree, why).await);
    }
}
