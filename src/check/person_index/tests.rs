use proptest::prelude::*;

use super::*;

const ROOM: u64 = 1 << 30;

fn person(people: &mut People, id: &str) -> Person {
    people.add(people.hash(id.as_bytes())).expect("room for a person")
}

/// An index of rows with day, person and perhaps manager, on lines from 2 on.
fn index_of(rows: &[(Option<i32>, &str, Option<&str>)]) -> People {
    let mut people = People::new(ROOM);
    for (line, (day, id, manager)) in (2..).zip(rows) {
        let id = person(&mut people, id);
        let manager = manager.map(|manager| person(&mut people, manager));
        people.row(*day, id, manager, line).expect("room for a row");
    }
    people
}

#[test]
fn ids_that_differ_only_in_case_are_one_person() {
    let long = "x".repeat(200);
    let shouted = long.to_uppercase();
    for (one, other, same) in [
        ("ann@contoso.com", "Ann@Contoso.COM", true),
        ("ann@contoso.com", "ann@contoso.co", false),
        ("ann@contoso.com", "ann@contoso.com ", false),
        ("[ann]", "{ann}", false),
        ("", "\0", false),
        ("jürgen@contoso.com", "JÜRGEN@contoso.com", true),
        ("jürgen@contoso.com", "jurgen@contoso.com", false),
        ("ИВАН@contoso.com", "иван@contoso.com", true),
        ("\u{212a}im", "kim", true),
        (&long, &shouted, true),
        (&long, &shouted[1..], false),
    ] {
        let mut people = People::new(ROOM);
        let first = person(&mut people, one);
        assert_eq!(person(&mut people, other) == first, same, "{one:?} and {other:?}");
    }
}

#[test]
fn ids_that_are_not_utf_8_are_distinguished_and_ignore_ascii_case() {
    let people = People::new(ROOM);
    for long in [0, 100] {
        let id = |start: &[u8], end: &[u8]| people.hash(&[start, &vec![b'x'; long], end].concat());
        assert_eq!(id(b"Ann", b"\xff"), id(b"aNN", b"\xff"));
        assert_ne!(id(b"Ann", b"\xff"), id(b"Ann", b"\xfe"));
    }
}

#[test]
fn a_person_is_known_once_added_and_added_once() {
    let mut people = People::new(ROOM);
    let hash = people.hash(b"ann");
    assert_eq!(people.find(hash), None);
    let ann = people.add(hash).expect("room for a person");
    assert_eq!(people.add(hash), Ok(ann));
    assert_eq!(people.find(people.hash(b"ANN")), Some(ann));
    assert_eq!(people.find(people.hash(b"bob")), None);
}

#[test]
fn no_two_indexes_have_the_same_hashes() {
    assert_ne!(People::new(ROOM).hash(b"ann"), People::new(ROOM).hash(b"ann"));
}

#[test]
fn everybody_is_found_again_however_many_there_are() {
    let mut people = People::new(ROOM);
    let ids: Vec<String> = (0..50_000).map(|number| format!("p{number}@contoso.com")).collect();
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(person(&mut people, id).index(), index);
    }
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(people.find(people.hash(id.as_bytes())).map(Person::index), Some(index));
    }
}

#[test]
fn only_people_with_a_row_of_their_own_count() {
    let people = index_of(&[]);
    assert_eq!((people.count(), people.last_day()), (0, None));
    let people = index_of(&[(None, "ann", Some("bob")), (None, "cid", None)]);
    assert_eq!((people.count(), people.last_day()), (2, None));
    assert_eq!(people.last_day_until(9), None);
    let days = [(Some(9), "ann", None), (Some(7), "bob", Some("ann")), (Some(8), "ANN", None)];
    let people = index_of(&days);
    assert_eq!((people.count(), people.last_day()), (2, Some(9)));
    for (latest, last) in [(6, None), (7, Some(7)), (8, Some(8)), (20, Some(9))] {
        assert_eq!(people.last_day_until(latest), last);
    }
}

#[test]
fn rows_without_later_rows_of_their_person_are_found() {
    let rows = [
        (Some(2), "ann", None),
        (Some(1), "ann", None),
        (Some(1), "bob", Some("ann")),
        (Some(2), "bob", Some("ann")),
        (Some(3), "bob", Some("ann")),
        (Some(4), "cid", Some("dan")),
        (Some(2), "dan", None),
    ];
    let people = index_of(&rows);
    for (since, expected) in [
        (1, &[][..]),
        (2, &[]),
        (3, &[3, 2, 8]),
        (4, &[3, 4, 2, 5, 8, 6]),
        (5, &[3, 4, 2, 5, 8, 6, 7]),
    ] {
        let mut lines = Vec::new();
        people.without_later_rows(since, |line| lines.push(line));
        assert_eq!(lines, expected, "since {since}");
    }
}

