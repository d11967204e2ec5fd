//! Reading of records, with lines, quotation marks and ends; writing of records, and reading them back.

use csv::{QuoteStyle, ReaderBuilder, Terminator, WriterBuilder};
use proptest::prelude::*;

use super::*;

/// One record as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    line: u64,
    blank_lines: u64,
    values: Vec<Vec<u8>>,
    raw: Vec<u8>,
    quoting: Quoting,
    has_line_break: bool,
}

/// Reads to the end. With a small buffer, records begin and end anywhere in it.
fn scan_with(input: impl Read, delimiter: u8, buffer_bytes: usize) -> (Vec<Seen>, Next) {
    scan_all(Records::with_sizes(input, delimiter, buffer_bytes, MAX_RECORD_BYTES))
}

fn scan_all(mut records: Records<impl Read>) -> (Vec<Seen>, Next) {
    let mut seen = vec![];
    loop {
        let next = records.next().unwrap();
        if next != Next::Record {
            assert_eq!(records.next().unwrap(), next, "the end is returned again");
            return (seen, next);
        }
        let values: Vec<Vec<u8>> = records.values().map(<[u8]>::to_vec).collect();
        assert_eq!(values.len(), records.len());
        assert!((0..values.len()).all(|index| records.value(index) == values[index]));
        seen.push(Seen {
            line: records.line(),
            blank_lines: records.blank_lines(),
            values,
            raw: records.raw().to_vec(),
            quoting: records.quoting(),
            has_line_break: records.has_line_break(),
        });
    }
}

fn scan(text: &[u8]) -> (Vec<Seen>, Next) {
    scan_with(text, b',', BUFFER_BYTES)
}

/// Each record as `line:value|value`.
fn shown(text: &str) -> Vec<String> {
    let (seen, next) = scan(text.as_bytes());
    let records = seen.iter().map(|record| {
        let values = record.values.iter().map(|value| String::from_utf8_lossy(value).into_owned());
        format!("{}:{}", record.line, values.collect::<Vec<_>>().join("|"))
    });
    let end = (next != Next::End).then(|| format!("{next:?}"));
    records.chain(end).collect()
}

/// Returns a few bytes at a time.
struct Drip<'a> {
    text: &'a [u8],
    bytes: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.min(into.len());
        self.text.read(&mut into[..bytes])
    }
}

/// Texts with their records.
const CASES: &[(&str, &[&str])] = &[
    // An empty text and blank lines have no record.
    ("", &[]),
    ("\n", &[]),
    ("\r", &[]),
    ("\n\r\n\n", &[]),
    ("a\r\n\r\n\n1\r\n", &["1:a", "4:1"]),
    ("\n\na\n", &["3:a"]),
    ("\r\na\n\r", &["2:a"]),
    // These are not blank.
    ("\"\"\n", &["1:"]),
    (" \n", &["1: "]),
    (",\n", &["1:|"]),
    ("\r\r\n", &["1:\r"]),
    // The last line end makes no difference.
    ("a\n1", &["1:a", "2:1"]),
    ("a\n1\n", &["1:a", "2:1"]),
    ("a\r\n1\r", &["1:a", "2:1"]),
    ("a\n\"1\"", &["1:a", "2:1"]),
    ("a\n\"1\"\r", &["1:a", "2:1"]),
    ("a\n1,", &["1:a", "2:1|"]),
    ("a\n1,\"\"", &["1:a", "2:1|"]),
    ("a\n1,\r\n", &["1:a", "2:1|"]),
    // Lines are those of the file, including quoted line breaks.
    ("a,b\n1,\"x\ny\"\n2,z\n", &["1:a|b", "2:1|x\ny", "4:2|z"]),
    ("a,b\r\n1,\"x\r\ny\"\r\n2,z", &["1:a|b", "2:1|x\r\ny", "4:2|z"]),
    ("\"\n\n\"\n\n1\n", &["1:\n\n", "5:1"]),
    // A carriage return alone ends nothing, and is kept inside quotation marks.
    ("a\rb\n1\n", &["1:a\rb", "2:1"]),
    ("a\r,b\r\n", &["1:a\r|b"]),
    ("a\r\r\n1\n", &["1:a\r", "2:1"]),
    ("\"a\r\"\r\n1\n", &["1:a\r", "2:1"]),
    // Quotation marks.
    ("a,\"x\"\"y\",z\n", &["1:a|x\"y|z"]),
    ("\"\"\"\"\n", &["1:\""]),
    ("\"\"\"\"\"\"\n", &["1:\"\""]),
    ("\"a\"\"\",\"\"\"b\"\n", &["1:a\"|\"b"]),
    ("\"a,b\",\"c\"\n", &["1:a,b|c"]),
    ("a \"b\" c,d\n", &["1:a \"b\" c|d"]),
    (" \"b,c\"\n", &["1: \"b|c\""]),
    ("\"ab\"c,d\n", &["1:abc|d"]),
    ("\"a\"\"b\" \"c,d\"\n", &["1:a\"b \"c|d\""]),
    ("\"a\"\rb\n", &["1:a\rb"]),
    // A quotation mark that is never closed is reported with the line of its record.
    ("a,b\n1,2\n3,\"x\n5,6\n", &["1:a|b", "2:1|2", "OpenQuote(3)"]),
    ("\"", &["OpenQuote(1)"]),
    ("a\n\n\"x\"\"\n", &["1:a", "OpenQuote(3)"]),
    ("a,\"\"\"", &["OpenQuote(1)"]),
    // NUL is a byte like any other.
    ("a\n\0end of file\0\n2\n", &["1:a", "2:\0end of file\0", "3:2"]),
];

