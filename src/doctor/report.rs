//! What the doctor found, as text and as JSON.

use strum::AsRefStr;

use serde_json::{Value, json};

/// What was found out about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "camelCase")]
pub enum Verdict {
    /// It is right.
    Good,
    /// It is wrong; the remedy says what to do.
    Bad,
    /// It could not be found out, because something before it failed.
    Unknown,
    /// Nothing to judge, but to know.
    Note,
}

impl Verdict {
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Good => '\u{2713}',
            Self::Bad => '\u{2717}',
            Self::Unknown => '?',
            Self::Note => '-',
        }
    }
}

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// What it is about, always in the same words.
    pub about: &'static str,
    /// What was found out.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub told: String,
    /// What to do, where something is wrong.
    pub remedy: Option<String>,
}

impl CheckResult {
    pub(super) fn good(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, told: told.into(), remedy: None }
    }

    pub(super) fn bad(
        about: &'static str,
        told: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { about, verdict: Verdict::Bad, told: told.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn unknown(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Unknown, told: told.into(), remedy: None }
    }

    /// What hangs on something that has failed.
    pub(super) fn unasked(about: &'static str, cause: &str) -> Self {
        Self::unknown(about, format!("not asked until this is right: {cause}"))
    }

    pub(super) fn note(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Note, told: told.into(), remedy: None }
    }

    /// Whether a file that waits may be let go on as far as this goes.
    pub(super) fn is_no_obstacle(&self) -> bool {
        matches!(self.verdict, Verdict::Good | Verdict::Note)
    }
}

/// Everything that was found out about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The connection's name.
    pub connection: String,
    /// One line each, the cause before what follows from it.
    pub lines: Vec<CheckResult>,
}

impl Diagnosis {
    /// Whether nothing is wrong and nothing is left unknown.
    #[must_use]
    pub(crate) fn is_well(&self) -> bool {
        self.lines.iter().all(CheckResult::is_no_obstacle)
    }

    /// For a person: a mark, what it is about, what was found; the remedy below it.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.lines.iter().map(|line| line.about.len()).max().unwrap_or_default();
        let mut text = String::new();
        for CheckResult { about, verdict, told, remedy } in &self.lines {
            let mark = verdict.mark();
            text.push_str(&format!("{mark} {about:width$}  {}\n", in_one_line(told)));
            if let Some(remedy) = remedy {
                text.push_str(&format!("  {:width$}  To do: {}\n", "", in_one_line(remedy)));
            }
        }
        let count = |wanted| self.lines.iter().filter(|line| line.verdict == wanted).count();
        let connection = &self.connection;
        text.push_str(&match (count(Verdict::Bad), count(Verdict::Unknown)) {
            (0, 0) => format!("connection {connection}: all is well\n"),
            (bad, unknown) => {
                format!("connection {connection}: {bad} wrong, {unknown} not found out\n")
            }
        });
        text
    }

    /// For a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            json!({
                "about": line.about,
                "verdict": line.verdict.as_ref(),
                "told": line.told,
                "remedy": line.remedy,
            })
        });
        json!({
            "connection": self.connection,
            "well": self.is_well(),
            "lines": lines.collect::<Vec<Value>>(),
        })
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
        Diagnosis { connection: "hr".to_owned(), lines }
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
            diagnosis.text(),
            "\u{2713} settings   sound\n\
             \u{2717} token      a; b\n             To do: mend\u{fffd}it\n\
             ? connector  not asked\n\
             - metadata   to know\n\
             connection hr: 1 wrong, 1 not found out\n"
        );
        let json = diagnosis.json();
        assert_eq!(json["well"], false);
        assert_eq!(json["lines"][1]["verdict"], "bad");
        assert_eq!(json["lines"][0]["remedy"], Value::Null);
    }

    #[test]
    fn a_note_is_nothing_wrong_and_what_is_unknown_is() {
        let good = || CheckResult::good("settings", "sound");
        let well = of(vec![good(), CheckResult::note("metadata", "to know")]);
        assert!(well.is_well() && well.text().ends_with("connection hr: all is well\n"));
        assert!(!of(vec![good(), CheckResult::unknown("token", "not asked")]).is_well());
        assert!(!of(vec![good(), CheckResult::bad("token", "none", "mend it")]).is_well());
    }
}
