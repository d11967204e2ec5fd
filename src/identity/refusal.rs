//! Why there is no token, in words of our own.
//!
//! What Microsoft Entra, the identity endpoint or the Azure CLI say may quote what was sent. Only
//! the status and codes of the form `AADSTS<number>` are taken from it.

use std::{error::Error as StdError, fmt, io, iter, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        AsyncRawResponse, Context, Request,
        policies::{Policy, PolicyResult},
    },
};

use crate::http;

/// The two names of the ingestion service; each is the way out where the other is not known.
const SCOPES: [&str; 2] = [
    "9d827643-d003-4cca-9dc8-71213a8f1644/.default",
    "https://api.orginsights.viva.office.com/.default",
];

/// Who was asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenIssuer {
    /// The endpoint of the managed identity.
    Identity,
    /// Microsoft Entra.
    Entra,
    /// The Azure CLI.
    AzureCli,
}

impl fmt::Display for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "the endpoint of the managed identity",
            Self::Entra => "Microsoft Entra",
            Self::AzureCli => "the Azure CLI",
        })
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    /// A sentence that may be told.
    pub(super) text: String,
    /// Whether a person has to do something; else it may be better later.
    is_lasting: bool,
}

impl Refusal {
    pub(super) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lasting: true }
    }

    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lasting: false }
    }
}

/// Whether a person has to do something about a token that could not be had.
pub(crate) fn is_lasting(error: &Error) -> bool {
    let refusal = causes(error).find_map(|cause| cause.downcast_ref::<Refusal>());
    refusal.is_some_and(|refusal| refusal.is_lasting)
}

type Cause<'a> = &'a (dyn StdError + 'static);

/// What a failed question of `whom` for `scope` means.
pub(super) fn of(whom: TokenIssuer, error: &Error, scope: &str) -> Refusal {
    // The assertion could not be had, and that was told already.
    if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<Refusal>()) {
        return refusal.clone();
    }
    let (status, body) = causes(error).find_map(answer).unzip();
    let codes = match whom {
        // There all it printed is the text of the error.
        TokenIssuer::AzureCli => codes(&error.to_string()),
        TokenIssuer::Identity | TokenIssuer::Entra => codes(&body.unwrap_or_default()),
    };
    let told = codes.iter().find_map(|code| Some((code, advice(code, scope)?)));
    if let Some((code, advice)) = told {
        return Refusal::lasting(format!("{whom} refused ({code}): {advice}"));
    }
    let code = codes.first().map(|code| format!(" ({code})")).unwrap_or_default();
    let broke = causes(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>());
    let what = match (whom, status, broke) {
        (TokenIssuer::AzureCli, ..) => return azure_cli(error, &code),
        (TokenIssuer::Identity, Some(400), _) => format!(
            "answered 400{code}: this app has no such managed identity; assign it to the app, and \
             compare its client id"
        ),
        (_, Some(status), _) => format!("answered {status}{code}"),
        (_, None, Some(broke)) => format!("was asked, but {}", http::broke(broke)),
        (_, None, None) => return unreadable(whom),
    };
    let text = format!("{whom} {what}");
    // Put off, or failing: whoever is asked later may get one.
    let passes = status.is_none_or(|status| status >= 500 || [408, 429].contains(&status));
    if passes { Refusal::passing(text) } else { Refusal::lasting(text) }
}

/// An answer without a token.
pub(super) fn unreadable(whom: TokenIssuer) -> Refusal {
    let advice = match whom {
        TokenIssuer::Identity => "",
        TokenIssuer::Entra => "; compare AZURE_AUTHORITY_HOST, and what stands between",
        TokenIssuer::AzureCli => "; it must be 2.54 or later",
    };
    Refusal::passing(format!("the answer of {whom} could not be read{advice}"))
}

fn azure_cli(error: &Error, code: &str) -> Refusal {
    let text = error.to_string();
    let timed_out = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::TimedOut);
    if timed_out {
        return Refusal::passing("the Azure CLI did not answer in time");
    }
    if text.contains("az not found on PATH") {
        return Refusal::lasting("the Azure CLI is not installed here, or not on the PATH");
    }
    let is_unread = |error: &Error| *error.kind() == ErrorKind::DataConversion;
    if causes(error).filter_map(|cause| cause.downcast_ref()).any(is_unread) {
        return unreadable(TokenIssuer::AzureCli);
    }
    Refusal::lasting(format!(
        "the Azure CLI gave no token{code}: sign in again with `az login --tenant` and the tenant's id"
    ))
}

