//! The files the demo drops: a good one, and three as they happen.

use super::SAMPLE_CSV;
use crate::import::State;

/// Lines of the sample that the truncated file has.
const TRUNCATED_LINES: usize = 40;

/// A file to drop.
pub(super) struct Dropped {
    pub(super) name: String,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    pub(super) content: Vec<u8>,
    /// How often the service is busy when it comes.
    pub(super) busy: u32,
    /// How its import ends.
    pub(super) end: State,
}

/// The sample under this name.
pub(super) fn sample(name: &str) -> Dropped {
    Dropped {
        name: name.to_owned(),
        about: "all is right with it",
        content: SAMPLE_CSV.as_bytes().to_vec(),
        busy: 0,
        end: State::Completed,
    }
}

/// The four: good, bad, busy, truncated.
pub(super) fn four() -> Vec<Dropped> {
    let truncated: String = SAMPLE_CSV.split_inclusive('\n').take(TRUNCATED_LINES).collect();
    vec![
        sample("good.csv"),
        Dropped {
            about: "somebody has edited it by hand",
            content: bad().into_bytes(),
            end: State::Rejected,
            ..sample("bad.csv")
        },
        Dropped { about: "the service is busy when it comes", busy: 2, ..sample("busy.csv") },
        Dropped {
            about: "the export broke off, and a full refresh deletes whoever is missing",
            content: truncated.into_bytes(),
            end: State::Rejected,
            ..sample("truncated.csv")
        },
    ]
}

/// The sample as a hand leaves it: dates another way round, words for numbers, an address cut off.
fn bad() -> String {
    let lines = SAMPLE_CSV.split_inclusive('\n').enumerate();
    lines
        .map(|(place, line)| match place {
            6 => line.replacen("08/01/2026", "2026-13-08", 1),
            11 | 12 => line.replacen(".50,", " per hour,", 1),
            20 => line.replacen("@contoso.com", "@", 1),
            _ => line.to_owned(),
        })
        .collect()
}