#[test]
fn rows_of_a_file_without_days_are_never_before_a_day() {
    index_of(&[(None, "ann", None)]).without_later_rows(9, |line| panic!("line {line}"));
}

#[test]
fn a_line_after_the_last_possible_one_is_refused() {
    let last = u64::from(Hierarchy::LAST_LINE);
    for (line, taken) in [(2, true), (last, true), (last + 1, false), (1 << 32 | 2, false)] {
        let mut people = People::new(ROOM);
        let ann = person(&mut people, "ann");
        assert_eq!(people.row(None, ann, None, line).is_ok(), taken, "line {line}");
        assert_eq!(people.row(None, ann, None, 3).is_ok(), taken, "after line {line}");
    }
}

#[test]
fn a_full_index_finds_its_people_and_adds_nobody() {
    let mut people = People::new(300_000);
    let ids: Vec<String> = (0..10_000).map(|number| format!("p{number}")).collect();
    let added = ids.iter().take_while(|id| people.add(people.hash(id.as_bytes())).is_ok()).count();
    assert!(added > BLOCK && added < ids.len());
    let before = people.bytes();
    assert!(before <= 300_000);
    for (index, id) in ids.iter().enumerate() {
        let hash = people.hash(id.as_bytes());
        assert_eq!(people.find(hash).map(Person::index), (index < added).then_some(index));
        assert_eq!(people.add(hash).is_ok(), index < added);
    }
    let first = people.find(people.hash(b"P0")).expect("the first is known");
    assert_eq!(people.row(None, first, None, 2), Err(Full));
    assert_eq!((people.count(), people.last_day(), people.bytes()), (0, None, before));
}

#[test]
fn a_full_index_reports_only_faults_that_missing_rows_cannot_change() {
    let mut people = People::new(200_000);
    let ids = ["ann", "bob", "cid", "dan"].map(|id| person(&mut people, id));
    let [ann, bob, cid, dan] = ids;
    let start =
        [(ann, Some(bob)), (bob, Some(ann)), (cid, Some(dan)), (cid, Some(ann)), (cid, None)];
    for (line, (id, manager)) in (2..).zip(start) {
        people.row(Some(1), id, manager, line).expect("room for a row");
    }
    let faults = |people: &People| {
        let mut faults = Vec::new();
        people.hierarchy(|found| faults.push(found));
        faults
    };
    let certain = [
        Found::Loop { people: 2, lines: vec![2, 3] },
        Found::SecondManager { line: 5, first_line: 4 },
        Found::SecondRow { line: 6, first_line: 4 },
    ];
    let open = [Found::UnknownManager { line: 4 }, Found::NoRoot { day: Some(1) }];
    assert_eq!(faults(&people).len(), certain.len() + open.len());
    assert!(open.iter().all(|found| faults(&people).contains(found)));
    people.row(Some(1), dan, None, 1 << 40).expect_err("a line after the last possible one");
    assert_eq!(faults(&people), certain);
    people.without_later_rows(2, |line| panic!("line {line}"));
}

/// The least memory that people, rows and the checks need.
fn allocated(people: &People) -> usize {
    let blocks = people.blocks.iter();
    people.table.allocation_size()
        + blocks.map(|it| 16 * it.hashes.capacity() + it.listed.capacity()).sum::<usize>()
        + people.snapshots.iter().map(|day| 12 * day.rows().count()).sum::<usize>()
        + size_of::<Block>() * people.blocks.len()
        + size_of::<Snapshot>() * people.snapshots.len()
        + people.table.len() * Hierarchy::BYTES
}

proptest! {
    #[test]
    fn the_bound_is_kept_and_counts_all_that_is_allocated(
        max_bytes in 0_u64..2_000_000,
        rows_per_person in 1_u32..50,
        days in 1_u32..5_000,
    ) {
        let mut people = People::new(max_bytes);
        let empty = people.bytes();
        for row in 0..20_000 {
            let person = people.add(people.hash(&(row / rows_per_person).to_le_bytes()));
            let day = Some((row % days).cast_signed());
            let row = person.and_then(|person| people.row(day, person, None, u64::from(row) + 2));
            prop_assert!(people.bytes() <= max_bytes.max(empty));
            if row.is_err() {
                break;
            }
        }
        prop_assert!(allocated(&people) as u64 <= people.bytes());
    }
}
