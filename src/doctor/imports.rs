//! The state of a connection's last import, and whether the connection is paused.

use std::{cmp::Reverse, collections::BTreeSet, fmt::Display, time::Duration};

use azure_core::Error;

use super::{
    connectivity::Reachabilities,
    probes::{Probes, Unread, within},
    report::CheckResult,
};
use crate::{
    engine::{Actor, Engine},
    import::{Import, ImportId, State},
    messages,
    storage::import_table::ImportTable,
};

pub(super) const LAST: &str = "last import";
pub(super) const PAUSE: &str = "pause";

/// How often resuming is tried while another process changes the same imports.
const MAX_TRIES: u32 = 3;

/// The import of a connection that was received last, and those that pause it; or why they could not be read.
type Found = Result<Vec<Import>, Unread>;

/// Reads them.
pub(super) async fn find(probes: &Probes, hosts: &Reachabilities, name: &str) -> Found {
    if !hosts.tables.is_reachable() {
        return Err(Unread::Unreachable("table"));
    }
    read(&probes.imports, probes.limit, name).await
}

async fn read(imports: &ImportTable, limit: Duration, name: &str) -> Found {
    let named = async {
        let mut found = vec![];
        for tenant in imports.tenants().await? {
            let record = imports.connection(&tenant, name).await?;
            let pausing = record.paused_by.iter().map(|pause| pause.import.to_string());
            let keys: BTreeSet<String> = pausing.chain(record.last_received_import).collect();
            for key in keys {
                let id = ImportId { tenant: tenant.clone(), key };
                found.extend(imports.get_readable(&id).await?.map(|stored| stored.import));
            }
        }
        found.sort_by_key(|import| Reverse(import.received));
        Ok::<_, Error>(found)
    };
    Ok(within(limit, named).await??)
}

/// The result of the last import. With `is_resumed`, it may have waited until now.
fn last(found: &Found, is_resumed: bool) -> CheckResult {
    let imports = match found {
        Err(error) => return unread(LAST, error),
        Ok(imports) => imports,
    };
    let Some(import) = imports.first() else {
        return CheckResult::info(LAST, "No file has arrived yet");
    };
    let may_wait = matches!(import.state, State::Received | State::Packed);
    let status = if may_wait && imports.iter().any(Import::is_forbidden) {
        "Waiting, because the service answered 403; see the check \"pause\"".to_owned()
    } else if may_wait && is_resumed {
        // The row says why it waited until its next step.
        messages::status(&Import { reason: None, ..import.clone() })
    } else {
        messages::status(import)
    };
    let message = format!("{}: {status}", import.source.file());
    match import.state {
        State::Completed | State::Accepted => CheckResult::pass(LAST, message),
        State::Rejected | State::Stuck => {
            CheckResult::fail(LAST, message, messages::remedy(import))
        }
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Superseded
        | State::Cancelled => CheckResult::info(LAST, message),
    }
}

/// The results of the last import and of the pause. With `resume`, imports that wait after a 403 are
/// resumed first, if the checks before a push passed (`is_ready`).
pub(super) async fn results(
    probes: Probes,
    found: Found,
    name: &str,
    resume: Option<&Actor>,
    is_ready: bool,
) -> [CheckResult; 2] {
    let is_forbidden = |found: &Found| {
        found.as_ref().is_ok_and(|imports| imports.iter().any(Import::is_forbidden))
    };
    let by = resume.filter(|_| is_ready && is_forbidden(&found));
    let Some(by) = by else {
        return [last(&found, false), pause(&found, name, resume.is_some(), is_ready, None)];
    };
    let Probes { config, storage, service, setting, clock, limit, .. } = probes;
    let engine = Engine::new(storage, service, config, setting, clock);
    let (mut resumed, mut found) = (Ok(String::new()), found);
    // Another process may change a row at the same time.
    for _ in 0..MAX_TRIES {
        let asked = within(limit, Box::pin(engine.resume_forbidden(name, by))).await;
        let is_late = asked.is_err();
        resumed = match asked {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(late) => Err(late.to_string()),
        };
        found = read(engine.imports(), limit, name).await;
        if resumed.is_ok() || is_late || !is_forbidden(&found) {
            break;
        }
    }
    let done = match resumed {
        // Another process was faster.
        Err(_) if found.is_ok() && !is_forbidden(&found) => {
            "No import waits after a 403 any more".to_owned()
        }
        Ok(done) | Err(done) => done,
    };
    [last(&found, true), pause(&found, name, true, is_ready, Some(done))]
}

