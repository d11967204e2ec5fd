mod damage;

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const CSV: &[u8] = b"PersonId,EffectiveDate\na@contoso.com,01/31/2026\n";
const NAMES: [&str; 2] = ["data.csv", "metadata.json"];
const JSON: &[u8] = br#"{"DatasetType":"HR"}"#;
const MAX_BYTES: u64 = 64 * 1024;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";

/// The offsets of fields in a local header and in an entry of the directory.
const FLAGS: (usize, usize) = (6, 8);
const METHOD: (usize, usize) = (8, 10);
const CHECKSUM: (usize, usize) = (14, 16);
const UNPACKED: (usize, usize) = (22, 24);

fn zip_by(options: SimpleFileOptions, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(SimpleFileOptions::default(), files)
}

fn good() -> Vec<u8> {
    zip(&[("data.csv", CSV), ("metadata.json", JSON)])
}

fn good_and(more: &[&str]) -> Vec<u8> {
    let mut files = vec![("data.csv", CSV), ("metadata.json", JSON)];
    files.extend(more.iter().map(|name| (*name, CSV)));
    zip(&files)
}

fn places(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(bytes, part).collect()
}

fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    for at in places(&bytes, from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// The zip with this field changed in the headers of all its files and in its directory.
fn with(mut zip: Vec<u8>, (local, central): (usize, usize), value: &[u8]) -> Vec<u8> {
    for (signature, field) in [(LOCAL, local), (CENTRAL, central)] {
        for at in places(&zip, signature) {
            zip[at + field..][..value.len()].copy_from_slice(value);
        }
    }
    zip
}

/// The zip with a zip64 end record that states this many entries.
fn with_zip64_end(zip: &[u8], count: u64) -> Vec<u8> {
    let end = places(zip, END)[0];
    let number = |at: usize| u64::from(u32::from_le_bytes(*zip[at..].first_chunk().unwrap()));
    let mut bytes = zip[..end].to_vec();
    bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
    for number in [count, count, number(end + 12), number(end + 16)] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend((end as u64).to_le_bytes());
    bytes.extend(b"\x01\0\0\0PK\x05\x06\0\0\0\0");
    bytes.extend([0xff; 12]);
    bytes.extend([0, 0]);
    bytes
}

#[derive(Debug)]
struct Contents {
    warnings: Vec<Fault>,
    csv: Vec<u8>,
    json: Vec<u8>,
}

/// The contents, or the faults of the directory or of reading.
fn read_all(zip: &[u8]) -> Result<Contents, Vec<Fault>> {
    let mut archive = open(Cursor::new(zip), MAX_BYTES, NAMES).unwrap()?;
    let json = archive.metadata().unwrap().map_err(|fault| vec![fault])?;
    let mut csv = Vec::new();
    let read = archive.data().unwrap().map_err(|fault| vec![fault])?.read_to_end(&mut csv);
    read.map_err(|error| vec![damage(&error).unwrap()])?;
    Ok(Contents { warnings: archive.warnings().to_vec(), csv, json })
}

#[test]
fn a_zip_of_the_two_files_is_read_completely() {
    let options = SimpleFileOptions::default();
    let files: &[(&str, &[u8])] = &[("data.csv", CSV), ("metadata.json", JSON)];
    let mut commented = good();
    let at = commented.len() - 2;
    commented.splice(at.., *b"\x05\0hello");
    let mut streamed = ZipWriter::new_stream(Vec::new());
    for (name, content) in files {
        streamed.start_file(*name, options).unwrap();
        streamed.write_all(content).unwrap();
    }
    let json_first: Vec<_> = files.iter().rev().copied().collect();
    for (case, zip) in [
        ("deflated", good()),
        ("json first", zip(&json_first)),
        ("stored", zip_by(options.compression_method(CompressionMethod::Stored), files)),
        ("zip64 sizes", zip_by(options.large_file(true), files)),
        ("zip64 end", with_zip64_end(&good(), 2)),
        ("streamed", streamed.finish().unwrap().into_inner()),
        ("commented", commented),
    ] {
        let Contents { warnings, csv, json } = read_all(&zip).expect(case);
        assert!(warnings.is_empty(), "{case}: {warnings:?}");
        assert_eq!((csv.as_slice(), json.as_slice()), (CSV, JSON), "{case}");
    }
}

#[test]
fn another_name_or_header_is_only_a_warning() {
    let mut header = good();
    header[CHECKSUM.0] ^= 1;
    for (zip, part) in [
        (
            zip(&[("Data.csv", CSV), ("metadata.json", JSON)]),
            "metadata.json: 1 (`Data.csv`). Rename",
        ),
        (
            zip(&[("data.CSV", CSV), ("metadata.json", JSON)]),
            "metadata.json: 1 (`data.CSV`). Rename",
        ),
        (zip(&[("data.csv", CSV), ("meta.json", JSON)]), "metadata.json: 1 (`meta.json`). Rename"),
        (zip(&[("A.csv", CSV), ("B.json", JSON)]), "metadata.json: 2 (`A.csv`, `B.json`). Rename"),
        (header, "differ"),
    ] {
        let Contents { warnings, .. } = read_all(&zip).expect(part);
        let [warning] = warnings.as_slice() else { panic!("{part}: {warnings:?}") };
        assert!(warning.rule == Id::F05 && !warning.is_error, "{part}");
        assert!(warning.message.contains(part), "{part}: {warning}");
    }
}

#[test]
fn anything_else_in_the_zip_is_rejected_with_its_own_text() {
    let link = {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("data.csv", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        zip.start_file("metadata.json", SimpleFileOptions::default()).unwrap();
        zip.write_all(JSON).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let path = |name: &str| replaced(good(), b"data.csv", name.as_bytes());
    let long = format!("{}.txt", "n".repeat(77));
    let nearly_long = &long[1..];
    let overlapping = {
        let mut zip = good_and(&["x"]);
        let directory = places(&zip, CENTRAL);
        let (first, last) = (directory[0], directory[2]);
        zip.copy_within(first + 42..first + 46, last + 42);
        zip
    };
    for (case, zip, part) in [
        ("no csv", zip(&[("metadata.json", JSON)]), "(found: 0 .csv, 1 .json). Create"),
        ("no json", zip(&[("data.csv", CSV)]), "1 .csv, 0 .json"),
        ("nothing", zip(&[]), "0 .csv, 0 .json"),
        ("two csv", good_and(&["B.CSV"]), "2 .csv, 1 .json"),
        ("folder", good_and(&["x/"]), "Folders in the zip: 1 (`x/`). Zip the two files themselves"),
        ("macOS", good_and(&["__MACOSX/._data.csv"]), "Windows added to the zip: 1 (`__MACOSX/._"),
        ("Finder", good_and(&[".DS_Store", "x/thumbs.db"]), "2 (`.DS_Store`, `x/thumbs.db`). "),
        ("other", good_and(&["data.csv.zip"]), "nor .json: 1 (`data.csv.zip`). Remove them."),
        ("others", good_and(&["a", "b", "c", "d"]), ": 4 (`a`, `b`, `c`, …). "),
        ("long", good_and(&[&long]), ": 1 (a name of 81 characters that cannot be shown here). "),
        ("nearly long", good_and(&[nearly_long]), &format!("(`{nearly_long}`)")),
        ("control", good_and(&["a\x1b[2J"]), "(a name of 5 characters that cannot be shown here)"),
        ("foreign", good_and(&["Personal März.xlsx"]), "(`Personal März.xlsx`)"),
        ("path", path("x/ta.csv"), "at the root of the zip: 1 (`x/ta.csv`)"),
        ("parent", path("../a.csv"), "root of the zip: 1 (`../a.csv`)"),
        ("absolute", path("/ata.csv"), "root of the zip: 1 (`/ata.csv`)"),
        ("drive", path("C:\\a.csv"), "root of the zip: 1 (`C:\\a.csv`)"),
        ("backslash", path("x\\ta.csv"), "root of the zip: 1 (`x\\ta.csv`)"),
        ("same name", replaced(good_and(&["dat1.csv"]), b"dat1", b"data"), "have the same name"),
        ("link", link, "Symbolic links in the zip: 1 (`data.csv`)"),
        ("encrypted", with(good(), FLAGS, &[1]), "Encrypted files in the zip: 2 (`data.csv`, `me"),
        ("bzip2", with(good(), METHOD, &[12]), "than Deflate: 2 (`data.csv`, `metadata.json`)"),
        ("zstd", with(good(), METHOD, &[93]), "than Deflate: 2"),
        ("overlapping", overlapping, "overlap"),
    ] {
        let faults = open(Cursor::new(zip), MAX_BYTES, NAMES).unwrap().expect_err(case);
        let is_it =
            |fault: &Fault| fault.rule == Id::F05 && fault.is_error && fault.message.contains(part);
        assert!(faults.iter().any(is_it), "{case}: {faults:?}");
    }
}

#[test]
fn all_faults_are_returned_at_once() {
    let files: &[(&str, &[u8])] =
        &[("x/Data.csv", b""), ("meta.json", b""), (".DS_Store", b""), ("x/", b"")];
    let faults = open(Cursor::new(zip(files)), MAX_BYTES, NAMES).unwrap().unwrap_err();
    let found: Vec<_> = faults.iter().map(|fault| (fault.rule, fault.is_error)).collect();
    let errors =
        [(Id::F05, true), (Id::F05, true), (Id::F05, true), (Id::F06, true), (Id::F07, true)];
    assert_eq!(found, [errors.as_slice(), &[(Id::F05, false)]].concat());
}

#[test]
fn each_kind_of_unreadable_zip_has_its_own_text() {
    let mut prefixed = b"MZ".to_vec();
    prefixed.extend(good());
    let many: Vec<_> = (0..20_000).map(|number| format!("{number}.csv")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    for (case, bytes, part) in [
        ("nothing", vec![], "The file is empty"),
        ("a csv", CSV.to_vec(), "is not a zip"),
        ("cut off", good()[..100].to_vec(), "is incomplete"),
        ("prefixed", prefixed, "data before the zip"),
        ("no directory", replaced(good(), CENTRAL, b"KO"), "directory of the zip cannot be read"),
        ("thousands of files", zip(&many), "lists thousands of files"),
        ("thousands by zip64", with_zip64_end(&good(), 1 << 40), "lists thousands of files"),
        ("no local header", replaced(good(), LOCAL, b"KO"), "directory of the zip cannot be read"),
    ] {
        let faults = open(Cursor::new(bytes), MAX_BYTES, NAMES).unwrap().unwrap_err();
        let is_it = |fault: &Fault| fault.rule == Id::F05 && fault.message.contains(part);
        assert!(faults.iter().any(is_it), "{case}: {faults:?}");
    }
    let hundred = open(Cursor::new(zip(&many[..100])), MAX_BYTES, NAMES).unwrap().unwrap_err();
    assert!(hundred[0].message.contains("100 .csv"), "{hundred:?}");
}

#[test]
fn an_empty_or_too_large_file_is_rejected() {
    let byte_order_mark = "\u{feff}".as_bytes();
    let large = " ".repeat(1024 * 1024 - JSON.len());
    let full = [JSON, large.as_bytes()].concat();
    let over = [&full, b" ".as_slice()].concat();
    let rows = vec![b'x'; usize::try_from(MAX_BYTES).unwrap()];
    let more_rows = [&rows, b"x".as_slice()].concat();
    for (csv, json, expected) in [
        (CSV, b"".as_slice(), Some(Id::F07)),
        (CSV, byte_order_mark, Some(Id::F07)),
        (CSV, b" \r\n\t", Some(Id::F07)),
        (CSV, b"0", None),
        (CSV, &full, None),
        (CSV, &over, Some(Id::F08)),
        (b"", JSON, Some(Id::F06)),
        (b"x", JSON, None),
        (&rows, JSON, None), // more than a hundred to one
        (&more_rows, JSON, Some(Id::F09)),
    ] {
        let zip = zip(&[("data.csv", csv), ("metadata.json", json)]);
        let rule = read_all(&zip).err().map(|faults| faults[0].rule);
        assert_eq!(rule, expected, "{} and {} bytes", csv.len(), json.len());
    }
}
