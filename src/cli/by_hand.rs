//! What the commands take that need no storage.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, Terms};

/// What is packed, and where to.
#[derive(Debug, Args)]
pub struct Pack {
    /// The file: .csv
    pub file: PathBuf,
    /// On which terms.
    #[command(flatten)]
    pub terms: Terms,
    /// Where to: a .zip, or the rows alone as a .csv or .json with Viva's names
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is pushed, by whom, and what for.
#[derive(Debug, Args)]
pub struct Push {
    /// The file: a .zip; a .csv, which is packed first where its mapping is given and else goes by
    /// itself; or a .json, an array of row objects
    pub file: PathBuf,
    /// On which terms.
    #[command(flatten)]
    pub terms: Terms,
    /// Pushes a zip though the check refuses it, if that can be read to its end
    #[arg(long)]
    pub force: bool,
    /// Waits while the service is busy with the tenant's previous import, or puts it off
    #[arg(long)]
    pub wait: bool,
    /// Follows the ingestion to its end
    #[command(flatten)]
    pub follow: Follow,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// By whom.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// Whether an ingestion is followed.
#[derive(Debug, Args)]
pub struct Follow {
    /// Asks until the ingestion has ended, and saves its error file where it failed
    #[arg(long)]
    pub follow: bool,
    /// Where to save that; ID-errors.txt without it. It may quote the data
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
}

/// Which ingestion, asked for by whom.
#[derive(Debug, Args)]
pub struct Status {
    /// The ingestion's id, as the push told it
    pub id: String,
    /// Follows the ingestion to its end
    #[command(flatten)]
    pub follow: Follow,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// By whom.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// Which ingestion's error file, and where to.
#[derive(Debug, Args)]
pub struct Errors {
    /// The ingestion's id, as the push told it
    pub id: String,
    /// Where to. It may quote the data
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// By whom.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// Who asks.
#[derive(Debug, Args)]
pub struct Ping {
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Who.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// Who calls the service, and for whom. No secret stands on a command line: it is taken from the
/// environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who calls")]
pub struct CallerArgs {
    /// Takes all of this, and the mapping, from a connection document
    #[arg(long, value_name = "JSON", conflicts_with_all = ["tenant", "connector", "credential", "client_id", "identity", "certificate", "password_from", "secret_from", "token_from", "scale_unit"])]
    pub connection: Option<PathBuf>,
    /// The Microsoft Entra tenant's id
    #[arg(long, value_name = "ID", required_unless_present = "connection")]
    pub tenant: Option<String>,
    /// Which connector
    #[arg(long, default_value = "HR", value_parser = ["HR", "Survey"])]
    pub connector: String,
    /// How to sign in
    #[arg(long, value_enum, required_unless_present = "connection")]
    pub credential: Option<CredentialKind>,
    /// Client id: of the app registration, or of a user-assigned identity
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// With federatedIdentity: client id of the user-assigned identity
    #[arg(long, value_name = "ID")]
    pub identity: Option<String>,
    /// With clientCertificate: the certificate and its key, PEM or PKCS#12
    #[arg(long, value_name = "FILE", required_if_eq("credential", "clientCertificate"))]
    pub certificate: Option<PathBuf>,
    /// The environment variable with the PKCS#12's password
    #[arg(long, value_name = "NAME")]
    pub password_from: Option<String>,
    /// The environment variable with the client secret
    #[arg(long, value_name = "NAME", default_value = "AZURE_CLIENT_SECRET")]
    pub secret_from: String,
    /// The environment variable with the access token
    #[arg(long, value_name = "NAME", default_value = "VIVA_ACCESS_TOKEN")]
    pub token_from: String,
    /// The tenant's scale unit, where the service does not tell it
    #[arg(long, value_name = "UNIT")]
    pub scale_unit: Option<String>,
    /// Another service than `INGESTION_ENDPOINT` says, for rehearsals; plain http only on this
    /// machine
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// How to sign in; the words of a connection's `credential`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum CredentialKind {
    /// This machine's managed identity
    ManagedIdentity,
    /// A managed identity that an app registration trusts
    FederatedIdentity,
    /// An app registration's certificate
    ClientCertificate,
    /// An app registration's secret, from the environment
    ClientSecret,
    /// Whoever is signed in to the Azure CLI
    AzureCli,
    /// A token from the environment
    AccessToken,
}
