//! The status page, and the same as JSON.
//!
//! Server-rendered and complete without a script; the one script turns times into the reader's zone
//! and fetches the page again while something moves. Nothing comes from elsewhere and no page holds
//! a cell's value: it shows what the table and the report hold, which know rows, columns and rules.

use std::sync::LazyLock;

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    doctor::Diagnosis,
    import::{Import, reason::Reason},
    messages,
    schema::{Refresh, Target},
};

pub use self::{
    home::{DEFAULT_TOP, Filter, Home, Seen, history},
    import::ImportPage,
    links::Links,
};

mod chart;
mod connection_health;
mod format;
mod home;
mod import;
mod links;

pub(crate) const STYLE: &str = include_str!("page/page.css");
pub(crate) const SCRIPT: &str = include_str!("page/page.js");

/// What a page may do: its own style, its own script, its own forms, and nothing else. Where people
/// sign in, a form may end at `sign_in`: browsers hold redirects of a form against this too.
#[must_use]
pub fn content_security_policy(sign_in: Option<&str>) -> String {
    static HASHES: LazyLock<[String; 2]> =
        LazyLock::new(|| [STYLE, SCRIPT].map(|text| STANDARD.encode(Sha256::digest(text))));
    let [style, script] = &*HASHES;
    let sign_in = sign_in.map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
         connect-src 'self'; form-action 'self'{sign_in}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// What is the same on every page.
#[derive(Debug)]
struct Frame {
    title: String,
    /// What is to be said first of all.
    verdict: String,
    /// Whether something moves, so that the page refreshes unless it was told not to.
    is_moving: bool,
    viewer: Viewer,
}

impl Frame {
    fn refreshes(&self) -> bool {
        self.is_moving && !self.viewer.is_still
    }
}

/// Who looks at a page, and from where.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Addresses as seen from the page.
    pub links: Links,
    /// Who is signed in.
    pub name: Option<String>,
    /// The forms' token.
    pub token: String,
    /// What came of what was just asked for.
    pub told: Option<&'static str>,
    /// Whether the page shall not refresh by itself.
    pub is_still: bool,
    /// What time it is.
    pub now: OffsetDateTime,
}

impl Viewer {
    fn frame(&self, title: &str, verdict: String, is_moving: bool) -> Frame {
        Frame { title: title.to_owned(), verdict, is_moving, viewer: self.clone() }
    }

    /// The page that says why there is no other.
    #[must_use]
    pub fn trouble(&self, title: &str, why: &str) -> Trouble {
        Trouble { frame: self.frame(title, String::new(), false), why: why.to_owned() }
    }

    /// The page of a diagnosis.
    #[must_use]
    pub fn diagnosis(&self, diagnosis: Diagnosis) -> Examined {
        let title = format!("Doctor: {}", diagnosis.connection);
        let is_well = diagnosis.is_well();
        Examined { frame: self.frame(&title, String::new(), false), is_well, diagnosis }
    }
}

/// A page that says why there is no other.
#[derive(Debug, Template)]
#[template(path = "trouble.html", config = "src/askama.toml")]
pub struct Trouble {
    frame: Frame,
    why: String,
}

/// The page of a diagnosis.
#[derive(Debug, Template)]
#[template(path = "diagnosis.html", config = "src/askama.toml")]
pub struct Examined {
    frame: Frame,
    is_well: bool,
    diagnosis: Diagnosis,
}

/// An import as JSON. Names and meanings are those of the table's columns.
#[must_use]
pub fn import(run: &Import) -> Value {
    let journal: Vec<Value> = run
        .journal
        .iter()
        .map(|stop| {
            json!({
                "at": moment(Some(stop.at)),
                "state": stop.state.word(),
                "told": stop.note.as_ref().map(|_| messages::note(stop, run)),
                "times": stop.times,
                "last": moment(Some(stop.last)),
            })
        })
        .collect();
    json!({
        "id": run.id.key,
        "tenant": run.id.tenant,
        "connection": run.connection,
        "file": run.source.file(),
        "fileETag": run.source.etag,
        "bytes": run.source.bytes,
        "lastModified": moment(Some(run.source.last_modified)),
        "rows": run.rows,
        "people": run.summary.as_ref().map(|summary| summary.people),
        "dropped": run.dropped,
        "state": run.state.word(),
        "story": messages::status(run),
        "toDo": messages::action(run),
        "refresh": run.refresh.map(Refresh::word),
        "ingestionId": run.ingestion.as_ref().map(ToString::to_string),
        "serviceStatus": run.service_status,
        "problems": run.problems,
        "report": run.report,
        "guarded": run.is_guarded(),
        "allowed": run.approval.as_ref().map(|approval| &approval.by),
        "notice": messages::warning(run),
        "byHand": run.by_hand,
        "pauses": run.pauses,
        "told": messages::notifications(run),
        "attempts": run.attempts,
        "busy": run.busy,
        "nextAttempt": moment(run.due),
        "received": moment(Some(run.received)),
        "pushed": moment(run.pushed),
        "ended": moment(run.ended),
        "reason": run.reason.as_ref().map(|it| reason(it, run.target)),
        "blockedBy": run.blocked.map(|code| code.to_string()),
        "journal": journal,
    })
}

/// A reason with its text.
fn reason(reason: &Reason, target: Target) -> Value {
    let mut json = serde_json::to_value(reason).unwrap_or_default();
    json["class"] = json!(reason.class().to_string());
    json["message"] = json!(messages::cause(reason, target));
    json
}

fn moment(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}
