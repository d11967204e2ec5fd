//! Compares the header with the mapping.

use std::collections::{HashMap, HashSet};

use super::{
    CheckOptions,
    findings::{Findings, some_of},
    mapping::check_mapping,
    text,
};
use crate::schema::{
    Connector, Field, Id, Kind, Mapping, Refresh, Severity, Unmapped,
    fields::{Reserved, Role},
};

/// One column that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its index in the file, from 0.
    pub(super) position: usize,
    /// Its header and what it is mapped to.
    pub(super) field: Field,
    /// The type of its values; text if the type is unknown.
    pub(super) kind: Kind,
    /// The reserved field that it is mapped to, if any.
    pub(super) reserved: Option<&'static Reserved>,
    /// The role of that field in the checks.
    role: Option<Role>,
}

impl Column {
    #[inline]
    pub(super) fn is(&self, role: Role) -> bool {
        self.role == Some(role)
    }

    /// Whether every row must have a value.
    pub(super) fn needs_value(&self, refresh: Refresh) -> bool {
        self.is(Role::PersonId)
            || self.is(Role::EffectiveDate)
            || (self.is(Role::Organization) && refresh == Refresh::Full)
    }
}

/// Most attributes that the service accepts. Source: "Prepare organizational data".
pub(super) const MAX_FIELDS: usize = 105;

/// A valid header.
#[derive(Debug)]
pub(super) struct Header {
    /// The columns that are kept, in the file's order.
    pub(super) columns: Vec<Column>,
    /// The number of columns in the file.
    pub(super) width: usize,
    /// The name of each column in a report.
    pub(super) names: Vec<String>,
    /// The names of the columns that are dropped.
    pub(super) dropped: Vec<String>,
    /// Mapped columns that are missing from the file.
    pub(super) absent: Vec<String>,
    /// Which columns are kept.
    is_kept: Vec<bool>,
    /// Whether the line has all required columns, so that it is certainly the header.
    is_certain: bool,
    /// The physical line of the header.
    line: u64,
}

/// Finds each mapped column in the header, and adds a finding for each mismatch. `None` if the line is not a
/// header: it may be a row of data, so no text of it may be reported.
pub(super) fn check(
    names: &[&[u8]],
    line: u64,
    options: &CheckOptions,
    findings: &mut Findings,
) -> Option<Header> {
    let texts: Vec<&str> =
        names.iter().map(|name| std::str::from_utf8(name).unwrap_or_default()).collect();
    let is_by_name = options.mapping == Mapping::Names;
    // A quotation mark may be missing, and the text after it may be personal data.
    let has_line_break = texts.iter().any(|name| name.contains(['\n', '\r']));
    if is_by_name && has_line_break {
        let message = "A name in the header contains a line break. Write each name on one line, or \
                       close the quotation mark before it.";
        findings.reject(Id::H03, &[line], message.to_owned());
        return None;
    }
    let is_known = |name: &&str| {
        options.schema().reserved(name).is_some() || options.schema().misspelt(name).is_some()
    };
    let fields = match &options.mapping {
        Mapping::Fields(fields) | Mapping::Literal(fields) => fields.clone(),
        Mapping::Names => by_their_names(&texts, options),
    };
    let (columns, absent) = find(&texts, &fields, options);
    if columns.is_empty() || (is_by_name && !texts.iter().any(is_known)) {
        // The line is not the header, so no text of it may be reported.
        let fields = if is_by_name { &[] } else { fields.as_slice() };
        findings.reject(Id::H06, &[line], none_matches(&texts, fields));
        return None;
    }
    if texts.iter().any(|name| name.contains('@')) {
        let message = "The first line contains an email address. Either it is not the header, or the \
                       file has lost its line breaks. Export the file with the header and each row on \
                       its own line.";
        findings.reject(Id::F12, &[line], message.to_owned());
        return None;
    }
    let mut is_kept = vec![false; texts.len()];
    for column in &columns {
        is_kept[column.position] = true;
    }
    let has = |target: &&str| columns.iter().any(|column| column.field.target == **target);
    // If the line is not certainly the header, columns that are not mapped may be data.
    let is_certain = !has_line_break && options.required().iter().all(has);
    let shown =
        |position: usize| if is_certain || is_kept[position] { texts[position] } else { "" };
    let names_shown: Vec<String> =
        (0..texts.len()).map(|position| called(position, shown(position))).collect();
    let dropped = (0..texts.len()).filter(|position| !is_kept[*position]);
    let header = Header {
        dropped: dropped.map(|position| names_shown[position].clone()).collect(),
        names: names_shown,
        width: texts.len(),
        absent: absent.iter().map(|field| field.source.clone()).collect(),
        columns,
        is_kept,
        is_certain,
        line,
    };
    check_names(names, &header, options, findings);
    check_equal_names(&texts, &header, options, findings);
    check_mapping(options.schema(), &fields, findings);
    match &options.mapping {
        Mapping::Literal(_) => check_literal(&header, &fields, findings),
        Mapping::Fields(_) => report_absent(&header, &fields, options, findings),
        Mapping::Names => {}
    }
    for target in options.required() {
        check_required(target, options, &fields, &absent, &texts, findings);
    }
    let has_date = header.columns.iter().any(|column| column.is(Role::EffectiveDate));
    if options.connector == Connector::Hr && !has_date {
        let message = "The file has no EffectiveDate, so every row applies from the day of the upload. \
                       To import history, add the column.";
        findings.field(Id::H13, Severity::Warning, "EffectiveDate", message.to_owned());
    }
    let fields = header.columns.len();
    if fields > MAX_FIELDS {
        let message = format!(
            "The file has {fields} fields, but the service accepts {MAX_FIELDS}. Map fewer columns."
        );
        findings.reject(Id::H12, &[line], message);
        return None;
    }
    Some(header)
}

