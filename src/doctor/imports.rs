//! How the last import of a connection went, and whether the next would wait.

use std::{fmt::Display, time::Duration};

use super::{
    connectivity::Reachabilities,
    probes::{Probes, Unread, within},
    report::CheckResult,
};
use crate::{
    engine::{Actor, Engine},
    import::{Import, State},
    messages,
    storage::import_table::ImportTable,
};

pub(super) const LAST: &str = "last import";
pub(super) const PAUSE: &str = "pause";

/// How often imports are let go on that somebody else moves meanwhile.
const MAX_TRIES: u32 = 3;

/// The imports of a connection, newest content first; why they could not be read.
type Found = Result<Vec<Import>, Unread>;

/// Reads the imports of a connection.
pub(super) async fn find(bag: &Probes, ways: &Reachabilities, name: &str) -> Found {
    if !ways.tables.is_open() {
        return Err(Unread::NoWay("tables"));
    }
    read(&bag.imports, bag.limit, name).await
}

async fn read(imports: &ImportTable, limit: Duration, name: &str) -> Found {
    let named = within(limit, imports.named(name)).await??;
    let mut imports: Vec<Import> = named.into_iter().map(|stored| stored.import).collect();
    imports.sort_by(|one, other| one.id.key.cmp(&other.id.key));
    Ok(imports)
}

/// How the newest content fared; `is_resumed` where it may have waited until now.
fn last(found: &Found, is_resumed: bool) -> CheckResult {
    let imports = match found {
        Err(error) => return unread(LAST, error),
        Ok(imports) => imports,
    };
    let Some(import) = imports.first() else {
        return CheckResult::note(LAST, "no file has arrived yet");
    };
    let may_wait = matches!(import.state, State::Received | State::Packed);
    let story = if may_wait && imports.iter().any(Import::is_forbidden) {
        "it waits after a 403; see the pause below".to_owned()
    } else if may_wait && is_resumed {
        // Why it waited is written there until it is taken up.
        messages::status(&Import { reason: None, ..import.clone() })
    } else {
        messages::status(import)
    };
    let told = format!("{}: {story}", import.source.file());
    match import.state {
        State::Completed | State::Accepted => CheckResult::good(LAST, told),
        State::Rejected | State::Stuck => CheckResult::bad(LAST, told, messages::remedy(import)),
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Superseded
        | State::Cancelled => CheckResult::note(LAST, told),
    }
}

/// The last import, and whether the connection is paused. What waits after a 403 goes on first with
/// `resume`, if nothing stands against it (`is_ready`).
pub(super) async fn lines(
    bag: Probes,
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
    let Probes { config, storage, service, setting, clock, limit, .. } = bag;
    let engine = Engine::new(storage, service, config, setting, clock);
    let (mut resumed, mut found) = (Ok(String::new()), found);
    // Whoever drives may move a row just then.
    for _ in 0..MAX_TRIES {
        let asked = within(limit, Box::pin(engine.resume_forbidden(name, by))).await;
        let is_late = asked.is_err();
        resumed = match asked {
            Ok(done) => done.map_err(|denied| denied.to_string()),
            Err(late) => Err(late.to_string()),
        };
        found = read(engine.imports(), limit, name).await;
        if resumed.is_ok() || is_late || !is_forbidden(&found) {
            break;
        }
    }
    let done = match resumed {
        // Others were faster.
        Err(_) if found.is_ok() && !is_forbidden(&found) => "no 403 pauses it any more".to_owned(),
        Ok(told) | Err(told) => told,
    };
    [last(&found, true), pause(&found, name, true, is_ready, Some(done))]
}

