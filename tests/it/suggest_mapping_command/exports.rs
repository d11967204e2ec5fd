//! Exports of different systems, with the expected proposal for each column.

use serde_json::{Value, json};

/// A mark in every text and address of an export, which must not occur in any output.
pub(super) const MARK: &str = "zq7x";

const ROWS: usize = 40;

/// How a column's value in each row is made.
pub(super) type Cell = fn(usize) -> String;

fn person(row: usize) -> String {
    format!("{MARK}.{row}@{MARK}.example")
}

fn manager(row: usize) -> String {
    if row == 0 { String::new() } else { person(row / 10) }
}

fn team(row: usize) -> String {
    format!("{MARK} {}", row % 4)
}

fn name(row: usize) -> String {
    format!("{MARK}{row}")
}

fn number(row: usize) -> String {
    (73_519_000 + row).to_string()
}

fn month_first(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 12 + 1, row % 28 + 1)
}

fn day_first(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 28 + 1, row % 12 + 1)
}

fn iso(row: usize) -> String {
    format!("2019-{:02}-{:02}", row % 12 + 1, row % 28 + 1)
}

fn either_way(row: usize) -> String {
    format!("{:02}/{:02}/2019", row % 12 + 1, (row + 1) % 12 + 1)
}

fn snapshot(_: usize) -> String {
    "2026-10-31".to_owned()
}

fn social_security(row: usize) -> String {
    format!("735-19-{row:04}")
}

/// An export: its columns, each with the expected proposal.
pub(super) struct Export {
    pub(super) what: &'static str,
    pub(super) columns: Vec<(&'static str, Cell, &'static str)>,
    /// The encoding and delimiter that the connection must name.
    pub(super) beside: Value,
    encode: fn(&str) -> Vec<u8>,
}

impl Export {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let names: Vec<&str> = self.columns.iter().map(|(name, ..)| *name).collect();
        let mut lines = vec![names.join(";")];
        for row in 0..ROWS {
            let cells: Vec<String> = self.columns.iter().map(|(_, cell, _)| cell(row)).collect();
            lines.push(cells.join(";"));
        }
        (self.encode)(&(lines.join("\r\n") + "\r\n"))
    }
}

fn commas(text: &str) -> Vec<u8> {
    text.replace(';', ",").into_bytes()
}

