//! Questions to the service, each with the caller's token, and the tokens.

use std::sync::{Arc, PoisonError};

use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use time::OffsetDateTime;

use super::{
    MAX_ANSWER_BYTES, SCALE_UNIT, Service,
    trouble::{Trouble, is_page, sign_in_page},
};
use crate::{
    azure::{self, identity},
    connection::{Caller, Credential},
    http::{self, Answer},
};

/// What every try of a question has in common.
pub(super) struct Question<'a> {
    pub(super) caller: &'a Caller,
    pub(super) scale_unit: Option<&'a str>,
    pub(super) max_bytes: usize,
    pub(super) now: OffsetDateTime,
}

impl Service {
    /// Asks for JSON at `path`, or where that is 404 at one of the `others`.
    ///
    /// A 401 or a sign-in page is answered once with a fresh token.
    pub(super) async fn ask(
        &self,
        caller: &Caller,
        path: &str,
        others: &[String],
        scale_unit: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Answer, Trouble> {
        let question = Question { caller, scale_unit, max_bytes: MAX_ANSWER_BYTES, now };
        let is_sign_in = |answer: &Answer| answer.status.is_success() && is_page(&answer.body);
        let mut answer = self.get_any(&question, path, others).await?;
        if answer.status == StatusCode::UNAUTHORIZED || is_sign_in(&answer) {
            self.forget_token(caller);
            answer = self.get_any(&question, path, others).await?;
        }
        if is_sign_in(&answer) {
            return Err(Trouble::Refused(sign_in_page()));
        }
        Ok(answer)
    }

    pub(super) async fn get_any(
        &self,
        question: &Question<'_>,
        path: &str,
        others: &[String],
    ) -> Result<Answer, Trouble> {
        let mut answer = self.get(question, path).await?;
        for path in others {
            if answer.status == StatusCode::NOT_FOUND {
                answer = self.get(question, path).await?;
            }
        }
        Ok(answer)
    }

    async fn get(&self, question: &Question<'_>, path: &str) -> Result<Answer, Trouble> {
        let token = self.bearer(question.caller).await?;
        let mut request = self
            .client
            .get(self.url(path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json");
        if let Some(scale_unit) = question.scale_unit {
            request = request.header(SCALE_UNIT, scale_unit);
        }
        let limit = self.config.answer_timeout;
        let answer = http::send(request, limit, question.max_bytes, question.now).await;
        answer.map_err(|no_answer| Trouble::later(no_answer.why()))
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.config.endpoint.as_str().trim_end_matches('/'))
    }

    /// A token of the caller for the service.
    ///
    /// # Errors
    /// Where none can be had.
    pub async fn token(&self, caller: &Caller) -> Result<AccessToken, Trouble> {
        let credential = self.credential(&caller.credential)?;
        credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            let why = format!("signing in to the service: {}", azure::sentence(&error));
            Trouble::later(why)
        })
    }

    pub(super) async fn bearer(&self, caller: &Caller) -> Result<HeaderValue, Trouble> {
        let token = self.token(caller).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()))
            .map_err(|_| Trouble::Refused("the token cannot stand in a header".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn credential(&self, credential: &Credential) -> Result<Arc<dyn TokenCredential>, Trouble> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = credentials.get(credential) {
            return Ok(known.clone());
        }
        let made = match credential {
            Credential::ManagedIdentity { client_id } => {
                let limit = self.config.answer_timeout;
                identity::managed_identity(client_id.as_deref(), limit).map_err(|error| {
                    let why = format!("signing in to the service: {}", azure::sentence(&error));
                    Trouble::later(why)
                })?
            }
            Credential::AccessToken { .. } if !self.config.is_loopback() => {
                return Err(Trouble::Refused(
                    "an access token from a setting is only shown to a service on this machine; \
                     give the connection a managedIdentity credential"
                        .to_owned(),
                ));
            }
            Credential::AccessToken { setting } => {
                let token = (self.setting)(setting).filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| {
                    Trouble::Refused(format!("the setting {setting} holds no access token"))
                })?;
                Arc::new(identity::GivenToken::new(Secret::new(token)))
            }
        };
        credentials.insert(credential.clone(), made.clone());
        Ok(made)
    }

    /// Drops the credential, and with it its cached token: the next question gets a fresh one.
    pub(super) fn forget_token(&self, caller: &Caller) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&caller.credential);
    }
}
