//! A template, alone or in a zip, and what is read from it: the dialect, and notes on what is unusual.

use std::{
    fs::File,
    io::{self, Read, Seek as _},
    path::Path,
};

use serde_json::{Map, Value};
use zip::ZipArchive;

use crate::{
    check::metadata_members,
    connection::{Connection, MAX_BYTES},
    outcome::CommandError,
    schema::{Connector, Dialect, IsBootstrap, Kind, Order, Target, is_file_name},
};

/// A template.
#[derive(Debug)]
pub(super) struct Template {
    /// The members of its metadata.json.
    members: Map<String, Value>,
    /// The name of the data file in the zip, if there is one.
    data_file: Option<String>,
    /// The name of the metadata file in the zip, if it is a zip.
    metadata_file: Option<String>,
}

impl Template {
    /// Reads the template at `path`; a file that begins with `PK` is a zip.
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        let fail = |error: io::Error| CommandError::cannot_read(path, &error);
        let mut file = File::open(path).map_err(fail)?;
        let mut start = vec![];
        (&file).take(2).read_to_end(&mut start).map_err(fail)?;
        file.rewind().map_err(fail)?;
        if start == *b"PK" {
            return Self::unzip(file).map_err(CommandError::Refused);
        }
        let members = read_members(file).map_err(fail)?.map_err(CommandError::Refused)?;
        Ok(Self { members, data_file: None, metadata_file: None })
    }

    fn unzip(file: File) -> Result<Self, String> {
        let broken = |_| "the zip cannot be read\nDownload the template again.".to_owned();
        let mut archive = ZipArchive::new(file).map_err(broken)?;
        let mut names = vec![];
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(broken)?;
            names.push(entry.name().unwrap_or_default().into_owned());
        }
        let plain = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let of_kind = |ending| {
            let is_wanted = |name: &&String| {
                !name.starts_with("__MACOSX") && is_file_name(&plain(name), ending)
            };
            names.iter().filter(is_wanted).collect::<Vec<_>>()
        };
        let jsons = of_kind("json");
        let is_metadata = |name: &&String| plain(name).eq_ignore_ascii_case("metadata.json");
        let metadata = match jsons[..] {
            [_] => jsons,
            _ => jsons.into_iter().filter(is_metadata).collect(),
        };
        let data_file = match of_kind("csv")[..] {
            [one] => Some(plain(one)),
            _ => None,
        };
        let mut found: Option<Map<String, Value>> = None;
        for name in &metadata {
            let entry = archive.by_name(name).map_err(broken)?;
            let members = read_members(entry).map_err(|error| broken(error.into()))??;
            if found.as_ref().is_some_and(|first| *first != members) {
                let why = "the zip contains different files metadata.json\nExtract the right one, and \
                           name that file.";
                return Err(why.to_owned());
            }
            found = Some(members);
        }
        let members = found
            .ok_or("the zip contains no metadata.json\nExtract the right file, and name it.")?;
        let metadata_file = metadata.first().map(|name| plain(name));
        Ok(Self { members, data_file, metadata_file })
    }
}

/// The members of a metadata.json.
fn read_members(input: impl Read) -> io::Result<Result<Map<String, Value>, String>> {
    let mut text = vec![];
    input.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(parse_members(&text))
}

fn parse_members(text: &[u8]) -> Result<Map<String, Value>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "the file is larger than {MAX_BYTES} bytes, so it is not a metadata.json"
        ));
    }
    let (members, repeated) = metadata_members(text)?;
    match repeated.first() {
        Some(pointer) => Err(format!("{pointer:?} appears twice in metadata.json\nDelete one.")),
        None => Ok(members),
    }
}

/// What was read from a template.
#[derive(Debug)]
pub(super) struct InferredDialect {
    /// The dialect.
    pub(super) dialect: Dialect,
    /// The fields of the template.
    pub(super) fields: Vec<String>,
    /// Notes for a person, one sentence each, without the period at the end.
    pub(super) notes: Vec<String>,
}

/// Reads the dialect from a template. What the template does not define stays as in the connection.
///
/// # Errors
/// If the file is not a usable template.
pub(super) fn learn(
    template: &Template,
    connection: Option<&Connection>,
) -> Result<InferredDialect, String> {
    let members = &template.members;
    if !Dialect::FIXED_KEYS.iter().any(|key| members.contains_key(*key)) {
        let why = "the file has neither DatasetType nor IsBootstrap, so it is not a metadata.json\nUse the \
                   portal's template without changes.";
        return Err(why.to_owned());
    }
    let (key, mapping) = mapping(members)?;
    let dialect = connection
        .map_or_else(|| Target::default().schema().dialect(), |known| known.dialect.clone());
    let mut inferred = InferredDialect { dialect, fields: vec![], notes: vec![] };
    inferred.dialect.mapping_key = Some(key.clone());
    inferred.dataset(members, connection.map(|known| known.caller.connector))?;
    inferred.is_bootstrap(members);
    for (found, name) in [
        (&template.data_file, &mut inferred.dialect.data_file),
        (&template.metadata_file, &mut inferred.dialect.metadata_file),
    ] {
        if let Some(found) = found {
            name.clone_from(found);
        }
    }
    inferred.types(mapping);
    inferred.unseen(connection);
    let is_known = |name: &&String| Dialect::FIXED_KEYS.contains(&name.as_str()) || *name == key;
    for name in members.keys().filter(|name| !is_known(name)) {
        inferred.notes.push(format!("The template also has {name:?}, which is ignored"));
    }
    Ok(inferred)
}

