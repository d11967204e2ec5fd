//! How the commands behave at a terminal, in a pipe and in a script.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    rules::case::{MAPPING, metadata, staff, zip},
    stage::BINARY,
};

const ESCAPE: char = '\u{1b}';
const GREEN_VERDICT: &str = "\u{1b}[1m\u{1b}[32maccepted\u{1b}[0m";

/// A folder with an export that is accepted and one that is rejected.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let csv = staff().join("\n");
        folder.put("good.csv", &csv);
        folder.put("bad.csv", csv.replace("p7@", "p7"));
        folder
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.current_dir(self.0.path()).args(arguments);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(input).unwrap();
        process.wait_with_output().unwrap()
    }

    /// Everything that sh shows at a terminal of this width; `viva-import` is the program.
    fn at_terminal(&self, columns: u32, line: &str) -> String {
        let line = format!("stty cols {columns} rows 24; {line}");
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
            script.env_remove(name);
        }
        let output = self.with_program(&mut script).env("TERM", "xterm").output().unwrap();
        String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
    }

    fn with_program<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let folder = Path::new(BINARY).parent().unwrap().display();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        command.current_dir(self.0.path()).env("PATH", path)
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn several_files_are_checked_each_by_its_name_and_the_worst_is_the_exit_code() {
    let folder = Folder::new();
    let both = folder.run(&["check", "good.csv", "bad.csv"]);
    assert_eq!(code(&both), 1, "{}", err(&both));
    for line in ["accepted: good.csv", "rejected: bad.csv"] {
        assert!(out(&both).contains(line), "{}", out(&both));
    }
    let total = "2 files: 1 accepted, 1 rejected, 0 not checked\n";
    assert!(out(&both).ends_with(total), "{}", out(&both));
    // The missing one comes first and stops neither of the others.
    let worst = folder.run(&["check", "none.csv", "bad.csv", "good.csv"]);
    assert_eq!(code(&worst), 2);
    assert!(err(&worst).starts_with("error: none.csv cannot be read: "), "{}", err(&worst));
    let total = "3 files: 1 accepted, 1 rejected, 1 not checked\n";
    assert!(out(&worst).ends_with(total), "{}", out(&worst));
}

#[test]
fn one_file_is_an_object_for_a_program_and_several_are_an_array() {
    let folder = Folder::new();
    let one = folder.run(&["check", "good.csv", "--json"]);
    assert_eq!(json(&one)["file"], "good.csv");
    folder.put("other/good.csv", folder.read("good.csv"));
    let files = ["good.csv", "other/good.csv", "bad.csv", "none.csv"];
    let several = folder.run(&[&["check", "--json"][..], &files].concat());
    assert!(several.stderr.is_empty() && code(&several) == 2, "{}", err(&several));
    let answers = json(&several);
    let answers = answers.as_array().unwrap();
    let names: Vec<&str> = answers.iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(names, files);
    assert_eq!(answers[2]["verdict"], "rejected");
    assert_eq!(answers[3]["code"], "failed");
    let detail = answers[3]["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be read") && !detail.contains('\n'), "{detail}");
    let page = folder.run(&["check", "good.csv", "bad.csv", "--format", "html"]);
    assert_eq!((code(&page), out(&page)), (2, String::new()));
    assert!(err(&page).contains("one page of one file, and 2 files are given"), "{}", err(&page));
}

#[test]
fn a_pattern_that_the_shell_leaves_alone_is_expanded_and_one_without_a_file_is_named() {
    let folder = Folder::new();
    for name in ["exports/b.csv", "exports/a.csv", "exports/.hidden.csv"] {
        folder.put(name, folder.read("good.csv"));
    }
    fs::create_dir(folder.path("exports/folder.csv")).unwrap();
    let found = folder.run(&["check", "exports/*.csv", "--json"]);
    let names: Vec<Value> =
        json(&found).as_array().unwrap().iter().map(|it| it["file"].clone()).collect();
    assert_eq!((code(&found), names), (0, vec!["exports/a.csv".into(), "exports/b.csv".into()]));
    let none = folder.run(&["check", "exports/*.zip"]);
    assert_eq!(code(&none), 2);
    assert!(err(&none).starts_with("error: exports/*.zip matches no file\n  "), "{}", err(&none));
    // A file may be called so.
    folder.put("[a].csv", folder.read("good.csv"));
    assert_eq!(code(&folder.run(&["check", "[a].csv"])), 0);
}

