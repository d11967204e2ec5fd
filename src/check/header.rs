//! The header held against the mapping.

use std::collections::{HashMap, HashSet};

use super::{
    CheckOptions,
    findings::{Findings, some_of},
    mapping::hold_mapping,
    text,
};
use crate::schema::{
    Connector, Field, Id, Kind, Mapping, Refresh, Severity, Unmapped,
    fields::{Reserved, Role},
};

/// One column that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its place in the file, from 0.
    pub(super) position: usize,
    /// Its header and what it is mapped to.
    pub(super) field: Field,
    /// What its values are; text where the type is none that is known.
    pub(super) kind: Kind,
    /// Viva's own field, where it is one.
    pub(super) reserved: Option<&'static Reserved>,
    /// What that is to the checks.
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

/// Most attributes the service takes. Source: "Prepare organizational data".
const MAX_FIELDS: usize = 105;

/// A header that was understood.
#[derive(Debug)]
pub(super) struct Header {
    /// The columns that are kept, in the file's order.
    pub(super) columns: Vec<Column>,
    /// How many columns the file has.
    pub(super) width: usize,
    /// What to call each column in a report.
    pub(super) names: Vec<String>,
    /// The names of the columns that are cut.
    pub(super) cut: Vec<String>,
    /// Mapped columns that the file lacks.
    pub(super) absent: Vec<String>,
    /// Which columns are kept.
    is_kept: Vec<bool>,
    /// Whether the line brings what is required, so that it is the header for certain.
    is_certain: bool,
    /// The physical line it stands in.
    line: u64,
}

/// Finds each mapped column in the header and notes what does not fit. `None` where the line is
/// no header at all: a row of data, perhaps, of which nothing may be told.
pub(super) fn hold(
    names: &[&[u8]],
    line: u64,
    options: &CheckOptions,
    findings: &mut Findings,
) -> Option<Header> {
    let texts: Vec<&str> =
        names.iter().map(|name| std::str::from_utf8(name).unwrap_or_default()).collect();
    let is_by_name = options.mapping == Mapping::Names;
    // A quotation mark may have been lost, and what follows may be people's data.
    let has_line_break = texts.iter().any(|name| name.contains(['\n', '\r']));
    if is_by_name && has_line_break {
        let message = "the header has a line break in a name; write the name on one line, or close \
                       the quotation mark before it";
        findings.refuse(Id::H03, &[line], message.to_owned());
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
        // Whatever else is wrong with this line, it is not the header, and nothing of it is told.
        let fields = if is_by_name { &[] } else { fields.as_slice() };
        findings.refuse(Id::H06, &[line], none_matches(&texts, fields));
        return None;
    }
    if texts.iter().any(|name| name.contains('@')) {
        let message = "the first line has an address in it: the line breaks of the whole file were \
                       lost, or it is no header; the header and each row must be a line of its own";
        findings.refuse(Id::F12, &[line], message.to_owned());
        return None;
    }
    let mut is_kept = vec![false; texts.len()];
    for column in &columns {
        is_kept[column.position] = true;
    }
    let brings = |target: &&str| columns.iter().any(|column| column.field.target == **target);
    // What is not mapped may be data, where the line is not certain to be the header.
    let is_certain = !has_line_break && options.required().iter().all(brings);
    let shown =
        |position: usize| if is_certain || is_kept[position] { texts[position] } else { "" };
    let names_shown: Vec<String> =
        (0..texts.len()).map(|position| called(position, shown(position))).collect();
    let cut = (0..texts.len()).filter(|position| !is_kept[*position]);
    let header = Header {
        cut: cut.map(|position| names_shown[position].clone()).collect(),
        names: names_shown,
        width: texts.len(),
        absent: absent.iter().map(|field| field.source.clone()).collect(),
        columns,
        is_kept,
        is_certain,
        line,
    };
    refuse_unnamed(names, &header, options, findings);
    refuse_equal_names(&texts, &header, options, findings);
    hold_mapping(options.schema(), &fields, findings);
    match &options.mapping {
        Mapping::Literal(_) => literally(&header, &fields, findings),
        Mapping::Fields(_) => tell_absent(&header, &fields, options, findings),
        Mapping::Names => {}
    }
    for target in options.required() {
        refuse_missing(target, options, &fields, &absent, &texts, findings);
    }
    let has_date = header.columns.iter().any(|column| column.is(Role::EffectiveDate));
    if options.connector == Connector::Hr && !has_date {
        let message = "the file brings no EffectiveDate, so every row counts from the day of the \
                       upload; add the column to bring history";
        findings.field(Id::H13, Severity::Warning, "EffectiveDate", message.to_owned());
    }
    let fields = header.columns.len();
    if fields > MAX_FIELDS {
        let message =
            format!("{fields} fields, and the service takes {MAX_FIELDS}; map fewer columns");
        findings.refuse(Id::H12, &[line], message);
        return None;
    }
    Some(header)
}

