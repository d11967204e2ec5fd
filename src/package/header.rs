//! The header held against the mapping.

use csv::ByteRecord;

use super::findings::Findings;
use crate::{
    connection::{Connection, Field},
    run::Refresh,
};

/// Which columns of the file are kept, and as what.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Position in the file, and the mapping's field.
    pub(super) kept: Vec<(usize, Field)>,
    /// How many columns the file has.
    pub(super) width: usize,
    /// What a person should know, though nothing is wrong.
    pub(super) notice: Option<String>,
}

impl Columns {
    /// What to call a column in a finding: by its mapped name, else by its position, because a
    /// file without a header has persons' data in its first row.
    pub(super) fn name(&self, position: usize) -> String {
        let kept = self.kept.iter().find(|(kept, _)| *kept == position);
        kept.map_or_else(|| by_position(position), |(_, field)| format!("column {}", field.source))
    }
}

/// Viva's fields that a file must bring.
///
/// Source: "Import organizational data", section "Mapping" of the Data Factory option: all three
/// for a full refresh, PersonId in every upload.
fn required(refresh: Refresh) -> &'static [&'static str] {
    match refresh {
        Refresh::Full => &["PersonId", "ManagerId", "Organization"],
        Refresh::Incremental => &["PersonId"],
    }
}

/// Finds each mapped column in the header; notes what does not fit.
pub(super) fn hold(
    header: &ByteRecord,
    connection: &Connection,
    findings: &mut Findings,
) -> Columns {
    let names: Vec<&str> =
        header.iter().map(|name| std::str::from_utf8(name).unwrap_or_default()).collect();
    let mut kept = vec![];
    let mut absent = vec![];
    for field in &connection.mapping {
        match names.iter().position(|name| *name == field.source) {
            Some(position) => kept.push((position, field.clone())),
            None => absent.push(field),
        }
    }
    kept.sort_by_key(|(position, _)| *position);

    if header.iter().any(|name| name.contains(&b'\r')) {
        findings.add("F03", Some(1), None, || {
            "the lines end in carriage returns alone; export the file with line feeds (LF or CRLF)"
                .to_owned()
        });
    } else if kept.is_empty() {
        // Whatever else is wrong with this line, it is not the header.
        findings.add("H06", Some(1), None, || none_matches(&names, &connection.mapping));
    } else {
        refuse_unnamed(header, findings);
        refuse_equal_names(&names, findings);
        for target in required(connection.refresh) {
            refuse_missing(target, connection, &absent, &names, findings);
        }
    }
    let notice = notice(&kept, &absent, names.len());
    Columns { kept, width: names.len(), notice }
}

fn refuse_unnamed(header: &ByteRecord, findings: &mut Findings) {
    for (position, name) in header.iter().enumerate() {
        let column = Some(by_position(position));
        if std::str::from_utf8(name).is_err() {
            findings.add("F04", Some(1), column, not_utf8);
        } else if name.trim_ascii().is_empty() {
            findings.add("H02", Some(1), column, || {
                "the header has no name here; name the column or remove it".to_owned()
            });
        }
    }
}

fn refuse_equal_names(names: &[&str], findings: &mut Findings) {
    let folded: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
    for (position, name) in folded.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = folded[..position].iter().position(|earlier| earlier == name) {
            findings.add("H01", Some(1), Some(by_position(position)), || {
                format!(
                    "the header is the same as that of {} (capitals and blanks do not count); \
                     rename one",
                    by_position(first)
                )
            });
        }
    }
}

fn refuse_missing(
    target: &str,
    connection: &Connection,
    absent: &[&Field],
    names: &[&str],
    findings: &mut Findings,
) {
    if !connection.mapping.iter().any(|field| field.target == target) {
        findings.add("H13", Some(1), None, || {
            format!(
                "the connection maps no column to {target}, which a {} refresh needs; map one in \
                 connections/{}.json",
                connection.refresh.word(),
                connection.name
            )
        });
    } else if let Some(field) = absent.iter().find(|field| field.target == target) {
        findings.add("H13", Some(1), None, || {
            let near =
                names.iter().position(|name| name.trim().eq_ignore_ascii_case(&field.source));
            let near = near.map_or_else(String::new, |position| {
                format!(" ({} differs from it only in capitals or blanks)", by_position(position))
            });
            format!(
                "the file has no column \"{}\", which the connection maps to {target}{near}; add \
                 the column or change the mapping",
                field.source
            )
        });
    }
}

fn none_matches(names: &[&str], mapping: &[Field]) -> String {
    let other = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let other =
        other.iter().find(|(delimiter, _)| names.len() == 1 && names[0].contains(*delimiter));
    if let Some((_, word)) = other {
        return format!("the columns are separated by {word}; export the file with commas");
    }
    let wanted: Vec<&str> = mapping.iter().take(5).map(|field| field.source.as_str()).collect();
    format!(
        "the first line has none of the mapped columns ({}...); it must be the header, spelt as in \
         the mapping",
        wanted.join(", ")
    )
}

fn notice(kept: &[(usize, Field)], absent: &[&Field], width: usize) -> Option<String> {
    let mut parts = vec![];
    if !absent.is_empty() {
        let names: Vec<&str> = absent.iter().map(|field| field.source.as_str()).collect();
        parts.push(format!("mapped but not in the file: {}", names.join(", ")));
    }
    let cut: Vec<String> = (0..width)
        .filter(|position| !kept.iter().any(|(kept, _)| kept == position))
        .map(|position| (position + 1).to_string())
        .collect();
    if !cut.is_empty() {
        let columns = if cut.len() == 1 { "column" } else { "columns" };
        parts.push(format!("not mapped and therefore cut: {columns} {}", cut.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(super) fn by_position(position: usize) -> String {
    format!("column {}", position + 1)
}

pub(super) fn not_utf8() -> String {
    "not UTF-8; export the file as \"CSV UTF-8\"".to_owned()
}
