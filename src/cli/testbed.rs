//! The flags of the demo and of the mock service.

use std::{path::PathBuf, time::Duration};

use axum::http::StatusCode;
use clap::{Args, ValueEnum};

use crate::testbed::{
    DemoOptions, MockServiceOptions,
    service::{Call, Planned, ServiceFault},
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
    ///
    /// A fault of the first call happens once. A fault of every call lasts until the demo ends.
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
    ///
    /// A fault of the first call happens once. A fault of every call lasts until the service stops.
    #[arg(long, value_enum, value_name = "FAULT")]
    pub fault: Vec<Fault>,
}

/// A fault of the mock service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The first push is answered with 400: another ingestion is in progress
    Busy,
    /// The first push is answered with 429 and `Retry-After: 1`
    Throttled,
    /// The first push is answered with 500
    Failing,
    /// The first push is answered with 400, the error code `InvalidMetadata` and request ids
    Refused,
    /// Every push is answered with 413 before its body has arrived, and the connection is reset
    TooLarge,
    /// The first push is accepted, but its answer is lost
    LostAnswer,
    /// The first push is accepted, but a gateway answers with 504 and a web page
    GatewayTimeout,
    /// The first request for the scale unit and the first push are answered with a sign-in page and status 200
    SignInPage,
    /// Every ping and every push is answered with 403: the connector is not set up for this caller
    Forbidden,
    /// Every ping is answered with 405
    NoPing,
    /// Every poll is answered with the unknown status `Aborted` and an end date
    UnknownEnd,
}

impl From<Demo> for DemoOptions {
    fn from(Demo { file, connection, fault, keep_running }: Demo) -> Self {
        let faults = fault.into_iter().flat_map(Fault::planned).collect();
        Self { file, connection, faults, keep_running }
    }
}

impl From<MockService> for MockServiceOptions {
    fn from(MockService { port, seconds_per_status, fault }: MockService) -> Self {
        let time_per_status = Duration::from_secs(seconds_per_status.into());
        Self { port, time_per_status, faults: fault.into_iter().flat_map(Fault::planned).collect() }
    }
}

impl Fault {
    /// The calls that have it, and how long.
    fn planned(self) -> Vec<Planned> {
        match self {
            Self::Busy => first(&[Call::Push], &ServiceFault::Busy),
            Self::Throttled => {
                let retry_after = Some("1".to_owned());
                first(&[Call::Push], &ServiceFault::TooManyRequests { retry_after })
            }
            Self::Failing => first(&[Call::Push], &ServiceFault::InternalError),
            Self::Refused => first(&[Call::Push], &refused(400, "InvalidMetadata")),
            Self::TooLarge => {
                let fault = Box::new(refused(413, "RequestBodyTooLarge"));
                every(&[Call::Push], &ServiceFault::EarlyAnswer { after_bytes: 0, fault })
            }
            Self::LostAnswer => first(&[Call::Push], &ServiceFault::AcceptThenCut),
            Self::GatewayTimeout => {
                let status = StatusCode::GATEWAY_TIMEOUT;
                first(&[Call::Push], &ServiceFault::Gateway { status, reached: true })
            }
            Self::SignInPage => first(&[Call::ScaleUnit, Call::Push], &ServiceFault::SignInPage),
            Self::Forbidden => every(&[Call::Ping, Call::Push], &ServiceFault::Forbidden),
            Self::NoPing => every(&[Call::Ping], &ServiceFault::Status(405)),
            Self::UnknownEnd => {
                every(&[Call::Status], &ServiceFault::EndWord("Aborted".to_owned()))
            }
        }
    }
}

fn refused(status: u16, code: &str) -> ServiceFault {
    ServiceFault::Refused { status, code: code.to_owned() }
}

/// The fault in the first of each of these calls.
fn first(calls: &[Call], fault: &ServiceFault) -> Vec<Planned> {
    calls.iter().map(|&call| Planned { call, fault: fault.clone(), always: false }).collect()
}

/// The fault in every one of these calls.
fn every(calls: &[Call], fault: &ServiceFault) -> Vec<Planned> {
    calls.iter().map(|&call| Planned { call, fault: fault.clone(), always: true }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testbed::service::{Rules, Service};

    #[test]
    fn the_help_of_a_fault_names_its_calls_and_how_long_they_have_it() {
        for fault in Fault::value_variants() {
            let value = fault.to_possible_value().unwrap();
            let help = value.get_help().unwrap().to_string().to_lowercase();
            for (call, word) in [
                (Call::ScaleUnit, "request for the scale unit"),
                (Call::Ping, "ping"),
                (Call::Push, "push"),
                (Call::Status, "poll"),
            ] {
                let planned = fault.planned();
                let planned = planned.iter().find(|planned| planned.call == call);
                let said =
                    ["first", "every"].map(|which| help.contains(&format!("{which} {word}")));
                let meant =
                    [false, true].map(|always| planned.is_some_and(|it| it.always == always));
                assert_eq!(said, meant, "{fault:?}, {word}: {help}");
            }
        }
    }

    /// The statuses of two pushes, then of two pings.
    async fn answers(fault: Fault) -> [(u16, bool); 4] {
        let service = Service::start(Rules::default()).await.unwrap();
        fault.planned().into_iter().for_each(|planned| service.plan(planned));
        let ping = format!("{}/scopes/t1/ingress/connectors/HR", service.endpoint());
        let push = format!("{ping}/ingestions/fileIngestion");
        let client = reqwest::Client::new();
        let mut answers = [(0, false); 4];
        for (place, answer) in answers.iter_mut().enumerate() {
            let request = if place < 2 { client.post(&push) } else { client.get(&ping) };
            let got = request.send().await.unwrap();
            *answer = (got.status().as_u16(), got.text().await.unwrap().contains("Sign in"));
        }
        answers
    }

    #[tokio::test]
    async fn a_push_without_a_ping_is_forbidden_or_signed_in_too() {
        let forbidden = answers(Fault::Forbidden).await;
        assert_eq!(forbidden, [(403, false); 4]);
        let signed_in = answers(Fault::SignInPage).await;
        assert_eq!(signed_in[..2], [(200, true), (403, false)], "then there is no token");
    }
}
