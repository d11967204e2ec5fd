//! The operations of a history.

use proptest::{prelude::*, sample::select};
use viva_import::{
    import::OperatorAction,
    testbed::service::{Call, ServiceFault},
};

use crate::{
    proxy::{Fault, Moment},
    world::{Kind, To, World, Wrong},
};

/// The calls that a file needs.
const CALLS: [Call; 4] = [Call::ScaleUnit, Call::Ping, Call::Push, Call::Status];

/// One operation. Requests are counted from its time, from 1; an index of a file wraps around.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    /// A customer uploads a file; its event may get lost.
    FileArrives {
        to: To,
        kind: Kind,
        event: bool,
    },
    /// A customer uploads a file, and its event arrives while another instance runs `drive`.
    FileArrivesWhileDriven(To),
    /// An event arrives again, and all events that were not answered.
    Redeliver(usize),
    Drive,
    DriveTwiceAtOnce,
    /// A message for a file comes too early or twice, or is that of an earlier step.
    Message {
        file: usize,
        is_stale: bool,
    },
    Sweep,
    /// In seconds.
    Advance(i64),
    /// In seconds, negative for backwards.
    ClockJumps(i64),
    LoseRequest(usize),
    LoseAnswer(usize),
    Answer(usize, u16),
    CutMidBody(usize),
    PowerCut(usize, Moment),
    /// The next such call finds an expired token.
    ExpireToken(Call, bool),
    ServiceSays(Says),
    /// The service answers each such call from now on with an error: 403 or 401.
    Refuses(Call, bool),
    /// The service answers normally again.
    LetsIn,
    /// New content under the same name.
    ReplaceFile {
        file: usize,
        event: bool,
    },
    DeleteFile(usize),
    /// Somebody stores a document with this fault.
    Breaks(To, Wrong),
    /// Somebody stores the correct document.
    Corrects(To),
    /// An operator action on a file or its connection.
    Asks(OperatorAction, usize),
}

/// The faults of the service's answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    Busy,
    Throttled,
    Failing(Call),
    NoId,
    AcceptedAndCut,
    Forbidden,
    Word(&'static str),
}

impl Operation {
    pub(super) async fn happen(self, world: &mut World) {
        match self {
            Self::FileArrives { to, kind, event } => {
                let name = world.new_name(to);
                world.put(to, &name, kind).await;
                if event {
                    world.receive(&name).await;
                }
            }
            Self::FileArrivesWhileDriven(to) => {
                let name = world.new_name(to);
                world.put(to, &name, Kind::Right).await;
                world.receive_while_driven(&name).await;
            }
            Self::Redeliver(file) => {
                world.redeliver().await;
                if let Some((_, name)) = world.file(file) {
                    world.receive(&name).await;
                }
            }
            Self::Drive => world.drive().await,
            Self::DriveTwiceAtOnce => world.drive_twice().await,
            Self::Message { file, is_stale } => world.message(file, is_stale).await,
            Self::Sweep => world.sweep().await,
            Self::Advance(seconds) => world.advance(seconds),
            Self::ClockJumps(seconds) => world.jump(seconds),
            Self::LoseRequest(k) => world.proxy.after(k, Fault::LoseRequest),
            Self::LoseAnswer(k) => world.proxy.after(k, Fault::LoseAnswer),
            Self::Answer(k, status) => world.proxy.after(k, Fault::Answer(status, None)),
            Self::CutMidBody(k) => world.proxy.after(k, Fault::CutMidBody),
            Self::PowerCut(k, moment) => world.proxy.after(k, Fault::PowerCut(moment)),
            Self::ExpireToken(call, page) => {
                let fault =
                    if page { ServiceFault::SignInPage } else { ServiceFault::Unauthorized };
                world.service.fault(call, fault);
            }
            Self::ServiceSays(says) => {
                let (call, fault) = says.fault();
                world.service.fault(call, fault);
            }
            Self::Refuses(call, forbidden) => {
                let fault =
                    if forbidden { ServiceFault::Forbidden } else { ServiceFault::Unauthorized };
                world.service.always(call, Some(fault));
            }
            Self::LetsIn => {
                for call in CALLS {
                    world.service.always(call, None);
                }
            }
            Self::ReplaceFile { file, event } => {
                let Some((to, name)) = world.file(file) else { return };
                world.put(to, &name, Kind::Right).await;
                if event {
                    world.receive(&name).await;
                }
            }
            Self::Breaks(to, wrong) => world.store(to, Some(wrong)).await,
            Self::Corrects(to) => world.store(to, None).await,
            Self::Asks(action, file) => world.ask(action, file).await,
            Self::DeleteFile(file) => {
                if let Some((_, name)) = world.file(file) {
                    world.delete(&name).await;
                }
            }
        }
    }
}

