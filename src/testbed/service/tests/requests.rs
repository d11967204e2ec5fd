//! What the service reads of a request and of a zip, and how it dates an ingestion.

use reqwest::header::CONTENT_TYPE;

use super::*;

#[tokio::test]
async fn media_types_are_compared_without_case_and_parameters() {
    let rows = r#"[{"PersonId":"a@x.com"}]"#;
    for (media_type, body) in [
        ("text/csv; charset=utf-8", CSV),
        ("Text/CSV", CSV),
        ("application/json;charset=UTF-8", rows),
        ("Application/JSON", rows),
    ] {
        let service = started().await;
        let push = post(&service).header(CONTENT_TYPE, media_type).body(body);
        assert_eq!(push.send().await.unwrap().status(), StatusCode::OK, "{media_type}");
        assert_eq!(service.ingestions()[0].status, "Completed", "{media_type}");
    }
    let service = started().await;
    let mut body = b"--B\r\nContent-Disposition: form-data; name=info; filename=i\r\n\r\n".to_vec();
    body.extend(good());
    body.extend(b"\r\n--B--\r\n");
    let form = post(&service).header(CONTENT_TYPE, "Multipart/Form-Data; Boundary=B").body(body);
    assert_eq!(form.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_scheme_of_the_token_has_no_case_and_any_number_of_spaces_after_it() {
    let service = started().await;
    let url = format!("{}/tenants/t1/scopes/t1/scaleUnit", service.endpoint());
    for (authorization, status) in [
        ("Bearer mock-token", 200),
        ("bearer mock-token", 200),
        ("BEARER   mock-token", 200),
        ("Bearermock-token", 403),
        ("Basic mock-token", 403),
        ("Bearer another", 403),
        ("Bearer Mock-Token", 403),
        ("mock-token", 403),
    ] {
        let request = reqwest::Client::new().get(&url).header("Authorization", authorization);
        assert_eq!(request.send().await.unwrap().status(), status, "{authorization}");
    }
}

#[tokio::test]
async fn each_ingestion_has_the_time_of_its_own_start() {
    let (service, clock) = started_with_clock().await;
    let mut starts = vec![];
    for _ in 0..2 {
        clock.fetch_add(90_000, Ordering::Relaxed);
        let answer: Value = push(&service, good()).await.json().await.unwrap();
        clock.fetch_add(2_000, Ordering::Relaxed);
        let later = poll(&service, answer["Id"].as_str().unwrap()).await;
        assert_eq!(later["StartDate"], answer["StartDate"]);
        starts.push(answer["StartDate"].as_str().unwrap().to_owned());
    }
    assert_eq!(starts, ["2026-01-05T19:06:30.0000000Z", "2026-01-05T19:08:02.0000000Z"]);
}

#[tokio::test]
async fn without_a_clock_of_its_own_the_service_reads_that_of_the_machine() {
    let service = started().await;
    push(&service, good()).await;
    #[expect(clippy::disallowed_methods, reason = "the test compares the two clocks")]
    let now = time::OffsetDateTime::now_utc();
    let started = service.ingestions()[0].started;
    assert!((now - started).abs() < time::Duration::MINUTE, "{started}");
}

/// An archive at the end of these bytes, whose offsets count them.
fn zipped_after(prefix: &[u8], entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Cursor::new(prefix.to_vec());
    bytes.set_position(prefix.len() as u64);
    let mut zip = ZipWriter::new(bytes);
    for (name, text) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive with two entries of one name, which the writer refuses to write.
fn with_a_name_twice(entries: &[(&str, &str)], written: &str, name: &str) -> Vec<u8> {
    let mut zip = zipped(entries);
    let places: Vec<_> = zip.windows(written.len()).enumerate().collect();
    let places: Vec<_> = places.into_iter().filter(|(_, it)| *it == written.as_bytes()).collect();
    let places: Vec<_> = places.into_iter().map(|(place, _)| place).collect();
    assert_eq!(places.len(), 2, "once before the data and once in the directory");
    for place in places {
        zip[place..place + name.len()].copy_from_slice(name.as_bytes());
    }
    zip
}

#[tokio::test]
async fn a_zip_after_other_bytes_is_read_only_if_its_offsets_count_them() {
    let entries = [("data.csv", CSV), ("metadata.json", METADATA)];
    let (_, of_counted) = statuses(zipped_after(b"prefix", &entries)).await;
    assert_eq!(of_counted[3], "Completed");
    let (_, of_uncounted) = statuses([b"prefix".to_vec(), good()].concat()).await;
    assert_eq!(of_uncounted, ["NotStarted"; 4]);
}

#[tokio::test]
async fn a_zip_with_a_name_twice_is_corrupt() {
    let entries = [("data.csv", CSV), ("metadata.json", METADATA), ("metadata.jsoN", METADATA)];
    let zip = with_a_name_twice(&entries, "metadata.jsoN", "metadata.json");
    let (_, statuses) = statuses(zip).await;
    assert_eq!(statuses, ["NotStarted"; 4]);
}

#[tokio::test]
async fn one_csv_and_one_json_at_the_root_are_validated_whatever_their_names() {
    for (csv, json) in [
        ("Data.csv", "Metadata.json"),
        ("DATA.CSV", "METADATA.JSON"),
        ("data.csv", "meta.json"),
        ("export.csv", "metadata.json"),
    ] {
        let (_, statuses) = statuses(zipped(&[(json, METADATA), (csv, CSV)])).await;
        assert_eq!(statuses[3], "Completed", "{csv} and {json}");
    }
}

#[tokio::test]
async fn a_zip_with_other_files_is_never_validated() {
    for entries in [
        &[("data.csv", CSV)][..],
        &[("metadata.json", METADATA)],
        &[("data.txt", CSV), ("metadata.json", METADATA)],
        &[("data.csv", CSV), ("people.csv", CSV), ("metadata.json", METADATA)],
        &[("data.csv", CSV), ("Data.csv", CSV), ("metadata.json", METADATA)],
        &[("data.csv", CSV), ("metadata.json", METADATA), ("readme.txt", "x")],
        &[("hr/data.csv", CSV), ("hr/metadata.json", METADATA)],
        &[("hr\\data.csv", CSV), ("metadata.json", METADATA)],
    ] {
        let (_, statuses) = statuses(zipped(entries)).await;
        assert_eq!(statuses[1..], ["ExtractionCompleted"; 3], "{entries:?}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_the_metadata_or_the_rows_is_skipped() {
    let (csv, metadata) = (format!("\u{feff}{CSV}"), format!("\u{feff}{METADATA}"));
    let (service, statuses) =
        statuses(zipped(&[("data.csv", &csv), ("metadata.json", &metadata)])).await;
    assert_eq!(statuses[3], "Completed", "{}", service.ingestions()[0].errors);
    let service = started().await;
    let rows = "\u{feff}[{\"PersonId\":\"a@x.com\"}]";
    post(&service).header("Content-Type", "application/json").body(rows).send().await.unwrap();
    assert_eq!(service.ingestions()[0].status, "Completed");
}
