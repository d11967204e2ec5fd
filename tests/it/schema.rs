//! The JSON Schema of a connection document, compared with the parser of the program.

use std::{
    io::{self, Write as _},
    process::Command,
};

use serde_json::{Value, json};
use viva_import::{
    connection::{Connection, schema},
    schema::{Fault, NO_GUID},
    testbed::SAMPLE_CONNECTION,
};

/// check-jsonschema finds each document valid by the schema, or each invalid.
/// `VIVA_IMPORT_CHECK_JSONSCHEMA` names that program.
fn schema_says(is_valid: bool, documents: &[Value]) {
    let Some(program) = std::env::var_os("VIVA_IMPORT_CHECK_JSONSCHEMA") else {
        let why = "SKIPPED, LOUDLY: the JSON Schema is not compared with the parser; name \
                   check-jsonschema 0.39.0 in VIVA_IMPORT_CHECK_JSONSCHEMA";
        let _ = writeln!(io::stderr(), "{why}");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, document: &Value| {
        std::fs::write(folder.path().join(name), document.to_string()).unwrap();
    };
    write("schema", &schema());
    let names: Vec<String> = (0..documents.len()).map(|place| format!("{place}.json")).collect();
    names.iter().zip(documents).for_each(|(name, document)| write(name, document));
    let mut check = Command::new(program);
    check.current_dir(&folder).args(["-v", "--output-format", "json", "--schemafile", "schema"]);
    let output = check.args(&names).output().unwrap();
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    if is_valid {
        assert_eq!(said["status"], "ok", "{said}");
        assert_eq!(said["checked_paths"].as_array().unwrap().len(), documents.len());
        return;
    }
    let errors = said["errors"].as_array().unwrap();
    for (name, document) in names.iter().zip(documents) {
        assert!(errors.iter().any(|error| error["filename"] == **name), "{document}\n{said}");
    }
}

fn read(document: &Value) -> Result<Connection, Vec<Fault>> {
    Connection::parse("hr", document.to_string().as_bytes())
}

/// A document with all that one may say.
fn full() -> Value {
    json!({
        "$schema": "./connection.schema.json",
        "tenantId": "AAAAAAAA-2222-3333-4444-555555555555",
        "connector": "Survey",
        "refresh": "incremental",
        "credential": credentials()[2],
        "scaleUnit": "novaprdwus2-02",
        "stopAfterRejected": true,
        "upload": "json",
        "notify": {
            "setting": "TEAMS_WEBHOOK",
            "format": "cloudEvents",
            "signingSetting": "TEAMS_SECRET",
            "completed": true
        },
        "expectedEveryDays": 366,
        "lenient": true,
        "unmappedColumns": "refuse",
        "encoding": "windows-1252",
        "delimiter": "tab",
        "rules": { "H03": "warning", "C03": "hint", "M02": "off" },
        "dialect": {
            "mappingKey": "ColumnMap",
            "isBootstrap": "capitalText",
            "dataFile": "Data.CSV",
            "metadataFile": "metadata.json",
            "types": { "EmailType": "Email", "double": "Double" }
        },
        "mapping": {
            "Employee/Id": { "name": "PersonId", "type": "EmailType" },
            "Cost center": { "name": "CostCenter", "type": "Text2" }
        }
    })
}

fn credentials() -> [Value; 7] {
    let id = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
    [
        json!({ "kind": "managedIdentity", "clientId": id }),
        json!({ "kind": "federatedIdentity", "clientId": id, "identityClientId": id }),
        json!({ "kind": "clientCertificate", "clientId": id, "setting": "CERT", "passwordSetting": "P" }),
        json!({ "kind": "clientCertificate", "clientId": id, "file": "/certificates/a.pfx" }),
        json!({ "kind": "clientSecret", "clientId": id, "setting": "SECRET_1" }),
        json!({ "kind": "azureCli" }),
        json!({ "kind": "accessToken", "setting": "_TOKEN" }),
    ]
}

const OPTIONAL: [&str; 20] = [
    "/$schema",
    "/scaleUnit",
    "/stopAfterRejected",
    "/upload",
    "/notify",
    "/notify/signingSetting",
    "/notify/completed",
    "/expectedEveryDays",
    "/lenient",
    "/unmappedColumns",
    "/encoding",
    "/delimiter",
    "/rules",
    "/dialect",
    "/dialect/mappingKey",
    "/dialect/isBootstrap",
    "/dialect/dataFile",
    "/dialect/metadataFile",
    "/dialect/types",
    "/credential/passwordSetting",
];

/// `document` with `value` at `pointer`; a missing last member is added, and `null` takes it away.
fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let members = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let key = key.replace("~1", "/");
    if value.is_null() {
        members.shift_remove(&key).unwrap();
    } else {
        members.insert(key, value);
    }
    document
}

