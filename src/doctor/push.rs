//! What a push needs besides the file: token, scale unit, connector.

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
    identity::Claims,
    import::reason::Reason,
    messages,
    schema::{Credential, ServiceIdentity},
    target::{Client, Ping, ServiceError},
};

pub(super) const TOKEN: &str = "token";
pub(super) const SCALE_UNIT: &str = "scale unit";
pub(super) const CONNECTOR: &str = "connector";

const OTHER_SCOPE: &str = "INGESTION_SCOPE (Microsoft's documentation also names \
     https://api.orginsights.viva.office.com/.default)";
/// A managed identity gets tokens of its own tenant only.
const OTHER_TENANT: &str = "Push as an app registration in the tenant of the connection, or correct \
     \"tenantId\" in the connection.";
const UNAVAILABLE: &str = "Try again in some minutes. If it still fails, see the check \"reachability of the \
     service\".";

/// The three results without a connection.
pub(super) fn skipped() -> [CheckResult; 3] {
    [TOKEN, SCALE_UNIT, CONNECTOR].map(|name| CheckResult::skipped(name, DOCUMENT))
}

/// The three results. The checks after a failed one are skipped.
pub(super) async fn results(
    probes: &Probes,
    client: &Client<'_>,
    is_reachable: bool,
) -> [CheckResult; 3] {
    let caller = client.caller();
    let asked = within(probes.limit, client.token()).await;
    let (token, client_id) = match asked.unwrap_or_else(|late| Err(later(&late))) {
        Ok(found) => token(caller, &found, (probes.clock)()),
        Err(error) => (
            CheckResult::fail(
                TOKEN,
                messages::cause(&error.reason(), caller.target),
                no_token(caller),
            ),
            None,
        ),
    };
    if !token.passes() || !is_reachable {
        let cause = if is_reachable { TOKEN } else { SERVICE };
        return [
            token,
            CheckResult::skipped(SCALE_UNIT, cause),
            CheckResult::skipped(CONNECTOR, cause),
        ];
    }
    let (result, scale_unit) = scale_unit(probes, client, client_id.as_deref()).await;
    let Some(scale_unit) = scale_unit else {
        return [token, result, CheckResult::skipped(CONNECTOR, SCALE_UNIT)];
    };
    let asked = within(probes.limit, client.ping(&scale_unit)).await;
    let asked = asked.unwrap_or_else(|late| Err(later(&late)));
    let connector = match asked {
        Ok(Ping::Ready) => CheckResult::pass(CONNECTOR, "The connector is ready for a push"),
        Ok(Ping::Unclear { status }) => {
            let message = format!(
                "Not known: the service answered {status} to this check. The next push shows whether the \
                 connector is ready"
            );
            CheckResult::info(CONNECTOR, message)
        }
        Err(error) => failed(CONNECTOR, caller, &error, client_id.as_deref()),
    };
    [token, result, connector]
}

/// The result of a token by its claims, and the client id it was issued for.
fn token(
    caller: &ServiceIdentity,
    token: &AccessToken,
    now: OffsetDateTime,
) -> (CheckResult, Option<String>) {
    if HeaderValue::from_str(token.token.secret()).is_err() {
        let message = "The token contains a line break or another character that no token has";
        let remedy = format!("{} The token must be one line, as it was issued.", no_token(caller));
        return (CheckResult::fail(TOKEN, message, remedy), None);
    }
    let moment = |at: OffsetDateTime| at.truncate_to_second().format(&Rfc3339).unwrap_or_default();
    let Some(claims) = Claims::of(&token.token) else {
        // Of a token from a setting, nobody here knows when it expires.
        let is_given = matches!(caller.credential, Credential::AccessToken { .. });
        let until = (!is_given).then(|| format!(", valid until {}", moment(token.expires_on)));
        let until = until.unwrap_or_default();
        let message = format!("A token is available{until}; its claims cannot be read");
        return (
            CheckResult::pass(TOKEN, message),
            caller.credential.client_id().map(str::to_owned),
        );
    };
    let unknown = || "unknown".to_owned();
    let (client_id, audience) = (claims.client_id, claims.audience.unwrap_or_else(unknown));
    let expires = claims.expires.unwrap_or(token.expires_on);
    let issued_for =
        format!("client id {}, audience {audience}", client_id.clone().unwrap_or_else(unknown));
    let expires_at = moment(expires);
    let foreign = claims.tenant.filter(|tenant| !tenant.eq_ignore_ascii_case(&caller.tenant));
    let result = if let Some(tenant) = foreign {
        let message = format!(
            "Issued by tenant {tenant}, and the connection names tenant {}: {issued_for}",
            caller.tenant
        );
        CheckResult::fail(TOKEN, message, OTHER_TENANT)
    } else if expires > now {
        CheckResult::pass(TOKEN, format!("Valid until {expires_at}: {issued_for}"))
    } else {
        CheckResult::fail(TOKEN, format!("Expired at {expires_at}: {issued_for}"), no_token(caller))
    };
    (result, client_id)
}

