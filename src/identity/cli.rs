//! The Azure CLI as a program that may hang.

use std::{
    ffi::OsStr,
    io,
    process::{Output, Stdio},
    time::Duration,
};

use azure_identity::Executor;
use tokio::{process::Command, time::timeout};

/// Runs it, asks it nothing, and ends it when it takes longer than `limit`.
#[derive(Debug)]
pub(super) struct Az {
    pub(super) limit: Duration,
}

#[async_trait::async_trait]
impl Executor for Az {
    async fn run(&self, program: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        timeout(self.limit, command.output()).await?
    }
}
