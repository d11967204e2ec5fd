//! What the doctor found, as text and for programs.

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

use crate::outcome::{Layout, Tone};

/// What was found out about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum CheckStatus {
    /// It is right.
    Pass,
    /// It is wrong; the remedy says what to do.
    Fail,
    /// It could not be found out, because something before it failed.
    Unknown,
    /// Nothing to judge, but to know.
    Info,
}

impl CheckStatus {
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Pass => '\u{2713}',
            Self::Fail => '\u{2717}',
            Self::Unknown => '?',
            Self::Info => '-',
        }
    }

    fn marked(self, layout: Layout) -> String {
        let mark = self.mark().to_string();
        match self {
            Self::Pass => layout.paint(Tone::Good, &mark),
            Self::Fail => layout.paint(Tone::Bad, &mark),
            Self::Unknown => layout.paint(Tone::Warning, &mark),
            Self::Info => mark,
        }
    }
}

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckResult {
    /// What it is about, always in the same words.
    pub name: &'static str,
    /// What was found out.
    pub status: CheckStatus,
    /// The same in a sentence.
    pub message: String,
    /// What to do, where something is wrong.
    pub remedy: Option<String>,
}

impl CheckResult {
    pub(super) fn good(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Pass, message: message.into(), remedy: None }
    }

    pub(super) fn bad(
        name: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            status: CheckStatus::Fail,
            message: message.into(),
            remedy: Some(remedy.into()),
        }
    }

    pub(super) fn unknown(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Unknown, message: message.into(), remedy: None }
    }

    /// What hangs on something that has failed.
    pub(super) fn unasked(name: &'static str, cause: &str) -> Self {
        Self::unknown(name, format!("not asked until this is right: {cause}"))
    }

    pub(super) fn note(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Info, message: message.into(), remedy: None }
    }

    /// Whether a file that waits may be let go on as far as this goes.
    pub(super) fn is_no_obstacle(&self) -> bool {
        matches!(self.status, CheckStatus::Pass | CheckStatus::Info)
    }
}

/// Everything that was found out about a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Diagnosis {
    /// The connection's name.
    pub connection: String,
    /// Whether nothing is wrong and nothing is left unknown.
    pub healthy: bool,
    /// What was asked, the cause before what follows from it.
    pub checks: Vec<CheckResult>,
}

impl Diagnosis {
    pub(super) fn new(connection: &str, checks: Vec<CheckResult>) -> Self {
        let healthy = checks.iter().all(CheckResult::is_no_obstacle);
        Self { connection: connection.to_owned(), healthy, checks }
    }

    /// For a person: a mark, what it is about, what was found; the remedy below it.
    #[must_use]
    pub fn text(&self, layout: Layout) -> String {
        let width = self.checks.iter().map(|line| line.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for CheckResult { name, status, message, remedy } in &self.checks {
            let mark = status.marked(layout);
            let prefix = format!("{mark} {name:width$}  ");
            text.push_str(&layout.hang(&prefix, &in_one_line(message)));
            if let Some(remedy) = remedy {
                let prefix = format!("  {:width$}  ", "");
                text.push_str(&layout.hang(&prefix, &format!("To do: {}", in_one_line(remedy))));
            }
        }
        let count = |wanted| self.checks.iter().filter(|line| line.status == wanted).count();
        let connection = &self.connection;
        text.push_str(&match (count(CheckStatus::Fail), count(CheckStatus::Unknown)) {
            (0, 0) => format!("connection {connection}: all is well\n"),
            (bad, unknown) => {
                format!("connection {connection}: {bad} wrong, {unknown} not found out\n")
            }
        });
        text
    }
}

/// A name could write a line of its own.
fn in_one_line(text: &str) -> String {
    text.replace('\n', "; ").replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: Vec<CheckResult>) -> Diagnosis {
        Diagnosis::new("hr", lines)
    }

    #[test]
    fn each_line_has_its_mark_and_its_remedy_below_it() {
        let diagnosis = of(vec![
            CheckResult::good("settings", "sound"),
            CheckResult::bad("token", "a\nb", "mend\u{1b}it"),
            CheckResult::unknown("connector", "not asked"),
            CheckResult::note("metadata", "to know"),
        ]);
        assert_eq!(
            diagnosis.text(Layout::default()),
            "\u{2713} settings   sound\n\
             \u{2717} token      a; b\n             To do: mend\u{fffd}it\n\
             ? connector  not asked\n\
             - metadata   to know\n\
             connection hr: 1 wrong, 1 not found out\n"
        );
        let json = serde_json::to_value(&diagnosis).unwrap();
        assert_eq!(json["healthy"], false);
        assert_eq!(json["checks"][1]["status"], "fail");
        assert!(json["checks"][0]["remedy"].is_null());
    }

    #[test]
    fn a_note_is_nothing_wrong_and_what_is_unknown_is() {
        let good = || CheckResult::good("settings", "sound");
        let well = of(vec![good(), CheckResult::note("metadata", "to know")]);
        assert!(
            well.healthy && well.text(Layout::default()).ends_with("connection hr: all is well\n")
        );
        assert!(!of(vec![good(), CheckResult::unknown("token", "not asked")]).healthy);
        assert!(!of(vec![good(), CheckResult::bad("token", "none", "mend it")]).healthy);
    }
}
