//! What a person, or a script, does by hand.
//!
//! Without any storage: check, pack, push, status, errors, ping; with the same checks and the same
//! client of the service as the engine. And what is asked of the deployed table. What they print
//! holds no cell's value (unless `check` is asked for values), no token and no secret.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use time::OffsetDateTime;

use crate::{
    check::{CheckOptions, FileCheck, Report},
    config::{self, Lookup},
    connection::{self, Connection},
    outcome::{CommandError, CommandOutput},
    report,
    schema::{self, Baseline, Connector, ServiceIdentity},
    target::Service,
};

mod imports;
mod json_rows;
mod options;
mod pack;
mod poll;
mod push;
mod reference;

pub use self::{
    options::{
        Caller, CallerOptions, CheckFileOptions, FollowOptions, ImportsOptions, PackOptions,
        PushOptions, RuleOptions,
    },
    reference::{columns, reasons, rules, schema, settings},
};

/// Most bytes of a connection, a mapping or a report that are read.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;

/// What a command works with.
pub struct Context {
    /// Finds a setting.
    pub setting: Arc<Lookup>,
    /// The clock.
    pub clock: fn() -> OffsetDateTime,
    /// Tells a person who watches how far it is.
    pub tell: fn(&str),
    /// Tells what must not be lost, whatever comes after.
    pub note: fn(&str),
}

/// What a check came to.
fn of_report(report: &Report, file: &str) -> CommandOutput {
    let (text, json) = (report::text(report, file), report::json(report, file));
    CommandOutput { text, json, is_done: report.is_accepted() }
}

impl Context {
    /// Checks a file; the text is a page where one is asked for.
    ///
    /// # Errors
    /// Why it could not be checked.
    pub fn check(&self, options: &CheckFileOptions) -> Result<CommandOutput, CommandError> {
        let (asked, _) = self.asked(&options.rules, None, options.show_values)?;
        let report = asked.check(&options.file).map_err(|error| error.to_string())?;
        let name = name_of(&options.file);
        let outcome = of_report(&report, &name);
        Ok(if options.as_page {
            CommandOutput { text: report::html(&report, &name), ..outcome }
        } else {
            outcome
        })
    }

    /// How a file is to be checked, and for which connector where its document names one; `connection`
    /// has its mapping where no other is given.
    fn asked(
        &self,
        options: &RuleOptions,
        connection: Option<&Connection>,
        show_values: bool,
    ) -> Result<(FileCheck, Option<Connector>), CommandError> {
        let previous = options.baseline.as_ref().map(|path| {
            let told = |error| CommandError::Failed(format!("{}: {error}", path.display()));
            Baseline::read(&read(path)?).map_err(told)
        });
        let limits =
            config::limits(|name| (self.setting)(name)).map_err(|faults| faults.to_string())?;
        let today = (self.clock)().date().into();
        let (given, connector) = if let Some(path) = &options.mapping {
            let given = connection::check_options(&read(path)?, &limits, today).map_err(|faults| {
                let faults = schema::sentence(&faults);
                CommandError::from(format!("the mapping cannot be used: {faults}"))
            });
            let (given, connector) = given?;
            (Some(given), connector)
        } else {
            connection.map(|it| (it.check_options(&limits, today), it.caller.connector)).unzip()
        };
        let asked = FileCheck {
            given,
            dialect: None,
            refresh: options.refresh,
            lenient: options.lenient,
            previous: previous.transpose()?,
            show_values,
            today,
            limits,
        };
        Ok((asked, connector))
    }

    /// The options by which a CSV is checked and packed.
    fn csv_options(&self, asked: &FileCheck) -> CheckOptions {
        let mut options = asked.options(None);
        let key = config::mapping_key(|name| (self.setting)(name));
        options.dialect = options.dialect.or_key(&key);
        options
    }

    /// The service that the settings name, or the options.
    ///
    /// # Errors
    /// The settings' faults.
    fn service(&self, options: &CallerOptions) -> Result<Service, String> {
        let config = config::service(|name| (self.setting)(name), options.endpoint.clone());
        let config = config.map_err(|faults| faults.to_string())?;
        Service::new(config, self.setting.clone()).map_err(|error| error.to_string())
    }
}

/// A document: it may come from a pipe, and is never as large as a file of data.
fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let fail = |error| CommandError::cannot_read(path, &error);
    let mut document = vec![];
    let file = File::open(path).map_err(fail)?;
    file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut document).map_err(fail)?;
    if document.len() as u64 > MAX_DOCUMENT_BYTES {
        let path = path.display();
        return Err(CommandError::Failed(format!(
            "{path} is larger than {MAX_DOCUMENT_BYTES} bytes"
        )));
    }
    Ok(document)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Who calls, and the connection where one was named.
///
/// # Errors
/// The document cannot be read, or has faults.
fn caller(options: &CallerOptions) -> Result<(ServiceIdentity, Option<Connection>), CommandError> {
    let path = match &options.caller {
        Caller::Connection(path) => path,
        Caller::Identity(identity) => return Ok((identity.clone(), None)),
    };
    let connection = Connection::parse("given", &read(path)?).map_err(|faults| {
        format!("{} cannot be used: {}", path.display(), schema::sentence(&faults))
    })?;
    Ok((connection.caller.clone(), Some(connection)))
}
