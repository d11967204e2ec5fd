//! The power goes at every single request of an import. `line` tests other faults there.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use viva_import::{
    import::{Import, State, reason::ReasonCode},
    messages,
};

use crate::{
    proxy::{Fault, Moment, Seen, Upstream},
    world::{Kind, ONE_POLL, To, World},
};

mod binary;

/// Histories that run at once: they mostly wait.
const AT_ONCE: usize = 8;

/// One file, or an incremental pair, from its event to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    OneFull,
    IncrementalPair,
}

impl Engine {
    async fn world(self) -> World {
        match self {
            Self::OneFull => World::with(&[To::Full], ONE_POLL).await,
            Self::IncrementalPair => World::with(&[To::Changes], Duration::ZERO).await,
        }
    }

    async fn run(self, world: &mut World) -> Result<(), String> {
        let (to, names): (_, &[&str]) = match self {
            Self::OneFull => (To::Full, &["full/a.csv"]),
            Self::IncrementalPair => (To::Changes, &["changes/a.csv", "changes/b.csv"]),
        };
        for name in names {
            world.put(to, name, Kind::Right).await;
            world.receive(name).await;
        }
        // Planned faults happen on the way to rest, too.
        let imports = world.rest_with_faults().await?;
        world.check(&imports).await?;
        // An error of the service is not retried; no other error may look like one.
        let errors = world.proxy.seen().into_iter().filter(|seen| {
            seen.upstream == Upstream::Service
                && matches!(seen.fault, Some(Fault::Answer(400..500, _)))
        });
        let has_error = errors.count() > 0;
        let is_stopped = |import: &Import| {
            let codes = [ReasonCode::ServiceRefused, ReasonCode::TokenRejected];
            has_error && import.code().is_some_and(|code| codes.contains(&code))
        };
        let is_right = |import: &Import| import.state == State::Completed || is_stopped(import);
        match imports.iter().find(|import| !is_right(import)) {
            Some(import) => Err(format!(
                "{} is not completed: {}",
                import.source.name,
                messages::status(import)
            )),
            None if imports.len() == names.len() => Ok(()),
            None => Err("there are more imports than files".to_owned()),
        }
    }

    /// The numbers of the requests of a run without faults. For the run that meets every fault, without the
    /// requests at which `fault` is the same as another fault.
    async fn requests(self, fault: &Fault) -> Vec<usize> {
        let mut world = self.world().await;
        self.run(&mut world).await.unwrap();
        let seen = world.proxy.seen().into_iter();
        let is_met = |seen: &Seen| self != Self::OneFull || is_of_its_own(fault, seen);
        seen.filter(is_met).map(|seen| seen.number).collect()
    }

    /// Lets every request meet `fault`, each in a world of its own.
    pub(crate) async fn every_request_meets(self, fault: Fault) {
        let requests = Box::pin(self.requests(&fault)).await;
        let runs = requests.into_iter().map(|number| {
            let fault = fault.clone();
            async move {
                let mut world = self.world().await;
                world.proxy.after(number, fault.clone());
                let result = Box::pin(self.run(&mut world)).await;
                let why = result.err()?;
                let details = world.details().await;
                Some(format!("{self:?}, {fault:?} at request {number}: {why}\n{details}"))
            }
        });
        let broken = stream::iter(runs).buffer_unordered(AT_ONCE).filter_map(async |why| why);
        let broken: Vec<String> = Box::pin(broken.collect()).await;
        assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    }
}

/// Whether a fault at this request differs from one that is tested there anyway. A read changes nothing, so a
/// lost answer to a read is a lost request; and half of an empty body is a lost answer.
fn is_of_its_own(fault: &Fault, seen: &Seen) -> bool {
    let reads = seen.upstream != Upstream::Service && ["GET", "HEAD"].contains(&&*seen.method);
    match fault {
        Fault::PowerCut(Moment::After) | Fault::LoseAnswer => !reads,
        Fault::CutMidBody => seen.answer.as_ref().is_some_and(|answer| !answer.body.is_empty()),
        Fault::PowerCut(Moment::Before)
        | Fault::LoseRequest
        | Fault::CutMidRequest
        | Fault::Answer(..)
        | Fault::Delay(_)
        | Fault::Hang => true,
    }
}

#[tokio::test]
async fn the_power_may_go_before_any_request() {
    Engine::OneFull.every_request_meets(Fault::PowerCut(Moment::Before)).await;
}

#[tokio::test]
async fn the_power_may_go_after_any_request_and_before_its_answer() {
    Engine::OneFull.every_request_meets(Fault::PowerCut(Moment::After)).await;
}

#[tokio::test]
async fn the_power_may_go_at_any_request_of_two_files_that_keep_their_order() {
    Engine::IncrementalPair.every_request_meets(Fault::PowerCut(Moment::After)).await;
}
