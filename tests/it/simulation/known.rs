//! Histories that broke a law once, as they were found.

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
        "a read that was refused though the file is as it was: Superseded by nothing",
        &[Answer(11, 412), FileArrives { to: Full, kind: Right, event: true }],
    ),
    (
        "the program was away for three days before the first try: Stuck without one",
        &[
            PowerCut(5, Before),
            FileArrives { to: Full, kind: Right, event: false },
            Redeliver(0),
            Advance(259_200),
            Drive,
        ],
    ),
    (
        "a push that was not answered, then an older file that stops it: it kept the place",
        &[
            FileArrives { to: Builds, kind: Wrong, event: false },
            ServiceSays(NoId),
            FileArrives { to: Builds, kind: Right, event: true },
            Redeliver(0),
            Advance(60),
            Drive,
            FileArrives { to: Other, kind: Right, event: true },
            Drive,
        ],
    ),
    (
        "a token that was not accepted, then a push that was not answered: it kept the place",
        &[
            ExpireToken(Call::ScaleUnit, false),
            ExpireToken(Call::ScaleUnit, false),
            ServiceSays(NoId),
            FileArrives { to: Full, kind: Right, event: false },
        ],
    ),
    (
        "a push that was not answered, then a 403 and a resume: two of a tenant had its one place",
        &[
            ServiceSays(NoId),
            FileArrives { to: Builds, kind: Right, event: true },
            ServiceSays(Forbidden),
            Advance(60),
            Drive,
            FileArrives { to: Other, kind: Right, event: true },
        ],
    ),
];
