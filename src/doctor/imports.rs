//! How the last import of a connection went, and whether the next would wait.

use azure_core::Result;

use super::{Bag, Line, way::Ways, within};
use crate::{
    azure::sentence,
    drive::Road,
    run::{Run, State},
};

pub(super) const LAST: &str = "last import";
pub(super) const PAUSE: &str = "pause";

/// The imports of a connection, newest content first; why they could not be read.
type Found = std::result::Result<Vec<Run>, String>;

/// Reads the imports of a connection.
pub(super) async fn find(bag: &Bag, ways: &Ways, name: &str) -> Found {
    if !ways.tables.is_open() {
        return Err("there is no way to tables".to_owned());
    }
    let named: Result<_> = within(bag.limit, bag.runs.named(name)).await?;
    let named = named.map_err(|error| sentence(&error))?;
    let mut imports: Vec<Run> = named.into_iter().map(|stored| stored.run).collect();
    imports.sort_by(|one, other| one.id.key.cmp(&other.id.key));
    Ok(imports)
}

/// How the newest content fared.
pub(super) fn last(found: &Found) -> Line {
    let last = match found {
        Err(why) => return unread(LAST, why),
        Ok(imports) => imports.first(),
    };
    let Some(run) = last else { return Line::note(LAST, "no file has arrived yet") };
    let told = format!("{}: {}", run.source.file(), run.story());
    let key = &run.id.key;
    match run.state {
        State::Completed => Line::good(LAST, told),
        State::Rejected if run.guarded => Line::bad(
            LAST,
            told,
            format!(
                "if it may delete what it says, `viva-import allow {key}`; else mend the export"
            ),
        ),
        State::Rejected => Line::bad(
            LAST,
            told,
            format!(
                "its report says what is wrong: mend the export and upload it, or mend the mapping \
                 and `viva-import retry {key}`"
            ),
        ),
        State::Stuck => Line::bad(
            LAST,
            told,
            format!(
                "look into the portal's import history, mend what is crossed here, then \
                 `viva-import retry {key}`"
            ),
        ),
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Superseded
        | State::Cancelled => Line::note(LAST, told),
    }
}

/// Whether the connection is paused. Where a 403 did it, and with `resume` if nothing stands
/// against it (`is_ready`), its imports go on.
pub(super) async fn pause(
    bag: Bag,
    found: Found,
    name: &str,
    resume: bool,
    is_ready: bool,
) -> Line {
    let imports = match found {
        Err(why) => return unread(PAUSE, &why),
        Ok(imports) => imports,
    };
    let why =
        |run: &Run| format!("{}: {}", run.called(), run.pauses.as_deref().unwrap_or_default());
    let paused = imports.iter().filter(|run| run.pauses.is_some());
    let (forbidden, stopped): (Vec<&Run>, Vec<&Run>) = paused.partition(|run| run.is_forbidden());
    let (mut told, mut to_do) = (vec![], vec![]);
    if !forbidden.is_empty() && resume && is_ready {
        let Bag { config, storage, service, clock, limit, .. } = bag;
        let road = Road::new(storage, service, config, clock);
        let resumed = within(limit, Box::pin(road.resume_forbidden(name))).await;
        match resumed.and_then(|done| done.map_err(|denied| denied.to_string())) {
            Ok(done) => told.push(done),
            Err(failed) => {
                told.push(failed);
                to_do.push(format!("`viva-import resume {name}`"));
            }
        }
    } else if !forbidden.is_empty() {
        told.extend(forbidden.into_iter().map(why));
        to_do.push(match (is_ready, resume) {
            (true, _) => format!(
                "nothing stands against it any more: `viva-import doctor {name} --resume`, or POST \
                 /api/doctor/{name}"
            ),
            (false, false) => {
                format!("mend what is crossed above, then `viva-import doctor {name} --resume`")
            }
            (false, true) => {
                "not let go on, because something above is crossed: mend that and ask again"
                    .to_owned()
            }
        });
    }
    if !stopped.is_empty() {
        told.extend(stopped.into_iter().map(why));
        to_do.push(format!(
            "mend the file's fault and `viva-import retry RUN`, its import, or let those behind it \
             go on without it: `viva-import resume {name}`"
        ));
    }
    match (told.is_empty(), to_do.is_empty()) {
        (true, _) => Line::good(PAUSE, "not paused"),
        (false, true) => Line::good(PAUSE, told.join("; ")),
        (false, false) => Line::bad(PAUSE, told.join("; "), to_do.join("; ")),
    }
}

fn unread(about: &'static str, why: &str) -> Line {
    Line::unknown(about, format!("the table of imports could not be read: {why}"))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        config::Config,
        doctor::Verdict,
        run::{RunId, Source},
    };

    fn run(state: State) -> Run {
        let now = datetime!(2026-11-23 06:00 UTC);
        let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
        let policy = Config::read(account).unwrap().policy;
        let id = RunId { tenant: "t".to_owned(), key: "1-a".to_owned() };
        let source = Source {
            container: "inbox".to_owned(),
            name: "hr/a.csv".to_owned(),
            etag: "0x1".to_owned(),
            bytes: 10,
            last_modified: now,
        };
        Run { state, ..Run::new(id, "hr", source, now, &policy) }
    }

    #[test]
    fn the_last_import_is_ticked_crossed_or_only_told_by_its_state() {
        let guarded = Run { guarded: true, ..run(State::Rejected) };
        for (run, verdict, remedy) in [
            (run(State::Completed), Verdict::Good, None),
            (run(State::Rejected), Verdict::Bad, Some("viva-import retry 1-a")),
            (guarded, Verdict::Bad, Some("viva-import allow 1-a")),
            (run(State::Stuck), Verdict::Bad, Some("the portal's import history")),
            (run(State::Received), Verdict::Note, None),
            (run(State::Ingesting), Verdict::Note, None),
            (run(State::Superseded), Verdict::Note, None),
            (run(State::Cancelled), Verdict::Note, None),
        ] {
            let line = last(&Ok(vec![run]));
            assert_eq!(line.verdict, verdict, "{}", line.told);
            assert!(line.told.starts_with("inbox/hr/a.csv: "), "{}", line.told);
            assert_eq!(line.remedy.is_some(), remedy.is_some());
            let told = line.remedy.unwrap_or_default();
            assert!(told.contains(remedy.unwrap_or_default()), "{told}");
        }
        assert_eq!(last(&Ok(vec![])).verdict, Verdict::Note);
        assert_eq!(last(&Err("it answered 403".to_owned())).verdict, Verdict::Unknown);
    }
}
