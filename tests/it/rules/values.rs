//! V01, V02 and V05 to V11: the values of a column of each type.

use viva_import::schema::Id;

use super::case::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    [
        emails(),
        strings(),
        doubles(),
        integers(),
        required(),
        new_people(),
        booleans(),
        enumerations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Another column with these valid values, and this value in line 3.
fn typed(rule: Id, kind: &str, valid: &[&str], value: &str) -> Case {
    case(rule, format!("{value:?}"))
        .column("Spot", valid)
        .cell("Spot", 3, value)
        .mapped(&format!(r#""Spot":{{"name":"Spot","type":"{kind}"}}"#))
}

fn valid(rule: Id, kind: &'static str, by: &'static [&'static str], values: &[&str]) -> Vec<Case> {
    values.iter().map(|value| typed(rule, kind, by, value)).collect()
}

fn invalid(
    rule: Id,
    kind: &'static str,
    by: &'static [&'static str],
    values: &[&str],
) -> Vec<Case> {
    values.iter().map(|value| typed(rule, kind, by, value).error("Spot", &[3])).collect()
}

fn emails() -> Vec<Case> {
    const BY: &[&str] = &["ok@contoso.com"];
    let mut cases = valid(
        Id::V01,
        "EmailType",
        BY,
        &[
            "o'brien@contoso.com",
            "ANA@CONTOSO.COM",
            "bob_fabrikam.com#EXT#@contoso.onmicrosoft.com",
            "bob_fabrikam.com#ext#@contoso.onmicrosoft.com",
            "ana+hr@contoso.com",
            "ana.maria-1_x@sub.contoso.co.jp",
            "jose\u{301}@contoso.com",
            "田中@contoso.co.jp",
            "a@b.cd",
            "\"ana@contoso.com\"",
            "",
        ],
    );
    cases.extend(invalid(
        Id::V01,
        "EmailType",
        BY,
        &[
            "contoso\\ana",
            "ana",
            "100045",
            "ana@contoso",
            "ana@@contoso.com",
            "ana@contoso.com ",
            " ana@contoso.com",
            "ana@contoso.com\u{a0}",
            "ana\u{200b}@contoso.com",
            "Ana Costa <ana@contoso.com>",
            "ana@contoso.com;bo@contoso.com",
            "\"ana@contoso.com,bo@contoso.com\"",
            "ana @contoso.com",
            "@contoso.com",
            "ana@",
            "ana@contoso..com",
            "mailto:ana@contoso.com",
        ],
    ));
    cases.extend([
        case(Id::V01, "two rows").cells("PersonId", &[7, 8], "100045").error("PersonId", &[7, 8]),
        case(Id::V01, "skipped").lenient().cell("PersonId", 8, "p8").warning("PersonId", &[8]),
        case(Id::V01, "in a dropped column")
            .column("Mail", &["x", "y"])
            .mapped("")
            .beside(&[Id::H06]),
    ]);
    cases
}

fn strings() -> Vec<Case> {
    valid(
        Id::V02,
        "StringType",
        &["here", "there"],
        &[
            "営業部",
            "00123",
            "1/2",
            "TRUE",
            "a\tb",
            "=A1",
            "O'Brien",
            "\"a \"\"b\"\"\"",
            " x ",
            "~",
            "100%",
        ],
    )
}

fn doubles() -> Vec<Case> {
    const BY: &[&str] = &["23.75", "24"];
    let mut cases =
        valid(Id::V05, "double", BY, &["0", "-1", "1e3", "007.50", "23.", "\"23.75\"", ""]);
    cases.extend(invalid(
        Id::V05,
        "double",
        BY,
        &[
            "$23.75",
            "\"1,200.00\"",
            "\"23,75\"",
            "23.75 ",
            " 23.75",
            "23.75 USD",
            "1.200.00",
            "€23",
            "¥3000",
            "12%",
            "NaN",
            "inf",
            "twenty",
            "２３",
            "1 200",
        ],
    ));
    cases.push(typed(Id::V05, "Double", BY, "$1").lenient().warning("Spot", &[3]));
    cases
}

fn integers() -> Vec<Case> {
    const BY: &[&str] = &["8", "7"];
    let mut cases =
        valid(Id::V06, "int32", BY, &["0", "-1", "08", "2147483647", "-2147483648", "\"8\"", ""]);
    cases.extend(invalid(
        Id::V06,
        "int32",
        BY,
        &["8.0", "eight", "8 ", "1e3", "\"1,000\"", "2147483648", "0x8", "L8", "８"],
    ));
    cases.push(typed(Id::V06, "Integer", BY, "8.0").lenient().warning("Spot", &[3]));
    cases.push(
        case(Id::V06, "a reserved field")
            .column("Layer", BY)
            .cell("Layer", 3, "L5")
            .error("Layer", &[3]),
    );
    cases
}

fn required() -> Vec<Case> {
    vec![
        case(Id::V07, "no manager at the top"),
        case(Id::V07, "a level that is blank")
            .column("LevelDesignation", &["Junior", "Senior"])
            .cell("LevelDesignation", 3, ""),
        case(Id::V07, "no PersonId")
            .cell("PersonId", 7, "")
            .error("PersonId", &[7])
            .beside(&[Id::C01]),
        case(Id::V07, "a blank PersonId")
            .cell("PersonId", 7, " ")
            .error("PersonId", &[7])
            .beside(&[Id::C01]),
        case(Id::V07, "no Organization")
            .cells("Organization", &[7], "")
            .error("Organization", &[7]),
        case(Id::V07, "no PersonId, lenient")
            .lenient()
            .cell("PersonId", 7, "")
            .error("PersonId", &[7])
            .beside(&[Id::C01]),
        case(Id::V07, "lowered")
            .lowered(Id::V07, "warning")
            .cell("Organization", 7, "")
            .warning("Organization", &[7]),
        case(Id::V07, "off").lowered(Id::V07, "off").cell("Organization", 7, ""),
    ]
}

fn new_people() -> Vec<Case> {
    vec![
        case(Id::V08, "one head").incremental(),
        case(Id::V08, "two heads, full").cell("ManagerId", 7, "").beside(&[Id::C03, Id::M07]),
        case(Id::V08, "two heads")
            .incremental()
            .cell("ManagerId", 7, "")
            .warning(None, &[7])
            .beside(&[Id::C03]),
        case(Id::V08, "a head on each of two dates")
            .incremental()
            .add("ana@contoso.com,11/30/2026,,Board")
            .add("p3@contoso.com,11/30/2026,ana@contoso.com,Sales")
            .beside(&[Id::C03]),
        case(Id::V08, "a new person with a known manager").incremental().lines(&[
            "PersonId,EffectiveDate,ManagerId,Organization",
            "new@contoso.com,10/31/2026,ana@contoso.com,Sales",
        ]),
        case(Id::V08, "a change without ManagerId").incremental().without("ManagerId"),
    ]
}

fn booleans() -> Vec<Case> {
    const BY: &[&str] = &["TRUE", "FALSE"];
    let mut cases = valid(Id::V09, "Boolean", BY, &["true", "False", "fAlSe", "\"TRUE\"", ""]);
    cases.extend(invalid(Id::V09, "Boolean", BY, &["yes", "1", "0", "T", "TRUE ", "WAHR", "Y"]));
    cases.push(typed(Id::V09, "boolean", BY, "yes").lenient().warning("Spot", &[3]));
    cases
}

fn enumerations() -> Vec<Case> {
    let days =
        |value: &str| {
            case(Id::V10, format!("{value} days"))
                .column("WeeklyBadgeOnsiteDays", &["2.5", "3"])
                .cell("WeeklyBadgeOnsiteDays", 3, value)
        };
    let indicator = |value: &str| {
        case(Id::V11, value).column("SupervisorIndicator", &["IC", "Mngr"]).cell(
            "SupervisorIndicator",
            3,
            value,
        )
    };
    vec![
        days("0"),
        days("7"),
        days("2.5"),
        days(""),
        days("7.1").warning("WeeklyBadgeOnsiteDays", &[3]),
        days("-1").warning("WeeklyBadgeOnsiteDays", &[3]),
        days("8").lenient().warning("WeeklyBadgeOnsiteDays", &[3]),
        days("three").beside(&[Id::V05]),
        case(Id::V10, "another field").column("OnsiteDays", &["20", "21"]),
        indicator("IC"),
        indicator("Mngr+"),
        indicator("\"Mngr\""),
        indicator(""),
        indicator("Manager").warning("SupervisorIndicator", &[3]),
        indicator("ic").warning("SupervisorIndicator", &[3]),
        indicator("Mngr +").warning("SupervisorIndicator", &[3]),
        case(Id::V11, "another field").column("Indicator", &["Manager", "None at all"]),
    ]
}
