//! Q00 to Q09: valid data that is probably a mistake.

use viva_import::schema::Id;

use super::case::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    [columns(), dates(), words(), groups(), separators()].into_iter().flatten().collect()
}

fn columns() -> Vec<Case> {
    let personal = |name: &str| case(Id::Q04, name).column(name, &["a1", "b2"]);
    let mut cases = vec![
        case(Id::Q00, "one value").column("Spot", &[""]).cell("Spot", 3, "here"),
        case(Id::Q00, "no value").column("Spot", &[""]).hint("Spot", &[]),
        case(Id::Q00, "blanks").column("Spot", &[" "]).hint("Spot", &[]),
        case(Id::Q00, "no value where 95 % should have one")
            .column("Location", &[""])
            .hint("Location", &[])
            .beside(&[Id::C05]),
        case(Id::Q00, "in a dropped column").column("Spot", &[""]).mapped("").beside(&[Id::H06]),
    ];
    cases.extend(
        [
            "BirthDate",
            "Date_of_Birth",
            "SSN",
            "HomeAddress",
            "Bonus",
            "gender",
            "Age",
            "IBAN",
            "Salary",
        ]
        .map(|name| personal(name).hint(name, &[])),
    );
    cases.extend(
        [
            "Manager",
            "Language",
            "Stage",
            "Package",
            "Essex",
            "Embrace",
            "Location",
            "OfficeAddress",
            "PlaceOfWork",
            "Sexton",
            "Reunion",
            "Bankside",
            "ManagerLevel",
            "Coverage",
        ]
        .map(personal),
    );
    cases.push(personal("BirthDate").mapped("").beside(&[Id::H06]));
    cases
}

