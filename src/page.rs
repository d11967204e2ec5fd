//! The status page.
//!
//! Server-rendered and complete without a script; the one script turns times into the reader's zone
//! and fetches the page again while something moves. Nothing comes from elsewhere and no page holds
//! a cell's value: it shows what the table and the report hold, which know rows, columns and rules.

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

/// What a page may do: its own style, its own script, its own forms, and nothing else. Where people
/// sign in, a form may end at `sign_in`: browsers hold redirects of a form against this too.
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
    /// Whether the page has buttons.
    pub can_operate: bool,
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
    pub fn trouble(&self, title: &str, why: &str) -> ErrorPage {
        ErrorPage { frame: self.frame(title, String::new(), false), why: why.to_owned() }
    }

    /// The page of a diagnosis.
    #[must_use]
    pub fn diagnosis(&self, diagnosis: Diagnosis) -> DiagnosisPage {
        let title = format!("Doctor: {}", diagnosis.connection);
        DiagnosisPage { frame: self.frame(&title, String::new(), false), diagnosis }
    }
}

/// A page that says why there is no other.
#[derive(Debug, Template)]
#[template(path = "trouble.html", config = "src/askama.toml")]
pub struct ErrorPage {
    frame: Frame,
    why: String,
}

/// The page of a diagnosis.
#[derive(Debug, Template)]
#[template(path = "diagnosis.html", config = "src/askama.toml")]
pub struct DiagnosisPage {
    frame: Frame,
    diagnosis: Diagnosis,
}

/// A moment as markup: in UTC, which a script turns into the reader's zone.
fn time(at: OffsetDateTime) -> String {
    let iso = to_the_second(at);
    let text = at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
    format!("<time datetime=\"{iso}\">{}</time>", text.unwrap_or_default())
}

/// How a state looks: a word and a mark, and a colour that nobody needs.
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

/// The parameter that keeps a page from refreshing.
const STILL: &str = "still";
/// The parameters that go along.
const KEPT: [&str; 2] = ["code", STILL];

/// Where the pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// With a key, to look at.
    Status,
    /// With a key of its own, to look at and to ask for something.
    Console,
    /// Without a key, for whoever is signed in.
    SignedIn,
}

impl Door {
    fn address(self) -> &'static str {
        match self {
            Self::Status => "/api/status",
            Self::Console => "/api/console",
            Self::SignedIn => "/api/signedin",
        }
    }
}

/// Addresses as seen from one page. Who opened a page with a key in its address needs it in the next
/// one too: links carry what the page's own address carries, and nothing else holds it.
#[derive(Clone, Debug)]
pub struct Links {
    /// The door the page was opened by; a page never links to another.
    pub door: Door,
    /// What every address keeps of the page's own: the key, and that it does not refresh.
    kept: Vec<(String, String)>,
    /// The page's own path.
    path: String,
    /// The rest of its own query.
    query: Vec<(String, String)>,
}

impl Links {
    /// As seen from the page at `path` with `query`.
    #[must_use]
    pub fn new(path: &str, query: &str) -> Self {
        let path_of_door = path.to_ascii_lowercase();
        let is_at = |door: &&Door| path_of_door.starts_with(door.address());
        let door = [Door::Console, Door::SignedIn].iter().find(is_at).copied();
        let door = door.unwrap_or(Door::Status);
        let all = parse(query.as_bytes()).into_owned();
        let (kept, query) = all.partition(|(name, _)| KEPT.contains(&name.as_str()));
        Self { door, kept, path: path.to_owned(), query }
    }

    /// The main page, with more of a query.
    #[must_use]
    pub fn home(&self, query: &str) -> String {
        self.to(self.door.address(), parse(query.as_bytes()).into_owned().collect())
    }

    /// The main page with the imports of one connection.
    #[must_use]
    pub fn of_connection(&self, name: &str) -> String {
        self.home(&query(&[("connection", name)]))
    }

    /// The page of an import.
    #[must_use]
    pub fn import(&self, id: &str) -> String {
        self.to(&format!("{}/{id}", self.door.address()), vec![])
    }

    /// The service's own error file of an import.
    #[must_use]
    pub(crate) fn service_errors(&self, id: &str) -> String {
        self.to(&format!("{}/{id}/{}", self.door.address(), crate::engine::SERVICE_ERRORS), vec![])
    }

    /// The page itself, which from then on stays as it is, or refreshes.
    #[must_use]
    pub fn here(&self, still: bool) -> String {
        let mut other = self.clone();
        other.kept.retain(|(name, _)| name != STILL);
        if still {
            other.kept.push((STILL.to_owned(), "1".to_owned()));
        }
        other.to(&self.path, self.without_done())
    }

    /// The page itself, after what was asked for there was done.
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

/// A query of pairs, without those whose value is empty.
fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_moment_is_markup_in_utc() {
        let at = datetime!(2026-11-29 09:14:30.5 UTC);
        assert_eq!(time(at), "<time datetime=\"2026-11-29T09:14:30Z\">2026-11-29 09:14 UTC</time>");
    }

    #[test]
    fn a_key_goes_along_and_only_where_there_is_one() {
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
