//! Whose turn it is in a lane: every kind of neighbour.

use super::{
    lane::{completed, content, lane},
    *,
};
use crate::{
    import::{
        connection_record::ConnectionRecord,
        lane::{LaneRecord, LiveImport},
        order::{Lane, Turn},
    },
    schema::{ApprovalScope, DeletionApproval, Id},
};

/// Everything that an import's turn depends on.
#[derive(Default)]
struct Seen {
    record: LaneRecord,
    live: Vec<Import>,
    connection: ConnectionRecord,
    paused_by: Option<Import>,
}

impl Seen {
    fn turn(&self, import: &Import) -> Turn {
        let live: Vec<LiveImport> = self.live.iter().map(Into::into).collect();
        import.turn(Lane {
            record: &self.record,
            live: &live,
            connection: &self.connection,
            paused_by: self.paused_by.as_ref(),
        })
    }

    /// Whose turn it is beside these live imports.
    fn beside(import: &Import, live: Vec<Import>) -> &'static str {
        word(&Self { live, ..Self::default() }.turn(import))
    }

    fn after(import: &Import, accepted: &[Import]) -> Turn {
        Self { record: lane(accepted), ..Self::default() }.turn(import)
    }
}

fn word(turn: &Turn) -> &'static str {
    match turn {
        Turn::Now => "now",
        Turn::GoesBack(_) => "goes back",
        Turn::Later(Event::Superseded { .. }) => "superseded",
        Turn::Later(Event::WaitingForOlder { .. }) => "behind",
        Turn::Later(Event::Paused { .. }) => "paused",
        Turn::Later(Event::SameContent { .. }) => "same",
        Turn::Later(_) => "something else",
    }
}

fn full(key: &str, minutes: u64) -> Import {
    content(key, minutes, Refresh::Full)
}

fn change(key: &str, minutes: u64) -> Import {
    content(key, minutes, Refresh::Incremental)
}

/// The same file as one of another connection.
fn of_other(import: Import) -> Import {
    Import { connection: "other".to_owned(), ..import }
}

fn unread(key: &str, minutes: u64) -> Import {
    let mut import = received();
    import.id.key = key.to_owned();
    import.source.last_modified = NOW + Duration::from_mins(minutes);
    import.connector = Some(crate::schema::Connector::Hr);
    import
}

fn blocked(import: Import) -> Import {
    let reason = Reason::CredentialFailed { detail: "why".into() };
    after(import, NOW, [Event::TransientFailure { reason, retry_at: None }])
}

fn forbidden(import: Import) -> Import {
    after(import, NOW, [Event::Forbidden { token_tenant: None }])
}

#[test]
fn an_incremental_file_waits_for_everything_older_in_its_lane_that_nobody_has_to_act_on() {
    let own = change("2", 2);
    let mut survey = of_other(full("1", 1));
    survey.connector = Some(crate::schema::Connector::Survey);
    for (older, turn) in [
        (change("1", 1), "behind"),
        (unread("1", 1), "behind"),
        (of_other(full("1", 1)), "behind"),
        (of_other(unread("1", 1)), "behind"),
        (after(of_other(full("1", 1)), NOW, [claimed()]), "behind"),
        // What blocks a file of the same connection blocks this one too, and ends by itself.
        (blocked(change("1", 1)), "behind"),
        (blocked(of_other(change("1", 1))), "now"),
        (forbidden(of_other(full("1", 1))), "now"),
        (survey, "now"),
        (change("3", 3), "now"),
        (completed(full("1", 1), 1), "now"),
    ] {
        assert_eq!(Seen::beside(&own, vec![older.clone()]), turn, "{older:?}");
    }
    // A full refresh waits for nothing.
    assert_eq!(Seen::beside(&full("2", 2), vec![change("1", 1), full("0", 0)]), "now");
}

#[test]
fn a_newer_full_refresh_that_is_ready_replaces_what_is_older_in_any_connection_of_the_lane() {
    let ingesting = after(full("2", 2), NOW, [claimed(), accepted()]);
    for own in [full("1", 1), change("1", 1)] {
        for (newer, turn) in [
            (full("2", 2), "superseded"),
            (of_other(full("2", 2)), "superseded"),
            (after(full("2", 2), NOW, [claimed()]), "superseded"),
            (ingesting.clone(), "superseded"),
            (change("2", 2), "now"),
            (unread("2", 2), "now"),
            (blocked(full("2", 2)), "now"),
            (forbidden(of_other(full("2", 2))), "now"),
            (after(full("2", 2), NOW, [rejected(true)]), "now"),
        ] {
            assert_eq!(Seen::beside(&own, vec![newer.clone()]), turn, "{newer:?}");
        }
        let accepted = [completed(of_other(full("2", 2)), 5)];
        assert_eq!(word(&Seen::after(&own, &accepted)), "superseded");
    }
}

