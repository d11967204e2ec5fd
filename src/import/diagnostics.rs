//! What the support of Microsoft asks for: the last requests of an import, with their ids and times. It never
//! contains a token, a secret or a value of the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    ImportId, State, moment,
    reason::{Operation, Text},
};

/// The record for support of one import. It is bounded: of each operation it has the last success, the last
/// refusal, and the last request without an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostics {
    /// Requests to the service and for tokens, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// The event that announced the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventIds>,
    /// The last failure of storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageFailure>,
    /// Whether the service's last refusal is kept beside the report.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answer_kept: bool,
}

impl Diagnostics {
    /// Adds a request. It replaces the last one of the same operation that ended in the same way.
    pub(crate) fn record(&mut self, exchange: Exchange) {
        let kind = |it: &Exchange| (it.operation, it.status.is_some(), it.is_success());
        self.exchanges.retain(|kept| kind(kept) != kind(&exchange));
        self.exchanges.push(exchange);
    }

    /// The blob of the service's last refusal, in the reports container beside the report.
    #[must_use]
    pub(crate) fn answer_blob(id: &ImportId) -> String {
        format!("{}/service-answer.txt", id.key)
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A request and its answer, as far as support needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// When the answer arrived, or the attempt ended.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// The request.
    pub operation: Operation,
    /// The id that this program gave the request: its header `x-ms-client-request-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<Text>,
    /// The status of the answer; `None` if no answer arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The tenant's scale unit, if the request named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_unit: Option<Text>,
    /// The token of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenIds>,
    /// The ids and times in the headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Text>,
    /// The error codes in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Text>,
    /// The GUIDs in the body of a refusal, by which a service finds its own log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Text>,
}

impl Exchange {
    /// A request without an answer.
    pub(crate) fn new(operation: Operation, at: OffsetDateTime) -> Self {
        Self {
            at,
            operation,
            client_request_id: None,
            status: None,
            scale_unit: None,
            token: None,
            headers: BTreeMap::new(),
            codes: vec![],
            ids: vec![],
        }
    }

    /// Whether the answer has a success status.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What identifies a token: never the token itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenIds {
    /// The tenant that issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<Text>,
    /// The client id of the app that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<Text>,
    /// The service that it was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Text>,
    /// Microsoft Entra's id of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<Text>,
}

/// The ids of an Event Grid event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventIds {
    /// The id of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// The id of the request to storage that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
    /// The operation of storage, for example `PutBlob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Text>,
    /// The `ETag` of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<Text>,
    /// The place of the event among those of the same blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Text>,
}

/// A failed request to storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageFailure {
    /// When it failed.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// The state of the import, which says what was being done.
    pub state: State,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error code of storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Text>,
    /// The id that storage gave the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
}
