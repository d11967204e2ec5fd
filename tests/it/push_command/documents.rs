//! A metadata.json as `--mapping` goes into the zip byte for byte, or not at all.

use serde_json::Value;

use super::{World, code, shown, zip_entry};
use crate::rules::case::{MAPPING, metadata, staff};

/// A document, and a word for each finding about it.
type Document = (&'static str, String, &'static [&'static str]);

fn documents() -> Vec<Document> {
    let plain = metadata(MAPPING);
    let with = |from: &str, to: &str| {
        assert!(plain.contains(from), "{from}");
        plain.replacen(from, to, 1)
    };
    vec![
        ("Microsoft's form", plain.clone(), &[]),
        ("laid out", format!("{:#}\r\n", serde_json::from_str::<Value>(&plain).unwrap()), &[]),
        ("a Boolean", with("\"true\"", "true"), &["IsBootstrap as true instead of \"true\""]),
        ("capital letters", with("\"true\"", "\"True\""), &["\"True\" instead of \"true\""]),
        ("ColumnMap", with("\"Mapping\"", "\"ColumnMap\""), &["ColumnMap instead of Mapping"]),
        ("another member", with("{", "{\"properties\":{},"), &["/properties"]),
        (
            "another member of a column",
            with("\"EmailType\"}", "\"EmailType\",\"a/b\":1}"),
            &["/Mapping/PersonId/a~1b"],
        ),
        ("a byte order mark", format!("\u{feff}{plain}"), &["byte order mark"]),
        (
            "all of them",
            format!(
                "\u{feff}{}",
                plain.replace("\"true\"", "true").replace("Mapping", "ColumnMap")
            ),
            &["byte order mark", "IsBootstrap", "ColumnMap"],
        ),
    ]
}

/// The messages of the findings.
fn messages(answer: &Value) -> Vec<&str> {
    let findings = answer["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_metadata_json_is_sent_byte_for_byte_and_what_is_unusual_is_named() {
    let world = World::new().await;
    world.put("staff.csv", staff().join("\n"));
    for (what, document, words) in documents() {
        world.put("own.json", &document);
        let pack = ["pack", "staff.csv", "--mapping", "own.json", "--out", "own.zip", "--force"];
        let packed = world.run(&[&pack[..], &["--format", "json"]].concat()).await;
        assert_eq!(code(&packed), 0, "{what}: {}", shown(&packed));
        let answer: Value = serde_json::from_slice(&packed.stdout).unwrap();
        let zip = world.read("own.zip");
        assert_eq!(zip_entry(&zip, "metadata.json"), document.as_bytes(), "{what}");
        let found = messages(&answer);
        assert_eq!(found.len(), words.len(), "{what}: {found:?}");
        for word in words {
            assert!(found.iter().any(|message| message.contains(word)), "{word}: {found:?}");
        }
        // The zip has the same findings.
        let zipped = world.run(&["check", "own.zip", "--format", "json"]).await;
        let zipped: Value = serde_json::from_slice(&zipped.stdout).unwrap();
        assert_eq!(zipped["findings"], answer["findings"], "{what}");
        let pushed = world.call(&["push", "staff.csv", "--mapping", "own.json"]).await;
        assert_eq!(code(&pushed), 0, "{what}: {}", shown(&pushed));
        assert_eq!(world.service.ingestions().last().unwrap().zip, zip, "{what}");
    }
}

#[tokio::test]
async fn the_expected_form_is_that_of_the_settings_and_of_the_connection() {
    let mut world = World::new().await;
    world.put("staff.csv", staff().join("\n"));
    world.put("own.json", metadata(MAPPING).replace("Mapping", "ColumnMap"));
    world.settings.push(("METADATA_MAPPING_KEY", "ColumnMap".to_owned()));
    let check = async |file: &str, mapping: &[&str]| {
        let output = world.run(&[&["check", file, "--format", "json"], mapping].concat()).await;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        messages(&answer).len()
    };
    assert_eq!(check("staff.csv", &["--mapping", "own.json"]).await, 0);
    let pack = ["pack", "staff.csv", "--mapping", "own.json", "--out", "own.zip"];
    assert_eq!(code(&world.run(&pack).await), 0);
    assert_eq!(check("own.zip", &[]).await, 0);

    let mut connection = connection("full");
    connection["dialect"] = serde_json::json!({
        "mappingKey": "ColumnMap", "isBootstrap": "boolean", "metadataFile": "meta.json",
        "types": { "EmailType": "Address" },
    });
    world.put("c.json", connection.to_string());
    let own = metadata(MAPPING).replace("Mapping", "ColumnMap").replace("\"true\"", "true");
    let own = own.replace("EmailType", "Address");
    world.put("own.json", &own);
    let endpoint = world.service.endpoint().to_string();
    let push = ["push", "staff.csv", "--mapping", "own.json", "--connection", "c.json"];
    let pushed = world.run(&[&push[..], &["--endpoint", &endpoint]].concat()).await;
    assert_eq!(code(&pushed), 0, "{}", shown(&pushed));
    assert!(!shown(&pushed).contains("F08"), "{}", shown(&pushed));
    let zip = &world.service.ingestions()[0].zip;
    assert_eq!(zip_entry(zip, "meta.json"), own.as_bytes());
}

#[tokio::test]
async fn a_mapping_alone_replaces_that_of_the_connection_and_nothing_else() {
    let world = World::new().await;
    world.put("staff.csv", staff().join("\n").replace(',', ";"));
    let mut connection = connection("incremental");
    connection["delimiter"] = ";".into();
    connection["dialect"] = serde_json::json!({
        "isBootstrap": "boolean", "types": { "EmailType": "Address" },
    });
    world.put("c.json", connection.to_string());
    world.put("own.json", format!("{{{}}}", MAPPING.replacen("EmailType", "Address", 1)));
    let endpoint = world.service.endpoint().to_string();
    let push = ["push", "staff.csv", "--mapping", "own.json", "--connection", "c.json"];
    let pushed = world.run(&[&push[..], &["--endpoint", &endpoint]].concat()).await;
    assert_eq!(code(&pushed), 0, "{}", shown(&pushed));
    let metadata = zip_entry(&world.service.ingestions()[0].zip, "metadata.json");
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["IsBootstrap"], false, "{metadata}");
    for column in ["PersonId", "ManagerId"] {
        assert_eq!(metadata["Mapping"][column]["type"], "Address", "{metadata}");
    }
}

/// The sample's connection with this refresh.
fn connection(refresh: &str) -> Value {
    let mut connection: Value =
        serde_json::from_str(viva_import::testbed::SAMPLE_CONNECTION).unwrap();
    connection["refresh"] = refresh.into();
    connection
}

#[tokio::test]
async fn what_contradicts_a_metadata_json_is_an_error() {
    let world = World::new().await;
    world.put("staff.csv", staff().join("\n"));
    world.put("more.csv", staff().join(",x\n"));
    world.put("own.json", metadata(MAPPING));
    world.put("c.json", connection("incremental").to_string());
    let endpoint = world.service.endpoint().to_string();
    let zip = ["pack", "staff.csv", "--mapping", "own.json", "--out", "own.zip"];
    let push = ["push", "staff.csv", "--mapping", "own.json", "--endpoint", &endpoint];
    let pushed = ["--connection", "c.json"];
    for (arguments, expected, words) in [
        (
            [&zip[..], &["--refresh", "incremental"]].concat(),
            2,
            "`--refresh incremental` contradicts own.json",
        ),
        ([&push[..], &pushed].concat(), 2, "c.json names the refresh incremental, and own.json"),
        (
            [&push[..], &["--tenant", super::TENANT, "--credential", "accessToken"]].concat(),
            0,
            "Accepted",
        ),
        (
            [
                &push[..],
                &[
                    "--tenant",
                    super::TENANT,
                    "--credential",
                    "accessToken",
                    "--connector",
                    "Survey",
                ],
            ]
            .concat(),
            1,
            "is for the HR connector, and the command names Survey",
        ),
        ([&zip[..], &["--refresh", "full"]].concat(), 0, "Packed into own.zip"),
        // No metadata.json goes with the rows alone.
        (
            [&zip[..4], &["--out", "rows.csv", "--refresh", "incremental"]].concat(),
            0,
            "Packed into rows.csv",
        ),
        (["pack", "more.csv", "--mapping", "own.json", "--out", "more.zip"].to_vec(), 1, "H07"),
    ] {
        let output = world.run(&arguments).await;
        assert_eq!(code(&output), expected, "{arguments:?}: {}", shown(&output));
        assert!(shown(&output).contains(words), "{words}: {}", shown(&output));
    }
    assert_eq!(world.service.ingestions().len(), 1);
}
