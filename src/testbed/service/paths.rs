//! The paths of the service.

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::Call;

/// The call in a path.
pub(super) struct Requested {
    pub(super) call: Call,
    pub(super) tenant: String,
    pub(super) connector: &'static str,
    pub(super) id: String,
}

impl Requested {
    /// Reads method and path. The case of letters is ignored, because the documentation mixes it. Each part of
    /// the path is decoded, so that an id may contain any character.
    pub(super) fn read(head: &Parts, older_paths: bool) -> Option<Self> {
        let decoded = |part| percent_decode_str(part).decode_utf8_lossy().to_ascii_lowercase();
        let path = head.uri.path();
        let parts: Vec<String> = path.strip_prefix("/v1.0/")?.split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let method = head.method.as_str();
        let (tenant, rest) = match parts.as_slice() {
            // The path of the scale unit contains no connector.
            ["tenants", t, "scopes", s, "scaleunit"] if t == s => (t, &["scaleunit"][..]),
            ["scopes", t, "ingress", "connectors", rest @ ..] => (t, rest),
            _ => return None,
        };
        let query = head.uri.query().unwrap_or_default().to_ascii_lowercase();
        let (call, connector, id) = match (method, rest, older_paths) {
            ("GET", ["scaleunit"], _) => (Call::ScaleUnit, "hr", ""),
            ("GET", ["status"], true) => (Call::Ping, query.strip_prefix("connectortype=")?, ""),
            ("GET", [connector], false) => (Call::Ping, *connector, ""),
            ("POST", [connector, "ingestions", "fileingestion"], _) => (Call::Push, *connector, ""),
            ("GET", [connector, "ingestions", "fileingestion", id], false)
            | ("GET", [connector, "ingestions", id], true) => (Call::Status, *connector, *id),
            ("GET", [connector, "ingestions", id, "errors"], false)
            | ("GET", [connector, "ingestions", "fileingestion", id, "errors"], true) => {
                (Call::Errors, *connector, *id)
            }
            _ => return None,
        };
        let connector = match connector {
            "hr" => "HR",
            "survey" => "Survey",
            _ => return None,
        };
        Some(Self { call, tenant: (*tenant).into(), connector, id: id.into() })
    }
}
