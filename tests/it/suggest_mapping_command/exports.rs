//! Exports as they come, with what is to be proposed for each column.

use serde_json::{Value, json};

/// Stands in every text and address of an export, and must stand nowhere else.
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

/// An export: its columns, and what is to become of each.
pub(super) struct Export {
    pub(super) what: &'static str,
    pub(super) columns: Vec<(&'static str, Cell, &'static str)>,
    /// What the connection says of the file beside the mapping.
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

/// As systems write them.
fn systems() -> Vec<Export> {
    vec![
        Export {
            what: "Workday",
            columns: vec![
                ("Employee_ID", number, "out"),
                ("Worker", name, "out"),
                ("Primary_Work_Email", person, "PersonId EmailType sure"),
                ("Manager_Email", manager, "ManagerId EmailType sure"),
                ("Supervisory_Organization", team, "Organization StringType sure"),
                ("Management_Level", team, "LevelDesignation StringType sure"),
                ("Job_Family", team, "FunctionType StringType sure"),
                ("Hire_Date", month_first, "HireDate DateTime_MMDDYYYY sure"),
                ("Location", team, "Location StringType sure"),
                ("Country", team, "CountryOrRegion StringType sure"),
                ("Cost_Center", team, "CostCenter StringType sure"),
                ("Worker_Type", team, "EmployeeType StringType sure"),
                ("Effective_Date", snapshot, "EffectiveDate DateTime_MMDDYYYY sure"),
                ("Social_Security_Number", social_security, "out"),
                ("Date_of_Birth", month_first, "out"),
                ("Remark", name, "out"),
            ],
            beside: json!({}),
            encode: commas,
        },
        Export {
            what: "SuccessFactors, with a byte order mark and a number under a name of no meaning",
            columns: vec![
                ("userId", number, "out"),
                ("firstName", name, "out"),
                ("lastName", name, "out"),
                ("managerEmail", manager, "ManagerId EmailType sure"),
                ("businessEmail", person, "PersonId EmailType sure"),
                ("department", team, "Organization StringType sure"),
                ("division", team, "Division StringType sure"),
                ("jobLevel", team, "LevelDesignation StringType sure"),
                ("startDate", iso, "HireDate DateTime_MMDDYYYY unsure"),
                ("effectiveStartDate", snapshot, "EffectiveDate DateTime_MMDDYYYY sure"),
                ("custom01", social_security, "out"),
                ("timeZone", team, "out"),
            ],
            beside: json!({}),
            encode: excel,
        },
    ]
}

/// In other languages than English.
fn languages() -> Vec<Export> {
    vec![
        Export {
            what: "German Excel",
            columns: vec![
                ("Personalnummer", number, "out"),
                ("Vorname", |row| format!("Jürgen{MARK}{row}"), "out"),
                ("Dienstliche_EMail", person, "PersonId EmailType sure"),
                ("Vorgesetzter", manager, "ManagerId EmailType sure"),
                (
                    "Abteilung",
                    |row| format!("Büro {MARK} {}", row % 3),
                    "Organization StringType sure",
                ),
                ("Eintrittsdatum", day_first, "HireDate DateTime_DDMMYYYY sure"),
                ("Austritt", |row| format!("{:02}.12.2030", row % 28 + 1), "out"),
                ("Standort", team, "Location StringType sure"),
                ("Kostenstelle", team, "CostCenter StringType sure"),
                ("Geburtsdatum", day_first, "out"),
                ("Stichtag", either_way, "EffectiveDate DateTime_DDMMYYYY unsure"),
            ],
            beside: json!({ "encoding": "windows-1252", "delimiter": ";" }),
            encode: semicolons_in_windows_1252,
        },
        Export {
            what: "Japanese",
            columns: vec![
                ("社員番号", number, "out"),
                ("氏名", |row| format!("山田{MARK}{row}"), "out"),
                ("メールアドレス", person, "PersonId EmailType sure -> PersonId"),
                ("上司メールアドレス", manager, "ManagerId EmailType sure -> ManagerId"),
                ("部署", team, "Organization StringType sure -> Organization"),
                ("入社日", iso, "HireDate DateTime_MMDDYYYY sure -> HireDate"),
                ("生年月日", iso, "out"),
                ("有効日", snapshot, "EffectiveDate DateTime_MMDDYYYY sure -> EffectiveDate"),
            ],
            beside: json!({}),
            encode: commas,
        },
        Export {
            what: "Japanese Excel",
            columns: vec![
                ("氏名", |row| format!("山田{MARK}{row}"), "out"),
                ("メールアドレス", person, "PersonId EmailType sure -> PersonId"),
                ("上司", manager, "ManagerId EmailType sure -> ManagerId"),
                ("部門", team, "Organization StringType sure -> Organization"),
            ],
            beside: json!({ "encoding": "shift_jis" }),
            encode: shift_jis,
        },
    ]
}

/// With something odd about them.
fn oddities() -> Vec<Export> {
    vec![
        Export {
            what: "tabs in UTF-16, and dates that can be read both ways",
            columns: vec![
                ("Reports_To", manager, "ManagerId EmailType sure"),
                ("Email", person, "PersonId EmailType sure"),
                ("Department", team, "Organization StringType sure"),
                ("Effective_Date", either_way, "EffectiveDate DateTime_MMDDYYYY unsure"),
            ],
            beside: json!({ "encoding": "utf-16le", "delimiter": "tab" }),
            encode: tabs_in_utf_16,
        },
        Export {
            what: "names that say nothing",
            columns: vec![
                ("C1", manager, "ManagerId EmailType unsure"),
                ("C2", person, "PersonId EmailType unsure"),
                ("Organization", team, "Organization StringType sure"),
                ("C3", snapshot, "out"),
                ("Location", team, "Location StringType sure"),
                ("Job_Title", team, "JobTitle StringType sure"),
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
                    "PersonId EmailType sure -> Work_Contact_Work_Email",
                ),
                ("Reports To Email", manager, "ManagerId EmailType sure -> Reports_To_Email"),
                (
                    "Home Department Description",
                    team,
                    "Organization StringType sure -> Home_Department_Description",
                ),
                ("Payroll Name", name, "out"),
                ("EffectiveDate", snapshot, "EffectiveDate DateTime_MMDDYYYY sure"),
            ],
            beside: json!({}),
            encode: commas,
        },
    ]
}
