//! Code decides on codes and classes, never on a text of this program. A list says where texts are read.

use std::path::Path;

use viva_import::{
    import::reason::{Class, ReasonCode},
    messages,
};

use crate::layers::sources;

/// Expressions that read a text.
const READS: [&str; 9] = [
    ".contains(",
    ".starts_with(",
    ".ends_with(",
    ".strip_prefix(",
    ".strip_suffix(",
    ".split(",
    ".split_once(",
    ".rsplit_once(",
    ".find(\"",
];

#[test]
fn no_text_of_messages_is_read_back() {
    let texts = [
        "cause",
        "why",
        "because",
        "status",
        "summary",
        "action",
        "remedy",
        "note",
        "pause",
        "first",
        "finding",
        "notice",
        "place",
        "contents",
        "totals",
        "fact",
        "taken",
        "not_taken",
        "moved_on",
        "not_paused",
        "resumed",
    ];
    let mut calls = 0;
    for (name, code) in sources(Path::new("src")) {
        for text in texts {
            for (at, _) in code.match_indices(&format!("messages::{text}(")) {
                calls += 1;
                let rest: String = code[at..].split_whitespace().collect();
                let call = &rest[..end_of_call(&rest)];
                let next = &rest[call.len()..];
                let reads = READS.iter().any(|read| next.starts_with(read));
                assert!(!reads && !next.starts_with("=="), "{name} reads back {call}{next:.30}");
            }
        }
        for old in ["last_failure", "status_text.", ".story()", "LastFailure"] {
            assert!(!code.contains(old), "{old} is in {name}");
        }
    }
    assert!(calls > 20, "{calls} calls were found");
}

/// The end of the call at the beginning of a text.
fn end_of_call(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Where the engine, the clients and the table read a text, how often, and which. Add new places to this list.
const READ: [(&str, usize, &str); 36] = [
    ("identity/details.rs", 5, "codes and ids of a refused sign-in"),
    ("identity/refusal.rs", 2, "codes of Microsoft Entra, what the Azure CLI prints"),
    ("commands/json_rows.rs", 3, "an error of a library, names of fields"),
    ("commands/imports.rs", 1, "the name of a setting"),
    ("doctor.rs", 1, "a list of checks"),
    (
        "doctor/connectivity.rs",
        4,
        "names of headers and servers, a library's text about a broken connection",
    ),
    ("engine/deletion_guard.rs", 1, "a list of rules"),
    ("commands/check.rs", 1, "a pattern of file names"),
    ("engine/health.rs", 1, "names of documents"),
    ("engine/intake.rs", 3, "names of blobs"),
    ("engine/retention.rs", 1, "a list of keys"),
    ("engine/status_queries.rs", 1, "names of documents"),
    ("engine/steps.rs", 2, "the name of a package"),
    ("engine/sweep.rs", 1, "names of documents"),
    ("host/event_grid.rs", 9, "the subject, the topic and the URL of an event"),
    ("host/pages.rs", 2, "paths"),
    ("host/request.rs", 4, "parameters, media types, cookies"),
    ("host/v1.rs", 7, "paths, a media type, a list of ETags"),
    ("host/v1/queries.rs", 1, "a number"),
    ("import/transitions.rs", 1, "the record of operator actions"),
    ("import/types.rs", 3, "the id of an import, words of a status that is an end"),
    ("import/diagnostics.rs", 1, "a range of statuses"),
    ("target/outcome.rs", 2, "whether an answer is a page"),
    ("target/trace.rs", 10, "the names of headers and members, and the form of codes and ids"),
    ("target/wire.rs", 2, "the service's busy answer, an end date that was never set"),
    ("messages.rs", 1, "the last punctuation mark"),
    ("messages/connection.rs", 1, "the name of a file"),
    ("notify.rs", 2, "letters that are markup, what a secret begins with"),
    ("page/home.rs", 1, "names of connections"),
    ("page.rs", 2, "paths, names of parameters"),
    ("storage/import_table.rs", 1, "a list of statuses"),
    ("storage/import_table/connections.rs", 2, "the key of a row"),
    ("storage/import_table/live.rs", 2, "the key of a row, container and name of a file"),
    ("storage/import_table/row.rs", 1, "container and name of a file"),
    ("storage/import_table/tenant.rs", 2, "the keys of rows"),
    ("storage/import_table/tenants.rs", 2, "the key of a row"),
];

#[test]
fn texts_are_read_only_at_the_places_of_the_list() {
    let places = [
        "import",
        "storage/import_table",
        "engine",
        "target",
        "messages",
        "identity/refusal",
        "identity/details",
        "notify",
        "commands",
        "page",
        "report",
        "doctor",
        "host",
    ];
    let is_in_scope = |name: &str| places.iter().any(|place| name.starts_with(place));
    let mut found = vec![];
    for (name, code) in sources(Path::new("src")).into_iter().filter(|(it, _)| is_in_scope(it)) {
        let lines = code.lines().filter(|line| READS.iter().any(|read| line.contains(read)));
        let count = lines.count();
        if count > 0 {
            found.push((name, count));
        }
    }
    found.sort();
    let mut read: Vec<(String, usize)> =
        READ.iter().map(|(name, count, _)| ((*name).to_owned(), *count)).collect();
    read.sort();
    assert_eq!(found, read);
}

#[test]
fn every_reason_has_a_text_and_an_action_and_no_two_codes_have_the_same_text() {
    use strum::VariantArray as _;
    let all = messages::reasons();
    assert_eq!(all.len(), ReasonCode::VARIANTS.len());
    for (one, entry) in all.iter().enumerate() {
        assert!(!entry.message.is_empty() && !entry.action.is_empty(), "{}", entry.code);
        assert_eq!(entry.alert, entry.class == Class::ActionRequired, "{}", entry.code);
        let same = all[..one].iter().find(|other| other.message == entry.message);
        assert!(same.is_none(), "{} reads like {}", entry.code, same.unwrap().code);
    }
}