#[test]
fn records_are_read_with_the_lines_they_begin_at() {
    for (text, expected) in CASES {
        assert_eq!(shown(text), *expected, "{text:?}");
    }
}

#[test]
fn the_sizes_of_reads_make_no_difference() {
    for (text, _) in CASES {
        let whole = scan(text.as_bytes());
        for bytes in [1, 2, 3, 7] {
            for buffer_bytes in [1, 2, 3, 7, BUFFER_BYTES] {
                let drip = Drip { text: text.as_bytes(), bytes };
                assert_eq!(scan_with(drip, b',', buffer_bytes), whole, "{text:?} by {bytes}");
            }
        }
    }
}

#[test]
fn misplaced_quotation_marks_are_reported_with_the_index_of_their_value() {
    let quoting = |has_quotes, stray, after| Quoting { has_quotes, stray, after };
    let cases = [
        ("a,b\n", quoting(false, None, None)),
        ("a,\"b\"\n", quoting(true, None, None)),
        ("\"a\",\"b\"\r\n", quoting(true, None, None)),
        ("\"a\"\"b\",\"\"\n", quoting(true, None, None)),
        ("\"a\"", quoting(true, None, None)),
        ("\"a\"\r", quoting(true, None, None)),
        ("\"a\r\n\"\r\n", quoting(true, None, None)),
        ("a,5\" pipe,6\"\n", quoting(true, Some(1), None)),
        ("\"a\", \"b\"\n", quoting(true, Some(1), None)),
        ("a,b\"", quoting(true, Some(1), None)),
        ("a,\"b\"c,\"d\"e\n", quoting(true, None, Some(1))),
        ("\"b\" ,c\n", quoting(true, None, Some(0))),
        ("\"b\"\rc\n", quoting(true, None, Some(0))),
        ("\"b\"\r,c\n", quoting(true, None, Some(0))),
        ("a\"b,\"c\"d\n", quoting(true, Some(0), Some(1))),
    ];
    for (text, expected) in cases {
        // The record before has marks of its own.
        let text = format!("\"x\"y,z\"\n{text}");
        assert_eq!(scan(text.as_bytes()).0[1].quoting, expected, "{text:?}");
    }
}

#[test]
fn line_breaks_count_inside_of_values_only() {
    let cases = [
        ("a,b\n", false),
        ("a,b\r\n", false),
        ("a,b", false),
        ("a,b\r", false),
        ("a,\"b\"\r\n", false),
        ("a,\"b\nc\"\n", true),
        ("a,\"b\r\"\n", true),
        ("a,\"\r\nb\"", true),
        ("a\r,b\n", true),
    ];
    for (text, expected) in cases {
        assert_eq!(scan(text.as_bytes()).0[0].has_line_break, expected, "{text:?}");
    }
}

