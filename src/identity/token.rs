//! Tokens: one is kept for as long as it is good, one that somebody else obtained is taken as it is, and
//! what a token says of itself can be read; and the clock by which tokens and certificates end.

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
        let ends = Claims::of(&self.token).and_then(|claims| claims.expires);
        if ends.is_some_and(|ends| ends <= now()) {
            let why = format!("the access token in the setting {} has expired", self.setting);
            return Err(Error::new(ErrorKind::Credential, Refusal::lasting(why)));
        }
        let expires_on = ends.unwrap_or_else(|| now() + Duration::minutes(5));
        Ok(AccessToken { token: self.token.clone(), expires_on })
    }
}

/// What a token says. Nobody has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whose token it is: the app's client id, `appid` or `azp`.
    pub client_id: Option<String>,
    /// Whom it is for.
    pub audience: Option<String>,
    /// When it ends.
    pub expires: Option<OffsetDateTime>,
}

impl Claims {
    /// The claims of a token; `None` where it is no JWT. Its signature is not looked at.
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
            client_id: text("appid").or_else(|| text("azp")),
            audience: text("aud").or_else(|| audience.map(str::to_owned)),
            expires: expires.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
        })
    }
}

/// Tokens and certificates end by the wall clock, whatever time the engine goes by.
#[expect(clippy::disallowed_methods, reason = "what others have dated ends by the wall clock")]
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[cfg(test)]
mod tests;
