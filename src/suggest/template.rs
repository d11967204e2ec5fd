//! `viva-import learn`: the dialect of Microsoft's own template, for a connection.
//!
//! The portal gives a template of metadata.json, alone or in a zip. It shows what no page says for
//! certain: the mapping's key, how `IsBootstrap` and the types are spelt, and the files' names.
//! What is learnt is told and, where a connection is named, written into its document, which keeps
//! everything else. A document that would not be valid is never written.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read, Seek, Write as _},
    path::Path,
};

use serde_json::{Map, Value, json};
use zip::ZipArchive;

use self::inferred_dialect::InferredDialect;
use crate::{
    connection::{Connection, MAX_BYTES},
    outcome::{CommandError, CommandOutput},
    schema::{Dialect, IsBootstrap, Refresh, Target, document, is_file_name, sentence},
};

mod inferred_dialect;

/// Learns what the template says and tells it.
///
/// # Errors
/// The template or the connection is no use, or a file cannot be read or written.
pub fn run(template: &Path, connection: Option<&Path>) -> Result<CommandOutput, CommandError> {
    let template = Template::open(template)?;
    let mut stored = connection.map(Stored::open).transpose()?;
    let connection = stored.as_ref().map(|stored| &stored.connection);
    let lesson = inferred_dialect::learn(&template, connection).map_err(CommandError::Refused)?;
    if let Some(stored) = &mut stored {
        stored.teach(&lesson.dialect)?;
    }
    let told = Told { lesson: &lesson, stored: stored.as_ref() };
    Ok(CommandOutput::done(told.text(), told.json()))
}

/// A template as it was given.
#[derive(Debug)]
struct Template {
    /// What its metadata.json says.
    members: Map<String, Value>,
    /// The name of the data in the zip, where it came in one that has such a file.
    data_file: Option<String>,
    /// The name of the metadata in the zip, where it came in one.
    metadata_file: Option<String>,
}

impl Template {
    /// Reads the template at `path`; what begins like a zip is one.
    fn open(path: &Path) -> Result<Self, CommandError> {
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
        let broken = |_| "the zip cannot be read; download the template again".to_owned();
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
                let why = "the zip has several metadata.json that differ; take the right one out \
                           of it and name that one";
                return Err(why.to_owned());
            }
            found = Some(members);
        }
        let members =
            found.ok_or("the zip has no metadata.json, or cannot be told which file it is")?;
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
        return Err(format!("it is larger than {MAX_BYTES} bytes, so it is no metadata.json"));
    }
    let text = std::str::from_utf8(document::unmarked(text))
        .map_err(|_| "metadata.json is not UTF-8; save it as UTF-8".to_owned())?;
    let (value, repeated) = document::parse(text).map_err(|error| {
        format!(
            "metadata.json is not JSON: it breaks at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    if let Some(pointer) = repeated.first() {
        return Err(format!("{pointer:?} stands twice in metadata.json; take one of them out"));
    }
    if let Value::Object(members) = value {
        return Ok(members);
    }
    Err("metadata.json must be an object".to_owned())
}

/// A connection's document on this machine.
struct Stored {
    /// Where it is, links followed.
    path: std::path::PathBuf,
    members: Value,
    connection: Connection,
    is_changed: bool,
}

impl Stored {
    fn open(path: &Path) -> Result<Self, CommandError> {
        let fail = |error| CommandError::cannot_read(path, &error);
        let bytes = fs::read(path).map_err(fail)?;
        let connection = parse_connection(path, &bytes, "cannot be used")?;
        let members = serde_json::from_slice(document::unmarked(&bytes)).unwrap_or_default();
        let path = path.canonicalize().map_err(fail)?;
        Ok(Self { path, members, connection, is_changed: false })
    }

    /// Writes the dialect into the document, all of it or nothing.
    fn teach(&mut self, dialect: &Dialect) -> Result<(), CommandError> {
        let dialect = dialect.document();
        self.is_changed = self.members["dialect"] != dialect;
        if !self.is_changed {
            return Ok(());
        }
        self.members["dialect"] = dialect;
        let text = format!("{:#}\n", self.members);
        self.connection = parse_connection(
            &self.path,
            text.as_bytes(),
            "would not be valid and is left as it was",
        )?;
        replace(&self.path, text.as_bytes())
            .map_err(|error| CommandError::cannot_write(&self.path, &error))
    }
}

fn parse_connection(path: &Path, document: &[u8], what: &str) -> Result<Connection, CommandError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Connection::parse(&name, document).map_err(|faults| {
        CommandError::Refused(format!("{} {what}: {}", path.display(), sentence(&faults)))
    })
}

