//! README, guides, `--help` and the code say the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use clap::CommandFactory as _;
use strum::VariantArray as _;
use viva_import::{
    cli::Cli,
    config::{self, SETTINGS},
    host::FUNCTIONS,
    import::NotificationKind,
    messages,
    schema::Target,
    storage::import_table::{COLUMNS, CONNECTION_COLUMNS, LANE_COLUMNS, LIVE_COLUMNS},
};

use crate::{layers::sources, stage::BINARY};

/// The pages that a reader has.
fn pages() -> Vec<String> {
    let guides = fs::read_dir("src/guide").unwrap();
    let mut pages: Vec<String> =
        guides.map(|entry| entry.unwrap().path().display().to_string()).collect();
    pages.sort();
    let others = ["README.md", "infra/README.md", "tests/bench/README.md", ".github/SECURITY.md"];
    pages.extend(others.map(str::to_owned));
    pages
}

fn read(page: &str) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Fails if a guide has other rows between `<!-- name -->` and `<!-- end -->` than the program, and
/// leaves the right page in `target/tmp`.
fn guide_has(page: &str, name: &str, heading: &str, rows: impl Iterator<Item = String>) {
    let text = read(page);
    let start = format!("<!-- {name} -->\n");
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let columns = "|---".repeat(heading.matches('|').count() - 1) + "|";
    let rows: String = rows.collect();
    let right = format!("{before}{start}{heading}\n{columns}\n{rows}<!-- end -->{after}");
    if text != right {
        let target =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(Path::new(page).file_name().unwrap());
        fs::write(&target, right).unwrap();
        panic!("{page} differs from the program; the right page is {}", target.display());
    }
}

/// A text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_table_of_settings_is_that_of_the_code() {
    let rows = SETTINGS.iter().map(|it| {
        let default = it.default.map(|value| format!("`{value}`")).unwrap_or_default();
        format!("| `{}` | {default} | {} |\n", it.name, cell(it.about))
    });
    guide_has("src/guide/settings.md", "settings", "| setting | default | meaning |", rows);
}

#[test]
fn the_tables_of_columns_are_those_of_the_code() {
    // One test writes the page, so one test has all tables.
    for (name, columns) in [
        ("columns", COLUMNS),
        ("connection columns", CONNECTION_COLUMNS),
        ("lane columns", LANE_COLUMNS),
        ("live columns", LIVE_COLUMNS),
    ] {
        let rows = columns
            .iter()
            .map(|it| format!("| `{}` | {} | {} |\n", it.name, it.kind.as_ref(), cell(it.about)));
        guide_has("src/guide/table.md", name, "| column | type | meaning |", rows);
    }
}

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let rows = messages::reasons().into_iter().map(|it| {
        let (state, code, class) = (it.state.as_ref(), it.code, it.class);
        let event = format!("`{}`{}", it.event, if it.alert { ", alert" } else { "" });
        let (message, action) = (cell(&it.message), cell(&it.action));
        format!("| `{code}` | {class} | `{state}` | {event} | {message} | {action} |\n")
    });
    let heading =
        "| `ReasonCode` | class | usual state | `event` | message (example) | what to do |";
    guide_has("src/guide/operations.md", "reasons", heading, rows);
}

/// The log writes no word that is not a literal in one of these two places, or a kind of notification.
#[test]
fn every_event_of_the_log_is_in_its_guide() {
    let code: BTreeMap<String, String> = sources(Path::new("src")).into_iter().collect();
    let (log, import) = (&code["engine/log.rs"], &code["import.rs"]);
    let of_import = import.split_once("fn event_of(").unwrap().1.split_once("\n}\n").unwrap().0;
    let is_word = |text: &&str| {
        !text.is_empty() && text.chars().all(|it| it.is_ascii_lowercase() || it == '_')
    };
    let literals = |code| str::split(code, '"').skip(1).step_by(2).filter(is_word);
    let kinds = NotificationKind::VARIANTS.iter().filter(|kind| kind.needs_person());
    let words: BTreeSet<&str> = literals(log)
        .chain(literals(of_import))
        .chain(kinds.map(NotificationKind::as_ref))
        // The value of a field without one.
        .filter(|word| *word != "none")
        .collect();
    for known in ["idle", "failed_steps", "removed", "cancelled", "overdue"] {
        assert!(words.contains(known), "{known} was not found in {words:?}");
    }
    let guide = read("src/guide/operations.md");
    let (_, guide) = guide.split_once("## The log").unwrap();
    let missing: Vec<_> =
        words.iter().filter(|word| !guide.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "src/guide/operations.md lacks {missing:?}");
}

