//! Retries of the endpoint of the managed identity, which differ from those of storage.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        Context, Request,
        policies::{Policy, PolicyResult},
    },
};
use tokio::time::{Instant, sleep, timeout};

/// The longest time for all attempts.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// Sends a request again while the endpoint is not ready, as Microsoft's own clients do: after 0.8 s, and then after
/// twice the pause before, so six times within 25 s. A pause that would end after the limit is not made.
///
/// Source: "How to use managed identities for Azure resources on an Azure VM to acquire an access token", section
/// "Retry guidance": 404, 410, 429 and 5xx.
#[derive(Debug)]
pub(super) struct Retries {
    /// The pause before the second attempt.
    pub(super) pause: Duration,
    /// The longest time for all attempts. The first one must have a limit of its own.
    pub(super) limit: Duration,
}

impl Retries {
    /// Retries within `limit`.
    pub(super) fn within(limit: Duration) -> Self {
        Self { pause: Duration::from_millis(800), limit }
    }
}

#[async_trait]
impl Policy for Retries {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let [next, after @ ..] = next else {
            return Err(Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let started = Instant::now();
        let mut pause = self.pause;
        let mut result = next.send(context, request, after).await;
        while may_pass(&result) && started.elapsed() + pause < self.limit {
            sleep(pause).await;
            pause *= 2;
            let left = self.limit.saturating_sub(started.elapsed());
            match timeout(left, next.send(context, request, after)).await {
                Ok(again) => result = again,
                // The last answer says more than that there was none this time.
                Err(_) => break,
            }
        }
        result
    }
}

/// Whether another attempt may succeed.
fn may_pass(result: &PolicyResult) -> bool {
    match result {
        Ok(answer) => is_not_ready(answer.status().into()),
        Err(error) => matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection),
    }
}

/// Whether a status means that the endpoint is updated, busy or broken.
pub(super) fn is_not_ready(status: u16) -> bool {
    matches!(status, 404 | 408 | 410 | 429 | 500..)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::http::{AsyncRawResponse, Method, Url, headers::Headers};

    use super::*;

    /// An endpoint with these answers, the last one for ever. No status is no connection.
    #[derive(Debug)]
    struct Endpoint {
        answers: Vec<Option<u16>>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Policy for Endpoint {
        async fn send(&self, _: &Context, _: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            match self.answers[number.min(self.answers.len() - 1)] {
                Some(0) => std::future::pending().await,
                Some(status) => Ok(AsyncRawResponse::from_bytes(status.into(), Headers::new(), "")),
                None => Err(Error::with_message(ErrorKind::Io, "no connection")),
            }
        }
    }

    /// The last status, and the number of attempts within `milliseconds`, the first pause of which is 1.
    async fn asked(answers: &[Option<u16>], milliseconds: u64) -> (Option<u16>, usize) {
        let limit = Duration::from_millis(milliseconds);
        let retries = Retries { pause: Duration::from_millis(1), limit };
        let endpoint =
            Arc::new(Endpoint { answers: answers.to_vec(), asked: AtomicUsize::default() });
        let mut request = Request::new(Url::parse("http://localhost").unwrap(), Method::Get);
        let next: [Arc<dyn Policy>; 1] = [endpoint.clone()];
        let result = retries.send(&Context::new(), &mut request, &next).await;
        let status = result.ok().map(|answer| answer.status().into());
        (status, endpoint.asked.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn an_endpoint_that_is_not_ready_is_asked_again_until_it_is() {
        for status in [404, 408, 410, 429, 500, 502, 503, 504, 507] {
            let answers = [Some(status), None, Some(status), Some(200)];
            assert_eq!(asked(&answers, 60_000).await, (Some(200), 4), "{status}");
        }
        for status in [200, 400, 401, 403] {
            assert_eq!(asked(&[Some(status)], 60_000).await, (Some(status), 1));
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_always_fails_is_asked_until_the_time_is_over() {
        for answer in [Some(500), None] {
            let (status, attempts) = asked(&[answer], 30).await;
            assert_eq!(status, answer);
            // 1 + 2 + 4 + 8 ms pass before the fifth, and 16 more before a sixth would be sent.
            assert!((2..=5).contains(&attempts), "{attempts}");
        }
        assert_eq!(asked(&[Some(500)], 1).await, (Some(500), 1));
    }

    #[tokio::test]
    async fn the_last_answer_is_the_result_if_a_later_attempt_gets_none() {
        assert_eq!(asked(&[Some(503), Some(0)], 20).await, (Some(503), 2));
    }

    #[test]
    fn the_real_pauses_end_within_half_a_minute() {
        let Retries { pause, limit } = Retries::within(LIMIT);
        let pauses = (0..5).map(|number| pause * (1 << number)).sum::<Duration>();
        assert_eq!(pauses, Duration::from_millis(24_800));
        assert!(pauses < limit && pauses + pause * (1 << 5) > limit);
    }
}
