//! Reading of the zip by other programs.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    sample::{Form, Sample},
    stage::BINARY,
};

/// Enough for several pieces of the deflate stream.
const BYTES: u64 = 2_000_000;

/// An export, and its zip.
struct Packed {
    folder: TempDir,
    export: PathBuf,
    zip: PathBuf,
}

impl Packed {
    /// One whose header has sizes of 32 bits, and one with 64, as a larger limit makes it.
    fn both() -> [Self; 2] {
        ["1073741824", "2147483648"].map(Self::new)
    }

    fn new(max_file_bytes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (export, mapping, zip) = (at("export.csv"), at("hr.json"), at("info.zip"));
        let mut out = BufWriter::new(File::create(&export).unwrap());
        Sample::of_bytes(BYTES).write(&mut out).unwrap();
        out.flush().unwrap();
        fs::write(&mapping, Form::default().connection()).unwrap();
        let mut pack = Command::new(BINARY);
        pack.arg("pack").arg(&export).arg("--mapping").arg(mapping).arg("--out").arg(&zip);
        run(pack.env("MAX_FILE_BYTES", max_file_bytes));
        Self { folder, export, zip }
    }

    /// The same zip with one changed byte in the data, which every reader must notice.
    fn damaged(&self) -> PathBuf {
        let mut zip = fs::read(&self.zip).unwrap();
        let middle = zip.len() / 2;
        zip[middle] ^= 0x10;
        let path = self.folder.path().join("damaged.zip");
        fs::write(&path, zip).unwrap();
        path
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {errors}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn bench(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench").join(name)
}

/// Whether the program is installed. If it is not, prints so, and panics in CI.
pub(crate) fn is_here(program: &str, package: &str) -> bool {
    let is_here = Command::new(program).arg("--help").output().is_ok();
    assert!(is_here || std::env::var_os("CI").is_none(), "{program} is missing: install {package}");
    if !is_here {
        // Not `eprintln!`, because the output of a test that passes is hidden.
        let mut out = io::stderr();
        writeln!(out, "SKIPPED: {program} is not installed ({package}), so its test did nothing")
            .unwrap();
    }
    is_here
}

/// Asserts that the reader accepts the zip and rejects a damaged one.
fn reads(packed: &Packed, reader: impl Fn(&Path) -> Command) {
    run(&mut reader(&packed.zip));
    let damaged = reader(&packed.damaged()).output().unwrap();
    assert!(!damaged.status.success(), "the reader does not check what it reads");
}

#[test]
fn python_reads_the_zip_and_finds_the_export_in_it() {
    if !is_here("python3", "python3") {
        return;
    }
    for packed in Packed::both() {
        reads(&packed, |zip| {
            let mut python = Command::new("python3");
            python.arg(bench("by_python.py")).arg("read").arg(zip).arg("data.csv");
            python.arg(&packed.export);
            python
        });
    }
}

#[test]
fn info_zip_tests_the_zip() {
    if is_here("unzip", "unzip") {
        for packed in Packed::both() {
            reads(&packed, |zip| {
                let mut unzip = Command::new("unzip");
                unzip.arg("-t").arg(zip);
                unzip
            });
        }
    }
}

#[test]
fn seven_zip_tests_the_zip() {
    if is_here("7z", "p7zip-full") {
        for packed in Packed::both() {
            reads(&packed, |zip| {
                let mut seven = Command::new("7z");
                seven.arg("t").arg(zip);
                seven
            });
        }
    }
}

/// It has no directory when it reads an entry, only the header before it.
#[test]
fn bsdtar_reads_the_zip_from_a_pipe() {
    if is_here("bsdtar", "libarchive-tools") {
        for packed in Packed::both() {
            reads(&packed, |zip| {
                let mut tar = Command::new("bsdtar");
                tar.args(["-xOf", "-"]).stdin(File::open(zip).unwrap());
                tar
            });
        }
    }
}

#[test]
fn dot_net_reads_the_zip() {
    let packages = "mono-mcs mono-runtime libmono-system-io-compression4.0-cil";
    if !is_here("mcs", packages) || !is_here("mono", packages) {
        return;
    }
    let [narrow, wide] = Packed::both();
    let program = narrow.folder.path().join("read.exe");
    let mut compile = Command::new("mcs");
    compile.arg("-r:System.IO.Compression").arg(format!("-out:{}", program.display()));
    run(compile.arg(bench("read.cs")));
    for packed in [&narrow, &wide] {
        reads(packed, |zip| {
            let mut mono = Command::new("mono");
            mono.arg(&program).arg(zip).arg("data.csv").arg(&packed.export);
            mono
        });
    }
}
