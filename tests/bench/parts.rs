//! The speed of the parts, for an export of 20 MB in memory: `cargo bench`.
//!
//! `tests/bench/beside.py` measures the time and memory of the whole, compared with other programs.

use std::{
    hint::black_box,
    io::{self, Write as _},
    sync::LazyLock,
};

use csv::{ByteRecord, ReaderBuilder};
use divan::{Bencher, counter::BytesCount};
use sha2::{Digest as _, Sha256};
use viva_import::{
    check::{Check, CheckOptions, Day},
    connection::Connection,
    package::{Deflate, LEVEL, check_and_copy, check_and_list, check_and_zip},
    schema::{Limits, Unmapped},
};

use crate::sample::{Form, Sample};
use viva_import::schema;

#[path = "../sample/mod.rs"]
mod sample;

const BYTES: u64 = 20_000_000;

/// The export, and the options that accept it.
static EXPORT: LazyLock<(Vec<u8>, CheckOptions)> = LazyLock::new(|| {
    let mut export = vec![];
    Sample::of_bytes(BYTES).write(&mut export).unwrap_or_else(|_| unreachable!("a Vec takes all"));
    let connection = Connection::parse("hr", Form::default().connection().as_bytes());
    let connection = connection.unwrap_or_else(|faults| panic!("{}", schema::sentence(&faults)));
    let limits = Limits {
        max_file_bytes: u64::MAX,
        max_people_bytes: u64::MAX,
        max_shrink_percent: 10,
        max_days_back: 7,
        unmapped: Unmapped::Refuse,
    };
    let today = Day::from(time::macros::date!(2026 - 11 - 23));
    (export, connection.check_options(&limits, today))
});

fn main() {
    // Enough to see a change, in a minute or two. `--sample-count` changes it.
    divan::Divan::default().sample_count(10).config_with_args().main();
}

/// Measures a function of the export.
fn of_export(bencher: Bencher, work: impl Fn(&[u8], &CheckOptions) + Sync) {
    let (export, options) = &*EXPORT;
    bencher.counter(BytesCount::new(export.len())).bench(|| work(export, options));
}

/// For comparison: the csv crate reads the same records, without any check.
#[divan::bench]
fn csv_crate(bencher: Bencher) {
    of_export(bencher, |export, _| {
        let mut reader = ReaderBuilder::new().from_reader(export);
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).is_ok_and(|is_one| is_one) {
            black_box(&record);
        }
    });
}

#[divan::bench]
fn check(bencher: Bencher) {
    of_export(bencher, |export, options| {
        let report = Check::open(export, options).and_then(Check::finish);
        assert!(report.is_ok_and(|report| report.is_accepted()));
    });
}

#[divan::bench(args = [1, 2, 3, 4, 5, 6, 9])]
fn deflate_on_one_core(bencher: Bencher, level: u32) {
    of_export(bencher, |export, _| deflate_with(export, level, 1));
}

#[divan::bench(args = [1, 2, 4])]
fn deflate_on_cores(bencher: Bencher, workers: usize) {
    of_export(bencher, |export, _| deflate_with(export, LEVEL, workers));
}

fn deflate_with(export: &[u8], level: u32, workers: usize) {
    let mut deflate = Deflate::new(io::sink(), level, workers);
    assert!(deflate.write_all(export).and_then(|()| deflate.finish()).is_ok());
}

#[divan::bench]
fn sha256_of_a_zip(bencher: Bencher) {
    let (export, _) = &*EXPORT;
    let zip = &export[..export.len() / 5];
    bencher.counter(BytesCount::new(zip.len())).bench(|| Sha256::digest(zip));
}

#[divan::bench]
fn check_and_pack_a_zip(bencher: Bencher) {
    of_export(bencher, |export, options| {
        let report = check_and_zip(export, io::sink(), options);
        assert!(report.is_ok_and(|report| report.is_accepted()));
    });
}

#[divan::bench]
fn check_and_copy_rows(bencher: Bencher) {
    of_export(bencher, |export, options| {
        assert!(check_and_copy(export, io::sink(), options).is_ok());
    });
}

#[divan::bench]
fn check_and_list_rows_as_json(bencher: Bencher) {
    of_export(bencher, |export, options| {
        assert!(check_and_list(export, io::sink(), options).is_ok());
    });
}
