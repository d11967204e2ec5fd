//! The results of the doctor's checks, as text and for programs.

use std::fmt::Write as _;

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

use crate::{
    import::diagnostics::Exchange,
    messages,
    outcome::{Layout, Tone},
};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum CheckStatus {
    /// The check passed.
    Pass,
    /// The check failed; `remedy` says what to do.
    Fail,
    /// The check did not run, because another one did not pass.
    Unknown,
    /// The check only informs; it cannot fail.
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

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckResult {
    /// The name of the check, which never changes.
    pub name: &'static str,
    /// How the check ended.
    pub status: CheckStatus,
    /// What the check found, as a sentence.
    pub message: String,
    /// What to do, if the check failed.
    pub remedy: Option<String>,
}

impl CheckResult {
    pub(super) fn pass(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Pass, message: message.into(), remedy: None }
    }

    pub(super) fn fail(
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

    /// A check that depends on the check `cause`, which did not pass.
    pub(super) fn skipped(name: &'static str, cause: &str) -> Self {
        Self::unknown(name, format!("Not checked, because the check \"{cause}\" did not pass"))
    }

    pub(super) fn info(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Info, message: message.into(), remedy: None }
    }

    /// Whether it does not stop waiting imports from being resumed.
    pub(super) fn passes(&self) -> bool {
        matches!(self.status, CheckStatus::Pass | CheckStatus::Info)
    }
}

/// The results of all checks of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Diagnosis {
    /// The connection's name.
    pub connection: String,
    /// Whether no check failed and none is unknown.
    pub healthy: bool,
    /// The checks; a cause comes before what depends on it.
    pub checks: Vec<CheckResult>,
    /// What to paste into a support ticket: ids and times of the requests; no secrets. Empty if none was sent.
    pub support: String,
}

impl Diagnosis {
    pub(super) fn new(connection: &str, checks: Vec<CheckResult>, sent: &[Exchange]) -> Self {
        let healthy = checks.iter().all(CheckResult::passes);
        let support = messages::exchanges(sent);
        Self { connection: connection.to_owned(), healthy, checks, support }
    }

    /// For a person: mark, name and message of each check; the remedy below it.
    #[must_use]
    pub fn text(&self, layout: Layout) -> String {
        let width = self.checks.iter().map(|result| result.name.len()).max().unwrap_or_default();
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
        if !self.support.is_empty() {
            let _ = write!(text, "\nFor a support ticket:\n\n{}\n\n", self.support);
        }
        let count = |wanted| self.checks.iter().filter(|result| result.status == wanted).count();
        let connection = &self.connection;
        text.push_str(&match (count(CheckStatus::Fail), count(CheckStatus::Unknown)) {
            (0, 0) => format!("Connection {connection} is healthy: all checks passed\n"),
            (failed, unknown) => format!(
                "Connection {connection} is not healthy: {failed} failed, {unknown} not checked\n"
            ),
        });
        text
    }
}

/// The text of an error as a sentence of its own.
pub(super) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Text without control characters: a name could otherwise add a line of its own.
fn in_one_line(text: &str) -> String {
    text.replace('\n', "; ").replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(results: Vec<CheckResult>) -> Diagnosis {
        Diagnosis::new("hr", results, &[])
    }

    #[test]
    fn each_check_has_its_mark_and_its_remedy_below_it() {
        let diagnosis = of(vec![
            CheckResult::pass("settings", "Valid"),
            CheckResult::fail("token", "a\nb", "Correct\u{1b}it"),
            CheckResult::unknown("connector", "Not checked"),
            CheckResult::info("metadata", "Not written"),
        ]);
        assert_eq!(
            diagnosis.text(Layout::default()),
            "\u{2713} settings   Valid\n\
             \u{2717} token      a; b\n             To do: Correct\u{fffd}it\n\
             ? connector  Not checked\n\
             - metadata   Not written\n\
             Connection hr is not healthy: 1 failed, 1 not checked\n"
        );
        let json = serde_json::to_value(&diagnosis).unwrap();
        assert_eq!(json["healthy"], false);
        assert_eq!(json["checks"][1]["status"], "fail");
        assert!(json["checks"][0]["remedy"].is_null());
    }

    #[test]
    fn a_connection_is_healthy_with_information_and_not_with_an_unknown_check() {
        let pass = || CheckResult::pass("settings", "Valid");
        let healthy = of(vec![pass(), CheckResult::info("metadata", "Not written")]);
        let text = healthy.text(Layout::default());
        assert!(healthy.healthy && text.ends_with("is healthy: all checks passed\n"));
        assert!(!of(vec![pass(), CheckResult::unknown("token", "Not checked")]).healthy);
        assert!(!of(vec![pass(), CheckResult::fail("token", "None", "Correct it.")]).healthy);
    }
}
