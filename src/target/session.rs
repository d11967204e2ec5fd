//! What all callers of a service share: the HTTP client and the cache of credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use azure_core::credentials::{AccessToken, TokenCredential};
use reqwest::Client;

use super::outcome::ServiceError;
use crate::{
    config::{Lookup, ServiceConfig},
    http::{self, ClientError},
    identity::{SignIn, is_lasting},
    import::reason::Reason,
    schema::{Credential, ServiceIdentity},
};

/// The HTTP client, and the credentials with their cached tokens.
pub(super) struct Session {
    pub(super) http: Client,
    pub(super) config: ServiceConfig,
    sign_in: SignIn,
    credentials: Mutex<HashMap<(Credential, String), Arc<dyn TokenCredential>>>,
}

impl Session {
    pub(super) fn new(config: ServiceConfig, setting: Arc<Lookup>) -> Result<Self, ClientError> {
        let credentials = Mutex::new(HashMap::new());
        let client = http::client((&config.endpoint).into());
        let http = http::build(client, "the ingestion service")?;
        let sign_in = SignIn {
            authority: config.authority.clone(),
            answer_timeout: config.answer_timeout,
            setting,
        };
        Ok(Self { http, config, sign_in, credentials })
    }

    /// A token of the caller for the service.
    ///
    /// # Errors
    /// If no token is issued, with what its issuer says about the request.
    pub(super) async fn token(
        &self,
        caller: &ServiceIdentity,
    ) -> Result<AccessToken, (ServiceError, Option<azure_core::Error>)> {
        let credential = self.credential(caller).map_err(|error| (error, None))?;
        credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            // A person may correct the settings that the credential was created from.
            self.forget_token(caller);
            let detail = crate::http::azure::sentence(&error).into();
            let reason = if is_lasting(&error) {
                Reason::CredentialFailed { detail }
            } else {
                Reason::SignInUnavailable { detail }
            };
            (ServiceError::later(reason), Some(error))
        })
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

    /// Drops the credential with its cached token, so that the next request gets a new one.
    pub(super) fn forget_token(&self, caller: &ServiceIdentity) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&key(caller));
    }
}

/// The key of a cached credential: who signs in, and in which tenant.
fn key(caller: &ServiceIdentity) -> (Credential, String) {
    (caller.credential.clone(), caller.tenant.clone())
}
