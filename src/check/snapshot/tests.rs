use super::*;
use crate::check::person_index::People;

fn row(line: u32) -> Row {
    let mut people = People::new(1 << 30);
    let person = people.add(people.hash(b"ann")).expect("room for a person");
    Row { person, manager: None, line }
}

#[test]
fn a_row_takes_twelve_bytes() {
    assert_eq!(size_of::<Row>(), 12);
}

#[test]
fn rows_come_back_in_their_order_and_their_memory_is_told_before_it_is_taken() {
    let row = row(0);
    for rows in [0, 1, 8, 9, 24, 25, 10_000, 50_000] {
        let mut snapshot = Snapshot::new(Some(7));
        let mut told = 0;
        for line in 0..rows {
            told += snapshot.growth();
            snapshot.push(Row { line, ..row });
        }
        assert!(snapshot.rows().map(|row| row.line).eq(0..rows), "{rows} rows");
        let chunks = snapshot.filled.iter().chain([&snapshot.open]);
        let taken = chunks.map(|chunk| 12 * chunk.capacity()).sum::<usize>();
        assert!(taken + 24 * snapshot.filled.capacity() <= told, "{rows} rows");
    }
}
