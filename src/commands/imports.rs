//! The imports of the deployed app, and the actions of operators.

use std::{fmt::Write as _, sync::Arc};

use azure_core::Error;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{Context, ImportsOptions};
use crate::{
    api::{ActionResult, ImportDetail, Imports},
    config::{Lookup, STORAGE},
    doctor::{Doctor, RunsAs},
    engine::{Actor, Engine},
    http::azure::sentence,
    import::{Import, OperatorAction, State, reason::is_unprintable},
    messages,
    outcome::{Argument, CommandError, CommandOutput, Layout, Tone, command_line},
    schema::is_connection_name,
    storage::import_table::{COLUMNS, Wanted, properties},
};

/// The column that is shown as text.
const DIAGNOSTICS: &str = "Diagnostics";

impl Context {
    /// The same context with another storage account, reached as the signed-in user of the Azure CLI;
    /// unchanged if no account is named.
    #[must_use]
    pub(crate) fn of_account(&self, account: Option<String>) -> Self {
        let Some(account) = account else { return self.clone() };
        let (setting, named) = (self.setting.clone(), account.clone());
        let setting: Arc<Lookup> = Arc::new(move |name: &str| match name.strip_prefix(STORAGE) {
            Some("") => None,
            Some("__accountName") => Some(named.clone()),
            Some("__credential") => Some("azurecli".to_owned()),
            Some(_) | None => setting(name),
        });
        Self { setting, account: Some(account), ..self.clone() }
    }

    /// A line for people: the commands that an answer names know no account.
    fn account_note(&self) -> String {
        self.account.as_ref().map_or_else(String::new, |account| {
            let flag = command_line(&[Argument::Word("--account"), Argument::Value(account)]);
            format!("\nAdd `{flag}` to a command that is shown here.\n")
        })
    }

    fn engine(&self) -> Result<Engine, String> {
        Engine::open(self.setting.clone(), Arc::new(self.clock)).map_err(|error| error.to_string())
    }

    /// Lists imports, the newest content first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn imports(&self, options: &ImportsOptions) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        let task = self.progress.spinner("Reading the imports");
        let state = options.state.as_ref().map(|state| state.to_ascii_lowercase().parse());
        let page = async {
            // There is no import in a state that does not exist.
            let Ok(state) = state.transpose() else { return Ok(vec![]) };
            let connection = options.connection.clone();
            let wanted = Wanted { connection, state, ..Wanted::default() };
            let imports = engine.imports();
            let page = imports.page(&imports.tenants().await?, &wanted, None, options.top).await?;
            Ok::<_, Error>(page.imports)
        };
        let page = page.await;
        drop(task);
        let imports =
            page.map_err(|error| CommandError::Failed(format!("storage: {}", sentence(&error))))?;
        let value = imports.iter().map(Into::into).collect();
        let json = json!(Imports { value, next_link: None });
        let lines: String = imports.iter().map(|import| line(import, self.layout)).collect();
        let text =
            if lines.is_empty() { "No imports".to_owned() } else { lines + &self.account_note() };
        Ok(CommandOutput::done(text, json))
    }

    /// Shows one import, column by column.
    ///
    /// # Errors
    /// Storage failed, or the import does not exist.
    pub async fn show(&self, key: &str) -> Result<CommandOutput, CommandError> {
        let import = self.engine()?.find(key).await?.import;
        let row = properties(&import);
        let mut text = format!("{}: {}\n", import.source.file(), messages::status(&import));
        let columns = COLUMNS.iter().map(|it| it.name).filter(|name| *name != DIAGNOSTICS);
        for column in columns {
            let value = match row.get(column) {
                None | Some(Value::Null) => continue,
                Some(Value::String(value)) => value.clone(),
                Some(value) => value.to_string(),
            };
            let value = value.replace(is_unprintable, "\u{fffd}");
            text.push_str(&self.layout.hang(&format!("  {column:<22} "), &value));
        }
        text.push_str(&self.account_note());
        let _ = write!(text, "\nFor a support ticket:\n\n{}\n", messages::support(&import));
        Ok(CommandOutput::done(text, json!(ImportDetail::from(&import))))
    }

    /// Checks a connection from the settings to the service.
    ///
    /// # Errors
    /// The name is not the name of a connection.
    pub(crate) async fn examine(
        &self,
        name: &str,
        resume: bool,
    ) -> Result<CommandOutput, CommandError> {
        if !is_connection_name(name) {
            return Err(CommandError::Failed(
                "the connection name is invalid\nA name has 1 to 64 letters, digits, -, _ and ., and \
                 begins with a letter or a digit."
                    .to_owned(),
            ));
        }
        let doctor = Doctor::new(self.setting.clone(), Arc::new(self.clock), RunsAs::Operator);
        let task = self.progress.spinner(format!("Checking connection {name}"));
        let diagnosis = doctor.examine(name, resume.then_some(&Actor::Command)).await;
        drop(task);
        let (mut text, json) = (diagnosis.text(self.layout), json!(diagnosis));
        if !diagnosis.healthy {
            text.push_str(&self.account_note());
        }
        Ok(CommandOutput::judged(text, json, diagnosis.healthy))
    }

    /// Applies an operator's action to one import.
    ///
    /// # Errors
    /// Storage failed, or the action does not apply to the import's state.
    pub async fn grant(
        &self,
        key: &str,
        action: OperatorAction,
    ) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        Ok(done(engine.grant(key, action, &Actor::Command).await?))
    }

    /// Resumes a paused connection.
    ///
    /// # Errors
    /// Storage failed, or the connection is not paused.
    pub async fn resume(&self, connection: &str) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        Ok(done(Box::pin(engine.resume(connection, &Actor::Command)).await?))
    }
}

fn done(result: String) -> CommandOutput {
    let json = json!(ActionResult { result: result.clone() });
    CommandOutput::done(result, json)
}

/// An import as one line.
fn line(import: &Import, layout: Layout) -> String {
    let state = import.state.as_ref();
    let is_bad = matches!(import.state, State::Rejected | State::Stuck);
    let tone = if is_bad {
        Some(Tone::Bad)
    } else {
        (import.state == State::Completed).then_some(Tone::Good)
    };
    let shown = tone.map_or_else(|| state.to_owned(), |tone| layout.paint(tone, state));
    let blanks = " ".repeat(10_usize.saturating_sub(state.len()));
    let prefix = format!("{}  {shown}{blanks}  {}  ", import.id.key, minute(import.received));
    let status = format!("{}: {}", import.source.file(), messages::status(import));
    layout.hang(&prefix, &status)
}

fn minute(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]Z")).unwrap_or_default()
}
