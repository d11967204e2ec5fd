//! What the commands take, and their flags as the options that they work with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{ByHand, Check, Format, RefreshWord, ReportFormat, RuleArgs, SuggestMapping};
use crate::{
    certificate,
    commands::{
        self, Caller, CallerOptions, CheckFileOptions, Context, FollowOptions, ImportsOptions,
        PackOptions, PushOptions, RuleOptions,
    },
    config,
    import::OperatorAction,
    outcome::{CommandError, CommandOutput},
    schema::{Fault, Refresh, ServiceIdentity},
    suggest::{self, SuggestOptions, template},
};

/// What is packed, and where to.
#[derive(Debug, Args)]
pub struct Pack {
    /// The file: .csv
    pub file: PathBuf,
    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,
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
    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,
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
    /// Another service than `INGESTION_ENDPOINT` says, like the mock one; plain http only on this
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

/// Which import of the deployed table.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The import's id: RowKey of the table, after TENANT and a point where two have it
    pub import: String,
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

impl ByHand {
    /// Does what the command says.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self, context: &Context) -> Result<CommandOutput, CommandError> {
        match self {
            Self::Check(it) => context.check(&it.into()),
            Self::Pack(it) => context.pack(&it.into()),
            Self::SuggestMapping(it) => suggest::run(&it.into()),
            Self::LearnTemplate(it) => template::run(&it.template, it.connection.as_deref()),
            Self::Push(it) => Box::pin(context.push(&it.try_into()?)).await,
            Self::Status(it) => {
                context.status(&it.id, &it.follow.into(), &it.caller.try_into()?).await
            }
            Self::Errors(it) => context.errors(&it.id, &it.out, &it.caller.try_into()?).await,
            Self::Ping(it) => context.ping(&it.caller.try_into()?).await,
            Self::Imports(Imports { connection, state, top, account, format: _ }) => {
                let wanted = ImportsOptions { connection, state, top };
                context.of_account(account.account).imports(&wanted).await
            }
            Self::Show(it) => context.of_account(it.account.account).show(&it.import).await,
            Self::Approve(it) => grant(context, it, OperatorAction::Approve).await,
            Self::Retry(it) => grant(context, it, OperatorAction::Retry).await,
            Self::Cancel(it) => grant(context, it, OperatorAction::Cancel).await,
            Self::Resume(it) => context.of_account(it.account.account).resume(&it.connection).await,
            Self::Doctor(it) => {
                context.of_account(it.account.account).examine(&it.connection, it.resume).await
            }
            Self::Certificate(it) => {
                certificate::run(&it.name, it.days, &it.out, (context.clock)())
            }
            Self::Rules(it) => commands::rules(it.id.as_deref()),
            Self::Schema => Ok(commands::schema()),
            Self::Settings(_) => Ok(commands::settings()),
            Self::Columns(_) => Ok(commands::columns()),
            Self::Reasons(_) => Ok(commands::reasons()),
        }
    }
}

async fn grant(
    context: &Context,
    import: ImportArgs,
    action: OperatorAction,
) -> Result<CommandOutput, CommandError> {
    context.of_account(import.account.account).grant(&import.import, action).await
}

impl From<RefreshWord> for Refresh {
    fn from(word: RefreshWord) -> Self {
        match word {
            RefreshWord::Full => Self::Full,
            RefreshWord::Incremental => Self::Incremental,
        }
    }
}

impl From<RuleArgs> for RuleOptions {
    fn from(RuleArgs { mapping, refresh, lenient, baseline }: RuleArgs) -> Self {
        Self { mapping, refresh: refresh.map(Refresh::from), lenient, baseline }
    }
}

impl From<Check> for CheckFileOptions {
    fn from(Check { file, rules, format, show_values }: Check) -> Self {
        let as_page = format == ReportFormat::Html;
        Self { file, rules: rules.into(), as_page, show_values }
    }
}

impl From<Pack> for PackOptions {
    fn from(Pack { file, rules, out, format: _ }: Pack) -> Self {
        Self { file, rules: rules.into(), out }
    }
}

impl TryFrom<Push> for PushOptions {
    type Error = CommandError;

    fn try_from(flags: Push) -> Result<Self, CommandError> {
        let Push { file, rules, force, wait, follow, format: _, caller } = flags;
        let (rules, follow, caller) = (rules.into(), follow.into(), caller.try_into()?);
        Ok(Self { file, rules, force, wait, follow, caller })
    }
}

impl From<Follow> for FollowOptions {
    fn from(Follow { follow, errors }: Follow) -> Self {
        Self { follow, errors }
    }
}

impl From<SuggestMapping> for SuggestOptions {
    fn from(
        SuggestMapping { file, tenant, client_id, out, refresh, format: _ }: SuggestMapping,
    ) -> Self {
        Self { file, tenant, client_id, out, refresh: refresh.into() }
    }
}

/// Where a fault of the document that stands for the command line is there.
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

    fn try_from(flags: CallerArgs) -> Result<Self, CommandError> {
        let caller = match &flags.connection {
            Some(path) => Caller::Connection(path.clone()),
            None => Caller::Identity(identity(&flags)?),
        };
        let endpoint = flags.endpoint.as_ref().map(|url| config::endpoint("--endpoint", url));
        let endpoint = endpoint.transpose().map_err(|faults| faults.to_string())?;
        Ok(Self { caller, endpoint })
    }
}

/// The flags, read as the connection document that would say the same.
fn identity(flags: &CallerArgs) -> Result<ServiceIdentity, String> {
    let document = members([
        ("tenantId", flags.tenant.as_ref().map(|id| json!(id))),
        ("connector", Some(json!(flags.connector))),
        ("credential", flags.credential.map(|kind| credential(kind, flags))),
        ("scaleUnit", flags.scale_unit.as_ref().map(|unit| json!(unit))),
    ]);
    ServiceIdentity::parse(document.to_string().as_bytes()).map_err(|faults| by_flags(&faults))
}

/// An object of the members that are there.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(there.collect())
}

/// Faults by the names of the command line.
fn by_flags(faults: &[Fault]) -> String {
    let told = faults.iter().map(|fault| {
        let flag = FLAGS.iter().find(|(at, _)| fault.at == *at);
        let at = flag.map_or(fault.at.as_str(), |(_, flag)| flag);
        if fault.is_unknown {
            return format!("{at}: this credential has no use for it");
        }
        format!("{at}: {}", fault.what)
    });
    told.collect::<Vec<_>>().join("; ").replace(char::is_control, "\u{fffd}")
}

/// The credential as a connection writes it.
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