fn dates() -> Vec<Case> {
    let hired = |what: &str, days: &[&str]| case(Id::Q01, what).column("HireDate", days);
    let day_first = |what: &str, days: &[&str]| {
        hired(what, days).mapped(r#""HireDate":{"name":"HireDate","type":"DateTime_DDMMYYYY"}"#)
    };
    let odd =
        |day: &str| case(Id::Q03, day).column("HireDate", &["8/15/2015"]).cell("HireDate", 3, day);
    vec![
        hired("one that is clear", &["1/2/2015", "3/4/2015", "8/15/2015"]),
        hired("year first", &["2015-02-01", "2015-04-03"]),
        hired("the same either way", &["1/1/2015", "2/2/2015"]),
        hired("in words", &["1-Feb-2015"]),
        hired("none that is clear", &["1/2/2015", "3/4/2015", "1/1/2015"]).hint("HireDate", &[]),
        case(Id::Q01, "the first of a month")
            .all("EffectiveDate", "11/1/2026")
            .hint("EffectiveDate", &[]),
        case(Id::Q01, "the last of a month"),
        day_first("one that is clear", &["1/2/2015", "15/8/2015"]),
        day_first("none that is clear", &["1/2/2015", "3/4/2015"]).hint("HireDate", &[]),
        day_first("year first", &["15/8/2015", "2015-04-05"]).warning("HireDate", &[]),
        odd("1/2/1900"),
        odd("12/31/2099"),
        odd("01/01/1900").hint("HireDate", &[3]),
        odd("12/31/9999").hint("HireDate", &[3]),
        odd("9999-12-31").hint("HireDate", &[3]),
        case(Id::Q08, "yesterday").all("EffectiveDate", "11/30/2026"),
        case(Id::Q08, "today")
            .cell("EffectiveDate", 21, "12/01/2026")
            .warning("EffectiveDate", &[21])
            .beside(&[Id::M08]),
        case(Id::Q08, "next year")
            .cell("EffectiveDate", 21, "1/31/2027")
            .warning("EffectiveDate", &[21])
            .beside(&[Id::M08]),
        case(Id::Q08, "another date")
            .column("ContractEnd", &["12/31/2030"])
            .mapped(r#""ContractEnd":{"name":"ContractEnd","type":"DateTime_MMDDYYYY"}"#),
    ]
}

fn words() -> Vec<Case> {
    let spot =
        |word: &str| case(Id::Q02, word).column("Spot", &["here", "there"]).cell("Spot", 3, word);
    let mut cases: Vec<Case> = [
        "",
        "NA",
        "Nonesuch",
        "0",
        "Tbdx",
        "Nullarbor",
        "Unknown Worlds",
        "none of these",
        "n/a/b",
    ]
    .map(spot)
    .into();
    cases.extend(
        ["#N/A", "NULL", "null", "none", "TBD", "n/a", "-", "?", "#REF!", " N/A ", "\"N/A\""]
            .map(|word| spot(word).hint("Spot", &[3])),
    );
    cases.push(
        case(Id::Q02, "a number")
            .column("Layer", &["7", "8"])
            .cell("Layer", 3, "N/A")
            .hint("Layer", &[3])
            .beside(&[Id::V06]),
    );
    cases
}

fn groups() -> Vec<Case> {
    let coded =
        |what: &str, values: &[&str]| case(Id::Q05, what).column("LevelDesignation", values);
    let many = |count: usize| {
        let case = case(Id::Q06, format!("{count} values")).column("Spot", &["here"]);
        // The staff has one more value.
        (1..count).fold(case, |case, n| {
            case.add(&format!("q{n}@contoso.com,10/31/2026,ana@contoso.com,Sales,v{n}"))
        })
    };
    vec![
        coded("names", &["Junior", "Senior"]),
        coded("names with numbers", &["IC 5", "L6", "CC-1001"]),
        coded("half of them codes", &["Junior", "10045"]),
        coded("codes", &["10045", "10046", "10047"]).hint("LevelDesignation", &[]),
        coded("codes with zeros", &["00010", "00020"]).hint("LevelDesignation", &[]),
        case(Id::Q05, "organizations")
            .all("Organization", "10-45")
            .cell("Organization", 2, "10-46")
            .hint("Organization", &[]),
        case(Id::Q05, "a custom field").column("CostCenter", &["00010", "00020"]),
        many(1000),
        many(1001).hint("Spot", &[]),
        case(Id::Q07, "two values").column("CountryOrRegion", &["Norway"]).cell(
            "CountryOrRegion",
            3,
            "Japan",
        ),
        case(Id::Q07, "one value")
            .column("CountryOrRegion", &["Norway"])
            .hint("CountryOrRegion", &[]),
        case(Id::Q07, "one value in 19 rows").column("CountryOrRegion", &["Norway"]).cell(
            "CountryOrRegion",
            3,
            "",
        ),
        case(Id::Q07, "one date").column("HireDate", &["8/15/2015"]),
        case(Id::Q07, "one number").column("Layer", &["8"]),
    ]
}

fn separators() -> Vec<Case> {
    let by = |delimiter: &'static str| move |text: &str| text.replace(',', delimiter);
    let semicolons = |what: &str| case(Id::Q09, what).written(by(";"));
    vec![
        case(Id::Q09, "an accent in an address").cell("PersonId", 7, "josé@contoso.com"),
        case(Id::Q09, "a question mark in a text").cell("Organization", 7, "Who?"),
        case(Id::Q09, "semicolons in a text").cell("Organization", 7, "a;b;c;d;e;f"),
        case(Id::Q09, "an empty one").cell("ManagerId", 2, ""),
        case(Id::Q09, "a lost character")
            .cell("PersonId", 7, "jos?@contoso.com")
            .hint("PersonId", &[7]),
        case(Id::Q09, "a replaced character")
            .cell("PersonId", 7, "jos\u{fffd}@contoso.com")
            .hint("PersonId", &[7]),
        semicolons("semicolons").error(None, &[1]),
        case(Id::Q09, "quoted, with semicolons")
            .header("\"PersonId\",\"EffectiveDate\",\"ManagerId\",\"Organization\"")
            .written(by(";"))
            .error(None, &[1]),
        case(Id::Q09, "tabs").written(by("\t")).error(None, &[1]),
        semicolons("semicolons, converted").connection("\"delimiter\":\";\""),
        case(Id::Q09, "tabs, converted").connection("\"delimiter\":\"tab\"").written(by("\t")),
        case(Id::Q09, "commas in a text, converted")
            .connection("\"delimiter\":\";\"")
            .written(|text| text.replace(',', ";").replace("Legal", "Law, the")),
        case(Id::Q09, "Excel's sep line").insert(1, "sep=,"),
        case(Id::Q09, "Excel's sep line with a comma above semicolons")
            .insert(1, "sep=,")
            .written(by(";"))
            .error(None, &[1]),
    ]
}
