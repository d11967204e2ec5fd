//! Profiles of various files.

use super::*;
use crate::schema::{Kind, Order};

fn profile(file: impl AsRef<[u8]>) -> Result<Profile, ProfileError> {
    Profile::of(file.as_ref())
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn encoding_and_delimiter_are_recognized() {
    let text = "Mail;Größe\na@x.com;klein\nb@x.com;groß\n";
    let commas = text.replace(';', ",");
    let japanese = "メール,部署\na@x.com,営業\n";
    let (sjis, ..) = SHIFT_JIS.encode(japanese);
    let (western, ..) = WINDOWS_1252.encode(text);
    for (file, encoding, delimiter, name) in [
        (commas.clone().into_bytes(), None, b',', "Größe"),
        (format!("\u{feff}{commas}").into_bytes(), None, b',', "Größe"),
        (text.replace('\n', "\r\n").into_bytes(), None, b';', "Größe"),
        (text.replace(';', "\t").into_bytes(), None, b'\t', "Größe"),
        (text.replace(';', "|").into_bytes(), None, b'|', "Größe"),
        (format!("sep=;\n{text}").into_bytes(), None, b';', "Größe"),
        // Commas in a name are fewer than the delimiters.
        (text.replace("Größe", "Größe, cm;").into_bytes(), None, b';', "Größe, cm"),
        (western.into_owned(), Some("windows-1252"), b';', "Größe"),
        (utf16(&format!("\u{feff}{text}"), u16::to_le_bytes), Some("UTF-16LE"), b';', "Größe"),
        (utf16(&format!("\u{feff}{text}"), u16::to_be_bytes), Some("UTF-16BE"), b';', "Größe"),
        (japanese.as_bytes().to_vec(), None, b',', "部署"),
        (sjis.into_owned(), Some("Shift_JIS"), b',', "部署"),
    ] {
        let profile = profile(&file).unwrap();
        assert_eq!(profile.encoding.map(Encoding::name), encoding, "{name}");
        assert_eq!(
            (profile.delimiter, profile.columns[1].name.as_deref()),
            (delimiter, Some(name))
        );
    }
}

#[test]
fn an_unusable_file_is_rejected_without_any_value() {
    const SECRET: &str = "sigrid.tveit";
    let row = format!("{SECRET}@contoso.com,11/01/2026,{SECRET}");
    let workbook = b"PK\x03\x04 a workbook".to_vec();
    for (file, says) in [
        (String::new().into_bytes(), "The file is empty"),
        (workbook, "a zip archive"),
        (b"<html>".to_vec(), "a web page"),
        (b"Mail,Day,Name\n".to_vec(), "one line only"),
        (format!("{row}\n{row}\n").into(), "contains a value"),
        (format!("Name,2026-01-31\n{row}\n").into(), "contains a value"),
        (format!("Name,4711\n{row}\n").into(), "contains a value"),
        (format!("{SECRET},+49 (0)30 12345\n{row}\n").into(), "contains a value"),
        (format!("Name,Day\n{SECRET},x\n").into(), "contains email addresses"),
        (format!(",,\nMail,Day,Name\n{row}\n").into(), "contains email addresses"),
        (format!("Mail,\"Day\n{row}\n{row}\n").into(), "never closed"),
        (format!("Mail,\"Day\n{SECRET}\"\n{row}\n").into(), "line break"),
        (format!("Mail,Day,Name\n\"{row}\n{row}\n").into(), "The row at line 2 does not end"),
        ([format!("Mail,Day,Name\n{row}").as_bytes(), b"\xE9\xFF\x9D\n"].concat(), "neither UTF-8"),
    ] {
        let why = profile(&file).unwrap_err().to_string();
        assert!(why.contains(says) && !why.contains(SECRET), "{why}");
    }
}

#[test]
fn a_value_is_not_the_name_of_a_column() {
    for value in [
        "n/a",
        "none",
        "-",
        "NULL",
        "+49 (0)30 12345",
        "(555) 123-4567",
        "Tel. 030 1234",
        "85.000 €",
        "$85,000.00",
        "EUR 1200",
        "85,000円",
        "2026年4月1日",
        "令和5年4月1日",
        "31.12.2019",
        "31. Dezember 2019",
        "1. März 1980",
        "5 Mar 1980",
        "TRUE",
        "0042",
        "a@x.com",
    ] {
        assert!(is_of_a_row(value), "{value}");
    }
    for name in
        ["Mail", "Level 1", "Address2", "Q1 2026", "年齢", "Salary (EUR)", "Mar", "IC", "X2"]
    {
        assert!(!is_of_a_row(name), "{name}");
    }
}

#[test]
fn values_are_counted_by_class() {
    let counted = |values: &[&str]| {
        let mut content = Content::new(1);
        for value in values {
            content.see(value.as_bytes());
        }
        content
    };
    let content = counted(&["a@x.com", "", " ", "b@x.com", "A@X.COM", "b"]);
    assert_eq!((content.filled, content.blanks, content.emails), (4, 2, 3));
    assert_eq!(content.distinct(), 3);
    let content = counted(&["1", "-2", "2.5", "007", "3000000000", "x"]);
    assert_eq!((content.integers, content.doubles, content.onsite_days), (2, 4, 2));
    let content = counted(&["TRUE", "false", "IC", "Mngr+", "yes"]);
    assert_eq!((content.booleans, content.indicators), (2, 2));
    let people = [
        "123-45-6789",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        // Its check digits are wrong.
        "DE88370400440532013000",
        "555-123-4567",
        "PO12 3456",
    ];
    assert_eq!(counted(&people).numbers_of_people, 3);
    let dates =
        counted(&["12/31/2019", "31/12/2019", "2019-12-31", "01/02/2019", "01/01/2019"]).dates;
    assert_eq!((dates.only_month_first, dates.only_day_first, dates.both_ways), (2, 1, 1));
    let content = counted(&["31.12.2019", "01.02.2019", "2/1/19", "x"]);
    assert!(content.unreadable_dates().is_none());
    assert!(counted(&["31.12.2019"]).unreadable_dates().unwrap().contains("dots"));
    assert_eq!(content.of_kind(Kind::Date(Order::DayFirst)), 1);
    assert_eq!(content.of_kind(Kind::Text), content.filled);
}

#[test]
fn many_values_are_sampled_and_samples_can_be_compared() {
    let column = |values: std::ops::Range<u32>| {
        let mut content = Content::new(1);
        values.for_each(|value| content.see(format!("p{value}").as_bytes()));
        content
    };
    let (all, some, others) = (column(0..300_000), column(0..1000), column(400_000..500_000));
    assert_eq!(some.distinct(), 1000);
    assert!((270_000..330_000).contains(&all.distinct()), "{}", all.distinct());
    assert_eq!((some.percent_in(&all), others.percent_in(&all)), (100, 0));
    assert_eq!(column(0..0).percent_in(&all), 0);
}

#[test]
fn rows_are_counted_without_blank_lines() {
    let profile = profile("Mail,Day\na@x.com,1\n\nb@x.com\n \nc@x.com,1,2\n").unwrap();
    assert_eq!((profile.rows, profile.uneven), (3, 2));
}