/// Columns with Viva's own names are those fields, all others custom text; they are only named
/// where the required ones are there, for else they may be data.
fn by_their_names(names: &[&str], options: &CheckOptions) -> Vec<Field> {
    let is_certain = options.required().iter().all(|target| names.contains(target));
    let mut seen = HashSet::new();
    let is_told = |name: &&&str| {
        !name.trim().is_empty()
            && (is_certain
                || options.schema().reserved(name).is_some()
                || options.schema().misspelt(name).is_some())
    };
    names
        .iter()
        .filter(is_told)
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
        // Taken out: of two fields with one source the first counts.
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

/// What to call a column: by its name if that is short and plain, else by its place.
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

/// What is cut needs no name.
fn refuse_unnamed(
    names: &[&[u8]],
    header: &Header,
    options: &CheckOptions,
    findings: &mut Findings,
) {
    for (position, name) in names.iter().enumerate() {
        let matters = header.is_kept[position] || !options.cuts();
        // What cannot be read may be the name of a column that is missing.
        if std::str::from_utf8(name).is_err() && (matters || !header.is_certain) {
            let message = format!("the header is {}", text::not_utf8(name));
            findings.header(Id::F04, header.line, position, message);
        } else if name.trim_ascii().is_empty() && matters {
            let message = "the header has no name here; name the column or remove it";
            findings.header(Id::H02, header.line, position, message.to_owned());
        }
    }
}

/// Equal names are a fault where both columns are kept, or where the mapping means either.
fn refuse_equal_names(
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
        if first != position && (!options.cuts() || both || either) {
            let message = format!(
                "the header is the same as that of {} (capitals and blanks do not count); rename \
                 one",
                by_position(first)
            );
            findings.header(Id::H01, header.line, position, message);
        }
        if header.is_kept[position] && !header.is_kept[first] {
            firsts.insert(name.trim().to_lowercase(), position);
        }
    }
}

/// metadata.json and the header must be the same set.
fn literally(header: &Header, fields: &[Field], findings: &mut Findings) {
    for name in &header.cut {
        findings.field(Id::H06, Severity::Error, name, format!(
            "the file has the column \"{name}\" and metadata.json does not; map it there or remove \
             the column"
        ));
    }
    for name in &header.absent {
        findings.field(Id::H06, Severity::Error, name, format!(
            "metadata.json has the field \"{name}\" and the header does not; remove it there or \
             add the column (capitals and blanks count)"
        ));
    }
    if header.width != fields.len() {
        findings.file(
            Id::H07,
            Severity::Error,
            &[header.line],
            format!(
                "the header has {} columns and metadata.json {} fields; make them the same",
                header.width,
                fields.len()
            ),
        );
    }
}

/// A connection may name fields the file lacks.
fn tell_absent(header: &Header, fields: &[Field], options: &CheckOptions, findings: &mut Findings) {
    let has_a_rule =
        |target: &str| options.required().contains(&target) || target == "EffectiveDate";
    let told: HashSet<&str> = fields
        .iter()
        .filter(|field| has_a_rule(&field.target))
        .map(|field| field.source.as_str())
        .collect();
    for name in header.absent.iter().filter(|name| !told.contains(name.as_str())) {
        let message = format!(
            "the connection maps \"{name}\" and the file has no such column; it is left out of \
             metadata.json"
        );
        findings.field(Id::H06, Severity::Warning, name, message);
    }
}

/// The file may have columns that a connection does not map. They are called by their places
/// where there is no row: then the whole file may be in this line.
pub(super) fn tell_cut(
    header: &mut Header,
    has_rows: bool,
    options: &CheckOptions,
    findings: &mut Findings,
) {
    if !has_rows {
        let cut = (0..header.width).filter(|position| !header.is_kept[*position]);
        header.cut = cut.map(by_position).collect();
    }
    if header.cut.is_empty() || !matches!(options.mapping, Mapping::Fields(_)) {
        return;
    }
    let cut = some_of(&header.cut);
    let (severity, message) = match options.unmapped() {
        Unmapped::Drop => {
            (Severity::Hint, format!("not mapped and therefore cut, they never leave: {cut}"))
        }
        Unmapped::Refuse => (
            Severity::Error,
            format!(
                "not mapped: {cut}; map these columns, remove them, or let them be cut with \
                 \"unmappedColumns\": \"drop\""
            ),
        ),
    };
    findings.file(Id::H06, severity, &[header.line], message);
}

fn refuse_missing(
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
        let near = near.map_or_else(String::new, |position| {
            format!(" ({} differs from it only in capitals or blanks)", by_position(position))
        });
        format!(
            "the file has no column \"{}\", which is mapped to {target}{near}; add the column or \
             change the mapping",
            field.source
        )
    } else if fields.iter().any(|field| field.target == target) {
        return;
    } else if options.mapping == Mapping::Names {
        format!("the file has no column {target}, which a {refresh} refresh needs; add it")
    } else {
        format!("no column is mapped to {target}, which a {refresh} refresh needs; map one")
    };
    findings.field(Id::H13, Severity::Error, target, message);
}

fn none_matches(names: &[&str], fields: &[Field]) -> String {
    let near = names.iter().any(|name| {
        fields.iter().any(|field| field.source.trim().eq_ignore_ascii_case(name.trim()))
    });
    if near {
        return "the names of the first line differ from the mapped ones in capitals or blanks; \
                spell them alike"
            .to_owned();
    }
    let wanted: Vec<&str> = fields.iter().take(5).map(|field| field.source.as_str()).collect();
    let wanted = if wanted.is_empty() { "PersonId".to_owned() } else { wanted.join(", ") };
    format!(
        "the first line has none of the mapped columns ({wanted}...); it must be the header, spelt \
         as in the mapping"
    )
}