/// Columns named like Viva's fields are those fields; all others are custom text. Custom columns count only
/// if the required ones are present, because the line may be data otherwise.
fn by_their_names(names: &[&str], options: &CheckOptions) -> Vec<Field> {
    let is_certain = options.required().iter().all(|target| names.contains(target));
    let mut seen = HashSet::new();
    let counts = |name: &&&str| {
        !name.trim().is_empty()
            && (is_certain
                || options.schema().reserved(name).is_some()
                || options.schema().misspelt(name).is_some())
    };
    names
        .iter()
        .filter(counts)
        .filter(|name| seen.insert(**name))
        .map(|name| Field {
            source: (*name).to_owned(),
            target: (*name).to_owned(),
            kind: options
                .schema()
                .reserved(name)
                .map_or(Kind::Text, |field| field.kind)
                .word()
                .to_owned(),
        })
        .collect()
}

fn find<'a>(
    names: &[&str],
    fields: &'a [Field],
    options: &CheckOptions,
) -> (Vec<Column>, Vec<&'a Field>) {
    let mut positions = HashMap::new();
    for (position, name) in names.iter().enumerate() {
        positions.entry(*name).or_insert(position);
    }
    let (mut columns, mut absent) = (vec![], vec![]);
    for field in fields {
        // Removed, so that of two fields with the same source the first one counts.
        match positions.remove(field.source.as_str()) {
            Some(position) => {
                let reserved = options.schema().reserved(&field.target);
                columns.push(Column {
                    position,
                    kind: Kind::parse(&field.kind).unwrap_or(Kind::Text),
                    reserved,
                    role: reserved.map(|reserved| reserved.role),
                    field: field.clone(),
                });
            }
            None => absent.push(field),
        }
    }
    columns.sort_by_key(|column| column.position);
    (columns, absent)
}

/// The name of a column in a report: its header if that is short and plain, otherwise its position.
fn called(position: usize, name: &str) -> String {
    let is_plain = !name.trim().is_empty() && name.len() <= 100;
    if is_plain && !name.contains(char::is_control) {
        name.to_owned()
    } else {
        by_position(position)
    }
}

fn by_position(position: usize) -> String {
    format!("column {}", position + 1)
}

/// Checks that each column has a readable name. Dropped columns need none.
fn check_names(names: &[&[u8]], header: &Header, options: &CheckOptions, findings: &mut Findings) {
    for (position, name) in names.iter().enumerate() {
        let matters = header.is_kept[position] || !options.drops_unmapped();
        // An unreadable name may be that of a required column.
        if std::str::from_utf8(name).is_err() && (matters || !header.is_certain) {
            findings.header(Id::F04, header.line, position, text::not_utf8(name).to_owned());
        } else if name.trim_ascii().is_empty() && matters {
            let message = "The column has no name. Name it, or remove it.";
            findings.header(Id::H02, header.line, position, message.to_owned());
        }
    }
}

/// Equal names are a fault if both columns are kept, or if the mapping could mean either of them.
fn check_equal_names(
    names: &[&str],
    header: &Header,
    options: &CheckOptions,
    findings: &mut Findings,
) {
    let mut firsts: HashMap<String, usize> = HashMap::new();
    for (position, name) in names.iter().enumerate().filter(|(_, name)| !name.trim().is_empty()) {
        let first = *firsts.entry(name.trim().to_lowercase()).or_insert(position);
        let both = header.is_kept[first] && header.is_kept[position];
        let either = names[first] == *name && header.is_kept[first];
        if first != position && (!options.drops_unmapped() || both || either) {
            let message = format!(
                "The column has the same name as {} (case and surrounding spaces are ignored). Rename \
                 one of them.",
                by_position(first)
            );
            findings.header(Id::H01, header.line, position, message);
        }
        if header.is_kept[position] && !header.is_kept[first] {
            firsts.insert(name.trim().to_lowercase(), position);
        }
    }
}

