//! Each cause is reported once and under its own rule, and nothing is reported that cannot be known.

use viva_import::schema::Id;

use super::case::{Case, MAPPING, case, metadata, previous, zip};

pub(super) fn cases() -> Vec<Case> {
    [misses(), missing_people(), part_of_a_file(), names(), dropped(), lines()]
        .into_iter()
        .flatten()
        .collect()
}

/// Faults that are easy to miss.
fn misses() -> Vec<Case> {
    let skipped = (22..=41)
        .fold(case(Id::C03, "5 % of the rows, 10 % of those that are sent"), |case, line| {
            case.add(&format!("p{line},10/31/2026,ana@contoso.com,Sales"))
        });
    let hired = |day: &str| {
        case(Id::Q03, day)
            .column("HireDate", &["8/15/2015"])
            .cell("HireDate", 3, day)
            .hint("HireDate", &[3])
    };
    vec![
        case(Id::F09, "more people than there is memory for")
            .setting("MAX_PEOPLE_BYTES", "1")
            .error(None, &[2]),
        skipped
            .lenient()
            .cell("ManagerId", 7, "")
            .error("ManagerId", &[])
            .beside(&[Id::V01, Id::M07]),
        case(Id::Q09, "UTF-8 with encoding Windows-1252")
            .cell("Organization", 3, "Café")
            .connection(r#""encoding":"windows-1252""#)
            .error(None, &[]),
        case(Id::Q09, "a lost character in every row that has it")
            .cell("PersonId", 3, "jos?@contoso.com")
            .cells("ManagerId", &[7, 8], "jos?@contoso.com")
            .hint("PersonId", &[3])
            .hint("ManagerId", &[7, 8]),
        case(Id::Q09, "a replaced character in a text")
            .cell("Organization", 3, "M\u{fffd}nchen")
            .hint("Organization", &[3]),
        case(Id::Q09, "semicolons, although the rule is off")
            .lowered(Id::Q09, "off")
            .written(|text| text.replace(',', ";").into_bytes())
            .error(None, &[1]),
        case(Id::F03, "a header that continues after its quotation mark")
            .lenient()
            .header("PersonId,EffectiveDate,ManagerId,\"Organization\"x")
            .error(None, &[1]),
        case(Id::F04, "a NUL byte").cell("Organization", 20, "S\0al").error("Organization", &[20]),
        case(Id::F10, "a value of nothing but a line break")
            .column("Spot", &["here", "there"])
            .cell("Spot", 3, "\"\n\"")
            .error("Spot", &[3]),
        case(Id::Q09, "commas with delimiter semicolon")
            .connection(r#""delimiter":";""#)
            .error(None, &[1]),
        case(Id::H05, "another case")
            .column("A", &["1a", "1b"])
            .column("B", &["2a", "2b"])
            .mapped(r#""A":{"name":"Spot","type":"String"},"B":{"name":"spot","type":"String"}"#)
            .error("B", &[]),
        hired("01/01/0001"),
        hired("12/30/1899"),
        case(Id::F13, "a blank line above the header").insert(1, "").error(None, &[1]),
    ]
}

/// A person whose row cannot be read is not missing, and has no second manager.
fn missing_people() -> Vec<Case> {
    let dates = |line: usize| case(Id::V03, "one date").cell("EffectiveDate", line, "31/10/2026");
    vec![
        dates(2).error("EffectiveDate", &[2]),
        case(Id::F03, "a comma in the head's row")
            .cell("Organization", 2, "Board, the")
            .error(None, &[2]),
        case(Id::V01, "a manager's own row")
            .cell("PersonId", 3, "p3@contoso.com ")
            .cell("ManagerId", 7, "p3@contoso.com")
            .error("PersonId", &[3]),
        case(Id::V01, "a manager's address")
            .cell("ManagerId", 7, "100045")
            .error("ManagerId", &[7]),
        case(Id::V01, "a manager's address, incremental")
            .incremental()
            .cell("ManagerId", 7, "100045")
            .error("ManagerId", &[7]),
        case(Id::V01, "a word for no manager")
            .cell("ManagerId", 7, "NULL")
            .error("ManagerId", &[7])
            .beside(&[Id::Q02]),
        case(Id::V07, "no date in one row")
            .cell("EffectiveDate", 7, "")
            .error("EffectiveDate", &[7])
            .beside(&[Id::C02]),
        case(Id::V08, "a head and one who reports to himself")
            .incremental()
            .cell("ManagerId", 7, "p7@contoso.com")
            .beside(&[Id::M03]),
    ]
}

/// A file that is rejected for its rows is not compared with the previous import, and rows that were not read do
/// not count.
fn part_of_a_file() -> Vec<Case> {
    let first = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let again = |rule, what: &str| case(rule, what).after(previous());
    vec![
        again(Id::V03, "every date is day first")
            .all("EffectiveDate", "31/10/2026")
            .error("EffectiveDate", &first)
            .times(20),
        again(Id::F03, "a comma in five rows")
            .cells("Organization", &[3, 4, 5, 6, 7], "a,b")
            .error(None, &[3, 4, 5, 6, 7]),
        again(Id::F03, "a quotation mark that is never closed")
            .cell("Organization", 9, "\"Sales")
            .error(None, &[9]),
        case(Id::F03, "a quotation mark that is never closed, and a manager after it")
            .cell("ManagerId", 3, "p15@contoso.com")
            .cell("Organization", 9, "\"Sales")
            .error(None, &[9]),
        again(Id::V01, "three addresses")
            .cells("PersonId", &[3, 4, 5], "x")
            .error("PersonId", &[3, 4, 5]),
        again(Id::H09, "PersonId is no address")
            .by(format!("{{{}}}", MAPPING.replacen("EmailType", "StringType", 1)))
            .error("PersonId", &[])
            .beside(&[Id::I03]),
        case(Id::F04, "half a UTF-16 character at the end")
            .connection(r#""encoding":"utf-16le""#)
            .written(|text| {
                let units = text.encode_utf16().chain([0xD800]);
                units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
            })
            .error(None, &[]),
        case(Id::F05, "two csvs")
            .zip(zip(&[
                ("data.csv", "x"),
                ("more.csv", "x"),
                ("metadata.json", &metadata(MAPPING)),
            ]))
            .error(None, &[])
            .warning(None, &[]),
    ]
}

/// Without a mapping, the column and its field have the same name, whose faults are reported once.
fn names() -> Vec<Case> {
    let spots = ["here", "there"];
    vec![
        case(Id::H03, "a blank in a name").column("Cost Center", &spots).error("Cost Center", &[]),
        case(Id::H03, "a blank after a name").column("Area ", &spots).error("Area ", &[]),
        case(Id::H01, "the same name")
            .column("Level", &spots)
            .column("Level", &spots)
            .error("Level", &[1]),
        case(Id::H02, "no name").column("", &spots).error("column 5", &[1]),
        case(Id::H13, "mapped and missing")
            .mapped("")
            .without("EffectiveDate")
            .warning("EffectiveDate", &[]),
        // Excel's line is the first, the header the second.
        case(Id::H01, "below Excel's sep line")
            .column("Level", &spots)
            .column("level", &spots)
            .insert(1, "sep=,")
            .error("level", &[2]),
        // A line break in a name does not mean carriage returns as line ends.
        case(Id::H03, "CRLF in a name").column("\"Cost\r\nCenter\"", &spots).error(None, &[1]),
    ]
}

/// A dropped column may have any name.
fn dropped() -> Vec<Case> {
    let spots = ["here", "there"];
    let beside = |case: Case| case.mapped("").beside(&[Id::H06]);
    vec![
        beside(case(Id::H01, "two of one name").column("Note", &spots).column("Note", &spots)),
        beside(case(Id::H02, "a comma at the end of every line").column("", &[""])),
        beside(case(Id::H03, "CRLF in a name").column("\"Cost\r\nCenter\"", &spots)),
    ]
}

/// A line of spaces is a blank row, not a row with one column.
fn lines() -> Vec<Case> {
    vec![
        case(Id::F13, "between rows").insert(5, "  ").error(None, &[5]),
        case(Id::F13, "at the end").add("  ").error(None, &[22]),
    ]
}
