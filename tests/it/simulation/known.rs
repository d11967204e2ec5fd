//! Histories that once violated an invariant, as they were found.

use viva_import::testbed::service::Call;

use super::operation::{
    Operation::{self, *},
    Says::*,
};
use crate::{
    proxy::Moment::*,
    world::{Kind::*, To::*},
};

/// A name, and what happened.
pub(super) const KNOWN: &[(&str, &[Operation])] = &[
    (
        "a read failed although the file is unchanged: superseded by nothing",
        &[Answer(14, 412), FileArrives { to: Full, kind: Right, event: true }],
    ),
    (
        "the program was away for three days before the first attempt: stuck without one",
        &[
            // Before the write with which the first attempt begins.
            PowerCut(10, Before),
            FileArrives { to: Full, kind: Right, event: false },
            Redeliver(0),
            Advance(259_200),
            Drive,
        ],
    ),
    (
        "a push without an answer, then an older file that stops it: it kept the slot",
        &[
            FileArrives { to: Builds, kind: Wrong, event: false },
            ServiceSays(NoId),
            FileArrives { to: Builds, kind: Right, event: true },
            Redeliver(1),
            Advance(60),
            Drive,
            FileArrives { to: Other, kind: Right, event: true },
            Drive,
        ],
    ),
    (
        "a token that was not accepted, then a push without an answer: it kept the slot",
        &[
            ExpireToken(Call::ScaleUnit, false),
            ExpireToken(Call::ScaleUnit, false),
            ServiceSays(NoId),
            FileArrives { to: Full, kind: Right, event: false },
        ],
    ),
    (
        "a push without an answer, then a 403 and a resume: two imports of a tenant had its slot",
        &[
            ServiceSays(NoId),
            FileArrives { to: Builds, kind: Right, event: true },
            ServiceSays(Forbidden),
            Advance(60),
            Drive,
            FileArrives { to: Other, kind: Right, event: true },
        ],
    ),
    (
        "a first success after a failure, and a later one: its row was removed while its connection named it",
        &[
            ServiceSays(Word("ValidationFailed")),
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Drive,
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Drive,
            Advance(60),
            Drive,
            FileArrives { to: Full, kind: Right, event: true },
            Advance(60),
            Drive,
            Advance(60),
            Drive,
            LongAfter { deleted: 0b10, days: 500 },
        ],
    ),
];
