//! What leaves and what does not, on the road: the guard against deleting, lenient connections,
//! columns that are not mapped, other encodings, and mappings that break a rule.

use std::{io::Read as _, process::Output};

use tokio::process::Command;
use viva_import::{
    import::{Import, State},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        service::{Call, Ingestion, ServiceFault},
    },
};

use crate::stage::{BINARY, GOOD_CSV, a_second_later, ended, stage, until, why};

/// A head and people under it, with a column more where it is wanted.
fn staff(people: usize, more: bool) -> Vec<u8> {
    let (header, value) = if more { (",Location", ",Oslo") } else { ("", "") };
    let mut csv = format!("Employee,EffectiveDate,Manager,Organization{header}\n");
    csv.push_str(&format!("head@contoso.com,11/01/2026,,Executive{value}\n"));
    for person in 1..people {
        csv.push_str(&format!("p{person}@contoso.com,11/01/2026,head@contoso.com,Sales{value}\n"));
    }
    csv.into_bytes()
}

/// The import of a file, once it has ended.
async fn imported(stage: &Stage, name: &str, csv: Vec<u8>) -> Import {
    stage.arrive(name, csv).await.unwrap();
    ended(stage, name).await
}

async fn allow(stage: &Stage, import: &Import) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["approve", &import.id.key]).envs(stage.settings());
    command.output().await.unwrap()
}

fn data(ingestion: &Ingestion) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&ingestion.zip)).unwrap();
    let mut data = String::new();
    archive.by_name("data.csv").unwrap().read_to_string(&mut data).unwrap();
    data
}

#[tokio::test]
async fn a_full_refresh_that_would_delete_waits_for_a_persons_word() {
    let stage = stage(&[]).await;
    assert_eq!(imported(&stage, "hr/1.csv", staff(40, true)).await.state, State::Completed);
    // A tenth fewer is nothing strange.
    assert_eq!(imported(&stage, "hr/2.csv", staff(36, true)).await.state, State::Completed);

    let import = imported(&stage, "hr/3.csv", staff(20, true)).await;
    let why = why(&import);
    assert!(import.state == State::Rejected && import.is_guarded(), "{why}");
    assert!(why.contains("20 people where the last accepted import had 36: 44.4 % fewer"), "{why}");
    assert_eq!(stage.service.ingestions().len(), 2, "nothing was pushed");

    let said = allow(&stage, &import).await;
    assert!(said.status.success(), "{said:?}");
    let import = until("the import that was let pass", async || {
        let import =
            stage.imports().await.unwrap().into_iter().find(|other| other.id == import.id)?;
        (import.state == State::Completed).then_some(import)
    })
    .await;
    assert!(import.approval.as_ref().unwrap().by.starts_with("by `viva-import approve` at 20"));
    assert!(import.warning.as_ref().unwrap().contains("I04"), "{:?}", import.warning);
    assert_eq!(stage.service.ingestions().len(), 3);

    // Only this once, and only what was refused for that.
    let again = allow(&stage, &import).await;
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("needs no approval"), "{said}");
    assert!(imported(&stage, "hr/4.csv", staff(10, true)).await.is_guarded());
}

#[tokio::test]
async fn a_column_that_is_gone_waits_unless_the_upload_says_so() {
    let stage = stage(&[]).await;
    assert_eq!(imported(&stage, "hr/1.csv", staff(5, true)).await.state, State::Completed);
    let import = imported(&stage, "hr/2.csv", staff(5, false)).await;
    let why = why(&import);
    assert!(import.state == State::Rejected && import.is_guarded(), "{why}");
    assert!(why.contains("Location was in the last accepted import"), "{why}");

    for (at, other) in ["deletes", "I04", ""].into_iter().enumerate() {
        let (name, mark) = (format!("hr/not{at}.csv"), ("Viva_Import_Approve", other));
        stage.arrive_with(&name, staff(5, false), mark).await.unwrap();
        assert!(ended(&stage, &name).await.is_guarded(), "{other}");
        a_second_later().await;
    }
    let mark = ("Viva_Import_Approve", "i03, X99");
    stage.arrive_with("hr/3.csv", staff(5, false), mark).await.unwrap();
    let import = ended(&stage, "hr/3.csv").await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
    assert_eq!(import.approval.unwrap().by, "by the blob metadata viva_import_approve");
}

#[tokio::test]
async fn an_incremental_file_is_not_held_to_numbers() {
    let stage = stage(&[]).await;
    let incremental = SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\"");
    assert_eq!(imported(&stage, "hr/1.csv", staff(40, false)).await.state, State::Completed);
    stage.connect("hr", &incremental).await.unwrap();
    let import = imported(&stage, "hr/2.csv", staff(3, true)).await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
    assert!(import.warning.unwrap().contains("I02 1"), "the new column is told");
    // What the incremental import has added, a full one must have.
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    assert!(imported(&stage, "hr/3.csv", staff(40, false)).await.is_guarded());
}

