//! H01 to H04, H11 to H14: names, with and without a mapping.

use viva_import::schema::Id;

use super::case::{Case, MAPPING, case, metadata};

/// Values without findings.
const SPOTS: [&str; 2] = ["here", "there"];

pub(super) fn cases() -> Vec<Case> {
    [names(), letters(), targets(), required()].into_iter().flatten().collect()
}

/// Another column with this name.
fn column(rule: Id, name: &str) -> Case {
    case(rule, name).column(name, &SPOTS)
}

/// Another column `Spot`, mapped to this field.
fn target(rule: Id, name: &str) -> Case {
    let more = format!(r#""Spot":{{"name":"{name}","type":"StringType"}}"#);
    case(rule, format!("mapped to {name:?}")).column("Spot", &SPOTS).mapped(&more)
}

/// Another column with this name, mapped to `Spot`.
fn source(rule: Id, name: &str) -> Case {
    let more = format!(r#""{name}":{{"name":"Spot","type":"StringType"}}"#);
    case(rule, format!("{name:?} mapped")).column(name, &SPOTS).mapped(&more)
}

fn names() -> Vec<Case> {
    let unnamed =
        |name: &str| column(Id::H02, name).by(metadata(MAPPING)).beside(&[Id::H06, Id::H07]);
    vec![
        column(Id::H01, "Level2").column("Level", &SPOTS),
        column(Id::H01, "Level_").column("Level", &SPOTS),
        column(Id::H01, "level").column("Level", &SPOTS).error("Level", &[1]),
        column(Id::H01, "LEVEL")
            .column("Level", &SPOTS)
            .column("level", &SPOTS)
            .error("Level", &[1])
            .error("level", &[1]),
        column(Id::H02, "Level"),
        column(Id::H02, "\"Level\""),
        unnamed("").error("column 5", &[1]),
        unnamed(" ").error("column 5", &[1]),
        unnamed("\"\"").error("column 5", &[1]),
    ]
}

fn letters() -> Vec<Case> {
    let invalid = |name: &str| column(Id::H03, name).error(name, &[]);
    vec![
        column(Id::H03, "Cost_Center2"),
        column(Id::H03, "2ndLevel"),
        column(Id::H03, "_Level"),
        column(Id::H03, "\"CostCenter\""),
        invalid("Cost-Center"),
        invalid("CostCenter?"),
        invalid("Größe"),
        invalid("部署"),
        invalid("Ｌｅｖｅｌ"),
        invalid("Cost.Center"),
        source(Id::H03, "Cost Center").error("Cost Center", &[]),
        source(Id::H03, "部署").error("部署", &[]),
        source(Id::H03, "Cost-Center").error("Cost-Center", &[]),
        // A dropped column may have any name.
        column(Id::H03, "Cost Center").mapped("").beside(&[Id::H06]),
        column(Id::H03, "部署").mapped("").beside(&[Id::H06]),
        case(Id::H03, "a target")
            .column("Spot", &SPOTS)
            .mapped(r#""Spot":{"name":"Büro","type":"String"}"#)
            .error("Spot", &[]),
        // A connection can follow Microsoft's other page, which allows more characters.
        case(Id::H03, "lowered")
            .by(r#"{"tenantId":"0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5","connector":"HR",
            "refresh":"full","credential":{"kind":"managedIdentity"},"rules":{"H03":"warning"},
            "mapping":{"Person-Id":{"name":"PersonId","type":"Email"},
            "EffectiveDate":{"name":"EffectiveDate","type":"DateTime_MMDDYYYY"},
            "ManagerId":{"name":"ManagerId","type":"Email"},
            "Organization":{"name":"Organization","type":"String"}}}"#)
            .header("Person-Id,EffectiveDate,ManagerId,Organization")
            .warning("Person-Id", &[]),
    ]
}

fn targets() -> Vec<Case> {
    vec![
        column(Id::H04, "ContractStart"),
        column(Id::H04, "Microsoft"),
        column(Id::H04, "MyMicrosoft_Team"),
        column(Id::H04, "StartDate").error("StartDate", &[]),
        column(Id::H04, "STARTDATE").error("STARTDATE", &[]),
        column(Id::H04, "isactive").error("isactive", &[]),
        column(Id::H04, "WorkDayEnd").error("WorkDayEnd", &[]),
        column(Id::H04, "Microsoft_Team").error("Microsoft_Team", &[]),
        column(Id::H04, "microsoft_team").error("microsoft_team", &[]),
        column(Id::H04, "StartDate").mapped("").beside(&[Id::H06]),
        source(Id::H04, "StartDate"),
        target(Id::H04, "TimeZone").error("Spot", &[]),
        target(Id::H11, "CostCenter"),
        target(Id::H11, " CostCenter").error("Spot", &[]),
        target(Id::H11, "CostCenter ").error("Spot", &[]),
        target(Id::H11, "Cost Center").error("Spot", &[]),
        target(Id::H11, "Cost\u{3000}Center").error("Spot", &[]),
        column(Id::H14, "Person"),
        column(Id::H14, "LevelDesignation"),
        column(Id::H14, "levelDesignation").error("levelDesignation", &[]),
        column(Id::H14, "Hiredate").error("Hiredate", &[]),
        target(Id::H14, "supervisorIndicator").error("Spot", &[]),
        target(Id::H14, "Location ").error("Spot", &[]),
        case(Id::H14, "personid")
            .header("personid,EffectiveDate,ManagerId,Organization")
            .error("personid", &[])
            .beside(&[Id::H13]),
        case(Id::H14, "PersonID")
            .header("PersonID,EffectiveDate,ManagerId,Organization")
            .error("PersonID", &[])
            .beside(&[Id::H13]),
    ]
}

fn required() -> Vec<Case> {
    let many = |count: usize| {
        (5..=count).fold(case(Id::H12, format!("{count} fields")), |case, field| {
            case.column(&format!("Field{field}"), &SPOTS)
        })
    };
    vec![
        case(Id::H13, "the four"),
        case(Id::H13, "in another order")
            .lines(&[
                "Organization,ManagerId,EffectiveDate,PersonId",
                "Board,,10/31/2026,ana@contoso.com",
            ])
            .beside(&[Id::C03, Id::Q00]),
        case(Id::H13, "no EffectiveDate").without("EffectiveDate").warning("EffectiveDate", &[]),
        case(Id::H13, "no ManagerId").without("ManagerId").error("ManagerId", &[]),
        case(Id::H13, "no Organization").without("Organization").error("Organization", &[]),
        case(Id::H13, "no PersonId").without("PersonId").error("PersonId", &[]),
        case(Id::H13, "no ManagerId, incremental").incremental().without("ManagerId"),
        case(Id::H13, "no Organization, incremental").incremental().without("Organization"),
        case(Id::H13, "no PersonId, incremental")
            .incremental()
            .without("PersonId")
            .error("PersonId", &[]),
        case(Id::H13, "no EffectiveDate, incremental")
            .incremental()
            .without("EffectiveDate")
            .warning("EffectiveDate", &[]),
        case(Id::H13, "mapped and missing").mapped("").without("ManagerId").error("ManagerId", &[]),
        case(Id::H13, "present and not mapped")
            .by(r#"{"PersonId":{"name":"PersonId","type":"EmailType"},
            "EffectiveDate":{"name":"EffectiveDate","type":"DateTime_MMDDYYYY"},
            "ManagerId":{"name":"ManagerId","type":"EmailType"}}"#)
            .error("Organization", &[])
            .beside(&[Id::H06]),
        case(Id::H13, "mapped in another case")
            .mapped("")
            .header("personid,EffectiveDate,ManagerId,Organization")
            .error("PersonId", &[])
            .beside(&[Id::H06]),
        many(105),
        many(106).error(None, &[1]),
        // Dropped columns do not count.
        many(106).mapped("").beside(&[Id::H06]),
        case(Id::H12, "more columns than are checked")
            .lines(&[&format!("PersonId{}", ",x".repeat(4096))])
            .error(None, &[1]),
    ]
}
