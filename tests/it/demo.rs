//! The demo as a new user runs it.

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
use viva_import::testbed::SAMPLE_CONNECTION;

use crate::stage::{BINARY, GOOD_CSV};

/// A demo that marks all its children, with a folder of its own for temporary files.
struct Shown {
    mark: String,
    folder: TempDir,
}

impl Shown {
    fn new() -> Self {
        let mark = azure_core::Uuid::new_v4().to_string();
        Self { mark, folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut demo = Command::new(BINARY);
        demo.arg("demo")
            .args(arguments)
            .env("VIVA_IMPORT_TEST_MARK", &self.mark)
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        demo
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.start(arguments).wait_with_output();
        tokio::time::timeout(Duration::from_mins(2), output).await.unwrap().unwrap()
    }

    /// Nothing is left: no process, no file.
    async fn is_gone(&self) {
        for _ in 0..50 {
            if marked(&self.mark).is_empty() {
                break;
            }
            // A killed process takes a moment to be gone.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(marked(&self.mark), Vec::<String>::new());
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The processes whose environment has the mark.
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
    eprintln!("SKIPPED: only Linux shows which processes are left");
    vec![]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The steps come in this order.
fn in_order(told: &str, steps: &[&str]) {
    let mut rest = told;
    for step in steps {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step} comes not, or not now: {told}"));
        rest = &rest[at + step.len()..];
    }
}

#[tokio::test]
async fn four_files_come_to_four_ends_and_nothing_is_left_behind() {
    let shown = Shown::new();
    let output = shown.run(&[]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", text(&output.stderr));
    in_order(
        &told,
        &[
            "the status page: http://127.0.0.1:",
            "dropping inbox/hr/good.csv",
            "completed: the service has accepted the file",
            "dropping inbox/hr/bad.csv",
            "inbox/hr/bad.csv: rejected: row 21, Employee",
            "dropping inbox/hr/busy.csv",
            "waits: the service has not finished this tenant's previous import",
            "completed: the service has accepted the file",
            "dropping inbox/hr/truncated.csv",
            "39 people where the last accepted import had 61",
            "completed  good.csv",
            "rejected   bad.csv",
            "completed  busy.csv",
            "rejected   truncated.csv",
        ],
    );
    let readme = std::fs::read_to_string("README.md").unwrap();
    let ends = told.split_once("\n\n").unwrap().1;
    assert!(readme.contains(ends), "the README lacks what the demo prints last:\n{ends}");
    shown.is_gone().await;
}

#[tokio::test]
async fn one_file_goes_all_the_way_and_its_row_is_shown() {
    let shown = Shown::new();
    let told = text(&shown.run(&["src/testbed/sample.csv"]).await.stdout);
    in_order(
        &told,
        &[
            "dropping inbox/hr/sample.csv",
            "inbox/hr/sample.csv: received",
            "checked, 244 rows",
            "packed, zip of",
            "pushing to scale unit",
            "pushed as ingestion",
            "completed: the service has accepted the file",
            "The row in the table `imports`",
            "State                  completed",
        ],
    );
    shown.is_gone().await;
}

#[tokio::test]
async fn a_users_own_file_and_connection_are_shown_and_a_bad_file_is_no_success() {
    let shown = Shown::new();
    let own = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = own.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let (kind, setting) = ("\"accessToken\"", ", \"setting\": \"MOCK_SERVICE_TOKEN\"");
    let document = SAMPLE_CONNECTION.replace(kind, "\"managedIdentity\"").replace(setting, "");
    assert!(document.contains("managedIdentity") && !document.contains("setting"));
    let connection = write("my-connection.json", &document);
    let good = write("my.csv", GOOD_CSV);
    let output = shown.run(&[&good, "--connection", &connection]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("inbox/my-connection/my.csv: completed"), "{told}");

    let bad = write("bad.csv", &format!("{GOOD_CSV}one,two\n"));
    let output = shown.run(&[&bad, "--connection", &connection]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("bad.csv: rejected: row 4: 2 columns where the header has 4"), "{told}");
    shown.is_gone().await;
}

#[tokio::test]
async fn a_setting_of_the_environment_holds_in_the_demo() {
    let shown = Shown::new();
    let mut demo = shown.command(&["src/testbed/sample.csv"]);
    let output = demo.env("MAX_FILE_BYTES", "1000").spawn().unwrap().wait_with_output();
    let output = tokio::time::timeout(Duration::from_mins(2), output).await.unwrap().unwrap();
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the most that is taken is 1000"), "{told}");
    shown.is_gone().await;
}

#[tokio::test]
async fn a_quirk_of_the_service_is_shown_and_survived() {
    let shown = Shown::new();
    let output = shown.run(&["--fault", "busy", "--fault", "sign-in-page"]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("the service has not finished this tenant's previous import"), "{told}");
    shown.is_gone().await;
}

#[tokio::test]
async fn a_connection_that_is_not_let_in_is_shown_to_wait_for_a_person() {
    let shown = Shown::new();
    let output = shown.run(&["--fault", "forbidden"]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for words in
        ["the service answered 403", "`viva-import resume hr`", "State                  packed"]
    {
        assert!(told.contains(words), "{told}");
    }
    shown.is_gone().await;
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_leaves_nothing_behind() {
    let shown = Shown::new();
    let mut demo = shown.start(&["--fault", "busy"]);
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("received") {
            break;
        }
    }
    let pid = demo.id().unwrap().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    assert!(interrupted.success());
    assert_eq!(demo.wait().await.unwrap().code(), Some(130));
    shown.is_gone().await;
}

#[tokio::test]
async fn what_is_missing_is_said_plainly() {
    let without_node = Command::new(BINARY).arg("demo").env("PATH", "").output().await.unwrap();
    assert_eq!(without_node.status.code(), Some(2));
    let said = text(&without_node.stderr);
    assert!(said.contains("Node.js is not there: install Node.js 20 or later"), "{said}");

    let shown = Shown::new();
    let missing = Path::new("no-such-file.csv");
    for (arguments, says) in [
        (vec![missing.to_str().unwrap()], "no-such-file.csv: "),
        (vec!["Cargo.toml"], "is not named .csv"),
        (vec!["--connection", "Cargo.toml"], "Cargo.toml cannot be used: line 1, column 2"),
    ] {
        let output = shown.run(&arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    shown.is_gone().await;
}
