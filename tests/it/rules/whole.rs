//! Whole exports as HR systems write them, with all their findings.

use std::fmt::Write as _;

use encoding_rs::WINDOWS_1252;
use viva_import::{
    schema::Id,
    testbed::{SAMPLE_CONNECTION, SAMPLE_CSV},
};

use super::case::{Case, MAPPING, case, metadata, previous, zip};

pub(super) fn cases() -> Vec<Case> {
    [exports(), small_files()].into_iter().flatten().collect()
}

/// The last days of thirteen months.
const MONTHS: [(u16, u8, u8); 13] = [
    (2025, 10, 31),
    (2025, 11, 30),
    (2025, 12, 31),
    (2026, 1, 31),
    (2026, 2, 28),
    (2026, 3, 31),
    (2026, 4, 30),
    (2026, 5, 31),
    (2026, 6, 30),
    (2026, 7, 31),
    (2026, 8, 31),
    (2026, 9, 30),
    (2026, 10, 31),
];

/// Thirteen months of a company that grows from thirty to forty-two people: people join, one leaves, managers
/// change, and some are guests.
fn history(header: &str, row: impl Fn(usize, (u16, u8, u8), &str) -> String) -> String {
    let mut text = format!("{header}\n");
    for (month, day) in MONTHS.iter().enumerate() {
        for person in 0..30 + month {
            if person == 5 && month > 6 {
                continue;
            }
            let manager = match person {
                0 => String::new(),
                1..=4 => mail(0),
                _ => mail(1 + (person + month / 4) % 4),
            };
            text.push_str(&row(person, *day, &manager));
            text.push('\n');
        }
    }
    text
}

fn mail(person: usize) -> String {
    match person {
        7 => "bob_fabrikam.com#EXT#@contoso.onmicrosoft.com".to_owned(),
        8 => "siobhan.o'neill@contoso.com".to_owned(),
        _ => format!("person{person}@contoso.com"),
    }
}

fn american() -> String {
    let header = "PersonId,EffectiveDate,HireDate,ManagerId,LevelDesignation,Organization,Layer,\
                  Area,HourlyRate,WeeklyBadgeOnsiteDays,SupervisorIndicator";
    history(header, |person, (year, month, day), manager| {
        let hired = format!("{}/{}/2014", 1 + person % 12, 1 + person % 28);
        let level = ["Junior IC", "Senior IC"][person % 2];
        let organization = ["\"Sales, East\"", "R&D", "Legal"][person % 3];
        let (area, days) = (["Southeast", "Midwest "][person % 2], person % 6);
        let indicator = ["IC", "Mngr", "Mngr+"][person % 3];
        format!(
            "{},{month}/{day}/{year} 12:00:00 AM,{hired},{manager},{level},{organization},{},\
             {area},{}.50,{days},{indicator}",
            mail(person),
            person % 9,
            20 + person
        )
    })
}

fn quoted() -> String {
    let header = "PersonId,EffectiveDate,ManagerId,Organization,CostCenter,IsRemote,FunctionType";
    history(header, |person, (year, month, day), manager| {
        let (organization, function) =
            (["Sales", "Legal"][person % 2], ["G&A", "Field"][person % 2]);
        let (center, remote) = (100 + person, ["true", "FALSE"][person % 2]);
        format!(
            "\"{}\",\"{year}-{month:02}-{day:02}\",\"{manager}\",\"{organization}\",\
             \"{center:06}\",\"{remote}\",\"{function}\"",
            mail(person)
        )
    })
}

fn japanese() -> String {
    let header = "Shain,Kijunbi,Joshi,Busho,Kinmuchi,Shokui";
    history(header, |person, (year, month, day), manager| {
        let organization = ["営業部", "法務部", "\"開発部, 第二\""][person % 3];
        let (place, level) = (["東京", "大阪"][person % 2], ["部長", "課長"][person % 2]);
        let person = mail(person);
        format!("{person},{year}-{month:02}-{day:02},{manager},{organization},{place},{level}")
    })
}