#[test]
fn what_is_read_is_valid_by_the_schema() {
    let mut documents = vec![serde_json::from_str(SAMPLE_CONNECTION).unwrap(), full()];
    documents.extend(credentials().map(|credential| with(&full(), "/credential", credential)));
    documents.extend(OPTIONAL.map(|pointer| with(&full(), pointer, Value::Null)));
    for document in &documents {
        assert_eq!(read(document).err(), None, "{document}");
    }
    schema_says(true, &documents);
}

#[test]
fn null_is_a_member_that_is_not_there() {
    let of = |credential: usize| with(&full(), "/credential", credentials()[credential].clone());
    let mut cases: Vec<(Value, &str)> = OPTIONAL.map(|pointer| (full(), pointer)).into();
    cases.push((of(0), "/credential/clientId"));
    cases.push((of(1), "/credential/identityClientId"));
    let mut valid = vec![];
    for (document, pointer) in cases {
        let mut null = document.clone();
        *null.pointer_mut(pointer).unwrap() = Value::Null;
        assert_eq!(read(&null), read(&with(&document, pointer, Value::Null)), "{pointer}");
        valid.push(null);
    }
    for other in ["file", "setting"] {
        let mut certificate = of(if other == "file" { 2 } else { 3 });
        certificate["credential"][other] = Value::Null;
        assert!(read(&certificate).is_ok(), "{certificate}");
        valid.push(certificate);
    }
    schema_says(true, &valid);
    let mut invalid = vec![];
    for pointer in ["/tenantId", "/refresh", "/credential", "/credential/clientId", "/mapping"] {
        let mut null = full();
        *null.pointer_mut(pointer).unwrap() = Value::Null;
        assert!(read(&null).is_err(), "{pointer}");
        invalid.push(null);
    }
    schema_says(false, &invalid);
}