fn no_token(caller: &ServiceIdentity) -> String {
    let no_resource = format!("If the error names an unknown resource, compare {OTHER_SCOPE}.");
    match &caller.credential {
        Credential::ManagedIdentity { .. } => format!(
            "Assign this managed identity to the app (`az functionapp identity assign --name $APP \
             --resource-group $GROUP`), or correct \"credential\" in the connection. On a machine without a \
             managed identity, run the check in the app: POST /api/v1/connections/NAME:diagnose. \
             {no_resource}"
        ),
        Credential::FederatedIdentity { client_id, .. } => format!(
            "Assign to the app the managed identity that the app registration {client_id} trusts. In the \
             app registration, add a federated credential for it (Azure portal: Certificates & secrets, \
             Federated credentials). {no_resource}"
        ),
        Credential::ClientCertificate { client_id, .. } => format!(
            "Put the certificate with its private key where the connection names it. Add its public part \
             to the app registration {client_id} (Azure portal: Certificates & secrets, Upload \
             certificate). {no_resource}"
        ),
        Credential::ClientSecret { client_id, setting } => format!(
            "Create a secret with `az ad app credential reset --id {client_id} --append`, and put it into \
             the setting {setting}. {no_resource}"
        ),
        Credential::AzureCli => format!(
            "Run `az login --tenant {}` and sign in as a user of that tenant. {no_resource}",
            caller.tenant
        ),
        Credential::AccessToken { setting } => {
            format!("Put a new token, without line breaks, into the setting {setting}.")
        }
    }
}

/// The result of the scale unit, and the unit if it is known.
async fn scale_unit(
    probes: &Probes,
    client: &Client<'_>,
    client_id: Option<&str>,
) -> (CheckResult, Option<String>) {
    let caller = client.caller();
    let asked = within(probes.limit, client.discover()).await;
    match (asked.unwrap_or_else(|late| Err(later(&late))), &caller.scale_unit) {
        (Ok(unit), _) => {
            let message = format!("The service reports {unit}");
            (CheckResult::pass(SCALE_UNIT, message), Some(unit))
        }
        (Err(error), Some(unit)) => {
            let why = messages::cause(&error.reason(), caller.target);
            let message =
                format!("The connection names {unit}. The service does not report one: {why}");
            (CheckResult::pass(SCALE_UNIT, message), Some(unit.clone()))
        }
        (Err(error), None) => {
            // If the service does not accept the caller, naming a scale unit does not help.
            let may_help = match &error {
                ServiceError::Later { .. } => true,
                ServiceError::Forbidden { .. } => false,
                ServiceError::Refused(reason) => {
                    matches!(reason, Reason::ServiceRefused { status: 404, .. })
                }
            };
            let mut result = failed(SCALE_UNIT, caller, &error, client_id);
            let or = " Or set \"scaleUnit\" in the connection; the portal shows the scale unit where the \
                      import is set up.";
            let or = if may_help { or } else { "" };
            result.remedy = result.remedy.map(|remedy| format!("{remedy}{or}"));
            (result, None)
        }
    }
}

