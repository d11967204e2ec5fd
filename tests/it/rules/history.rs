//! I01 to I05: a file compared with the last accepted import.

use viva_import::schema::{Baseline, Column, Id};

use super::case::{Case, case, previous};

pub(super) fn cases() -> Vec<Case> {
    [past(), columns(), people(), older()].into_iter().flatten().collect()
}

const HEADER: &str = "PersonId,EffectiveDate,ManagerId,Organization";

fn past() -> Vec<Case> {
    let has = |what: &str, rows: &[&str]| {
        case(Id::I01, what).incremental().after(previous()).lines(&[&[HEADER], rows].concat())
    };
    let may = "p3@contoso.com,05/31/2026,ana@contoso.com,Sales";
    let october = "p3@contoso.com,10/31/2026,ana@contoso.com,Sales";
    let november = "p3@contoso.com,11/30/2026,ana@contoso.com,Sales";
    vec![
        has("the date that is stored", &[october]),
        has("a later date", &[november]),
        has("the past and the date that is stored", &[may, october]),
        has("the date that is stored and the past", &[october, may]),
        has("the past and a later date", &[may, november]),
        has("the past alone", &[may]).warning(None, &[2]),
        has("the past of two", &[may, "p4@contoso.com,05/31/2026,ana@contoso.com,Sales", october])
            .warning(None, &[3]),
        has(
            "the past in capitals, the rest not",
            &["P3@contoso.com,05/31/2026,ana@contoso.com,Sales", october],
        ),
        case(Id::I01, "no previous import").incremental().lines(&[HEADER, may]),
        case(Id::I01, "a full refresh").after(previous()).all("EffectiveDate", "10/30/2026"),
        has("no dates", &[may]).without("EffectiveDate").beside(&[Id::H13]),
    ]
}

/// The previous import with a column `Spot` of this type.
fn with_spot(kind: &str) -> Baseline {
    let mut summary = previous();
    summary.columns.push(Column { name: "Spot".to_owned(), kind: kind.to_owned() });
    summary
}

fn columns() -> Vec<Case> {
    let spot = |rule, what: &str| case(rule, what).column("Spot", &["1", "2"]);
    let typed = |kind: &str, before: &str| {
        spot(Id::I03, &format!("{before} before, {kind} now"))
            .mapped(&format!(r#""Spot":{{"name":"Spot","type":"{kind}"}}"#))
            .after(with_spot(before))
    };
    vec![
        case(Id::I02, "the same columns").incremental().after(previous()),
        case(Id::I02, "one column fewer").incremental().after(previous()).without("Organization"),
        spot(Id::I02, "no previous import").incremental(),
        spot(Id::I02, "one more column in a full refresh").after(previous()),
        spot(Id::I02, "one more column").incremental().after(previous()).warning("Spot", &[]),
        spot(Id::I02, "one more column that is dropped")
            .mapped("")
            .incremental()
            .after(previous())
            .beside(&[Id::H06]),
        case(Id::I03, "the same columns").after(previous()),
        spot(Id::I03, "one more").after(previous()),
        case(Id::I03, "no previous import"),
        case(Id::I03, "one fewer").after(with_spot("StringType")).error("Spot", &[]),
        case(Id::I03, "one fewer, incremental").incremental().after(with_spot("StringType")),
        spot(Id::I03, "one is dropped")
            .mapped("")
            .after(with_spot("StringType"))
            .error("Spot", &[])
            .beside(&[Id::H06]),
        typed("StringType", "String"),
        typed("int32", "Integer"),
        typed("int32", "StringType").warning("Spot", &[]),
        typed("double", "int32").warning("Spot", &[]),
        case(Id::I03, "no EffectiveDate any more")
            .without("EffectiveDate")
            .after(previous())
            .error("EffectiveDate", &[])
            .beside(&[Id::H13]),
    ]
}

fn people() -> Vec<Case> {
    let shrunk = |what: &str, lines: usize| case(Id::I04, what).cut_to(lines).after(previous());
    vec![
        shrunk("as many", 21),
        shrunk("10 % fewer", 19).beside(&[Id::C03]),
        shrunk("15 % fewer", 18).error(None, &[]).error(None, &[]).beside(&[Id::C03]),
        shrunk("as much as the setting allows", 18)
            .setting("MAX_SHRINK_PERCENT", "15")
            .beside(&[Id::C03]),
        shrunk("incremental", 3).incremental().beside(&[Id::C03]),
        case(Id::I04, "as many rows, fewer people")
            .after(previous())
            .cells("PersonId", &[3, 4, 5, 6], "p3@contoso.com")
            .error(None, &[])
            .beside(&[Id::M02]),
        case(Id::I04, "fewer rows, as many people")
            .after(Baseline { rows: 40, ..previous() })
            .error(None, &[]),
        case(Id::I04, "rows skipped because of their values")
            .lenient()
            .after(previous())
            .cells("PersonId", &[3, 4, 5], "x")
            .error(None, &[])
            .error(None, &[])
            .beside(&[Id::V01]),
        case(Id::I04, "more")
            .add("new@contoso.com,10/31/2026,ana@contoso.com,Sales")
            .after(previous()),
    ]
}

fn older() -> Vec<Case> {
    let of =
        |what: &str, day: &str| case(Id::I05, what).all("EffectiveDate", day).after(previous());
    let planned = previous_with("05/01/2027");
    vec![
        of("the same day", "10/31/2026"),
        of("a week before", "10/24/2026"),
        of("more than a week before", "10/23/2026").error(None, &[]),
        of("as far back as the setting allows", "10/16/2026").setting("MAX_DAYS_BACK", "15"),
        of("an older snapshot with a planned change", "09/30/2026")
            .cell("EffectiveDate", 3, "05/01/2027")
            .error(None, &[])
            .beside(&[Id::M08, Id::Q08]),
        case(Id::I05, "the planned change of the last import is gone").after(planned),
        case(Id::I05, "a typing error in a year of the last import")
            .after(previous_with("05/01/2062")),
        of("a change that is dated back", "05/31/2026").incremental().beside(&[Id::I01]),
        case(Id::I05, "no days in the last import")
            .after(Baseline { last_past_day: None, ..previous() })
            .all("EffectiveDate", "01/31/2020"),
    ]
}

/// The previous import with this date in one row.
fn previous_with(day: &str) -> Baseline {
    case(Id::I05, "the previous import").cell("EffectiveDate", 3, day).report().baseline
}
