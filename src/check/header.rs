//! The header held against the mapping.

use super::{
    fields::{Kind, Reserved, Role, misspelt, reserved_field},
    findings::Findings,
    formats, mapping,
    rules::{Id, Severity},
    terms::{Mapping, Terms, Unmapped},
};
use crate::{connection::Field, run::Refresh};

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
}

impl Column {
    pub(super) fn is(&self, role: Role) -> bool {
        self.reserved.is_some_and(|field| field.role == role)
    }

    /// Whether every row must have a value.
    pub(super) fn needs_value(&self, refresh: Refresh) -> bool {
        self.is(Role::PersonId)
            || self.is(Role::EffectiveDate)
            || (self.is(Role::Organization) && refresh == Refresh::Full)
    }
}

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
    /// The physical line it stands in.
    line: u64,
}

impl Header {
    fn keeps(&self, position: usize) -> bool {
        self.columns.iter().any(|column| column.position == position)
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

/// Finds each mapped column in the header and notes what does not fit. `None` where the line is
/// no header at all: a row of data, perhaps, of which nothing may be told.
pub(super) fn hold(
    names: &[&[u8]],
    line: u64,
    terms: &Terms,
    findings: &mut Findings,
) -> Option<Header> {
    let texts: Vec<&str> =
        names.iter().map(|name| std::str::from_utf8(name).unwrap_or_default()).collect();
    // A quotation mark may have been lost, and what follows may be people's data.
    let broken = texts.iter().position(|name| name.contains(['\n', '\r']));
    if let Some(position) = broken.filter(|_| terms.mapping == Mapping::Names) {
        let message = "the header has a line break in a name; write the name on one line, or close \
                       the quotation mark before it";
        findings.header(Id::H03, line, position, message.to_owned());
        return None;
    }
    let fields = match &terms.mapping {
        Mapping::Fields(fields) | Mapping::Literal(fields) => fields.clone(),
        Mapping::Names => by_their_names(&texts),
    };
    let (columns, absent) = find(&texts, &fields);
    let is_mapped = |name: &str| fields.iter().any(|field| field.source == name);
    let is_shown = |name: &&str| broken.is_none() || is_mapped(name);
    let shown: Vec<&str> =
        texts.iter().map(|name| if is_shown(name) { *name } else { "" }).collect();
    let header = Header {
        cut: cut(&shown, &columns),
        names: shown.iter().enumerate().map(|(at, name)| called(at, name)).collect(),
        width: texts.len(),
        columns,
        absent: absent.iter().map(|field| field.source.clone()).collect(),
        line,
    };
    let is_by_name = terms.mapping == Mapping::Names;
    let is_known = |name: &&str| reserved_field(name).is_some() || misspelt(name).is_some();
    if header.columns.is_empty() || (is_by_name && !texts.iter().any(is_known)) {
        // Whatever else is wrong with this line, it is not the header, and nothing of it is told.
        let fields = if is_by_name { &[] } else { fields.as_slice() };
        findings.file(Id::H06, Severity::Error, &[line], none_matches(&texts, fields));
        return None;
    }
    if texts.iter().any(|name| name.contains('@')) {
        // Nothing of such a line is told.
        let message = "the first line has an address in it: the line breaks of the whole file were \
                       lost, or it is no header; the header and each row must be a line of its own";
        findings.file(Id::F12, Severity::Error, &[line], message.to_owned());
        return None;
    }
    refuse_unnamed(names, &header, terms, findings);
    refuse_equal_names(&texts, &header, terms, findings);
    mapping::hold(&fields, findings);
    refuse_too_many(&header, findings);
    match &terms.mapping {
        Mapping::Literal(_) => literally(&header, &fields, findings),
        Mapping::Fields(_) => tell_unmapped(&header, &fields, terms, findings),
        Mapping::Names => {}
    }
    for target in required(terms.refresh) {
        refuse_missing(target, terms, &fields, &absent, &texts, findings);
    }
    if !header.columns.iter().any(|column| column.is(Role::EffectiveDate)) {
        findings.field(
            Id::H13,
            Severity::Warning,
            "EffectiveDate",
            "the file brings no \
            EffectiveDate, so every row counts from the day of the upload; add the column to bring \
            history"
                .to_owned(),
        );
    }
    Some(header)
}

/// Columns with Viva's own names are those fields, all others custom text.
fn by_their_names(names: &[&str]) -> Vec<Field> {
    let mut fields: Vec<Field> = vec![];
    for name in names.iter().filter(|name| !name.trim().is_empty()) {
        if fields.iter().all(|field| field.source != *name) {
            let kind = reserved_field(name).map_or(Kind::Text, |field| field.kind);
            fields.push(Field {
                source: (*name).to_owned(),
                target: (*name).to_owned(),
                kind: kind.word().to_owned(),
            });
        }
    }
    fields
}

fn find<'a>(names: &[&str], fields: &'a [Field]) -> (Vec<Column>, Vec<&'a Field>) {
    let (mut columns, mut absent) = (vec![], vec![]);
    for field in fields {
        match names.iter().position(|name| *name == field.source) {
            Some(position) if columns.iter().all(|c: &Column| c.position != position) => {
                columns.push(Column {
                    position,
                    kind: Kind::parse(&field.kind).unwrap_or(Kind::Text),
                    reserved: reserved_field(&field.target),
                    field: field.clone(),
                });
            }
            Some(_) => {}
            None => absent.push(field),
        }
    }
    columns.sort_by_key(|column| column.position);
    (columns, absent)
}

fn cut(names: &[&str], columns: &[Column]) -> Vec<String> {
    let is_kept = |position| columns.iter().any(|column| column.position == position);
    let cut = names.iter().enumerate().filter(|(position, _)| !is_kept(*position));
    cut.map(|(position, name)| called(position, name)).collect()
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
fn refuse_unnamed(names: &[&[u8]], header: &Header, terms: &Terms, findings: &mut Findings) {
    for (position, name) in names.iter().enumerate() {
        if std::str::from_utf8(name).is_err() {
            let message = format!("the header is {}", formats::not_utf8(name));
            findings.header(Id::F04, header.line, position, message);
        } else if name.trim_ascii().is_empty() && !terms.cuts() {
            let message = "the header has no name here; name the column or remove it";
            findings.header(Id::H02, header.line, position, message.to_owned());
        }
    }
}

/// Equal names are a fault where both columns are kept, or where the mapping means either.
fn refuse_equal_names(names: &[&str], header: &Header, terms: &Terms, findings: &mut Findings) {
    let folded: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
    for (position, name) in folded.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let is_same = |first: &usize| {
            let both = header.keeps(*first) && header.keeps(position);
            let either = names[*first] == names[position] && header.keeps(*first);
            folded[*first] == *name && (!terms.cuts() || both || either)
        };
        if let Some(first) = (0..position).find(is_same) {
            let message = format!(
                "the header is the same as that of {} (capitals and blanks do not count); rename \
                 one",
                by_position(first)
            );
            findings.header(Id::H01, header.line, position, message);
        }
    }
}

fn refuse_too_many(header: &Header, findings: &mut Findings) {
    let fields = header.columns.len();
    if fields > MAX_FIELDS {
        findings.file(
            Id::H12,
            Severity::Error,
            &[header.line],
            format!("{fields} fields, and the service takes {MAX_FIELDS}; map fewer columns"),
        );
    }
}

/// Most attributes the service takes. Source: "Prepare organizational data".
const MAX_FIELDS: usize = 105;

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

/// A connection may name fields the file lacks, and the file may have other columns.
fn tell_unmapped(header: &Header, fields: &[Field], terms: &Terms, findings: &mut Findings) {
    let has_a_rule =
        |target: &str| required(terms.refresh).contains(&target) || target == "EffectiveDate";
    let told: Vec<&str> = fields
        .iter()
        .filter(|field| has_a_rule(&field.target))
        .map(|field| field.source.as_str())
        .collect();
    for name in header.absent.iter().filter(|name| !told.contains(&name.as_str())) {
        findings.field(
            Id::H06,
            Severity::Warning,
            name,
            format!(
                "the connection maps \"{name}\" and the file has no such column; it is left out of \
             metadata.json"
            ),
        );
    }
    if header.cut.is_empty() {
        return;
    }
    let cut = header.cut.join(", ");
    match terms.unmapped() {
        Unmapped::Drop => {
            let message = format!("not mapped and therefore cut, they never leave: {cut}");
            findings.file(Id::H06, Severity::Hint, &[header.line], message);
        }
        Unmapped::Refuse => findings.file(
            Id::H06,
            Severity::Error,
            &[header.line],
            format!(
                "not mapped: {cut}; map these columns, remove them, or let them be cut with \
             \"unmappedColumns\": \"drop\""
            ),
        ),
    }
}

fn refuse_missing(
    target: &str,
    terms: &Terms,
    fields: &[Field],
    absent: &[&Field],
    names: &[&str],
    findings: &mut Findings,
) {
    let refresh = terms.refresh.word();
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
    } else if terms.mapping == Mapping::Names {
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
