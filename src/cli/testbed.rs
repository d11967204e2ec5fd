//! The flags of the demo and of the mock service.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::testbed::{
    DemoOptions, MockServiceOptions, Planned,
    service::{self, Call},
};

/// The flags of the demo.
#[derive(Debug, Args)]
pub struct Demo {
    /// CSV file to import; the default is four sample files: a valid one, an invalid one, one that finds
    /// the service busy, and an incomplete one
    pub file: Option<PathBuf>,
    /// Connection document of the file; the default is that of the sample files
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// Fault of the mock service; can be repeated. With a fault, the demo imports one sample file instead
    /// of four
    #[arg(long, value_enum, value_name = "FAULT")]
    pub fault: Vec<Fault>,
    /// Keep the status page open until you press Ctrl-C
    #[arg(long)]
    pub keep_running: bool,
}

/// The flags of the mock service.
#[derive(Debug, Args)]
pub struct MockService {
    /// Port on 127.0.0.1; 0 is any free port
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Seconds that an ingestion has each status; 0 completes it immediately
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub seconds_per_status: u32,
    /// Fault of the service; can be repeated
    #[arg(long, value_enum, value_name = "FAULT")]
    pub fault: Vec<Fault>,
}

/// A fault of the mock service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The first push finds another ingestion in progress
    Busy,
    /// The first push is answered with 429 and `Retry-After: 1`
    Throttled,
    /// The first push is answered with 500
    Failing,
    /// The first push is accepted, but its answer is lost
    LostAnswer,
    /// The first request is answered with a sign-in page and status 200
    SignInPage,
    /// The connector is not set up for this caller: every ping is answered with 403
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
