//! Questions to the service, each with the caller's token, and the tokens.

use std::sync::{Arc, PoisonError};

use azure_core::credentials::{AccessToken, TokenCredential};
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use time::OffsetDateTime;

use super::{MAX_ANSWER_BYTES, SCALE_UNIT, Service, ServiceError, is_page};
use crate::{
    http::{self, Answer},
    identity::is_lasting,
    import::reason::Reason,
    schema::{Credential, ServiceIdentity},
};

/// What every try of a question has in common.
pub(super) struct Question<'a> {
    pub(super) caller: &'a ServiceIdentity,
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
        caller: &ServiceIdentity,
        path: &str,
        others: &[String],
        scale_unit: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Answer, ServiceError> {
        let question = Question { caller, scale_unit, max_bytes: MAX_ANSWER_BYTES, now };
        let is_sign_in = |answer: &Answer| answer.status.is_success() && is_page(&answer.body);
        let mut answer = self.get_any(&question, path, others).await?;
        if answer.status == StatusCode::UNAUTHORIZED || is_sign_in(&answer) {
            self.forget_token(caller);
            answer = self.get_any(&question, path, others).await?;
        }
        if is_sign_in(&answer) {
            let status = answer.status.as_u16();
            return Err(ServiceError::Refused(Reason::TokenRejected { status }));
        }
        Ok(answer)
    }

    pub(super) async fn get_any(
        &self,
        question: &Question<'_>,
        path: &str,
        others: &[String],
    ) -> Result<Answer, ServiceError> {
        let mut answer = self.get(question, path).await?;
        for path in others {
            if answer.status == StatusCode::NOT_FOUND {
                answer = self.get(question, path).await?;
            }
        }
        Ok(answer)
    }

    async fn get(&self, question: &Question<'_>, path: &str) -> Result<Answer, ServiceError> {
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
        answer.map_err(|no_answer| {
            let detail = no_answer.why().into();
            ServiceError::later(Reason::ServiceUnreachable { detail })
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.config.endpoint.as_str().trim_end_matches('/'))
    }

    /// A token of the caller for the service.
    ///
    /// # Errors
    /// Where none can be had.
    pub async fn token(&self, caller: &ServiceIdentity) -> Result<AccessToken, ServiceError> {
        let credential = self.credential(caller)?;
        credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            // Somebody may mend what it was made of.
            self.forget_token(caller);
            let detail = crate::http::azure::sentence(&error).into();
            ServiceError::later(if is_lasting(&error) {
                Reason::CredentialFailed { detail }
            } else {
                Reason::SignInUnavailable { detail }
            })
        })
    }

    pub(super) async fn bearer(
        &self,
        caller: &ServiceIdentity,
    ) -> Result<HeaderValue, ServiceError> {
        let token = self.token(caller).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()))
            .map_err(|_| {
                let detail = "the token cannot stand in a header".into();
                ServiceError::later(Reason::CredentialFailed { detail })
            })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn credential(
        &self,
        caller: &ServiceIdentity,
    ) -> Result<Arc<dyn TokenCredential>, ServiceError> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(caller);
        if let Some(known) = credentials.get(&key) {
            return Ok(known.clone());
        }
        let made = self.sign_in.credential(&caller.credential, &caller.tenant);
        let made = made.map_err(|error| {
            let detail = error.to_string().into();
            ServiceError::later(Reason::CredentialFailed { detail })
        })?;
        credentials.insert(key, made.clone());
        Ok(made)
    }

    /// Drops the credential, and with it its cached token: the next question gets a fresh one.
    pub(super) fn forget_token(&self, caller: &ServiceIdentity) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&key(caller));
    }
}

/// Who signs in, and in which tenant.
fn key(caller: &ServiceIdentity) -> (Credential, String) {
    (caller.credential.clone(), caller.tenant.clone())
}
