//! One case of the table: a file, the options of the check, and all expected findings.

use std::io::{Cursor, Write as _};

use time::macros::date;
use viva_import::{
    check::{FileCheck, Finding, Report},
    config,
    schema::{Baseline, Id, Limits, Refresh, Severity, Target},
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A file and its expected findings; there must be no others.
pub(crate) struct Case {
    pub(crate) rule: Id,
    what: String,
    name: &'static str,
    lines: Vec<String>,
    file: Option<Vec<u8>>,
    /// A connection, a mapping or a metadata.json.
    document: Option<Vec<u8>>,
    asked: FileCheck,
    pub(crate) found: Vec<Expected>,
    beside: Vec<Id>,
}

/// One finding of the case's rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    severity: Severity,
    column: Option<String>,
    rows: Vec<u64>,
    count: u64,
}

/// A case of the rule. Its file is [`staff`], which has no findings, until it is changed.
pub(crate) fn case(rule: Id, what: impl Into<String>) -> Case {
    Case {
        rule,
        what: what.into(),
        name: "export.csv",
        lines: staff(),
        file: None,
        document: None,
        asked: asked(),
        found: vec![],
        beside: vec![],
    }
}

/// A check on 1 December 2026 with the default limits.
pub(crate) fn asked() -> FileCheck {
    FileCheck {
        dialect: None,
        given: None,
        refresh: None,
        lenient: false,
        previous: None,
        show_values: false,
        today: date!(2026 - 12 - 01).into(),
        limits: limits(&[]),
    }
}

/// Twenty people, so that the head without a manager is 5 %: ana in line 2, p3 in line 3, and so on.
pub(crate) fn staff() -> Vec<String> {
    let mut lines = vec![
        "PersonId,EffectiveDate,ManagerId,Organization".to_owned(),
        "ana@contoso.com,10/31/2026,,Board".to_owned(),
    ];
    lines.extend((3..=21).map(|line| {
        let organization = if line % 2 == 0 { "Sales" } else { "Legal" };
        format!("p{line}@contoso.com,10/31/2026,ana@contoso.com,{organization}")
    }));
    lines
}

/// The mapping of the columns of [`staff`].
pub(crate) const MAPPING: &str = r#""PersonId":{"name":"PersonId","type":"EmailType"},
    "EffectiveDate":{"name":"EffectiveDate","type":"DateTime_MMDDYYYY"},
    "ManagerId":{"name":"ManagerId","type":"EmailType"},
    "Organization":{"name":"Organization","type":"StringType"}"#;

