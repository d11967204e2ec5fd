//! What a push can be besides an HR zip: answers of surveys, and rows without a zip.

use serde_json::{Value, json};
use viva_import::{
    import::{Import, State},
    schema::PayloadFormat,
    testbed::{SAMPLE_CONNECTION, deployment::Stage, service::Ingestion},
};

use crate::stage::{GOOD_CSV, a_second_later, csv_of, ended, stage};

const SURVEY_CSV: &str = "Who,Mood\nana@contoso.com,4\nbo@contoso.com,5\n";

/// The sample connection with some members changed.
fn connection(changes: Value) -> String {
    let mut document: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap();
    let Value::Object(changes) = changes else { panic!() };
    document.as_object_mut().unwrap().extend(changes);
    document.to_string()
}

fn survey() -> String {
    connection(json!({ "connector": "Survey", "mapping": {
        "Who": { "name": "PersonId", "type": "EmailType" },
        "Mood": { "name": "Mood", "type": "int32" },
    }}))
}

async fn imported(stage: &Stage, name: &str, csv: &str) -> (Import, Ingestion) {
    stage.arrive(name, csv.as_bytes().to_vec()).await.unwrap();
    let import = ended(stage, name).await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
    (import, stage.service.ingestions().pop().unwrap())
}

#[tokio::test]
async fn answers_of_surveys_go_to_their_own_connector_and_need_no_managers() {
    let stage = stage(&[]).await;
    stage.connect("mood", &survey()).await.unwrap();
    let (_, ingestion) = imported(&stage, "mood/a.csv", SURVEY_CSV).await;
    assert_eq!((&*ingestion.connector, ingestion.rows), ("Survey", 2));
    let requests = stage.service.requests();
    let of_connectors = requests.iter().filter(|seen| seen.path.contains("/connectors/"));
    assert!(of_connectors.clone().count() >= 3);
    for seen in of_connectors {
        assert!(seen.path.contains("/connectors/Survey"), "{}", seen.path);
    }
}

#[tokio::test]
async fn a_survey_and_the_staff_of_one_tenant_are_not_held_against_each_other() {
    let stage = stage(&[]).await;
    stage.connect("mood", &survey()).await.unwrap();
    imported(&stage, "hr/a.csv", &csv_of(20)).await;
    a_second_later().await;
    // Two people instead of twenty, and other columns: of another connector.
    imported(&stage, "mood/a.csv", SURVEY_CSV).await;
    a_second_later().await;
    imported(&stage, "hr/b.csv", &csv_of(21)).await;
}

#[tokio::test]
async fn rows_go_without_a_zip_where_the_connection_says_so() {
    for (upload, expected) in
        [(PayloadFormat::Csv, "text/csv"), (PayloadFormat::Json, "application/json")]
    {
        let stage = stage(&[]).await;
        let document = connection(json!({ "upload": upload.as_ref() }));
        stage.connect("rows", &document).await.unwrap();
        let (import, ingestion) = imported(&stage, "rows/a.csv", GOOD_CSV).await;
        assert_eq!(ingestion.upload.media_type(), expected);
        assert_eq!((ingestion.rows, import.rows), (2, Some(2)));
        let content = String::from_utf8(ingestion.zip.to_vec()).unwrap();
        // Called as Viva's fields: there is no metadata.json to say so.
        assert!(content.contains("PersonId") && !content.contains("Employee"), "{content}");
        assert_eq!(import.package, None, "what was staged is deleted");
    }
}
