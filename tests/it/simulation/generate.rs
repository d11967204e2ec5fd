//! Which histories are tried.

use proptest::{prelude::*, sample::select};
use viva_import::import::OperatorAction;

use super::operation::{CALLS, Operation, Says};
use crate::{
    proxy::Moment,
    world::{Kind, To, Wrong},
};

/// The lists of operations: single ones, and some in an order that seldom comes by chance.
pub(super) fn histories() -> impl Strategy<Value = Vec<Operation>> {
    let single = operation().prop_map(|operation| vec![operation]);
    let part =
        prop_oneof![40 => single, 1 => overtaken(), 1 => late_full(), 1 => ends_the_program()];
    prop::collection::vec(part, 3..=24).prop_map(|parts| parts.concat())
}

/// The service rejects a file, accepts a newer one of the same connection, and an operator retries the first.
fn overtaken() -> impl Strategy<Value = Vec<Operation>> {
    (select(&To::ALL[..]), any::<bool>()).prop_map(|(to, is_approved)| {
        let arrives = Operation::FileArrives { to, kind: Kind::Right, event: true };
        let later = [Operation::Advance(60), Operation::Drive];
        let mut all = vec![Operation::ServiceSays(Says::Word("ValidationFailed")), arrives];
        all.extend(later);
        all.push(arrives);
        all.extend(later);
        all.extend([Operation::Asks(OperatorAction::Retry, 1), Operation::Drive]);
        all.extend(is_approved.then_some(Operation::ApprovesAll));
        all
    })
}

/// The event of a full refresh arrives after incremental files of the same lane were accepted, or after a full refresh
/// with a later snapshot.
fn late_full() -> impl Strategy<Value = Vec<Operation>> {
    let lanes = vec![(To::Full, To::Changes), (To::Other, To::Builds)];
    (select(lanes), any::<bool>(), any::<bool>()).prop_map(
        |((full, changes), is_late, is_approved)| {
            let kind = if is_late { Kind::Right } else { Kind::Older };
            let late = Operation::FileArrives { to: full, kind, event: !is_late };
            let to = if is_late { changes } else { full };
            let other = Operation::FileArrives { to, kind: Kind::Right, event: true };
            let mut all = if is_late { vec![late, other] } else { vec![other] };
            all.extend([Operation::Advance(60), Operation::Drive]);
            all.push(if is_late { Operation::Redeliver(1) } else { late });
            all.extend(is_approved.then_some(Operation::ApprovesAll));
            all
        },
    )
}

/// A file ends the program again and again.
fn ends_the_program() -> impl Strategy<Value = Vec<Operation>> {
    (4..14_usize, 1..6_usize).prop_map(|(k, times)| {
        let once =
            [Operation::PowerCut(k, Moment::Before), Operation::Drive, Operation::Advance(900)];
        once.repeat(times)
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => customer(),
        6 => timer(),
        3 => line(),
        2 => service(),
    ]
}

fn customer() -> impl Strategy<Value = Operation> {
    let to = || select(&To::ALL[..]);
    let action = select(
        &[
            OperatorAction::Approve,
            OperatorAction::Retry,
            OperatorAction::Cancel,
            OperatorAction::Resume,
        ][..],
    );
    let kind = prop_oneof![
        6 => Just(Kind::Right),
        2 => Just(Kind::Narrow),
        2 => Just(Kind::Older),
        1 => Just(Kind::Wrong),
    ];
    prop_oneof![
        6 => (to(), kind, prop::bool::weighted(0.8))
            .prop_map(|(to, kind, event)| Operation::FileArrives { to, kind, event }),
        2 => to().prop_map(Operation::FileArrivesWhileDriven),
        1 => (0..8_usize, any::<bool>())
            .prop_map(|(file, event)| Operation::ReplaceFile { file, event }),
        1 => (0..8_usize).prop_map(Operation::DeleteFile),
        2 => (action, 0..8_usize).prop_map(|(action, file)| Operation::Asks(action, file)),
        1 => Just(Operation::ApprovesAll),
        1 => (0..8_usize).prop_map(Operation::Redeliver),
        1 => (to(), select(&Wrong::ALL[..])).prop_map(|(to, wrong)| Operation::Breaks(to, wrong)),
        1 => to().prop_map(Operation::Corrects),
    ]
}

fn timer() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => Just(Operation::Drive),
        2 => Just(Operation::DriveTwiceAtOnce),
        2 => (0..8_usize, any::<bool>(), 1..=3_u32)
            .prop_map(|(file, is_stale, deliveries)| Operation::Message { file, is_stale, deliveries }),
        1 => Just(Operation::LoseMessages),
        1 => Just(Operation::Sweep),
        1 => Just(Operation::SweepWhileDriven),
        // Blobs have the date of this machine, which may be later than that of the world.
        1 => (any::<u8>(), select(&[60, 500][..]))
            .prop_map(|(deleted, days)| Operation::LongAfter { deleted, days }),
        4 => select(&[30, 60, 300, 400, 900, 3600, 86_400, 259_200][..]).prop_map(Operation::Advance),
        1 => select(&[-259_200, -3600, -60, 3600, 259_200][..]).prop_map(Operation::ClockJumps),
    ]
}

fn line() -> impl Strategy<Value = Operation> {
    let k = || prop_oneof![2 => 1..12_usize, 1 => 1..50_usize];
    let status = select(&[409, 412, 429, 503][..]);
    let moment = || select(&[Moment::Before, Moment::After][..]);
    prop_oneof![
        1 => k().prop_map(Operation::LoseRequest),
        2 => k().prop_map(Operation::LoseAnswer),
        1 => (k(), status).prop_map(|(k, status)| Operation::Answer(k, status)),
        1 => k().prop_map(Operation::CutMidBody),
        3 => (k(), moment()).prop_map(|(k, moment)| Operation::PowerCut(k, moment)),
        2 => moment().prop_map(Operation::PowerCutAtMessage),
        1 => Just(Operation::RefuseMessage),
    ]
}

fn service() -> impl Strategy<Value = Operation> {
    let call = || select(&CALLS[..]);
    let words = ["ValidationFailed", "Suspended", "ExtractionCompleted"];
    let says = prop_oneof![
        2 => Just(Says::Busy),
        1 => Just(Says::Throttled),
        1 => call().prop_map(Says::Failing),
        1 => Just(Says::NoId),
        2 => Just(Says::AcceptedAndCut),
        1 => Just(Says::Forbidden),
        2 => select(words.to_vec()).prop_map(Says::Word),
    ];
    prop_oneof![
        1 => (call(), any::<bool>()).prop_map(|(call, page)| Operation::ExpireToken(call, page)),
        4 => says.prop_map(Operation::ServiceSays),
        1 => (call(), any::<bool>())
            .prop_map(|(call, forbidden)| Operation::Refuses(call, forbidden)),
        1 => Just(Operation::LetsIn),
    ]
}
