//! What of an answer goes into the record for support: some headers, error codes and GUIDs; never a text, which
//! may quote the data.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{
    http::Answer,
    identity::Claims,
    import::{
        diagnostics::TokenIds,
        reason::{Operation, Text, is_unprintable},
    },
    schema::{document, is_guid},
};

/// The headers that are kept. Services of Azure and the front doors before them name a request by these.
pub(super) const HEADERS: [&str; 7] = [
    "x-ms-request-id",
    "request-id",
    "x-ms-correlation-id",
    "x-ms-activity-id",
    "x-azure-ref",
    "x-msedge-ref",
    "date",
];
/// The longest header value that is kept.
const LONGEST_HEADER: usize = 200;
/// The most bytes of a body that are shown or stored.
const MAX_SHOWN_BYTES: usize = 64 << 10;
/// The most codes, and the most GUIDs, of one answer.
const MOST: usize = 4;
/// How deep a code may be in the body.
const DEPTH: usize = 5;

/// The headers of an answer that are kept.
pub(super) fn headers(all: &HeaderMap) -> BTreeMap<String, Text> {
    let kept = HEADERS.iter().filter_map(|name| {
        let value = all.get(*name)?.to_str().ok().filter(|value| value.len() <= LONGEST_HEADER)?;
        Some(((*name).to_owned(), value.into()))
    });
    kept.collect()
}

/// What an answer says about a failure: the body of a refusal, or the `ErrorDetail` of an ingestion. An error file
/// quotes the data and says nothing of that kind.
pub(super) fn said(operation: Operation, answer: &Answer) -> Cow<'_, [u8]> {
    if !answer.status.is_success() {
        return (&answer.body[..]).into();
    }
    if operation == Operation::Errors {
        return Cow::default();
    }
    let body: Value = serde_json::from_slice(document::unmarked(&answer.body)).unwrap_or_default();
    let mut members = body.as_object().into_iter().flatten();
    let detail = members.find(|(name, _)| name.eq_ignore_ascii_case("ErrorDetail"));
    detail.map(|(_, detail)| detail.to_string().into_bytes().into()).unwrap_or_default()
}