impl Says {
    fn fault(self) -> (Call, ServiceFault) {
        match self {
            Self::Busy => (Call::Push, ServiceFault::Busy),
            Self::Throttled => {
                (Call::Push, ServiceFault::TooManyRequests { retry_after: Some("600".to_owned()) })
            }
            Self::Failing(call) => (call, ServiceFault::InternalError),
            Self::NoId => (Call::Push, ServiceFault::NoId),
            Self::AcceptedAndCut => (Call::Push, ServiceFault::AcceptThenCut),
            Self::Forbidden => (Call::Ping, ServiceFault::Forbidden),
            Self::Word(word) => (Call::Status, ServiceFault::StatusWord(word.to_owned())),
        }
    }
}

/// The lists of operations.
pub(super) fn histories() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 3..=24)
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => customer(),
        6 => timer(),
        3 => line(),
        2 => service(),
    ]
}

fn customer() -> impl Strategy<Value = Operation> {
    let to = || select(&To::ALL[..]);
    let action = select(
        &[
            OperatorAction::Approve,
            OperatorAction::Retry,
            OperatorAction::Cancel,
            OperatorAction::Resume,
        ][..],
    );
    let kind = prop_oneof![
        6 => Just(Kind::Right),
        2 => Just(Kind::Narrow),
        1 => Just(Kind::Wrong),
    ];
    prop_oneof![
        6 => (to(), kind, prop::bool::weighted(0.8))
            .prop_map(|(to, kind, event)| Operation::FileArrives { to, kind, event }),
        2 => to().prop_map(Operation::FileArrivesWhileDriven),
        1 => (0..8_usize, any::<bool>())
            .prop_map(|(file, event)| Operation::ReplaceFile { file, event }),
        1 => (0..8_usize).prop_map(Operation::DeleteFile),
        2 => (action, 0..8_usize).prop_map(|(action, file)| Operation::Asks(action, file)),
        1 => (0..8_usize).prop_map(Operation::Redeliver),
        1 => (to(), select(&Wrong::ALL[..])).prop_map(|(to, wrong)| Operation::Breaks(to, wrong)),
        1 => to().prop_map(Operation::Corrects),
    ]
}

fn timer() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => Just(Operation::Drive),
        2 => Just(Operation::DriveTwiceAtOnce),
        2 => (0..8_usize, any::<bool>())
            .prop_map(|(file, is_stale)| Operation::Message { file, is_stale }),
        1 => Just(Operation::Sweep),
        4 => select(&[30, 60, 300, 400, 900, 3600, 86_400, 259_200][..]).prop_map(Operation::Advance),
        1 => select(&[-259_200, -3600, -60, 3600, 259_200][..]).prop_map(Operation::ClockJumps),
    ]
}

fn line() -> impl Strategy<Value = Operation> {
    let k = || prop_oneof![2 => 1..12_usize, 1 => 1..50_usize];
    let status = select(&[409, 412, 429, 503][..]);
    let moment = select(&[Moment::Before, Moment::After][..]);
    prop_oneof![
        1 => k().prop_map(Operation::LoseRequest),
        2 => k().prop_map(Operation::LoseAnswer),
        1 => (k(), status).prop_map(|(k, status)| Operation::Answer(k, status)),
        1 => k().prop_map(Operation::CutMidBody),
        3 => (k(), moment).prop_map(|(k, moment)| Operation::PowerCut(k, moment)),
    ]
}

fn service() -> impl Strategy<Value = Operation> {
    let call = || select(&CALLS[..]);
    let words = ["ValidationFailed", "Suspended", "ExtractionCompleted"];
    let says = prop_oneof![
        2 => Just(Says::Busy),
        1 => Just(Says::Throttled),
        1 => call().prop_map(Says::Failing),
        1 => Just(Says::NoId),
        2 => Just(Says::AcceptedAndCut),
        1 => Just(Says::Forbidden),
        2 => select(words.to_vec()).prop_map(Says::Word),
    ];
    prop_oneof![
        1 => (call(), any::<bool>()).prop_map(|(call, page)| Operation::ExpireToken(call, page)),
        4 => says.prop_map(Operation::ServiceSays),
        1 => (call(), any::<bool>())
            .prop_map(|(call, forbidden)| Operation::Refuses(call, forbidden)),
        1 => Just(Operation::LetsIn),
    ]
}
