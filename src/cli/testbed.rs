//! What the demo and the mock service take.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::testbed::{
    DemoOptions, MockServiceOptions, Planned,
    service::{self, Call},
};

/// What the demo shows.
#[derive(Debug, Args)]
pub struct Demo {
    /// The CSV to import. Without it four are: a good one, a bad one, one that finds the service busy,
    /// and a truncated one
    pub file: Option<PathBuf>,
    /// The connection document it belongs to; the sample's without it
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// How the mock service misbehaves once, with the sample as the one file; can be given several
    /// times
    #[arg(long, value_enum, value_name = "HOW")]
    pub fault: Vec<Fault>,
    /// Keeps the status page open until it is interrupted
    #[arg(long)]
    pub keep_running: bool,
}

/// What the mock service does.
#[derive(Debug, Args)]
pub struct MockService {
    /// On which port of 127.0.0.1; any free one without it
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// How many seconds an ingestion has each status. 0 completes it at once
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub seconds_per_status: u32,
    /// How it misbehaves once; can be given several times
    #[arg(long, value_enum, value_name = "HOW")]
    pub fault: Vec<Fault>,
}

/// A way in which the mock service misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Another import is still under way when the push arrives
    Busy,
    /// The push is answered 429 with `Retry-After: 1`
    Throttled,
    /// The push is answered 500
    Failing,
    /// The push is accepted, but its answer never arrives
    LostAnswer,
    /// The first question is answered with a sign-in page and status 200
    SignInPage,
    /// The connector is not set up for this caller: 403
    Forbidden,
}

impl From<Demo> for DemoOptions {
    fn from(Demo { file, connection, fault, keep_running }: Demo) -> Self {
        let faults = fault.into_iter().map(Planned::from).collect();
        Self { file, connection, faults, keep_running }
    }
}

impl From<MockService> for MockServiceOptions {
    fn from(MockService { port, seconds_per_status, fault }: MockService) -> Self {
        let time_per_status = Duration::from_secs(seconds_per_status.into());
        Self { port, time_per_status, faults: fault.into_iter().map(Planned::from).collect() }
    }
}

impl From<Fault> for Planned {
    fn from(fault: Fault) -> Self {
        let (call, planned) = match fault {
            Fault::Busy => (Call::Push, service::ServiceFault::Busy),
            Fault::Throttled => (
                Call::Push,
                service::ServiceFault::TooManyRequests { retry_after: Some("1".to_owned()) },
            ),
            Fault::Failing => (Call::Push, service::ServiceFault::InternalError),
            Fault::LostAnswer => (Call::Push, service::ServiceFault::AcceptThenCut),
            Fault::SignInPage => (Call::ScaleUnit, service::ServiceFault::SignInPage),
            Fault::Forbidden => (Call::Ping, service::ServiceFault::Forbidden),
        };
        Self { call, fault: planned, always: fault == Fault::Forbidden }
    }
}
