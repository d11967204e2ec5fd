//! Tokens: the cache, a token that is given in a setting, the claims of a token, and the clock by which tokens
//! and certificates expire.

use std::{collections::HashMap, fmt, sync::Arc};

use azure_core::{
    Error, Result,
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::refusal::{self, Refusal, TokenIssuer};

/// How long before it expires a token is renewed.
const EARLY: Duration = Duration::minutes(5);

/// A credential with a cache. Callers at the same time share one request, and a new request is sent only if
/// the token expires within 5 minutes. If that request fails, the old token is used until it expires.
///
/// Its errors are [`Refusal`]s.
pub(super) struct Cached {
    inner: Arc<dyn TokenCredential>,
    issuer: TokenIssuer,
    kept: Mutex<HashMap<String, AccessToken>>,
}

impl Cached {
    /// Keeps the tokens of `inner`, which come from `issuer`.
    pub(super) fn new(inner: Arc<dyn TokenCredential>, issuer: TokenIssuer) -> Self {
        Self { inner, issuer, kept: Mutex::default() }
    }

    async fn ask(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> std::result::Result<AccessToken, Refusal> {
        let answer = self.inner.get_token(scopes, options).await;
        let token = answer
            .map_err(|error| refusal::of(self.issuer, &error, scopes.first().unwrap_or(&"")))?;
        // The library reads an answer without a token as an empty token.
        if token.token.secret().is_empty() {
            return Err(refusal::unreadable(self.issuer));
        }
        Ok(token)
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("issuer", &self.issuer).finish_non_exhaustive()
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
        // Locked during the request, so that other callers wait for its token.
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
                    tracing::warn!(
                        "A token could not be renewed; the old one is still valid: {refusal}"
                    );
                    Ok(token.clone())
                }
                None => Err(Error::new(ErrorKind::Credential, refusal)),
            },
        }
    }
}

/// A token from a setting, used as it is, until it expires if it says when.
pub(super) struct GivenToken {
    setting: String,
    token: Secret,
}

impl GivenToken {
    /// Holds `token`, the value of `setting`.
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
        let ends = Claims::of(&self.token).and_then(|claims| claims.expires);
        if ends.is_some_and(|ends| ends <= now()) {
            let why = format!(
                "the access token in the setting {} has expired. Put a new one into it",
                self.setting
            );
            return Err(Error::new(ErrorKind::Credential, Refusal::lasting(why)));
        }
        let expires_on = ends.unwrap_or_else(|| now() + Duration::minutes(5));
        Ok(AccessToken { token: self.token.clone(), expires_on })
    }
}

/// What a token claims; its signature is not verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The tenant that issued it: `tid`.
    pub tenant: Option<String>,
    /// The client id of the app that it was issued to: `appid` or `azp`.
    pub client_id: Option<String>,
    /// Microsoft Entra's id of the token: `uti`.
    pub token_id: Option<String>,
    /// The service that accepts it.
    pub audience: Option<String>,
    /// When it expires.
    pub expires: Option<OffsetDateTime>,
}

impl Claims {
    /// The claims of a token; `None` if it is not a JWT. Its signature is not verified.
    #[must_use]
    pub fn of(token: &Secret) -> Option<Self> {
        let [_, payload, _] = token.secret().split('.').collect::<Vec<_>>()[..] else {
            return None;
        };
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        let payload: Value = serde_json::from_slice(&payload).ok()?;
        let claims = payload.as_object()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let expires = claims.get("exp").and_then(Value::as_i64);
        let audience =
            claims.get("aud").and_then(|audience| audience.get(0)).and_then(Value::as_str);
        Some(Self {
            tenant: text("tid"),
            client_id: text("appid").or_else(|| text("azp")),
            token_id: text("uti"),
            audience: text("aud").or_else(|| audience.map(str::to_owned)),
            expires: expires.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        })
    }
}

/// Tokens and certificates expire by the wall clock, also if the engine uses another clock.
#[expect(clippy::disallowed_methods, reason = "others date tokens and certificates by it")]
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests;
