//! What stands between a packed file and its push: token, scale unit, connector.

use azure_core::credentials::AccessToken;
use reqwest::header::HeaderValue;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    connection::DOCUMENT,
    connectivity::SERVICE,
    probes::{Probes, TooLate, within},
    report::CheckResult,
};
use crate::{
    connection::Connection,
    identity::Claims,
    import::reason::Reason,
    messages,
    schema::{Credential, ServiceIdentity},
    target::ServiceError,
};

pub(super) const TOKEN: &str = "token";
pub(super) const SCALE_UNIT: &str = "scale unit";
pub(super) const CONNECTOR: &str = "connector";

const OTHER_SCOPE: &str = "compare INGESTION_SCOPE (the documentation also names \
     https://api.orginsights.viva.office.com/.default)";
const SERVICE_AWAY: &str = "try again in some minutes; if it stays so, the reachability of the service above \
     says more";

/// The three lines. The one whose question failed is the last that was asked.
pub(super) async fn lines(
    bag: &Probes,
    connection: Option<&Connection>,
    is_open: bool,
) -> [CheckResult; 3] {
    let Some(caller) = connection.map(|connection| &connection.caller) else {
        return [TOKEN, SCALE_UNIT, CONNECTOR].map(|about| CheckResult::unasked(about, DOCUMENT));
    };
    let asked = within(bag.limit, bag.service.token(caller)).await;
    let (token, client_id) = match asked.unwrap_or_else(|late| Err(later(&late))) {
        Ok(found) => token(caller, &found, (bag.clock)()),
        Err(trouble) => (
            CheckResult::bad(
                TOKEN,
                messages::cause(trouble.reason(), caller.target),
                no_token(caller),
            ),
            None,
        ),
    };
    if !token.is_no_obstacle() || !is_open {
        let cause = if is_open { TOKEN } else { SERVICE };
        return [
            token,
            CheckResult::unasked(SCALE_UNIT, cause),
            CheckResult::unasked(CONNECTOR, cause),
        ];
    }
    let (line, scale_unit) = scale_unit(bag, caller, client_id.as_deref()).await;
    let Some(scale_unit) = scale_unit else {
        return [token, line, CheckResult::unasked(CONNECTOR, SCALE_UNIT)];
    };
    let asked = bag.service.ping(caller, &scale_unit, (bag.clock)());
    let asked = within(bag.limit, asked).await.unwrap_or_else(|late| Err(later(&late)));
    let connector = match asked {
        Ok(true) => CheckResult::good(CONNECTOR, "the service would take a push"),
        Ok(false) => {
            let told = "the service has no such question (404); the push will tell";
            CheckResult::note(CONNECTOR, told)
        }
        Err(trouble) => refused(CONNECTOR, caller, &trouble, client_id.as_deref()),
    };
    [token, line, connector]
}

/// What a token says of itself, and whose it is.
fn token(
    caller: &ServiceIdentity,
    token: &AccessToken,
    now: OffsetDateTime,
) -> (CheckResult, Option<String>) {
    if HeaderValue::from_str(token.token.secret()).is_err() {
        let told = "there is one, with a line break or another character that no token has";
        let remedy = format!("{}; it must be one line, as it was issued", no_token(caller));
        return (CheckResult::bad(TOKEN, told, remedy), None);
    }
    let moment = |at: OffsetDateTime| at.truncate_to_second().format(&Rfc3339).unwrap_or_default();
    let Some(claims) = Claims::of(&token.token) else {
        // Of one from a setting only whoever obtained it knows.
        let is_given = matches!(caller.credential, Credential::AccessToken { .. });
        let until = (!is_given).then(|| format!(", until {}", moment(token.expires_on)));
        let until = until.unwrap_or_default();
        let told = format!("there is one{until}; its content is not readable");
        return (CheckResult::good(TOKEN, told), caller.credential.client_id().map(str::to_owned));
    };
    let unsaid = || "nobody".to_owned();
    let (client_id, audience) = (claims.client_id, claims.audience.unwrap_or_else(unsaid));
    let expires = claims.expires.unwrap_or(token.expires_on);
    let told = format!(
        "there is one for client id {} and audience {audience}, until {}",
        client_id.clone().unwrap_or_else(unsaid),
        moment(expires)
    );
    let line = if expires > now {
        CheckResult::good(TOKEN, told)
    } else {
        CheckResult::bad(TOKEN, format!("{told}, which is over"), no_token(caller))
    };
    (line, client_id)
}

fn no_token(caller: &ServiceIdentity) -> String {
    let no_resource = format!("If the sign-in knows no such resource, {OTHER_SCOPE}");
    match &caller.credential {
        Credential::ManagedIdentity { .. } => format!(
            "give the app this managed identity, or correct credential in the connection; where \
             there is none, as on a laptop, let the app itself answer: POST /api/v1/connections/NAME:diagnose. \
             {no_resource}"
        ),
        Credential::FederatedIdentity { client_id, .. } => format!(
            "give the app the managed identity that the app registration {client_id} trusts, and \
             the registration a federated credential for it. {no_resource}"
        ),
        Credential::ClientCertificate { client_id, .. } => format!(
            "put the certificate with its key where the connection says, and its public part into \
             the app registration {client_id}. {no_resource}"
        ),
        Credential::ClientSecret { client_id, setting } => format!(
            "put a secret of the app registration {client_id} that has not expired into the setting \
             {setting}. {no_resource}"
        ),
        Credential::AzureCli => format!("`az login`, as somebody of the tenant. {no_resource}"),
        Credential::AccessToken { setting } => {
            format!("put a fresh token, without line breaks, into the setting {setting}")
        }
    }
}

