//! Histories that broke a law once, as they were found.

use super::operation::Operation::{self, *};
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
];