/// Whether the connection is paused, after what was `done` against it.
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
            return unread(PAUSE, format!("{error}; before that: {done}"));
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
    let (mut told, mut to_do) = (Vec::from_iter(done), vec![]);
    if !forbidden.is_empty() {
        to_do.push(match (is_ready, resume) {
            (true, true) => format!("it waits again, or still: look once more with {again}"),
            (true, false) => format!("nothing stands against it any more: {again}"),
            (false, false) => format!("mend what is crossed above, then {again}"),
            (false, true) => {
                "not let go on, because something above is crossed or unknown: mend that and ask \
                 again"
                    .to_owned()
            }
        });
        told.extend(forbidden.into_iter().map(why));
    }
    if !stopped.is_empty() {
        told.extend(stopped.into_iter().map(why));
        to_do.push(format!(
            "mend the file's fault and `viva-import retry IMPORT`, or let those behind it \
             go on without it: `viva-import resume {name}`"
        ));
    }
    match (told.is_empty(), to_do.is_empty()) {
        (true, _) => CheckResult::good(PAUSE, "not paused"),
        (false, true) => CheckResult::good(PAUSE, told.join("; ")),
        (false, false) => CheckResult::bad(PAUSE, told.join("; "), to_do.join("; ")),
    }
}

fn unread(about: &'static str, why: impl Display) -> CheckResult {
    CheckResult::unknown(about, format!("the table of imports could not be read: {why}"))
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

    fn run(state: State) -> Import {
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
    fn the_last_import_is_ticked_crossed_or_only_told_by_its_state() {
        let guarded = Import { reason: Some(guarded_reason()), ..run(State::Rejected) };
        for (import, verdict, remedy) in [
            (run(State::Completed), CheckStatus::Pass, None),
            (run(State::Accepted), CheckStatus::Pass, None),
            (run(State::Rejected), CheckStatus::Fail, Some("viva-import retry 1-a")),
            (guarded, CheckStatus::Fail, Some("viva-import approve 1-a")),
            (run(State::Stuck), CheckStatus::Fail, Some("viva-import retry 1-a")),
            (run(State::Received), CheckStatus::Info, None),
            (run(State::Ingesting), CheckStatus::Info, None),
            (run(State::Superseded), CheckStatus::Info, None),
            (run(State::Cancelled), CheckStatus::Info, None),
        ] {
            let line = last(&Ok(vec![import]), false);
            assert_eq!(line.status, verdict, "{}", line.message);
            assert!(line.message.starts_with("inbox/hr/a.csv: "), "{}", line.message);
            assert_eq!(line.remedy.is_some(), remedy.is_some());
            let told = line.remedy.unwrap_or_default();
            assert!(told.contains(remedy.unwrap_or_default()), "{told}");
        }
        assert_eq!(last(&Ok(vec![]), false).status, CheckStatus::Info);
        assert_eq!(last(&Err(Unread::NoWay("tables")), false).status, CheckStatus::Unknown);
    }

    #[test]
    fn only_what_stop_after_rejected_holds_is_let_go_on_by_resume() {
        let pausing = |state| Import { pauses: true, ..run(state) };
        let none = || Ok(vec![run(State::Packed)]);
        let done = |told: &str| Some(told.to_owned());
        let by_doctor = "`viva-import doctor hr --resume`";
        let by_resume = "`viva-import resume hr`";
        for (found, done, verdict, remedy, never) in [
            (none(), None, CheckStatus::Pass, "", by_resume),
            (none(), done("no 403 pauses it any more"), CheckStatus::Pass, "", by_resume),
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
            (Err(Unread::NoWay("tables")), done("done"), CheckStatus::Unknown, "", by_resume),
        ] {
            let words = done.clone().unwrap_or_default();
            let line = pause(&found, "hr", done.is_some(), true, done);
            assert_eq!(line.status, verdict, "{}", line.message);
            assert!(line.message.contains(&words), "{}", line.message);
            let told = line.remedy.unwrap_or_default();
            assert!(told.contains(remedy) && !told.contains(never), "{told}");
        }
    }

    #[test]
    fn the_last_import_does_not_say_other_than_the_pause() {
        let waits = Import { reason: Some(Reason::Forbidden), ..run(State::Packed) };
        let pauses = Import { pauses: true, ..waits.clone() };
        for (imports, is_resumed, words, is_told) in [
            (vec![waits.clone(), pauses.clone()], false, "see the pause below", false),
            (vec![waits.clone(), pauses], true, "see the pause below", false),
            (vec![waits.clone()], true, "Packed", false),
            (vec![waits], false, "Packed", true),
        ] {
            let told = last(&Ok(imports), is_resumed).message;
            assert!(told.contains(words), "{told}");
            assert_eq!(told.contains("viva-import resume"), is_told, "{told}");
        }
    }
}
