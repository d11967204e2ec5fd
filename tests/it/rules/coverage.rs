//! C01 to C05: the share of rows that have a value.

use viva_import::schema::Id;

use super::case::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    [all_rows(), managers(), others()].into_iter().flatten().collect()
}

fn all_rows() -> Vec<Case> {
    vec![
        case(Id::C01, "all rows"),
        case(Id::C01, "all but one")
            .cell("PersonId", 7, "")
            .error("PersonId", &[])
            .beside(&[Id::V07]),
        case(Id::C01, "with V07 off")
            .lowered(Id::V07, "off")
            .cell("PersonId", 7, "")
            .error("PersonId", &[]),
        case(Id::C02, "all rows"),
        case(Id::C02, "no such column").without("EffectiveDate").beside(&[Id::H13]),
        case(Id::C02, "incremental, all but one")
            .incremental()
            .cell("EffectiveDate", 7, "")
            .error("EffectiveDate", &[])
            .beside(&[Id::V07]),
    ]
}

/// A company of twenty, also on each of these days; its head has no manager.
fn months(rule: Id, what: &str, days: &[&str]) -> Case {
    days.iter().fold(case(rule, what), |case, day| {
        let case = case.add(&format!("ana@contoso.com,{day},,Board"));
        (3..=21).fold(case, |case, line| {
            case.add(&format!("p{line}@contoso.com,{day},ana@contoso.com,Sales"))
        })
    })
}

fn managers() -> Vec<Case> {
    let small = |what: &str| {
        case(Id::C03, what).lines(&[
            "PersonId,EffectiveDate,ManagerId,Organization",
            "ana@contoso.com,10/31/2026,,Board",
            "bo@contoso.com,10/31/2026,ana@contoso.com,Sales",
        ])
    };
    vec![
        case(Id::C03, "the head of a company of 20"),
        months(Id::C03, "the head on three dates", &["08/31/2026", "09/30/2026"]),
        small("the head of a company of 2").warning("ManagerId", &[]),
        small("the head on two dates")
            .add("ana@contoso.com,09/30/2026,,Board")
            .add("bo@contoso.com,09/30/2026,ana@contoso.com,Sales")
            .warning("ManagerId", &[]),
        small("one person alone").cut_to(2).warning("ManagerId", &[]).beside(&[Id::Q00]),
        small("no dates at all")
            .without("EffectiveDate")
            .warning("ManagerId", &[])
            .beside(&[Id::H13]),
        small("two of three have none")
            .add("cy@contoso.com,10/31/2026,,Sales")
            .error("ManagerId", &[])
            .beside(&[Id::M07]),
        case(Id::C03, "two heads of a company of 20")
            .cell("ManagerId", 7, "")
            .error("ManagerId", &[])
            .beside(&[Id::M07]),
        case(Id::C03, "blanks")
            .cell("ManagerId", 7, " ")
            .error("ManagerId", &[])
            .beside(&[Id::M07]),
        case(Id::C03, "two heads, incremental")
            .incremental()
            .cell("ManagerId", 7, "")
            .warning("ManagerId", &[])
            .beside(&[Id::V08]),
        case(Id::C03, "lowered")
            .lowered(Id::C03, "hint")
            .cell("ManagerId", 7, "")
            .hint("ManagerId", &[])
            .beside(&[Id::M07]),
        months(Id::C03, "two heads of 60 rows", &["08/31/2026", "09/30/2026"])
            .cell("ManagerId", 7, "")
            .error("ManagerId", &[])
            .beside(&[Id::M07]),
        months(Id::C03, "one head of 40 rows and another of the first 20", &["09/30/2026"])
            .cell("ManagerId", 22, "ana@contoso.com")
            .cell("ManagerId", 7, "")
            .beside(&[Id::M03, Id::M07]),
    ]
}

fn others() -> Vec<Case> {
    let no_organization = |lines: &[usize]| {
        case(Id::C04, format!("not in {}", lines.len())).lowered(Id::V07, "off").cells(
            "Organization",
            lines,
            "",
        )
    };
    let levels = |lines: &[usize]| {
        case(Id::C05, format!("not in {}", lines.len()))
            .column("LevelDesignation", &["Junior", "Senior"])
            .cells("LevelDesignation", lines, "")
    };
    let hired = |lines: &[usize]| {
        case(Id::C05, format!("HireDate, not in {}", lines.len()))
            .column("HireDate", &["8/15/2015"])
            .cells("HireDate", lines, "")
    };
    vec![
        no_organization(&[]),
        no_organization(&[5]),
        no_organization(&[5, 7]).error("Organization", &[]),
        case(Id::C04, "strict")
            .cells("Organization", &[5, 7], "")
            .error("Organization", &[])
            .beside(&[Id::V07]),
        levels(&[5]),
        levels(&[5, 7]).warning("LevelDesignation", &[]),
        hired(&[5]),
        hired(&[5, 7]).warning("HireDate", &[]),
        levels(&[5, 7]).lenient().warning("LevelDesignation", &[]),
        case(Id::C05, "a custom field").column("Spot", &["here", "there", "", ""]),
    ]
}
