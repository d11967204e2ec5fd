//! Every kind of credential pushes, through the real handler. If a token is denied, no log, row or report shows
//! what was sent.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use time::OffsetDateTime;
use viva_import::{
    config::REPORTS,
    import::{Import, State},
    messages,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        service::{Call, Rules, ServiceFault},
    },
};

use crate::{
    authority::{
        Asked, Authority, CORRELATION_ID, EXCHANGE_TOKEN, Fault, PUSH_TOKEN, Proof, SCOPE,
        SECRET_HEADER, TRACE_ID, az, fixture, identity_endpoint,
    },
    stage::{GOOD_CSV, ended, good_csv, log, stage_with, until, why},
};

const CLIENT_ID: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const IDENTITY: &str = "bbbbbbbb-1111-2222-3333-444444444444";
const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
const OTHER_TENANT: &str = "1f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
const SECRET: &str = "the~secret.of-the_app";
const PASSWORD: &str = "open-sesame";

/// A stage whose service accepts any token, with a detailed log.
async fn stage_as(credential: &Value, settings: &[(&str, String)]) -> Stage {
    let mut all = vec![("RUST_LOG", "debug"), ("REQUEST_TIMEOUT_SECONDS", "5")];
    all.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let stage = stage_with(Rules { token: String::new(), ..Rules::default() }, &all).await;
    connect(&stage, "hr", TENANT, credential).await;
    stage
}

async fn connect(stage: &Stage, name: &str, tenant: &str, credential: &Value) {
    let mut connection: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap();
    connection["tenantId"] = json!(tenant);
    connection["credential"] = credential.clone();
    stage.connect(name, &connection.to_string()).await.unwrap();
}

/// Imports a file; it completes.
async fn imported(stage: &Stage, name: &str) {
    stage.arrive(name, good_csv(name).into()).await.unwrap();
    let import = ended(stage, name).await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
}

/// The tokens that the service got, each once and in order.
fn tokens(stage: &Stage) -> Vec<String> {
    let mut tokens: Vec<String> =
        stage.service.requests().into_iter().filter_map(|seen| seen.bearer).collect();
    tokens.dedup();
    tokens
}

/// Asserts that no log, row or report contains any of these.
async fn are_not_shown(stage: &Stage, secrets: &[String]) {
    let mut shown = log(stage);
    shown += &format!("{:?}", stage.imports().await.unwrap());
    for report in stage.storage.blobs.list(REPORTS, "").await.unwrap() {
        let content = stage.storage.blobs.read_small(REPORTS, &report.name, 1 << 20).await;
        shown += &format!("{:?}", content.unwrap().map(String::from_utf8));
    }
    for secret in secrets {
        assert!(secret.len() > 8, "{secret}");
        let at = shown.find(secret);
        assert_eq!(at, None, "{}", &shown[at.unwrap_or_default().saturating_sub(300)..][..300]);
    }
}

fn with(authority: &Authority, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut settings = authority.settings();
    settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    settings
}

fn secret_credential() -> Value {
    json!({ "kind": "clientSecret", "clientId": CLIENT_ID, "setting": "APP_SECRET" })
}

#[tokio::test]
async fn a_secret_pushes_into_two_tenants_with_a_token_of_each() {
    let authority = Authority::start(CLIENT_ID, Proof::Secret(SECRET)).await;
    let settings = with(&authority, &[("APP_SECRET", SECRET)]);
    let stage = stage_as(&secret_credential(), &settings).await;
    imported(&stage, "hr/a.csv").await;
    assert_eq!(authority.given(), [TENANT]);
    connect(&stage, "jp", OTHER_TENANT, &secret_credential()).await;
    imported(&stage, "jp/a.csv").await;
    assert_eq!(authority.given(), [TENANT, OTHER_TENANT]);
    let token = |number: u8| format!("token-of-entra-{number}-{CLIENT_ID}");
    assert_eq!(tokens(&stage), [token(1), token(2)]);
    are_not_shown(&stage, &authority.secrets()).await;
}

#[tokio::test]
async fn a_certificate_that_this_program_created_pushes() {
    let folder = tempfile::tempdir().unwrap();
    let now = OffsetDateTime::now_utc();
    viva_import::certificate::run("hr-push", 30, folder.path(), now).unwrap();
    let public = CertificateDer::from_pem_file(folder.path().join("hr-push.cer")).unwrap();
    let private = folder.path().join("hr-push.pem");
    let authority = Authority::start(CLIENT_ID, Proof::Certificate(public.to_vec())).await;
    let credential = json!({ "kind": "clientCertificate", "clientId": CLIENT_ID, "file": private });
    let stage = stage_as(&credential, &authority.settings()).await;
    imported(&stage, "hr/a.csv").await;
    assert_eq!(authority.given(), [TENANT]);
    let mut secrets = authority.secrets();
    secrets.push(fs::read_to_string(private).unwrap().lines().nth(5).unwrap().to_owned());
    are_not_shown(&stage, &secrets).await;
}