fn german() -> String {
    let header = "Mitarbeiter;Stichtag;Vorgesetzter;Bereich;Eintritt;Standort";
    history(header, |person, (year, month, day), manager| {
        let hired = format!("{}-Mar-{}", 1 + person % 28, 2000 + person % 20);
        let (organization, place) =
            (["Vertrieb", "Qualität"][person % 2], ["München", "Köln"][person % 2]);
        let person = mail(person);
        format!("{person};{day:02}/{month:02}/{year};{manager};{organization};{hired};{place}")
    })
}

fn exports() -> Vec<Case> {
    let of_quoted = r#""CostCenter":{"name":"CostCenter","type":"StringType"},
        "IsRemote":{"name":"IsRemote","type":"Boolean"},
        "FunctionType":{"name":"FunctionType","type":"StringType"}"#;
    let of_japanese = r#"{"Shain":{"name":"PersonId","type":"EmailType"},
        "Kijunbi":{"name":"EffectiveDate","type":"DateTime_MMDDYYYY"},
        "Joshi":{"name":"ManagerId","type":"EmailType"},
        "Busho":{"name":"Organization","type":"StringType"},
        "Kinmuchi":{"name":"Location","type":"StringType"},
        "Shokui":{"name":"LevelDesignation","type":"StringType"}}"#;
    let of_german = r#"{"tenantId":"0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5","connector":"HR",
        "refresh":"full","credential":{"kind":"managedIdentity"},
        "encoding":"windows-1252","delimiter":";","mapping":{
        "Mitarbeiter":{"name":"PersonId","type":"EmailType"},
        "Stichtag":{"name":"EffectiveDate","type":"DateTime_DDMMYYYY"},
        "Vorgesetzter":{"name":"ManagerId","type":"EmailType"},
        "Bereich":{"name":"Organization","type":"StringType"},
        "Eintritt":{"name":"HireDate","type":"DateTime_DDMMYYYY"},
        "Standort":{"name":"Location","type":"StringType"}}}"#;
    let crlf = |text: &str| text.replace('\n', "\r\n");
    vec![
        case(Id::V03, "American, CRLF").file(crlf(&american())),
        case(Id::V03, "American, byte order mark, blank lines at the end")
            .file(format!("\u{feff}{}\n\n", american())),
        case(Id::F03, "every value quoted, dates year first").file(quoted()),
        case(Id::V09, "the same, with a boolean").file(quoted()).mapped(of_quoted),
        case(Id::H06, "the same, four columns of it").file(quoted()).mapped("").hint(None, &[1]),
        case(Id::F04, "Japanese, byte order mark, CRLF")
            .file(format!("\u{feff}{}", crlf(&japanese())))
            .by(of_japanese),
        case(Id::F04, "German, semicolons, Windows-1252")
            .file(WINDOWS_1252.encode(&german()).0.into_owned())
            .by(of_german),
        case(Id::H06, "the demo's")
            .file(SAMPLE_CSV)
            .by(SAMPLE_CONNECTION)
            .hint(None, &[1])
            .beside(&[Id::Q01]),
        case(Id::F05, "a zip as it is sent").zipped(&metadata(MAPPING)),
        case(Id::F05, "a zip with other line ends")
            .written(|text| {
                zip(&[("data.csv", &crlf(text)), ("metadata.json", &metadata(MAPPING))])
            })
            .named("info.zip"),
    ]
}

fn small_files() -> Vec<Case> {
    let mut joined = String::from("PersonId,EffectiveDate,ManagerId,Organization\n");
    for person in ["new1", "new2"] {
        let _ = writeln!(joined, "{person}@contoso.com,11/15/2026,ana@contoso.com,Sales");
    }
    vec![
        case(Id::V08, "two who joined").incremental().after(previous()).file(joined),
        case(Id::I02, "an address that has changed")
            .incremental()
            .after(previous())
            .file("PersonId,EffectiveDate,Organization\np3@contoso.com,11/15/2026,Legal\n"),
        case(Id::C03, "one row")
            .file("PersonId,EffectiveDate,ManagerId,Organization\nana@contoso.com,10/31/2026,,X\n")
            .warning("ManagerId", &[])
            .beside(&[Id::Q00]),
    ]
}
