//! `viva-import suggest-mapping`: proposes a connection document for an export without a mapping.
//!
//! The export is read once, in constant memory, and its columns are matched with Viva's fields by name and
//! content. A person decides about the proposal: an uncertain field says so, and columns with an unknown name
//! or with personal data that is not needed are not mapped. No value of a cell is shown or kept.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    check::{Profile, ProfileError, mapping_faults},
    connection::Connection,
    outcome::{self, Argument, CommandError, CommandOutput, Layout, Readers, command_line},
    schema::{Connector, Fault, NO_GUID, Refresh, Target, sentence},
};

mod column;
mod names;
mod people;
mod propose;
pub mod template;

pub use self::column::Proposed;

/// The placeholder for an unknown tenant's id.
pub const NO_TENANT: &str = NO_GUID;

/// A connection that is proposed for an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The connection's document.
    pub document: Value,
    /// The proposal for each column, in the file's order.
    pub columns: Vec<Proposed>,
}

/// The options of `viva-import suggest-mapping`.
#[derive(Debug)]
pub struct SuggestOptions {
    /// The export.
    pub file: PathBuf,
    /// The tenant's id; [`NO_TENANT`] without it.
    pub tenant: Option<String>,
    /// The client id of the user-assigned identity that pushes; the system-assigned one without it.
    pub client_id: Option<String>,
    /// The file to which the connection is written.
    pub out: Option<PathBuf>,
    /// Whether a file at `out` is replaced.
    pub force: bool,
    /// The refresh of the connection's files.
    pub refresh: Refresh,
}

/// Proposes a connection for a file.
///
/// # Errors
/// If no connection can be proposed, the file cannot be read, or the connection cannot be written.
pub fn run(options: &SuggestOptions, layout: Layout) -> Result<CommandOutput, CommandError> {
    if let Some(out) = options.out.as_ref().filter(|out| !options.force && out.exists()) {
        return Err(CommandError::exists(out));
    }
    let fail = |error| CommandError::cannot_read(&options.file, &error);
    let file = File::open(&options.file).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        let folder = options.file.display();
        return Err(CommandError::Failed(format!("{folder} is a folder\nName a CSV file.")));
    }
    let profile = Profile::of(file).map_err(|error| match error {
        ProfileError::Unusable(why) => CommandError::Refused(why),
        ProfileError::Unreadable(error) => fail(error),
    })?;
    let proposal = Proposal::of(&profile, options)?;
    if let Some(out) = &options.out {
        let document = format!("{:#}\n", proposal.document);
        outcome::save(out, document.as_bytes(), Readers::AsUsual, options.force)
            .map_err(|error| CommandError::cannot_write(out, &error))?;
    }
    let text = text(&proposal, &profile, options, layout);
    let output = CommandOutput::done(text, proposal.json());
    Ok(match options.out {
        Some(_) => output,
        None => output.with_document(format!("{:#}\n", proposal.document)),
    })
}

/// A fault of the document, with the option that caused it as its place.
fn by_option(mut fault: Fault) -> Fault {
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
    /// If no column can be mapped, or an option is invalid.
    pub fn of(profile: &Profile, options: &SuggestOptions) -> Result<Self, CommandError> {
        let columns = column::columns(profile);
        if !propose::has_header(&columns) {
            let why = "the first line does not look like a header\nA header has a column of addresses \
                       with a name such as PersonId, Work_Email or Manager_Email, or at least 3 columns \
                       with known names. Put the names of the columns into the first line, without a \
                       title above it, and name the column with each person's address PersonId.";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let columns = column::named(&columns, propose::judge(&columns, profile));
        if columns.iter().all(|proposed| proposed.field.is_none()) {
            let why =
                "no column can be mapped\nGive each column in the first line a different name.";
            return Err(CommandError::Refused(why.to_owned()));
        }
        let document = document(profile, &columns, options);
        let read = if options.tenant.is_some() { Connection::parse } else { Connection::draft };
        // The proposed columns are valid, so only an option can cause a fault.
        let connection = read("proposed", document.to_string().as_bytes())
            .map_err(|faults| faults.into_iter().map(by_option).collect::<Vec<_>>())
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

    /// The proposal as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let columns = self.columns.iter().map(|proposed| {
            json!({
                "column": proposed.column,
                "rename": proposed.rename,
                "field": proposed.field,
                "type": proposed.kind,
                "confident": proposed.confident,
                "why": proposed.why,
            })
        });
        json!({ "connection": self.document, "columns": columns.collect::<Vec<_>>() })
    }
}

