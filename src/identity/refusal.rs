//! Why no token was issued, in our own words.
//!
//! The answers of Microsoft Entra, the identity endpoint and the Azure CLI may quote what was sent. Only the
//! status and the details of [`SignInDetails`] are taken from them. The text has the status and the codes; ids
//! and time, which differ each time, are beside it.

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

use super::{details::SignInDetails, retry::is_not_ready};
use crate::http;

/// The two names of the ingestion service. If a tenant does not know one, the other may work.
const SCOPES: [&str; 2] = [
    "9d827643-d003-4cca-9dc8-71213a8f1644/.default",
    "https://api.orginsights.viva.office.com/.default",
];

/// Who issues a token.
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

/// Why no token was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    /// A sentence without secrets.
    pub(super) text: String,
    /// Whether a person must correct something; if not, a later attempt may succeed.
    is_lasting: bool,
    /// What the answer says for support.
    details: SignInDetails,
}

impl Refusal {
    pub(super) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lasting: true, details: SignInDetails::default() }
    }

    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self { is_lasting: false, ..Self::lasting(text) }
    }
}

/// Whether a person must correct something before a token is issued.
pub(crate) fn is_lasting(error: &Error) -> bool {
    refusal(error).is_some_and(|refusal| refusal.is_lasting)
}

/// What the answer to a refused sign-in says for support; empty if there was no such answer.
pub(crate) fn sign_in_details(error: &Error) -> SignInDetails {
    refusal(error).map(|refusal| refusal.details.clone()).unwrap_or_default()
}

fn refusal(error: &Error) -> Option<&Refusal> {
    causes(error).find_map(|cause| cause.downcast_ref::<Refusal>())
}

type Cause<'a> = &'a (dyn StdError + 'static);

/// What a failed request to `issuer` for a token of `scope` means.
pub(super) fn of(issuer: TokenIssuer, error: &Error, scope: &str) -> Refusal {
    // The request for the assertion failed; its refusal is the reason.
    if let Some(refusal) = refusal(error) {
        return refusal.clone();
    }
    let (status, body) = causes(error).find_map(answer).unzip();
    let details = SignInDetails::of(&match issuer {
        // The text of its error is all that it printed.
        TokenIssuer::AzureCli => error.to_string(),
        TokenIssuer::Identity | TokenIssuer::Entra => body.unwrap_or_default(),
    });
    Refusal { details: details.clone(), ..meaning(issuer, error, scope, status, &details.codes) }
}

/// A refusal without details.
fn meaning(
    issuer: TokenIssuer,
    error: &Error,
    scope: &str,
    status: Option<u16>,
    codes: &[String],
) -> Refusal {
    let known = codes.iter().find_map(|code| Some((code, advice(code, scope)?)));
    if let Some((code, advice)) = known {
        return Refusal::lasting(format!("{issuer} answered {code}: {advice}"));
    }
    let code = codes.first().map(|code| format!(" ({code})")).unwrap_or_default();
    let broke = causes(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>());
    let what = match (issuer, status, broke) {
        (TokenIssuer::AzureCli, ..) => return azure_cli(error, &code),
        (TokenIssuer::Identity, Some(400), _) => format!(
            "answered 400{code}: the app does not have this managed identity. Assign it to the app, and \
             compare its client id"
        ),
        (_, Some(status), _) => format!("answered {status}{code}"),
        (_, None, Some(broke)) => format!("did not answer: {}", http::broke(broke)),
        (_, None, None) => return unreadable(issuer),
    };
    let text = format!("{issuer} {what}");
    // Throttled or failing: a later attempt may succeed.
    let passes = status.is_none_or(|status| match issuer {
        TokenIssuer::Identity => is_not_ready(status),
        TokenIssuer::Entra | TokenIssuer::AzureCli => status >= 500 || [408, 429].contains(&status),
    });
    if passes { Refusal::passing(text) } else { Refusal::lasting(text) }
}

/// An answer without a token.
pub(super) fn unreadable(issuer: TokenIssuer) -> Refusal {
    let advice = match issuer {
        TokenIssuer::Identity => "",
        TokenIssuer::Entra => {
            ". Compare AZURE_AUTHORITY_HOST, and check whether a proxy answers instead"
        }
        TokenIssuer::AzureCli => ". It must be version 2.54 or later: run `az upgrade`",
    };
    Refusal::passing(format!("the answer of {issuer} could not be read{advice}"))
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
        return Refusal::lasting(
            "the Azure CLI was not found: it is not installed on this machine, or not in PATH",
        );
    }
    let is_unread = |error: &Error| *error.kind() == ErrorKind::DataConversion;
    if causes(error).filter_map(|cause| cause.downcast_ref()).any(is_unread) {
        return unreadable(TokenIssuer::AzureCli);
    }
    Refusal::lasting(format!(
        "the Azure CLI issued no token{code}. Run `az login --tenant $TENANT` and sign in again"
    ))
}

