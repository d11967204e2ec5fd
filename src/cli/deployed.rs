//! The arguments of the commands that operate the deployed app.

use clap::Args;

use super::format::Output;

/// An import of the deployed app.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Id of the import, as `imports` prints it; TENANT.ID if two tenants have the same id
    pub import: String,
    /// The storage account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The imports to list.
#[derive(Debug, Args)]
pub struct Imports {
    /// Only imports of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Only imports in this state, such as Stuck
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Maximum number of imports to list
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub top: usize,
    /// The storage account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The storage account of the deployed app.
#[derive(Debug, Args)]
pub struct Account {
    /// Storage account of the app, reached as the signed-in user of the Azure CLI
    ///
    /// Without this option, the storage settings in the environment apply.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// The connection to resume.
#[derive(Debug, Args)]
pub struct Resume {
    /// Name of the connection
    pub connection: String,
    /// The storage account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The connection to check.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Name of the connection
    pub connection: String,
    /// Resume the connection if it is paused because of a 403 and all checks of a push pass
    #[arg(long)]
    pub resume: bool,
    /// The storage account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}