#[test]
fn a_csv_from_standard_input_is_checked_as_a_file_is() {
    let folder = Folder::new();
    for (name, expected) in [("good.csv", 0), ("bad.csv", 1)] {
        let output = folder.run_with(&["check", "-", "--json"], folder.read(name).as_bytes());
        let mut of_file = json(&folder.run(&["check", name, "--json"]));
        of_file["file"] = "standard input".into();
        assert_eq!((code(&output), json(&output)), (expected, of_file));
    }
    let both = folder.run_with(&["check", "-", "bad.csv"], folder.read("good.csv").as_bytes());
    assert!(out(&both).contains("accepted: standard input\n"), "{}", out(&both));
    let mut command = folder.command(&["check", "-"]);
    command.env("MAX_FILE_BYTES", "100").stdin(fs::File::open(folder.path("good.csv")).unwrap());
    let large = command.output().unwrap();
    assert_eq!(code(&large), 1);
    assert!(out(&large).contains("more than 100 bytes"), "{}", out(&large));
}

#[test]
fn json_is_short_for_the_format_and_contradicts_another_one() {
    let folder = Folder::new();
    let by_format = out(&folder.run(&["rules", "V01", "--format", "json"]));
    for arguments in [&["--json"][..], &["--json", "--format", "json"]] {
        assert_eq!(out(&folder.run(&[&["rules", "V01"], arguments].concat())), by_format);
    }
    for (command, format) in [("rules", "text"), ("check", "html"), ("check", "text")] {
        let output = folder.run(&[command, "good.csv", "--json", "--format", format]);
        let says =
            format!("error: the argument '--json' cannot be used with '--format {format}'\n");
        assert_eq!((code(&output), out(&output)), (2, String::new()));
        assert!(err(&output).starts_with(&says), "{}", err(&output));
        assert!(
            err(&output).contains(&format!("Usage: viva-import {command}")),
            "{}",
            err(&output)
        );
    }
}

#[test]
fn an_error_says_what_happened_and_below_it_what_to_do() {
    let folder = Folder::new();
    let output = folder.run(&["check", "none.csv"]);
    let expected = "error: none.csv cannot be read: No such file or directory (os error 2)\n  \
                    Check the path.\n";
    assert_eq!((code(&output), err(&output).as_str()), (2, expected));
    assert!(output.stdout.is_empty());
    let problem = json(&folder.run(&["check", "none.csv", "--json"]));
    assert_eq!(problem["code"], "failed");
    assert!(problem["detail"].as_str().unwrap().ends_with(". Check the path"), "{problem}");
}

#[test]
fn nothing_is_replaced_without_force_and_the_error_names_both() {
    let folder = Folder::new();
    folder.put("hr.json", "mine");
    folder.put("info.zip", "mine");
    folder.put("pages/viva-import-check.1", "mine");
    for (arguments, file) in [
        (&["pack", "good.csv", "--out", "info.zip"][..], "info.zip"),
        (&["suggest-mapping", "good.csv", "--out", "hr.json"], "hr.json"),
        (&["man", "pages"], "pages/viva-import-check.1"),
    ] {
        let refused = folder.run(arguments);
        assert_eq!(code(&refused), 2, "{}", out(&refused));
        let says = format!(
            "error: {file} already exists\n  Choose another file, or add `--force` to replace it.\n"
        );
        assert_eq!((err(&refused), out(&refused)), (says, String::new()));
        assert_eq!(folder.read(file), "mine");
        let replaced = folder.run(&[arguments, &["--force"]].concat());
        assert_eq!(code(&replaced), 0, "{}", err(&replaced));
        assert_ne!(fs::read(folder.path(file)).unwrap(), b"mine");
    }
    let certificate = ["certificate", "viva-hr"];
    assert_eq!(code(&folder.run(&certificate)), 0);
    let key = folder.read("viva-hr.pem");
    let refused = folder.run(&certificate);
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("viva-hr.cer"), "{}", err(&refused));
    assert_eq!(folder.read("viva-hr.pem"), key);
}