fn approved(import: Import, rules: &[Id]) -> Import {
    let scope = ApprovalScope::Rules(rules.to_vec());
    Import { approval: Some(DeletionApproval { by: "by ana".to_owned(), scope }), ..import }
}

#[test]
fn what_would_undo_newer_data_needs_an_approval() {
    // A full refresh that is older than an incremental file of the lane.
    let accepted = [completed(of_other(change("2", 2)), 5)];
    assert_eq!(word(&Seen::after(&full("1", 1), &accepted)), "goes back");
    assert_eq!(word(&Seen::after(&full("3", 3), &accepted)), "now");
    assert_eq!(word(&Seen::after(&approved(full("1", 1), &[Id::I05]), &accepted)), "now");
    assert_eq!(word(&Seen::after(&approved(full("1", 1), &[Id::I04]), &accepted)), "goes back");
    // An incremental file that is older than the last one of its own connection, not of another one.
    let newest = Some(change("2", 2).order());
    let seen = Seen {
        connection: ConnectionRecord { newest, ..ConnectionRecord::default() },
        ..Seen::default()
    };
    assert_eq!(word(&seen.turn(&change("1", 1))), "goes back");
    assert_eq!(word(&seen.turn(&change("3", 3))), "now");
    assert_eq!(word(&seen.turn(&approved(change("1", 1), &[Id::I05]))), "now");
    assert_eq!(word(&Seen::after(&change("1", 1), &accepted)), "now");
    // A push that was never answered may have arrived, and is only repeated.
    let unknown = after(change("1", 1), NOW, [claimed(), lost()]);
    assert_eq!(word(&seen.turn(&unknown)), "now");
}

#[test]
fn the_same_bytes_are_not_pushed_twice_in_a_row_unless_an_operator_asks() {
    let first = completed(full("1", 1), 5);
    let again = |key: &str, minutes| {
        let mut import = full(key, minutes);
        import.package.as_mut().unwrap().sha256 = "1".to_owned();
        import
    };
    let accepted = [first.clone()];
    let turn = Seen::after(&again("2", 2), &accepted);
    assert_eq!(turn, Turn::Later(Event::SameContent { import: "1".into() }));
    assert_eq!(word(&Seen::after(&full("2", 2), &accepted)), "now");
    let as_change = Import { refresh: Some(Refresh::Incremental), ..again("2", 2) };
    assert_eq!(word(&Seen::after(&as_change, &accepted)), "now");
    // Another content has come since.
    let since = [first, completed(change("2", 2), 6)];
    assert_eq!(word(&Seen::after(&again("3", 3), &since)), "now");
    // The end is legal to retry, and then pushed.
    let Turn::Later(event) = turn else { panic!() };
    let ended = after(again("2", 2), NOW, [event]);
    assert_eq!((ended.state, ended.is_at_service()), (State::Superseded, true));
    let action = OperatorAction::Retry;
    let retry = Event::OperatorRequested { action, by: "by ana".to_owned() };
    let retried = after(ended, NOW, [retry, Event::PackStarted, staged()]);
    assert_eq!(
        word(&Seen::after(&Import { package: again("2", 2).package, ..retried }, &accepted)),
        "now"
    );
}

#[test]
fn a_file_that_is_only_too_old_does_not_stop_later_files() {
    let stops = Import { stop_on_rejection: true, ..change("1", 1) };
    let rejected = |rules: &[&str]| {
        let rules = rules.iter().map(|rule| reason::RuleCount { rule: (*rule).into(), count: 1 });
        let problems = Problems { rules: rules.collect(), ..errors() };
        let reason = Reason::DeletionBlocked(Box::new(problems));
        let event = Event::Rejected { reason, problems: 1, report: None, guarded: None };
        after(stops.clone(), NOW, [event]).pauses
    };
    assert!(!rejected(&["I05"]));
    assert!(rejected(&["I04", "I05"]) && rejected(&["I04"]));
}

#[test]
fn a_paused_connection_waits_and_says_for_what() {
    let seen = Seen { paused_by: Some(forbidden(full("1", 1))), ..Seen::default() };
    let Turn::Later(Event::Paused { reason }) = seen.turn(&full("2", 2)) else { panic!() };
    assert_eq!(reason.code(), ReasonCode::ConnectionPaused);
    let own = forbidden(full("1", 1));
    let Turn::Later(Event::Paused { reason }) = seen.turn(&own) else { panic!() };
    assert_eq!(reason.code(), ReasonCode::Forbidden);
}