#[tokio::test]
async fn a_pkcs12_in_a_setting_pushes_and_its_password_is_in_another() {
    let public = CertificateDer::from_pem_file(fixture("throwaway.cer")).unwrap();
    let pkcs12 = STANDARD.encode(fs::read(fixture("legacy-password.pfx")).unwrap());
    let authority = Authority::start(CLIENT_ID, Proof::Certificate(public.to_vec())).await;
    let credential = json!({
        "kind": "clientCertificate", "clientId": CLIENT_ID,
        "setting": "APP_CERTIFICATE", "passwordSetting": "APP_PASSWORD",
    });
    let settings = with(&authority, &[("APP_CERTIFICATE", &pkcs12), ("APP_PASSWORD", PASSWORD)]);
    let stage = stage_as(&credential, &settings).await;
    imported(&stage, "hr/a.csv").await;
    assert_eq!(authority.given(), [TENANT]);
    let mut secrets = authority.secrets();
    secrets.extend([PASSWORD.to_owned(), pkcs12]);
    are_not_shown(&stage, &secrets).await;
}

#[tokio::test]
async fn an_identity_signs_in_as_an_app_registration() {
    for identity in [None, Some(IDENTITY)] {
        let authority = Authority::start(CLIENT_ID, Proof::Identity).await;
        let asked = Asked::default();
        let endpoint = identity_endpoint(asked.clone()).await;
        let mut credential = json!({ "kind": "federatedIdentity", "clientId": CLIENT_ID });
        if let Some(identity) = identity {
            credential["identityClientId"] = json!(identity);
        }
        let settings = [("IDENTITY_ENDPOINT", &*endpoint), ("IDENTITY_HEADER", SECRET_HEADER)];
        let stage = stage_as(&credential, &with(&authority, &settings)).await;
        imported(&stage, "hr/a.csv").await;
        assert_eq!(authority.given(), [TENANT]);
        let exchange = "api://AzureADTokenExchange".to_owned();
        assert_eq!(*asked.lock().unwrap(), [(exchange, identity.map(str::to_owned))]);
        let mut secrets = authority.secrets();
        secrets.extend([EXCHANGE_TOKEN.to_owned(), SECRET_HEADER.to_owned()]);
        are_not_shown(&stage, &secrets).await;
    }
}

