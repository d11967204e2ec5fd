//! A token is kept for as long as it is good.

use std::{collections::HashMap, fmt, sync::Arc};

use azure_core::{
    Error, Result,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use time::Duration;
use tokio::sync::Mutex;

use super::{
    now,
    refusal::{self, Refusal, TokenIssuer},
};

/// How long before its end a token is replaced.
const EARLY: Duration = Duration::minutes(5);

/// A credential that asks once for all who want a token at the same time, and again only when the
/// token ends within five minutes. If that fails, the token is good until its end.
///
/// Its errors are [`Refusal`]s.
pub(super) struct Cached {
    inner: Arc<dyn TokenCredential>,
    whom: TokenIssuer,
    kept: Mutex<HashMap<String, AccessToken>>,
}

impl Cached {
    /// Keeps the tokens of `inner`, who asks `whom`.
    pub(super) fn new(inner: Arc<dyn TokenCredential>, whom: TokenIssuer) -> Self {
        Self { inner, whom, kept: Mutex::default() }
    }

    async fn ask(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> std::result::Result<AccessToken, Refusal> {
        let answer = self.inner.get_token(scopes, options).await;
        let token = answer
            .map_err(|error| refusal::of(self.whom, &error, scopes.first().unwrap_or(&"")))?;
        // An answer that lacks the token is read as one with an empty token.
        if token.token.secret().is_empty() {
            return Err(refusal::unreadable(self.whom));
        }
        Ok(token)
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("whom", &self.whom).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TokenCredential for Cached {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        let scope = scopes.join(" ");
        // Held while asking: whoever else wants a token waits for this one.
        let mut kept = self.kept.lock().await;
        let ends_after = |when| move |token: &&AccessToken| token.expires_on > when;
        if let Some(token) = kept.get(&scope).filter(ends_after(now() + EARLY)) {
            return Ok(token.clone());
        }
        match self.ask(scopes, options).await {
            Ok(token) => {
                kept.insert(scope, token.clone());
                Ok(token)
            }
            Err(refusal) => match kept.get(&scope).filter(ends_after(now())) {
                Some(token) => {
                    tracing::warn!("a token was not renewed, and still holds: {refusal}");
                    Ok(token.clone())
                }
                None => Err(Error::new(ErrorKind::Credential, refusal)),
            },
        }
    }
}

#[cfg(test)]
mod tests;
