//! What Microsoft Entra requires of a request for a token.

use std::collections::HashMap;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_parser::parse_x509_certificate;

use super::{EXCHANGE_TOKEN, Proof, SCOPE, World};

impl World {
    /// Checks a request; the error says what is wrong with it.
    pub(super) fn judge(&self, tenant: &str, form: &HashMap<String, String>) -> Result<(), String> {
        let is = |name: &str, expected: &str| {
            let found = form.get(name).map(String::as_str);
            if found == Some(expected) { Ok(()) } else { Err(format!("{name} is {found:?}")) }
        };
        is("grant_type", "client_credentials")?;
        is("client_id", self.client_id)?;
        is("scope", SCOPE)?;
        if let Proof::Secret(secret) = self.proof {
            return is("client_secret", secret);
        }
        is("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")?;
        match &self.proof {
            Proof::Certificate(certificate) => {
                let assertion = form.get("client_assertion").map(String::as_str);
                self.judge_signed(tenant, certificate, assertion.unwrap_or_default())
            }
            Proof::Secret(_) | Proof::Identity => is("client_assertion", EXCHANGE_TOKEN),
        }
    }

    fn judge_signed(&self, tenant: &str, der: &[u8], assertion: &str) -> Result<(), String> {
        let (content, signature) = assertion.rsplit_once('.').ok_or("no signature")?;
        let (head, claims) = content.split_once('.').ok_or("no claims")?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
        let json = |part: &str| -> Result<Value, String> {
            serde_json::from_slice(&bytes(part)?).map_err(|error| error.to_string())
        };
        let (head, claims) = (json(head)?, json(claims)?);
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
        let audience = format!("{}/{tenant}/oauth2/v2.0/token", self.host);
        for (part, name, expected) in [
            (&head, "alg", "PS256"),
            (&head, "typ", "JWT"),
            (&head, "x5t#S256", &thumbprint),
            (&claims, "aud", &audience),
            (&claims, "iss", self.client_id),
            (&claims, "sub", self.client_id),
        ] {
            if part[name] != expected {
                return Err(format!("{name} is {}", part[name]));
            }
        }
        if head["x5c"] != json!([STANDARD.encode(der)]) {
            return Err("x5c is not the certificate".to_owned());
        }
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let time = |name: &str| claims[name].as_i64().unwrap_or_default();
        if time("nbf") > now || time("exp") <= now || time("exp") > now + 600 {
            return Err(format!("it is not valid now: {claims}"));
        }
        if claims["jti"].as_str().is_none_or(|id| id.len() < 16) {
            return Err("jti is not an id".to_owned());
        }
        let (_, certificate) = parse_x509_certificate(der).map_err(|error| error.to_string())?;
        let public = &certificate.public_key().subject_public_key.data;
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public)
            .verify(content.as_bytes(), &bytes(signature)?)
            .map_err(|_| "the signature does not belong to the key".to_owned())
    }
}