#[tokio::test]
async fn an_identity_pushes_and_no_proxy_gets_its_token() {
    let asked = Asked::default();
    let settings = [
        ("IDENTITY_ENDPOINT", identity_endpoint(asked.clone()).await),
        ("IDENTITY_HEADER", SECRET_HEADER.to_owned()),
        ("HTTP_PROXY", "http://127.0.0.1:9".to_owned()),
    ];
    let stage = stage_as(&json!({ "kind": "managedIdentity" }), &settings).await;
    imported(&stage, "hr/a.csv").await;
    assert_eq!(tokens(&stage), [PUSH_TOKEN]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    are_not_shown(&stage, &[PUSH_TOKEN.to_owned(), SECRET_HEADER.to_owned()]).await;
}

/// What `az` prints for a token.
fn of_az(token: &str) -> String {
    let ends = OffsetDateTime::now_utc().unix_timestamp() + 3600;
    json!({ "accessToken": token, "expires_on": ends, "tokenType": "Bearer" }).to_string()
}

#[cfg(unix)]
#[tokio::test]
async fn the_azure_cli_runs_once_and_its_errors_are_not_shown() {
    const TOKEN: &str = "token-of-the-azure-cli";
    let folder = tempfile::tempdir().unwrap();
    let complaint = format!("ERROR: AADSTS50076: sign in, you with {SECRET}");
    let path = az(folder.path(), &complaint, 1);
    let stage = stage_as(&json!({ "kind": "azureCli" }), &[("PATH", path)]).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    failing(&stage, "(AADSTS50076). Run `az login --tenant $TENANT`").await;
    az(folder.path(), &of_az(TOKEN), 0);
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Completed);
    assert_eq!(tokens(&stage), [TOKEN]);
    let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
    let expected = format!("account get-access-token -o json --scope {SCOPE} --tenant {TENANT}");
    assert!(asked.lines().all(|line| line == expected), "{asked}");
    let asked = asked.lines().count();
    imported(&stage, "hr/b.csv").await;
    let again = fs::read_to_string(Path::new(folder.path()).join("asked")).unwrap();
    assert_eq!(again.lines().count(), asked);
    are_not_shown(&stage, &[TOKEN.to_owned(), SECRET.to_owned()]).await;
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_replaced_by_a_new_one() {
    let authority = Authority::start(CLIENT_ID, Proof::Secret(SECRET)).await;
    let settings = with(&authority, &[("APP_SECRET", SECRET)]);
    let stage = stage_as(&secret_credential(), &settings).await;
    stage.service.fault(Call::ScaleUnit, ServiceFault::SignInPage);
    stage.service.fault(Call::Ping, ServiceFault::Unauthorized);
    stage.service.fault(Call::Push, ServiceFault::Unauthorized);
    imported(&stage, "hr/a.csv").await;
    assert_eq!(authority.given().len(), 4);
    are_not_shown(&stage, &authority.secrets()).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let authority = Authority::start(CLIENT_ID, Proof::Secret(SECRET)).await;
    authority.lifetime(200);
    let settings = with(&authority, &[("APP_SECRET", SECRET)]);
    let stage = stage_as(&secret_credential(), &settings).await;
    imported(&stage, "hr/a.csv").await;
    let given = authority.given().len();
    assert!(given >= 4, "{given}");
    // If the renewal fails, the old one is used until it expires.
    authority.fault(Some(Fault::Code(7_000_222)));
    imported(&stage, "hr/b.csv").await;
    assert_eq!(authority.given().len(), given);
    assert!(log(&stage).contains("A token could not be renewed; the old one is still valid"));
    are_not_shown(&stage, &authority.secrets()).await;
}

/// Waits until the last failure of the one import says this.
async fn failing(stage: &Stage, what: &str) -> Import {
    until(what, async || {
        let imports = stage.imports().await.unwrap();
        let says = |import: &Import| why(import).contains(what);
        imports.into_iter().find(says)
    })
    .await
}

#[tokio::test]
async fn every_error_of_the_authority_is_reported_by_its_code_and_ends_with_it() {
    let faults = [
        (Fault::Code(7_000_215), "answered AADSTS7000215: the client secret is wrong"),
        (Fault::Code(500_011), "https://api.orginsights.viva.office.com/.default"),
        (Fault::Code(50_034), "answered 400 (AADSTS50034)"),
        (Fault::Failing, "Microsoft Entra answered 500"),
        (Fault::Page, "Microsoft Entra answered 400"),
        (Fault::Garbled, "the answer of Microsoft Entra could not be read"),
        (Fault::Silent, "no answer arrived in time"),
        (Fault::NoToken, "the answer of Microsoft Entra could not be read"),
    ];
    // In two halves at the same time, because the wait for the next attempt grows each time.
    let (some, others) = faults.split_at(faults.len() / 2);
    tokio::join!(reports_and_completes(some), reports_and_completes(others));
}

/// One import fails with each of these faults, and completes after the last one.
async fn reports_and_completes(faults: &[(Fault, &str)]) {
    let authority = Authority::start(CLIENT_ID, Proof::Secret(SECRET)).await;
    let settings = with(&authority, &[("APP_SECRET", SECRET), ("REQUEST_TIMEOUT_SECONDS", "2")]);
    authority.fault(Some(faults[0].0));
    let stage = stage_as(&secret_credential(), &settings).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    for &(fault, text) in faults {
        authority.fault(Some(fault));
        let import = failing(&stage, text).await;
        assert!(!import.state.is_end(), "{fault:?}: {:?}", import.state);
        if let Fault::Code(code) = fault {
            let line = format!(
                "sign-in: no token AADSTS{code}; date 2026-11-30 07:00:00Z; id {TRACE_ID}; id \
                 {CORRELATION_ID}"
            );
            let record = messages::support(&import);
            assert!(record.contains(&line), "{record}");
        }
    }
    assert_eq!(authority.given().len(), 0);
    authority.fault(None);
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
    are_not_shown(&stage, &authority.secrets()).await;
}

#[tokio::test]
async fn an_import_waits_until_an_invalid_certificate_is_corrected() {
    let credential = json!({
        "kind": "clientCertificate", "clientId": CLIENT_ID,
        "file": fixture("modern-password.pfx"), "passwordSetting": "APP_PASSWORD",
    });
    let settings = [("APP_PASSWORD", "the-wrong-password".to_owned())];
    let stage = stage_as(&credential, &settings).await;
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let why = until("the row to say why", async || {
        let import = stage.imports().await.unwrap().pop()?;
        assert!(!import.state.is_end(), "{}", messages::status(&import));
        import.reason.is_some().then(|| why(&import))
    })
    .await;
    assert!(why.contains("modern-password.pfx") && why.contains("its password is wrong"), "{why}");
    are_not_shown(&stage, &["the-wrong-password".to_owned()]).await;
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}
