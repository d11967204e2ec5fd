//! `viva-import connect`: a connection proposed for an export nobody has mapped yet.
//!
//! The export is read once, in flat memory, and its columns are matched with Viva's fields by what
//! they are called and what they hold. It is a proposal: what is not certain says so, what has no
//! known name or is personal and not needed is left out, and a person decides. No cell's value is
//! told or kept.

use std::{fs::File, io::Write as _, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    check::{Profile, ProfileError, mapping_faults},
    connection::Connection,
    outcome::{CommandError, CommandOutput},
    schema::{Connector, Fault, Refresh, Target, sentence},
};
use std::path::PathBuf;

mod dates;
mod header;
mod names;
mod naming;
mod people;
mod propose;
pub mod template;
mod text;

/// Stands where the tenant's id is not known.
pub const NO_TENANT: &str = "00000000-0000-0000-0000-000000000000";

/// A connection that may fit an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The connection's document.
    pub document: Value,
    /// What becomes of each column, in the file's order.
    pub columns: Vec<Proposed>,
}

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its header, or its place where that cannot be told.
    pub column: String,
    /// What the header has to be renamed to before the service takes it.
    pub rename: Option<String>,
    /// The field it is mapped to; `None` where it is left out.
    pub field: Option<String>,
    /// The type, by our own word.
    pub kind: Option<&'static str>,
    /// Whether nothing speaks against it; a column that is left out is.
    pub sure: bool,
    /// Why, without any value.
    pub why: String,
}

/// What a connection is proposed for.
#[derive(Debug)]
pub struct SuggestOptions {
    /// The export.
    pub file: PathBuf,
    /// The tenant's id; a placeholder without it.
    pub tenant: Option<String>,
    /// Client id of the user-assigned identity that pushes; the app's own without it.
    pub client_id: Option<String>,
    /// Where the connection is written.
    pub out: Option<PathBuf>,
    /// What its files do.
    pub refresh: Refresh,
}

/// Proposes a connection for a file and tells it.
///
/// # Errors
/// The file is no use, or it cannot be read, or the connection cannot be written.
pub fn run(wishes: &SuggestOptions) -> Result<CommandOutput, CommandError> {
    let fail = |error| CommandError::cannot_read(&wishes.file, &error);
    let file = File::open(&wishes.file).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(CommandError::Failed(format!("{} is a folder", wishes.file.display())));
    }
    let survey = Profile::of(file).map_err(|error| match error {
        ProfileError::Unusable(why) => CommandError::Refused(why),
        ProfileError::Unreadable(error) => fail(error),
    })?;
    let proposal = Proposal::of(&survey, wishes)?;
    if let Some(out) = &wishes.out {
        write(out, &proposal.document)?;
    }
    Ok(CommandOutput::done(text::text(&proposal, &survey, wishes), proposal.json()))
}

/// Writes a document where there is none yet, all of it or nothing.
fn write(path: &Path, document: &Value) -> Result<(), CommandError> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        // As any other file: others may read it where the system lets them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(format!("{document:#}\n").as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    write().map_err(|error: std::io::Error| CommandError::cannot_write(path, &error))
}

/// What is wrong with the document, by the option that asked for it.
fn told(mut fault: Fault) -> Fault {
    match fault.at.as_str() {
        "/tenantId" => "--tenant".clone_into(&mut fault.at),
        "/credential/clientId" => "--client-id".clone_into(&mut fault.at),
        _ => {}
    }
    fault
}

impl Proposal {
    /// The proposal for an export.
    ///
    /// # Errors
    /// Nothing of it can be mapped, or a wish is no use.
    pub fn of(survey: &Profile, wishes: &SuggestOptions) -> Result<Self, CommandError> {
        let columns = propose::columns(survey);
        if !header::is_one(&columns) {
            let why = "the first line cannot be told from a row of people: no column in it that is \
                       called like the person's or the manager's address (PersonId, Work_Email, \
                       Manager_Email) holds addresses, and fewer than three columns have names \
                       that are known; put the names of the columns into the first line, without a \
                       title above it, and call the column of each person's address PersonId";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let columns = naming::named(&columns, propose::judge(&columns, survey));
        if columns.iter().all(|proposed| proposed.field.is_none()) {
            let why = "no column can be mapped; each has to be named in the first line, and no two \
                       alike";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let document = document(survey, &columns, wishes);
        // The columns are ours; only what was asked for can be wrong.
        let connection = Connection::parse("proposed", document.to_string().as_bytes())
            .map_err(|faults| faults.into_iter().map(told).collect::<Vec<_>>())
            .map_err(|faults| CommandError::Failed(sentence(&faults)))?;
        let faults = mapping_faults(Target::Viva.schema(), &connection.mapping, &connection.checks);
        if faults.is_empty() {
            Ok(Self { document, columns })
        } else {
            Err(CommandError::Refused(faults.join("; ")))
        }
    }

    /// The proposal for a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let columns = self.columns.iter().map(|proposed| {
            json!({
                "column": proposed.column,
                "rename": proposed.rename,
                "field": proposed.field,
                "type": proposed.kind,
                "sure": proposed.sure,
                "why": proposed.why,
            })
        });
        json!({ "connection": self.document, "columns": columns.collect::<Vec<_>>() })
    }
}

fn document(survey: &Profile, columns: &[Proposed], wishes: &SuggestOptions) -> Value {
    let mut credential = json!({ "kind": "managedIdentity" });
    if let Some(id) = &wishes.client_id {
        credential["clientId"] = id.as_str().into();
    }
    let mut document = json!({
        "tenantId": wishes.tenant.as_deref().unwrap_or(NO_TENANT),
        "connector": Connector::Hr.word(),
        "refresh": wishes.refresh.word(),
        "credential": credential,
    });
    if let Some(encoding) = survey.encoding {
        document["encoding"] = encoding.name().to_ascii_lowercase().into();
    }
    match survey.delimiter {
        b',' => {}
        b'\t' => document["delimiter"] = "tab".into(),
        other => document["delimiter"] = char::from(other).to_string().into(),
    }
    let mapped = columns.iter().filter_map(|proposed| {
        let source = proposed.rename.as_ref().unwrap_or(&proposed.column).clone();
        Some((source, json!({ "name": proposed.field.as_ref()?, "type": proposed.kind? })))
    });
    document["mapping"] = Value::Object(mapped.collect::<Map<_, _>>());
    document
}

#[cfg(test)]
mod tests;