fn document(profile: &Profile, columns: &[Proposed], options: &SuggestOptions) -> Value {
    let delimiter = match profile.delimiter {
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
    if let Some(encoding) = profile.encoding {
        document["encoding"] = encoding.name().to_ascii_lowercase().into();
    }
    if let Some(delimiter) = delimiter {
        document["delimiter"] = delimiter.into();
    }
    document["mapping"] = Value::Object(mapped.collect());
    document
}

/// The widest column of the table; longer names push the rest to the right.
const MAX_WIDTH: usize = 32;

/// The proposal as text: certain, uncertain and other columns, and the next steps.
fn text(
    proposal: &Proposal,
    profile: &Profile,
    options: &SuggestOptions,
    layout: Layout,
) -> String {
    let columns = &proposal.columns;
    let is_mapped = |proposed: &&Proposed| proposed.field.is_some();
    let groups = [
        (
            "certain",
            columns.iter().filter(|one| is_mapped(one) && one.confident).collect::<Vec<_>>(),
        ),
        ("uncertain", columns.iter().filter(|one| is_mapped(one) && !one.confident).collect()),
        ("not mapped", columns.iter().filter(|one| !is_mapped(one)).collect()),
    ];
    let mut text = format!(
        "{} rows, {} columns: {} mapped ({} of them uncertain), {} not mapped.\n\n",
        profile.rows,
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
        let prefix = format!("{mark:<10}  {column}{blanks}  ");
        text.push_str(&layout.hang(&prefix, &format!("{is}{why}")));
    }
    text.push_str("\nNext:\n");
    for step in steps(proposal, profile, options) {
        text.push_str(&format!("- {step}\n"));
    }
    if options.out.is_none() {
        text.push_str("\nThe connection:\n");
    }
    text
}

/// The width of a text on a screen, where East Asian letters take two places.
fn width(text: &str) -> usize {
    text.chars().map(|char| if ('\u{1100}'..'\u{FF61}').contains(&char) { 2 } else { 1 }).sum()
}

/// The next steps for a person.
fn steps(proposal: &Proposal, profile: &Profile, options: &SuggestOptions) -> Vec<String> {
    let mut steps = vec![];
    let columns = &proposal.columns;
    let renames = columns.iter().filter_map(|one| Some((&one.column, one.rename.as_ref()?)));
    let renames: Vec<String> = renames.map(|(from, to)| format!("{from:?} to {to}")).collect();
    if !renames.is_empty() {
        steps.push(format!(
            "Rename these columns in the export: {}. The service accepts only A-Z, a-z, 0-9 and _ (rule \
             H03). The connection already has the new names",
            renames.join(", ")
        ));
    }
    let has = |field: &str| columns.iter().any(|one| one.field.as_deref() == Some(field));
    let required = Target::default().schema().required(Connector::Hr, options.refresh);
    for field in required.iter().filter(|field| !has(field)) {
        steps.push(format!(
            "No column is {field}, which {} refresh requires. Add it to the export, or add it to the \
             mapping",
            if options.refresh == Refresh::Full { "a full" } else { "an incremental" }
        ));
    }
    if !has("EffectiveDate") {
        steps.push(
            "No column is EffectiveDate, so every row is valid from the day of the upload. To import \
             history, add this column to the export"
                .to_owned(),
        );
    }
    if profile.uneven > 0 {
        steps.push(format!(
            "Rows with more or fewer values than the header: {}. They are invalid; correct the export",
            profile.uneven
        ));
    }
    if columns.iter().any(|one| one.field.is_some() && !one.confident) {
        steps.push(
            "Compare each uncertain column with its field, and delete what you do not need from the \
             mapping"
                .to_owned(),
        );
    }
    if options.tenant.is_none() {
        steps.push(
            "Replace the zeros in \"tenantId\" with your tenant id: `az account show --query tenantId`"
                .to_owned(),
        );
    }
    let connection = options.out.as_deref().unwrap_or(Path::new("hr.json"));
    steps.push(match options.out {
        Some(_) => format!("The connection was written to {}", connection.display()),
        None => format!("Save the connection: `{}`", save(options, connection)),
    });
    let check = command_line(&[
        Argument::Word("viva-import check"),
        Argument::File(&options.file),
        Argument::Word("--mapping"),
        Argument::File(connection),
    ]);
    steps.push(format!("Check the export: `{check}`"));
    let learn = command_line(&[
        Argument::Word("viva-import learn-template template.zip --connection"),
        Argument::File(connection),
    ]);
    steps.push(format!("Compare the connection with your portal's template: `{learn}`"));
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