/// An error and what is behind it.
fn causes(error: &Error) -> impl Iterator<Item = Cause<'_>> {
    iter::successors(Some(error as Cause<'_>), |cause| (*cause).source())
}

/// Status and body, where it is an answer.
fn answer(cause: Cause<'_>) -> Option<(u16, String)> {
    let ErrorKind::HttpResponse { status, raw_response, .. } =
        cause.downcast_ref::<Error>()?.kind()
    else {
        return None;
    };
    let body = raw_response.as_ref().map(|response| response.body().to_vec());
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Some((u16::from(*status), body))
}

/// The codes in a text, in its order, each once: `AADSTS7000215` and `invalid_resource`.
fn codes(text: &str) -> Vec<String> {
    const INVALID_RESOURCE: &str = "invalid_resource";
    let mut codes = vec![];
    for after in text.split("AADSTS").skip(1) {
        let number: String = after.chars().take_while(char::is_ascii_digit).take(10).collect();
        let code = format!("AADSTS{number}");
        if !number.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    }
    if text.contains(INVALID_RESOURCE) {
        codes.push(INVALID_RESOURCE.to_owned());
    }
    codes
}

/// What a person can do about a code.
fn advice(code: &str, scope: &str) -> Option<String> {
    let advice = match code.trim_start_matches("AADSTS") {
        "500011" | "invalid_resource" => {
            let other = SCOPES.iter().find(|other| **other != scope).unwrap_or(&SCOPES[0]);
            return Some(format!(
                "the tenant does not know the service by this name; set INGESTION_SCOPE to {other}"
            ));
        }
        "70011" | "1002012" => "INGESTION_SCOPE must be one name that ends in /.default",
        "7000215" => "the client secret is wrong; the setting must hold its value, not its id",
        "7000222" => "the client secret has expired; make a new one and put it into the setting",
        "700016" => "the tenant has no such app registration; compare clientId and tenantId",
        "90002" | "900023" => "there is no such tenant; compare tenantId",
        "700027" => {
            "the certificate is not registered with the app registration, or has expired; add its \
             public part there"
        }
        "700211" => {
            "no federated credential of the app registration has the identity's issuer; it is that \
             of the identity's tenant"
        }
        "700212" => {
            "no federated credential of the app registration has the audience \
             api://AzureADTokenExchange"
        }
        "700213" => {
            "no federated credential of the app registration has the identity as its subject; that \
             is the identity's object id"
        }
        "70021" => {
            "no federated credential of the app registration fits the identity; compare issuer, \
             subject (the identity's object id) and audience (api://AzureADTokenExchange)"
        }
        "700236" => {
            "the identity is of another tenant than the app registration; it takes a multi-tenant \
             app registration in the identity's tenant, with the federated credential there"
        }
        "7000229" | "650052" => {
            "the app registration has no service principal in this tenant; an administrator there \
             has to add it"
        }
        "65001" | "65002" => {
            "a person may not be signed in to this service by the Azure CLI; use another kind of \
             credential"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Takes everything but the codes out of a refusal before anybody sees it.
///
/// `azure_identity` 1.0.0 also fails to read one whose text has an escape.
#[derive(Debug)]
pub(super) struct RedactErrors;

#[async_trait]
impl Policy for RedactErrors {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let [next, after @ ..] = next else {
            return Err(Error::with_message(ErrorKind::Other, "nothing follows in the pipeline"));
        };
        let response = next.send(context, request, after).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers, body) = response.try_into_raw_response().await?.deconstruct();
        let codes = codes(&String::from_utf8_lossy(&body)).join(" ");
        let body = serde_json::json!({ "error": "refused", "error_description": codes });
        Ok(AsyncRawResponse::from_bytes(status, headers, body.to_string()))
    }
}

#[cfg(test)]
mod tests;
