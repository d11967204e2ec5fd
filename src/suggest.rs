//! `viva-import suggest-mapping`: a connection proposed for an export nobody has mapped yet.
//!
//! The export is read once, in flat memory, and its columns are matched with Viva's fields by what
//! they are called and what they hold. It is a proposal: what is not certain says so, what has no
//! known name or is personal and not needed is left out, and a person decides. No cell's value is
//! told or kept.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    check::{Profile, ProfileError, mapping_faults},
    connection::Connection,
    outcome::{Argument, CommandError, CommandOutput, Layout, command_line},
    schema::{Connector, Fault, Refresh, Target, sentence},
};

mod column;
mod names;
mod people;
mod propose;
pub mod template;

pub use self::column::Proposed;

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
    /// Whether a file at `out` is replaced.
    pub force: bool,
    /// What its files do.
    pub refresh: Refresh,
}

/// Proposes a connection for a file and tells it.
///
/// # Errors
/// The file is no use, or it cannot be read, or the connection cannot be written.
pub fn run(options: &SuggestOptions, layout: Layout) -> Result<CommandOutput, CommandError> {
    if let Some(out) = options.out.as_ref().filter(|out| !options.force && out.exists()) {
        return Err(CommandError::exists(out));
    }
    let fail = |error| CommandError::cannot_read(&options.file, &error);
    let file = File::open(&options.file).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(CommandError::Failed(format!("{} is a folder", options.file.display())));
    }
    let survey = Profile::of(file).map_err(|error| match error {
        ProfileError::Unusable(why) => CommandError::Refused(why),
        ProfileError::Unreadable(error) => fail(error),
    })?;
    let proposal = Proposal::of(&survey, options)?;
    if let Some(out) = &options.out {
        write(out, &proposal.document, options.force)?;
    }
    let text = text(&proposal, &survey, options, layout);
    let output = CommandOutput::done(text, proposal.json());
    Ok(match options.out {
        Some(_) => output,
        None => output.with_document(format!("{:#}\n", proposal.document)),
    })
}

/// Writes a document, all of it or nothing. `force` replaces a file.
fn write(path: &Path, document: &Value, force: bool) -> Result<(), CommandError> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        // As any other file: others may read it where the system lets them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(format!("{document:#}\n").as_bytes())?;
        file.as_file().sync_all()?;
        if force {
            file.persist(path)?;
        } else {
            file.persist_noclobber(path)?;
        }
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
    /// Nothing of it can be mapped, or an option is no use.
    pub fn of(survey: &Profile, options: &SuggestOptions) -> Result<Self, CommandError> {
        let columns = column::columns(survey);
        if !propose::has_header(&columns) {
            let why = "the first line cannot be told from a row of people: no column in it that is \
                       called like the person's or the manager's address (PersonId, Work_Email, \
                       Manager_Email) holds addresses, and fewer than three columns have names \
                       that are known; put the names of the columns into the first line, without a \
                       title above it, and call the column of each person's address PersonId";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let columns = column::named(&columns, propose::judge(&columns, survey));
        if columns.iter().all(|proposed| proposed.field.is_none()) {
            let why = "no column can be mapped; each has to be named in the first line, and no two \
                       alike";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let document = document(survey, &columns, options);
        // The columns are ours; only what was asked for can be wrong.
        let connection = Connection::parse("proposed", document.to_string().as_bytes())
            .map_err(|faults| faults.into_iter().map(told).collect::<Vec<_>>())
            .map_err(|faults| CommandError::Failed(sentence(&faults)))?;
        let faults = mapping_faults(
            connection.caller.target.schema(),
            &connection.mapping,
            &connection.checks,
        );
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
                "confident": proposed.sure,
                "why": proposed.why,
            })
        });
        json!({ "connection": self.document, "columns": columns.collect::<Vec<_>>() })
    }
}

fn document(survey: &Profile, columns: &[Proposed], options: &SuggestOptions) -> Value {
    let delimiter = match survey.delimiter {
        b',' => None,
        b'\t' => Some("tab".to_owned()),
        other => Some(char::from(other).to_string()),
    };
    let mapped = columns.iter().filter_map(|proposed| {
        let source = proposed.rename.as_ref().unwrap_or(&proposed.column).clone();
        Some((source, json!({ "name": proposed.field.as_ref()?, "type": proposed.kind? })))
    });
    let mut document = json!({
        "tenantId": options.tenant.as_deref().unwrap_or(NO_TENANT),
        "connector": Connector::Hr.as_ref(),
        "refresh": options.refresh.as_ref(),
        "credential": { "kind": "managedIdentity" },
    });
    if let Some(id) = &options.client_id {
        document["credential"]["clientId"] = json!(id);
    }
    if let Some(encoding) = survey.encoding {
        document["encoding"] = encoding.name().to_ascii_lowercase().into();
    }
    if let Some(delimiter) = delimiter {
        document["delimiter"] = delimiter.into();
    }
    document["mapping"] = Value::Object(mapped.collect());
    document
}

/// Widest column of the table; what is longer pushes the rest to the right.
const MAX_WIDTH: usize = 32;