/// Whether the connection is paused; `done` says what resuming did.
fn pause(
    found: &Found,
    name: &str,
    resume: bool,
    is_ready: bool,
    done: Option<String>,
) -> CheckResult {
    let imports = match (found, done.as_deref()) {
        (Err(error), None) => return unread(PAUSE, error),
        (Err(error), Some(done)) => {
            return unread(PAUSE, format!("{error}. Before that: {done}"));
        }
        (Ok(imports), _) => imports,
    };
    let why = |import: &Import| {
        format!("{} (import {}): {}", import.source.file(), import.id, messages::pause(import))
    };
    let paused = imports.iter().filter(|import| import.pauses);
    let (forbidden, stopped): (Vec<&Import>, Vec<&Import>) =
        paused.partition(|import| import.is_forbidden());
    let again = format!(
        "`viva-import doctor {name} --resume`, or POST /api/v1/connections/{name}:diagnose with \
         {{\"resume\": true}}"
    );
    let (mut message, mut remedy) = (Vec::from_iter(done), vec![]);
    if !forbidden.is_empty() {
        remedy.push(match (is_ready, resume) {
            (true, true) => format!("It still waits, or waits again. Run the check again: {again}."),
            (true, false) => format!("The cause is corrected. To resume, run {again}."),
            (false, false) => format!("Correct the failed checks above. Then run {again}."),
            (false, true) => {
                "It was not resumed, because a check above failed or is unknown. Correct that, then run \
                 this command again."
                    .to_owned()
            }
        });
        message.extend(forbidden.into_iter().map(why));
    }
    if !stopped.is_empty() {
        message.extend(stopped.into_iter().map(why));
        remedy.push(format!(
            "Correct the file's error and run `viva-import retry $IMPORT`. To import the files after it \
             without it, run `viva-import resume {name}`."
        ));
    }
    match (message.is_empty(), remedy.is_empty()) {
        (true, _) => CheckResult::pass(PAUSE, "Not paused"),
        (false, true) => CheckResult::pass(PAUSE, message.join("; ")),
        (false, false) => CheckResult::fail(PAUSE, message.join("; "), remedy.join(" ")),
    }
}

