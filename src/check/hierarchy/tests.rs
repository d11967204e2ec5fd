use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::check::person_index::People;

/// A row: its day, its person and its manager, if any.
type Entry<'a> = (Option<i32>, &'a str, Option<&'a str>);

/// The faults in these rows, which are on lines from 2 on.
fn found<'a>(rows: impl IntoIterator<Item = Entry<'a>>) -> Vec<Found> {
    let mut people = People::new(1 << 30);
    for (line, (day, id, manager)) in (2..).zip(rows) {
        let mut person =
            |id: &str| people.add(people.hash(id.as_bytes())).expect("room for a person");
        let (id, manager) = (person(id), manager.map(&mut person));
        people.row(day, id, manager, line).expect("room for a row");
    }
    let mut all = Vec::new();
    people.hierarchy(|found| all.push(found));
    all
}

/// Reads rows like `a>b b> | a>b`: days from 1 on; no name after the arrow means no manager.
fn rows(text: &str) -> impl Iterator<Item = Entry<'_>> {
    (1..).zip(text.split('|')).flat_map(|(day, rows)| {
        rows.split_whitespace().map(move |row| {
            let (id, manager) = row.split_once('>').expect("a row has an arrow");
            (Some(day), id, Some(manager).filter(|manager| !manager.is_empty()))
        })
    })
}

/// Writes a fault as its rule, the number of people, and the lines or the day.
fn short(found: &Found) -> String {
    let day = |day: &Option<i32>| day.map_or("all".to_owned(), |day| format!("day {day}"));
    match found {
        Found::SecondManager { line, first_line } => format!("M01 {line} after {first_line}"),
        Found::SecondRow { line, first_line } => format!("M02 {line} after {first_line}"),
        Found::SelfReport { line } => format!("M03 {line}"),
        Found::Loop { people: 2, lines } => format!("M04 {lines:?}"),
        Found::Loop { people, lines } => format!("M05 {people} {lines:?}"),
        Found::UnknownManager { line } => format!("M06 {line}"),
        Found::SeveralRoots { day: of, roots, lines } => {
            format!("M07 {} {roots} {lines:?}", day(of))
        }
        Found::NoRoot { day: of } => format!("M08 {}", day(of)),
    }
}

#[test]
fn each_rule_finds_its_faults_and_nothing_else() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("a>", &[]),
        ("a> b>a c>b d>b", &[]),
        ("d>b c>b b>a a>", &[]),
        // M01 and M02: one row, one manager.
        ("a> b>a c>a b>c", &["M01 5 after 3"]),
        ("a> b>a c>a b>c b>a b>c", &["M01 5 after 3", "M02 6 after 3", "M01 7 after 3"]),
        ("a> b>a b>a", &["M02 4 after 3"]),
        ("a> B>A b>a", &["M02 4 after 3"]),
        ("a> a>", &["M02 3 after 2"]),
        ("a> b>a b>", &["M02 4 after 3"]),
        ("a> b> b>a", &["M02 4 after 3"]),
        ("a> c>a b> b>a b>c", &["M02 5 after 4", "M01 6 after 4"]),
        ("a> b>a c>a | a> c>a b>c", &[]),
        // M03: a self-report is at the top, and not a loop.
        ("a>a b>a", &["M03 2"]),
        ("A>a b>a", &["M03 2"]),
        ("a> b>b", &["M03 3", "M07 day 1 2 [2, 3]"]),
        ("a> b>a b>b", &["M01 4 after 3", "M03 4"]),
        ("a>a a>a", &["M03 2", "M02 3 after 2", "M03 3"]),
        // M04 and M05: loops.
        ("r> a>b b>a", &["M04 [3, 4]"]),
        ("r> a>B b>A", &["M04 [3, 4]"]),
        ("r> a>b b>c c>a", &["M05 3 [3, 4, 5]"]),
        ("r> b>c a>b c>a", &["M05 3 [3, 5, 4]"]),
        ("r> x>a b>r a>b", &[]),
        ("r> t>u u>a a>b b>a v>b", &["M04 [5, 6]"]),
        ("r> t>b b>a a>b", &["M04 [4, 5]"]),
        ("r> a>b c>d b>a d>c", &["M04 [3, 5]", "M04 [4, 6]"]),
        ("r> t>c a>b c>d d>c b>a", &["M04 [4, 7]", "M04 [5, 6]"]),
        ("r> a>b b>a a>r", &["M04 [3, 4]", "M01 5 after 3"]),
        ("r> a>r b>a a>b", &["M01 5 after 3"]),
        ("r> a> b>a a>b", &["M04 [3, 4]", "M02 5 after 3"]),
        ("r> a>b b>a | r> a>b b>a", &["M04 [3, 4]", "M04 [6, 7]"]),
        ("r> a>b b>r | r> b>a a>r", &[]),
        ("r> a>b | b>a a>", &[]),
        (
            "r> a>b b>c c>d d>e e>f f>g g>h h>i i>j j>k k>a",
            &["M05 11 [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]"],
        ),
        // M06: a manager without a row of any day.
        ("a> b>x", &["M06 3"]),
        ("a> b>x c>x b>x", &["M06 3", "M06 4", "M02 5 after 3", "M06 5"]),
        ("a> b>x | x>", &[]),
        ("x> | a> b>x", &[]),
        // M07 and M08: one person at the top.
        ("a> b> c>a", &["M07 day 1 2 [2, 3]"]),
        ("b> | a> b>a | a> b>", &["M07 day 3 2 [5, 6]"]),
        ("a> b> c> d> e> f> g> h> i> j> k>", &["M07 day 1 11 [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]"]),
        ("a>b b>a", &["M04 [2, 3]", "M08 day 1"]),
        ("a>b b>x", &["M06 3", "M08 day 1"]),
        ("a> | b>a", &["M08 day 2"]),
        ("a> b>x c>a", &["M06 3"]),
    ];
    for (text, expected) in cases {
        let faults: Vec<String> = found(rows(text)).iter().map(short).collect();
        assert_eq!(faults, *expected, "{text}");
    }
}