/// Replaces a file by a new one beside it, so that nobody ever reads half of it.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// What is told.
struct Told<'a> {
    lesson: &'a InferredDialect,
    stored: Option<&'a Stored>,
}

impl Told<'_> {
    /// Each thing learnt: where it stands in the dialect, what it is, and what it is by default.
    fn learnt(&self) -> Vec<(String, String, String)> {
        let (dialect, default) = (&self.lesson.dialect, Target::default().schema().dialect());
        let written = |is_bootstrap: IsBootstrap| is_bootstrap.value(Refresh::Full).to_string();
        let quoted = |text: &str| Value::from(text).to_string();
        let mut learnt = vec![
            ("mappingKey", quoted(dialect.mapping_key()), quoted(default.mapping_key())),
            ("isBootstrap", written(dialect.is_bootstrap), written(default.is_bootstrap)),
            ("dataFile", quoted(&dialect.data_file), quoted(&default.data_file)),
            ("metadataFile", quoted(&dialect.metadata_file), quoted(&default.metadata_file)),
        ];
        let types = dialect.types.iter();
        learnt.extend(types.map(|(kind, word)| (kind.word(), quoted(word), quoted(kind.word()))));
        learnt.into_iter().map(|(what, is, was)| (what.to_owned(), is, was)).collect()
    }

    /// The fields the template has and the mapping has not, and the other way round.
    fn apart(&self) -> Option<(Vec<&str>, Vec<&str>)> {
        let fields = &self.stored?.connection.mapping;
        let template: Vec<&str> = self.lesson.fields.iter().map(String::as_str).collect();
        let mapped: Vec<&str> = fields.iter().map(|field| field.target.as_str()).collect();
        Some((without(&template, &mapped), without(&mapped, &template)))
    }

    fn text(&self) -> String {
        let mut text = "The template says:\n".to_owned();
        for (what, is, was) in self.learnt() {
            let differs = if is == was { String::new() } else { format!("   (by default {was})") };
            text.push_str(&format!("  {what:<18} {is}{differs}\n"));
        }
        if self.learnt().iter().all(|(_, is, was)| is == was) {
            text.push_str("Nothing differs from the defaults.\n");
        }
        for note in &self.lesson.notes {
            text.push_str(&format!("Note: {note}.\n"));
        }
        if let Some((template, mapped)) = self.apart() {
            for (what, names) in [
                ("Fields of the template that the connection does not map", template),
                ("Fields of the connection that the template does not have", mapped),
            ] {
                if !names.is_empty() {
                    text.push_str(&format!("{what}: {}.\n", names.join(", ")));
                }
            }
        }
        text.push_str(&match self.stored {
            Some(stored) if stored.is_changed => {
                format!(
                    "Written into {} as its \"dialect\"; the whole document is written anew, each \
                     member on a line of its own.\n",
                    stored.path.display()
                )
            }
            Some(stored) => format!("{} says so already.\n", stored.path.display()),
            None => "Nothing is written; name a connection with --connection to have it keep \
                     this.\n"
                .to_owned(),
        });
        text
    }

    fn json(&self) -> Value {
        let learnt = self.learnt();
        let differs: Vec<&String> =
            learnt.iter().filter(|(_, is, was)| is != was).map(|(what, ..)| what).collect();
        let (template, mapped) = self.apart().unzip();
        json!({
            "dialect": self.lesson.dialect.document(),
            "differs": differs,
            "notes": self.lesson.notes,
            "onlyInTemplate": template,
            "onlyInConnection": mapped,
            "written": self.stored.is_some_and(|stored| stored.is_changed),
        })
    }
}

fn without<'a>(names: &[&'a str], others: &[&str]) -> Vec<&'a str> {
    let others: HashSet<&str> = others.iter().copied().collect();
    names.iter().copied().filter(|name| !others.contains(name)).collect()
}

#[cfg(test)]
mod tests;
