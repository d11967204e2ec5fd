//! The status pages.
//!
//! Rendered on the server, and complete without a script. The one script converts times to the reader's
//! time zone and refreshes the page while imports are in progress. Nothing is loaded from other servers. No
//! page shows a cell's value: the table and the report, which a page shows, hold only rows, columns and
//! rules.

use std::sync::LazyLock;

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, macros::format_description};
use url::form_urlencoded::{Serializer, parse};

use crate::{
    doctor::Diagnosis,
    import::{State, to_the_second},
};

mod connection_health;
mod home;
mod import;

pub(crate) use self::connection_health::ConnectionHealth;
pub use self::{
    connection_health::{Health, Seen},
    home::{DEFAULT_TOP, Filter, Home, MAX_TOP},
    import::ImportPage,
};

pub(crate) const STYLE: &str = include_str!("page/page.css");
pub(crate) const SCRIPT: &str = include_str!("page/page.js");

/// The Content-Security-Policy of a page: its own style, script and forms, and nothing else. With sign-in, a
/// form may be redirected to `sign_in`, because browsers check redirects of forms too.
#[must_use]
pub(crate) fn content_security_policy(sign_in: Option<&str>) -> String {
    static HASHES: LazyLock<[String; 2]> =
        LazyLock::new(|| [STYLE, SCRIPT].map(|text| STANDARD.encode(Sha256::digest(text))));
    let [style, script] = &*HASHES;
    let sign_in = sign_in.map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
         connect-src 'self'; form-action 'self'{sign_in}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The parts that every page has.
#[derive(Debug)]
struct Frame {
    title: String,
    /// The overall status.
    verdict: String,
    /// Whether an import is in progress, so that the page refreshes unless that is turned off.
    is_moving: bool,
    viewer: Viewer,
}

impl Frame {
    fn refreshes(&self) -> bool {
        self.is_moving && !self.viewer.is_still
    }
}

/// The user of a page, and how the page was opened.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The links of the page.
    pub links: Links,
    /// Whether the page has buttons.
    pub can_operate: bool,
    /// The signed-in user.
    pub name: Option<String>,
    /// The CSRF token of the forms.
    pub token: String,
    /// The confirmation of the last action.
    pub message: Option<&'static str>,
    /// Whether the user has turned automatic refresh off.
    pub is_still: bool,
    /// The current time.
    pub now: OffsetDateTime,
}

impl Viewer {
    fn frame(&self, title: &str, verdict: String, is_moving: bool) -> Frame {
        Frame { title: title.to_owned(), verdict, is_moving, viewer: self.clone() }
    }

    /// The page for an error.
    #[must_use]
    pub fn error(&self, title: &str, why: &str) -> ErrorPage {
        ErrorPage { frame: self.frame(title, String::new(), false), why: why.to_owned() }
    }

    /// The page of a run of the doctor.
    #[must_use]
    pub fn diagnosis(&self, diagnosis: Diagnosis) -> DiagnosisPage {
        let title = format!("Doctor for {}", diagnosis.connection);
        DiagnosisPage { frame: self.frame(&title, String::new(), false), diagnosis }
    }
}

/// The page for an error.
#[derive(Debug, Template)]
#[template(path = "error.html", config = "src/askama.toml")]
pub struct ErrorPage {
    frame: Frame,
    why: String,
}

/// The page of a run of the doctor.
#[derive(Debug, Template)]
#[template(path = "diagnosis.html", config = "src/askama.toml")]
pub struct DiagnosisPage {
    frame: Frame,
    diagnosis: Diagnosis,
}

/// A time as markup: in UTC, which the script converts to the reader's time zone.
fn time(at: OffsetDateTime) -> String {
    let iso = to_the_second(at);
    let text = at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
    format!("<time datetime=\"{iso}\">{}</time>", text.unwrap_or_default())
}

/// The look of a state: a word, a mark, and a color that adds no information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Badge {
    word: &'static str,
    mark: char,
    class: &'static str,
}

impl Badge {
    fn of(state: State) -> Self {
        let (word, mark, class) = match state {
            State::Received => ("Received", '\u{2026}', "running"),
            State::Packed => ("Packed", '\u{23f8}', "waiting"),
            State::Pushing => ("Pushing", '\u{2191}', "running"),
            State::Ingesting => ("Ingesting", '\u{21bb}', "running"),
            State::Completed => ("Completed", '\u{2713}', "ok"),
            State::Accepted => ("Accepted", '\u{2713}', "ok"),
            State::Rejected => ("Rejected", '\u{2717}', "actionRequired"),
            State::Stuck => ("Stuck", '!', "actionRequired"),
            State::Superseded => ("Superseded", '\u{2192}', "gone"),
            State::Cancelled => ("Cancelled", '\u{2013}', "gone"),
        };
        Self { word, mark, class }
    }
}

