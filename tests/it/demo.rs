//! The demo, run as a new user runs it.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use viva_import::{suggest::NO_TENANT, testbed::SAMPLE_CONNECTION};

use crate::stage::{BINARY, GOOD_CSV};

/// A demo whose child processes have a mark, and that has its own folder for temporary files.
struct Demo {
    mark: String,
    folder: TempDir,
}

impl Demo {
    fn new() -> Self {
        let mark = azure_core::Uuid::new_v4().to_string();
        Self { mark, folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("demo")
            .args(arguments)
            .env("VIVA_IMPORT_TEST_MARK", &self.mark)
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.start(arguments).wait_with_output();
        tokio::time::timeout(Duration::from_mins(2), output).await.unwrap().unwrap()
    }

    /// No process and no file is left.
    async fn is_gone(&self) {
        for _ in 0..50 {
            if marked(&self.mark).is_empty() {
                break;
            }
            // A killed process ends after a moment.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(marked(&self.mark), Vec::<String>::new());
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The processes whose environment contains the mark.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let marked = processes.filter(|process| {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(mark)
    });
    marked.map(|process| process.path().display().to_string()).collect()
}

#[cfg(not(target_os = "linux"))]
fn marked(_mark: &str) -> Vec<String> {
    eprintln!("SKIPPED: leftover processes were not searched, which works only on Linux");
    vec![]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The output contains the steps in this order.
fn in_order(output: &str, steps: &[&str]) {
    let mut rest = output;
    for step in steps {
        let at = rest
            .find(step)
            .unwrap_or_else(|| panic!("{step} is missing or out of order: {output}"));
        rest = &rest[at + step.len()..];
    }
}

#[tokio::test]
async fn four_files_end_as_planned_and_nothing_is_left_behind() {
    let demo = Demo::new();
    let output = demo.run(&[]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", text(&output.stderr));
    in_order(
        &said,
        &[
            "Status page: http://127.0.0.1:",
            "dropping inbox/hr/good.csv",
            "Completed: The service accepted the file.",
            "dropping inbox/hr/bad.csv",
            "inbox/hr/bad.csv: Rejected: 3 errors",
            "dropping inbox/hr/busy.csv",
            "Waiting: The service has not finished this tenant's previous import",
            "Completed: The service accepted the file.",
            "dropping inbox/hr/truncated.csv",
            "39 people, was 61 in the last accepted import",
            "completed  good.csv",
            "rejected   bad.csv",
            "completed  busy.csv",
            "rejected   truncated.csv",
        ],
    );
    let readme = std::fs::read_to_string("README.md").unwrap();
    let ends = said.split_once("\n\n").unwrap().1;
    assert!(
        readme.contains(ends),
        "the README does not contain the last output of the demo:\n{ends}"
    );
    demo.is_gone().await;
}

#[tokio::test]
async fn one_file_is_imported_and_its_row_is_printed() {
    let demo = Demo::new();
    let said = text(&demo.run(&["src/testbed/sample.csv"]).await.stdout);
    in_order(
        &said,
        &[
            "dropping inbox/hr/sample.csv",
            "inbox/hr/sample.csv: Received",
            "Packed: 244 rows, 61 people (zip of",
            "Pushing to scale unit",
            "Pushed as ingestion",
            "Completed: The service accepted the file.",
            "The row in the table `imports`",
            "State                  completed",
        ],
    );
    demo.is_gone().await;
}

#[tokio::test]
async fn a_file_and_a_connection_of_the_user_are_imported_and_a_rejected_file_ends_in_1() {
    let demo = Demo::new();
    let own = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = own.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (kind, setting) = ("\"accessToken\"", ", \"setting\": \"MOCK_SERVICE_TOKEN\"");
    let document = SAMPLE_CONNECTION.replace(kind, "\"managedIdentity\"").replace(setting, "");
    // As `suggest-mapping` writes it.
    let document = document.replace("0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5", NO_TENANT);
    assert!(document.contains("managedIdentity") && !document.contains("setting"));
    assert!(document.contains(NO_TENANT));
    let connection = write("my-connection.json", &document);
    let good = write("my.csv", GOOD_CSV);
    let output = demo.run(&[&good, "--connection", &connection]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("inbox/my-connection/my.csv: Completed"), "{said}");

    let bad = write("bad.csv", &format!("{GOOD_CSV}one,two\n"));
    let output = demo.run(&[&bad, "--connection", &connection]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("bad.csv: Rejected: Row 4 (F03): "), "{said}");
    demo.is_gone().await;
}

#[tokio::test]
async fn a_setting_in_the_environment_applies_to_the_demo() {
    let demo = Demo::new();
    let mut command = demo.command(&["src/testbed/sample.csv"]);
    let output = command.env("MAX_FILE_BYTES", "1000").spawn().unwrap().wait_with_output();
    let output = tokio::time::timeout(Duration::from_mins(2), output).await.unwrap().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the limit is 1000"), "{said}");
    demo.is_gone().await;
}

#[tokio::test]
async fn the_import_succeeds_despite_faults_of_the_service() {
    let demo = Demo::new();
    let output = demo.run(&["--fault", "busy", "--fault", "sign-in-page"]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("The service has not finished this tenant's previous import"), "{said}");
    demo.is_gone().await;
}

#[tokio::test]
async fn a_forbidden_connection_waits_for_a_person() {
    let demo = Demo::new();
    let output = demo.run(&["--fault", "forbidden"]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in
        ["The service answered 403", "`viva-import resume hr`", "State                  packed"]
    {
        assert!(said.contains(words), "{said}");
    }
    demo.is_gone().await;
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_leaves_nothing_behind() {
    let demo = Demo::new();
    let mut process = demo.start(&["--fault", "busy"]);
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("received") {
            break;
        }
    }
    let pid = process.id().unwrap().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    assert!(interrupted.success());
    assert_eq!(process.wait().await.unwrap().code(), Some(130));
    demo.is_gone().await;
}

#[tokio::test]
async fn the_demo_reports_what_is_missing() {
    let without_node = Command::new(BINARY).arg("demo").env("PATH", "").output().await.unwrap();
    assert_eq!(without_node.status.code(), Some(2));
    let said = text(&without_node.stderr);
    assert!(said.contains("install Node.js 20 or later"), "{said}");

    let demo = Demo::new();
    let missing = Path::new("no-such-file.csv");
    for (arguments, says) in [
        (vec![missing.to_str().unwrap()], "could not read no-such-file.csv: "),
        (vec!["Cargo.toml"], "the name of Cargo.toml must end with .csv"),
        (
            vec!["--connection", "Cargo.toml"],
            "Cargo.toml is not a valid connection document: line 1, column 2",
        ),
    ] {
        let output = demo.run(&arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    demo.is_gone().await;
}
