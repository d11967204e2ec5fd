//! The flags `--format` and `--json`.

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum,
    builder::EnumValueParser, error::ErrorKind, parser::ValueSource,
};

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
    /// An HTML page of one file
    Html,
}

/// A format that `--json` is short for.
pub trait HasJson: ValueEnum + PartialEq + Send + Sync + 'static {
    /// JSON.
    const JSON: Self;
}

impl HasJson for Format {
    const JSON: Self = Self::Json;
}

impl HasJson for ReportFormat {
    const JSON: Self = Self::Json;
}

/// The format that `--format` or `--json` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output<F = Format>(pub F);

impl<F: HasJson> Args for Output<F> {
    fn augment_args(command: Command) -> Command {
        let format = Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(EnumValueParser::<F>::new())
            .default_value("text")
            .help("Output format");
        let json = Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Short for `--format json`");
        command.arg(format).arg(json)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<F: HasJson> FromArgMatches for Output<F> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let format = matches.get_one::<F>("format").cloned().unwrap_or(F::JSON);
        if !matches.get_flag("json") || format == F::JSON {
            return Ok(Self(format));
        }
        if matches.value_source("format") == Some(ValueSource::CommandLine) {
            let name = format.to_possible_value();
            let name = name.as_ref().map_or("text", |it| it.get_name());
            let why = format!("the argument '--json' cannot be used with '--format {name}'");
            return Err(Error::raw(ErrorKind::ArgumentConflict, why));
        }
        Ok(Self(F::JSON))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