/// An error and its sources.
fn causes(error: &Error) -> impl Iterator<Item = Cause<'_>> {
    iter::successors(Some(error as Cause<'_>), |cause| (*cause).source())
}

/// Status and body, if the error is an answer.
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

/// What a code means, and what a person can do about it.
///
/// Source: "Microsoft Entra authentication and authorization error codes", and of 7000112 the article "Error
/// AADSTS7000112 - Application is disabled".
fn advice(code: &str, scope: &str) -> Option<String> {
    let advice = match code.trim_start_matches("AADSTS") {
        "500011" | "invalid_resource" => {
            let other = SCOPES.iter().find(|other| **other != scope).unwrap_or(&SCOPES[0]);
            return Some(format!(
                "the tenant does not know the service by this name. Set INGESTION_SCOPE to {other}"
            ));
        }
        "70011" | "1002012" => {
            "INGESTION_SCOPE is invalid. Set it to a single name that ends with /.default"
        }
        "7000215" => {
            "the client secret is wrong. Put the secret's value, not its id, into the setting"
        }
        "7000222" => "the client secret has expired. Create a new one and put it into the setting",
        "700016" => "the tenant has no such app registration. Compare clientId and tenantId",
        "90002" | "900023" => "the tenant does not exist. Compare tenantId",
        "700027" => {
            "the certificate is not registered in the app registration, or has expired. Upload its \
             public part there"
        }
        "700024" => {
            "the assertion is not within its valid time, usually because the clock of this machine is \
             wrong. Correct the clock"
        }
        "53003" => {
            "a Conditional Access policy blocks the sign-in. An administrator finds the policy in the \
             sign-in logs of Microsoft Entra, and excludes this caller or allows its network"
        }
        "7000112" => {
            "the caller or the service is disabled in the tenant. An administrator enables it: \
             Microsoft Entra ID, Enterprise applications, its name, Properties, Enabled for users to \
             sign-in"
        }
        "501051" => {
            "the service requires that the caller has one of its app roles. An administrator assigns \
             one: App registrations, API permissions; for a managed identity, with Microsoft Graph"
        }
        "700211" => {
            "no federated credential of the app registration has the identity's issuer, which is the \
             issuer of the identity's tenant. Correct it"
        }
        "700212" => {
            "no federated credential of the app registration has the audience \
             api://AzureADTokenExchange. Correct it"
        }
        "700213" => {
            "no federated credential of the app registration has the identity's object id as its \
             subject. Correct it"
        }
        "70021" => {
            "no federated credential of the app registration matches the identity. Compare issuer, \
             subject (the identity's object id) and audience (api://AzureADTokenExchange)"
        }
        "700236" => {
            "the identity and the app registration are in different tenants. Use a multi-tenant app \
             registration in the identity's tenant, with the federated credential there"
        }
        "7000229" | "650052" => {
            "the app registration has no service principal in this tenant. An administrator adds one \
             with `az ad sp create --id $CLIENT`"
        }
        "65001" | "65002" => {
            "users of the Azure CLI may not sign in to this service. Use another kind of credential"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Removes everything but the details from an error answer before other code sees it.
///
/// This also helps `azure_identity` 1.0.0, which fails to read an answer whose text has an escape.
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
            return Err(Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let response = next.send(context, request, after).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers, body) = response.try_into_raw_response().await?.deconstruct();
        let details = SignInDetails::of(&String::from_utf8_lossy(&body));
        Ok(AsyncRawResponse::from_bytes(status, headers, details.answer().to_string()))
    }
}

#[cfg(test)]
mod tests;
