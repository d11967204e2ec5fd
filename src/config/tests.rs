//! Valid settings, and the faults of invalid ones.

use super::*;

fn read(settings: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let config = Config::read(|name| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    config.map_err(|faults| faults.0)
}

const AZURITE: &str = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;\
     BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a;\
     TableEndpoint=http://127.0.0.1:3/a;";

#[test]
fn an_account_name_is_enough() {
    let config = read(&[("ImportStorage__accountName", "hrdata")]).unwrap();
    let Account::Identity { who, endpoints } = config.account else { panic!() };
    assert_eq!(who, StorageIdentity::ManagedIdentity { client_id: None });
    assert_eq!(endpoints.blob.as_str(), "https://hrdata.blob.core.windows.net/");
    assert_eq!(endpoints.table.as_str(), "https://hrdata.table.core.windows.net/");
    assert_eq!(config.policy.busy_min, Duration::from_mins(5));
    assert_eq!(config.mapping_key, "Mapping");
    assert!(!config.service.is_loopback());
}

#[test]
fn only_an_identity_or_a_user_of_the_azure_cli_signs_in_to_storage() {
    let read = |who| {
        let account = [("ImportStorage__accountName", "a"), ("ImportStorage__credential", who)];
        read(&account).map(|config| config.account)
    };
    assert!(matches!(
        read("azurecli"),
        Ok(Account::Identity { who: StorageIdentity::AzureCli, .. })
    ));
    let identity = read("managedidentity").unwrap();
    assert!(matches!(
        identity,
        Account::Identity { who: StorageIdentity::ManagedIdentity { .. }, .. }
    ));
    assert!(read("sharedkey").unwrap_err()[0].contains("must be managedidentity or azurecli"));
}

#[test]
fn the_settings_of_the_functions_host_for_an_identity_are_read() {
    let config = read(&[
        ("ImportStorage__blobServiceUri", "https://a.blob.core.windows.net/"),
        ("ImportStorage__queueServiceUri", "https://a.queue.core.windows.net"),
        ("ImportStorage__tableServiceUri", "https://a.table.core.windows.net"),
        ("ImportStorage__clientId", "id"),
    ])
    .unwrap();
    let Account::Identity { who, .. } = config.account else { panic!() };
    assert_eq!(who, StorageIdentity::ManagedIdentity { client_id: Some("id".to_owned()) });
}

#[test]
fn only_an_emulator_on_this_machine_may_have_a_connection_string() {
    assert!(matches!(
        read(&[("ImportStorage", AZURITE)]).unwrap().account,
        Account::Emulator { .. }
    ));
    let elsewhere = AZURITE.replace("127.0.0.1", "10.0.0.1");
    let azure = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=secret;\
         EndpointSuffix=core.windows.net";
    for connection_string in [elsewhere.as_str(), azure, "UseDevelopmentStorage"] {
        let faults = read(&[("ImportStorage", connection_string)]).unwrap_err().join("\n");
        assert!(faults.contains("managed identity") && !faults.contains("secret"), "{faults}");
    }
}

#[test]
fn an_error_lists_every_fault() {
    let faults = read(&[
        ("INGESTION_ENDPOINT", "http://api.example.com"),
        ("MAX_PUSH_FAILURES", "0"),
        ("POLL_MIN_SECONDS", "30s"),
        ("KEEP_SERVICE_ERRORS", "maybe"),
    ])
    .unwrap_err();
    for name in [
        "ImportStorage",
        "INGESTION_ENDPOINT",
        "MAX_PUSH_FAILURES",
        "POLL_MIN_SECONDS",
        "KEEP_SERVICE",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(name)), "{name} in {faults:#?}");
    }
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    for (endpoint, good) in [
        ("http://127.0.0.1:8080/v1.0", true),
        ("http://[::1]:8080", true),
        ("https://novappe.microsoft.com/v1.0/", true),
        ("http://localhost.example.com", false),
        ("http://127.0.0.1.example.com", false),
        ("https://user@example.com", false),
        ("ftp://127.0.0.1", false),
        ("nothing", false),
    ] {
        let read = read(&[("ImportStorage", AZURITE), ("INGESTION_ENDPOINT", endpoint)]);
        assert_eq!(read.is_ok(), good, "{endpoint}");
    }
}

#[test]
fn the_authority_must_be_https() {
    for (authority, good) in [
        ("https://login.microsoftonline.us", true),
        ("https://127.0.0.1:8443/", true),
        ("http://127.0.0.1:8443", false),
        ("https://login.microsoftonline.com/contoso.com", false),
        ("https://login.microsoftonline.com/?tenant=x", false),
        ("https://user@login.microsoftonline.com", false),
        ("login.microsoftonline.com", false),
    ] {
        let read = read(&[("ImportStorage", AZURITE), ("AZURE_AUTHORITY_HOST", authority)]);
        assert_eq!(read.is_ok(), good, "{authority}");
    }
}

#[test]
fn the_apps_webhook_is_named_by_settings_and_no_fault_quotes_a_value() {
    let read = |settings: &[(&str, &str)]| {
        read(&[&[("ImportStorage", AZURITE)], settings].concat()).map(|config| config.notify)
    };
    assert_eq!(read(&[("NOTIFY_FORMAT", "slack")]).unwrap(), None);
    let notify = |format, signing_setting: Option<&str>| Notify {
        setting: "HOOK".to_owned(),
        format,
        signing_setting: signing_setting.map(str::to_owned),
        completed: false,
    };
    let hook = ("NOTIFY_SETTING", "HOOK");
    assert_eq!(read(&[hook]).unwrap(), Some(notify(Format::Teams, None)));
    let all = [hook, ("NOTIFY_FORMAT", "cloudEvents"), ("NOTIFY_SIGNING_SETTING", "SECRET")];
    assert_eq!(read(&all).unwrap(), Some(notify(Format::CloudEvents, Some("SECRET"))));
    for (settings, words) in [
        (
            vec![("NOTIFY_SETTING", "https://example.com/hunter2")],
            "NOTIFY_SETTING must be the name of another setting",
        ),
        (vec![hook, ("NOTIFY_SIGNING_SETTING", "hunter2!")], "NOTIFY_SIGNING_SETTING must be"),
        (vec![("NOTIFY_SIGNING_SETTING", "SECRET")], "is set without NOTIFY_SETTING"),
        (vec![hook, ("NOTIFY_FORMAT", "hunter2")], "one of teams, slack, cloudEvents"),
    ] {
        let faults = read(&settings).unwrap_err().join("; ");
        assert!(faults.contains(words) && !faults.contains("hunter2"), "{faults}");
    }
}

#[test]
fn rows_are_kept_for_400_days_or_as_set_or_for_ever() {
    let days = |setting: &[(&str, &str)]| {
        let account = [("ImportStorage__accountName", "a")];
        read(&[&account, setting].concat()).map(|config| config.keep_rows)
    };
    let of = |days: u64| Ok(Some(Duration::from_hours(24 * days)));
    assert_eq!(days(&[]), of(400));
    assert_eq!(days(&[("KEEP_ROWS_DAYS", "30")]), of(30));
    assert_eq!(days(&[("KEEP_ROWS_DAYS", "0")]), Ok(None));
    assert_eq!(days(&[("KEEP_ROWS_DAYS", "99999999999999999999")]).unwrap_err().len(), 1);
    assert_eq!(days(&[("KEEP_ROWS_DAYS", "1000000000000")]), of(36_500));
    assert_eq!(days(&[("KEEP_ROWS_DAYS", "ever")]).unwrap_err().len(), 1);
}
