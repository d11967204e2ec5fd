//! Why the app is not healthy: a code and a sentence for each reason. They name connections and
//! functions, but no files and no addresses, so a monitor may forward them.

use std::time::Duration;

use azure_core::http::StatusCode;
use strum::{AsRefStr, VariantNames};
use time::OffsetDateTime;

use super::{ago, counted};
use crate::import::{reason::ReasonCode, to_the_second};

/// Something that keeps the app or one of its connections from working. The code is its name.
#[derive(Clone, Debug, PartialEq, Eq, AsRefStr, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum HealthReason {
    /// Storage did not answer in time.
    StorageSilent {
        /// The time limit.
        limit: Duration,
    },
    /// Storage answered with an error, or was not reached.
    StorageFailed {
        /// The status of the answer, if there was one.
        status: Option<StatusCode>,
    },
    /// A timer has missed two runs.
    TimerMissed {
        /// The function of the timer.
        function: &'static str,
        /// The end of its last run.
        last: OffsetDateTime,
    },
    /// Storage is too slow to check every connection.
    StorageSlow {
        /// The time limit.
        limit: Duration,
    },
    /// Imports are due, but no step takes them up.
    NotTaken {
        /// Their connection.
        connection: String,
        /// The number of imports.
        imports: usize,
    },
    /// The document of a connection is invalid.
    Invalid {
        /// The connection.
        connection: String,
    },
    /// A connection is paused.
    Paused {
        /// The connection.
        connection: String,
    },
    /// Files of a connection wait until a person corrects something.
    Blocked {
        /// The connection.
        connection: String,
        /// What has to be corrected.
        reason: ReasonCode,
        /// The number of imports.
        imports: u32,
    },
    /// No file has arrived by the expected day.
    Overdue {
        /// The connection.
        connection: String,
        /// When a file was expected.
        expected: OffsetDateTime,
    },
    /// Imports are stuck, and no newer one has been accepted.
    Stuck {
        /// Their connection.
        connection: String,
        /// The number of imports.
        imports: usize,
    },
}

impl HealthReason {
    /// Whether the app as a whole does not work, and not only single connections.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::StorageSilent { .. } | Self::StorageFailed { .. } | Self::TimerMissed { .. } => {
                true
            }
            Self::StorageSlow { .. }
            | Self::NotTaken { .. }
            | Self::Invalid { .. }
            | Self::Paused { .. }
            | Self::Blocked { .. }
            | Self::Overdue { .. }
            | Self::Stuck { .. } => false,
        }
    }

    /// The connection, if the reason concerns one.
    pub(crate) fn connection(&self) -> Option<&str> {
        match self {
            Self::NotTaken { connection, .. }
            | Self::Invalid { connection }
            | Self::Paused { connection }
            | Self::Blocked { connection, .. }
            | Self::Overdue { connection, .. }
            | Self::Stuck { connection, .. } => Some(connection),
            Self::StorageSilent { .. }
            | Self::StorageFailed { .. }
            | Self::StorageSlow { .. }
            | Self::TimerMissed { .. } => None,
        }
    }

    /// The function, if the reason concerns one.
    pub(crate) fn function(&self) -> Option<&'static str> {
        if let Self::TimerMissed { function, .. } = self { Some(function) } else { None }
    }
}

/// A reason as a sentence; durations are counted to `now`.
pub(crate) fn health(reason: &HealthReason, now: OffsetDateTime) -> String {
    match reason {
        HealthReason::StorageSilent { limit } => {
            format!("Storage did not answer within {} s.", limit.as_secs())
        }
        HealthReason::StorageFailed { status } => {
            let failed = status.map_or_else(
                || "Storage was not reached".to_owned(),
                |status| format!("Storage answered {status}"),
            );
            format!("{failed}. Check the app's log.")
        }
        HealthReason::TimerMissed { function, last } => {
            format!(
                "`{function}` has not run since {}. Check that the app runs and the function is enabled.",
                to_the_second(*last)
            )
        }
        HealthReason::StorageSlow { limit } => format!(
            "Storage answers, but {} s were not enough to check every connection.",
            limit.as_secs()
        ),
        HealthReason::NotTaken { imports, .. } => {
            let are = if *imports == 1 { "is" } else { "are" };
            let imports = counted(*imports as u64, "import");
            format!("{imports} {are} due, but not taken up. Check that `step` and `advance` run.")
        }
        HealthReason::Invalid { connection } => {
            format!("The connection document is invalid. Run `viva-import doctor {connection}`.")
        }
        HealthReason::Paused { connection } => format!(
            "The connection is paused. Correct the cause, then run `viva-import resume {connection}`."
        ),
        HealthReason::Blocked { connection, reason, imports } => {
            let wait = if *imports == 1 { "waits" } else { "wait" };
            let imports = counted((*imports).into(), "import");
            format!(
                "{imports} {wait} until a person corrects the cause ({reason}). Run `viva-import doctor \
                 {connection}`."
            )
        }
        HealthReason::Overdue { expected, .. } => {
            format!("The next file is overdue: it was expected {}.", ago(*expected, now))
        }
        HealthReason::Stuck { connection, imports } => {
            let are = if *imports == 1 { "is" } else { "are" };
            let imports = counted(*imports as u64, "import");
            format!(
                "{imports} {are} stuck. Run `viva-import imports --connection {connection} --state stuck`."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantNames as _;

    use super::*;

    #[test]
    fn every_code_is_in_the_guide() {
        let guide = include_str!("../guide/operations.md");
        for code in HealthReason::VARIANTS {
            assert!(guide.contains(&format!("`{code}`")), "{code}");
        }
    }

    #[test]
    fn one_and_many_read_as_a_person_says_them() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let said = |reason| health(&reason, now);
        let connection = || "hr".to_owned();
        assert_eq!(
            said(HealthReason::Stuck { connection: connection(), imports: 1 }),
            "1 import is stuck. Run `viva-import imports --connection hr --state stuck`."
        );
        assert_eq!(
            said(HealthReason::Blocked {
                connection: connection(),
                reason: ReasonCode::CredentialFailed,
                imports: 2
            }),
            "2 imports wait until a person corrects the cause (CredentialFailed). Run `viva-import \
             doctor hr`."
        );
        assert_eq!(
            said(HealthReason::NotTaken { connection: connection(), imports: 2 }),
            "2 imports are due, but not taken up. Check that `step` and `advance` run."
        );
        assert_eq!(
            said(HealthReason::StorageFailed { status: None }),
            "Storage was not reached. Check the app's log."
        );
    }
}