/// An answer as text: its status, its headers and the beginning of its body. Of the headers, all but cookies, or
/// those that are kept. What follows `Bearer` is left out, because a gateway may repeat the request.
pub(crate) fn answer_text(answer: &Answer, all_headers: bool) -> String {
    let is_shown =
        |name: &str| if all_headers { name != "set-cookie" } else { HEADERS.contains(&name) };
    let mut text = format!("{}\n", answer.status);
    for (name, value) in answer.headers.iter().filter(|(name, _)| is_shown(name.as_str())) {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    let shown = &answer.body[..answer.body.len().min(MAX_SHOWN_BYTES)];
    let _ = write!(text, "\n{}", String::from_utf8_lossy(shown));
    if shown.len() < answer.body.len() {
        let _ = write!(text, "\n(cut at {MAX_SHOWN_BYTES} bytes)");
    }
    let is_odd = |letter: char| is_unprintable(letter) && !['\n', '\t'].contains(&letter);
    without_tokens(&text.replace("\r\n", "\n")).replace(is_odd, "\u{fffd}")
}

fn without_tokens(text: &str) -> String {
    let mut parts = text.split("earer ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest =
            part.trim_start_matches(|letter: char| letter.is_ascii_graphic() && letter != '"');
        out.extend(["earer ...", rest]);
    }
    out
}

/// The members in which a code of a service is, besides those of the body itself.
const PARENTS: [&str; 3] = ["error", "innererror", "errordetail"];

/// The error codes in what an answer says: members called `code` or `errorCode`, outermost first.
pub(super) fn codes(body: &[u8]) -> Vec<Text> {
    let mut codes: Vec<Text> = vec![];
    let body: Value = serde_json::from_slice(document::unmarked(body)).unwrap_or_default();
    let mut next = body.as_object();
    for _ in 0..DEPTH {
        let Some(members) = next else { break };
        let lower = |name: &String| name.to_ascii_lowercase();
        for (_, value) in
            members.iter().filter(|(name, _)| ["code", "errorcode"].contains(&lower(name).as_str()))
        {
            let code = value.as_str().map(str::to_owned);
            let code = code.or_else(|| Some(value.as_u64()?.to_string())).filter(|it| is_word(it));
            codes.extend(code.map(Text::from).filter(|code| !codes.contains(code)));
        }
        let mut inner = members.iter().filter(|(name, _)| PARENTS.contains(&lower(name).as_str()));
        next = inner.find_map(|(_, value)| value.as_object());
    }
    codes.truncate(MOST);
    codes
}

/// Whether a text can be a code: one word, unlike an address or a sentence.
fn is_word(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The GUIDs in what an answer says.
pub(super) fn guids(body: &[u8]) -> Vec<Text> {
    let body = String::from_utf8_lossy(body);
    let mut guids: Vec<Text> = vec![];
    let words = body.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-');
    for guid in words.filter(|word| is_guid(word)).map(Text::from) {
        if guids.len() < MOST && !guids.contains(&guid) {
            guids.push(guid);
        }
    }
    guids
}

/// What identifies a token, by its claims.
pub(super) fn token_ids(claims: Claims) -> TokenIds {
    let text = |claim: Option<String>| claim.map(Text::from);
    TokenIds {
        tid: text(claims.tenant),
        appid: text(claims.client_id),
        aud: text(claims.audience),
        uti: text(claims.token_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<Text> {
        list.iter().map(Text::from).collect()
    }

    #[test]
    fn codes_and_guids_of_a_refusal_are_kept_and_its_texts_are_not() {
        let body = br#"{"error":{"code":"InvalidMetadata","message":"ana@contoso.com is unknown",
            "innererror":{"code":"V-17.2","errorCode":40012,"CODE":"ana@contoso.com"}},
            "row":{"code":"A17"},
            "activityId":"3F2504E0-4F89-41D3-9A0C-0305E82C3301","id":"not-a-guid"}"#;
        assert_eq!(codes(body), texts(&["InvalidMetadata", "V-17.2", "40012"]));
        assert_eq!(guids(body), texts(&["3F2504E0-4F89-41D3-9A0C-0305E82C3301"]));
        for other in [&b""[..], b"<html>", b"[]", br#"{"code":{"value":"x"}}"#, b"\xFF"] {
            assert_eq!(codes(other), []);
            assert_eq!(guids(other), []);
        }
    }

    #[test]
    fn an_ingestion_says_its_error_detail_and_an_error_file_nothing() {
        let body = br#"{"Id":"42","ErrorDetail":{"code":"BadRow"}}"#;
        let mut answer = Answer {
            status: reqwest::StatusCode::OK,
            headers: HeaderMap::new(),
            retry_at: None,
            body: body.to_vec(),
            is_whole: true,
        };
        assert_eq!(codes(&said(Operation::Status, &answer)), texts(&["BadRow"]));
        assert!(said(Operation::Errors, &answer).is_empty());
        answer.status = reqwest::StatusCode::BAD_REQUEST;
        assert_eq!(said(Operation::Errors, &answer), &body[..]);
    }

    #[test]
    fn a_header_is_kept_by_its_name_alone() {
        let mut all = HeaderMap::new();
        for (name, value) in [("X-Ms-Request-Id", "r1"), ("set-cookie", "secret"), ("date", "now")]
        {
            all.insert(
                reqwest::header::HeaderName::try_from(name).unwrap(),
                value.parse().unwrap(),
            );
        }
        all.insert("x-azure-ref", "x".repeat(LONGEST_HEADER + 1).parse().unwrap());
        let kept: Vec<String> = headers(&all).into_keys().collect();
        assert_eq!(kept, ["date", "x-ms-request-id"]);
    }

    #[test]
    fn an_answer_as_text_has_no_cookie_no_token_and_nothing_that_a_terminal_obeys() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "session=1".parse().unwrap());
        headers.insert("x-ms-request-id", "r1".parse().unwrap());
        headers.insert("server", "front".parse().unwrap());
        let body = "first\r\n\u{1b}[2Jx \u{202e}y\rz Authorization: Bearer e30.e30.c2ln, end";
        let answer = |body: Vec<u8>| Answer {
            status: reqwest::StatusCode::BAD_REQUEST,
            headers: headers.clone(),
            retry_at: None,
            body,
            is_whole: true,
        };
        let all = answer_text(&answer(body.into()), true);
        assert!(all.starts_with("400 Bad Request\n") && all.contains("\nserver: front\n"));
        assert!(
            all.ends_with("\nfirst\n\u{fffd}[2Jx \u{fffd}y\u{fffd}z Authorization: Bearer ... end")
        );
        assert!(!all.contains("session"));
        let kept = answer_text(&answer(vec![b'x'; MAX_SHOWN_BYTES + 1]), false);
        assert!(!kept.contains("server") && kept.contains("x-ms-request-id: r1"));
        assert!(kept.ends_with("x\n(cut at 65536 bytes)"));
    }
}
