//! Bicep and Terraform deploy the same, and deploy what the program and its host need.
//!
//! Both are read as text. `plain` removes the differences between the languages, and `block` returns the
//! lines of one variable. These must be the same, in the same order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use viva_import::{
    config::{
        ARRIVALS, CONNECTIONS, IMPORTS, INBOX, PACKAGES, POISON, REPORTS, SETTINGS, STEPS,
        STEPS_POISON, Setting,
    },
    host::FUNCTIONS,
    import::NotificationKind,
};

use strum::VariantArray as _;

/// Prefixes of settings that only the Functions host reads.
const OF_THE_HOST: [&str; 3] =
    ["AzureWebJobsStorage__", "AzureWebJobsDisableHomepage", "APPLICATIONINSIGHTS_"];
/// Settings that replace `ImportStorage__blobServiceUri` and its like, and must not be set beside them.
const IN_PLACE_OF_ADDRESSES: [&str; 2] = ["ImportStorage__accountName", "ImportStorage"];
/// Settings that only people set, to be notified. They name other settings, which people add too.
const FOR_PEOPLE: [&str; 2] = ["NOTIFY_SETTING", "NOTIFY_SIGNING_SETTING"];

/// The text of all files in a folder, and in the folders below it, whose names end with `ending`.
fn all(folder: &str, ending: &str) -> String {
    fn collect(folder: &Path, ending: &str, text: &mut String) {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                collect(&path, ending, text);
            } else if path.to_str().unwrap().ends_with(ending) {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    collect(Path::new(folder), ending, &mut text);
    text
}

fn bicep() -> String {
    all("infra/bicep", ".bicep")
}

fn terraform() -> String {
    all("infra/terraform", ".tf")
}

/// A line without the differences between the languages: no quotes, and `:` for an assignment.
fn plain(line: &str) -> String {
    let line = line.replace(['\'', '"'], "");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches(',').replace(" =", ":")
}

/// A name without the differences between the languages: `appSettings` and `app_settings` are the same.
fn folded(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//") && !line.starts_with('#')
}

/// The lines of the variable `name`, from the one that opens it to the one that closes it.
fn block(text: &str, name: &str) -> Vec<String> {
    let mut lines = text.lines();
    let opens = |line: &&str| {
        let line = plain(line);
        let key = line.trim_start_matches("var ").split(": ").next().unwrap();
        line.ends_with(['{', '[']) && folded(key) == folded(name)
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = lines.find(opens).unwrap_or_else(|| panic!("no variable {name}"));
    lines
        .take_while(|line| line.trim().is_empty() || indent(line) > indent(first))
        .filter(|line| is_code(line))
        .map(plain)
        .collect()
}

/// The keys of the lines `key: value`.
fn keys(lines: &[String]) -> BTreeSet<String> {
    lines.iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
}

/// The names after `word` at the beginning of a line, folded.
fn declared(text: &str, word: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    lines.map(|rest| folded(plain(rest).split(' ').next().unwrap())).collect()
}

/// The texts in quotes.
fn quoted(text: &str, quote: char) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| is_code(line))
        .flat_map(|line| line.split(quote).skip(1).step_by(2))
        .collect()
}

/// The settings that both always set.
fn fixed_settings() -> BTreeSet<String> {
    ["schedules", "connections"]
        .iter()
        .flat_map(|name| {
            let both = [bicep(), terraform()].map(|text| keys(&block(&text, name)));
            assert_eq!(both[0], both[1], "{name}");
            both[0].clone()
        })
        .collect()
}

#[test]
fn both_have_the_same_parameters_and_outputs() {
    let main = fs::read_to_string("infra/bicep/main.bicep").unwrap();
    let terraform = terraform();
    let parameters = declared(&main, "param");
    assert_eq!(parameters, declared(&terraform, "variable"));
    let outputs = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("output "));
        lines.map(|rest| plain(rest).split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(outputs(&main), outputs(&terraform));
    let of_azd = fs::read_to_string("infra/bicep/main.parameters.json").unwrap();
    let of_azd: serde_json::Value = serde_json::from_str(&of_azd).unwrap();
    for name in of_azd["parameters"].as_object().unwrap().keys() {
        assert!(parameters.contains(&folded(name)), "{name}");
    }
}

/// Each parameter of Bicep with its description.
fn descriptions_of_bicep() -> BTreeMap<String, String> {
    let main = fs::read_to_string("infra/bicep/main.bicep").unwrap();
    let described = main.split("@description('").skip(1).map(|rest| {
        let (description, rest) = rest.split_once("')\n").unwrap();
        let name = rest.lines().find_map(|line| line.strip_prefix("param ")).unwrap();
        (folded(name.split(' ').next().unwrap()), description.replace("\\'", "'"))
    });
    described.collect()
}