fn unread(check: &'static str, why: impl Display) -> CheckResult {
    CheckResult::unknown(check, format!("The table imports could not be read: {why}"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        config::Config,
        doctor::CheckStatus,
        import::{
            ImportId, Source,
            reason::{Problems, Reason},
        },
    };

    fn import(state: State) -> Import {
        let now = datetime!(2026-11-23 06:00 UTC);
        let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
        let policy = Config::read(account).unwrap().policy;
        let id = ImportId { tenant: "t".to_owned(), key: "1-a".to_owned() };
        let source = Source {
            container: "inbox".to_owned(),
            name: "hr/a.csv".to_owned(),
            etag: "0x1".to_owned(),
            bytes: 10,
            last_modified: now,
        };
        Import { state, ..Import::new(id, "hr", source, now, &policy) }
    }

    fn guarded_reason() -> Reason {
        Reason::DeletionBlocked(Box::new(Problems {
            row: None,
            column: None,
            rule: "I04".into(),
            message: "39 people".into(),
            count: 1,
            rules: vec![],
        }))
    }

    #[test]
    fn the_last_import_passes_fails_or_informs_by_its_state() {
        let guarded = Import { reason: Some(guarded_reason()), ..import(State::Rejected) };
        for (import, status, remedy) in [
            (import(State::Completed), CheckStatus::Pass, None),
            (import(State::Accepted), CheckStatus::Pass, None),
            (import(State::Rejected), CheckStatus::Fail, Some("viva-import retry 1-a")),
            (guarded, CheckStatus::Fail, Some("viva-import approve 1-a")),
            (import(State::Stuck), CheckStatus::Fail, Some("viva-import retry 1-a")),
            (import(State::Received), CheckStatus::Info, None),
            (import(State::Ingesting), CheckStatus::Info, None),
            (import(State::Superseded), CheckStatus::Info, None),
            (import(State::Cancelled), CheckStatus::Info, None),
        ] {
            let result = last(&Ok(vec![import]), false);
            assert_eq!(result.status, status, "{}", result.message);
            assert!(result.message.starts_with("inbox/hr/a.csv: "), "{}", result.message);
            assert_eq!(result.remedy.is_some(), remedy.is_some());
            let text = result.remedy.unwrap_or_default();
            assert!(text.contains(remedy.unwrap_or_default()), "{text}");
        }
        assert_eq!(last(&Ok(vec![]), false).status, CheckStatus::Info);
        assert_eq!(last(&Err(Unread::Unreachable("table")), false).status, CheckStatus::Unknown);
    }

    #[test]
    fn resume_is_the_remedy_only_for_what_stop_after_rejected_pauses() {
        let pausing = |state| Import { pauses: true, ..import(state) };
        let none = || Ok(vec![import(State::Packed)]);
        let done = |text: &str| Some(text.to_owned());
        let by_doctor = "`viva-import doctor hr --resume`";
        let by_resume = "`viva-import resume hr`";
        for (found, done, status, remedy, never) in [
            (none(), None, CheckStatus::Pass, "", by_resume),
            (none(), done("No import waits"), CheckStatus::Pass, "", by_resume),
            (Ok(vec![pausing(State::Packed)]), None, CheckStatus::Fail, by_doctor, by_resume),
            (
                Ok(vec![pausing(State::Packed)]),
                done("moved"),
                CheckStatus::Fail,
                by_doctor,
                by_resume,
            ),
            (Ok(vec![pausing(State::Superseded)]), None, CheckStatus::Fail, by_doctor, by_resume),
            (
                Ok(vec![pausing(State::Rejected)]),
                done("done"),
                CheckStatus::Fail,
                by_resume,
                by_doctor,
            ),
            (Err(Unread::Unreachable("table")), done("done"), CheckStatus::Unknown, "", by_resume),
        ] {
            let words = done.clone().unwrap_or_default();
            let result = pause(&found, "hr", done.is_some(), true, done);
            assert_eq!(result.status, status, "{}", result.message);
            assert!(result.message.contains(&words), "{}", result.message);
            let text = result.remedy.unwrap_or_default();
            assert!(text.contains(remedy) && !text.contains(never), "{text}");
        }
    }

    #[test]
    fn the_last_import_does_not_contradict_the_pause() {
        let waits = Import {
            reason: Some(Reason::Forbidden { token_tenant: None }),
            ..import(State::Packed)
        };
        let pauses = Import { pauses: true, ..waits.clone() };
        for (imports, is_resumed, words, names_resume) in [
            (vec![waits.clone(), pauses.clone()], false, "see the check \"pause\"", false),
            (vec![waits.clone(), pauses], true, "see the check \"pause\"", false),
            (vec![waits.clone()], true, "Packed", false),
            (vec![waits], false, "Packed", true),
        ] {
            let text = last(&Ok(imports), is_resumed).message;
            assert!(text.contains(words), "{text}");
            assert_eq!(text.contains("viva-import resume"), names_resume, "{text}");
        }
    }
}
