//! Arguments become the options of the commands: types of clap end here.

use serde_json::{Map, Value, json};

use super::{
    ByHand, CallerArgs, Check, Connect, CredentialKind, Demo, Follow, ImportArgs, Imports, Pack,
    Push, Quirk, RefreshWord, ReportFormat, Terms,
};
use crate::{
    certificate,
    commands::{
        self, CallerOptions, CheckOptions, Desk, FollowOptions, ImportsOptions, PackOptions,
        PushOptions, TermsOptions,
    },
    import::OperatorAction,
    outcome::{CommandError, CommandOutput},
    schema::Refresh,
    suggest::{self, SuggestOptions, template},
    testbed::{
        DemoOptions, Planned,
        service::{self, Call},
    },
};

impl ByHand {
    /// Does what the command says.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self, desk: &Desk) -> Result<CommandOutput, CommandError> {
        match self {
            Self::Check(it) => desk.check(&it.into()),
            Self::Pack(it) => desk.pack(&it.into()),
            Self::Connect(it) => suggest::run(&it.into()),
            Self::Learn(it) => template::run(&it.template, it.connection.as_deref()),
            Self::Push(it) => Box::pin(desk.push(&it.into())).await,
            Self::Status(it) => desk.status(&it.id, &it.follow.into(), &it.caller.into()).await,
            Self::Errors(it) => desk.errors(&it.id, &it.out, &it.caller.into()).await,
            Self::Ping(it) => desk.ping(&it.caller.into()).await,
            Self::Imports(Imports { connection, state, top, account, format: _ }) => {
                let wanted = ImportsOptions { connection, state, top };
                desk.of_account(account.account).imports(&wanted).await
            }
            Self::Show(it) => desk.of_account(it.account.account).show(&it.run).await,
            Self::Allow(it) => grant(desk, it, OperatorAction::Allow).await,
            Self::Retry(it) => grant(desk, it, OperatorAction::Retry).await,
            Self::Cancel(it) => grant(desk, it, OperatorAction::Cancel).await,
            Self::Resume(it) => desk.of_account(it.account.account).resume(&it.connection).await,
            Self::Doctor(it) => {
                desk.of_account(it.account.account).examine(&it.connection, it.resume).await
            }
            Self::Certificate(it) => certificate::run(&it.name, it.days, &it.out, (desk.clock)()),
            Self::Rules(it) => commands::rules(it.id.as_deref()),
            Self::Settings(_) => Ok(commands::settings()),
            Self::Reasons(_) => Ok(commands::reasons()),
        }
    }
}

async fn grant(
    desk: &Desk,
    import: ImportArgs,
    action: OperatorAction,
) -> Result<CommandOutput, CommandError> {
    desk.of_account(import.account.account).grant(&import.run, action).await
}

impl From<Demo> for DemoOptions {
    fn from(Demo { file, connection, quirk, keep }: Demo) -> Self {
        let quirks = quirk.into_iter().map(Planned::from).collect();
        Self { file, connection, quirks, keep }
    }
}

impl From<Quirk> for Planned {
    fn from(quirk: Quirk) -> Self {
        let (call, planned) = match quirk {
            Quirk::Busy => (Call::Push, service::Quirk::Busy),
            Quirk::Throttled => {
                (Call::Push, service::Quirk::TooManyRequests { retry_after: Some("1".to_owned()) })
            }
            Quirk::Failing => (Call::Push, service::Quirk::InternalError),
            Quirk::LostAnswer => (Call::Push, service::Quirk::AcceptThenCut),
            Quirk::SignInPage => (Call::ScaleUnit, service::Quirk::SignInPage),
            Quirk::Forbidden => (Call::Ping, service::Quirk::Forbidden),
        };
        Self { call, quirk: planned, always: quirk == Quirk::Forbidden }
    }
}

impl From<RefreshWord> for Refresh {
    fn from(word: RefreshWord) -> Self {
        match word {
            RefreshWord::Full => Self::Full,
            RefreshWord::Incremental => Self::Incremental,
        }
    }
}

impl From<Terms> for TermsOptions {
    fn from(Terms { mapping, refresh, lenient, against }: Terms) -> Self {
        Self { mapping, refresh: refresh.map(Refresh::from), lenient, against }
    }
}

impl From<Check> for CheckOptions {
    fn from(Check { file, terms, format, show_values }: Check) -> Self {
        let as_page = format == ReportFormat::Html;
        Self { file, terms: terms.into(), as_page, show_values }
    }
}

impl From<Pack> for PackOptions {
    fn from(Pack { file, terms, out, format: _ }: Pack) -> Self {
        Self { file, terms: terms.into(), out }
    }
}

impl From<Push> for PushOptions {
    fn from(Push { file, terms, force, wait, follow, format: _, caller }: Push) -> Self {
        let (terms, follow, caller) = (terms.into(), follow.into(), caller.into());
        Self { file, terms, force, wait, follow, caller }
    }
}

impl From<Follow> for FollowOptions {
    fn from(Follow { follow, errors }: Follow) -> Self {
        Self { follow, errors }
    }
}

impl From<Connect> for SuggestOptions {
    fn from(Connect { file, tenant, client_id, out, refresh, format: _ }: Connect) -> Self {
        Self { file, tenant, client_id, out, refresh: refresh.into() }
    }
}

impl From<CallerArgs> for CallerOptions {
    /// The flags as the connection document that would say the same.
    fn from(flags: CallerArgs) -> Self {
        let mut document = json!({
            "tenantId": flags.tenant,
            "connector": flags.connector,
            "credential": credential(&flags),
        });
        if let Some(unit) = &flags.scale_unit {
            document["scaleUnit"] = json!(unit);
        }
        Self { connection: flags.connection, document, endpoint: flags.endpoint }
    }
}

/// The credential as a connection writes it.
fn credential(flags: &CallerArgs) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(key.to_owned(), value);
        }
    };
    let Some(kind) = flags.credential else { return Value::Null };
    let (word, setting) = match kind {
        CredentialKind::ManagedIdentity => ("managedIdentity", None),
        CredentialKind::FederatedIdentity => ("federatedIdentity", None),
        CredentialKind::ClientCertificate => ("clientCertificate", None),
        CredentialKind::ClientSecret => ("clientSecret", Some(&flags.secret_from)),
        CredentialKind::AzureCli => ("azureCli", None),
        CredentialKind::AccessToken => ("accessToken", Some(&flags.token_from)),
    };
    put("kind", Some(json!(word)));
    put("clientId", flags.client_id.as_ref().map(|id| json!(id)));
    put("identityClientId", flags.identity.as_ref().map(|id| json!(id)));
    put("file", flags.certificate.as_ref().map(|file| json!(file.display().to_string())));
    put("passwordSetting", flags.password_from.as_ref().map(|name| json!(name)));
    put("setting", setting.map(|name| json!(name)));
    Value::Object(members)
}
