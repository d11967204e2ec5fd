//! All settings with their defaults and descriptions.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The name.
    pub name: &'static str,
    /// The value that applies if it is not set; `None` if there is no default.
    pub default: Option<&'static str>,
    /// Its description, in full sentences.
    pub about: &'static str,
}

const fn setting(
    name: &'static str,
    default: Option<&'static str>,
    about: &'static str,
) -> Setting {
    Setting { name, default, about }
}

/// Every setting that the program or its functions read.
pub const SETTINGS: &[Setting] = &[
    setting("ImportStorage__accountName", None, "The name of the storage account in public Azure."),
    setting(
        "ImportStorage__blobServiceUri",
        None,
        "The address of the blob service, if it is not `https://<account>.blob.core.windows.net`. `ImportStorage__queueServiceUri` and `ImportStorage__tableServiceUri` do the same for queues and tables.",
    ),
    setting(
        "ImportStorage__credential",
        Some("managedidentity"),
        "How the program signs in to storage: `managedidentity` in Azure, where the host's trigger requires that it is set; `azurecli` on your own machine, which `--account` implies.",
    ),
    setting(
        "ImportStorage__clientId",
        None,
        "The client id of the user-assigned identity for storage. If it is not set, the system-assigned identity of the app is used.",
    ),
    setting(
        "ImportStorage",
        None,
        "Replaces all of the above: the connection string of a storage emulator on this machine. No other connection string is accepted.",
    ),
    setting(
        "IMPORT_SCHEDULE",
        Some("0 0 6 * * 1"),
        "When `schedule` searches for files for which no event arrived (NCRONTAB, UTC). The host reads it and has no default, so the app must set it.",
    ),
    setting(
        "SWEEP_SCHEDULE",
        Some("0 30 * * * *"),
        "When `sweep` also searches for these files, so that a lost event delays a file by at most an hour (NCRONTAB, UTC). The app must set it.",
    ),
    setting(
        "ADVANCE_SCHEDULE",
        Some("0 */5 * * * *"),
        "When `advance` sends messages for the steps that are overdue, because a message was lost or a process ended (NCRONTAB, UTC). The app must set it.",
    ),
    setting(
        "INGESTION_ENDPOINT",
        Some("https://api.orginsights.viva.office.com/v1.0"),
        "The base address of the ingestion service. It must be https; plain http is accepted only for this machine.",
    ),
    setting(
        "INGESTION_SCOPE",
        Some("9d827643-d003-4cca-9dc8-71213a8f1644/.default"),
        "The scope of the service's token. Microsoft's documentation also names `https://api.orginsights.viva.office.com/.default`.",
    ),
    setting(
        "AZURE_AUTHORITY_HOST",
        Some("https://login.microsoftonline.com"),
        "The address of Microsoft Entra, where connections that push as an app registration sign in. It must be https.",
    ),
    setting(
        "PUSH_PART_NAME",
        Some("info"),
        "The name of the multipart part of a push. Microsoft's documentation says `file`, Microsoft's code `info`.",
    ),
    setting("PUSH_FILE_NAME", Some("info.zip"), "The file name of that part."),
    setting(
        "METADATA_MAPPING_KEY",
        Some("Mapping"),
        "The key of the mapping in metadata.json. Microsoft's business sample says `ColumnMap`. The `dialect` of a connection overrides it.",
    ),
    setting(
        "MAX_FILE_BYTES",
        Some("1073741824"),
        "The largest file that is read, in bytes. The default is the portal's limit; no limit of the API is published.",
    ),
    setting(
        "MAX_PEOPLE_BYTES",
        Some("536870912"),
        "The most memory for the people and managers of one file, in bytes. A file that needs more is rejected.",
    ),
    setting(
        "MAX_SHRINK_PERCENT",
        Some("10"),
        "The largest decrease of people or rows from one full refresh to the next, in percent. A larger decrease rejects the file until a person approves it.",
    ),
    setting(
        "MAX_DAYS_BACK",
        Some("7"),
        "By how many days the latest EffectiveDate of a full refresh, without dates after its upload, may be before that of the last accepted full refresh. An older snapshot is rejected until a person approves it.",
    ),
    setting(
        "UNMAPPED_COLUMNS",
        Some("drop"),
        "What happens to columns that are not in the mapping: `drop` removes them before the push, `refuse` rejects the file. `unmappedColumns` of a connection overrides it.",
    ),
    setting(
        "KEEP_SERVICE_ERRORS",
        Some("false"),
        "Whether the service's error file and its last refusal are saved under `reports/`. By default they are not, because they may quote the data; the error file is available in the portal.",
    ),
    setting(
        "REQUEST_TIMEOUT_SECONDS",
        Some("60"),
        "The longest wait for an answer of the service or of storage. A push has the time of its step instead.",
    ),
    setting(
        "QUIET_SECONDS",
        Some("600"),
        "How long a file must be unchanged before it counts as complete. It applies to files that `sweep` and `schedule` find, because they may still be written, to append blobs and to pending copies. A block blob whose event arrives, or whose inbox a person sweeps, is complete. 0 turns it off.",
    ),
    setting(
        "STEP_TIMEOUT_SECONDS",
        Some("900"),
        "The longest time of a pack or push. It stops after nine tenths of this time. It must be less than half of `functionTimeout`.",
    ),
    setting(
        "LEASE_SECONDS",
        Some("120"),
        "When a pack or push whose process ended is started again, by this instance or another one. A running one renews this lease after half of the time. If it cannot for five sixths, it stops and sends nothing more. A file whose pack was started more than three times waits `STEP_TIMEOUT_SECONDS` instead, because it may be what ends the process.",
    ),
    setting(
        "POLL_MIN_SECONDS",
        Some("30"),
        "The shortest wait between two polls of an ingestion, and the first wait after a failure.",
    ),
    setting(
        "POLL_MAX_SECONDS",
        Some("300"),
        "The longest wait between two polls of an ingestion, and the longest wait after a failure.",
    ),
    setting(
        "BUSY_WAIT_SECONDS",
        Some("300"),
        "The first wait after the answer \"Previous ingestion is not complete\", and the wait for another import.",
    ),
    setting(
        "BUSY_WAIT_MAX_SECONDS",
        Some("1800"),
        "The longest wait after that answer; the wait doubles each time.",
    ),
    setting(
        "CORRECTION_WAIT_SECONDS",
        Some("900"),
        "How often the oldest import that waits for a correction is tried again, to find out whether a person has corrected the connection or the credential.",
    ),
    setting(
        "QUEUE_TIMEOUT_SECONDS",
        Some("259200"),
        "How long a file may wait to be read or pushed before it is `stuck`. Time does not count while the program does not run, or while the file waits for its turn or for a person.",
    ),
    setting(
        "INGESTION_TIMEOUT_SECONDS",
        Some("86400"),
        "How long the service may take for an ingestion before the import is `stuck`.",
    ),
    setting(
        "MAX_PUSH_FAILURES",
        Some("5"),
        "How many pushes may fail or get no answer before an import is `stuck`. While the service cannot be reached, the program waits and counts nothing.",
    ),
    setting(
        "KEEP_ROWS_DAYS",
        Some("400"),
        "For how many days the row and the reports of an ended import are kept. After that, the sweep removes them if the file is not in the inbox any more. `0` keeps them for ever.",
    ),
    setting(
        "NOTIFY_SETTING",
        None,
        "The name of the setting that holds the address of the app's webhook. It gets the notifications of a connection whose document is invalid or was deleted.",
    ),
    setting(
        "NOTIFY_FORMAT",
        Some("teams"),
        "The format of the notifications to the app's webhook: `teams`, `slack` or `cloudEvents`.",
    ),
    setting(
        "NOTIFY_SIGNING_SETTING",
        None,
        "The name of the setting that holds the secret with which these notifications are signed. If it is not set, they are not signed.",
    ),
    setting(
        "APP_SERVICE_AUTH",
        Some("false"),
        "Set it to `true` only if App Service Authentication protects the app. Then `/api/signedin` opens without a key, and the user name in a request is trusted and recorded.",
    ),
    setting(
        "RUST_LOG",
        Some("info,azure_core=warn,azure_identity=warn,typespec_client_core=warn"),
        "What is logged, by level and module.",
    ),
];
