//! Credentials: as whom the program signs in, and its token for an audience.
//!
//! No log and no error contains a token, a secret or an assertion. The answer of an authority may quote what
//! was sent, so only its codes, ids and time are kept. `Debug` of a type that holds a secret does not show it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use azure_core::{
    Result as AzureResult,
    cloud::CustomConfiguration,
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, RetryOptions, Url},
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    Executor, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use tokio::{process::Command, time::timeout};

use self::{
    certificate::{IdentityAssertion, Key, SignedAssertion},
    refusal::{RedactErrors, TokenIssuer},
    retry::Retries,
    token::{Cached, GivenToken, now},
};
use crate::{
    config::Lookup,
    http::{
        Destination,
        azure::{client_options, sentence},
    },
    schema::{Certificate, Credential},
};

mod certificate;
mod details;
mod refusal;
mod retry;
mod token;

pub(crate) use self::refusal::{is_lasting, sign_in_details};
pub use self::{certificate::CertificateError, token::Claims};

/// The largest file of a credential.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a credential cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The platform did not resolve a reference to a Key Vault.
    #[error(
        "the Key Vault reference in the setting {setting} was not resolved. Assign the role Key Vault \
         Secrets User to the app's identity, and check that the reference names an existing secret"
    )]
    UnresolvedReference {
        /// The name of the setting.
        setting: String,
    },
    /// The setting does not exist, or it is blank.
    #[error("the setting {setting} is missing or empty. Put the {wanted} into it")]
    EmptySetting {
        /// The name of the setting.
        setting: String,
        /// What it must contain.
        wanted: &'static str,
    },
    /// The file of a certificate cannot be read.
    #[error("the certificate file {} cannot be read: {source}", path.display())]
    UnreadableFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificate is invalid.
    #[error("the certificate in {place} cannot be used: {source}")]
    UnusableCertificate {
        /// The file or the setting it is in.
        place: String,
        /// Why.
        source: CertificateError,
    },
    /// The token endpoint of the tenant is no valid address.
    #[error("the address of the tenant's token endpoint is invalid: {0}")]
    Address(#[from] url::ParseError),
    /// The HTTP client for tokens cannot be created.
    #[error("the HTTP client for tokens cannot be created: {}", sentence(.0))]
    Client(#[source] azure_core::Error),
}

/// What every credential needs.
pub struct SignIn {
    /// Microsoft Entra's address, without the tenant.
    pub authority: Url,
    /// The longest wait for its answer.
    pub answer_timeout: Duration,
    /// Returns the value of a setting.
    pub setting: Arc<Lookup>,
}

impl SignIn {
    /// A credential that gets tokens as `who`, in `tenant`. No request is sent yet, but settings and files
    /// are read; create it again to read them again.
    ///
    /// # Errors
    /// If a setting or a file is missing or invalid.
    pub fn credential(
        &self,
        who: &Credential,
        tenant: &str,
    ) -> Result<Arc<dyn TokenCredential>, CredentialError> {
        let made = match who {
            Credential::ManagedIdentity { client_id } => {
                managed_identity(client_id.as_deref(), self.answer_timeout)
            }
            Credential::FederatedIdentity { client_id, identity } => {
                managed_identity(identity.as_deref(), self.answer_timeout).and_then(|identity| {
                    self.asserted(tenant, client_id, IdentityAssertion(identity))
                })
            }
            Credential::ClientCertificate { client_id, certificate, password } => {
                let key = self.key(certificate, password.as_deref())?;
                let path = format!("/{tenant}/oauth2/v2.0/token");
                let audience = self.authority.join(&path)?;
                self.asserted(tenant, client_id, SignedAssertion::new(client_id, audience, key))
            }
            Credential::ClientSecret { client_id, setting } => {
                let secret = Secret::new(self.value(setting, "client secret")?);
                self.secret(tenant, client_id, secret)
            }
            Credential::AzureCli => azure_cli(Some(tenant), self.answer_timeout),
            Credential::AccessToken { setting } => {
                let token = self.value(setting, "access token")?;
                // Copied from a request, it begins with its scheme.
                let token = Secret::new(token.strip_prefix("Bearer ").unwrap_or(&token).to_owned());
                return Ok(Arc::new(GivenToken::new(setting, token)));
            }
        };
        made.map_err(CredentialError::Client)
    }

    fn asserted(
        &self,
        tenant: &str,
        client_id: &str,
        assertion: impl ClientAssertion + 'static,
    ) -> AzureResult<Arc<dyn TokenCredential>> {
        let options = ClientAssertionCredentialOptions { client_options: self.client_options()? };
        let (tenant, client_id) = (tenant.to_owned(), client_id.to_owned());
        let inner = ClientAssertionCredential::new(tenant, client_id, assertion, Some(options))?;
        Ok(Arc::new(Cached::new(inner, TokenIssuer::Entra)))
    }

    fn secret(
        &self,
        tenant: &str,
        client_id: &str,
        secret: Secret,
    ) -> AzureResult<Arc<dyn TokenCredential>> {
        let options = ClientSecretCredentialOptions { client_options: self.client_options()? };
        let client_id = client_id.to_owned();
        let inner = ClientSecretCredential::new(tenant, client_id, secret, Some(options))?;
        Ok(Arc::new(Cached::new(inner, TokenIssuer::Entra)))
    }

    fn client_options(&self) -> AzureResult<ClientOptions> {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = self.authority.to_string();
        Ok(ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            per_try_policies: vec![Arc::new(RedactErrors)],
            ..client_options(Destination::Remote, self.answer_timeout)?
        })
    }

    fn key(
        &self,
        certificate: &Certificate,
        password: Option<&str>,
    ) -> Result<Key, CredentialError> {
        let (place, content) = match certificate {
            Certificate::File(path) => {
                let content = read_file(path).map_err(|source| {
                    CredentialError::UnreadableFile { path: path.clone(), source }
                })?;
                (format!("the file {}", path.display()), content)
            }
            Certificate::Setting(setting) => {
                (format!("the setting {setting}"), self.value(setting, "certificate")?.into_bytes())
            }
        };
        let password = password
            .map(|setting| self.value(setting, "password of the certificate"))
            .transpose()?;
        Key::read(&content, password.as_deref(), now())
            .map_err(|source| CredentialError::UnusableCertificate { place, source })
    }

    /// The value of a setting that must contain what `wanted` names; without line ends behind it.
    fn value(&self, setting: &str, wanted: &'static str) -> Result<String, CredentialError> {
        let value = (self.setting)(setting).unwrap_or_default();
        let value = value.trim_end_matches(['\r', '\n']);
        if value.starts_with("@Microsoft.KeyVault(") {
            return Err(CredentialError::UnresolvedReference { setting: setting.to_owned() });
        }
        if value.trim().is_empty() {
            return Err(CredentialError::EmptySetting { setting: setting.to_owned(), wanted });
        }
        Ok(value.to_owned())
    }
}

