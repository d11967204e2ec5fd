//! Every setting there is.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The name.
    pub name: &'static str,
    /// What holds where it is not set; `None` where there is no such value.
    pub default: Option<&'static str>,
    /// What it says.
    pub about: &'static str,
}

const fn setting(
    name: &'static str,
    default: Option<&'static str>,
    about: &'static str,
) -> Setting {
    Setting { name, default, about }
}

/// Every setting the program or its functions read.
pub const SETTINGS: &[Setting] = &[
    setting("ImportStorage__accountName", None, "the storage account, in public Azure"),
    setting(
        "ImportStorage__blobServiceUri",
        None,
        "its blob service, where the address is not the usual one; likewise `__queueServiceUri` and `__tableServiceUri`",
    ),
    setting(
        "ImportStorage__credential",
        Some("managedidentity"),
        "who reaches storage; the host wants it set for its trigger. On a person's machine `azurecli`, which `--account` implies",
    ),
    setting(
        "ImportStorage__clientId",
        None,
        "client id of the user-assigned identity for storage; without it the app's own identity",
    ),
    setting(
        "ImportStorage",
        None,
        "instead of all these: a connection string of an emulator on this machine, and of nothing else",
    ),
    setting(
        "IMPORT_SCHEDULE",
        Some("0 0 6 * * 1"),
        "when `schedule` looks for files no event told of (NCRONTAB, UTC); read by the host, which knows no default: the app has to set it",
    ),
    setting(
        "SWEEP_SCHEDULE",
        Some("0 30 * * * *"),
        "when `sweep` does the same, so that a lost event costs an hour at most; the same holds for it",
    ),
    setting(
        "DRIVE_SCHEDULE",
        Some("0 * * * * *"),
        "when `drive` takes the next steps; the same holds for it",
    ),
    setting(
        "INGESTION_ENDPOINT",
        Some("https://api.orginsights.viva.office.com/v1.0"),
        "the ingestion service; plain http only on this machine",
    ),
    setting(
        "INGESTION_SCOPE",
        Some("9d827643-d003-4cca-9dc8-71213a8f1644/.default"),
        "what the token is asked for; the documentation also names `https://api.orginsights.viva.office.com/.default`",
    ),
    setting(
        "AZURE_AUTHORITY_HOST",
        Some("https://login.microsoftonline.com"),
        "Microsoft Entra, where connections sign in that push as an app registration; https only",
    ),
    setting(
        "PUSH_PART_NAME",
        Some("info"),
        "name of the multipart part; the documentation says `file`, Microsoft's code `info`",
    ),
    setting("PUSH_FILE_NAME", Some("info.zip"), "file name of that part"),
    setting(
        "METADATA_MAPPING_KEY",
        Some("Mapping"),
        "key of the mapping in metadata.json; Microsoft's business sample says `ColumnMap`. A connection's `dialect` goes first",
    ),
    setting(
        "MAX_FILE_BYTES",
        Some("1073741824"),
        "largest file that is read; the portal's limit, none is published for the API",
    ),
    setting(
        "MAX_PEOPLE_BYTES",
        Some("536870912"),
        "memory for the people and managers of one file; a larger file is refused",
    ),
    setting(
        "MAX_SHRINK_PERCENT",
        Some("10"),
        "by how many per cent people or rows may fall from one full refresh to the next before a file is refused",
    ),
    setting(
        "UNMAPPED_COLUMNS",
        Some("drop"),
        "columns the mapping does not name: `drop` cuts them, `refuse` refuses the file; a connection may say otherwise",
    ),
    setting(
        "KEEP_SERVICE_ERRORS",
        Some("false"),
        "whether the service's own error file is kept under `reports/`; it may quote the data, so it is left in the portal",
    ),
    setting(
        "REQUEST_TIMEOUT_SECONDS",
        Some("60"),
        "how long the service or storage may leave a question unanswered; a push has the time of its step",
    ),
    setting(
        "STEP_TIMEOUT_SECONDS",
        Some("900"),
        "when a pack or push that died is taken up again; a live one gives up at nine tenths of it. Less than half of `functionTimeout`",
    ),
    setting(
        "POLL_MIN_SECONDS",
        Some("30"),
        "shortest wait between two looks at an ingestion, and first wait after a failure",
    ),
    setting("POLL_MAX_SECONDS", Some("300"), "longest such wait"),
    setting(
        "BUSY_WAIT_SECONDS",
        Some("300"),
        "first wait after \"Previous ingestion is not complete\", and wait for another import",
    ),
    setting("BUSY_WAIT_MAX_SECONDS", Some("1800"), "longest wait after that; it doubles"),
    setting(
        "CORRECTION_WAIT_SECONDS",
        Some("900"),
        "how often it is tried whether a connection or a credential that a person has to correct was corrected, with the oldest import that waits for it",
    ),
    setting(
        "QUEUE_TIMEOUT_SECONDS",
        Some("259200"),
        "how long a file may wait to be read or pushed before it is `stuck`; the time in which the program was away, or the file waited in line or for a person, does not count",
    ),
    setting(
        "INGESTION_TIMEOUT_SECONDS",
        Some("86400"),
        "how long the service may take before an import is `stuck`",
    ),
    setting(
        "MAX_PUSH_FAILURES",
        Some("5"),
        "pushes that may fail or stay unanswered before an import is `stuck`; a service that is away is waited for instead",
    ),
    setting(
        "NOTIFY_SETTING",
        None,
        "name of the setting that holds the address of a webhook, which is used when a connection's document is invalid or was deleted",
    ),
    setting(
        "NOTIFY_FORMAT",
        Some("teams"),
        "format of the messages to it: `teams`, `slack` or `cloudEvents`",
    ),
    setting(
        "NOTIFY_SIGNING_SETTING",
        None,
        "name of the setting that holds the secret to sign them with; without it they are not signed",
    ),
    setting(
        "APP_SERVICE_AUTH",
        Some("false"),
        "`true` where App Service Authentication stands before the app, and never otherwise: then `/api/signedin` opens without a key, and the name that comes with a request is believed and recorded",
    ),
    setting(
        "RUST_LOG",
        Some("info,azure_core=warn,azure_identity=warn,typespec_client_core=warn"),
        "what is logged",
    ),
];