/// The proposal, what stands in doubt, and what comes next.
fn text(proposal: &Proposal, survey: &Profile, options: &SuggestOptions, layout: Layout) -> String {
    let columns = &proposal.columns;
    let is_mapped = |proposed: &&Proposed| proposed.field.is_some();
    let groups = [
        ("sure", columns.iter().filter(|one| is_mapped(one) && one.sure).collect::<Vec<_>>()),
        ("unsure", columns.iter().filter(|one| is_mapped(one) && !one.sure).collect()),
        ("left out", columns.iter().filter(|one| !is_mapped(one)).collect()),
    ];
    let mut text = format!(
        "{} rows, {} columns: {} mapped, {} of them unsure, {} left out.\n\n",
        survey.rows,
        columns.len(),
        groups[0].1.len() + groups[1].1.len(),
        groups[1].1.len(),
        groups[2].1.len(),
    );
    let widest = columns.iter().map(|one| width(&one.column)).max().unwrap_or_default();
    let widest = widest.min(MAX_WIDTH);
    for (mark, proposed) in
        groups.iter().flat_map(|(mark, all)| all.iter().map(move |one| (mark, one)))
    {
        let is = match (&proposed.field, proposed.kind) {
            (Some(field), Some(kind)) => format!("{field} ({kind}): "),
            _ => String::new(),
        };
        let (column, why) = (&proposed.column, &proposed.why);
        let blanks = " ".repeat(widest.saturating_sub(width(column)));
        let prefix = format!("{mark:<8}  {column}{blanks}  ");
        text.push_str(&layout.hang(&prefix, &format!("{is}{why}")));
    }
    text.push_str("\nNext:\n");
    for step in steps(proposal, survey, options) {
        text.push_str(&format!("- {step}\n"));
    }
    if options.out.is_none() {
        text.push_str("\nThe connection:\n");
    }
    text
}

/// How many places a text takes on a screen: East Asian letters take two.
fn width(text: &str) -> usize {
    text.chars().map(|char| if ('\u{1100}'..'\u{FF61}').contains(&char) { 2 } else { 1 }).sum()
}

/// What a person has to do next.
fn steps(proposal: &Proposal, survey: &Profile, options: &SuggestOptions) -> Vec<String> {
    let mut steps = vec![];
    let columns = &proposal.columns;
    let renames = columns.iter().filter_map(|one| Some((&one.column, one.rename.as_ref()?)));
    let renames: Vec<String> = renames.map(|(from, to)| format!("{from:?} to {to}")).collect();
    if !renames.is_empty() {
        steps.push(format!(
            "Rename these columns in the export, because the service takes A to Z, a to z, 0 to 9 \
             and _ only (rule H03); the connection has their new names already: {}",
            renames.join(", ")
        ));
    }
    let has = |field: &str| columns.iter().any(|one| one.field.as_deref() == Some(field));
    let required = Target::default().schema().required(Connector::Hr, options.refresh);
    for field in required.iter().filter(|field| !has(field)) {
        steps.push(format!(
            "No column is {field}, which {} refresh needs: add it to the export, or map it by \
             hand",
            if options.refresh == Refresh::Full { "a full" } else { "an incremental" }
        ));
    }
    if !has("EffectiveDate") {
        steps.push(
            "No column is EffectiveDate, so every row counts from the day of the upload: add one \
             to bring history"
                .to_owned(),
        );
    }
    if survey.uneven > 0 {
        steps.push(format!(
            "Rows with more or fewer values than the header: {}, which are refused; mend the export",
            survey.uneven
        ));
    }
    if columns.iter().any(|one| one.field.is_some() && !one.sure) {
        steps
            .push("Look at each column that is unsure, and take out what is not needed".to_owned());
    }
    if options.tenant.is_none() {
        steps.push("Put your tenant's id in the place of the zeros in \"tenantId\"".to_owned());
    }
    let connection = options.out.as_deref().unwrap_or(Path::new("hr.json"));
    steps.push(match options.out {
        Some(_) => format!("The connection is written to {}", connection.display()),
        None => format!("Save the connection: `{}`", save(options, connection)),
    });
    let check = command_line(&[
        Argument::Word("viva-import check"),
        Argument::File(&options.file),
        Argument::Word("--mapping"),
        Argument::File(connection),
    ]);
    steps.push(format!("Check the export with it: `{check}`"));
    let learn = command_line(&[
        Argument::Word("viva-import learn-template template.zip --connection"),
        Argument::File(connection),
    ]);
    steps.push(format!("Compare with the template of your portal: `{learn}`"));
    steps
}

/// The command that writes the same proposal.
fn save(options: &SuggestOptions, out: &Path) -> String {
    let mut arguments =
        vec![Argument::Word("viva-import suggest-mapping"), Argument::File(&options.file)];
    let values = [("--tenant", &options.tenant), ("--client-id", &options.client_id)];
    for (flag, value) in values {
        arguments.extend(value.iter().flat_map(|it| [Argument::Word(flag), Argument::Value(it)]));
    }
    if options.refresh == Refresh::Incremental {
        arguments.push(Argument::Word("--refresh incremental"));
    }
    arguments.extend([Argument::Word("--out"), Argument::File(out)]);
    command_line(&arguments)
}

#[cfg(test)]
mod tests;
