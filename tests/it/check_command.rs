//! `viva-import check` and `viva-import rules` as a person runs them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use viva_import::schema::RULES;

use crate::{
    rules::case::{MAPPING, metadata, staff, zip},
    stage::BINARY,
};

/// A cell value that must be shown only on request.
const SECRET: &str = "sigrid.tveit";

/// A folder with files to check.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn good(&self) -> PathBuf {
        self.put("good.csv", staff().join("\n"))
    }

    /// The staff without its last column.
    fn without_organization(&self) -> PathBuf {
        let lines = staff();
        let lines = lines.iter().map(|line| line.rsplit_once(',').unwrap().0);
        self.put("narrow.csv", lines.collect::<Vec<_>>().join("\n"))
    }
}

fn check(file: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).arg("check").arg(file).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn report(file: &Path, arguments: &[&str]) -> Value {
    let output = check(file, &[arguments, &["--format", "json"]].concat());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The rules of a report's findings, each with its severity.
fn found(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|found| format!("{} {}", word(&found["severity"]), word(&found["rule"]))).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_exit_code_is_the_verdict() {
    let folder = Folder::new();
    let csv = staff().join("\n");
    let broken = csv.replace("p7@contoso.com", "p7");
    for (name, content, accepted) in [
        ("good.csv", csv.clone().into_bytes(), true),
        (
            "warned.csv",
            csv.replace("p7@contoso.com,10/31/2026,ana", "p7@contoso.com,10/31/2026,eva").into(),
            true,
        ),
        ("GOOD.CSV", csv.clone().into(), true),
        ("broken.csv", broken.clone().into(), false),
        ("header.csv", csv.lines().next().unwrap().into(), false),
        ("empty.csv", vec![], false),
        ("export.xlsx", zip(&[("[Content_Types].xml", "<Types/>")]), false),
        ("workbook.csv", zip(&[("[Content_Types].xml", "<Types/>")]), false),
        ("good.zip", zip(&[("data.csv", &csv), ("metadata.json", &metadata(MAPPING))]), true),
        ("broken.zip", zip(&[("data.csv", &broken), ("metadata.json", &metadata(MAPPING))]), false),
        ("damaged.zip", b"PK\x03\x04".to_vec(), false),
    ] {
        let file = folder.put(name, content);
        for format in ["text", "json", "html"] {
            let output = check(&file, &["--format", format]);
            let says = text(&output);
            assert_eq!(code(&output), i32::from(!accepted), "{name}: {says}");
            let verdict = if accepted { "accepted" } else { "rejected" };
            assert!(says.contains(verdict) && says.contains(name), "{name}: {says}");
            assert!(output.stderr.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_check_that_fails_has_exit_code_2_and_an_error_text() {
    let folder = Folder::new();
    let good = folder.good();
    fs::create_dir(folder.path("folder.csv")).unwrap();
    let no = |name: &str| folder.path(name).display().to_string();
    let of = |name: &str, content: &str| folder.put(name, content).display().to_string();
    let faulty =
        format!(r#"{{"tenantId":"x","connector":"HR","refresh":"full","mapping":{{{MAPPING}}}}}"#);
    for (file, arguments, says) in [
        (folder.path("nobody.csv"), vec![], "nobody.csv cannot be read"),
        (
            folder.path("folder.csv"),
            vec![],
            "folder.csv is a folder or a pipe\n  Name a .csv or a .zip file.",
        ),
        (good.clone(), vec!["--mapping".to_owned(), no("no.json")], "no.json cannot be read"),
        (good.clone(), vec!["--mapping".to_owned(), of("a.json", "{")], "a.json is invalid: "),
        (good.clone(), vec!["--mapping".to_owned(), of("b.json", "[]")], "must be an object"),
        (
            good.clone(),
            vec!["--mapping".to_owned(), of("c.json", "{}")],
            "must map at least one column",
        ),
        (
            good.clone(),
            vec!["--mapping".to_owned(), of("d.json", &faulty)],
            "/tenantId: must be the tenant id, a GUID: run `az account show --query tenantId`; /credential: \
             missing",
        ),
        (good.clone(), vec!["--baseline".to_owned(), no("no.json")], "no.json cannot be read"),
        (
            good.clone(),
            vec!["--baseline".to_owned(), of("e.json", "sigrid.tveit")],
            "e.json: not valid JSON",
        ),
        (
            good.clone(),
            vec!["--baseline".to_owned(), of("f.json", "{\"rows\":\"sigrid.tveit\"}")],
            "f.json: neither a baseline nor a report with one",
        ),
        (good, vec!["--format".to_owned(), "xml".to_owned()], "invalid value 'xml'"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = check(&file, &arguments);
        let complaint = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), 2, "{complaint}");
        assert!(complaint.starts_with("error: ") && complaint.contains(says), "{complaint}");
        assert!(output.stdout.is_empty() && !complaint.contains(SECRET), "{complaint}");
    }
}

#[test]
fn the_json_report_has_its_members() {
    let folder = Folder::new();
    let csv = staff().join(",x\n").replace("Organization,x", "Organization,Note");
    let file = folder.put("a.csv", csv.replace("p7@", "p7") + ",x");
    let mapping = folder.put("m.json", format!("{{{MAPPING}}}"));
    let report = report(&file, &["--mapping", &mapping.display().to_string(), "--lenient"]);
    assert_eq!(
        keys(&report),
        [
            "file",
            "verdict",
            "rows",
            "people",
            "rowsSkipped",
            "columns",
            "cut",
            "findings",
            "baseline"
        ]
    );
    assert_eq!(report["file"], "a.csv");
    assert_eq!(report["verdict"], "accepted");
    assert_eq!([&report["rows"], &report["people"], &report["rowsSkipped"]], [19, 19, 1]);
    let person = json!({ "column": "PersonId", "name": "PersonId", "type": "EmailType" });
    assert_eq!(report["columns"][0], person);
    assert_eq!(report["cut"], json!(["Note"]));
    // The head's blank ManagerId is more than 5 % of nineteen rows.
    assert_eq!(found(&report), ["warning V01", "warning C03", "hint H06"]);
    let finding = &report["findings"][0];
    assert_eq!(keys(finding), ["rule", "severity", "column", "rows", "count", "message"]);
    assert_eq!((&finding["column"], &finding["rows"]), (&json!("PersonId"), &json!([7])));
    assert_eq!(report["findings"][2]["column"], Value::Null);
    let summary = &report["baseline"];
    assert_eq!(keys(summary), ["refresh", "rows", "people", "columns", "lastDay", "lastPastDay"]);
    assert_eq!((&summary["refresh"], &summary["lastDay"]), (&json!("full"), &json!("2026-10-31")));
    assert_eq!(summary["columns"][0], json!({ "name": "PersonId", "type": "EmailType" }));
    let unread = self::report(&folder.put("b.csv", ""), &[]);
    assert_eq!(keys(&unread), keys(&report));
    assert_eq!(keys(&unread["baseline"]), ["refresh", "rows", "people", "columns"]);
}

/// Files with the secret in a cell with a finding, and in cells without one.
fn secrets(folder: &Folder) -> Vec<PathBuf> {
    let csv = staff().join("\n");
    let good = format!("{SECRET}@contoso.com");
    let bad = csv.replace("p7@contoso.com", SECRET).replace("p8@contoso.com", &good);
    let long = format!("{csv}\n{good},{good},{good},{good}");
    let files = [
        ("value", bad.clone()),
        ("date", csv.replace("p7@contoso.com,10/31/2026", &format!("p7@contoso.com,{SECRET}"))),
        ("twice", format!("{csv}\n{good},10/31/2026,{good},Sales\n{good},10/31/2026,,Sales")),
        ("width", csv.replace("p7@contoso.com", &format!("{good},{SECRET}"))),
        ("quotation", format!("{csv}\n\"{good}")),
        ("dates", long),
        ("no-header", bad.lines().skip(1).collect::<Vec<_>>().join("\n")),
        (
            "no-header-semicolons",
            bad.lines().skip(7).collect::<Vec<_>>().join("\n").replace(',', ";"),
        ),
    ];
    let files = files.into_iter().map(|(name, text)| folder.put(&format!("{name}.csv"), text));
    files.collect()
}

#[test]
fn no_value_is_shown_without_a_request() {
    let folder = Folder::new();
    let mapping = folder.put("m.json", format!("{{{MAPPING}}}")).display().to_string();
    for file in secrets(&folder) {
        for format in ["text", "json", "html"] {
            for options in
                [&[][..], &["--lenient"], &["--refresh", "incremental"], &["--mapping", &mapping]]
            {
                let output = check(&file, &[&["--format", format], options].concat());
                let says = text(&output);
                assert!(!says.contains(SECRET), "{}: {says}", file.display());
                assert!(code(&output) < 2 && output.stderr.is_empty());
            }
        }
    }
}

#[test]
fn show_values_shows_the_values() {
    let folder = Folder::new();
    let file = &secrets(&folder)[0];
    let report = report(file, &["--show-values"]);
    assert_eq!(report["findings"][0]["values"], json!([SECRET]));
    let text = text(&check(file, &["--show-values"]));
    assert!(text.contains(&format!("row 7: \"{SECRET}\"")), "{text}");
}

#[test]
fn refresh_and_leniency_follow_the_options() {
    let folder = Folder::new();
    let narrow = folder.without_organization();
    assert_eq!(found(&report(&narrow, &[])), ["error H13"]);
    let incremental = report(&narrow, &["--refresh", "incremental"]);
    assert_eq!((found(&incremental).len(), &incremental["verdict"]), (0, &json!("accepted")));
    assert_eq!(incremental["baseline"]["refresh"], "incremental");
    let broken = folder.put("broken.csv", staff().join("\n").replace("p7@", "p7"));
    assert_eq!(found(&report(&broken, &[])), ["error V01"]);
    let lenient = report(&broken, &["--lenient"]);
    assert_eq!(found(&lenient), ["warning V01", "warning C03"]);
    assert_eq!((&lenient["rowsSkipped"], &lenient["verdict"]), (&json!(1), &json!("accepted")));
    // The zip's metadata.json says full, but the option takes precedence.
    let csv = fs::read_to_string(&narrow).unwrap();
    let three = MAPPING.rsplit_once(",\n").unwrap().0;
    let zip = folder.put("n.zip", zip(&[("data.csv", &csv), ("metadata.json", &metadata(three))]));
    assert_eq!(found(&report(&zip, &[])), ["error H13"]);
    assert_eq!(found(&report(&zip, &["--refresh", "incremental"])).len(), 0);
}

#[test]
fn a_file_is_compared_with_a_report_or_its_baseline() {
    let folder = Folder::new();
    let good = report(&folder.good(), &[]);
    let before = folder.put("report.json", good.to_string()).display().to_string();
    let bare =
        folder.put("summary.json", format!("\u{feff}{}", good["baseline"])).display().to_string();
    let narrow = folder.without_organization();
    let few = folder.put("few.csv", staff()[..18].join("\n"));
    for against in [&before, &bare] {
        assert_eq!(found(&report(&folder.good(), &["--baseline", against])).len(), 0);
        assert_eq!(found(&report(&narrow, &["--baseline", against])), ["error H13", "error I03"]);
        let shrunk = report(&few, &["--baseline", against]);
        assert_eq!(found(&shrunk), ["error I04", "error I04", "warning C03"]);
        let output = check(&few, &["--baseline", against]);
        assert_eq!(code(&output), 1);
        assert!(text(&output).contains("The file itself has no errors."));
        let incremental = ["--refresh", "incremental", "--baseline", against];
        assert_eq!(found(&report(&few, &incremental)), ["warning C03"]);
    }
}

#[test]
fn a_mapping_takes_precedence_over_the_one_in_a_zip() {
    let folder = Folder::new();
    let csv = staff().join("\n");
    let wrong = metadata(&MAPPING.replace("EmailType", "StringType"));
    let zip = folder.put("info.zip", zip(&[("data.csv", &csv), ("metadata.json", &wrong)]));
    assert_eq!(found(&report(&zip, &[])), ["error H09", "error H09"]);
    let mapping = folder.put("m.json", format!("{{{MAPPING}}}")).display().to_string();
    assert_eq!(found(&report(&zip, &["--mapping", &mapping])).len(), 0);
}

#[test]
fn rules_are_listed_and_explained() {
    let run =
        |arguments: &[&str]| Command::new(BINARY).arg("rules").args(arguments).output().unwrap();
    let list = text(&run(&[]));
    assert_eq!(list.lines().count(), RULES.len());
    for (line, rule) in list.lines().zip(RULES) {
        assert!(line.starts_with(rule.id.name()) && line.ends_with(rule.about), "{line}");
        let one = text(&run(&[&rule.id.name().to_lowercase()]));
        for part in [
            rule.id.name(),
            rule.about,
            rule.message,
            rule.source,
            rule.accepted,
            rule.refused,
            rule.remedy,
        ] {
            assert!(one.contains(part), "{part} in {one}");
        }
    }
    let output = run(&["nonsense"]);
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), 2);
    assert!(complaint.contains("there is no rule nonsense"), "{complaint}");
    assert!(output.stdout.is_empty());
}

#[test]
fn show_values_shows_the_values_on_the_page_too() {
    let folder = Folder::new();
    let page = text(&check(&secrets(&folder)[0], &["--show-values", "--format", "html"]));
    assert!(page.contains(SECRET), "{page}");
}

#[test]
fn files_without_line_breaks_and_headers_with_people_show_nobody() {
    let folder = Folder::new();
    let csv = staff().join("\n").replace("p7@contoso.com", &format!("{SECRET}@contoso.com"));
    let one_line = csv.replace('\n', " ");
    let wide = format!("PersonId,{SECRET}@contoso.com,ManagerId,Organization\n");
    let mapping = folder.put("m.json", format!("{{{MAPPING}}}")).display().to_string();
    for (name, content) in [("one-line.csv", one_line), ("wide.csv", wide)] {
        let file = folder.put(name, content);
        for arguments in [vec![], vec!["--mapping", &mapping]] {
            for format in ["text", "json", "html"] {
                let says = text(&check(&file, &[&arguments[..], &["--format", format]].concat()));
                assert!(!says.contains(SECRET), "{name}: {says}");
            }
        }
    }
}

#[test]
fn the_report_of_a_rejected_file_is_not_a_baseline() {
    let folder = Folder::new();
    let rejected = report(&folder.put("empty.csv", ""), &[]);
    let before = folder.put("report.json", rejected.to_string()).display().to_string();
    let output = check(&folder.good(), &["--baseline", &before]);
    assert_eq!(code(&output), 2, "{}", text(&output));
}

#[test]
fn the_guide_has_the_members_of_a_report() {
    let guide = fs::read_to_string("src/guide/checks.md").unwrap();
    for member in ["\"verdict\"", "\"findings\"", "\"severity\"", "\"baseline\"", "\"lastDay\""] {
        assert!(guide.contains(member), "{member}");
    }
}
