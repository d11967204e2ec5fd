//! What stands in a first line that is no header.

use super::{
    super::value,
    content::{Class, class},
};

/// Words beside the digits of a value: of sums, of dates, of telephone numbers.
const UNITS: &str = "eur euro usd chf gbp jpy sek nok dkk pln kr 円 万円 年 月 日 令和 平成 昭和 \
    jan januar january jänner feb februar february mär mrz märz mar march apr april mai may jun \
    juni june jul juli july aug august sep sept september okt oct oktober october nov november \
    dez dec dezember december tel ext";

/// Whether a text is a value and no name of a column.
pub(super) fn is_of_a_row(name: &str) -> bool {
    let text = name.trim().as_bytes();
    name.contains('@')
        || value::is_placeholder(text)
        || is_of_digits(name)
        || !matches!(class(text), Class::Text | Class::Indicator)
}

/// Digits with nothing beside them but signs and units: `+49 (0)30 1234`, `85.000 €`, `令和5年`.
fn is_of_digits(name: &str) -> bool {
    let small = name.to_lowercase();
    let mut words = small.split(|char: char| !char.is_alphabetic()).filter(|word| !word.is_empty());
    name.contains(char::is_numeric)
        && words.all(|word| UNITS.split_whitespace().any(|unit| unit == word))
}