#[test]
fn raw_is_the_record_with_its_line_end_and_without_the_blank_lines_before() {
    let (seen, _) = scan(b"\n\r\na,\"b\"\"\nc\"\r\n\nd\n\r\ne");
    let raws: Vec<(&[u8], u64, u64)> =
        seen.iter().map(|record| (&record.raw[..], record.line, record.blank_lines)).collect();
    assert_eq!(raws, [(&b"a,\"b\"\"\nc\"\r\n"[..], 3, 2), (&b"d\n"[..], 6, 1), (&b"e"[..], 8, 1)]);
}

#[test]
fn with_another_delimiter_a_comma_is_an_ordinary_byte() {
    for delimiter in [b';', b'\t', b'|'] {
        let text = b"a,b;\"c;d\";\n".map(|byte| if byte == b';' { delimiter } else { byte });
        let (seen, _) = scan_with(&text[..], delimiter, BUFFER_BYTES);
        assert_eq!(seen[0].values, [&b"a,b"[..], &[b'c', delimiter, b'd'], b""]);
    }
}

#[test]
fn a_record_may_be_as_long_as_the_longest_and_no_longer() {
    // The real limit takes seconds in a debug build. A later test uses it.
    const LONGEST: usize = 10_000;
    let scan = |text: &[u8]| scan_all(Records::with_sizes(text, b',', 1000, LONGEST));
    for (before, line) in [("", 1), ("a\n\"1\n2\"\n\n", 5)] {
        for end in ["", "\n", "\r\n"] {
            let longest = vec![b'x'; LONGEST - end.len()];
            let text = [before.as_bytes(), &longest, end.as_bytes()].concat();
            let (seen, next) = scan(&text);
            assert_eq!((seen.last().unwrap().line, next), (line, Next::End));
            let one_more = [before.as_bytes(), b"x", &longest, end.as_bytes()].concat();
            assert_eq!(scan(&one_more).1, Next::TooLong(line));
        }
    }
}

#[test]
fn a_record_may_have_as_many_values_as_the_widest_and_no_more() {
    let widest = [vec![b','; MAX_VALUES - 1], b"\n1\n".to_vec()].concat();
    let (seen, next) = scan(&widest);
    assert_eq!((seen[0].values.len(), seen.len(), next), (MAX_VALUES, 2, Next::End));
    assert_eq!(scan(&[b"a\n,", &widest[..]].concat()).1, Next::TooLong(2));
}

#[test]
fn reading_stops_at_an_endless_record_before_it_fills_the_memory() {
    for (start, endless, longest) in [
        ("a\n1\n\"", b'x', MAX_RECORD_BYTES),
        ("a\n1\n\"", b'\n', 10_000),
        ("a\n1\n", b'x', 10_000),
    ] {
        let input = start.as_bytes().chain(io::repeat(endless));
        let mut records = Records::with_sizes(input, b',', 1000, longest);
        assert_eq!(records.next().unwrap(), Next::Record);
        assert_eq!(records.next().unwrap(), Next::Record);
        assert_eq!(records.next().unwrap(), Next::TooLong(3));
        assert_eq!(records.next().unwrap(), Next::TooLong(3));
        assert!(records.buffer.capacity() < longest + longest / 4);
    }
}

