//! From arguments to the command that they name.

use super::{ImportArgs, Imports, UserCommand};
use crate::{
    certificate,
    commands::{self, Context, ImportsOptions},
    import::OperatorAction,
    outcome::{CommandError, CommandOutput},
    suggest::{self, template},
};

impl UserCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self, context: &Context) -> Result<CommandOutput, CommandError> {
        match self {
            Self::Check(it) => context.check(&it.into()),
            Self::Pack(it) => context.pack(&it.into()),
            Self::SuggestMapping(it) => {
                let _task = context.progress.spinner("Reading the export");
                suggest::run(&it.into(), context.layout)
            }
            Self::LearnTemplate(it) => {
                template::run(&it.template, it.connection.as_deref(), it.force)
            }
            Self::Push(it) => Box::pin(context.push(&it.try_into()?)).await,
            Self::Status(it) => {
                context.status(&it.id, &it.follow.into(), &it.caller.try_into()?).await
            }
            Self::Errors(it) => {
                context.errors(&it.id, &it.out, it.force, &it.caller.try_into()?).await
            }
            Self::Ping(it) => context.ping(&it.caller.try_into()?).await,
            Self::Imports(Imports { connection, state, top, account, output: _ }) => {
                let wanted = ImportsOptions { connection, state, top };
                context.of_account(account.account).imports(&wanted).await
            }
            Self::Show(it) => context.of_account(it.account.account).show(&it.import).await,
            Self::Approve(it) => grant(context, it, OperatorAction::Approve).await,
            Self::Retry(it) => grant(context, it, OperatorAction::Retry).await,
            Self::Cancel(it) => grant(context, it, OperatorAction::Cancel).await,
            Self::Resume(it) => context.of_account(it.account.account).resume(&it.connection).await,
            Self::Doctor(it) => {
                context.of_account(it.account.account).examine(&it.connection, it.resume).await
            }
            Self::Certificate(it) => {
                certificate::run(&it.name, it.days, &it.out, (context.clock)())
            }
            Self::Rules(it) => commands::rules(it.id.as_deref()),
            Self::Schema => Ok(commands::schema()),
            Self::Settings(_) => Ok(commands::settings()),
            Self::Columns(_) => Ok(commands::columns()),
            Self::Reasons(_) => Ok(commands::reasons()),
            Self::Completions(it) => Ok(it.run()),
            Self::Man(it) => it.run(),
        }
    }
}

async fn grant(
    context: &Context,
    args: ImportArgs,
    action: OperatorAction,
) -> Result<CommandOutput, CommandError> {
    context.of_account(args.account.account).grant(&args.import, action).await
}
