//! What the commands take that ask something of the deployed table.

use clap::Args;

use super::Format;

/// Which import of the deployed table.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The import's id: RowKey of the table, after TENANT/ where two have it
    pub run: String,
    /// Of which account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which imports of the deployed table.
#[derive(Debug, Args)]
pub struct Imports {
    /// Only those of this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Only those in this state, like Stuck
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub top: usize,
    /// Of which account.
    #[command(flatten)]
    pub account: Account,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// The account that holds the table.
#[derive(Debug, Args)]
pub struct Account {
    /// The storage account, reached as whoever is signed in to the Azure CLI; without it as the
    /// storage settings in the environment say
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Which connection.
#[derive(Debug, Args)]
pub struct Resume {
    /// The connection's name
    pub connection: String,
    /// Of which account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which connection is examined.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The connection's name
    pub connection: String,
    /// If nothing stands in the way of a push, files that wait because the service answered 403 go
    /// on
    #[arg(long)]
    pub resume: bool,
    /// Of which account.
    #[command(flatten)]
    pub account: Account,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
