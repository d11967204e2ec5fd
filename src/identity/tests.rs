//! Missing settings and files are reported before any request, and without a secret.

use super::*;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const SECRET: &str = "hunter2";

fn sign_in(settings: &'static [(&str, &str)]) -> SignIn {
    SignIn {
        authority: Url::parse("https://login.example.com").unwrap(),
        answer_timeout: Duration::from_secs(1),
        setting: Arc::new(|name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }),
    }
}

fn certificate(certificate: Certificate, password: Option<&str>) -> Credential {
    Credential::ClientCertificate {
        client_id: "id".to_owned(),
        certificate,
        password: password.map(str::to_owned),
    }
}

#[test]
fn a_missing_or_invalid_setting_or_file_is_named() {
    let sign_in = sign_in(&[
        ("EMPTY", " \n"),
        ("UNRESOLVED", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/hunter2)"),
        ("NONSENSE", SECRET),
    ]);
    let secret = |setting: &str| Credential::ClientSecret {
        client_id: "id".to_owned(),
        setting: setting.to_owned(),
    };
    let token = |setting: &str| Credential::AccessToken { setting: setting.to_owned() };
    let setting = |setting: &str| Certificate::Setting(setting.to_owned());
    for (who, parts) in [
        (secret("MISSING"), ["the setting MISSING is missing", "Put the client secret into it"]),
        (secret("EMPTY"), ["the setting EMPTY is missing or empty", "the client secret"]),
        (secret("UNRESOLVED"), ["the setting UNRESOLVED", "Key Vault Secrets User"]),
        (token("MISSING"), ["the setting MISSING is missing", "Put the access token into it"]),
        (
            certificate(setting("MISSING"), None),
            ["the setting MISSING", "Put the certificate into"],
        ),
        (certificate(setting("NONSENSE"), None), ["the setting NONSENSE", "neither PEM nor"]),
        (
            certificate(setting("NONSENSE"), Some("MISSING")),
            ["the setting MISSING", "Put the password of the certificate into it"],
        ),
        (
            certificate(Certificate::File("/nowhere/a.pem".into()), None),
            ["/nowhere/a.pem", "cannot be read"],
        ),
        (
            certificate(Certificate::File("Cargo.toml".into()), None),
            ["the file Cargo.toml", "neither PEM nor"],
        ),
    ] {
        let why = sign_in.credential(&who, TENANT).err().unwrap().to_string();
        for part in parts {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(!why.contains(SECRET), "{why}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_a_credential_that_never_ends_or_never_begins_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large.pem"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    std::fs::write(&large, vec![b'A'; (1 << 20) + 1]).unwrap();
    for (file, why) in [
        (pipe, "not a regular file"),
        ("/dev/zero".into(), "not a regular file"),
        (folder.path().into(), "not a regular file"),
        (large, "more than 1 MiB"),
    ] {
        let who = certificate(Certificate::File(file.clone()), None);
        let error = sign_in(&[]).credential(&who, TENANT).err().unwrap().to_string();
        assert!(error.contains(why) && error.contains(file.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_given_token_is_used_as_it_is_until_it_expires() {
    // { "exp": 5 }
    const PAST: &str = "e30.eyJleHAiOjV9.c2ln";
    // { "exp": 32503680000 }
    const FUTURE: &str = "e30.eyJleHAiOjMyNTAzNjgwMDAwfQ.c2ln";
    let sign_in = sign_in(&[("PAST", PAST), ("FUTURE", FUTURE), ("OPAQUE", "opaque\n")]);
    for (setting, expected) in
        [("PAST", None), ("FUTURE", Some(FUTURE)), ("OPAQUE", Some("opaque"))]
    {
        let who = Credential::AccessToken { setting: setting.to_owned() };
        let credential = sign_in.credential(&who, TENANT).unwrap();
        match (credential.get_token(&["scope"], None).await, expected) {
            (Ok(token), Some(expected)) => assert_eq!(token.token.secret(), expected),
            (Err(error), None) => {
                let why = crate::http::azure::sentence(&error);
                assert!(why.contains("the setting PAST has expired"), "{why}");
                assert!(!why.contains(PAST));
            }
            (answer, _) => panic!("{setting}: {}", answer.is_ok()),
        }
    }
}

#[test]
fn debug_of_a_credential_shows_no_secret() {
    let sign_in = sign_in(&[("SECRET", SECRET)]);
    let setting = || "SECRET".to_owned();
    for who in [
        Credential::ClientSecret { client_id: "id".to_owned(), setting: setting() },
        Credential::AccessToken { setting: setting() },
    ] {
        let credential = sign_in.credential(&who, TENANT).unwrap();
        assert!(!format!("{credential:?}").contains(SECRET));
    }
}