/// A metadata.json in Microsoft's form.
pub(crate) fn metadata(mapping: &str) -> String {
    format!(r#"{{"DatasetType":"HR","IsBootstrap":"true","Mapping":{{{mapping}}}}}"#)
}

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (name, content) in files {
        if name.ends_with('/') {
            zip.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// The previous import: a full one of [`staff`].
pub(crate) fn previous() -> Baseline {
    case(Id::I03, "the previous import").report().baseline
}

fn limits(settings: &[(&str, &str)]) -> Limits {
    let of = |name: &str| settings.iter().find(|(known, _)| *known == name);
    config::limits(|name| of(name).map(|(_, value)| (*value).to_owned())).unwrap()
}

/// The file.
impl Case {
    /// These bytes instead of the staff.
    pub(crate) fn file(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.file = Some(bytes.into());
        self
    }

    /// These lines instead of the staff.
    pub(crate) fn lines(mut self, lines: &[&str]) -> Self {
        self.lines = lines.iter().map(|line| (*line).to_owned()).collect();
        self
    }

    /// The header, and the rows of the staff as they are.
    pub(crate) fn header(self, header: &str) -> Self {
        self.line(1, header)
    }

    pub(crate) fn line(mut self, line: usize, text: &str) -> Self {
        text.clone_into(&mut self.lines[line - 1]);
        self
    }

    pub(crate) fn insert(mut self, line: usize, text: &str) -> Self {
        self.lines.insert(line - 1, text.to_owned());
        self
    }

    pub(crate) fn add(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Only the first lines.
    pub(crate) fn cut_to(mut self, lines: usize) -> Self {
        self.lines.truncate(lines);
        self
    }

    /// Another column with these values, repeated.
    pub(crate) fn column(mut self, name: &str, values: &[&str]) -> Self {
        let names = [name].into_iter().chain(values.iter().copied().cycle());
        for (line, value) in self.lines.iter_mut().zip(names) {
            line.push(',');
            line.push_str(value);
        }
        self
    }

    /// The value of a column in these lines, as it is in the file.
    pub(crate) fn cells(mut self, column: &str, lines: &[usize], value: &str) -> Self {
        let at = self.lines[0].split(',').position(|name| name == column).unwrap();
        for line in lines {
            let line = &mut self.lines[line - 1];
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[at] = value;
            *line = cells.join(",");
        }
        self
    }

    pub(crate) fn cell(self, column: &str, line: usize, value: &str) -> Self {
        self.cells(column, &[line], value)
    }

    /// The same value in every row.
    pub(crate) fn all(self, column: &str, value: &str) -> Self {
        let lines: Vec<usize> = (2..=self.lines.len()).collect();
        self.cells(column, &lines, value)
    }

    pub(crate) fn without(mut self, column: &str) -> Self {
        let at = self.lines[0].split(',').position(|name| name == column).unwrap();
        for line in &mut self.lines {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells.remove(at);
            *line = cells.join(",");
        }
        self
    }

    /// The file with the text encoded by `how`.
    pub(crate) fn written<T: Into<Vec<u8>>>(self, how: impl Fn(&str) -> T) -> Self {
        let text = self.text();
        self.file(how(&text))
    }

    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// A zip of the text and this metadata.json.
    pub(crate) fn zipped(self, metadata: &str) -> Self {
        let bytes = zip(&[("data.csv", &self.text()), ("metadata.json", metadata)]);
        self.zip(bytes)
    }

    pub(crate) fn zip(self, bytes: Vec<u8>) -> Self {
        self.named("info.zip").file(bytes)
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The options.
impl Case {
    pub(crate) fn incremental(mut self) -> Self {
        self.asked.refresh = Some(Refresh::Incremental);
        self
    }

    pub(crate) fn lenient(mut self) -> Self {
        self.asked.lenient = true;
        self
    }

    pub(crate) fn after(mut self, previous: Baseline) -> Self {
        self.asked.previous = Some(previous);
        self
    }

    pub(crate) fn setting(mut self, name: &str, value: &str) -> Self {
        self.asked.limits = limits(&[(name, value)]);
        self
    }

    /// A connection, a mapping or a metadata.json.
    pub(crate) fn by(mut self, document: impl Into<Vec<u8>>) -> Self {
        self.document = Some(document.into());
        self
    }

    /// A mapping of the staff's columns, and these.
    pub(crate) fn mapped(self, more: &str) -> Self {
        self.by(format!("{{{MAPPING}{}{more}}}", if more.is_empty() { "" } else { "," }))
    }

    /// A connection with the staff's columns, and these members.
    pub(crate) fn connection(self, members: &str) -> Self {
        self.by(format!(
            r#"{{"tenantId":"0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5","connector":"HR",
            "refresh":"full","credential":{{"kind":"managedIdentity"}},
            "mapping":{{{MAPPING}}},{members}}}"#
        ))
    }

    /// The rule at another level: `warning`, `hint` or `off`.
    pub(crate) fn lowered(self, rule: Id, level: &str) -> Self {
        self.connection(&format!(r#""rules":{{"{rule}":"{level}"}}"#))
    }
}

/// The expected findings. Without any of these methods, there must be none.
impl Case {
    pub(crate) fn error<'a>(self, column: impl Into<Option<&'a str>>, rows: &[u64]) -> Self {
        self.found(Severity::Error, column.into(), rows)
    }

    pub(crate) fn warning<'a>(self, column: impl Into<Option<&'a str>>, rows: &[u64]) -> Self {
        self.found(Severity::Warning, column.into(), rows)
    }

    pub(crate) fn hint<'a>(self, column: impl Into<Option<&'a str>>, rows: &[u64]) -> Self {
        self.found(Severity::Hint, column.into(), rows)
    }

    fn found(mut self, severity: Severity, column: Option<&str>, rows: &[u64]) -> Self {
        let column = column.map(str::to_owned);
        let count = rows.len().max(1) as u64;
        self.found.push(Expected { severity, column, rows: rows.to_vec(), count });
        self
    }

    /// The count of the last expected finding, if it is not the number of rows.
    pub(crate) fn times(mut self, count: u64) -> Self {
        self.found.last_mut().unwrap().count = count;
        self
    }

    /// Other rules that must have findings, too.
    pub(crate) fn beside(mut self, rules: &[Id]) -> Self {
        self.beside = rules.to_vec();
        self
    }

    pub(crate) fn report(&self) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(self.name);
        let text = self.text();
        std::fs::write(&path, self.file.as_deref().unwrap_or(text.as_bytes())).unwrap();
        let FileCheck { limits, today, .. } = &self.asked;
        let dialect = Target::default().schema().dialect();
        let given = self.document.as_ref().map(|document| {
            viva_import::connection::check_options(document, &dialect, limits, *today).unwrap().0
        });
        FileCheck { given, ..self.asked.clone() }.check(&path, |_| {}).unwrap()
    }

    /// The differences from the expected findings, as text; `None` if there are none.
    pub(crate) fn fault(&self) -> Option<String> {
        let report = self.report();
        let is_own = |finding: &&Finding| finding.rule == self.rule;
        let own: Vec<Expected> = report.findings.iter().filter(is_own).map(Expected::of).collect();
        let mut others: Vec<Id> = report.findings.iter().map(|finding| finding.rule).collect();
        others.retain(|rule| *rule != self.rule);
        others.sort_unstable();
        others.dedup();
        let mut beside = self.beside.clone();
        beside.sort_unstable();
        if report.rows_skipped > 0 {
            // If a row is skipped, the head alone is more than 5 % of the staff.
            others.retain(|rule| *rule != Id::C03);
            beside.retain(|rule| *rule != Id::C03);
        }
        let shows = report.findings.iter().any(|finding| !finding.values.is_empty());
        (own != self.found || others != beside || shows).then(|| {
            let messages: Vec<String> = report
                .findings
                .iter()
                .map(|finding| format!("  {} {}", finding.rule, finding.message))
                .collect();
            format!(
                "{}, {}:\n  expected {:?} and {beside:?}\n  found    {own:?} and {others:?}\n{}\n",
                self.rule,
                self.what,
                self.found,
                messages.join("\n")
            )
        })
    }
}

impl Expected {
    fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            column: finding.column.clone(),
            rows: finding.rows.clone(),
            count: finding.count,
        }
    }
}
