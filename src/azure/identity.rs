//! Credentials: who the program is, and its token for an audience.
//!
//! A token is never logged; `Debug` of whatever holds one shows nothing of it.

use std::{fmt, sync::Arc};

use azure_core::{
    Result,
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    time::{Duration, OffsetDateTime},
};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

/// The managed identity of the app: the user-assigned one with this client id, or, without one,
/// the system-assigned. Its endpoint may leave a question unanswered for `answer_timeout`, twice.
///
/// # Errors
/// Where no managed identity can be had at all.
pub fn managed_identity(
    client_id: Option<&str>,
    answer_timeout: std::time::Duration,
) -> Result<Arc<dyn TokenCredential>> {
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: super::client_options(false, answer_timeout)?,
    };
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

/// A token that somebody else obtained, as it is.
pub struct GivenToken(Secret);

impl GivenToken {
    /// Holds `token`.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self(token)
    }
}

impl fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenToken")
    }
}

#[async_trait::async_trait]
impl TokenCredential for GivenToken {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        #[expect(clippy::disallowed_methods, reason = "its true end is unknown to us")]
        let expires_on = OffsetDateTime::now_utc() + Duration::minutes(5);
        Ok(AccessToken { token: self.0.clone(), expires_on })
    }
}