#[tokio::test]
async fn a_lenient_connection_sends_the_rows_that_are_right() {
    let stage = stage(&[]).await;
    let lenient = SAMPLE_CONNECTION.replace("\"mapping\"", "\"lenient\": true, \"mapping\"");
    stage.connect("hr", &lenient).await.unwrap();
    let mut csv = staff(40, false);
    csv.extend_from_slice(
        b"nobody,11/01/2026,head@contoso.com,Sales\nx@contoso.com,31/31/2026,,\n",
    );
    let import = imported(&stage, "hr/1.csv", csv).await;
    assert_eq!(
        (import.state, import.rows, import.rows_skipped),
        (State::Completed, Some(40), 2),
        "{import:?}"
    );
}

#[tokio::test]
async fn columns_that_are_not_mapped_are_refused_where_the_setting_says_so() {
    let stage = stage(&[("UNMAPPED_COLUMNS", "refuse")]).await;
    let csv = String::from_utf8(staff(2, true)).unwrap().replace("Location", "Phone");
    let import = imported(&stage, "hr/1.csv", csv.clone().into()).await;
    let why = why(&import);
    assert!(import.state == State::Rejected && why.contains("not mapped: Phone"), "{why}");
    let dropping =
        SAMPLE_CONNECTION.replace("\"mapping\"", "\"unmappedColumns\": \"drop\", \"mapping\"");
    stage.connect("hr", &dropping).await.unwrap();
    assert_eq!(imported(&stage, "hr/2.csv", csv.into()).await.state, State::Completed);
    assert!(!data(&stage.service.ingestions()[0]).contains("Oslo"));
}

#[tokio::test]
async fn windows_1252_with_semicolons_leaves_as_utf_8_with_commas() {
    let stage = stage(&[]).await;
    let export =
        "Employee;EffectiveDate;Manager;Organization\r\nana@contoso.com;11/01/2026;;Köln, West\r\n";
    let bytes: Vec<u8> = export.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
    let import = imported(&stage, "hr/1.csv", bytes.clone()).await;
    let why = why(&import);
    assert!(import.state == State::Rejected && why.contains("\"delimiter\": \";\""), "{why}");
    let converting = SAMPLE_CONNECTION.replace(
        "\"mapping\"",
        "\"encoding\": \"windows-1252\", \"delimiter\": \";\", \"mapping\"",
    );
    stage.connect("hr", &converting).await.unwrap();
    assert_eq!(imported(&stage, "hr/2.csv", bytes).await.state, State::Completed);
    assert_eq!(
        data(&stage.service.ingestions()[0]),
        "Employee,EffectiveDate,Manager,Organization\nana@contoso.com,11/01/2026,,\"Köln, West\"\n"
    );
}

#[tokio::test]
async fn a_mapping_that_breaks_a_rule_keeps_its_files_until_it_is_mended() {
    let stage = stage(&[]).await;
    let wrong = SAMPLE_CONNECTION.replace("\"name\": \"PersonId\"", "\"name\": \"personid\"");
    stage.connect("hr", &wrong).await.unwrap();
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let why = until("a file that waits", async || {
        let import = stage.imports().await.unwrap().pop()?;
        import.reason.is_some().then(|| why(&import))
    })
    .await;
    assert!(why.contains("connections/hr.json") && why.contains("(H14)"), "{why}");
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_file_that_waited_is_held_against_what_was_accepted_meanwhile() {
    let stage = stage(&[]).await;
    stage.service.always(Call::Status, Some(ServiceFault::StatusWord("NotStarted".to_owned())));
    stage.arrive("hr/1.csv", staff(40, true)).await.unwrap();
    until("a first import under way", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.state == State::Ingesting)
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    stage.arrive("hr/2.csv", staff(5, false)).await.unwrap();
    until("a second one that waits", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.state == State::Packed)
    })
    .await;
    stage.service.always(Call::Status, None);
    let import = ended(&stage, "hr/2.csv").await;
    assert!(import.state == State::Rejected && import.is_guarded(), "{import:?}");
    // The report of when it was checked says otherwise, so the row does not name it.
    assert_eq!((import.report, import.rows), (None, Some(5)));
    assert_eq!(ended(&stage, "hr/1.csv").await.state, State::Completed);
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_full_refresh_by_another_connection_deletes_as_much() {
    let stage = stage(&[]).await;
    stage.connect("other", SAMPLE_CONNECTION).await.unwrap();
    assert_eq!(imported(&stage, "hr/1.csv", staff(40, true)).await.state, State::Completed);
    assert!(imported(&stage, "other/1.csv", staff(2, true)).await.is_guarded());
}

#[tokio::test]
async fn a_persons_word_goes_no_further_than_what_they_saw() {
    let stage = stage(&[]).await;
    assert_eq!(imported(&stage, "hr/1.csv", staff(40, true)).await.state, State::Completed);
    let import = imported(&stage, "hr/2.csv", staff(20, true)).await;
    assert!(import.is_guarded());
    // Meanwhile the mapping loses a column.
    let narrow = SAMPLE_CONNECTION.replace("\"Location\": {", "\"Elsewhere\": {");
    stage.connect("hr", &narrow).await.unwrap();
    assert!(allow(&stage, &import).await.status.success());
    let import = until("the second refusal", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|other| other.id == import.id && other.state == State::Rejected)
    })
    .await;
    assert!(why(&import).contains("Location was in"), "{import:?}");
    assert_eq!(stage.service.ingestions().len(), 1);
}
