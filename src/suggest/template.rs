//! `viva-import learn-template`: the dialect of Microsoft's own template, for a connection.
//!
//! The portal gives a template of metadata.json, alone or in a zip. It shows what no page says for
//! certain: the mapping's key, how `IsBootstrap` and the types are spelt, and the files' names.
//! What is learnt is told and, where a connection is named, written into its document, which keeps
//! everything else. A document that would not be valid is never written.

use std::{collections::HashSet, fs, io::Write as _, path::Path};

use serde_json::{Value, json};

use self::inferred_dialect::{InferredDialect, Template};
use crate::{
    connection::Connection,
    outcome::{CommandError, CommandOutput},
    schema::{Dialect, IsBootstrap, Refresh, Target, document, sentence},
};

mod inferred_dialect;

/// Learns what the template says and tells it.
///
/// # Errors
/// The template or the connection is no use, or a file cannot be read or written.
pub fn run(
    template: &Path,
    connection: Option<&Path>,
    force: bool,
) -> Result<CommandOutput, CommandError> {
    let template = Template::open(template)?;
    let mut stored = connection.map(Stored::open).transpose()?;
    let connection = stored.as_ref().map(|stored| &stored.connection);
    let lesson = inferred_dialect::learn(&template, connection).map_err(CommandError::Refused)?;
    if let Some(stored) = &mut stored {
        stored.teach(&lesson.dialect, force)?;
    }
    let told = Told { lesson: &lesson, stored: stored.as_ref() };
    Ok(CommandOutput::done(told.text(), told.json()))
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

    /// Writes the dialect into the document, all of it or nothing. `force` replaces another one.
    fn teach(&mut self, dialect: &Dialect, force: bool) -> Result<(), CommandError> {
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
