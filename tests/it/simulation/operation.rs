//! The operations of a history.

use viva_import::{
    import::OperatorAction,
    testbed::service::{Call, ServiceFault},
};

use crate::{
    proxy::{Fault, Moment, Seen, Upstream},
    world::{Kind, To, World, Wrong},
};

/// The calls that a file needs.
pub(super) const CALLS: [Call; 4] = [Call::ScaleUnit, Call::Ping, Call::Push, Call::Status];

/// One operation. Requests are counted from its time, from 1. Files are counted from the last one backwards, from 0;
/// an index wraps around.
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
    /// A message for a file comes too early or twice, or is that of an earlier step. It may have been delivered before.
    Message {
        file: usize,
        is_stale: bool,
        deliveries: u32,
    },
    /// All messages of steps get lost.
    LoseMessages,
    Sweep,
    SweepWhileDriven,
    /// A customer deletes the files of these bits, and days pass. Rows are kept for 400 of them.
    LongAfter {
        deleted: u8,
        days: i64,
    },
    /// In seconds.
    Advance(i64),
    /// In seconds, negative for backwards.
    ClockJumps(i64),
    LoseRequest(usize),
    LoseAnswer(usize),
    Answer(usize, u16),
    CutMidBody(usize),
    PowerCut(usize, Moment),
    /// Before or after the next message of a step is sent: what the step has done is in its row.
    PowerCutAtMessage(Moment),
    /// The next message of a step is not sent.
    RefuseMessage,
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
    /// An operator approves all that can be approved.
    ApprovesAll,
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
            Self::Message { file, is_stale, deliveries } => {
                world.message(file, is_stale, deliveries).await;
            }
            Self::LoseMessages => world.lose_messages(),
            Self::Sweep => world.sweep().await,
            Self::SweepWhileDriven => world.sweep_while_driven().await,
            Self::LongAfter { deleted, days } => {
                let files = (0..8).filter(|file| deleted >> file & 1 == 1);
                let names: Vec<_> = files.filter_map(|file| world.file(file)).collect();
                for (_, name) in names {
                    world.delete(&name).await;
                }
                world.advance(days * 86_400);
                world.sweep().await;
            }
            Self::Advance(seconds) => world.advance(seconds),
            Self::ClockJumps(seconds) => world.jump(seconds),
            Self::LoseRequest(k) => world.proxy.after(k, Fault::LoseRequest),
            Self::LoseAnswer(k) => world.proxy.after(k, Fault::LoseAnswer),
            Self::Answer(k, status) => world.proxy.after(k, Fault::Answer(status, None)),
            Self::CutMidBody(k) => world.proxy.after(k, Fault::CutMidBody),
            Self::PowerCut(k, moment) => world.proxy.after(k, Fault::PowerCut(moment)),
            Self::PowerCutAtMessage(moment) => {
                world.proxy.next(sends_message, Fault::PowerCut(moment));
            }
            Self::RefuseMessage => world.proxy.next(sends_message, Fault::Answer(403, None)),
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
            Self::ApprovesAll => world.approve_all().await,
            Self::DeleteFile(file) => {
                if let Some((_, name)) = world.file(file) {
                    world.delete(&name).await;
                }
            }
        }
    }
}

fn sends_message(seen: &Seen) -> bool {
    seen.upstream == Upstream::Queue && seen.method == "POST"
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
