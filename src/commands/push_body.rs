//! What is pushed: checked, and where nobody can change it any more.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::{Desk, PushOptions, TermsOptions, json_rows, name_of};
use crate::{
    check::Report,
    config,
    connection::Connection,
    outcome::CommandError,
    schema::{PayloadFormat, ServiceIdentity},
};

/// What is pushed: in a file without a name, so that what was checked is what goes, and nothing
/// stays.
pub(super) struct Ready {
    pub(super) file: File,
    pub(super) upload: PayloadFormat,
    /// What the check said; rows of JSON have no report.
    pub(super) report: Option<Report>,
}

impl Desk {
    /// What is to be pushed, or the report of a check that refuses it.
    pub(super) fn ready(
        &self,
        wishes: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &wishes.file;
        let upload = PayloadFormat::of_file(&name_of(path))
            .ok_or_else(|| format!("{} is neither a .zip nor a .csv or .json", path.display()))?;
        refuse_idle(&wishes.terms, wishes.force, upload)?;
        match upload {
            PayloadFormat::Zip => self.zip(wishes, caller, connection),
            PayloadFormat::Csv => self.csv(wishes, caller, connection),
            PayloadFormat::Json => self.rows(path).map(Ok),
        }
    }

    /// A zip goes as it is, and what is in it is what the service is told.
    fn zip(
        &self,
        wishes: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &wishes.file;
        let (mut asked, _) = self.asked(&wishes.terms, None, false)?;
        asked.dialect = connection.map(|connection| {
            connection.dialect.or_key(&config::mapping_key(|name| (self.setting)(name)))
        });
        let file = copied(path, asked.limits.max_file_bytes)?;
        (self.tell)("checking the zip");
        let fail = |error| CommandError::cannot_read(path, &error);
        let report = asked.check_zip(file.try_clone().map_err(fail)?).map_err(fail)?;
        let may_go = report.is_accepted() || (wishes.force && report.is_whole);
        if !may_go {
            return Ok(Err(report));
        }
        fits(path, &report.summary.connector, caller)?;
        Ok(Ok(Ready { file, upload: PayloadFormat::Zip, report: Some(report) }))
    }

    /// A CSV is packed as its connection says, as a zip where only its mapping is known, and else
    /// its rows go by themselves.
    fn csv(
        &self,
        wishes: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &wishes.file;
        let (asked, connector) = self.asked(&wishes.terms, connection, false)?;
        let upload = match connection {
            Some(connection) => connection.upload,
            None if wishes.terms.mapping.is_some() => PayloadFormat::Zip,
            None => PayloadFormat::Csv,
        };
        if let Some(connector) = connector {
            fits(path, connector.word(), caller)?;
        }
        let mut terms = self.terms(&asked);
        terms.connector = caller.connector;
        let mut file = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
        let (report, packed) = self.pack_into(path, &mut file, &terms, upload)?;
        Ok(match packed {
            Some(_) => Ok(Ready { file, upload, report: Some(report) }),
            None => Err(report),
        })
    }

    /// Rows that go as they are.
    fn rows(&self, path: &Path) -> Result<Ready, CommandError> {
        let limits = config::limits(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let file = copied(path, limits.max_file_bytes)?;
        let rows =
            json_rows::count(&file).map_err(|error| CommandError::cannot_read(path, &error))?;
        rows.map_err(|why| CommandError::Refused(format!("{}: {why}", name_of(path))))?;
        Ok(Ready { file, upload: PayloadFormat::Json, report: None })
    }
}

/// A wish that means nothing to this kind of file is refused, for somebody counts on it.
fn refuse_idle(
    terms: &TermsOptions,
    force: bool,
    upload: PayloadFormat,
) -> Result<(), CommandError> {
    let itself = "a .zip says itself what it is, and rows of .json go as they are";
    let idle = [
        ("--force", force && upload != PayloadFormat::Zip, "what is packed here has to be right"),
        ("--mapping", terms.mapping.is_some() && upload != PayloadFormat::Csv, itself),
        ("--refresh", terms.refresh.is_some() && upload != PayloadFormat::Csv, itself),
        ("--lenient", terms.lenient && upload != PayloadFormat::Csv, itself),
        ("--against", terms.against.is_some() && upload == PayloadFormat::Json, itself),
    ];
    match idle.iter().find(|(_, is_idle, _)| *is_idle) {
        Some((wish, _, why)) => {
            let word = upload.word();
            Err(CommandError::Failed(format!("{wish} means nothing to a .{word}: {why}")))
        }
        None => Ok(()),
    }
}

/// A file is pushed to the connector it is for.
fn fits(path: &Path, is_for: &str, caller: &ServiceIdentity) -> Result<(), CommandError> {
    let connector = caller.connector.word();
    if is_for == connector {
        return Ok(());
    }
    Err(CommandError::Refused(format!(
        "{}: it is for the connector {is_for}, and {connector} was named; say --connector {is_for}",
        name_of(path)
    )))
}

/// A copy without a name, which nobody can change.
fn copied(path: &Path, max_bytes: u64) -> Result<File, CommandError> {
    let fail = |error| CommandError::cannot_read(path, &error);
    let about = std::fs::metadata(path).map_err(fail)?;
    if !about.is_file() {
        return Err(CommandError::Failed(format!("{} is a folder or a pipe", path.display())));
    }
    let mut copy = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
    let input = File::open(path).map_err(fail)?;
    let bytes = io::copy(&mut input.take(max_bytes.saturating_add(1)), &mut copy).map_err(fail)?;
    if bytes > max_bytes {
        return Err(CommandError::Refused(format!(
            "{}: it has more than {max_bytes} bytes, the most that is taken; raise MAX_FILE_BYTES if \
             the service takes more",
            name_of(path)
        )));
    }
    copy.seek(SeekFrom::Start(0)).map_err(|error| no_temporary(&error))?;
    Ok(copy)
}

fn no_temporary(error: &io::Error) -> CommandError {
    CommandError::Failed(format!("a temporary file could not be made: {error}"))
}
