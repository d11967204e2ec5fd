//! A token that somebody else obtained.

use std::fmt;

use azure_core::{
    Error, Result,
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use time::Duration;

use super::{claims, now, refusal::Refusal};

/// The token as it is, until its end where it tells that.
pub(super) struct GivenToken {
    setting: String,
    token: Secret,
}

impl GivenToken {
    /// Holds `token`, which was found in `setting`.
    pub(super) fn new(setting: &str, token: Secret) -> Self {
        Self { setting: setting.to_owned(), token }
    }
}

impl fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenToken").field("setting", &self.setting).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TokenCredential for GivenToken {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        let ends = claims::of(&self.token).and_then(|claims| claims.expires);
        if ends.is_some_and(|ends| ends <= now()) {
            let why = format!("the access token in the setting {} has expired", self.setting);
            return Err(Error::new(ErrorKind::Credential, Refusal::lasting(why)));
        }
        let expires_on = ends.unwrap_or_else(|| now() + Duration::minutes(5));
        Ok(AccessToken { token: self.token.clone(), expires_on })
    }
}
