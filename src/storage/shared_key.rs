//! Signs requests with a storage account key, for the local emulator only.
//!
//! The Azure crates do not support shared keys, and in Azure this program never uses one. Azurite on this
//! machine requires one; with it, the same clients run there unchanged.
//! Source: "Authorize with Shared Key" of the Azure Storage REST reference.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    credentials::Secret,
    hmac::hmac_sha256,
    http::{
        Context, Request,
        headers::HeaderName,
        policies::{Policy, PolicyResult},
    },
    time::{OffsetDateTime, to_rfc7231},
};

/// Which of the two string-to-sign layouts a service requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Blob and queue: `SharedKey`.
    Full,
    /// Table: `SharedKeyLite`.
    Lite,
}

/// A policy of the pipeline after the retries, which signs each attempt.
pub struct SharedKey {
    account: String,
    key: Secret,
    scheme: Scheme,
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKey").field("account", &self.account).finish_non_exhaustive()
    }
}

impl SharedKey {
    /// Signs for `account` with its base64 `key`.
    #[must_use]
    pub fn policy(account: &str, key: &Secret, scheme: Scheme) -> Arc<dyn Policy> {
        Arc::new(Self { account: account.to_owned(), key: key.clone(), scheme })
    }

    fn string_to_sign(&self, request: &Request) -> String {
        let header = |name: &'static str| {
            request.headers().get_optional_str(&HeaderName::from_static(name)).unwrap_or_default()
        };
        let mut resource = format!("/{}{}", self.account, request.url().path());
        if self.scheme == Scheme::Lite {
            if let Some((_, comp)) = request.url().query_pairs().find(|(name, _)| name == "comp") {
                resource += &format!("?comp={comp}");
            }
            return format!("{}\n{resource}", header("x-ms-date"));
        }
        let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.url().query_pairs() {
            query.entry(name.to_lowercase()).or_default().push(value.into_owned());
        }
        for (name, mut values) in query {
            values.sort();
            resource += &format!("\n{name}:{}", values.join(","));
        }
        let ms_headers: BTreeMap<String, &str> = request
            .headers()
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-ms-"))
            .map(|(name, value)| (name.as_str().to_lowercase(), value.as_str().trim()))
            .collect();
        let ms_headers: String =
            ms_headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let length = match request.body().len() {
            None | Some(0) => String::new(),
            Some(bytes) => bytes.to_string(),
        };
        [
            request.method().as_str(),
            header("content-encoding"),
            header("content-language"),
            &length,
            header("content-md5"),
            header("content-type"),
            "", // Date: x-ms-date replaces it
            header("if-modified-since"),
            header("if-match"),
            header("if-none-match"),
            header("if-unmodified-since"),
            header("range"),
            &(ms_headers + &resource),
        ]
        .join("\n")
    }
}

#[async_trait]
impl Policy for SharedKey {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        #[expect(clippy::disallowed_methods, reason = "a signature contains the current time")]
        let now = OffsetDateTime::now_utc();
        request.insert_header("x-ms-date", to_rfc7231(&now));
        let signature = hmac_sha256(&self.string_to_sign(request), &self.key)?;
        let scheme = match self.scheme {
            Scheme::Full => "SharedKey",
            Scheme::Lite => "SharedKeyLite",
        };
        request.insert_header("authorization", format!("{scheme} {}:{signature}", self.account));
        next[0].send(context, request, &next[1..]).await
    }
}
