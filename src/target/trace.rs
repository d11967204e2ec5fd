//! What of an answer goes into the record for support: some headers, error codes and GUIDs; never a text, which
//! may quote the data.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::{
    http::Answer,
    identity::Claims,
    import::{diagnostics::TokenIds, reason::Text},
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
pub(super) fn headers_of(answer: &Answer) -> BTreeMap<String, Text> {
    headers(&answer.headers)
}

/// An answer as text: its status, its headers and the beginning of its body. Of the headers, all but cookies, or
/// those that are kept.
pub(crate) fn answer_text(answer: &Answer, all_headers: bool) -> String {
    let shown =
        |name: &str| if all_headers { name != "set-cookie" } else { HEADERS.contains(&name) };
    let lines = answer.headers.iter().filter(|(name, _)| shown(name.as_str()));
    let lines = lines
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    let body = &answer.body[..answer.body.len().min(MAX_SHOWN_BYTES)];
    let body = String::from_utf8_lossy(body);
    // A terminal obeys control characters.
    let is_odd = |letter: char| letter.is_control() && !['\n', '\r', '\t'].contains(&letter);
    format!("{}\n{}\n{body}", answer.status, lines.collect::<String>()).replace(is_odd, "\u{fffd}")
}

fn headers(all: &HeaderMap) -> BTreeMap<String, Text> {
    let kept = HEADERS.iter().filter_map(|name| {
        let value = all.get(*name)?.to_str().ok().filter(|value| value.len() <= LONGEST_HEADER)?;
        Some(((*name).to_owned(), value.into()))
    });
    kept.collect()
}

/// The error codes in the body of a refusal: members called `code` or `errorCode`, outermost first.
pub(super) fn codes(body: &[u8]) -> Vec<Text> {
    let mut codes = vec![];
    if let Ok(body) = serde_json::from_slice(document::unmarked(body)) {
        collect(&body, DEPTH, &mut codes);
    }
    codes
}

fn collect(value: &Value, depth: usize, codes: &mut Vec<Text>) {
    let Some(members) = value.as_object() else { return };
    for (name, value) in members {
        let is_code = ["code", "errorcode"].contains(&name.to_ascii_lowercase().as_str());
        let code = value.as_str().map(str::to_owned).or_else(|| Some(value.as_u64()?.to_string()));
        if let Some(code) = code.filter(|code| is_code && is_word(code)).map(Text::from)
            && codes.len() < MOST
            && !codes.contains(&code)
        {
            codes.push(code);
        }
    }
    if depth > 0 {
        members.values().for_each(|value| collect(value, depth - 1, codes));
    }
}

/// Whether a text can be a code: one word, unlike an address or a sentence.
fn is_word(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The GUIDs in the body of a refusal.
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
            "activityId":"3F2504E0-4F89-41D3-9A0C-0305E82C3301","id":"not-a-guid"}"#;
        assert_eq!(codes(body), texts(&["InvalidMetadata", "V-17.2", "40012"]));
        assert_eq!(guids(body), texts(&["3F2504E0-4F89-41D3-9A0C-0305E82C3301"]));
        for other in [&b""[..], b"<html>", b"[]", br#"{"code":{"value":"x"}}"#, b"\xFF"] {
            assert_eq!(codes(other), []);
            assert_eq!(guids(other), []);
        }
        let many: Vec<String> = (0..9).map(|n| format!(r#""k{n}":{{"code":"c{n}"}}"#)).collect();
        assert_eq!(codes(format!("{{{}}}", many.join(",")).as_bytes()).len(), MOST);
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
}
