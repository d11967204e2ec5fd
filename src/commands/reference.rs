//! Reference: rules, settings, columns and reasons.

use serde_json::{Value, json};

use crate::{
    config::{SETTINGS, Setting},
    connection, messages,
    outcome::{CommandError, CommandOutput},
    schema::{Id, Rule, Target, explain},
    storage::import_table::{COLUMNS, CONNECTION_COLUMNS, ColumnInfo, LANE_COLUMNS, LIVE_COLUMNS},
};

/// Lists the rules, or explains one.
///
/// # Errors
/// No rule has this id.
pub fn rules(id: Option<&str>) -> Result<CommandOutput, CommandError> {
    let rules = Target::default().schema().rules;
    let text = explain(rules, id)?;
    let rule = id.and_then(Id::parse).map(Id::rule);
    let json = match rule {
        Some(rule) => of_rule(rule),
        None => {
            json!({ "rules": Target::default().schema().rules.iter().map(of_rule).collect::<Vec<Value>>() })
        }
    };
    Ok(CommandOutput::done(text, json))
}

fn of_rule(rule: &Rule) -> Value {
    json!({
        "rule": rule.id.name(),
        "severity": rule.severity.as_ref(),
        "scope": rule.scope,
        "about": rule.about,
        "remedy": rule.remedy,
        "accepted": rule.accepted,
        "refused": rule.refused,
        "message": rule.message,
        "source": rule.source,
    })
}

/// The JSON Schema of a connection document.
#[must_use]
pub fn schema() -> CommandOutput {
    CommandOutput::done(String::new(), connection::schema())
}

/// Lists the settings with their defaults.
#[must_use]
pub fn settings() -> CommandOutput {
    let mut text = String::new();
    for Setting { name, default, about } in SETTINGS {
        text.push_str(&format!("{name}\n    {about}\n"));
        if let Some(default) = default {
            text.push_str(&format!("    Default: {default}\n"));
        }
    }
    let settings: Vec<Value> = SETTINGS
        .iter()
        .map(|it| json!({ "name": it.name, "default": it.default, "about": it.about }))
        .collect();
    CommandOutput::done(text, json!({ "settings": settings }))
}

/// Lists the columns of the table.
#[must_use]
pub fn columns() -> CommandOutput {
    let rows = [
        ("import", COLUMNS),
        ("connection", CONNECTION_COLUMNS),
        ("lane", LANE_COLUMNS),
        ("live import", LIVE_COLUMNS),
    ];
    let columns = rows.iter().flat_map(|(row, columns)| columns.iter().map(move |it| (row, it)));
    let text = columns.clone().map(|(row, ColumnInfo { name, kind, about })| {
        format!("{name} ({}, in the row of each {row})\n    {about}\n", kind.as_ref())
    });
    let json = columns.map(|(row, it)| {
        json!({ "row": row, "name": it.name, "type": it.kind.as_ref(), "about": it.about })
    });
    let json = json!({ "columns": json.collect::<Vec<Value>>() });
    CommandOutput::done(text.collect::<String>(), json)
}

/// Lists the reasons why an import waits, fails or has ended.
#[must_use]
pub fn reasons() -> CommandOutput {
    let all = messages::reasons();
    let text = all.iter().map(|it| {
        let (state, code, class) = (it.state.as_ref(), it.code, it.class);
        format!(
            "{code} ({class}, {state}, event={})\n    {}\n    {}\n",
            it.event, it.message, it.action
        )
    });
    let json = all.iter().map(|it| {
        json!({
            "code": it.code.to_string(),
            "class": it.class.to_string(),
            "state": it.state.as_ref(),
            "event": it.event,
            "alert": it.alert,
            "message": it.message,
            "recommendedAction": it.action,
        })
    });
    let json = json!({ "reasons": json.collect::<Vec<Value>>() });
    CommandOutput::done(text.collect::<String>(), json)
}