#[test]
fn rows_without_a_day_are_one_snapshot() {
    let faults = found(rows("a>b | b>a").map(|(_, id, manager)| (None, id, manager)));
    assert_eq!(faults.iter().map(short).collect::<Vec<_>>(), ["M04 [2, 3]", "M08 all"]);
}

#[test]
fn days_are_checked_in_their_order_however_the_file_is_sorted() {
    let text = "a>b b>x | a>x b>a | a>b b>a";
    let faults = found(rows(text).map(|(day, id, manager)| (day.map(|day| -day), id, manager)));
    let faults: Vec<String> = faults.iter().map(short).collect();
    assert_eq!(faults, ["M04 [6, 7]", "M08 day -3", "M06 4", "M08 day -2", "M06 3", "M08 day -1"]);
}

#[test]
fn a_loop_or_a_chain_of_a_million_people_is_followed_to_its_end() {
    let ids: Vec<String> = (0..1_000_000).map(|number| format!("p{number}")).collect();
    let chain = ids.iter().zip(ids.iter().skip(1)).map(|(id, next)| (None, &**id, Some(&**next)));
    let (first, last) = (&*ids[0], &*ids[999_999]);
    let faults = found(chain.clone().chain([(None, last, Some(first))]));
    let lines = (2..12).collect();
    let expected = [Found::Loop { people: 1_000_000, lines }, Found::NoRoot { day: None }];
    assert_eq!(faults, expected);
    assert_eq!(found(chain.chain([(None, last, None)])), []);
}

/// The same faults, found in the simplest way.
fn model(rows: &[(Option<i32>, String, Option<String>)]) -> Vec<Found> {
    let mut all = Vec::new();
    let days: BTreeSet<_> = rows.iter().map(|(day, ..)| *day).collect();
    let listed: BTreeSet<_> = rows.iter().map(|(_, id, _)| id.to_lowercase()).collect();
    for day in days {
        let rows: Vec<(u64, String, Option<String>)> = (2..)
            .zip(rows)
            .filter(|(_, row)| row.0 == day)
            .map(|(line, (_, id, to))| {
                (line, id.to_lowercase(), to.as_ref().map(|it| it.to_lowercase()))
            })
            .collect();
        let mut first = BTreeMap::new();
        let mut manager = BTreeMap::new();
        for (line, id, to) in &rows {
            first.entry(id).or_insert(*line);
            if let Some(to) = to {
                manager.entry(id).or_insert(to);
            }
        }
        let mut tops = Vec::new();
        for (line, id, to) in &rows {
            let (line, first_line) = (*line, first[id]);
            if line != first_line {
                all.push(match to {
                    Some(to) if to != manager[id] => Found::SecondManager { line, first_line },
                    _ => Found::SecondRow { line, first_line },
                });
            }
            match to {
                Some(to) if to == id => all.push(Found::SelfReport { line }),
                Some(to) if !listed.contains(to) => all.push(Found::UnknownManager { line }),
                _ => {}
            }
            if line == first_line {
                if manager.get(id).is_none_or(|to| *to == id) {
                    tops.push(line);
                }
                let mut chain = vec![id];
                while let Some(to) = manager.get(chain[chain.len() - 1])
                    && first.contains_key(to)
                    && !chain.contains(to)
                {
                    chain.push(to);
                }
                let closed = chain.len() > 1 && manager.get(chain[chain.len() - 1]) == Some(&id);
                let lines: Vec<u64> = chain.iter().map(|id| first[*id]).collect();
                if closed && lines.iter().min() == Some(&line) {
                    let people = lines.len() as u64;
                    all.push(Found::Loop { people, lines: lines.into_iter().take(10).collect() });
                }
            }
        }
        match tops.len() as u64 {
            0 => all.push(Found::NoRoot { day }),
            1 => {}
            roots => {
                let lines = tops.into_iter().take(10).collect();
                all.push(Found::SeveralRoots { day, roots, lines });
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn the_faults_are_those_of_the_simple_model(
        rows in prop::collection::vec(
            (prop::option::weighted(0.9, 0..3), "[a-hA-Hä-öÄ-Ö]", prop::option::weighted(0.9, "[a-jA-Jä-öÄ-Ö]")),
            0..60,
        ),
    ) {
        let entries = rows.iter().map(|(day, id, manager)| (*day, &**id, manager.as_deref()));
        prop_assert_eq!(found(entries), model(&rows));
    }
}

#[test]
fn a_row_takes_twelve_bytes() {
    assert_eq!(size_of::<Row>(), 12);
}

#[test]
fn rows_keep_their_order_and_their_memory_is_known_before_it_is_allocated() {
    let row = Row { person: Person(NonZeroU32::MIN), manager: None, line: 0 };
    for rows in [0, 1, 8, 9, 24, 25, 10_000, 50_000] {
        let mut snapshot = Snapshot::new(Some(7));
        let mut announced = 0;
        for line in 0..rows {
            announced += snapshot.growth();
            snapshot.push(Row { line, ..row });
        }
        assert!(snapshot.rows().map(|row| row.line).eq(0..rows), "{rows} rows");
        let chunks = snapshot.filled.iter().chain([&snapshot.open]);
        let taken = chunks.map(|chunk| 12 * chunk.capacity()).sum::<usize>();
        assert!(taken + 24 * snapshot.filled.capacity() <= announced, "{rows} rows");
    }
}
