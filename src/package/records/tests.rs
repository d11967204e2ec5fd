//! Records and their lines, and what ends them.

use super::*;

fn read(text: &[u8]) -> Vec<Next> {
    let mut records = Records::new(text);
    let mut record = ByteRecord::new();
    let mut seen = vec![];
    loop {
        let next = records.next(&mut record).unwrap();
        let is_record = matches!(next, Next::Record(_));
        seen.push(next);
        if !is_record {
            return seen;
        }
    }
}

#[test]
fn lines_are_those_of_the_file_through_quoted_line_breaks() {
    let lines = [Next::Record(1), Next::Record(2), Next::Record(4), Next::End];
    assert_eq!(read(b"a,b\n1,\"x\ny\"\n2,z\n"), lines);
    assert_eq!(read(b"a,b\r\n1,\"x\r\ny\"\r\n2,z"), lines);
}

#[test]
fn the_last_line_break_makes_no_difference() {
    assert_eq!(read(b"a\n1"), read(b"a\n1\n"));
    assert_eq!(read(b"a\n\"1\""), read(b"a\n\"1\"\n"));
}

#[test]
fn an_open_quotation_mark_is_found_with_the_row_it_is_in() {
    assert_eq!(
        read(b"a,b\n1,2\n3,\"x\n5,6\n"),
        [Next::Record(1), Next::Record(2), Next::OpenQuote(3)]
    );
    assert_eq!(read(b"\""), [Next::OpenQuote(1)]);
    assert_eq!(read(b"a\n\"x\"\"\n"), [Next::Record(1), Next::OpenQuote(2)]);
}

#[test]
fn a_record_that_looks_like_the_end_is_not_the_end() {
    let text = [b"a\n1\n", &END[1..], b"2\n"].concat();
    let records: Vec<Next> = (1..=4).map(Next::Record).chain([Next::End]).collect();
    assert_eq!(read(&text), records);
    assert_eq!(read(&[b"a", END].concat()), [Next::Record(1), Next::Record(2), Next::End]);
    let quoted = [b"a\n\"", END, b"\"\n2\n"].concat();
    assert_eq!(read(&quoted), [Next::Record(1), Next::Record(2), Next::Record(5), Next::End]);
}

#[test]
fn nothing_and_blank_lines_hold_no_record() {
    assert_eq!(read(b""), [Next::End]);
    assert_eq!(read(b"\n\r\n\n"), [Next::End]);
    assert_eq!(read(b"a\r\n\r\n\n1\r\n"), [Next::Record(1), Next::Record(4), Next::End]);
}

#[test]
fn a_record_without_end_is_stopped_before_it_fills_the_memory() {
    let endless = std::io::Read::chain(&b"a\n1\n\""[..], std::io::repeat(b'x'));
    let mut records = Records::new(endless);
    let mut record = ByteRecord::new();
    assert_eq!(records.next(&mut record).unwrap(), Next::Record(1));
    assert_eq!(records.next(&mut record).unwrap(), Next::Record(2));
    assert_eq!(records.next(&mut record).unwrap(), Next::TooLong(3));
    assert!(record.as_slice().len() < 40 << 20);
}
