//! Credentials: who the program is, and its token for an audience.
//!
//! A token, a secret or an assertion is never logged, and never told by an error: what an
//! authority answers may quote what was sent, so only its codes are told. `Debug` of whatever
//! holds a secret shows nothing of it.

use std::{
    ffi::OsStr,
    io,
    path::PathBuf,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use azure_core::{
    Result as AzureResult,
    cloud::CustomConfiguration,
    credentials::{Secret, TokenCredential},
    http::{ClientOptions, Url},
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
mod refusal;
mod token;

pub(crate) use self::refusal::is_lasting;
pub use self::{certificate::CertificateError, token::Claims};

/// Why a credential cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The platform did not resolve a reference to a Key Vault.
    #[error(
        "the setting {setting} is a Key Vault reference that was not resolved: the app's identity \
         needs the role Key Vault Secrets User, and the reference must name a secret"
    )]
    UnresolvedReference {
        /// The name of the setting.
        setting: String,
    },
    /// There is no such setting, or it is blank.
    #[error("the setting {setting} holds no {wanted}")]
    EmptySetting {
        /// The name of the setting.
        setting: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The file of a certificate cannot be read.
    #[error("the file {} cannot be read: {source}", path.display())]
    UnreadableFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate was read and is of no use.
    #[error("the certificate in {place} cannot be used: {source}")]
    UnusableCertificate {
        /// The file or the setting it is in.
        place: String,
        /// Why.
        source: CertificateError,
    },
    /// The tenant makes no address of the authority.
    #[error("the address for tokens of the tenant cannot be formed: {0}")]
    Address(#[from] url::ParseError),
    /// The client that asks for tokens cannot be made.
    #[error("the client that asks for tokens cannot be made: {}", sentence(.0))]
    Client(#[source] azure_core::Error),
}

/// What every credential needs.
pub struct SignIn {
    /// Microsoft Entra's address, without the tenant.
    pub authority: Url,
    /// How long it may leave a question unanswered.
    pub answer_timeout: Duration,
    /// Finds what is in a setting.
    pub setting: Arc<Lookup>,
}

impl SignIn {
    /// Who gets a token as `who`, in `tenant`. Nobody is asked yet, but settings and files are
    /// read; make it anew to have them read again.
    ///
    /// # Errors
    /// What is missing or wrong.
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
                let secret = Secret::new(self.held(setting, "client secret")?);
                self.secret(tenant, client_id, secret)
            }
            Credential::AzureCli => azure_cli(Some(tenant), self.answer_timeout),
            Credential::AccessToken { setting } => {
                let token = self.held(setting, "access token")?;
                // As it is copied from a request.
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
                let content = std::fs::read(path).map_err(|source| {
                    CredentialError::UnreadableFile { path: path.clone(), source }
                })?;
                (format!("the file {}", path.display()), content)
            }
            Certificate::Setting(setting) => {
                (format!("the setting {setting}"), self.held(setting, "certificate")?.into_bytes())
            }
        };
        let password = password
            .map(|setting| self.held(setting, "password of the certificate"))
            .transpose()?;
        Key::read(&content, password.as_deref(), now())
            .map_err(|source| CredentialError::UnusableCertificate { place, source })
    }

    /// What a setting holds, which is `wanted`; a line's end behind it is none of it.
    fn held(&self, setting: &str, wanted: &'static str) -> Result<String, CredentialError> {
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

/// The managed identity of the app: the user-assigned one with this client id, or, without one,
/// the system-assigned. Its endpoint may leave a question unanswered for `answer_timeout`, twice.
///
/// # Errors
/// Where no managed identity can be had at all.
pub(crate) fn managed_identity(
    client_id: Option<&str>,
    answer_timeout: Duration,
) -> AzureResult<Arc<dyn TokenCredential>> {
    // The endpoint is on this machine, and a proxy would be shown tokens.
    let client_options = ClientOptions {
        per_try_policies: vec![Arc::new(RedactErrors)],
        ..client_options(Destination::Local, answer_timeout)?
    };
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options,
    };
    let inner = ManagedIdentityCredential::new(Some(options))?;
    Ok(Arc::new(Cached::new(inner, TokenIssuer::Identity)))
}

/// Whoever is signed in to the Azure CLI, in this tenant or in the one signed in to. It may take
/// `answer_timeout`.
///
/// # Errors
/// Where the tenant is none.
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

/// Runs it, asks it nothing, and ends it when it takes longer than `limit`.
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

#[cfg(test)]
mod tests;