fn semicolons_in_windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn tabs_in_utf_16(text: &str) -> Vec<u8> {
    let text = format!("\u{feff}{}", text.replace(';', "\t"));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn excel(text: &str) -> Vec<u8> {
    format!("\u{feff}{}", text.replace(';', ",")).into_bytes()
}

fn shift_jis(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(&text.replace(';', ",")).0.into_owned()
}

/// All of them.
pub(super) fn exports() -> Vec<Export> {
    [systems(), languages(), oddities()].into_iter().flatten().collect()
}

/// Exports as systems write them.
fn systems() -> Vec<Export> {
    vec![
        Export {
            what: "Workday",
            columns: vec![
                ("Employee_ID", number, "not mapped"),
                ("Worker", name, "not mapped"),
                ("Primary_Work_Email", person, "PersonId EmailType certain"),
                ("Manager_Email", manager, "ManagerId EmailType certain"),
                ("Supervisory_Organization", team, "Organization StringType certain"),
                ("Management_Level", team, "LevelDesignation StringType certain"),
                ("Job_Family", team, "FunctionType StringType certain"),
                ("Hire_Date", month_first, "HireDate DateTime_MMDDYYYY certain"),
                ("Location", team, "Location StringType certain"),
                ("Country", team, "CountryOrRegion StringType certain"),
                ("Cost_Center", team, "CostCenter StringType certain"),
                ("Worker_Type", team, "EmployeeType StringType certain"),
                ("Effective_Date", snapshot, "EffectiveDate DateTime_MMDDYYYY certain"),
                ("Social_Security_Number", social_security, "not mapped"),
                ("Date_of_Birth", month_first, "not mapped"),
                ("Remark", name, "not mapped"),
            ],
            beside: json!({}),
            encode: commas,
        },
        Export {
            what: "SuccessFactors, with a byte order mark and a number under a meaningless name",
            columns: vec![
                ("userId", number, "not mapped"),
                ("firstName", name, "not mapped"),
                ("lastName", name, "not mapped"),
                ("managerEmail", manager, "ManagerId EmailType certain"),
                ("businessEmail", person, "PersonId EmailType certain"),
                ("department", team, "Organization StringType certain"),
                ("division", team, "Division StringType certain"),
                ("jobLevel", team, "LevelDesignation StringType certain"),
                ("startDate", iso, "HireDate DateTime_MMDDYYYY uncertain"),
                ("effectiveStartDate", snapshot, "EffectiveDate DateTime_MMDDYYYY certain"),
                ("custom01", social_security, "not mapped"),
                ("timeZone", team, "not mapped"),
            ],
            beside: json!({}),
            encode: excel,
        },
    ]
}

/// Exports in other languages than English.
fn languages() -> Vec<Export> {
    vec![
        Export {
            what: "German Excel",
            columns: vec![
                ("Personalnummer", number, "not mapped"),
                ("Vorname", |row| format!("Jürgen{MARK}{row}"), "not mapped"),
                ("Dienstliche_EMail", person, "PersonId EmailType certain"),
                ("Vorgesetzter", manager, "ManagerId EmailType certain"),
                (
                    "Abteilung",
                    |row| format!("Büro {MARK} {}", row % 3),
                    "Organization StringType certain",
                ),
                ("Eintrittsdatum", day_first, "HireDate DateTime_DDMMYYYY certain"),
                ("Austritt", |row| format!("{:02}.12.2030", row % 28 + 1), "not mapped"),
                ("Standort", team, "Location StringType certain"),
                ("Kostenstelle", team, "CostCenter StringType certain"),
                ("Geburtsdatum", day_first, "not mapped"),
                ("Stichtag", either_way, "EffectiveDate DateTime_DDMMYYYY uncertain"),
            ],
            beside: json!({ "encoding": "windows-1252", "delimiter": ";" }),
            encode: semicolons_in_windows_1252,
        },
        Export {
            what: "Japanese",
            columns: vec![
                ("社員番号", number, "not mapped"),
                ("氏名", |row| format!("山田{MARK}{row}"), "not mapped"),
                ("メールアドレス", person, "PersonId EmailType certain -> PersonId"),
                ("上司メールアドレス", manager, "ManagerId EmailType certain -> ManagerId"),
                ("部署", team, "Organization StringType certain -> Organization"),
                ("入社日", iso, "HireDate DateTime_MMDDYYYY certain -> HireDate"),
                ("生年月日", iso, "not mapped"),
                ("有効日", snapshot, "EffectiveDate DateTime_MMDDYYYY certain -> EffectiveDate"),
            ],
            beside: json!({}),
            encode: commas,
        },
        Export {
            what: "Japanese Excel",
            columns: vec![
                ("氏名", |row| format!("山田{MARK}{row}"), "not mapped"),
                ("メールアドレス", person, "PersonId EmailType certain -> PersonId"),
                ("上司", manager, "ManagerId EmailType certain -> ManagerId"),
                ("部門", team, "Organization StringType certain -> Organization"),
            ],
            beside: json!({ "encoding": "shift_jis" }),
            encode: shift_jis,
        },
    ]
}

/// Unusual exports.
fn oddities() -> Vec<Export> {
    vec![
        Export {
            what: "tabs in UTF-16, and dates that can be read both ways",
            columns: vec![
                ("Reports_To", manager, "ManagerId EmailType certain"),
                ("Email", person, "PersonId EmailType certain"),
                ("Department", team, "Organization StringType certain"),
                ("Effective_Date", either_way, "EffectiveDate DateTime_MMDDYYYY uncertain"),
            ],
            beside: json!({ "encoding": "utf-16le", "delimiter": "tab" }),
            encode: tabs_in_utf_16,
        },
        Export {
            what: "names that say nothing",
            columns: vec![
                ("C1", manager, "ManagerId EmailType uncertain"),
                ("C2", person, "PersonId EmailType uncertain"),
                ("Organization", team, "Organization StringType certain"),
                ("C3", snapshot, "not mapped"),
                ("Location", team, "Location StringType certain"),
                ("Job_Title", team, "JobTitle StringType certain"),
            ],
            beside: json!({}),
            encode: commas,
        },
        Export {
            what: "blanks in names",
            columns: vec![
                (
                    "Work Contact: Work Email",
                    person,
                    "PersonId EmailType certain -> Work_Contact_Work_Email",
                ),
                ("Reports To Email", manager, "ManagerId EmailType certain -> Reports_To_Email"),
                (
                    "Home Department Description",
                    team,
                    "Organization StringType certain -> Home_Department_Description",
                ),
                ("Payroll Name", name, "not mapped"),
                ("EffectiveDate", snapshot, "EffectiveDate DateTime_MMDDYYYY certain"),
            ],
            beside: json!({}),
            encode: commas,
        },
    ]
}