#[test]
fn what_the_schema_can_express_is_invalid_by_both() {
    let mut invalid = vec![];
    let id = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
    let secret =
        json!({ "kind": "clientSecret", "setting": "A", "clientId": "x", "secret": "hunter2" });
    for (pointer, value) in [
        ("/tenantId", Value::Null),
        ("/tenantId", json!("contoso.com")),
        ("/tenantId", json!(5)),
        ("/tenantId", json!(NO_GUID)),
        ("/credential/clientId", json!(NO_GUID)),
        ("/credential", json!({ "kind": "managedIdentity", "clientId": NO_GUID })),
        ("/credential", json!({ "kind": "clientSecret", "clientId": NO_GUID, "setting": "A" })),
        (
            "/credential",
            json!({ "kind": "federatedIdentity", "clientId": id, "identityClientId": NO_GUID }),
        ),
        ("/connector", json!("hr")),
        ("/connector", Value::Null),
        ("/refresh", json!("Full")),
        ("/refresh", json!("full")), // with stopAfterRejected
        ("/credential", json!("managedIdentity")),
        ("/credential", json!({ "kind": "password" })),
        ("/credential", json!({})),
        ("/credential", secret),
        ("/credential", json!({ "kind": "clientSecret", "clientId": "contoso", "setting": "A" })),
        ("/credential", json!({ "kind": "accessToken" })),
        ("/credential", json!({ "kind": "azureCli", "clientId": "x" })),
        ("/credential/setting", Value::Null), // neither a file nor a setting
        ("/credential/file", json!("a.pem")), // both
        ("/credential/passwordSetting", json!("hunter2!")),
        ("/scaleUnit", json!("a b")),
        ("/stopAfterRejected", json!("yes")),
        ("/upload", json!("xml")),
        ("/upload", json!("ZIP")),
        ("/notify", json!([])),
        ("/notify/setting", json!("https://example.com/hook")),
        ("/notify/format", json!("mail")),
        ("/notify/format", Value::Null),
        ("/notify/signingSetting", json!("whsec_c2VjcmV0IQ==")),
        ("/notify/completed", json!("yes")),
        ("/notify/url", json!("x")),
        ("/expectedEveryDays", json!(0)),
        ("/expectedEveryDays", json!(367)),
        ("/expectedEveryDays", json!(1.5)),
        ("/lenient", json!(1)),
        ("/unmappedColumns", json!("keep")),
        ("/encoding", json!(" ")),
        ("/delimiter", json!("::")),
        ("/rules", json!(["H03"])),
        ("/rules/H03", json!("error")),
        ("/rules/h03", json!("warning")),
        ("/rules/F01", json!("off")), // no file can be read without it
        ("/rules/X99", json!("off")),
        ("/dialect/mappingKey", json!("DatasetType")),
        ("/dialect/isBootstrap", json!(true)),
        ("/dialect/dataFile", json!("../data.csv")),
        ("/dialect/metadataFile", json!("metadata.xml")),
        ("/dialect/types/Number", json!("x")),
        ("/dialect/types/double", json!("")),
        ("/dialect/typo", json!("x")),
        ("/mapping", Value::Null),
        ("/mapping", json!({})),
        ("/mapping/DatasetType", json!("HR")),
        ("/mapping/ ", json!({ "name": "X", "type": "string" })),
        ("/mapping/\u{feff}", json!({ "name": "X", "type": "string" })),
        ("/mapping/Employee~1Id", json!("PersonId")),
        ("/mapping/Employee~1Id/name", json!("")),
        ("/mapping/Employee~1Id/type", json!(5)),
        ("/mapping/Employee~1Id/type", Value::Null),
        ("/mapping/Employee~1Id/format", json!("x")),
        ("/conector", json!("HR")),
        ("/$schema", json!(5)),
    ] {
        let document = with(&full(), pointer, value);
        assert!(read(&document).is_err(), "the program accepts {document}");
        invalid.push(document);
    }
    schema_says(false, &invalid);
}

#[test]
fn the_schema_knows_the_members_that_are_read_and_no_other() {
    let schema = schema();
    let members = |schema: &Value| -> Vec<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let is_unknown = |at: &str, key: &str, document: &Value| {
        let faults = read(document).err().unwrap_or_default();
        faults.iter().any(|fault| fault.is_unknown && fault.at == format!("{at}/{key}"))
    };
    let kinds = schema["properties"]["credential"]["oneOf"].as_array().unwrap();
    assert_eq!(kinds.len(), 6);
    let mut known = vec![("", full(), members(&schema))];
    for kind in kinds {
        let name = &kind["properties"]["kind"]["const"];
        let mut of_kind =
            credentials().into_iter().filter(|credential| credential["kind"] == *name);
        let document = with(&full(), "/credential", of_kind.next().unwrap());
        known.push(("/credential", document, members(kind)));
    }
    for (at, member) in [("/notify", "notify"), ("/dialect", "dialect")] {
        known.push((at, full(), members(&schema["properties"][member])));
    }
    for (at, document, members) in known {
        for member in &members {
            let document = with(&document, &format!("{at}/{member}"), json!(5));
            assert!(!is_unknown(at, member, &document), "{at}/{member} is read by nobody");
        }
        let document = with(&document, &format!("{at}/unheardOf"), json!(5));
        assert!(is_unknown(at, "unheardOf", &document), "{at}");
        let faults = read(&document).unwrap_err();
        let fault = faults.iter().find(|fault| fault.is_unknown).unwrap().what.clone();
        let listed = fault.split_once("expected one of: ").unwrap().1;
        let (mut listed, mut members) = (listed.split(", ").collect::<Vec<_>>(), members);
        listed.sort_unstable();
        members.sort_unstable();
        assert_eq!(listed, members, "{at}");
    }
}
