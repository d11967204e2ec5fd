//! How a host differs from one that runs alone: its group of functions, and times that a test shortens.

use std::time::Duration;

use super::{
    function::{Function, Trigger},
    shared::HostStorage,
};

/// How long a host that stops waits for its invocations (`WebJobsScriptHostService.StopAsync`).
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// How long a received message stays hidden. The time is renewed when half of it is over.
pub(super) const HIDDEN: Duration = Duration::from_mins(10);

/// Which functions an instance serves. On Flex Consumption, all HTTP functions share instances, and each other
/// function has instances of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// All functions, as on other plans.
    All,
    /// The HTTP functions.
    Http,
    /// This function.
    Only(String),
}

impl Group {
    pub(super) fn has(&self, function: &Function) -> bool {
        let is_http = matches!(function.trigger, Trigger::Http { .. });
        match self {
            Self::All => true,
            Self::Http => is_http,
            Self::Only(name) => !is_http && function.name.eq_ignore_ascii_case(name),
        }
    }
}

/// What distinguishes a host from one that runs alone.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it shares with the other hosts of the app, and with those before it.
    pub storage: HostStorage,
    /// Which functions it serves.
    pub group: Group,
    /// How long [`super::Host::stop`] waits for invocations: 10 s in the real host.
    pub grace: Duration,
    /// How long a received message stays hidden: 10 minutes in the real host.
    pub hidden: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let storage = HostStorage::default();
        Self { storage, group: Group::All, grace: GRACE, hidden: HIDDEN }
    }
}
