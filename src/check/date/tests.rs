use proptest::prelude::*;
use time::macros::date;

use super::*;
use Order::{DayFirst, MonthFirst};

const BOTH: [Order; 2] = [MonthFirst, DayFirst];

fn other(order: Order) -> Order {
    match order {
        MonthFirst => DayFirst,
        DayFirst => MonthFirst,
    }
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// The day of each text in both orders; `-` if it is invalid.
#[test]
fn each_order_reads_its_own_forms() {
    let cases = [
        // text, month first, day first
        ("12/25/2020", "2020-12-25", "-"),
        ("25/12/2020", "-", "2020-12-25"),
        ("12/01/2020", "2020-12-01", "2020-01-12"),
        ("12/1/2020", "2020-12-01", "2020-01-12"),
        ("1/12/2020", "2020-01-12", "2020-12-01"),
        ("1/3/2014", "2014-01-03", "2014-03-01"),
        ("12/1/2020 00:00:00", "2020-12-01", "2020-01-12"),
        ("12/1/2020 12:00 AM", "2020-12-01", "2020-01-12"),
        ("12/1/2020  noon", "2020-12-01", "2020-01-12"),
        ("12/1/2020T00:00", "-", "-"),
        ("12/1/2020\t00:00", "-", "-"),
        ("12/1/2020, 00:00", "-", "-"),
        ("1/3/14", "-", "2014-03-01"),
        ("01/03/14", "-", "2014-03-01"),
        ("1/3/14 00:00", "-", "-"),
        ("12-25-2020", "2020-12-25", "-"),
        ("1-3-2014", "2014-01-03", "2014-03-01"),
        ("12-01-2020 00:00", "-", "-"),
        ("12-25-20", "2020-12-25", "-"),
        ("01-03-14", "2014-01-03", "2014-03-01"),
        ("1-3-14", "-", "-"),
        ("01-3-14", "-", "-"),
        ("1-03-14", "-", "-"),
        ("2024-05-04", "2024-05-04", "2024-04-05"),
        ("2024-04-25", "2024-04-25", "-"),
        ("2024-25-04", "-", "2024-04-25"),
        ("2024-5-4", "-", "-"),
        ("2024-05-4", "-", "-"),
        ("2024-5-04", "-", "-"),
        ("2024/05/04", "-", "-"),
        ("2024-05-04T00:00:00Z", "-", "-"),
        ("2024-05-04 00:00:00", "-", "-"),
        ("Wednesday, March 14, 2012", "2012-03-14", "2012-03-14"),
        ("Friday, March 14, 2012", "2012-03-14", "2012-03-14"),
        ("wednesday, MARCH 14, 2012", "2012-03-14", "2012-03-14"),
        ("March 14, 2012", "2012-03-14", "2012-03-14"),
        ("May 4, 2012", "2012-05-04", "2012-05-04"),
        ("May 04, 2012", "2012-05-04", "2012-05-04"),
        ("Mittwoch, March 14, 2012", "-", "-"),
        ("Wed, March 14, 2012", "-", "-"),
        ("Wednesday March 14, 2012", "-", "-"),
        ("Mar 14, 2012", "-", "-"),
        ("March 14 2012", "-", "-"),
        ("March 14, 12", "-", "-"),
        ("March 014, 2012", "-", "-"),
        ("14 March 2012", "-", "-"),
        ("14-Mar-2012", "2012-03-14", "2012-03-14"),
        ("14-mar-12", "2012-03-14", "2012-03-14"),
        ("4-MAY-2012", "2012-05-04", "2012-05-04"),
        ("14-March-2012", "-", "-"),
        ("14-Sept-2012", "-", "-"),
        ("14-Mar-012", "-", "-"),
        ("014-Mar-2012", "-", "-"),
        ("14/Mar/2012", "-", "-"),
        ("14-Mar-2012 00:00", "-", "-"),
        ("02/29/2024", "2024-02-29", "-"),
        ("29/02/2000", "-", "2000-02-29"),
        ("02/29/2023", "-", "-"),
        ("29/02/1900", "-", "-"),
        ("31-Apr-2020", "-", "-"),
        ("01/01/0001", "0001-01-01", "0001-01-01"),
        ("12/31/9999", "9999-12-31", "-"),
        ("01/01/0000", "-", "-"),
        ("12/1/20201", "-", "-"),
        ("12/1/202", "-", "-"),
        ("012/1/2020", "-", "-"),
        ("12/1-2020", "-", "-"),
        ("12 1 2020", "-", "-"),
        ("+1/1/2020", "-", "-"),
        ("12/1/", "-", "-"),
        ("//", "-", "-"),
    ];
    for (text, month_first, day_first) in cases {
        for (order, expected) in [(MonthFirst, month_first), (DayFirst, day_first)] {
            let found = read(text.as_bytes(), order)
                .map_or_else(|_| "-".to_owned(), |reading| reading.day.to_string());
            assert_eq!(found, expected, "{text} {order:?}");
        }
    }
}

#[test]
fn each_fault_of_a_text_is_recognized() {
    use Fault::{
        Blanks, Compact, Dots, Form, NoSuchDay, OneDigit, OtherOrder, Serial, TextAfter, Timestamp,
        TwoDigitYear, Words, YearMonthDay, YearWithSlashes,
    };
    let cases: [(Fault, &[Order], &[&str]); 19] = [
        (Blanks, &BOTH, &[" 12/1/2020", "12/1/2020 ", "\t2024-05-04", " "]),
        (NoSuchDay, &BOTH, &["31/04/2020", "04/31/2020", "13/13/2020", "00/00/0000"]),
        (NoSuchDay, &BOTH, &["2024-31-31", "2023-02-29", "2023-29-02", "March 32, 2012"]),
        (OtherOrder, &[MonthFirst], &["25/12/2020", "25-12-20", "2024-25-04"]),
        (OtherOrder, &[DayFirst], &["12/25/2020", "12/25/20", "12-25-2020"]),
        (YearMonthDay, &[DayFirst], &["2024-04-25"]),
        (TwoDigitYear, &[MonthFirst], &["1/3/14", "12/25/20", "1/3/14 00:00"]),
        (TextAfter, &[DayFirst], &["1/3/14 00:00"]),
        (OneDigit, &BOTH, &["2024-5-4", "2024-05-4", "2024-5-04", "1-3-14", "01-3-14", "1-03-14"]),
        (YearWithSlashes, &BOTH, &["2024/05/04", "2024/5/4 00:00"]),
        (TextAfter, &BOTH, &["12/1/2020T00:00", "12-01-2020 00:00", "2024-05-04 00:00:00"]),
        (TextAfter, &BOTH, &["14-Mar-2012 00:00", "March 14, 2012 00:00", "12/1/2020\u{A0}00:00"]),
        (Timestamp, &BOTH, &["2024-05-04T00:00:00Z", "2024-05-04T00:00:00.000+02:00"]),
        (Dots, &BOTH, &["14.03.2012", "4.3.12", "2012.03.14", "14.03.2012 00:00"]),
        (Compact, &BOTH, &["20240504", "20240504T000000Z"]),
        (Serial, &BOTH, &["42067", "42067.5", "42067.000001"]),
        (Words, &BOTH, &["14-März-2012", "14-Mrz-2012", "14 March 2012", "Mar 14, 2012"]),
        (Form, &BOTH, &["", "-", "N/A", "TBD", "unknown", "4206", "420670", "42067.5.1", "5/2020"]),
        (Form, &BOTH, &["12/1/20201", "12/1/202", "12/1-2020", "12:30:00", "-42067", "1 2 2020"]),
    ];
    for (fault, orders, texts) in cases {
        for (order, text) in orders.iter().flat_map(|order| texts.iter().map(move |t| (order, t))) {
            assert_eq!(read(text.as_bytes(), *order), Err(fault), "{text:?} {order:?}");
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_not_a_date() {
    assert_eq!(read(b"12/1/2020\xFF", MonthFirst), Err(Fault::TextAfter));
    assert_eq!(read(b"14-M\xE4r-2012", MonthFirst), Err(Fault::Words));
    assert_eq!(read(b"\xFF\xFE", MonthFirst), Err(Fault::Form));
}

#[test]
fn the_text_of_a_fault_names_the_other_type_of_the_column() {
    for (fault, order, part) in [
        (Fault::OtherOrder, MonthFirst, "looks day first"),
        (Fault::OtherOrder, DayFirst, "looks month first"),
        (Fault::YearMonthDay, DayFirst, "YYYY-DD-MM"),
        (Fault::Serial, DayFirst, "Format the column as a date"),
        (Fault::Form, MonthFirst, "MM/DD/YYYY"),
        (Fault::Form, DayFirst, "DD/MM/YYYY"),
    ] {
        assert!(fault.sentence(order).contains(part), "{fault:?} {order:?}");
    }
}

#[test]
fn two_digit_years_turn_at_fifty() {
    for (text, expected) in [
        ("01-02-00", date!(2000 - 01 - 02)),
        ("01-02-49", date!(2049 - 01 - 02)),
        ("01-02-50", date!(1950 - 01 - 02)),
        ("2-Jan-99", date!(1999 - 01 - 02)),
    ] {
        assert_eq!(read(text.as_bytes(), MonthFirst).unwrap().day, expected.into(), "{text}");
    }
}

#[test]
fn only_dates_whose_day_and_month_can_be_swapped_are_read_both_ways() {
    let cases = [
        // text, both ways, year first
        ("12/1/2020", true, false),
        ("12/1/2020 00:00", true, false),
        ("01-02-20", true, false),
        ("11-12-2020", true, false),
        ("12/12/2020", false, false),
        ("2024-05-04", false, true),
        ("2024-05-05", false, true),
        ("March 4, 2012", false, false),
        ("4-Mar-2012", false, false),
    ];
    for (text, both_ways, year_first) in cases {
        for order in BOTH {
            let reading = read(text.as_bytes(), order).unwrap();
            assert_eq!((reading.both_ways, reading.year_first), (both_ways, year_first), "{text}");
        }
    }
    assert!(read(b"1/3/14", DayFirst).unwrap().both_ways);
    assert!(!read(b"12/25/2020", MonthFirst).unwrap().both_ways);
    assert!(!read(b"25/12/2020", DayFirst).unwrap().both_ways);
}

#[test]
fn a_day_is_its_own_text_and_in_the_order_of_the_calendar() {
    for text in ["0001-01-01", "0999-12-31", "1900-01-01", "2024-02-29", "9999-12-31"] {
        assert_eq!(day(text).to_string(), text);
    }
    for text in ["", "2024-2-29", "2023-02-29", "02/29/2024", "2024-02-29T00:00", "0000-01-01"] {
        assert!(Day::parse(text).is_none(), "{text}");
    }
    assert!(day("2019-12-31") < day("2020-01-01") && day("2020-01-31") < day("2020-02-01"));
}

#[test]
fn the_first_of_1900_and_before_and_the_year_9999_are_odd() {
    for (text, odd) in [
        ("1900-01-01", true),
        ("9999-01-01", true),
        ("9999-12-31", true),
        ("1900-01-02", false),
        ("1899-12-31", true),
        ("0001-01-01", true),
        ("1901-01-01", false),
        ("9998-12-31", false),
    ] {
        assert_eq!(day(text).is_odd(), odd, "{text}");
    }
}

/// A day in every form of its order.
fn written(date: Date, order: Order) -> Vec<String> {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (first, second) = match order {
        MonthFirst => (month, day),
        DayFirst => (day, month),
    };
    let (name, weekday) = (date.month().to_string(), date.weekday());
    let mut forms = vec![
        format!("{first:02}/{second:02}/{year}"),
        format!("{first}/{second:02}/{year}"),
        format!("{first}/{second}/{year}"),
        format!("{first:02}/{second:02}/{year} 00:00:00"),
        format!("{first:02}-{second:02}-{year}"),
        format!("{first}-{second}-{year}"),
        format!("{year}-{first:02}-{second:02}"),
        format!("{weekday}, {name} {day}, {year}"),
        format!("{name} {day:02}, {year}"),
        format!("{day}-{}-{year}", &name[..3]),
    ];
    if (1950..2050).contains(&year) {
        let year = year % 100;
        forms.push(format!("{first:02}-{second:02}-{year:02}"));
        forms.push(format!("{day:02}-{}-{year:02}", &name[..3]));
        if order == DayFirst {
            forms.push(format!("{first:02}/{second:02}/{year:02}"));
            forms.push(format!("{first}/{second:02}/{year:02}"));
        }
    }
    forms
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_day_is_read_back_from_every_form(days in 0..=73_413_i64) {
        let date = date!(1900 - 01 - 01) + time::Duration::days(days);
        prop_assert!((1900..=2100).contains(&date.year()));
        for order in BOTH {
            for text in written(date, order) {
                let reading = read(text.as_bytes(), order);
                prop_assert_eq!(reading.map(|it| it.day), Ok(date.into()), "{} {:?}", text, order);
            }
        }
    }

    #[test]
    fn a_date_read_both_ways_is_another_day_in_the_other_order(
        first in 0..40_u8, second in 0..40_u8, year in 1900..2100_u16,
    ) {
        let text = format!("{first}/{second}/{year}");
        for order in BOTH {
            if let Ok(reading) = read(text.as_bytes(), order) {
                let swapped = read(text.as_bytes(), other(order));
                let is_another = swapped.is_ok_and(|swapped| swapped.day != reading.day);
                prop_assert_eq!(reading.both_ways, is_another);
            }
        }
    }

    #[test]
    fn no_bytes_are_too_much(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        for order in BOTH {
            let _ = read(&text, order).map_err(|fault| fault.sentence(order));
        }
    }
}