#[test]
fn the_table_of_rules_is_that_of_the_code() {
    let rules = Target::default().schema().rules.iter();
    let rows = rules.map(|it| {
        format!("| `{}` | {} | {} |\n", it.id.name(), it.severity.as_ref(), cell(it.about))
    });
    guide_has("src/guide/checks.md", "rules", "| rule | severity | what is checked |", rows);
}

#[test]
fn the_table_of_commands_is_that_of_the_code() {
    let commands = Cli::command();
    let rows = commands.get_subcommands().map(|it| {
        let about = it.get_about().unwrap().to_string();
        format!("| `viva-import {}` | {} |\n", it.get_name(), cell(&about))
    });
    guide_has("src/guide/commands.md", "commands", "| command | what it does |", rows);
}

/// The order of their keys is that of the code: see tests/it/shown.rs.
#[test]
fn every_key_of_an_import_and_a_connection_as_json_is_named() {
    let shown = |name: &str| -> serde_json::Value {
        serde_json::from_str(&read(&format!("tests/shown/{name}"))).unwrap()
    };
    let (import, connections) = (shown("import.json"), shown("connections.json"));
    let keys = |json: &serde_json::Value| {
        let keys = json.as_object().unwrap().keys();
        keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    };
    let guide = read("src/guide/api.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for (what, json, part) in [
        ("An import", &import, &import["history"][0]),
        ("A connection", &connections[0], &connections[0]["upcoming"][0]),
    ] {
        let expected = format!("{what} has the keys {} ({})", keys(json), keys(part));
        assert!(guide.contains(&expected), "src/guide/api.md lacks this:\n{expected}");
    }
}

/// The words of a page, with their hyphens: `steps-poison` is another word than `steps`.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|it: char| !it.is_alphanumeric() && it != '-').collect()
}

#[test]
fn every_function_container_and_queue_is_named() {
    let operations = read("src/guide/operations.md");
    for function in FUNCTIONS {
        assert!(operations.contains(&format!("| `{function}` |")), "{function}");
    }
    let deployment = read("infra/README.md");
    for name in [
        config::INBOX,
        config::CONNECTIONS,
        config::PACKAGES,
        config::REPORTS,
        config::IMPORTS,
        config::ARRIVALS,
        config::POISON,
        config::STEPS,
        config::STEPS_POISON,
    ] {
        assert!(names(&deployment).contains(name), "{name}");
    }
}

#[test]
fn the_first_screen_has_the_two_commands() {
    let first_screen = read("README.md").lines().take(40).collect::<Vec<_>>().join("\n");
    for command in ["cargo run -- demo", "cargo test"] {
        assert!(first_screen.contains(command), "{command}");
    }
}

#[test]
fn the_sample_connection_is_the_one_that_its_guide_explains() {
    let shown: String =
        viva_import::testbed::SAMPLE_CONNECTION.lines().take(8).collect::<Vec<_>>().join("\n");
    assert!(read("src/guide/connection.md").contains(&shown), "{shown}");
}

/// What a heading is called in an address.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() {
    for page in pages() {
        let text = read(&page);
        let inline = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let defined = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        for link in inline.chain(defined.map(|(_, link)| link)) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().unwrap();
            let file = if file.is_empty() { page.clone().into() } else { folder.join(file) };
            assert!(file.exists(), "{page}: {link}");
            if !heading.is_empty() {
                let text = read(&file.display().to_string());
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(anchors.any(|it| it == heading), "{page}: {link}");
            }
        }
    }
}

