//! Client assertions: what an app registration shows Microsoft Entra in the place of a secret.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::RSA_PSS_SHA256,
};
use azure_core::{
    Error, Result, Uuid,
    credentials::{TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{ClientMethodOptions, Url},
};
use azure_identity::ClientAssertion;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{certificate::Key, now, refusal::Refusal};

/// What a managed identity asks a token for that is an assertion.
const EXCHANGE: &str = "api://AzureADTokenExchange/.default";
/// How long a signed assertion is good.
const SECONDS: i64 = 300;

/// The token of a managed identity that the app registration trusts.
#[derive(Debug)]
pub(super) struct IdentityAssertion(pub(super) Arc<dyn TokenCredential>);

#[async_trait::async_trait]
impl ClientAssertion for IdentityAssertion {
    async fn secret(&self, options: Option<ClientMethodOptions<'_>>) -> Result<String> {
        let options = options.map(|method_options| TokenRequestOptions { method_options });
        let token = self.0.get_token(&[EXCHANGE], options).await?;
        Ok(token.token.secret().to_owned())
    }
}

/// A statement signed with the key of a certificate that the app registration knows.
///
/// Source: "Microsoft identity platform application authentication certificate credentials" on
/// Microsoft Learn. The certificates are sent along, as Microsoft's C# sample does (`SendX5C`).
pub(super) struct SignedAssertion {
    client_id: String,
    audience: Url,
    key: Key,
}

impl SignedAssertion {
    /// Of the app registration `client_id`, for the token endpoint `audience`.
    pub(super) fn new(client_id: &str, audience: Url, key: Key) -> Self {
        Self { client_id: client_id.to_owned(), audience, key }
    }

    fn signed(&self) -> Option<String> {
        let [leaf, ..] = &self.key.chain[..] else { return None };
        let chain: Vec<String> =
            self.key.chain.iter().map(|certificate| STANDARD.encode(certificate)).collect();
        let head = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, leaf)),
            "x5c": chain,
        });
        let now = now().unix_timestamp();
        let claims = json!({
            "aud": self.audience.as_str(),
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(),
            // A clock may be a little behind.
            "nbf": now - SECONDS,
            "iat": now,
            "exp": now + SECONDS,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let content = format!("{}.{}", encode(&head), encode(&claims));
        let mut signature = vec![0; self.key.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.pair.sign(&RSA_PSS_SHA256, &random, content.as_bytes(), &mut signature).ok()?;
        Some(format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for SignedAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedAssertion")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ClientAssertion for SignedAssertion {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> Result<String> {
        self.signed().ok_or_else(|| {
            let why = "nothing could be signed with the key of the certificate";
            Error::new(ErrorKind::Credential, Refusal::lasting(why))
        })
    }
}
