//! Searches for bytes that break a guarantee of the body `csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| viva_import_fuzz::csv(bytes));
