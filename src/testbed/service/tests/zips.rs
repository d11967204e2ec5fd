//! Which zips the service can read, and which it never finishes.

use super::*;

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
