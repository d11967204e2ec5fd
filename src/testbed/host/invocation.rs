//! One invocation on the wire: the body that the handler gets, and how the host evaluates its answer.
//!
//! The encoding is that of Azure/azure-functions-host, `ScriptInvocationContextExtensions`: objects
//! are embedded, bytes become base64, and every other value becomes the *text* of its JSON. So a
//! queue message that is text arrives as JSON in JSON. The evaluation is that of
//! `DefaultHttpWorkerService`, with its gap: an empty body of a 2xx answer is never evaluated.

use base64::{Engine, engine::general_purpose::STANDARD};
use encoding_rs::{UTF_8, UTF_16LE};
use serde_json::{Deserializer, Map, Value, json};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::well_known::{Iso8601, Rfc3339},
    macros::{datetime, format_description},
};

/// An answer of the handler that the host has accepted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// `Logs`: lines for the log of the function.
    pub logs: Vec<String>,
    /// `Outputs`. They are read but not written, because no output binding is emulated.
    pub outputs: Map<String, Value>,
    /// `ReturnValue`.
    pub return_value: Value,
}

/// How the host evaluates an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    Success(Answer),
    Failure(String),
    /// The host ignores the answer, and the call never ends.
    Hang,
}

/// A queue message as its function gets it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) receipt: String,
    pub(super) dequeue_count: i64,
    pub(super) inserted: OffsetDateTime,
    pub(super) expires: OffsetDateTime,
    pub(super) next_visible: OffsetDateTime,
    /// Without the base64 of the queue.
    pub(super) body: Vec<u8>,
}

/// When a message without an expiry expires.
pub(super) const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// The whole body of a call.
pub(super) fn body(data: Map<String, Value>, metadata: Map<String, Value>) -> Value {
    let parts = [("Data", data.into()), ("Metadata", metadata.into())];
    Value::Object(
        parts.map(|(key, part): (&str, Value)| (key.to_owned(), part)).into_iter().collect(),
    )
}

/// The entry `sys` of every `Metadata`.
pub(super) fn sys(function: &str, now: OffsetDateTime, guid: &str) -> Value {
    // .NET counts in ticks of 100 ns.
    let ticks = now.nanosecond() / 100 * 100;
    let now = now.replace_nanosecond(ticks).unwrap_or(now);
    let now = now.format(&Rfc3339).unwrap_or_default();
    json!({ "MethodName": function, "UtcNow": now, "RandGuid": guid })
}

/// The body of a queueTrigger's call.
pub(super) fn queue(binding: &str, binary: bool, message: &Message, sys: Value) -> Value {
    let mut metadata = Map::new();
    let mut put = |key: &str, value| metadata.insert(key.to_owned(), value);
    put("DequeueCount", Value::from(message.dequeue_count.to_string()));
    put("ExpirationTime", seconds(message.expires));
    put("Id", text(&message.id));
    put("InsertionTime", seconds(message.inserted));
    put("NextVisibleTime", seconds(message.next_visible));
    put("PopReceipt", text(&message.receipt));
    put("sys", sys);
    let value = if binary {
        Value::from(STANDARD.encode(&message.body))
    } else {
        let body = String::from_utf8_lossy(&message.body);
        promote(&body, &mut metadata);
        text(&body)
    };
    body(Map::from_iter([(binding.to_owned(), value)]), metadata)
}

/// A text as the host sends it: as the text of its JSON.
pub(super) fn text(value: &str) -> Value {
    Value::from(Value::from(value).to_string())
}

/// A `DateTimeOffset` as the host sends it: whole seconds.
fn seconds(moment: OffsetDateTime) -> Value {
    Value::from(local(moment.replace_nanosecond(0).unwrap_or(moment)))
}

/// A time with the offset of UTC.
pub(super) fn local(moment: OffsetDateTime) -> String {
    let text = moment.format(&Rfc3339).unwrap_or_default();
    text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}+00:00"))
}

