//! F05 to F08 and other rules for a zip: data.csv with its metadata.json.

use viva_import::schema::Id;

use super::case::{Case, MAPPING, case, metadata, staff, zip};

const DATA: &str = "data.csv";
const META: &str = "metadata.json";

pub(super) fn cases() -> Vec<Case> {
    [directory(), documents()].into_iter().flatten().collect()
}

fn directory() -> Vec<Case> {
    let csv = staff().join("\n");
    let json = metadata(MAPPING);
    let (data, meta) = ((DATA, csv.as_str()), (META, json.as_str()));
    let holds = |what: &str, files: &[(&str, &str)]| case(Id::F05, what).zip(zip(files));
    vec![
        holds("the two files", &[data, meta]),
        holds("the two files in the other order", &[meta, data]),
        case(Id::F05, "capitals").zipped(&json).named("INFO.ZIP"),
        holds("capitals within", &[("Data.csv", &csv), ("Metadata.json", &json)])
            .warning(None, &[]),
        holds("a csv alone", &[data]).error(None, &[]),
        holds("a json alone", &[meta]).error(None, &[]),
        holds("nothing", &[]).error(None, &[]),
        holds("a third file", &[data, meta, ("readme.txt", "x")]).error(None, &[]),
        holds("what macOS adds", &[data, meta, ("__MACOSX/._data.csv", "x")]).error(None, &[]),
        holds("a folder", &[("hr/", ""), data, meta]).error(None, &[]),
        holds("the files in a folder", &[("hr/data.csv", &csv), ("hr/metadata.json", &json)])
            .error(None, &[]),
        case(Id::F05, "no zip").named("info.zip").error(None, &[]),
        case(Id::F05, "half a zip").zip(zip(&[data, meta])[..200].to_vec()).error(None, &[]),
        case(Id::F06, "a csv with rows").zip(zip(&[data, meta])),
        case(Id::F06, "an empty csv").zip(zip(&[(DATA, ""), meta])).error(None, &[]),
        case(Id::F07, "a json with a mapping").zip(zip(&[data, meta])),
        case(Id::F07, "an empty json").zip(zip(&[data, (META, "")])).error(None, &[]),
        case(Id::F07, "a blank json").zip(zip(&[data, (META, " \r\n")])).error(None, &[]),
        case(Id::F09, "a csv that unpacks to more than the limit")
            .zip(zip(&[data, meta]))
            .setting("MAX_FILE_BYTES", "100")
            .error(None, &[]),
        case(Id::F12, "a header alone").cut_to(1).zipped(&json).error(None, &[]),
    ]
}

fn documents() -> Vec<Case> {
    let json = metadata(MAPPING);
    let reads = |what: &str, from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        case(Id::F08, what).zipped(&json.replacen(from, to, 1))
    };
    vec![
        reads("valid", "HR", "HR"),
        reads("with a byte order mark", "{", "\u{feff}{").warning(None, &[]),
        reads("with a byte order mark, beside another mapping", "{", "\u{feff}{")
            .by(&*json)
            .warning(None, &[]),
        reads("with ColumnMap", "\"Mapping\"", "\"ColumnMap\"").warning(None, &[]),
        reads("with one more member", "{", "{\"properties\":{\"DatasetName\":\"People\"},")
            .hint(None, &[]),
        reads("TRUE", "\"true\"", "\"TRUE\"").warning(None, &[]),
        reads("no JSON", "}", "").error(None, &[]).beside(&[Id::H06]),
        reads("one comma too many", "}}}", "}}},").error(None, &[]).beside(&[Id::H06]),
        reads("IsBootstrap without quotation marks", "\"true\"", "true").warning(None, &[]),
        reads("IsBootstrap yes", "\"true\"", "\"yes\"").error(None, &[]),
        reads("no IsBootstrap", "\"IsBootstrap\":\"true\",", "").error(None, &[]),
        reads("no mapping", "\"Mapping\"", "\"Fields\"").error(None, &[]).beside(&[Id::H06]),
        reads("a column twice", MAPPING, &format!("{MAPPING},{MAPPING}"))
            .error(None, &[])
            .error(None, &[])
            .error(None, &[])
            .error(None, &[]),
        case(Id::F08, "a list").zipped("[]").error(None, &[]).beside(&[Id::H06]),
        case(Id::H10, "HR").zipped(&json),
        case(Id::H10, "business data").zipped(&json.replace("HR", "SalesData")).error(None, &[]),
        case(Id::H10, "no DatasetType")
            .zipped(&json.replace("\"DatasetType\":\"HR\",", ""))
            .error(None, &[]),
    ]
}
