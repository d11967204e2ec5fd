//! What a refused sign-in says about itself: codes and ids, for support.
//!
//! Each is taken only in its own shape, because the answer may quote what was sent.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::schema::is_guid;

/// The codes and ids of a refused sign-in. Microsoft's support finds the sign-in by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignInDetails {
    /// The codes in their order, each once: `AADSTS7000215` and `invalid_resource`.
    pub(crate) codes: Vec<String>,
    /// The id of the request, a GUID.
    pub(crate) trace_id: Option<String>,
    /// The id that several requests may share, a GUID.
    pub(crate) correlation_id: Option<String>,
    /// The time of the answer by the clock of Microsoft Entra, such as `2016-01-09 02:02:12Z`.
    pub(crate) timestamp: Option<String>,
}

impl SignInDetails {
    /// The details in an answer. The Azure CLI prints only its description, which has the same ids behind
    /// labels.
    ///
    /// Source: "Microsoft Entra authentication and authorization error codes", "Handling error codes".
    pub(super) fn of(answer: &str) -> Self {
        let members: Value = serde_json::from_str(answer).unwrap_or_default();
        let detail = |key: &str, label: &str, bytes: usize, is_valid: fn(&str) -> bool| {
            let labelled = || answer.split_once(label)?.1.get(..bytes);
            let text = members[key].as_str().or_else(labelled)?;
            is_valid(text).then(|| text.to_owned())
        };
        let mut codes = codes(answer);
        for number in members["error_codes"].as_array().into_iter().flatten() {
            let code = number.as_u64().map(|number| format!("AADSTS{number}"));
            codes.extend(code.filter(|code| !codes.contains(code)));
        }
        Self {
            trace_id: detail("trace_id", "Trace ID: ", 36, is_guid),
            correlation_id: detail("correlation_id", "Correlation ID: ", 36, is_guid),
            timestamp: detail("timestamp", "Timestamp: ", 20, is_moment),
            codes,
        }
    }

    /// An answer with only these details.
    pub(super) fn answer(&self) -> Value {
        json!({
            "error": "refused",
            "error_description": self.codes.join(" "),
            "trace_id": self.trace_id,
            "correlation_id": self.correlation_id,
            "timestamp": self.timestamp,
        })
    }
}

/// The codes in a text in their order, each once.
fn codes(text: &str) -> Vec<String> {
    const INVALID_RESOURCE: &str = "invalid_resource";
    let mut codes = vec![];
    for after in text.split("AADSTS").skip(1) {
        let number: String = after.chars().take_while(char::is_ascii_digit).take(10).collect();
        let code = format!("AADSTS{number}");
        if !number.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    }
    if text.contains(INVALID_RESOURCE) {
        codes.push(INVALID_RESOURCE.to_owned());
    }
    codes
}

fn is_moment(text: &str) -> bool {
    OffsetDateTime::parse(&text.replacen(' ', "T", 1), &Rfc3339).is_ok()
}

#[cfg(test)]
mod tests;
