//! The imports of the deployed table, and what persons ask of them.

use std::sync::Arc;

use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{Context, ImportsOptions};
use crate::{
    api::{ActionResult, ImportDetail, Imports},
    config::{Lookup, STORAGE},
    doctor::Doctor,
    engine::{Actor, Engine},
    http::azure::sentence,
    import::{Import, OperatorAction},
    messages,
    outcome::{CommandError, CommandOutput},
    schema::is_connection_name,
    storage::import_table::{COLUMNS, properties},
};

impl Context {
    /// The same context over the account that is named on the command line, which is reached as whoever is
    /// signed in to the Azure CLI; over that of the settings where none is.
    #[must_use]
    pub(crate) fn of_account(&self, account: Option<String>) -> Self {
        let Self { setting, clock, tell, note } = self;
        let (setting, clock, tell, note) = (setting.clone(), *clock, *tell, *note);
        let Some(account) = account else { return Self { setting, clock, tell, note } };
        let setting: Arc<Lookup> = Arc::new(move |name: &str| match name.strip_prefix(STORAGE) {
            Some("") => None,
            Some("__accountName") => Some(account.clone()),
            Some("__credential") => Some("azurecli".to_owned()),
            Some(_) | None => setting(name),
        });
        Self { setting, clock, tell, note }
    }

    fn engine(&self) -> Result<Engine, String> {
        Engine::open(self.setting.clone(), Arc::new(self.clock)).map_err(|error| error.to_string())
    }

    /// Lists the imports of the table.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn imports(&self, options: &ImportsOptions) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        let listed = engine.imports().list().await;
        let listed = listed
            .map_err(|error| CommandError::Failed(format!("storage: {}", sentence(&error))))?;
        let imports: Vec<Import> = listed
            .into_iter()
            .map(|stored| stored.import)
            .filter(|import| {
                options.connection.as_ref().is_none_or(|name| import.connection == *name)
            })
            .filter(|import| {
                let state = options.state.as_ref();
                state.is_none_or(|state| import.state.as_ref().eq_ignore_ascii_case(state))
            })
            .take(options.top)
            .collect();
        let value = imports.iter().map(Into::into).collect();
        let json = json!(Imports { value, next_link: None });
        let lines: Vec<String> = imports.iter().map(line).collect();
        let text = if lines.is_empty() { "no imports".to_owned() } else { lines.join("\n") };
        Ok(CommandOutput::done(text, json))
    }

    /// Shows one import, column by column.
    ///
    /// # Errors
    /// Storage failed, or there is none.
    pub async fn show(&self, key: &str) -> Result<CommandOutput, CommandError> {
        let import = self.engine()?.find(key).await?.import;
        let row = properties(&import);
        let mut text = format!("{}: {}\n", import.source.file(), messages::status(&import));
        for column in COLUMNS.iter().map(|it| it.name) {
            match row.get(column) {
                None | Some(Value::Null) => {}
                Some(Value::String(value)) => text.push_str(&format!("  {column:<22} {value}\n")),
                Some(value) => text.push_str(&format!("  {column:<22} {value}\n")),
            }
        }
        Ok(CommandOutput::done(text, json!(ImportDetail::from(&import))))
    }

    /// Tells what stands in the way of a connection's files.
    ///
    /// # Errors
    /// Where it cannot be called so.
    pub(crate) async fn examine(
        &self,
        name: &str,
        resume: bool,
    ) -> Result<CommandOutput, CommandError> {
        if !is_connection_name(name) {
            return Err(CommandError::Failed(
                "the name of a connection is letters, digits, -, _ and ., at most 64".to_owned(),
            ));
        }
        let doctor = Doctor::new(self.setting.clone(), Arc::new(self.clock));
        let diagnosis = doctor.examine(name, resume.then_some(&Actor::Command)).await;
        let (text, json) = (diagnosis.text(), json!(diagnosis));
        Ok(CommandOutput { text, json, is_done: diagnosis.healthy })
    }

    /// Does what a person asks for with one import.
    ///
    /// # Errors
    /// Storage failed, or the import does not take the action.
    pub async fn grant(
        &self,
        key: &str,
        action: OperatorAction,
    ) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        Ok(done(engine.grant(key, action, &Actor::Command).await?))
    }

    /// Lets a paused connection go on.
    ///
    /// # Errors
    /// Storage failed, or the connection is not paused.
    pub async fn resume(&self, connection: &str) -> Result<CommandOutput, CommandError> {
        let engine = self.engine()?;
        Ok(done(Box::pin(engine.resume(connection, &Actor::Command)).await?))
    }
}

fn done(told: String) -> CommandOutput {
    let json = json!(ActionResult { result: told.clone() });
    CommandOutput::done(told, json)
}

/// An import in one line.
fn line(import: &Import) -> String {
    format!(
        "{}  {:<10}  {}  {}: {}",
        import.id.key,
        import.state.as_ref(),
        minute(import.received),
        import.source.file(),
        messages::status(import)
    )
}

fn minute(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]Z")).unwrap_or_default()
}
