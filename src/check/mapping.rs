//! The rules that a mapping breaks in any file.

use std::collections::HashMap;

use super::findings::{Findings, Levels};
use crate::schema::{Checks, Field, Id, Kind, Severity, TargetSchema};

/// What makes a mapping unusable for any file, as sentences with their rules.
#[must_use]
pub fn faults(schema: &TargetSchema, fields: &[Field], checks: &Checks) -> Vec<String> {
    let mut findings = Findings::new(Levels::new(checks.lenient, &checks.rules), false);
    hold(schema, fields, &mut findings);
    let (found, _) = findings.sorted(|_| String::new());
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| {
            let column = finding.column.as_deref().unwrap_or("the mapping");
            format!("{column}: {} ({})", finding.message, finding.rule)
        })
        .collect()
}

/// Notes what breaks a rule.
pub(super) fn hold(schema: &TargetSchema, fields: &[Field], findings: &mut Findings) {
    let mut firsts: HashMap<String, &Field> = HashMap::new();
    for field in fields {
        name_of_column(field, findings);
        let target = &field.target;
        if target.trim().is_empty() {
            let message = "the column is mapped to no field; name one";
            findings.field(Id::H08, Severity::Error, &field.source, message.to_owned());
            continue;
        }
        let first = *firsts.entry(target.to_ascii_lowercase()).or_insert(field);
        // Of columns called as their fields it is told already that they have the same name.
        let is_told = first.source == first.target && field.source == *target;
        if !std::ptr::eq(first, field) && !is_told {
            let message = format!(
                "the column is mapped to {target}, as \"{}\" is already; map one of them to another \
                 field",
                first.source
            );
            findings.field(Id::H05, Severity::Error, &field.source, message);
        }
        name_of_target(schema, field, findings);
        kind(schema, field, findings);
    }
}

/// Whether a name is made of what a header may have.
pub(crate) fn has_plain_letters(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn name_of_column(field: &Field, findings: &mut Findings) {
    if !has_plain_letters(&field.source) && !field.source.trim().is_empty() {
        let message = "the header has other characters than A to Z, a to z, 0 to 9 and _; rename \
                       the column";
        findings.field(Id::H03, Severity::Error, &field.source, message.to_owned());
    }
}

fn name_of_target(schema: &TargetSchema, field: &Field, findings: &mut Findings) {
    let (source, target) = (&field.source, &field.target);
    if schema.reserved(target).is_some() {
        return;
    }
    let is_told = target == source; // of the column's own name
    if let Some(right) = schema.misspelt(target) {
        findings.field(Id::H14, Severity::Error, source, format!(
            "the column is mapped to \"{target}\", which the service does not take for {right}; \
             spell it {right}"
        ));
    } else if schema.is_system(target) {
        findings.field(
            Id::H04,
            Severity::Error,
            source,
            format!(
                "\"{target}\" is a name the service keeps for itself; map the column to another"
            ),
        );
    } else if target.contains(char::is_whitespace) && !is_told {
        findings.field(
            Id::H11,
            Severity::Error,
            source,
            format!("the field's name \"{target}\" has blanks; leave them out"),
        );
    } else if !has_plain_letters(target) && !is_told {
        findings.field(Id::H03, Severity::Error, source, format!(
            "the field's name \"{target}\" has other characters than A to Z, a to z, 0 to 9 and _; \
             rename it"
        ));
    }
}

fn kind(schema: &TargetSchema, field: &Field, findings: &mut Findings) {
    let (source, target) = (&field.source, &field.target);
    let Some(kind) = Kind::parse(&field.kind) else {
        findings.field(
            Id::H09,
            Severity::Error,
            source,
            format!(
                "the type \"{}\" is none the service has; it has EmailType, StringType, \
                 DateTime_MMDDYYYY, DateTime_DDMMYYYY, double, int32 and Boolean",
                field.kind
            ),
        );
        return;
    };
    if let Some(reserved) = schema.reserved(target).filter(|field| !field.kind.is_like(kind)) {
        findings.field(
            Id::H09,
            Severity::Error,
            source,
            format!(
                "{target} is of type {}, not {}; change the type in the mapping",
                reserved.kind.word(),
                field.kind
            ),
        );
    }
}