/// Copies the properties of a message that is a JSON object into `Metadata`. They replace keys of the same
/// name, regardless of case: the `Id` of an event replaces that of its message.
fn promote(message: &str, metadata: &mut Map<String, Value>) {
    let Ok(Value::Object(properties)) = serde_json::from_str(message) else { return };
    for (key, value) in properties {
        let value = match value {
            Value::Array(_) | Value::Null => continue,
            Value::Object(_) => value,
            Value::Bool(true) => text("True"),
            Value::Bool(false) => text("False"),
            Value::Number(number) => text(&number.to_string()),
            Value::String(string) => text(&american(&string).unwrap_or(string)),
        };
        if key.to_lowercase().ends_with("trigger") {
            continue;
        }
        let known = metadata.keys().find(|known| known.eq_ignore_ascii_case(&key)).cloned();
        metadata.insert(known.unwrap_or(key), value);
    }
}

/// Newtonsoft.Json parses a text that looks like an ISO date as a date, and .NET then writes it in the
/// US format.
fn american(string: &str) -> Option<String> {
    if !(19..=40).contains(&string.len()) || string.as_bytes()[10] != b'T' {
        return None;
    }
    let zoned = OffsetDateTime::parse(string, &Rfc3339);
    let unzoned = || Some(PrimitiveDateTime::parse(string, &Iso8601::DEFAULT).ok()?.assume_utc());
    let moment = zoned.ok().or_else(unzoned)?.to_offset(UtcOffset::UTC);
    let format = format_description!("[month]/[day]/[year] [hour]:[minute]:[second]");
    moment.format(format).ok()
}

/// Evaluates an answer.
pub(super) fn judge(status: u16, content_type: Option<&str>, body: &[u8]) -> Judgement {
    if !(200..300).contains(&status) {
        return Judgement::Failure(format!(
            "Response status code does not indicate success: {status}"
        ));
    }
    if body.is_empty() {
        return Judgement::Hang;
    }
    let (media, parameters) = content_type
        .and_then(|whole| whole.split_once(';'))
        .unwrap_or((content_type.unwrap_or_default(), ""));
    let media = media.trim();
    if !["application/json", "text/json"].iter().any(|json| media.eq_ignore_ascii_case(json)) {
        return Judgement::Failure(format!("no formatter reads the media type '{media}'"));
    }
    // The formatter reads UTF-8 and UTF-16, and skips a byte order mark.
    let encoding =
        if charset(parameters).eq_ignore_ascii_case("utf-16") { UTF_16LE } else { UTF_8 };
    let (body, _, _) = encoding.decode(body);
    if body.trim().is_empty() {
        return Judgement::Hang;
    }
    let invalid = |why: &str| Judgement::Failure(format!("Invalid HttpResponseMessage: {why}"));
    // Only the first value is read. What follows is ignored.
    match Deserializer::from_str(&body).into_iter().next() {
        None | Some(Ok(Value::Null)) => Judgement::Hang,
        Some(Ok(Value::Object(object))) => {
            accept(object).map_or_else(|why| invalid(&why), Judgement::Success)
        }
        Some(Ok(_)) => invalid("the body is not a JSON object"),
        Some(Err(why)) => invalid(&why.to_string()),
    }
}

/// The charset among the parameters of a media type.
fn charset(parameters: &str) -> &str {
    let pairs = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut charsets = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    charsets.next().map_or("", |(_, charset)| charset.trim_matches('"'))
}

/// Reads the three properties, regardless of case, and ignores others.
fn accept(object: Map<String, Value>) -> Result<Answer, String> {
    let mut answer = Answer::default();
    for (key, value) in object {
        match (key.to_lowercase().as_str(), value) {
            ("returnvalue", value) => answer.return_value = value,
            ("logs" | "outputs", Value::Null) => {}
            ("outputs", Value::Object(outputs)) => answer.outputs = outputs,
            ("logs", Value::Array(logs)) => {
                answer.logs = logs.into_iter().map(log).collect::<Result<_, _>>()?;
            }
            ("logs", _) => return Err("Logs is not a list".to_owned()),
            ("outputs", _) => return Err("Outputs is not an object".to_owned()),
            _ => {}
        }
    }
    Ok(answer)
}

fn log(value: Value) -> Result<String, String> {
    match value {
        Value::String(line) => Ok(line),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("Logs holds more than texts".to_owned()),
    }
}

#[cfg(test)]
mod tests;
