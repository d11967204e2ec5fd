//! The arguments of the commands that call the service.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{files::RuleArgs, format::Output};
use crate::{
    commands::{Caller, CallerOptions, FollowOptions, PushOptions},
    config,
    outcome::{Argument, CommandError, command_line},
    schema::{Fault, ServiceIdentity},
};

/// The file to push.
#[derive(Debug, Args)]
pub struct Push {
    /// The file: a .zip, a .csv, or a .json with an array of row objects
    ///
    /// A .csv is packed first if its mapping is known; otherwise its rows are sent as they are.
    pub file: PathBuf,
    /// The rules.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Push a .zip even if the check rejects it, as long as it is readable
    #[arg(long)]
    pub allow_rejected: bool,
    /// Show the service's answer to the push on stderr: status, headers and body
    ///
    /// The answer helps the support of Microsoft. It may quote the data, and never contains the token.
    #[arg(long)]
    pub show_answer: bool,
    /// Wait while the service is busy with the tenant's previous import, or asks for a pause
    #[arg(long)]
    pub wait: bool,
    /// Whether to follow the ingestion.
    #[command(flatten)]
    pub follow: Follow,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
    /// The caller.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// Whether to follow an ingestion.
#[derive(Debug, Args)]
pub struct Follow {
    /// Poll until the service has validated the file; save its error file if the validation failed
    #[arg(long)]
    pub follow: bool,
    /// File for the service's error file, which may quote the data; ID-errors.txt if not given
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Replace the error file if it exists
    #[arg(long)]
    pub force: bool,
}

/// The ingestion to show.
#[derive(Debug, Args)]
pub struct Status {
    /// Id of the ingestion, as `push` printed it
    pub id: String,
    /// Whether to follow it.
    #[command(flatten)]
    pub follow: Follow,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
    /// The caller.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// The error file to save.
#[derive(Debug, Args)]
pub struct Errors {
    /// Id of the ingestion, as `push` printed it
    pub id: String,
    /// File to save to; it may quote the data
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
    /// The caller.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// The caller to check.
#[derive(Debug, Args)]
pub struct Ping {
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
    /// The caller.
    #[command(flatten)]
    pub caller: CallerArgs,
}

/// The caller of the service. A secret is never a flag: it comes from the environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Caller")]
pub struct CallerArgs {
    /// Connection document with the tenant, the credential and the mapping
    #[arg(long, value_name = "JSON", conflicts_with_all = ["tenant", "connector", "credential", "client_id", "identity", "certificate", "password_from", "secret_from", "token_from", "scale_unit"])]
    pub connection: Option<PathBuf>,
    /// Id of the Microsoft Entra tenant
    #[arg(long, value_name = "ID", required_unless_present = "connection")]
    pub tenant: Option<String>,
    /// Connector in Viva Insights
    #[arg(long, default_value = "HR", value_parser = ["HR", "Survey"])]
    pub connector: String,
    /// How to sign in
    #[arg(long, value_enum, required_unless_present = "connection")]
    pub credential: Option<CredentialKind>,
    /// Client id of the app registration, or of a user-assigned managed identity
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// With federatedIdentity: client id of the user-assigned managed identity
    #[arg(long, value_name = "ID")]
    pub identity: Option<String>,
    /// With clientCertificate: file with the certificate and its private key, PEM or PKCS#12
    #[arg(long, value_name = "FILE", required_if_eq("credential", "clientCertificate"))]
    pub certificate: Option<PathBuf>,
    /// Environment variable that holds the password of the PKCS#12 file
    #[arg(long, value_name = "NAME")]
    pub password_from: Option<String>,
    /// Environment variable that holds the client secret
    #[arg(long, value_name = "NAME", default_value = "AZURE_CLIENT_SECRET")]
    pub secret_from: String,
    /// Environment variable that holds the access token
    #[arg(long, value_name = "NAME", default_value = "VIVA_ACCESS_TOKEN")]
    pub token_from: String,
    /// Scale unit of the tenant, if the service does not report it
    #[arg(long, value_name = "UNIT")]
    pub scale_unit: Option<String>,
    /// Address of the service, if it is not the one in `INGESTION_ENDPOINT`
    ///
    /// Plain http is accepted only for this machine, such as for the mock service.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// How to sign in: the kinds of a connection document's `credential`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum CredentialKind {
    /// Managed identity of this machine
    ManagedIdentity,
    /// Managed identity that an app registration trusts
    FederatedIdentity,
    /// Certificate of an app registration
    ClientCertificate,
    /// Secret of an app registration, from the environment
    ClientSecret,
    /// Signed-in user of the Azure CLI
    AzureCli,
    /// Access token from the environment
    AccessToken,
}

impl TryFrom<Push> for PushOptions {
    type Error = CommandError;

