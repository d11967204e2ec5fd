//! The Power Query in the guide of the API, compared with the API. There is no interpreter of its language M here, so
//! these tests read its parts as text, and send the requests that Power Query would send.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use reqwest::{Client, Method, Url, header::HeaderMap};
use serde_json::Value;
use viva_import::testbed::{
    deployment::Stage,
    host::{Front, function_key},
};

use crate::stage::{GOOD_CSV, ended, stage};

const KEY: &str = "the-key-for-all";

fn code() -> String {
    let guide = fs::read_to_string("src/guide/api.md").unwrap();
    let (_, code) = guide.split_once("```powerquery\n").unwrap();
    code.split_once("```").unwrap().0.to_owned()
}

/// What is between `before` and `after`; both must be there, and `before` once.
fn between<'a>(code: &'a str, before: &str, after: &str) -> &'a str {
    assert_eq!(code.matches(before).count(), 1, "{before} in:\n{code}");
    code.split_once(before).unwrap().1.split_once(after).unwrap().0
}

/// The texts in quotation marks.
fn texts(code: &str) -> Vec<&str> {
    code.split('"').skip(1).step_by(2).collect()
}

/// The parameters of the first request: `[top = "1000"]`.
fn first_query(code: &str) -> BTreeMap<String, String> {
    let pairs = between(code, "List.Generate(() => Page([", "])").split(", ");
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once(" = ").unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

/// The lists in braces of the step that begins with `before`.
fn lists<'a>(code: &'a str, before: &str) -> Vec<Vec<&'a str>> {
    let step = between(code, before, "\n    )");
    step.split('{').skip(1).map(|list| texts(list.split('}').next().unwrap())).collect()
}

async fn description(stage: &Stage) -> Value {
    let path = "/api/v1/openapi.json";
    let answer = stage.host.http(Method::GET, path, HeaderMap::new(), bytes::Bytes::new()).await;
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn the_power_query_names_only_what_the_api_has() {
    let code = code();
    let stage = stage(&[]).await;
    let api = description(&stage).await;
    let fields = |schema: &str| -> BTreeMap<String, String> {
        let properties = api["components"]["schemas"][schema]["properties"].as_object().unwrap();
        properties.iter().map(|(name, it)| (name.clone(), it.to_string())).collect()
    };
    let path = between(&code, "RelativePath = \"", "\"");
    let get = &api["paths"][format!("/{path}")]["get"];
    let parameters: BTreeSet<&str> = get["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    for name in first_query(&code).keys() {
        assert!(parameters.contains(name.as_str()), "{name}");
    }
    let header = between(&code, "Headers = [#\"", "\" = QueryKey");
    let key = &api["components"]["securitySchemes"]["key"];
    assert_eq!((key["in"].as_str(), key["name"].as_str()), (Some("header"), Some(header)));
    let page = fields("Imports");
    assert!(page.contains_key("value") && page.contains_key(between(&code, "(page, \"", "\"")));
    assert!(code.contains("each [value]"));

    let items = fields("ImportItem");
    let [_, columns] = &lists(&code, "Imports = Table.ExpandRecordColumn(")[..] else { panic!() };
    for name in columns {
        assert!(items.contains_key(*name), "{name}");
    }
    let [parts, names] = &lists(&code, "Reasons = Table.ExpandRecordColumn(")[..] else { panic!() };
    let reason = fields("ReasonItem");
    for (part, name) in parts.iter().zip(names) {
        assert!(reason.contains_key(*part), "{part}");
        assert_eq!(*name, format!("reason.{part}"));
    }
    // Every time and every number gets its type, and nothing else does.
    let schema = api["components"]["schemas"].as_object().unwrap();
    let is_time = |it: &str| {
        let target = schema.iter().find(|(name, _)| it.contains(&format!("/{name}\"")));
        it.contains("date-time") || target.is_some_and(|(_, it)| it["format"] == "date-time")
    };
    for name in columns {
        let kind = match &items[*name] {
            it if is_time(it) => Some("type datetimezone"),
            it if it.contains("\"integer\"") => Some("Int64.Type"),
            _ => None,
        };
        let typed = code.split_once(&format!("{{\"{name}\", "));
        let typed = typed.map(|(_, rest)| rest.split('}').next().unwrap());
        assert_eq!(typed, kind, "{name}");
    }
}

/// What `Web.Contents` sends: the path below the address, the query, and the headers.
async fn contents(front: &Front, code: &str, query: &BTreeMap<String, String>) -> (u16, Value) {
    let app = Url::parse(&format!("http://{}", front.address)).unwrap();
    let mut url = app.join(between(code, "RelativePath = \"", "\"")).unwrap();
    let header = between(code, "Headers = [#\"", "\" = QueryKey");
    let client = Client::builder().no_proxy().build().unwrap();
    url.query_pairs_mut().extend_pairs(query);
    let request = client.get(url).header(header, function_key(KEY, "query"));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_requests_of_the_power_query_get_every_import_of_every_page() {
    let code = code();
    // In Azure, `nextLink` begins with the name of the app. The code takes only its query.
    for host in [None, Some(("WEBSITE_HOSTNAME", "app.example"))] {
        let stage = stage(host.as_slice()).await;
        let mut ids = BTreeSet::new();
        for name in ["hr/a.csv", "hr/b.csv", "hr/c.csv"] {
            stage.arrive(name, GOOD_CSV.into()).await.unwrap();
        }
        for name in ["hr/a.csv", "hr/b.csv", "hr/c.csv"] {
            ids.insert(ended(&stage, name).await.id.name());
        }
        let front = stage.host.open_front(KEY).await.unwrap();
        let mut query = first_query(&code);
        assert_eq!(contents(&front, &code, &query).await.0, 200);
        query.insert("top".to_owned(), "1".to_owned());
        let mut seen = vec![];
        loop {
            let (status, page) = contents(&front, &code, &query).await;
            assert_eq!(status, 200, "{page}");
            seen.push(page["value"][0]["id"].as_str().unwrap().to_owned());
            let Some(link) = page[between(&code, "(page, \"", "\"")].as_str() else { break };
            // Uri.Parts(Uri.Combine(AppUrl, link))[Query]
            let link =
                Url::parse(&format!("http://{}", front.address)).unwrap().join(link).unwrap();
            query = link.query_pairs().into_owned().collect();
            assert!(!query.values().any(|value| value.contains(KEY)), "no link contains the key");
        }
        assert_eq!(seen.len(), 3);
        assert_eq!(BTreeSet::from_iter(seen), ids);
    }
}
