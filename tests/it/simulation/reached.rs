//! The operations reach what they are for: a history in which nothing of the kind can happen proves nothing.

use futures::{StreamExt as _, stream};
use viva_import::import::OperatorAction::*;

use super::{
    AT_ONCE, ends,
    operation::{
        Operation::{self, *},
        Says::*,
    },
};
use crate::{
    proxy::Moment::*,
    world::{Kind::*, To::*},
};

/// What an import comes to, and a history in which one does.
const CASES: &[(&str, &[Operation])] = &[
    (
        "rejected by I05",
        &[
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Drive,
            FileArrives { to: Full, kind: Older, event: true },
        ],
    ),
    (
        "completed in spite of I05",
        &[
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Drive,
            FileArrives { to: Full, kind: Older, event: true },
            ApprovesAll,
        ],
    ),
    (
        "completed in spite of I05",
        &[
            ServiceSays(Word("ValidationFailed")),
            FileArrives { to: Changes, kind: Right, event: true },
            Advance(60),
            Drive,
            FileArrives { to: Changes, kind: Right, event: true },
            Advance(60),
            Drive,
            Advance(60),
            Drive,
            Asks(Retry, 1),
            Advance(60),
            Drive,
            ApprovesAll,
        ],
    ),
    (
        "removed long after",
        &[
            FileArrives { to: Changes, kind: Right, event: true },
            Advance(60),
            Drive,
            FileArrives { to: Changes, kind: Right, event: true },
            Advance(60),
            Drive,
            Advance(60),
            Drive,
            FileArrives { to: Changes, kind: Right, event: true },
            Advance(60),
            Drive,
            Advance(60),
            Drive,
            // The first one; the second one is still there.
            LongAfter { deleted: 0b101, days: 60 },
            LongAfter { deleted: 0, days: 500 },
            Sweep,
        ],
    ),
    (
        "completed",
        &[
            FileArrives { to: Full, kind: Right, event: false },
            Sweep,
            LoseMessages,
            Advance(60),
            Drive,
            LoseMessages,
        ],
    ),
    (
        "completed",
        &[
            PowerCutAtMessage(Before),
            FileArrives { to: Full, kind: Right, event: true },
            PowerCutAtMessage(After),
            Drive,
            RefuseMessage,
            Drive,
        ],
    ),
    (
        "completed",
        &[
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Message { file: 0, is_stale: false, deliveries: 3 },
            Message { file: 0, is_stale: true, deliveries: 2 },
        ],
    ),
];

/// The third request of a poll that is tried again reads the connection; the second one has counted the try.
fn never_ends() -> Vec<Operation> {
    let received = [FileArrives { to: Full, kind: Right, event: true }, Advance(3600)];
    let message = Message { file: 0, is_stale: false, deliveries: 2 };
    let tries = [PowerCut(3, Before), message].repeat(9);
    [&received[..], &tries].concat()
}

#[tokio::test]
async fn each_operation_reaches_what_it_is_for() {
    let never_ends = never_ends();
    let cases = CASES.iter().copied();
    let cases = cases.chain([("stuck because a step never ended", &never_ends[..])]);
    let tried = cases.map(async |(word, history)| (word, history, ends(history).await));
    let tried: Vec<_> = stream::iter(tried).buffer_unordered(AT_ONCE).collect().await;
    for (word, history, ends) in tried {
        let ends = ends.unwrap_or_else(|why| panic!("{history:?}: {why}"));
        assert!(ends.contains(&word), "{history:?} ends in {ends:?}, not in {word}");
    }
}
