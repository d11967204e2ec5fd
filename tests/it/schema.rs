//! The JSON Schema of a connection document, held against what reads one.

use jsonschema::Validator;
use serde_json::{Value, json};
use viva_import::{
    connection::{Connection, schema},
    schema::Fault,
    testbed::SAMPLE_CONNECTION,
};

fn validator() -> Validator {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
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
    let validator = validator();
    let mut documents = vec![serde_json::from_str(SAMPLE_CONNECTION).unwrap(), full()];
    documents.extend(credentials().map(|credential| with(&full(), "/credential", credential)));
    documents.extend(OPTIONAL.map(|pointer| with(&full(), pointer, Value::Null)));
    for document in documents {
        assert_eq!(read(&document).err(), None, "{document}");
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|it| it.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new(), "{document}");
    }
}

#[test]
fn null_is_a_member_that_is_not_there() {
    let validator = validator();
    let of = |credential: usize| with(&full(), "/credential", credentials()[credential].clone());
    let mut cases: Vec<(Value, &str)> = OPTIONAL.map(|pointer| (full(), pointer)).into();
    cases.push((of(0), "/credential/clientId"));
    cases.push((of(1), "/credential/identityClientId"));
    for (document, pointer) in cases {
        let mut null = document.clone();
        *null.pointer_mut(pointer).unwrap() = Value::Null;
        assert_eq!(read(&null), read(&with(&document, pointer, Value::Null)), "{pointer}");
        assert!(validator.is_valid(&null), "{pointer}");
    }
    for other in ["file", "setting"] {
        let mut certificate = of(if other == "file" { 2 } else { 3 });
        certificate["credential"][other] = Value::Null;
        assert!(read(&certificate).is_ok() && validator.is_valid(&certificate), "{certificate}");
    }
    for pointer in ["/tenantId", "/refresh", "/credential", "/credential/clientId", "/mapping"] {
        let mut null = full();
        *null.pointer_mut(pointer).unwrap() = Value::Null;
        assert!(read(&null).is_err() && !validator.is_valid(&null), "{pointer}");
    }
}

#[test]
fn what_the_schema_can_tell_is_refused_by_both() {
    let validator = validator();
    let secret =
        json!({ "kind": "clientSecret", "setting": "A", "clientId": "x", "secret": "hunter2" });
    for (pointer, value) in [
        ("/tenantId", Value::Null),
        ("/tenantId", json!("contoso.com")),
        ("/tenantId", json!(5)),
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
        assert!(read(&document).is_err(), "the program takes {document}");
        assert!(!validator.is_valid(&document), "the schema takes {document}");
    }
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