/// The managed identity of the app: the user-assigned one with this client id, or the system-assigned one.
/// It waits at most `answer_timeout` for its endpoint, and at most half a minute.
///
/// # Errors
/// If this machine has no managed identity.
pub(crate) fn managed_identity(
    client_id: Option<&str>,
    answer_timeout: Duration,
) -> AzureResult<Arc<dyn TokenCredential>> {
    let limit = answer_timeout.min(retry::LIMIT);
    // The endpoint is on this machine, and a proxy would see the tokens.
    let client_options = ClientOptions {
        per_call_policies: vec![Arc::new(Retries::within(limit))],
        per_try_policies: vec![Arc::new(RedactErrors)],
        retry: RetryOptions::none(),
        ..client_options(Destination::Local, limit)?
    };
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options,
    };
    let inner = ManagedIdentityCredential::new(Some(options))?;
    Ok(Arc::new(Cached::new(inner, TokenIssuer::Identity)))
}

/// The user who is signed in to the Azure CLI, in `tenant` or in the CLI's current tenant. It waits at most
/// `answer_timeout` for the CLI.
///
/// # Errors
/// If the tenant's id is invalid.
pub(crate) fn azure_cli(
    tenant: Option<&str>,
    answer_timeout: Duration,
) -> AzureResult<Arc<dyn TokenCredential>> {
    let options = AzureCliCredentialOptions {
        tenant_id: tenant.map(str::to_owned),
        executor: Some(Arc::new(Az { limit: answer_timeout })),
        ..Default::default()
    };
    let inner = AzureCliCredential::new(Some(options))?;
    Ok(Arc::new(Cached::new(inner, TokenIssuer::AzureCli)))
}

/// Runs the Azure CLI without input, and ends it if it takes longer than `limit`.
#[derive(Debug)]
struct Az {
    limit: Duration,
}

#[async_trait::async_trait]
impl Executor for Az {
    async fn run(&self, program: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        timeout(self.limit, command.output()).await?
    }
}

/// The content of a file of a credential. Other things in its place may never end, or may never begin.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !fs::metadata(path)?.is_file() {
        return refused("it is not a regular file");
    }
    let mut content = vec![];
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return refused("it has more than 1 MiB");
    }
    Ok(content)
}

#[cfg(test)]
mod tests;