/// The line of the scale unit, and the unit where there is one.
async fn scale_unit(
    bag: &Probes,
    caller: &ServiceIdentity,
    client_id: Option<&str>,
) -> (CheckResult, Option<String>) {
    let asked = within(bag.limit, bag.service.discover(caller, (bag.clock)())).await;
    match (asked.unwrap_or_else(|late| Err(later(&late))), &caller.scale_unit) {
        (Ok(unit), _) => {
            let told = format!("{unit}, as the service tells it");
            (CheckResult::good(SCALE_UNIT, told), Some(unit))
        }
        (Err(trouble), Some(unit)) => {
            let why = messages::cause(trouble.reason(), caller.target);
            let told = format!("{unit}, as the connection says; not discovered: {why}");
            (CheckResult::good(SCALE_UNIT, told), Some(unit.clone()))
        }
        (Err(trouble), None) => {
            // Who is not let in here is not let in with a scale unit either.
            let is_let_in = match &trouble {
                ServiceError::Later { .. } => true,
                ServiceError::Forbidden => false,
                ServiceError::Refused(reason) => {
                    matches!(reason, Reason::ServiceRefused { status: 404, .. })
                }
            };
            let mut line = refused(SCALE_UNIT, caller, &trouble, client_id);
            let or = ". Or name the scale unit as scaleUnit in the connection";
            let or = if is_let_in { or } else { "" };
            line.remedy = line.remedy.map(|remedy| format!("{remedy}{or}"));
            (line, None)
        }
    }
}

fn refused(
    about: &'static str,
    caller: &ServiceIdentity,
    trouble: &ServiceError,
    client_id: Option<&str>,
) -> CheckResult {
    let remedy = match trouble {
        ServiceError::Later { .. } => SERVICE_AWAY.to_owned(),
        ServiceError::Forbidden => {
            let client_id = client_id.map(|id| format!(" {id}")).unwrap_or_default();
            format!(
                "in {}, under Data connections, set the API-based import up and enter the client \
                 id{client_id} of the connection's credential",
                caller.target.words().product_in_full
            )
        }
        ServiceError::Refused(_) => {
            let what = if about == SCALE_UNIT { "tenantId" } else { "tenantId and scaleUnit" };
            format!("compare {what} in the connection, and INGESTION_ENDPOINT; {OTHER_SCOPE}")
        }
    };
    CheckResult::bad(about, messages::cause(trouble.reason(), caller.target), remedy)
}

fn later(why: &TooLate) -> ServiceError {
    ServiceError::later(Reason::ServiceUnreachable { detail: why.to_string().into() })
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::Secret;
    use time::macros::datetime;

    use super::*;
    use crate::{
        doctor::CheckStatus,
        schema::{Connector, Target},
    };

    fn caller(credential: Credential) -> ServiceIdentity {
        let (tenant, connector) = ("t".to_owned(), Connector::Hr);
        ServiceIdentity {
            target: Target::default(),
            tenant,
            connector,
            credential,
            scale_unit: None,
        }
    }

    #[test]
    fn a_token_that_cannot_be_read_is_told_by_its_credential() {
        let now = datetime!(2026-11-23 06:00 UTC);
        let opaque = AccessToken { token: Secret::new("opaque"), expires_on: now };
        let told = |credential| token(&caller(credential), &opaque, now).0.message;
        assert_eq!(
            told(Credential::ManagedIdentity { client_id: None }),
            "there is one, until 2026-11-23T06:00:00Z; its content is not readable"
        );
        assert_eq!(
            told(Credential::AccessToken { setting: "TOKEN".to_owned() }),
            "there is one; its content is not readable"
        );
        let named = Credential::ManagedIdentity { client_id: Some("c".to_owned()) };
        assert_eq!(token(&caller(named), &opaque, now).1.as_deref(), Some("c"));
    }

    #[test]
    fn a_token_that_cannot_stand_in_a_header_is_crossed() {
        let now = datetime!(2026-11-23 06:00 UTC);
        for (secret, verdict) in [
            ("a.b-c_d", CheckStatus::Pass),
            ("a\nb", CheckStatus::Fail),
            ("a\r\nb", CheckStatus::Fail),
            ("a\u{7f}b", CheckStatus::Fail),
        ] {
            let token_of = AccessToken { token: Secret::new(secret), expires_on: now };
            let given = Credential::AccessToken { setting: "TOKEN".to_owned() };
            let line = token(&caller(given), &token_of, now).0;
            assert_eq!(line.status, verdict, "{secret:?}");
            let remedy = line.remedy.unwrap_or_default();
            let words = "a fresh token, without line breaks, into the setting TOKEN";
            assert_eq!(remedy.contains(words), verdict == CheckStatus::Fail, "{remedy}");
        }
    }

    #[test]
    fn each_refusal_of_the_service_has_its_own_remedy() {
        let caller = caller(Credential::ManagedIdentity { client_id: None });
        for (trouble, words) in [
            (later(&TooLate(crate::doctor::probes::MAX_WAIT)), "try again"),
            (ServiceError::Forbidden, "enter the client id c of"),
            (ServiceError::Refused(Reason::TokenRejected { status: 401 }), "INGESTION_SCOPE"),
        ] {
            let line = refused(CONNECTOR, &caller, &trouble, Some("c"));
            assert_eq!(line.status, CheckStatus::Fail);
            assert!(line.remedy.unwrap().contains(words), "{words}");
        }
    }
}
