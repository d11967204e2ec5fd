//! When a token is requested, and when the cached one is used.

use std::sync::{
    Mutex as Lock,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

/// Answers one request after the other with a token that is valid for these seconds, or with an error.
#[derive(Debug, Default)]
struct Script {
    answers: Lock<Vec<Option<i64>>>,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl TokenCredential for Script {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        tokio::task::yield_now().await;
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        match self.answers.lock().unwrap().remove(0) {
            Some(seconds) => {
                let token = format!("token {number}");
                Ok(AccessToken::new(token, now() + Duration::seconds(seconds)))
            }
            None => Err(Error::with_message(ErrorKind::Credential, "AADSTS7000215 hunter2")),
        }
    }
}

/// Requests a token `times` times; the tokens or errors, and the number of requests that were sent.
async fn asked(
    answers: &[Option<i64>],
    times: usize,
) -> (Vec<std::result::Result<String, String>>, usize) {
    let script = Arc::new(Script { answers: Lock::new(answers.to_vec()), ..Script::default() });
    let cached = Cached::new(script.clone(), TokenIssuer::Entra);
    let mut answers = vec![];
    for _ in 0..times {
        let answer = cached.get_token(&["scope"], None).await;
        let answer = answer.map(|token| token.token.secret().to_owned());
        answers.push(answer.map_err(|error| error.to_string()));
    }
    (answers, script.asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_token_is_kept_until_five_minutes_before_it_expires() {
    let (tokens, asked_for) = asked(&[Some(400)], 3).await;
    assert_eq!(tokens, vec![Ok("token 1".to_owned()); 3]);
    assert_eq!(asked_for, 1);
    let (tokens, asked_for) = asked(&[Some(200), Some(3600)], 3).await;
    assert_eq!(tokens[0], Ok("token 1".to_owned()));
    assert_eq!(tokens[1..], vec![Ok("token 2".to_owned()); 2]);
    assert_eq!(asked_for, 2);
}

#[tokio::test]
async fn a_failed_renewal_is_an_error_only_after_the_token_has_expired() {
    let (tokens, _) = asked(&[Some(200), None, Some(3600)], 3).await;
    let expected = ["token 1", "token 1", "token 3"].map(|token| Ok(token.to_owned()));
    assert_eq!(tokens, expected);
    let (tokens, _) = asked(&[Some(-1), None], 2).await;
    let why = tokens[1].clone().unwrap_err();
    assert!(why.contains("could not be read") && !why.contains("hunter2"), "{why}");
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_request() {
    let script = Arc::new(Script { answers: Lock::new(vec![Some(3600)]), ..Script::default() });
    let cached = Cached::new(script.clone(), TokenIssuer::Entra);
    let ask = || cached.get_token(&["scope"], None);
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    for token in [first, second, third] {
        assert_eq!(token.unwrap().token.secret(), "token 1");
    }
    assert_eq!(script.asked.load(Ordering::Relaxed), 1);
    assert!(!format!("{cached:?}").contains("token 1"));
}

#[tokio::test]
async fn each_scope_has_its_own_token() {
    let answers = vec![Some(3600), Some(3600)];
    let script = Arc::new(Script { answers: Lock::new(answers), ..Script::default() });
    let cached = Cached::new(script, TokenIssuer::Identity);
    for (scope, expected) in [("a", "token 1"), ("b", "token 2"), ("a", "token 1")] {
        let token = cached.get_token(&[scope], None).await.unwrap();
        assert_eq!(token.token.secret(), expected);
    }
}

mod claims {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn of(payload: &str) -> Option<Claims> {
        Claims::of(&Secret::new(format!("e30.{payload}.c2ln")))
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
    fn what_is_not_a_token_has_no_claims_and_invalid_claims_are_ignored() {
        for payload in ["", "!", "e30.e30", &URL_SAFE_NO_PAD.encode("[]")] {
            assert_eq!(of(payload), None, "{payload}");
        }
        assert_eq!(Claims::of(&Secret::new("the-token-of-this-test")), None);
        let odd = of_json(&json!({ "appid": 5, "aud": {}, "exp": i64::MAX }));
        assert_eq!(odd, Claims::default());
        assert!(of("e30==").is_some());
    }
}