/// The parameter that turns automatic refresh off.
const STILL: &str = "still";
/// The parameters that every link keeps.
const KEPT: [&str; 2] = ["code", STILL];

/// The pages under one address, with one way to open them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryPoint {
    /// Opened with a key, read-only.
    Status,
    /// Opened with a key of its own, with buttons.
    Console,
    /// Opened without a key, by a signed-in user.
    SignedIn,
}

impl EntryPoint {
    fn address(self) -> &'static str {
        match self {
            Self::Status => "/api/status",
            Self::Console => "/api/console",
            Self::SignedIn => "/api/signedin",
        }
    }
}

/// The links of one page. If a page was opened with a key in its address, the next page needs the key too, so
/// links keep it; it is stored nowhere else.
#[derive(Clone, Debug)]
pub struct Links {
    /// The pages to which this one belongs; it never links to others.
    pub entry: EntryPoint,
    /// The kept parameters: the key, and whether automatic refresh is off.
    kept: Vec<(String, String)>,
    /// The path of the page.
    path: String,
    /// The other parameters of the page.
    query: Vec<(String, String)>,
}

impl Links {
    /// The links of the page at `path` with `query`.
    #[must_use]
    pub fn new(path: &str, query: &str) -> Self {
        let lower_case = path.to_ascii_lowercase();
        let is_at = |entry: &&EntryPoint| lower_case.starts_with(entry.address());
        let entry = [EntryPoint::Console, EntryPoint::SignedIn].iter().find(is_at).copied();
        let entry = entry.unwrap_or(EntryPoint::Status);
        let all = parse(query.as_bytes()).into_owned();
        let (kept, query) = all.partition(|(name, _)| KEPT.contains(&name.as_str()));
        Self { entry, kept, path: path.to_owned(), query }
    }

    /// The main page, with these parameters.
    #[must_use]
    pub fn home(&self, query: &str) -> String {
        self.to(self.entry.address(), parse(query.as_bytes()).into_owned().collect())
    }

    /// The main page, with the imports of one connection.
    #[must_use]
    pub fn of_connection(&self, name: &str) -> String {
        self.home(&query(&[("connection", name)]))
    }

    /// The page of an import.
    #[must_use]
    pub fn import(&self, id: &str) -> String {
        self.to(&format!("{}/{id}", self.entry.address()), vec![])
    }

    /// The error file of the service for an import.
    #[must_use]
    pub(crate) fn service_errors(&self, id: &str) -> String {
        self.to(&format!("{}/{id}/{}", self.entry.address(), crate::engine::SERVICE_ERRORS), vec![])
    }

    /// This page, with automatic refresh on or off.
    #[must_use]
    pub fn here(&self, still: bool) -> String {
        let mut other = self.clone();
        other.kept.retain(|(name, _)| name != STILL);
        if still {
            other.kept.push((STILL.to_owned(), "1".to_owned()));
        }
        other.to(&self.path, self.without_done())
    }

    /// This page, after an action was done.
    #[must_use]
    pub fn after(&self, done: &str) -> String {
        let mut query = self.without_done();
        query.push(("done".to_owned(), done.to_owned()));
        self.to(&self.path, query)
    }

    fn without_done(&self) -> Vec<(String, String)> {
        self.query.iter().filter(|(name, _)| name != "done").cloned().collect()
    }

    fn to(&self, path: &str, mut query: Vec<(String, String)>) -> String {
        query.extend(self.kept.iter().cloned());
        if query.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", Serializer::new(String::new()).extend_pairs(query).finish())
    }
}

/// A query string of pairs, without those with an empty value.
fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_time_is_markup_in_utc() {
        let at = datetime!(2026-11-29 09:14:30.5 UTC);
        assert_eq!(time(at), "<time datetime=\"2026-11-29T09:14:30Z\">2026-11-29 09:14 UTC</time>");
    }

    #[test]
    fn links_keep_a_key_of_the_address() {
        let with = Links::new("/api/status", "code=a%2Bb&connection=hr&after=x&done=retry");
        assert_eq!(with.import("9-a"), "/api/status/9-a?code=a%2Bb");
        assert_eq!(with.of_connection("hr"), "/api/status?connection=hr&code=a%2Bb");
        assert_eq!(with.here(true), "/api/status?connection=hr&after=x&code=a%2Bb&still=1");
        let still = Links::new("/api/status", "still=1");
        assert_eq!(
            (still.home(""), still.here(false)),
            ("/api/status?still=1".into(), "/api/status".into())
        );
        let without = Links::new("/api/signedin/9-a", "");
        assert_eq!(without.home(""), "/api/signedin");
        assert_eq!(without.after("retry"), "/api/signedin/9-a?done=retry");
        let errors = "/api/signedin/9-a/service-errors.txt";
        assert_eq!(without.service_errors("9-a"), errors);
    }
}
