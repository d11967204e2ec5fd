//! What a token says of itself, for a person to read.

use azure_core::credentials::Secret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use time::OffsetDateTime;

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

/// The claims of a token; `None` where it is no JWT. Its signature is not looked at.
#[must_use]
pub fn of(token: &Secret) -> Option<Claims> {
    let [_, payload, _] = token.secret().split('.').collect::<Vec<_>>()[..] else { return None };
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let payload: Value = serde_json::from_slice(&payload).ok()?;
    let claims = payload.as_object()?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let expires = claims.get("exp").and_then(Value::as_i64);
    let audience = claims.get("aud").and_then(|audience| audience.get(0)).and_then(Value::as_str);
    Some(Claims {
        client_id: text("appid").or_else(|| text("azp")),
        audience: text("aud").or_else(|| audience.map(str::to_owned)),
        expires: expires.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn of(payload: &str) -> Option<Claims> {
        super::of(&Secret::new(format!("e30.{payload}.c2ln")))
    }

    fn of_json(payload: &Value) -> Claims {
        of(&URL_SAFE_NO_PAD.encode(payload.to_string())).unwrap()
    }

    #[test]
    fn both_names_of_the_client_and_both_shapes_of_the_audience_are_read() {
        let claims = of_json(&json!({ "appid": "a", "aud": "b", "exp": 1_795_000_000 }));
        assert_eq!(claims.client_id.as_deref(), Some("a"));
        assert_eq!(claims.audience.as_deref(), Some("b"));
        assert_eq!(claims.expires, Some(datetime!(2026-11-18 11:06:40 UTC)));
        let claims = of_json(&json!({ "azp": "c", "aud": ["d", "e"] }));
        assert_eq!(claims.client_id.as_deref(), Some("c"));
        assert_eq!(claims.audience.as_deref(), Some("d"));
        assert_eq!(claims.expires, None);
    }

    #[test]
    fn what_is_no_token_has_no_claims_and_odd_claims_are_left_out() {
        for payload in ["", "!", "e30.e30", &URL_SAFE_NO_PAD.encode("[]")] {
            assert_eq!(of(payload), None, "{payload}");
        }
        assert_eq!(super::of(&Secret::new("the-token-of-this-test")), None);
        let odd = of_json(&json!({ "appid": 5, "aud": {}, "exp": i64::MAX }));
        assert_eq!(odd, Claims { client_id: None, audience: None, expires: None });
        assert!(of("e30==").is_some());
    }
}