/// Each variable of Terraform with its description.
fn descriptions_of_terraform() -> BTreeMap<String, String> {
    let variables = fs::read_to_string("infra/terraform/variables.tf").unwrap();
    let described = variables.split("variable \"").skip(1).map(|rest| {
        let (name, rest) = rest.split_once('"').unwrap();
        let description = rest.split_once("description = \"").unwrap().1;
        (folded(name), description.split_once("\"\n").unwrap().0.to_owned())
    });
    described.collect()
}

#[test]
fn both_describe_the_parameters_in_the_same_words() {
    let (bicep, mut terraform) = (descriptions_of_bicep(), descriptions_of_terraform());
    assert_eq!(bicep.len(), 22);
    // Only here azd and Terraform behave differently.
    let lock = bicep["deletelock"].split(" `azd down`").next().unwrap();
    assert!(terraform["deletelock"].starts_with(lock), "{}", terraform["deletelock"]);
    terraform.insert("deletelock".to_owned(), bicep["deletelock"].clone());
    assert_eq!(bicep, terraform);
}

#[test]
fn the_guide_names_every_parameter_and_alert() {
    let guide = fs::read_to_string("infra/README.md").unwrap();
    let main = fs::read_to_string("infra/bicep/main.bicep").unwrap();
    let parameters = main.lines().filter_map(|line| line.strip_prefix("param "));
    let parameters = parameters.map(|rest| rest.split(' ').next().unwrap().to_owned());
    let alerts = ["logAlerts", "eventAlerts"].map(|name| block(&bicep(), name)).concat();
    let alerts = alerts.iter().flat_map(|line| line.split(['{', ',']).map(str::trim));
    let alerts = alerts.filter_map(|part| part.strip_prefix("name: ")).map(str::to_owned);
    let names: Vec<String> = parameters.chain(alerts).collect();
    assert_eq!(names.len(), 22 + 7);
    for name in names {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn both_declare_the_same_schedules_and_alerts() {
    for name in ["schedules", "eventAlerts"] {
        assert_eq!(block(&bicep(), name), block(&terraform(), name), "{name}");
    }
    // Both read the queries from the same files, but by different functions.
    let alerts = |text: &str| {
        let mut lines = block(text, "logAlerts");
        lines.retain(|line| !line.starts_with("query:"));
        lines
    };
    assert_eq!(alerts(&bicep()), alerts(&terraform()));
    for query in fs::read_dir("infra/alerts").unwrap() {
        let query = query.unwrap().file_name().into_string().unwrap();
        assert!(bicep().contains(&query) && terraform().contains(&query), "{query}");
    }
}

#[test]
fn both_assign_the_same_roles() {
    for name in ["containers", "queueRoles", "operatorQueueRoles", "hostRoles"] {
        assert_eq!(block(&bicep(), name), block(&terraform(), name), "{name}");
    }
    // The host puts messages into the poison queues, `sweep` and `advance` receive and delete them.
    let on =
        |queue: &str, role: &str| format!("{{ queue: {queue}, role: Storage Queue Data {role} }}");
    let of_app = [
        on(ARRIVALS, "Contributor"),
        on(STEPS, "Contributor"),
        on(POISON, "Message Sender"),
        on(POISON, "Message Processor"),
        on(STEPS_POISON, "Message Sender"),
        on(STEPS_POISON, "Message Processor"),
    ];
    assert_eq!(block(&bicep(), "queueRoles"), of_app);
    let of_operator = [
        on(ARRIVALS, "Reader"),
        on(POISON, "Reader"),
        on(STEPS, "Message Sender"),
        on(STEPS_POISON, "Reader"),
    ];
    assert_eq!(block(&bicep(), "operatorQueueRoles"), of_operator);
    // Every other role is assigned once.
    let single = |text: &str, before: &str| {
        let mut roles: Vec<String> = text
            .split(before)
            .skip(1)
            .map(|rest| rest.split(['\'', '"']).next().unwrap().to_owned())
            .collect();
        roles.sort();
        roles
    };
    let of_bicep = single(&bicep(), "roles['");
    assert_eq!(of_bicep, single(&terraform(), "role_definition_name = \""));
    assert_eq!(of_bicep.len(), 5 + 2);
}

#[test]
fn containers_queues_and_table_are_those_of_the_program() {
    let (bicep, terraform) = (bicep(), terraform());
    let containers = block(&bicep, "containers");
    for name in [INBOX, CONNECTIONS, PACKAGES, REPORTS] {
        assert!(containers.iter().any(|line| line.contains(&format!("name: {name},"))), "{name}");
    }
    assert_eq!(containers.len(), 4);
    for name in [ARRIVALS, POISON, STEPS, STEPS_POISON, IMPORTS] {
        assert!(quoted(&bicep, '\'').contains(name) && quoted(&terraform, '"').contains(name));
    }
    // Both use the same containers in the filter of events and in the lifecycle rule.
    for line in [
        format!("/blobServices/default/containers/{INBOX}/blobs/"),
        "[Microsoft.Storage.BlobCreated, Microsoft.Storage.BlobRenamed]".to_owned(),
        "[PutBlob, PutBlockList, CopyBlob, FlushWithClose, SftpCommit, RenameFile, SftpRename]"
            .to_owned(),
        [INBOX, PACKAGES, REPORTS, "dead-letter"].map(|it| format!("{it}/")).join(", "),
    ] {
        for text in [&bicep, &terraform] {
            assert!(text.lines().any(|it| plain(it).contains(&line)), "{line}");
        }
    }
}

/// The deployment sets the settings of the program that have no default, because only it knows their
/// values. It also sets those for which the host has no default: the timers, and the credential with which
/// the trigger reaches storage. People change all others, through `appSettings`.
#[test]
fn both_set_the_settings_that_the_program_and_its_host_need_and_no_others() {
    let fixed = fixed_settings();
    let addresses = ["blob", "queue", "table"].map(|it| format!("ImportStorage__{it}ServiceUri"));
    for name in &fixed {
        let is_read = SETTINGS.iter().any(|setting| setting.name == name);
        let of_host = OF_THE_HOST.iter().any(|prefix| name.starts_with(prefix));
        assert!(is_read || of_host || addresses.contains(name), "{name} is never read");
    }
    for name in &addresses {
        assert!(fixed.contains(name), "{name} is not set");
    }
    for Setting { name, default, .. } in SETTINGS {
        let is_timer = name.ends_with("_SCHEDULE");
        let host_needs = is_timer || *name == "ImportStorage__credential";
        let is_for_people = IN_PLACE_OF_ADDRESSES.contains(name) || FOR_PEOPLE.contains(name);
        let is_fixed = (default.is_none() || host_needs) && !is_for_people;
        assert_eq!(fixed.contains(*name), is_fixed, "{name}");
        if is_timer {
            let line = format!("{name}: {}", default.unwrap());
            assert!(block(&bicep(), "schedules").contains(&line), "{line}");
        }
    }
}

/// The program accepts the user name of App Service only if App Service authenticates.
#[test]
fn both_configure_the_same_sign_in() {
    let authentication = |text: &str| {
        let blocks = ["globalValidation", "identityProviders"].map(|name| block(text, name));
        let mut lines = blocks.concat();
        // Both get the tenant from Azure, by different functions.
        lines.retain(|line| !line.starts_with("openIdIssuer:"));
        lines.iter().map(|line| line.replace("var.sign_in_client_id", "signInClientId")).collect()
    };
    let of_bicep: Vec<String> = authentication(&bicep());
    assert_eq!(of_bicep, authentication(&terraform()));
    assert_eq!(of_bicep.len(), 4 + 7);
    for line in [
        "name: authsettingsV2",
        "platform: { enabled: true }",
        "login: { tokenStore: { enabled: false } }",
        "httpSettings: { requireHttps: true }",
        "? { APP_SERVICE_AUTH: true } : {}",
    ] {
        for text in [bicep(), terraform()] {
            assert!(text.lines().any(|it| plain(it).ends_with(line)), "{line}");
        }
    }
    let setting = SETTINGS.iter().find(|setting| setting.name == "APP_SERVICE_AUTH");
    assert_eq!(setting.map(|setting| setting.default), Some(Some("false")));
}

#[test]
fn the_settings_that_the_functions_name_are_set() {
    let fixed = fixed_settings();
    let functions = all("function", "function.json");
    for name in functions.split('%').skip(1).step_by(2) {
        assert!(fixed.contains(name), "{name}");
    }
    assert_eq!(functions.matches('%').count(), 2 * 3);
}

/// The names of the fields in the pattern of a query; `event=idle` stays as it is.
fn fields(pattern: &str) -> Vec<&str> {
    let fields = pattern.trim_end_matches("\\s*$").split(' ').skip(1);
    fields
        .map(|field| field.split_once("=(").or(field.split_once("=\\")).map_or(field, |it| it.0))
        .collect()
}

/// The modules `notices`, `world` and `poison` test that log lines end with these fields.
#[test]
fn alerts_search_for_fields_and_words_that_the_program_logs() {
    let mut searches = 0;
    for line in all("infra/alerts", ".kql").lines() {
        let words = line.split('"').skip(1).step_by(2).collect::<Vec<_>>();
        if line.contains("extract(") {
            let fields = fields(words[0]);
            let common = ["reason", "connection", "import", "invocation", "seconds"];
            let is = |event, last| fields == [&[event][..], &common, last].concat();
            let of_sweep = is("event=idle", &["days"]) || is("event=poison", &["messages"]);
            assert!(of_sweep || is("event", &[]), "{fields:?}");
            searches += 1;
        } else if line.contains("where Event in") {
            let alerts = NotificationKind::VARIANTS.iter().filter(|kind| kind.needs_person());
            assert_eq!(words, alerts.map(AsRef::as_ref).collect::<Vec<_>>());
            searches += 1;
        } else if line.contains("where Name ==") {
            assert!(FUNCTIONS.contains(&words[0]), "there is no function {}", words[0]);
            searches += 1;
        } else {
            assert!(!line.contains("Message has") && !line.contains("parse Message"), "{line}");
        }
    }
    assert_eq!(searches, 4 + 1 + 1);
}

/// The HTTP functions that require a key, with their routes, and those that do not.
fn functions_by_key() -> (Vec<(&'static str, String)>, Vec<&'static str>) {
    let mut with_key = vec![];
    let mut without_key = vec![];
    for name in FUNCTIONS {
        let text = fs::read_to_string(format!("function/{name}/function.json")).unwrap();
        let function: serde_json::Value = serde_json::from_str(&text).unwrap();
        let binding = &function["bindings"][0];
        let Some(route) = binding["route"].as_str() else { continue };
        match binding["authLevel"].as_str().unwrap() {
            "function" => with_key.push((name, format!("/api/{route}"))),
            _ => without_key.push(name),
        }
    }
    (with_key, without_key)
}

/// One function requires no key, and shows nothing to people who are not signed in. The routes without
/// sign-in require a key. Programs call them. They include no page.
#[test]
fn every_route_requires_a_sign_in_or_a_key() {
    let (with_key, without_key) = functions_by_key();
    assert_eq!(without_key, ["signedin"]);
    for text in [bicep(), terraform()] {
        let excluded = text.lines().map(plain).find(|line| line.starts_with("excludedPaths:"));
        let excluded = excluded.unwrap_or_else(|| block(&text, "excludedPaths").join(" "));
        let paths: Vec<&str> =
            excluded.split(['[', ']', ',', ' ']).filter(|part| part.starts_with('/')).collect();
        assert_eq!(paths, ["/api/health", "/api/v1", "/api/v1/*"]);
        let is_below = |route: &str, path: &str| {
            let rest = route.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let without_sign_in: Vec<&str> = with_key
            .iter()
            .filter(|(_, route)| paths.iter().any(|path| is_below(route, path)))
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(without_sign_in, ["query", "command", "health"]);
    }
}

/// They are in the form that `az ad app update --app-roles` reads. Assignments refer to the ids, so the ids
/// must not change.
#[test]
fn the_app_roles_are_those_that_the_program_reads() {
    let roles = fs::read_to_string("infra/app-roles.json").unwrap();
    let roles: Vec<serde_json::Value> = serde_json::from_str(&roles).unwrap();
    let code = fs::read_to_string("src/host/request.rs").unwrap();
    let guide = fs::read_to_string("infra/README.md").unwrap();
    let read = code.split("has(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let values: BTreeSet<&str> = roles.iter().map(|it| it["value"].as_str().unwrap()).collect();
    assert_eq!(values, read.collect());
    assert_eq!(values, BTreeSet::from(["Imports.Read", "Imports.Operate"]));
    let keys = ["allowedMemberTypes", "description", "displayName", "id", "isEnabled", "value"];
    let mut ids = BTreeSet::new();
    for role in &roles {
        let given = role.as_object().unwrap().keys().map(String::as_str);
        assert_eq!(given.collect::<BTreeSet<_>>(), BTreeSet::from(keys));
        assert_eq!(role["allowedMemberTypes"], serde_json::json!(["User"]));
        assert_eq!(role["isEnabled"], true);
        let id = role["id"].as_str().unwrap();
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        let is_hex = id.chars().all(|it| it == '-' || it.is_ascii_hexdigit());
        assert!(is_hex && groups == [8, 4, 4, 4, 12] && ids.insert(id), "{id}");
        for name in ["description", "displayName"] {
            assert!(!role[name].as_str().unwrap().is_empty());
        }
    }
    assert!(guide.contains("az ad app update --id $CLIENT --app-roles @infra/app-roles.json"));
    for who in values.iter().map(|role| format!("signed in with `{role}`")) {
        assert!(guide.contains(&format!("| {who} |")), "{who}");
    }
    for (name, _) in functions_by_key().0 {
        assert!(guide.contains(&format!("| key of `{name}` |")), "{name}");
    }
}

#[test]
fn no_key_is_read() {
    for text in [bicep(), terraform()] {
        let text: String = text.lines().filter(|line| is_code(line)).collect();
        let text = text.to_lowercase();
        for word in [
            "listkeys",
            "listaccountsas",
            "primary_access_key",
            "primary_connection",
            "sharedaccess",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
