//! The commands that people and scripts run.
//!
//! check, pack, push, status, errors and ping need no storage; they use the same checks and the same
//! client of the service as the engine. The others read and change the imports of the deployed app.
//! Nothing here prints a token or a secret, and no cell's value unless `check --show-values` asks.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use time::OffsetDateTime;

use crate::{
    check::{CheckOptions, FileCheck, Report},
    config::{self, Lookup},
    connection::{self, Connection},
    outcome::{CommandError, CommandOutput, Layout, Progress, shown},
    report,
    schema::{self, Baseline, Connector, Mapping, PayloadFormat, ServiceIdentity, Target},
    target::Service,
};

mod check;
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

/// Most bytes of a connection document, a mapping or a report.
const MAX_DOCUMENT_BYTES: u64 = 16 << 20;

/// The surroundings of a command.
#[derive(Clone)]
pub struct Context {
    /// Finds a setting.
    pub setting: Arc<Lookup>,
    /// The clock.
    pub clock: fn() -> OffsetDateTime,
    /// The storage account that the command line names.
    pub account: Option<String>,
    /// How text on stdout is laid out.
    pub layout: Layout,
    /// What stderr shows meanwhile.
    pub progress: Progress,
}

/// The result of a check.
fn of_report(report: &Report, file: &str, layout: Layout) -> CommandOutput {
    let (text, json) = (report::text_in(report, file, layout), report::json(report, file));
    CommandOutput::judged(text, json, report.is_accepted())
}

impl Context {
    /// How to check a file, and its connector if its document names one. The mapping is that of
    /// `connection` if `options` name no other.
    fn asked(
        &self,
        options: &RuleOptions,
        connection: Option<&Connection>,
        show_values: bool,
    ) -> Result<(FileCheck, Option<Connector>), CommandError> {
        let previous = options.baseline.as_ref().map(|path| {
            let invalid = |error| CommandError::Failed(format!("{}: {error}", shown(path)));
            Baseline::read(&read(path)?).map_err(invalid)
        });
        let limits =
            config::limits(|name| (self.setting)(name)).map_err(|faults| faults.to_string())?;
        let today = (self.clock)().date().into();
        let key = config::mapping_key(|name| (self.setting)(name));
        let dialect = connection.map(|it| it.dialect.clone());
        let dialect = dialect.unwrap_or_else(|| Target::default().schema().dialect()).or_key(&key);
        let (given, connector) = if let Some(path) = &options.mapping {
            let given = connection::check_options(&read(path)?, &dialect, &limits, today)
                .map_err(|faults| CommandError::from(invalid(path, &schema::sentence(&faults))));
            let (given, connector) = given?;
            // A mapping alone says nothing else.
            let of_connection = connection
                .filter(|_| matches!(given.mapping, Mapping::Fields(_)) && connector.is_none());
            let given = match of_connection {
                Some(connection) => CheckOptions {
                    mapping: given.mapping,
                    ..connection.check_options(&limits, today)
                },
                None => given,
            };
            (Some(given), connector)
        } else {
            connection.map(|it| (it.check_options(&limits, today), it.caller.connector)).unzip()
        };
        let asked = FileCheck {
            dialect: given.is_none().then_some(dialect),
            given,
            refresh: options.refresh,
            lenient: options.lenient,
            previous: previous.transpose()?,
            show_values,
            today,
            limits,
        };
        Ok((asked, connector))
    }

    /// How to check a CSV and pack it as `upload`.
    ///
    /// # Errors
    /// The refresh contradicts a metadata.json, which is sent as it is.
    fn csv_options(
        &self,
        rules: &RuleOptions,
        asked: &FileCheck,
        upload: PayloadFormat,
    ) -> Result<CheckOptions, CommandError> {
        if let (Some(path), Some(given), Some(refresh)) =
            (&rules.mapping, &asked.given, rules.refresh)
            && upload == PayloadFormat::Zip
            && given.contradicts(refresh)
        {
            let refresh = refresh.as_ref();
            return Err(CommandError::Failed(format!(
                "`--refresh {refresh}` contradicts {}, which is sent as it is\nRemove `--refresh`, or \
                 correct IsBootstrap in the document.",
                shown(path)
            )));
        }
        let mut options = asked.options(None);
        let key = config::mapping_key(|name| (self.setting)(name));
        options.dialect = options.dialect.or_key(&key);
        Ok(options)
    }

    /// The service of the options, otherwise of the settings.
    ///
    /// # Errors
    /// The settings are invalid.
    fn service(&self, options: &CallerOptions) -> Result<Service, String> {
        let config = config::service(|name| (self.setting)(name), options.endpoint.clone());
        let config = config.map_err(|faults| faults.to_string())?;
        Service::new(config, self.setting.clone()).map_err(|error| error.to_string())
    }
}

/// Reads a document, which may come from a pipe.
fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let fail = |error| CommandError::cannot_read(path, &error);
    let mut document = vec![];
    let file = File::open(path).map_err(fail)?;
    file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut document).map_err(fail)?;
    if document.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(CommandError::Failed(format!(
            "{} is too large: a document has at most {MAX_DOCUMENT_BYTES} bytes",
            shown(path)
        )));
    }
    Ok(document)
}

/// A document is invalid.
fn invalid(path: &Path, faults: &str) -> String {
    format!("{} is invalid: {faults}\nCorrect the document.", shown(path))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The caller, and the connection if one is named.
///
/// # Errors
/// The document cannot be read, or is invalid.
fn caller(options: &CallerOptions) -> Result<(ServiceIdentity, Option<Connection>), CommandError> {
    let path = match &options.caller {
        Caller::Connection(path) => path,
        Caller::Identity(identity) => return Ok((identity.clone(), None)),
    };
    let connection = Connection::parse("given", &read(path)?)
        .map_err(|faults| invalid(path, &schema::sentence(&faults)))?;
    Ok((connection.caller.clone(), Some(connection)))
}
