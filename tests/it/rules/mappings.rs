//! H05 to H09: the mapping, and the header compared with it.

use viva_import::schema::Id;

use super::case::{Case, MAPPING, case, metadata};

pub(super) fn cases() -> Vec<Case> {
    [columns(), literal(), types()].into_iter().flatten().collect()
}

fn columns() -> Vec<Case> {
    let spot = || case(Id::H06, "one more column").column("Spot", &["here", "there"]);
    let two = |one: &str, other: &str| {
        let field = |source: &str, target: &str| {
            format!(r#""{source}":{{"name":"{target}","type":"String"}}"#)
        };
        case(Id::H05, format!("{one} and {other}"))
            .column("A", &["1a", "1b"])
            .column("B", &["2a", "2b"])
            .mapped(&format!("{},{}", field("A", one), field("B", other)))
    };
    let document = |more: &str| metadata(&format!("{MAPPING},{more}"));
    vec![
        two("A", "B"),
        two("B", "A"),
        two("Spot", "Spot").error("B", &[]),
        two("Location", "Location").error("B", &[]),
        two("Spot", "Organization").error("B", &[]),
        case(Id::H06, "the mapped columns").mapped(""),
        spot().mapped("").hint(None, &[1]),
        spot().mapped("").setting("UNMAPPED_COLUMNS", "refuse").error(None, &[1]),
        spot().connection("\"unmappedColumns\":\"refuse\"").error(None, &[1]),
        spot()
            .connection("\"unmappedColumns\":\"drop\"")
            .setting("UNMAPPED_COLUMNS", "refuse")
            .hint(None, &[1]),
        case(Id::H06, "one column fewer")
            .mapped(r#""Spot":{"name":"Spot","type":"String"}"#)
            .warning("Spot", &[]),
        case(Id::H06, "no header")
            .written(|text| text.split_once('\n').unwrap().1.to_owned())
            .error(None, &[1]),
        case(Id::H06, "no header, mapped")
            .mapped("")
            .written(|text| text.split_once('\n').unwrap().1.to_owned())
            .error(None, &[1]),
        case(Id::H06, "another language")
            .header("Mitarbeiter,Stand,Leitung,Bereich")
            .mapped("")
            .error(None, &[1]),
        case(Id::H06, "a title above the header")
            .insert(1, "Headcount October 2026,,,")
            .mapped("")
            .error(None, &[1]),
        case(Id::H08, "a name")
            .by(document(r#""Spot":{"name":"Spot","type":"String"}"#))
            .column("Spot", &["a1", "b1"]),
        case(Id::H08, "an empty one")
            .by(document(r#""Spot":{"name":"","type":"String"}"#))
            .column("Spot", &["a1", "b1"])
            .error("Spot", &[]),
        case(Id::H08, "a blank one")
            .by(document(r#""Spot":{"name":" ","type":"String"}"#))
            .column("Spot", &["a1", "b1"])
            .error("Spot", &[]),
        case(Id::H08, "null")
            .by(document(r#""Spot":{"name":null,"type":"String"}"#))
            .column("Spot", &["a1", "b1"])
            .error("Spot", &[]),
        case(Id::H08, "none")
            .by(document(r#""Spot":{"type":"String"}"#))
            .column("Spot", &["a1", "b1"])
            .error("Spot", &[]),
    ]
}

/// Microsoft's metadata.json: the header must have exactly its fields.
fn literal() -> Vec<Case> {
    let json = metadata(MAPPING);
    let more = metadata(&format!(r#"{MAPPING},"Spot":{{"name":"Spot","type":"StringType"}}"#));
    let spot = |rule| case(rule, "one more column").column("Spot", &["here", "there"]);
    vec![
        case(Id::H06, "the same").by(&*json),
        spot(Id::H06).by(&*more),
        case(Id::H06, "one more field").by(&*more).error("Spot", &[]).beside(&[Id::H07]),
        spot(Id::H06).by(&*json).error("Spot", &[]).beside(&[Id::H07]),
        case(Id::H06, "another case")
            .by(&*more)
            .column("SPOT", &["here", "there"])
            .error("SPOT", &[])
            .error("Spot", &[]),
        case(Id::H07, "as many").by(&*json),
        case(Id::H07, "another name, as many")
            .by(&*more)
            .column("Place", &["here", "there"])
            .beside(&[Id::H06]),
        case(Id::H07, "one more field").by(&*more).error(None, &[1]).beside(&[Id::H06]),
        spot(Id::H07).by(&*json).error(None, &[1]).beside(&[Id::H06]),
        spot(Id::H07).zipped(&json).error(None, &[1]).beside(&[Id::H06]),
        spot(Id::H07).zipped(&more),
    ]
}

fn types() -> Vec<Case> {
    let typed = |target: &str, kind: &str, values: &[&str]| {
        case(Id::H09, format!("{target} as {kind:?}"))
            .column("Spot", values)
            .mapped(&format!(r#""Spot":{{"name":"{target}","type":"{kind}"}}"#))
    };
    let text = ["here", "there"];
    let day = ["12/31/2025"];
    let mut cases: Vec<Case> =
        ["Number", "DateTime", "Date", "text", "EmailTypes", "decimal", "DateTime_YYYYMMDD"]
            .map(|kind| typed("Spot", kind, &text).error("Spot", &[]))
            .into();
    cases.extend([
        typed("Location", "StringType", &text),
        typed("Location", "EmailType", &["a@contoso.com"]).error("Spot", &[]),
        typed("HireDate", "DateTime_MMDDYYYY", &day),
        typed("HireDate", "DateTime_DDMMYYYY", &["31/12/2025"]),
        typed("HireDate", "StringType", &["Monday", "Tuesday"]).error("Spot", &[]),
        typed("Layer", "int32", &["1", "2"]),
        typed("Layer", "Integer", &["1", "2"]),
        typed("Layer", "double", &["1", "2"]).error("Spot", &[]),
        typed("HourlyRate", "double", &["1.5", "2"]),
        typed("HourlyRate", "int32", &["1", "2"]).error("Spot", &[]),
        typed("WeeklyBadgeOnsiteDays", "int32", &["1", "2"]).error("Spot", &[]),
        typed("CostCenter", "int32", &["1", "2"]),
    ]);
    cases
}
