//! Whom a token is for, as it says itself. Nobody verifies it here, and nothing else of it is told.

use azure_core::credentials::Secret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use time::OffsetDateTime;

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// The client it was issued to.
    pub(super) client_id: String,
    /// Whom it is meant for.
    pub(super) audience: String,
    /// When it ends.
    pub(super) expires: OffsetDateTime,
}

/// Reads a token; `None` where it is no JWT with these claims.
pub(super) fn of(token: &Secret) -> Option<Claims> {
    let payload = token.secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
    let expires = OffsetDateTime::from_unix_timestamp(claims.get("exp")?.as_i64()?).ok()?;
    // `appid` in tokens of version 1, `azp` in those of version 2.
    let client_id = text("appid").or_else(|| text("azp"))?;
    Some(Claims { client_id, audience: text("aud")?, expires })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn token(payload: &Value) -> Secret {
        Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string())))
    }

    #[test]
    fn a_token_of_either_version_says_whom_it_is_for() {
        for client in ["appid", "azp"] {
            let claims = of(&token(&json!({ "aud": "a", client: "c", "exp": 1_795_413_600 })));
            let expires = datetime!(2026-11-23 06:00 UTC);
            let (client_id, audience) = ("c".to_owned(), "a".to_owned());
            assert_eq!(claims, Some(Claims { client_id, audience, expires }));
        }
    }

    #[test]
    fn what_is_no_such_token_says_nothing() {
        for text in ["", "opaque", "a.b.c", "e30.e30.e30"] {
            assert_eq!(of(&Secret::new(text.to_owned())), None, "{text}");
        }
        assert_eq!(of(&token(&json!({ "aud": ["a"], "azp": "c", "exp": 1 }))), None);
        assert_eq!(of(&token(&json!({ "aud": "a", "azp": "c", "exp": i64::MAX }))), None);
    }
}