    fn try_from(flags: Push) -> Result<Self, CommandError> {
        let Push { file, rules, allow_rejected, show_answer, wait, follow, output: _, caller } =
            flags;
        let (rules, follow, caller) = (rules.into(), follow.into(), caller.try_into()?);
        Ok(Self { file, rules, allow_rejected, show_answer, wait, follow, caller })
    }
}

impl From<Follow> for FollowOptions {
    fn from(Follow { follow, errors, force }: Follow) -> Self {
        Self { follow, errors, force }
    }
}

/// The flag for each member of the document that the flags are read as.
const FLAGS: [(&str, &str); 9] = [
    ("/tenantId", "--tenant"),
    ("/connector", "--connector"),
    ("/scaleUnit", "--scale-unit"),
    ("/credential/clientId", "--client-id"),
    ("/credential/identityClientId", "--identity"),
    ("/credential/file", "--certificate"),
    ("/credential/passwordSetting", "--password-from"),
    ("/credential/setting", "--secret-from or --token-from"),
    ("/credential", "--credential"),
];

impl TryFrom<CallerArgs> for CallerOptions {
    type Error = CommandError;

    fn try_from(args: CallerArgs) -> Result<Self, CommandError> {
        let caller = match &args.connection {
            Some(path) => Caller::Connection(path.clone()),
            None => Caller::Identity(identity(&args)?),
        };
        let endpoint = args.endpoint.as_ref().map(|url| config::endpoint("--endpoint", url));
        let endpoint = endpoint.transpose().map_err(|faults| faults.to_string())?;
        let flags = args.flags();
        Ok(Self { caller, endpoint, flags })
    }
}

impl CallerArgs {
    /// The same flags for another command, quoted for a shell.
    fn flags(&self) -> String {
        let kind = self.credential.and_then(|kind| kind.to_possible_value());
        let is_named = self.connection.is_none();
        let given = |text: &'static str, default: &str| {
            let value = if text == "--secret-from" { &self.secret_from } else { &self.token_from };
            (value != default).then_some((text, value.as_str()))
        };
        let values = [
            self.tenant.as_deref().map(|it| ("--tenant", it)),
            (is_named && self.connector != "HR").then_some(("--connector", &*self.connector)),
            kind.as_ref().map(|it| ("--credential", it.get_name())),
            self.client_id.as_deref().map(|it| ("--client-id", it)),
            self.identity.as_deref().map(|it| ("--identity", it)),
            self.password_from.as_deref().map(|it| ("--password-from", it)),
            given("--secret-from", "AZURE_CLIENT_SECRET"),
            given("--token-from", "VIVA_ACCESS_TOKEN"),
            self.scale_unit.as_deref().map(|it| ("--scale-unit", it)),
            self.endpoint.as_deref().map(|it| ("--endpoint", it)),
        ];
        let files = [("--connection", &self.connection), ("--certificate", &self.certificate)];
        let files = files.into_iter().filter_map(|(flag, file)| Some((flag, file.as_deref()?)));
        let files = files.flat_map(|(flag, file)| [Argument::Word(flag), Argument::File(file)]);
        let values = values.into_iter().flatten();
        let values = values.flat_map(|(flag, it)| [Argument::Word(flag), Argument::Value(it)]);
        command_line(&files.chain(values).collect::<Vec<_>>())
    }
}

/// The flags, read as the connection document that says the same.
fn identity(flags: &CallerArgs) -> Result<ServiceIdentity, String> {
    let document = members([
        ("tenantId", flags.tenant.as_ref().map(|id| json!(id))),
        ("connector", Some(json!(flags.connector))),
        ("credential", flags.credential.map(|kind| credential(kind, flags))),
        ("scaleUnit", flags.scale_unit.as_ref().map(|unit| json!(unit))),
    ]);
    ServiceIdentity::parse(document.to_string().as_bytes()).map_err(|faults| by_flags(&faults))
}

/// An object of the members that have a value.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect())
}

/// The faults with the names of the flags.
fn by_flags(faults: &[Fault]) -> String {
    let texts = faults.iter().map(|fault| {
        let flag = FLAGS.iter().find(|(at, _)| fault.at == *at);
        let at = flag.map_or(fault.at.as_str(), |(_, flag)| flag);
        if fault.is_unknown {
            return format!("{at}: this credential does not use it");
        }
        format!("{at}: {}", fault.what)
    });
    texts.collect::<Vec<_>>().join("; ").replace(char::is_control, "\u{fffd}")
}

/// The credential as a connection document has it.
fn credential(kind: CredentialKind, flags: &CallerArgs) -> Value {
    let setting = match kind {
        CredentialKind::ClientSecret => Some(&flags.secret_from),
        CredentialKind::AccessToken => Some(&flags.token_from),
        CredentialKind::ManagedIdentity
        | CredentialKind::FederatedIdentity
        | CredentialKind::ClientCertificate
        | CredentialKind::AzureCli => None,
    };
    members([
        ("kind", kind.to_possible_value().map(|kind| json!(kind.get_name()))),
        ("clientId", flags.client_id.as_ref().map(|id| json!(id))),
        ("identityClientId", flags.identity.as_ref().map(|id| json!(id))),
        ("file", flags.certificate.as_ref().map(|file| json!(file.display().to_string()))),
        ("passwordSetting", flags.password_from.as_ref().map(|name| json!(name))),
        ("setting", setting.map(|name| json!(name))),
    ])
}
