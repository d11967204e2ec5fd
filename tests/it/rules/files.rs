//! F01 to F04, F09 to F13: the file as a whole, its rows and its bytes.

use encoding_rs::WINDOWS_1252;
use viva_import::schema::Id;

use super::case::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    [whole(), widths(), quotation_marks(), bytes(), lines(), values()]
        .into_iter()
        .flatten()
        .collect()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}"
        .chars()
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn windows_1252(text: &str) -> Vec<u8> {
    WINDOWS_1252.encode(text).0.into_owned()
}

fn whole() -> Vec<Case> {
    vec![
        case(Id::F01, "a header and a row").cut_to(2).beside(&[Id::C03, Id::Q00]),
        case(Id::F01, "no bytes").file("").error(None, &[]),
        case(Id::F01, "a byte order mark alone").file("\u{feff}").error(None, &[]),
        case(Id::F01, "blank lines alone").file("\r\n\n").error(None, &[]),
        case(Id::F02, "capitals").named("EXPORT.CSV"),
        case(Id::F02, "two dots").named("2026-10-31.hr.csv"),
        case(Id::F02, "a workbook by its name").named("export.xlsx").error(None, &[]),
        case(Id::F02, "a text by its name").named("export.txt").error(None, &[]),
        case(Id::F02, "no extension").named("export").error(None, &[]),
        case(Id::F02, "a workbook with the extension .csv")
            .file("PK\x03\x04[Content_Types].xml")
            .error(None, &[]),
        case(Id::F02, "an old workbook").file(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").error(None, &[]),
        case(Id::F02, "gzip").file(b"\x1F\x8B\x08\0").error(None, &[]),
        case(Id::F02, "a sign-in page").file("<!DOCTYPE html>\n<html></html>\n").error(None, &[]),
        case(Id::F02, "no text").file(b"PersonId\0\x01\x02\x03\x04").error(None, &[]),
        case(Id::F09, "as large as may be").setting("MAX_FILE_BYTES", "1004"),
        case(Id::F09, "a byte larger").setting("MAX_FILE_BYTES", "1003").error(None, &[]),
        case(Id::F12, "one row").cut_to(2).beside(&[Id::C03, Id::Q00]),
        case(Id::F12, "a header alone").cut_to(1).error(None, &[]),
        case(Id::F12, "a header without a line end")
            .file("PersonId,EffectiveDate,ManagerId,Organization")
            .error(None, &[]),
        case(Id::F12, "a header and blank lines").cut_to(1).add("").add("").error(None, &[]),
        case(Id::F12, "the only row is skipped")
            .cut_to(2)
            .cell("PersonId", 2, "ana")
            .lenient()
            .error(None, &[])
            .beside(&[Id::V01]),
    ]
}

/// Three more people than the staff, so that the head is not more than 5 % if some rows are skipped.
fn crowd(what: &str) -> Case {
    (22..=24).fold(case(Id::F03, what), |case, line| {
        case.add(&format!("p{line}@contoso.com,10/31/2026,ana@contoso.com,Sales"))
    })
}

fn widths() -> Vec<Case> {
    vec![
        case(Id::F03, "a comma in quotation marks").cell("Organization", 3, "\"Sales, East\""),
        case(Id::F03, "every value in quotation marks").written(|text| {
            text.lines()
                .map(|line| format!("\"{}\"\r\n", line.replace(',', "\",\"")))
                .collect::<String>()
        }),
        case(Id::F03, "no line end after the last row").written(|text| text.trim_end().to_owned()),
        crowd("a comma without them").cell("Organization", 3, "Sales, East").error(None, &[3]),
        crowd("a column too few")
            .line(3, "p3@contoso.com,10/31/2026,ana@contoso.com")
            .error(None, &[3]),
        crowd("a comma at the end of two rows")
            .cells("Organization", &[3, 5], "Sales,")
            .error(None, &[3, 5]),
        case(Id::F03, "a comma at the end of every row")
            .all("Organization", "Sales,")
            .error(None, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
            .times(20),
        crowd("skipped").lenient().cell("Organization", 3, "Sales, East").warning(None, &[3]),
    ]
}

fn quotation_marks() -> Vec<Case> {
    vec![
        case(Id::F03, "doubled").cell("Organization", 3, "\"Sales \"\"East\"\"\""),
        case(Id::F03, "apostrophes").cell("Organization", 3, "People's 'Office'"),
        case(Id::F03, "inside a value").cell("Organization", 3, "5\" pipes").warning(None, &[3]),
        crowd("a value that continues after them")
            .cell("Organization", 3, "\"Sales\" East")
            .error(None, &[3]),
        case(Id::F03, "the same, skipped")
            .lenient()
            .cell("Organization", 3, "\"Sales\" East")
            .warning(None, &[3]),
        case(Id::F03, "a blank after them").cell("Organization", 3, "\"Sales\" ").error(None, &[3]),
        crowd("opened and never closed").cell("Organization", 24, "\"Sales").error(None, &[24]),
        crowd("opened and never closed, lenient")
            .lenient()
            .cell("Organization", 24, "\"Sales")
            .error(None, &[24]),
        case(Id::F03, "a header that continues after them")
            .header("PersonId,EffectiveDate,ManagerId,\"Organ\"ization")
            .error(None, &[1]),
        case(Id::F03, "carriage returns alone")
            .written(|text| text.replace('\n', "\r"))
            .error(None, &[1]),
    ]
}

fn bytes() -> Vec<Case> {
    let japan = || case(Id::F04, "営業部").cell("Organization", 3, "営業部");
    let cafe = |what: &str| case(Id::F04, what).cell("Organization", 3, "Café");
    vec![
        japan(),
        japan().written(|text| format!("\u{feff}{text}")),
        japan().written(|text| format!("\u{feff}{}", text.replace('\n', "\r\n"))),
        case(Id::F04, "a byte order mark before a quoted name")
            .header("\"PersonId\",EffectiveDate,ManagerId,Organization")
            .written(|text| format!("\u{feff}{text}")),
        case(Id::F04, "emoji").cell("Organization", 3, "Sales 🚀"),
        cafe("Windows-1252").written(windows_1252).error("Organization", &[3]),
        cafe("Windows-1252, skipped").lenient().written(windows_1252).warning("Organization", &[3]),
        cafe("Windows-1252, converted")
            .connection("\"encoding\":\"windows-1252\"")
            .written(windows_1252),
        cafe("UTF-16").written(utf16).error(None, &[]),
        cafe("UTF-16, converted").connection("\"encoding\":\"utf-16\"").written(utf16),
        case(Id::F04, "Windows-1252 in the header of a dropped column")
            .header("PersonId,EffectiveDate,ManagerId,Organization")
            .column("Büro", &["1a", "1b"])
            .mapped("")
            .written(windows_1252)
            .beside(&[Id::H06]),
    ]
}

fn lines() -> Vec<Case> {
    vec![
        case(Id::F13, "blank lines at the end").add("").add(""),
        case(Id::F13, "blank lines at the end, CRLF")
            .add("")
            .add("")
            .written(|text| text.replace('\n', "\r\n")),
        case(Id::F13, "a row with one value").cells("ManagerId", &[2], ""),
        case(Id::F13, "a blank line").insert(5, "").error(None, &[5]),
        case(Id::F13, "two blank lines").insert(5, "").insert(5, "").error(None, &[5, 6]),
        case(Id::F13, "a row of nothing but commas").add(",,,").error(None, &[22]),
        case(Id::F13, "a row of blanks and commas").add(" , ,\u{a0}, ").error(None, &[22]),
        case(Id::F13, "two rows of commas, skipped")
            .lenient()
            .add(",,,")
            .add(",,,")
            .warning(None, &[22, 23]),
    ]
}

fn values() -> Vec<Case> {
    let street = |street: &str| format!("\"Main Street 1{street}Springfield\"");
    let long = |bytes: usize| "x".repeat(bytes);
    let spots =
        |case: Case, value: &str| case.column("Spot", &["here", "there"]).cell("Spot", 3, value);
    vec![
        spots(case(Id::F10, "a comma"), &street(", ")),
        spots(case(Id::F10, "a line feed"), &street("\n")).error("Spot", &[3]),
        spots(case(Id::F10, "CRLF"), &street("\r\n")).error("Spot", &[3]),
        spots(case(Id::F10, "a carriage return"), "here\rthere").error("Spot", &[3]),
        spots(case(Id::F10, "a line feed, lines after it"), &street("\n"))
            .cell("Spot", 5, &street("\n"))
            .error("Spot", &[3, 6]),
        spots(case(Id::F10, "a line feed in a dropped column"), &street("\n"))
            .mapped("")
            .beside(&[Id::H06]),
        spots(case(Id::F11, "128 KB"), &long(131_072)),
        spots(case(Id::F11, "128 KB and a byte"), &long(131_073)).error("Spot", &[3]),
        spots(case(Id::F11, "as many bytes in fewer characters"), &"営".repeat(43_691))
            .error("Spot", &[3]),
        spots(case(Id::F11, "in a dropped column"), &long(131_073)).mapped("").beside(&[Id::H06]),
    ]
}