/// `cargo doc` shows the guides with links of its own, which are defined by label in src/guide.rs.
#[test]
fn a_guide_links_to_others_by_labels_that_cargo_doc_knows() {
    let code = read("src/guide.rs");
    let known: BTreeSet<&str> =
        code.split("#[doc = \"[").skip(1).map(|rest| rest.split(']').next().unwrap()).collect();
    let files = code.split('"').filter(|part| part.contains(".md"));
    for page in files.map(|file| format!("src/{file}")) {
        let text = read(&page);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(link.starts_with('#') || link.starts_with("https://"), "{page}: {link}");
        }
        let labels = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        for (label, _) in labels {
            assert!(known.contains(label), "{page}: {label}");
        }
    }
}

/// Words of this project's own making, and the plain ones that replace them.
const OLD_WORDS: [(&str, &str); 6] = [
    ("told", "reported, sent, shown"),
    ("mend", "correct"),
    ("mended", "corrected"),
    ("whoever", "people who"),
    ("what came of", "the result of"),
    ("stands in", "is in, blocks"),
];

#[test]
fn no_text_uses_words_of_this_project_s_own_making() {
    fn files(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => files(&path, found),
                path => found.push(path.display().to_string()),
            }
        }
    }
    let mut found = pages();
    found.push(".github/CONTRIBUTING.md".to_owned());
    files(Path::new("src"), &mut found);
    let mut wrong = vec![];
    for file in found.iter().filter(|file| !file.contains(".csv")) {
        for (number, line) in read(file).to_lowercase().lines().enumerate() {
            let words = line.split(|it: char| !it.is_alphanumeric()).collect::<Vec<_>>().join(" ");
            let words = format!(" {words} ");
            for (word, instead) in OLD_WORDS {
                if words.contains(&format!(" {word} ")) {
                    wrong.push(format!("{file}:{}: say {instead} in place of {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn help_and_settings_are_printed() {
    let run = |argument: &str| {
        let output = Command::new(BINARY).arg(argument).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let help = run("--help");
    for command in Cli::command().get_subcommands() {
        assert!(help.contains(command.get_name()));
    }
    let settings = run("settings");
    for setting in SETTINGS {
        assert!(settings.contains(setting.name) && settings.contains(setting.about));
    }
}

/// What the host does with the program is in host.json; the program counts on some of it.
#[test]
fn host_json_gives_a_step_twice_its_time() {
    let text = std::fs::read_to_string("host.json").unwrap();
    let host: serde_json::Value = serde_json::from_str(&text).unwrap();
    let timeout: Vec<u64> = host["functionTimeout"]
        .as_str()
        .unwrap()
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    let step = SETTINGS.iter().find(|setting| setting.name == "STEP_TIMEOUT_SECONDS").unwrap();
    let step: u64 = step.default.unwrap().parse().unwrap();
    assert!(2 * step < timeout[0] * 3600 + timeout[1] * 60 + timeout[2]);
    assert_eq!(host["customHandler"]["description"]["defaultExecutablePath"], "viva-import");
    assert_eq!(host["customHandler"]["description"]["arguments"][0], "serve");
}

/// Under the real host each of its own calls to storage was a record: 61,000 a day. Roles may take ten minutes until
/// they work everywhere, so a message is tried for as long.
#[test]
fn host_json_logs_no_calls_of_the_host_and_tries_a_message_for_ten_minutes() {
    let host: serde_json::Value = serde_json::from_str(&read("host.json")).unwrap();
    assert_eq!(host["logging"]["logLevel"]["Azure.Core"], "Error");
    let queues = &host["extensions"]["queues"];
    assert_eq!(queues["visibilityTimeout"], "00:01:00");
    assert!(queues["maxDequeueCount"].as_u64().unwrap() >= 10);
}
