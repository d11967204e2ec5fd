//! `viva-import learn-template`: reads the dialect of a connection from the portal's template.
//!
//! The portal offers a template of metadata.json, alone or in a zip. It shows what no documentation defines:
//! the key of the mapping, the spelling of `IsBootstrap` and of the types, and the names of the files. The
//! dialect is shown. If a connection is named, it is also saved in its document, which otherwise stays the
//! same. An invalid document is never written.

use std::{collections::HashSet, fs, io::Write as _, path::Path};

use serde_json::{Value, json};

use self::inferred_dialect::{InferredDialect, Template};
use crate::{
    connection::Connection,
    outcome::{CommandError, CommandOutput},
    schema::{Dialect, IsBootstrap, Refresh, Target, document, sentence},
};

mod inferred_dialect;

/// Reads the dialect from a template, and saves it in a connection's document.
///
/// # Errors
/// If the template or the connection is invalid, or a file cannot be read or written.
pub fn run(
    template: &Path,
    connection: Option<&Path>,
    force: bool,
) -> Result<CommandOutput, CommandError> {
    let template = Template::open(template)?;
    let mut stored = connection.map(Stored::open).transpose()?;
    let connection = stored.as_ref().map(|stored| &stored.connection);
    let inferred = inferred_dialect::learn(&template, connection).map_err(CommandError::Refused)?;
    if let Some(stored) = &mut stored {
        stored.save(&inferred.dialect, force)?;
    }
    let summary = Summary { inferred: &inferred, stored: stored.as_ref() };
    Ok(CommandOutput::done(summary.text(), summary.json()))
}

/// A connection's document on this machine.
struct Stored {
    /// Its path, without symbolic links.
    path: std::path::PathBuf,
    members: Value,
    connection: Connection,
    is_changed: bool,
}

impl Stored {
    fn open(path: &Path) -> Result<Self, CommandError> {
        let fail = |error| CommandError::cannot_read(path, &error);
        let bytes = fs::read(path).map_err(fail)?;
        let connection = parse_connection(path, &bytes, "is invalid")?;
        let members = serde_json::from_slice(document::unmarked(&bytes)).unwrap_or_default();
        let path = path.canonicalize().map_err(fail)?;
        Ok(Self { path, members, connection, is_changed: false })
    }

    /// Saves the dialect in the document, completely or not at all. `force` replaces another one.
    fn save(&mut self, dialect: &Dialect, force: bool) -> Result<(), CommandError> {
        let dialect = dialect.document();
        let present = &self.members["dialect"];
        self.is_changed = *present != dialect;
        if !self.is_changed {
            return Ok(());
        }
        if !present.is_null() && !force {
            let path = self.path.display();
            return Err(CommandError::Failed(format!(
                "{path} already has another `dialect`\nAdd `--force` to replace it; everything else \
                 in the document is kept."
            )));
        }
        self.members["dialect"] = dialect;
        let text = format!("{:#}\n", self.members);
        self.connection = parse_connection(
            &self.path,
            text.as_bytes(),
            "would become invalid and was not changed",
        )?;
        replace(&self.path, text.as_bytes())
            .map_err(|error| CommandError::cannot_write(&self.path, &error))
    }
}

fn parse_connection(path: &Path, document: &[u8], what: &str) -> Result<Connection, CommandError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Connection::draft(&name, document).map_err(|faults| {
        let (path, faults) = (path.display(), sentence(&faults));
        CommandError::Refused(format!("{path} {what}: {faults}\nCorrect the document."))
    })
}

/// Replaces a file by a new one in the same folder, so that no process ever reads half of it.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The result of the command.
struct Summary<'a> {
    inferred: &'a InferredDialect,
    stored: Option<&'a Stored>,
}

impl Summary<'_> {
    /// Each member of the dialect, with its value and its default.
    fn members(&self) -> Vec<(String, String, String)> {
        let (dialect, default) = (&self.inferred.dialect, Target::default().schema().dialect());
        let written = |is_bootstrap: IsBootstrap| is_bootstrap.value(Refresh::Full).to_string();
        let quoted = |text: &str| Value::from(text).to_string();
        let mut members = vec![
            ("mappingKey", quoted(dialect.mapping_key()), quoted(default.mapping_key())),
            ("isBootstrap", written(dialect.is_bootstrap), written(default.is_bootstrap)),
            ("dataFile", quoted(&dialect.data_file), quoted(&default.data_file)),
            ("metadataFile", quoted(&dialect.metadata_file), quoted(&default.metadata_file)),
        ];
        let types = dialect.types.iter();
        members.extend(types.map(|(kind, word)| (kind.word(), quoted(word), quoted(kind.word()))));
        members
            .into_iter()
            .map(|(name, value, default)| (name.to_owned(), value, default))
            .collect()
    }

    /// The fields that only the template has, and those that only the mapping has.
    fn differing_fields(&self) -> Option<(Vec<&str>, Vec<&str>)> {
        let fields = &self.stored?.connection.mapping;
        let template: Vec<&str> = self.inferred.fields.iter().map(String::as_str).collect();
        let mapped: Vec<&str> = fields.iter().map(|field| field.target.as_str()).collect();
        Some((without(&template, &mapped), without(&mapped, &template)))
    }

    fn text(&self) -> String {
        let mut text = "Found in the template:\n".to_owned();
        let members = self.members();
        for (name, value, default) in &members {
            let differs = value != default;
            let differs = if differs { format!("   (default: {default})") } else { String::new() };
            text.push_str(&format!("  {name:<18} {value}{differs}\n"));
        }
        if members.iter().all(|(_, value, default)| value == default) {
            text.push_str("All of them are the defaults.\n");
        }
        for note in &self.inferred.notes {
            text.push_str(&format!("Note: {note}.\n"));
        }
        if let Some((template, mapped)) = self.differing_fields() {
            for (what, names) in [
                ("Fields only in the template, not in the connection's mapping", template),
                ("Fields only in the connection's mapping, not in the template", mapped),
            ] {
                if !names.is_empty() {
                    text.push_str(&format!("{what}: {}.\n", names.join(", ")));
                }
            }
        }
        text.push_str(&match self.stored {
            Some(stored) if stored.is_changed => {
                format!(
                    "Saved as \"dialect\" in {}. The document was reformatted, with each member on its \
                     own line.\n",
                    stored.path.display()
                )
            }
            Some(stored) => {
                format!("{} already has this dialect and was not changed.\n", stored.path.display())
            }
            None => "Nothing was saved. To save it in a connection, add `--connection FILE`.\n".to_owned(),
        });
        text
    }

    fn json(&self) -> Value {
        let members = self.members();
        let differs = members.iter().filter(|(_, value, default)| value != default);
        let differs: Vec<&String> = differs.map(|(name, ..)| name).collect();
        let (template, mapped) = self.differing_fields().unzip();
        json!({
            "dialect": self.inferred.dialect.document(),
            "differs": differs,
            "notes": self.inferred.notes,
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
