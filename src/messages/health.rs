//! Why the app is not healthy, in a code and a sentence for each reason. They name connections and
//! functions, and neither files nor addresses: a monitor may pass them on.

use std::time::Duration;

use azure_core::http::StatusCode;
use strum::{AsRefStr, VariantNames};
use time::OffsetDateTime;

use super::{ago, counted};
use crate::import::{reason::ReasonCode, to_the_second};

/// Something that keeps the app, or one of its connections, from working. Its code is its name.
#[derive(Clone, Debug, PartialEq, Eq, AsRefStr, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum HealthReason {
    /// Storage did not answer in time.
    StorageSilent {
        /// How long it had.
        limit: Duration,
    },
    /// Storage answered with an error, or could not be asked.
    StorageFailed {
        /// The status of its answer, if there was one.
        status: Option<StatusCode>,
    },
    /// A timer has missed its time twice.
    TimerMissed {
        /// Its function.
        function: &'static str,
        /// When it did its work last.
        last: OffsetDateTime,
    },
    /// Storage is too slow for a look at every connection.
    StorageSlow {
        /// How long it had.
        limit: Duration,
    },
    /// Imports are due, and nobody takes them.
    NotTaken {
        /// Their connection.
        connection: String,
        /// How many they are.
        imports: usize,
    },
    /// The document of a connection cannot be used.
    Invalid {
        /// The connection.
        connection: String,
    },
    /// A connection is paused.
    Paused {
        /// The connection.
        connection: String,
    },
    /// Files of a connection wait until somebody corrects something.
    Blocked {
        /// The connection.
        connection: String,
        /// What they wait for.
        reason: ReasonCode,
        /// How many they are.
        imports: u32,
    },
    /// No file has come by the day it was expected.
    Overdue {
        /// The connection.
        connection: String,
        /// When one was expected.
        expected: OffsetDateTime,
    },
    /// Imports were given up, and no newer one has been accepted.
    Stuck {
        /// Their connection.
        connection: String,
        /// How many they are.
        imports: usize,
    },
}

impl HealthReason {
    /// Whether nothing works, and not one connection or another.
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

    /// The connection it is about.
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

    /// The function it is about.
    pub(crate) fn function(&self) -> Option<&'static str> {
        if let Self::TimerMissed { function, .. } = self { Some(function) } else { None }
    }
}

/// A reason as a sentence; how long ago something was is counted from `now`.
pub(crate) fn health(reason: &HealthReason, now: OffsetDateTime) -> String {
    match reason {
        HealthReason::StorageSilent { limit } => {
            format!("Storage did not answer within {} s.", limit.as_secs())
        }
        HealthReason::StorageFailed { status } => {
            let failed = status.map_or_else(
                || "Storage could not be asked".to_owned(),
                |status| format!("Storage answered with {status}"),
            );
            format!("{failed}: see the app's log.")
        }
        HealthReason::TimerMissed { function, last } => {
            format!("`{function}` has not run since {}: is it running?", to_the_second(*last))
        }
        HealthReason::StorageSlow { limit } => format!(
            "Storage answers, but {} s were not enough to look at every connection.",
            limit.as_secs()
        ),
        HealthReason::NotTaken { imports, .. } => {
            let are = if *imports == 1 { "is" } else { "are" };
            let imports = counted(*imports as u64, "import");
            format!("{imports} {are} due, and nobody takes them up: is `drive` running?")
        }
        HealthReason::Invalid { .. } => {
            "The connection's document cannot be used: run the doctor.".to_owned()
        }
        HealthReason::Paused { .. } => {
            "The connection is paused until a person resumes it.".to_owned()
        }
        HealthReason::Blocked { reason, imports, .. } => {
            let wait = if *imports == 1 { "waits" } else { "wait" };
            let imports = counted((*imports).into(), "import");
            format!("{imports} {wait} until somebody corrects the cause: {reason}.")
        }
        HealthReason::Overdue { expected, .. } => {
            format!("A file was expected {}.", ago(*expected, now))
        }
        HealthReason::Stuck { imports, .. } => {
            let are = if *imports == 1 { "is" } else { "are" };
            format!("{} {are} stuck.", counted(*imports as u64, "import"))
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
            "1 import is stuck."
        );
        assert_eq!(
            said(HealthReason::Blocked {
                connection: connection(),
                reason: ReasonCode::CredentialFailed,
                imports: 2
            }),
            "2 imports wait until somebody corrects the cause: CredentialFailed."
        );
        assert_eq!(
            said(HealthReason::NotTaken { connection: connection(), imports: 2 }),
            "2 imports are due, and nobody takes them up: is `drive` running?"
        );
        assert_eq!(
            said(HealthReason::StorageFailed { status: None }),
            "Storage could not be asked: see the app's log."
        );
    }
}
