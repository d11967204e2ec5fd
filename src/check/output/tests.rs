//! Records written, and read back.

use proptest::prelude::*;

use super::{
    super::records::{Next, Records},
    *,
};

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
    fn what_is_written_is_read_back(
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
