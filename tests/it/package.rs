//! The package that is deployed, as `infra/package.sh` creates it. Create it before the tests, and set
//! `VIVA_IMPORT_PACKAGE` to its path. It contains a program that cargo built for this machine, or the portable
//! one, which takes minutes to build.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use reqwest::{Method, header::HeaderMap};
use tokio::process::Command;
use viva_import::testbed::{deployment::Stage, host::Host};
use zip::ZipArchive;

use crate::stage;

/// The version of glibc that `infra/package.sh` links against.
const GLIBC: (u32, u32) = (2, 28);

fn skipped(why: &str) {
    // Not `eprintln!`, because the output of a test that passes is hidden.
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}

fn package() -> Option<ZipArchive<fs::File>> {
    let Some(path) = std::env::var_os("VIVA_IMPORT_PACKAGE") else {
        skipped(
            "there is no package to test; create one with infra/package.sh, and set \
                 VIVA_IMPORT_PACKAGE to its path",
        );
        return None;
    };
    Some(ZipArchive::new(fs::File::open(path).unwrap()).unwrap())
}

fn program(package: &mut ZipArchive<fs::File>) -> Vec<u8> {
    let mut program = vec![];
    package.by_name("viva-import").unwrap().read_to_end(&mut program).unwrap();
    program
}

#[test]
fn it_contains_only_the_app_and_the_handler_is_executable() {
    let Some(mut package) = package() else { return };
    let mut expected =
        vec![("host.json".to_owned(), 0o100_644), ("viva-import".to_owned(), 0o100_755)];
    for function in fs::read_dir("function").unwrap() {
        let name = function.unwrap().file_name().into_string().unwrap();
        expected.push((format!("{name}/function.json"), 0o100_644));
    }
    expected.sort();
    let found: Vec<_> = (0..package.len())
        .map(|index| {
            let entry = package.by_index(index).unwrap();
            (entry.name().unwrap().into_owned(), entry.unix_mode().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn its_handler_requires_no_newer_glibc_than_it_is_linked_against() {
    let Some(mut package) = package() else { return };
    let program = program(&mut package);
    if std::env::var_os("VIVA_IMPORT_PACKAGE_OF_THIS_MACHINE").is_some() {
        return skipped(
            "the program in the package was built for this machine, so its glibc proves nothing; the \
             workflow tests the portable one",
        );
    }
    let needed: Vec<_> = versions(&program).collect();
    assert!(needed.contains(&(2, 14)), "memcpy is not required: {needed:?}");
    assert!(needed.iter().all(|version| *version <= GLIBC), "{needed:?}");
}

/// The versions of glibc whose symbols a program requires. A dynamically linked one contains their names.
fn versions(program: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let name = b"GLIBC_";
    let found = memchr::memmem::find_iter(program, name).map(|at| &program[at + name.len()..]);
    found.filter_map(|rest| {
        let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.'))?;
        let mut parts = str::from_utf8(&rest[..end]).ok()?.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    })
}

#[tokio::test]
async fn the_host_starts_the_unpacked_handler() {
    let Some(mut package) = package() else { return };
    let root = tempfile::tempdir().unwrap();
    package.extract(root.path()).unwrap();
    let handler: PathBuf = root.path().join("viva-import");
    assert_eq!(fs::metadata(&handler).unwrap().permissions().mode() & 0o777, 0o755);
    let stage = stage::stage(&[]).await;
    let host = Host::start(root.path(), stage.settings().clone()).await.unwrap();
    host.ready().await.unwrap();
    let executable = fs::read_link(format!("/proc/{}/exe", host.handler_pid().unwrap())).unwrap();
    assert_eq!(executable, handler.canonicalize().unwrap());
    let path = "/api/status";
    let status = host.http(Method::GET, path, HeaderMap::new(), bytes::Bytes::new()).await;
    assert_eq!(status.status, 200);
}

/// The time from the start of a handler to its first answer.
async fn cold_start(handler: &Path, stage: &Stage) -> Duration {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let begin = Instant::now();
    let _handler = Command::new(handler)
        .arg("serve")
        .envs(stage.settings())
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    stage::until("the first answer", async || {
        reqwest::get(format!("http://127.0.0.1:{port}/nothing")).await.ok()
    })
    .await;
    begin.elapsed()
}

#[tokio::test]
async fn the_test_bed_is_not_in_it() {
    let Some(mut package) = package() else { return };
    let (deployed, whole) = (program(&mut package), fs::read(stage::BINARY).unwrap());
    let has = |program: &[u8], word: &str| memchr::memmem::find(program, word.as_bytes()).is_some();
    // Words of the emulated host, the storage emulator, the mock service, and a crate that it needs.
    for word in ["testbed", "node_modules", "lost-answer", "multer"] {
        assert!(has(&whole, word), "{word} proves nothing: it is not in the whole program either");
        assert!(!has(&deployed, word), "{word} is in the program that is deployed");
    }
    let root = tempfile::tempdir().unwrap();
    package.extract(root.path()).unwrap();
    let stage = stage::stage(&[]).await;
    let start = cold_start(&root.path().join("viva-import"), &stage).await;
    let whole_start = cold_start(Path::new(stage::BINARY), &stage).await;
    let _ = writeln!(
        io::stderr(),
        "deployed: {} KiB, first answer after {} ms; with the test bed, built for the tests: {} KiB, {} ms",
        deployed.len() >> 10,
        start.as_millis(),
        whole.len() >> 10,
        whole_start.as_millis()
    );
}
