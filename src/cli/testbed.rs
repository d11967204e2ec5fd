//! What the demo and the rehearsal of the service take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::testbed::{
    DemoOptions, Planned,
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
    /// How the rehearsal service misbehaves once, with the sample as the one file; can be given several
    /// times
    #[arg(long, value_enum, value_name = "HOW")]
    pub quirk: Vec<Quirk>,
    /// Keeps the status page open until it is interrupted
    #[arg(long)]
    pub keep: bool,
}

/// What the rehearsal service does.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// On which port of 127.0.0.1; any free one without it
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// How it misbehaves once; can be given several times
    #[arg(long, value_enum, value_name = "HOW")]
    pub quirk: Vec<Quirk>,
}

/// A way in which the rehearsal service misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quirk {
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
    fn from(Demo { file, connection, quirk, keep }: Demo) -> Self {
        let quirks = quirk.into_iter().map(Planned::from).collect();
        Self { file, connection, quirks, keep }
    }
}

impl From<Quirk> for Planned {
    fn from(quirk: Quirk) -> Self {
        let (call, planned) = match quirk {
            Quirk::Busy => (Call::Push, service::Quirk::Busy),
            Quirk::Throttled => {
                (Call::Push, service::Quirk::TooManyRequests { retry_after: Some("1".to_owned()) })
            }
            Quirk::Failing => (Call::Push, service::Quirk::InternalError),
            Quirk::LostAnswer => (Call::Push, service::Quirk::AcceptThenCut),
            Quirk::SignInPage => (Call::ScaleUnit, service::Quirk::SignInPage),
            Quirk::Forbidden => (Call::Ping, service::Quirk::Forbidden),
        };
        Self { call, quirk: planned, always: quirk == Quirk::Forbidden }
    }
}