#[test]
fn a_failed_read_is_an_error() {
    struct Torn;
    impl Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let error = Records::new(b"a\n1".chain(Torn), b',').next().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// Bytes, most of which are special in a CSV.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(&b"\"\"\",,\n\n\ra"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        written in prop::collection::vec(prop::collection::vec(bytes(), 1..6), 0..8),
        style in prop::sample::select(&[QuoteStyle::Always, QuoteStyle::Necessary][..]),
        ends_in_crlf in any::<bool>(),
        buffer_bytes in 1..200_usize,
    ) {
        let terminator = if ends_in_crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let mut text = vec![];
        let mut lines = vec![];
        for record in &written {
            lines.push(1 + memchr_iter(b'\n', &text).count() as u64);
            let mut writer = WriterBuilder::new()
                .flexible(true)
                .quote_style(style)
                .terminator(terminator)
                .from_writer(&mut text);
            writer.write_record(record).unwrap();
        }
        let (seen, next) = scan_with(&text[..], b',', buffer_bytes);
        prop_assert_eq!(next, Next::End);
        prop_assert_eq!(seen.iter().map(|record| record.line).collect::<Vec<_>>(), lines);
        for (record, values) in seen.iter().zip(&written) {
            prop_assert_eq!(&record.values, values);
            prop_assert_eq!((record.quoting.stray, record.quoting.after), (None, None));
        }
    }

    #[test]
    fn any_bytes_are_split_into_records_without_loss(text in bytes(), buffer_bytes in 1..80_usize) {
        let (seen, next) = scan_with(&text[..], b',', buffer_bytes);
        prop_assert_eq!(&(scan(&text)), &(scan_with(&text[..], b',', buffer_bytes)));
        let mut rest = &text[..];
        let mut line = 1;
        for record in &seen {
            prop_assert_eq!(record.line - record.blank_lines, line);
            for _ in 0..record.blank_lines {
                rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n").unwrap();
            }
            rest = rest.strip_prefix(&record.raw[..]).unwrap();
            line = record.line + memchr_iter(b'\n', &record.raw).count() as u64;
        }
        if next == Next::End {
            prop_assert!(rest.iter().all(|byte| b"\r\n".contains(byte)), "{:?} is left", rest);
        }
    }

    #[test]
    fn the_csv_crate_agrees(mut text in bytes()) {
        let (mut seen, next) = scan(&text);
        if matches!(next, Next::OpenQuote(_)) {
            text.push(MARK);
            seen = scan(&text).0;
        }
        // For the crate, a blank line with a carriage return is a record.
        let text: Vec<u8> = seen.iter().flat_map(|record| record.raw.clone()).collect();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(&text[..]);
        let mut crate_records = reader.byte_records();
        for record in seen {
            let crate_record = crate_records.next().unwrap().unwrap();
            let mut values: Vec<&[u8]> = crate_record.iter().collect();
            let raw = &record.raw;
            if raw.strip_suffix(b"\n").unwrap_or(raw).ends_with(b"\r") {
                let last = values.last_mut().unwrap();
                *last = last.strip_suffix(b"\r").unwrap();
            }
            prop_assert_eq!(record.values, values);
        }
        prop_assert!(crate_records.next().is_none());
    }
}

#[test]
fn a_value_is_quoted_only_where_it_has_to_be() {
    let cases: &[(&[&str], &str)] = &[
        (&["a", "b"], "a,b\n"),
        (&["a b", " c ", "d;e"], "a b, c ,d;e\n"),
        (&["Müller", "'x'", ""], "Müller,'x',\n"),
        (&["Doe, Jane", "x"], "\"Doe, Jane\",x\n"),
        (&["5\" pipe", "\"", "\"\""], "\"5\"\" pipe\",\"\"\"\",\"\"\"\"\"\"\n"),
        (&["a\nb", "a\rb", "a\r\nb"], "\"a\nb\",\"a\rb\",\"a\r\nb\"\n"),
        (&["", ""], ",\n"),
        (&[""], "\"\"\n"),
    ];
    for (values, expected) in cases {
        let mut out = b"before\n".to_vec();
        write_record(&mut out, values.iter().map(|value| value.as_bytes()));
        assert_eq!(String::from_utf8(out).unwrap(), format!("before\n{expected}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_here_is_read_back(
        written in prop::collection::vec(
            prop::collection::vec("[\",;\r\na é]{0,8}", 1..6),
            0..8,
        ),
    ) {
        let mut out = vec![];
        for record in &written {
            write_record(&mut out, record.iter().map(String::as_bytes));
        }
        let mut records = Records::new(&out[..], b',');
        for record in &written {
            prop_assert_eq!(records.next().unwrap(), Next::Record);
            prop_assert!(records.values().eq(record.iter().map(String::as_bytes)));
            prop_assert_eq!(records.quoting().stray.or(records.quoting().after), None);
        }
        prop_assert_eq!(records.next().unwrap(), Next::End);
    }
}