#[test]
fn another_dialect_in_a_document_is_replaced_with_force_alone() {
    let folder = Folder::new();
    assert_eq!(code(&folder.run(&["suggest-mapping", "good.csv", "--out", "hr.json"])), 0);
    let template = |key: &str| {
        let metadata = metadata(MAPPING).replace("\"Mapping\"", &format!("\"{key}\""));
        zip(&[("data.csv", "PersonId\n"), ("metadata.json", &metadata)])
    };
    let learn = ["learn-template", "t.zip", "--connection", "hr.json"];
    folder.put("t.zip", template("ColumnMap"));
    // The first dialect needs no force, and the same one again changes nothing.
    assert_eq!(code(&folder.run(&learn)), 0);
    assert_eq!(code(&folder.run(&learn)), 0);
    let before = folder.read("hr.json");
    folder.put("t.zip", template("Fields"));
    let refused = folder.run(&learn);
    assert_eq!((code(&refused), folder.read("hr.json")), (2, before));
    let why = err(&refused);
    assert!(why.contains("hr.json already has another `dialect`\n  Add `--force`"), "{why}");
    assert_eq!(code(&folder.run(&[&learn[..], &["--force"]].concat())), 0);
    assert!(folder.read("hr.json").contains("\"Fields\""));
}

#[test]
fn a_completion_script_of_every_shell_knows_every_command() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = folder.run(&["completions", shell]);
        assert!(script.stderr.is_empty() && code(&script) == 0);
        for word in ["suggest-mapping", "learn-template", "show-values", "completions"] {
            assert!(out(&script).contains(word), "{shell} lacks {word}");
        }
    }
    let bash = out(&folder.run(&["completions", "bash"]));
    folder.put("script.bash", &bash);
    let line = "source ./script.bash; COMP_WORDS=(viva-import sug); COMP_CWORD=1; \
                _viva__import viva-import sug viva-import; echo ${COMPREPLY[@]}";
    let completed = Command::new("bash").args(["-c", line]).current_dir(folder.0.path()).output();
    assert_eq!(out(&completed.unwrap()), "suggest-mapping\n");
}

#[test]
fn the_manual_pages_are_printed_or_written_into_a_folder() {
    let folder = Folder::new();
    let page = out(&folder.run(&["man"]));
    assert!(page.contains(".TH viva-import 1") && page.contains("Exit codes"), "{page}");
    let written = folder.run(&["man", "share/man1"]);
    assert_eq!(code(&written), 0, "{}", err(&written));
    let pages = fs::read_dir(folder.path("share/man1")).unwrap().count();
    assert!(out(&written).starts_with(&format!("{pages} manual pages")), "{}", out(&written));
    assert!(folder.read("share/man1/viva-import-check.1").contains("show\\-values"));
}

