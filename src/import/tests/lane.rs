//! What the service has of a lane.

use super::*;
use crate::import::lane::LaneRecord;

/// A packed import of content written so many minutes after the start.
pub(super) fn content(key: &str, minutes: u64, refresh: Refresh) -> Import {
    let mut import = received();
    import.id.key = key.to_owned();
    import.source.name = format!("hr/{key}.csv");
    import.source.last_modified = NOW + Duration::from_mins(minutes);
    let mut import = after(import, NOW, [Event::PackStarted, staged()]);
    import.refresh = Some(refresh);
    import.package.as_mut().unwrap().sha256 = key.to_owned();
    let baseline = import.baseline.as_mut().unwrap();
    refresh.as_ref().clone_into(&mut baseline.refresh);
    baseline.people = minutes;
    import
}

/// The same after a push at so many minutes, which the service accepted.
pub(super) fn completed(import: Import, minutes: u64) -> Import {
    let pushed = NOW + Duration::from_mins(minutes);
    after(import, pushed, [claimed(), accepted(), reported(Status::Completed)])
}

pub(super) fn lane(imports: &[Import]) -> LaneRecord {
    let mut lane = LaneRecord::default();
    for import in imports {
        lane.accept(import, import.package.as_ref());
    }
    lane
}

fn keys(lane: &LaneRecord) -> [Option<&str>; 3] {
    [
        lane.full.as_ref().map(|content| content.order.import.0.as_str()),
        lane.incremental.as_ref().map(|content| content.order.import.0.as_str()),
        lane.last.as_ref().map(|last| last.import.as_str()),
    ]
}

#[test]
fn a_full_refresh_replaces_what_was_accepted_and_incremental_files_add_to_it() {
    let first = completed(content("1", 1, Refresh::Full), 10);
    let second = completed(content("2", 2, Refresh::Incremental), 20);
    let older = completed(content("3", 1, Refresh::Incremental), 30);
    let lane_of = |imports: &[&Import]| lane(&imports.iter().copied().cloned().collect::<Vec<_>>());
    assert_eq!(keys(&lane_of(&[&first])), [Some("1"), None, Some("1")]);
    let both = lane_of(&[&first, &second, &older]);
    // The newest content counts, and what was accepted last is what arrived last.
    assert_eq!(keys(&both), [Some("1"), Some("2"), Some("3")]);
    assert_eq!(both.baseline.as_ref().unwrap().people, 2);
    assert_eq!(both.baseline.as_ref().unwrap().refresh, "full");
    let next = completed(content("4", 4, Refresh::Full), 40);
    assert_eq!(keys(&lane_of(&[&first, &second, &next])), [Some("4"), None, Some("4")]);
}

#[test]
fn what_is_accepted_after_the_clock_was_set_back_is_recorded() {
    let first = completed(content("1", 1, Refresh::Full), 3 * 24 * 60);
    let change = completed(content("3", 3, Refresh::Incremental), 10);
    let accepted = [first, change];
    assert_eq!(keys(&lane(&accepted)), [Some("1"), Some("3"), Some("3")]);
    let full = completed(content("2", 2, Refresh::Full), 20);
    assert_eq!(keys(&lane(&[&accepted[..], &[full]].concat())), [Some("2"), None, Some("2")]);
}

#[test]
fn an_ingestion_that_ends_after_a_later_push_does_not_count_as_what_came_last() {
    let ended = Some(NOW + Duration::from_mins(40));
    let slow = Import { ended, ..completed(content("1", 1, Refresh::Full), 10) };
    let later = completed(content("2", 2, Refresh::Full), 20);
    let change = completed(content("3", 3, Refresh::Incremental), 30);
    for order in [[&later, &change, &slow], [&later, &slow, &change]] {
        let lane = lane(&order.map(Clone::clone));
        assert_eq!(keys(&lane), [Some("2"), Some("3"), Some("3")]);
        assert_eq!(lane.baseline.unwrap().people, 3);
    }
}

#[test]
fn an_import_is_live_until_its_zip_is_deleted_and_its_notification_sent() {
    let ended = completed(content("1", 1, Refresh::Full), 10);
    assert!(ended.state.is_end() && ended.is_live());
    let cleaned = after(ended.clone(), NOW, [Event::Discarded]);
    assert!(!cleaned.is_live());
    let notifies = Import { notify_enabled: true, ..content("1", 1, Refresh::Full) };
    let cleaned = after(completed(notifies, 10), NOW, [Event::Discarded]);
    assert!(cleaned.notification.is_some() && cleaned.is_live());
}