/// The one member whose members have a name and a type.
fn mapping(members: &Map<String, Value>) -> Result<(&String, &Map<String, Value>), String> {
    let is_mapping = |members: &Map<String, Value>| {
        members.values().all(Value::is_object) && members.values().any(is_entry)
    };
    let objects = members.iter().filter_map(|(key, value)| Some((key, value.as_object()?)));
    let found: Vec<_> = objects.filter(|(_, members)| is_mapping(members)).collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err("metadata.json has no mapping of columns to fields with \"name\" and \"type\"\nUse the \
                   portal's template without changes."
            .to_owned()),
        _ => Err("metadata.json has several mappings\nDelete all but the right one.".to_owned()),
    }
}

impl InferredDialect {
    /// The template must be for the connection's connector, or without a connection for any connector.
    fn dataset(
        &mut self,
        members: &Map<String, Value>,
        ours: Option<Connector>,
    ) -> Result<(), String> {
        let word = members.get(Dialect::CONNECTOR_KEY).and_then(Value::as_str);
        match (word, word.and_then(|word| word.parse::<Connector>().ok()), ours) {
            (None, ..) => {
                let ours = ours.map_or("the connection's connector", <&str>::from);
                self.notes.push(format!("The template has no DatasetType; {ours} is written"));
                Ok(())
            }
            (_, Some(theirs), Some(ours)) if theirs == ours => Ok(()),
            (_, Some(_), None) => Ok(()),
            (Some(word), _, Some(ours)) => Err(format!(
                "the template is for {word:?}, but the connection is for {}\nUse the template of that \
                 connector.",
                ours.as_ref()
            )),
            (Some(word), None, None) => Err(format!(
                "the template is for {word:?}, not for {} or {}\nUse the template of one of these \
                 connectors.",
                Connector::Hr.as_ref(),
                Connector::Survey.as_ref()
            )),
        }
    }

    fn is_bootstrap(&mut self, members: &Map<String, Value>) {
        match members.get(Dialect::REFRESH_KEY).map(IsBootstrap::of) {
            Some(Some(written)) => self.dialect.is_bootstrap = written,
            other => {
                let fault =
                    if other.is_some() { "is neither true nor false" } else { "is missing" };
                self.notes
                    .push(format!("IsBootstrap {fault} in the template; it is written as before"));
            }
        }
    }

    fn types(&mut self, mapping: &Map<String, Value>) {
        let mut types: Vec<(Kind, String)> = vec![];
        for (source, entry) in mapping {
            if !is_entry(entry) {
                self.notes.push(format!("{source:?} has no name or no type and is ignored"));
                continue;
            }
            let (name, word) = (text(entry, "name"), text(entry, "type"));
            self.fields.push(name.to_owned());
            for member in entry.as_object().into_iter().flat_map(Map::keys) {
                if !["name", "type"].contains(&member.as_str()) {
                    let note = format!("{source:?} also has {member:?}, which is ignored");
                    self.notes.push(note);
                }
            }
            let Some(kind) = self.kind(name, word) else { continue };
            match types.iter().find(|(known, _)| *known == kind) {
                None => types.push((kind, word.to_owned())),
                Some((_, first)) if first == word => {}
                Some((_, first)) => self.notes.push(format!(
                    "{name:?} has the type {word:?}, but other fields of the same type have {first:?}, \
                     which is written for all of them"
                )),
            }
        }
        let place = |kind: &Kind| Kind::ALL.iter().position(|one| one == kind);
        types.sort_by_key(|(kind, _)| place(kind));
        self.dialect.types = types;
    }

    /// Adds a note on the types of the connection's mapping that no field of the template has.
    fn unseen(&mut self, connection: Option<&Connection>) {
        let mapping = connection.into_iter().flat_map(|known| &known.mapping);
        let used: Vec<Kind> = mapping.filter_map(|field| Kind::parse(&field.kind)).collect();
        let is_seen = |kind: &Kind| self.dialect.types.iter().any(|(seen, _)| seen == kind);
        let unseen = Kind::ALL.into_iter().filter(|kind| used.contains(kind) && !is_seen(kind));
        let unseen: Vec<&str> = unseen.map(Kind::word).collect();
        if !unseen.is_empty() {
            self.notes.push(format!(
                "The template has no field of these types; they are written as in the mapping: {}",
                unseen.join(", ")
            ));
        }
    }

    /// The meaning of a type's spelling: by the spelling, otherwise by the field.
    fn kind(&mut self, name: &str, word: &str) -> Option<Kind> {
        let (known, field) = (Kind::parse(word), Target::default().schema().reserved_kind(name));
        match (known, field) {
            (Some(known), Some(field)) if !known.is_like(field) => self.notes.push(format!(
                "{name:?} has the type {word:?}, but {0} is expected. `viva-import check` still requires \
                 {0}, and metadata.json will have the spelling of {0} there, not {word:?}",
                field.word()
            )),
            (None, None) => self.notes.push(format!(
                "{name:?} has the type {word:?}, which is not known and is ignored"
            )),
            (None, Some(Kind::Date(_))) => {
                let order = if is_day_first(word) { Order::DayFirst } else { Order::MonthFirst };
                let kind = Kind::Date(order);
                self.notes.push(format!(
                    "{name:?} has the type {word:?}, which is not known. It is read as {}; check in the \
                     portal whether month or day comes first",
                    kind.word()
                ));
                return Some(kind);
            }
            (None, Some(field)) => self.notes.push(format!(
                "{name:?} has the type {word:?}, which is not known. It is read as {}",
                field.word()
            )),
            (Some(_), _) => {}
        }
        known.or(field)
    }
}

fn is_day_first(word: &str) -> bool {
    let letters = word.chars().filter(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect::<String>().contains("ddmm")
}

fn is_entry(entry: &Value) -> bool {
    !text(entry, "name").trim().is_empty() && !text(entry, "type").trim().is_empty()
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap_or_default()
}