#[test]
fn a_pipe_and_json_have_no_color_and_a_person_may_ask_for_it() {
    let folder = Folder::new();
    let check = |arguments: &[&str], name: &str, value: &str| {
        let mut command = folder.command(&[&["check", "good.csv"], arguments].concat());
        if !name.is_empty() {
            command.env(name, value);
        }
        out(&command.output().unwrap())
    };
    for (arguments, name, value, is_colored) in [
        (&[][..], "", "", false),
        (&["--color", "always"], "", "", true),
        (&["--color=always"], "NO_COLOR", "1", true),
        (&[], "CLICOLOR_FORCE", "1", true),
        (&["--color", "never"], "CLICOLOR_FORCE", "1", false),
        (&["--color", "always", "--json"], "CLICOLOR_FORCE", "1", false),
        (&["--color", "always", "--format", "html"], "", "", false),
    ] {
        let text = check(arguments, name, value);
        assert_eq!(text.contains(ESCAPE), is_colored, "{arguments:?} {name} {text}");
    }
    let rejected = out(&folder.run(&["check", "bad.csv", "--color", "always"]));
    for (word, color) in [("rejected", 31), ("error", 31)] {
        assert!(rejected.contains(&format!("\u{1b}[{color}m{word}\u{1b}[0m")), "{rejected}");
    }
    let failed = err(&folder.run(&["check", "none.csv", "--color", "always"]));
    assert!(failed.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m none.csv"), "{failed}");
    let help = |arguments: &[&str]| out(&folder.run(arguments)).contains(ESCAPE);
    assert!(help(&["check", "--help", "--color", "always"]) && !help(&["check", "--help"]));
}

#[test]
fn a_terminal_has_colors_unless_the_environment_says_no() {
    let folder = Folder::new();
    let check = "viva-import check good.csv";
    assert!(folder.at_terminal(80, check).contains(GREEN_VERDICT));
    for line in [
        "NO_COLOR=1 viva-import check good.csv",
        "TERM=dumb viva-import check good.csv",
        "viva-import check good.csv --color never",
        "viva-import check good.csv --json",
        "viva-import check good.csv | cat",
    ] {
        let shown = folder.at_terminal(80, line);
        assert!(shown.contains("accepted") && !shown.contains("[32m"), "{line}: {shown}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_whose_name_is_not_unicode_is_checked() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let folder = Folder::new();
    let name = OsStr::from_bytes(b"\xff.csv");
    fs::copy(folder.path("good.csv"), folder.0.path().join(name)).unwrap();
    let output = folder.command(&["check"]).arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn text_is_wrapped_at_a_terminal_and_whole_in_a_pipe() {
    let folder = Folder::new();
    let ambiguous = staff().join("\n").replace("10/31/2026", "10/01/2026");
    folder.put("long.csv", ambiguous);
    for columns in [50, 300] {
        for command in ["check long.csv", "rules", "settings", "suggest-mapping good.csv"] {
            let line = format!("viva-import {command} --color never 2>/dev/null");
            let shown = folder.at_terminal(columns, &line);
            // A command in backticks, a word and a document are never broken.
            let text = shown.split("\nThe connection:").next().unwrap();
            let long = text.lines().filter(|line| !line.contains('`') && line.trim().contains(' '));
            let widest = long.map(|line| line.chars().count()).max().unwrap();
            let limit = if columns < 100 { 50 } else { 100 };
            assert!(widest <= limit && widest > limit - 12, "{command}: {widest}\n{shown}");
        }
    }
    let piped = out(&folder.run(&["settings"]));
    assert!(piped.lines().any(|line| line.len() > 150), "{piped}");
}

#[test]
fn progress_is_shown_at_a_terminal_and_cleaned_up() {
    let folder = Folder::new();
    let rows = staff();
    let people = (0..200_000).map(|n| format!("q{n}@contoso.com,10/31/2026,ana@contoso.com,HQ"));
    let rows = rows.into_iter().chain(people).collect::<Vec<_>>().join("\n");
    folder.put("large.csv", rows);
    let bar = "Checking large.csv [";
    let shown = folder.at_terminal(80, "viva-import check large.csv >/dev/null");
    assert!(shown.contains(bar) && shown.contains(" of "), "{shown:?}");
    // The last thing is that its line is cleared.
    let rest = &shown[shown.rfind(bar).unwrap()..];
    assert!(rest.ends_with("\r\u{1b}[2K") || rest.ends_with("\u{1b}[2K"), "{rest:?}");
    for line in [
        "viva-import check large.csv --quiet >/dev/null",
        "viva-import check large.csv 2>&1 >/dev/null | cat",
        "TERM=dumb viva-import check large.csv >/dev/null",
    ] {
        assert_eq!(folder.at_terminal(80, line), "", "{line}");
    }
    let packed = folder.at_terminal(80, "viva-import pack large.csv --out large.zip >/dev/null");
    assert!(packed.contains("Checking and packing large.csv ["), "{packed:?}");
}

#[test]
fn a_command_that_is_printed_can_be_pasted_whatever_the_files_are_called() {
    for name in ["it's $HOME & \"co\".csv", "-lenient export.csv", "`id`;echo x.csv"] {
        let folder = Folder::new();
        folder.put(name, folder.read("good.csv"));
        let file = format!("./{name}");
        let document = "my hr's.json";
        let suggested = folder.run(&["suggest-mapping", &file, "--out", document]);
        let text = out(&suggested);
        let begin = text.find("`viva-import check ").unwrap() + 1;
        let end = begin + text[begin..].find("`\n").unwrap();
        let mut sh = Command::new("sh");
        let output = folder.with_program(sh.args(["-c", &text[begin..end]])).output().unwrap();
        assert_eq!(code(&output), 0, "{text}\n{}", err(&output));
        assert!(out(&output).contains(&format!("accepted: {name}")), "{}", out(&output));
    }
}