fn failed(
    check: &'static str,
    caller: &ServiceIdentity,
    error: &ServiceError,
    client_id: Option<&str>,
) -> CheckResult {
    let remedy = match error {
        ServiceError::Later { .. } => UNAVAILABLE.to_owned(),
        ServiceError::Forbidden { token_tenant: Some(_) } => OTHER_TENANT.to_owned(),
        ServiceError::Forbidden { token_tenant: None } => {
            let client_id = client_id.map(|id| format!(" {id}")).unwrap_or_default();
            format!(
                "In {}, under Data connections, set up the API-based import, and enter the client \
                 id{client_id} of the connection's credential.",
                caller.target.words().product_in_full
            )
        }
        ServiceError::Refused(_) => {
            let what =
                if check == SCALE_UNIT { "\"tenantId\"" } else { "\"tenantId\" and \"scaleUnit\"" };
            format!(
                "Compare {what} in the connection, and the settings INGESTION_ENDPOINT and {OTHER_SCOPE}."
            )
        }
    };
    let message = messages::cause(&error.reason(), caller.target);
    CheckResult::fail(check, message, remedy)
}

fn later(why: &TooLate) -> ServiceError {
    ServiceError::later(Reason::ServiceUnreachable { detail: why.to_string().into() })
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::Secret;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
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
    fn a_token_that_cannot_be_read_is_judged_by_its_credential() {
        let now = datetime!(2026-11-23 06:00 UTC);
        let opaque = AccessToken { token: Secret::new("opaque"), expires_on: now };
        let message = |credential| token(&caller(credential), &opaque, now).0.message;
        assert_eq!(
            message(Credential::ManagedIdentity { client_id: None }),
            "A token is available, valid until 2026-11-23T06:00:00Z; its claims cannot be read"
        );
        assert_eq!(
            message(Credential::AccessToken { setting: "TOKEN".to_owned() }),
            "A token is available; its claims cannot be read"
        );
        let named = Credential::ManagedIdentity { client_id: Some("c".to_owned()) };
        assert_eq!(token(&caller(named), &opaque, now).1.as_deref(), Some("c"));
    }

    #[test]
    fn a_token_of_another_tenant_fails() {
        let now = datetime!(2026-11-23 06:00 UTC);
        for (tid, status) in [("T", CheckStatus::Pass), ("other", CheckStatus::Fail)] {
            let claims = serde_json::json!({ "tid": tid, "exp": 9_999_999_999_i64 }).to_string();
            let secret = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
            let token_of = AccessToken { token: Secret::new(secret), expires_on: now };
            let (result, _) = token(&caller(Credential::AzureCli), &token_of, now);
            assert_eq!(result.status, status, "{}", result.message);
            assert_eq!(result.message.contains("Issued by tenant other"), tid == "other");
        }
    }

    #[test]
    fn a_token_that_is_no_header_value_fails() {
        let now = datetime!(2026-11-23 06:00 UTC);
        for (secret, status) in [
            ("a.b-c_d", CheckStatus::Pass),
            ("a\nb", CheckStatus::Fail),
            ("a\r\nb", CheckStatus::Fail),
            ("a\u{7f}b", CheckStatus::Fail),
        ] {
            let token_of = AccessToken { token: Secret::new(secret), expires_on: now };
            let given = Credential::AccessToken { setting: "TOKEN".to_owned() };
            let result = token(&caller(given), &token_of, now).0;
            assert_eq!(result.status, status, "{secret:?}");
            let remedy = result.remedy.unwrap_or_default();
            let words = "a new token, without line breaks, into the setting TOKEN";
            assert_eq!(remedy.contains(words), status == CheckStatus::Fail, "{remedy}");
        }
    }

    #[test]
    fn each_error_of_the_service_has_its_own_remedy() {
        let caller = caller(Credential::ManagedIdentity { client_id: None });
        for (error, words) in [
            (later(&TooLate(crate::doctor::probes::MAX_WAIT)), "Try again"),
            (ServiceError::Forbidden { token_tenant: None }, "enter the client id c of"),
            (ServiceError::Forbidden { token_tenant: Some("t".into()) }, "correct \"tenantId\""),
            (ServiceError::Refused(Reason::TokenRejected { status: 401 }), "INGESTION_SCOPE"),
        ] {
            let result = failed(CONNECTOR, &caller, &error, Some("c"));
            assert_eq!(result.status, CheckStatus::Fail);
            assert!(result.remedy.unwrap().contains(words), "{words}");
        }
    }
}
