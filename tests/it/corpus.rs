//! The fuzz targets' promises, held against the corpus and some thousand changes of it.

use std::{fs, panic, path::Path};

use crate::sample::Random;

#[expect(unreachable_pub, reason = "it is a library to the fuzz targets")]
#[path = "../fuzz/bodies.rs"]
pub(crate) mod bodies;

/// Changed seeds of each target.
const CHANGES: u64 = 2000;
/// What breaks files most often.
const TOKENS: [&[u8]; 16] = [
    b"\"",
    b",",
    b"\n",
    b"\r",
    b";",
    b"@",
    b"\0",
    b"\xFF",
    b"\xEF\xBB\xBF",
    b"{",
    b"}",
    b"\\u0000",
    b"\n\n",
    b"PK\x05\x06",
    b"\xFF\xFF\xFF\xFF",
    b"2026-05-04",
];

/// The seeds of a target with their names, in the order of these.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new("tests/fuzz/corpus").join(target);
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.display().to_string(), fs::read(&path).unwrap())
    };
    let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(read).collect();
    seeds.sort();
    seeds
}

/// Changes a few places: a byte, a token, a part cut out, doubled or taken from elsewhere.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            4 if !other.is_empty() => {
                let from = random.below(other.len());
                let to = (from + random.below(40)).min(other.len());
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            _ => drop(bytes.splice(at..at, random.one_of(&TOKENS).iter().copied())),
        }
    }
}

fn holds(body: bodies::Body, what: &str, bytes: &[u8]) {
    if panic::catch_unwind(|| body(bytes)).is_err() {
        let file = std::env::temp_dir().join(what.replace(['/', ' '], "-"));
        fs::write(&file, bytes).unwrap();
        panic!("{what} breaks a promise, see above; it is in {}", file.display());
    }
}

#[test]
fn the_corpus_and_its_changes_break_no_promise() {
    for (target, body) in bodies::BODIES {
        let seeds = seeds(target);
        assert!(seeds.len() >= 10, "{target} lacks its seeds");
        for (name, bytes) in &seeds {
            holds(body, name, bytes);
        }
        let mut random = Random(2026);
        for number in 0..CHANGES {
            let (name, mut bytes) = seeds[random.below(seeds.len())].clone();
            let (_, other) = &seeds[random.below(seeds.len())];
            change(&mut bytes, other, &mut random);
            holds(body, &format!("{name} change {number}"), &bytes);
        }
    }
}
