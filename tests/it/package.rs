//! The zip that is deployed, as `infra/package.sh` makes it. It is made before the tests, and
//! `VIVA_IMPORT_PACKAGE` says where it lies: of the program that cargo built for them, or, which takes
//! minutes, of the portable one.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use reqwest::{Method, header::HeaderMap};
use viva_import::testbed::host::Host;
use zip::ZipArchive;

use crate::stage;

/// What `infra/package.sh` links against.
const GLIBC: (u32, u32) = (2, 28);

fn skipped(why: &str) {
    // By hand, because what is printed by a test that passes is not shown.
    let _ = writeln!(io::stderr(), "SKIPPED, LOUDLY: {why}");
}

fn package() -> Option<ZipArchive<fs::File>> {
    let Some(path) = std::env::var_os("VIVA_IMPORT_PACKAGE") else {
        skipped(
            "the package is not looked at; make one with infra/package.sh and name it in \
                 VIVA_IMPORT_PACKAGE",
        );
        return None;
    };
    Some(ZipArchive::new(fs::File::open(path).unwrap()).unwrap())
}

#[test]
fn it_holds_the_app_and_nothing_else_and_the_handler_is_executable() {
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
fn its_handler_asks_for_no_newer_glibc_than_it_is_linked_against() {
    let Some(mut package) = package() else { return };
    let mut program = vec![];
    package.by_name("viva-import").unwrap().read_to_end(&mut program).unwrap();
    if program == fs::read(stage::BINARY).unwrap() {
        return skipped(
            "the package holds the program that was built for this machine, so its glibc says \
             nothing; the workflow looks at the portable one",
        );
    }
    let needed: Vec<_> = versions(&program).collect();
    assert!(needed.contains(&(2, 14)), "memcpy is not even asked for: {needed:?}");
    assert!(needed.iter().all(|version| *version <= GLIBC), "{needed:?}");
}

/// The versions of glibc whose symbols a program asks for: a dynamic one holds their names as text.
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
async fn the_host_starts_what_is_unpacked_of_it() {
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
