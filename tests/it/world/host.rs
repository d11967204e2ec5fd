//! What the host does in a world: it delivers events and messages, and runs the timers.

use std::sync::Arc;

use futures::future::join_all;
use viva_import::{
    engine::{Actor, Engine, StepMessage},
    import::{Import, OperatorAction},
};

use super::{
    World,
    messages::{self, Ended},
    program::{deliver, receive},
};

impl World {
    /// The host delivers an event to `receive`; a failed one is delivered again.
    pub(crate) async fn receive(&mut self, name: &str) {
        let (engine, promised) = (self.engine(0), self.promised.clone());
        let received = self.powered(receive(&engine, name, &promised)).await;
        self.answered(name, received.as_ref());
    }

    /// The same while another instance runs `drive`.
    pub(crate) async fn receive_while_driven(&mut self, name: &str) {
        let (engine, other, promised) = (self.engine(0), self.engine(1), self.promised.clone());
        let both = async { tokio::join!(receive(&engine, name, &promised), deliver(&other)).0 };
        let received = self.powered(both).await;
        self.answered(name, received.as_ref());
    }

    fn answered(&mut self, name: &str, received: Option<&azure_core::Result<()>>) {
        if !matches!(received, Some(Ok(()))) {
            self.waiting.push(name.to_owned());
        }
    }

    /// The host delivers the failed events again.
    pub(crate) async fn redeliver(&mut self) {
        for name in std::mem::take(&mut self.waiting) {
            self.receive(&name).await;
        }
    }

    /// The timer `advance` runs, and the host delivers the messages that are visible.
    pub(crate) async fn drive(&mut self) {
        self.advance_on(&[self.engine(0)]).await;
    }

    /// The same by two instances at once. Each message is delivered twice.
    pub(crate) async fn drive_twice(&mut self) {
        self.advance_on(&[self.engine(0), self.engine(1)]).await;
    }

    async fn advance_on(&mut self, engines: &[Arc<Engine>]) {
        self.advanced = self.service_time();
        let advanced = join_all(engines.iter().map(|engine| engine.advance()));
        if self.powered(advanced).await.is_some() {
            self.deliver_on(engines).await;
        }
    }

    /// The host delivers the messages that are visible.
    pub(super) async fn deliver_on(&mut self, engines: &[Arc<Engine>]) {
        self.take_in_messages();
        let now = self.service_time();
        let (messages, ended) = (self.messages.fetch(now), Ended::default());
        if !messages.is_empty() {
            let is_again = |key: &str| {
                let of_key = messages.iter().filter(|message| message.step.key == key);
                of_key.map(|message| message.deliveries).min() > Some(1)
            };
            let keys = messages.iter().map(|message| &message.step.key).filter(|key| is_again(key));
            let began = self.proxy.count();
            self.tried_again.extend(keys.map(|key| (key.clone(), began)));
            let _ = self.powered(messages::deliver(engines, &messages, &ended)).await;
        }
        self.messages.end(ended, now);
    }

    /// Takes in the messages that were sent and deleted, before the clock moves.
    pub(super) fn take_in_messages(&mut self) {
        let requests = self.proxy.seen_after(self.messages.read());
        self.messages.take_in(&requests, self.service_time());
    }

    /// All messages of steps get lost.
    pub(crate) fn lose_messages(&mut self) {
        self.take_in_messages();
        self.messages.lose();
    }

    /// The host delivers a message for the import of a file, by index: too early or once more, or that of an earlier
    /// step; perhaps for the second or third time, as after the end of the program.
    pub(crate) async fn message(&mut self, place: usize, is_stale: bool, deliveries: u32) {
        let Some((_, name)) = self.file(place) else { return };
        let imports = self.imports().await;
        let Some(import) = imports.into_iter().find(|import| import.source.name == name) else {
            return;
        };
        let step = import.step.saturating_sub(is_stale.into());
        let message = StepMessage { tenant: import.id.tenant, key: import.id.key, step };
        if deliveries > 1 {
            self.tried_again.push((message.key.clone(), self.proxy.count()));
        }
        let engine = self.engine(1);
        let _ = self.powered(engine.take_step(&message, deliveries)).await;
    }

    /// The host delivers the message for the next step of an import, for the nth time.
    pub(crate) async fn deliver(&mut self, import: &Import, deliveries: u32) {
        let (tenant, key) = (import.id.tenant.clone(), import.id.key.clone());
        let message = StepMessage { tenant, key, step: import.step };
        let engine = self.engine(0);
        let _ = self.powered(engine.take_step(&message, deliveries)).await;
    }

    /// The timer that finds files without an event, and removes old rows.
    pub(crate) async fn sweep(&mut self) {
        let (engine, before) = (self.engine(0), self.imports().await);
        let _ = self.powered(async { engine.sweep().await }).await;
        self.note_removed(before).await;
    }

    /// The same while another instance runs `drive`.
    pub(crate) async fn sweep_while_driven(&mut self) {
        let (engine, other, before) = (self.engine(0), self.engine(1), self.imports().await);
        let both = async { tokio::join!(engine.sweep(), deliver(&other)) };
        let _ = self.powered(both).await;
        self.note_removed(before).await;
    }

    /// An operator action on the import of a file, by index.
    pub(crate) async fn ask(&mut self, action: OperatorAction, place: usize) {
        let Some((to, name)) = self.file(place) else { return };
        let imports = self.imports().await;
        let import = imports.into_iter().find(|import| import.source.name == name);
        let Some(key) = import.map(|import| import.id.key) else { return };
        let engine = self.engine(0);
        let asked = async {
            match action {
                OperatorAction::Resume => engine.resume(to.name(), &Actor::Command).await,
                OperatorAction::Approve | OperatorAction::Retry | OperatorAction::Cancel => {
                    engine.grant(&key, action, &Actor::Command).await
                }
            }
        };
        let _ = self.powered(asked).await;
    }

    /// A word for each row that was removed.
    pub(crate) fn removals(&self) -> impl Iterator<Item = &'static str> {
        self.removed.iter().map(|_| "removed long after")
    }

    /// An operator approves every import that can be approved.
    pub(crate) async fn approve_all(&mut self) {
        let imports = self.imports().await;
        for import in imports.iter().filter(|import| import.takes(OperatorAction::Approve)) {
            let engine = self.engine(0);
            let approved = engine.grant(&import.id.key, OperatorAction::Approve, &Actor::Command);
            let _ = self.powered(approved).await;
        }
    }
}