/// Checks that metadata.json and the header have the same columns.
fn check_literal(header: &Header, fields: &[Field], findings: &mut Findings) {
    for name in &header.dropped {
        findings.field(Id::H06, Severity::Error, name, format!(
            "The column \"{name}\" is in the file but not in metadata.json. Map it in metadata.json, or \
             remove it from the file."
        ));
    }
    for name in &header.absent {
        findings.field(
            Id::H06,
            Severity::Error,
            name,
            format!(
                "The column \"{name}\" is in metadata.json but not in the header. Remove it from \
             metadata.json, or add it to the file. Case and spaces must match."
            ),
        );
    }
    if header.width != fields.len() {
        findings.file(
            Id::H07,
            Severity::Error,
            &[header.line],
            format!(
                "Columns in the header: {}, fields in metadata.json: {}. Map every column of the file, \
                 and no other.",
                header.width,
                fields.len()
            ),
        );
    }
}

/// Reports mapped columns that the file does not have. Only the required ones are errors.
fn report_absent(
    header: &Header,
    fields: &[Field],
    options: &CheckOptions,
    findings: &mut Findings,
) {
    let has_a_rule =
        |target: &str| options.required().contains(&target) || target == "EffectiveDate";
    let reported: HashSet<&str> = fields
        .iter()
        .filter(|field| has_a_rule(&field.target))
        .map(|field| field.source.as_str())
        .collect();
    for name in header.absent.iter().filter(|name| !reported.contains(name.as_str())) {
        let message = format!(
            "The column \"{name}\" is mapped but missing from the file, so the field is not imported. If it \
             is missing by mistake, add it to the export."
        );
        findings.field(Id::H06, Severity::Warning, name, message);
    }
}

/// Reports columns that the connection does not map. If the file has no row, they are called by their
/// positions: the line may then contain the whole file.
pub(super) fn report_dropped(
    header: &mut Header,
    has_rows: bool,
    options: &CheckOptions,
    findings: &mut Findings,
) {
    if !has_rows {
        let dropped = (0..header.width).filter(|position| !header.is_kept[*position]);
        header.dropped = dropped.map(by_position).collect();
    }
    if header.dropped.is_empty() || !matches!(options.mapping, Mapping::Fields(_)) {
        return;
    }
    let dropped = some_of(&header.dropped);
    let (severity, message) = match options.unmapped() {
        Unmapped::Drop => {
            let message = format!(
                "Not mapped, so dropped before the file is sent: {dropped}. To import a column, add it \
                 to the mapping."
            );
            (Severity::Hint, message)
        }
        Unmapped::Refuse => (
            Severity::Error,
            format!(
                "Not mapped: {dropped}. Map these columns, remove them from the export, or add \
                 \"unmappedColumns\": \"drop\" to the connection."
            ),
        ),
    };
    findings.file(Id::H06, severity, &[header.line], message);
}

fn check_required(
    target: &str,
    options: &CheckOptions,
    fields: &[Field],
    absent: &[&Field],
    names: &[&str],
    findings: &mut Findings,
) {
    let refresh = options.refresh.as_ref();
    let message = if let Some(field) = absent.iter().find(|field| field.target == target) {
        let near = names.iter().position(|name| name.trim().eq_ignore_ascii_case(&field.source));
        let rest = match near {
            Some(position) => format!(
                "; {} differs only in case or spaces. Use the same spelling in both",
                by_position(position)
            ),
            None => ". Add the column, or correct the mapping".to_owned(),
        };
        format!("The file has no column \"{}\", which is mapped to {target}{rest}.", field.source)
    } else if fields.iter().any(|field| field.target == target) {
        return;
    } else if options.mapping == Mapping::Names {
        format!("The file has no column {target}, which a {refresh} refresh requires. Add it.")
    } else {
        format!("No column is mapped to {target}, which a {refresh} refresh requires. Map one.")
    };
    findings.field(Id::H13, Severity::Error, target, message);
}

fn none_matches(names: &[&str], fields: &[Field]) -> String {
    let near = names.iter().any(|name| {
        fields.iter().any(|field| field.source.trim().eq_ignore_ascii_case(name.trim()))
    });
    if near {
        return "The names in the first line differ from the mapped names in case or spaces. Use the \
                same spelling in both."
            .to_owned();
    }
    if fields.is_empty() {
        return "The first line has none of Viva's field names (PersonId, ...). It must be the header. If \
                your columns have other names, use `--mapping FILE`."
            .to_owned();
    }
    let mapped: Vec<&str> = fields.iter().take(5).map(|field| field.source.as_str()).collect();
    format!(
        "The first line has none of the mapped columns ({}, ...). It must be the header, spelled as in \
         the mapping.",
        mapped.join(", ")
    )
}
